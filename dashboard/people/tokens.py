"""Tokens for other programs: they act for the person who made them, within scopes, until a day. The file holds their SHA-256 only."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from typing import Final

import msgspec

from dashboard.people.file import PeopleError
from dashboard.people.roles import PERMISSIONS, Permission
from dashboard.people.sessions import hashed
from dashboard.people.staff import Note
from dashboard.people.users import People, Person

PREFIX: Final = "gutteil_"  # so that a scanner for secrets knows one when it sees one
MAX_DAYS: Final = 366
_MOST = 100  # of one person
_NOTE_S = 60.0
_LABEL = re.compile(r"[\w][\w .@:-]{0,39}")
# a program makes no users and no tokens, and is no second person
_NEVER: Final = frozenset[Permission]({"people", "self", "release"})


class Token(msgspec.Struct, frozen=True):
    """A token as people see it. Times are Unix time, s."""

    number: int
    name: str
    label: str
    scopes: list[Permission]
    made_s: float
    until_s: float
    used_s: float | None


def scopes_for(person: Person) -> list[Permission]:
    """What somebody may pass on to a program."""
    return [p for p in PERMISSIONS if p not in _NEVER and person.may(p)]


class Tokens:
    """Makes, finds and revokes tokens. May be called from any thread."""

    def __init__(self, people: People, note: Note, now: Callable[[], float] = time.time) -> None:
        self._people, self._note, self._now = people, note, now

    def make(self, person: Person, label: str, scopes: list[str], days: int) -> str:
        """A new token; it is shown this once.

        Raises:
            PeopleError: no label, a scope that the person does not have, or a time longer than a year.
            StoreError: the audit cannot be written.
        """
        label = label.strip()
        if not _LABEL.fullmatch(label):
            raise PeopleError(f"label = {label[:50]!r}: 1 to 40 letters, digits, blanks or . @ : -", "people.error.label")
        if not 1 <= days <= MAX_DAYS:
            raise PeopleError(f"days = {days}: 1 to {MAX_DAYS}", "people.error.days", most=MAX_DAYS)
        allowed = scopes_for(person)
        if not scopes or (wrong := sorted(set(scopes) - set(allowed))):
            what = ", ".join(wrong) if scopes else "none"
            raise PeopleError(f"scopes = {what}: choose among: {', '.join(allowed)}", "people.error.scopes")
        token, now = PREFIX + secrets.token_urlsafe(32), self._now()
        wanted = [p for p in allowed if p in scopes]
        with self._people.database() as db:
            if db.execute("SELECT count(*) FROM tokens WHERE name = ?", (person.name,)).fetchone()[0] >= _MOST:
                raise PeopleError(f"{person.name} has {_MOST} tokens; revoke those that are not used", "people.error.tokens", most=_MOST)
            row = (hashed(token), person.name, label, " ".join(wanted), now, now + days * 86_400.0)
            db.execute("INSERT INTO tokens (token, name, label, scopes, made_s, until_s) VALUES (?, ?, ?, ?, ?, ?)", row)
            self._note("token-make", person.who, f"{label} of {person.name}: none → {', '.join(wanted)}; for {days} days")
        return token

    def find(self, token: str) -> tuple[Person, str] | None:
        """For whom a token acts, limited to its scopes and to what that person still may; and what names it. None: it is no good."""
        if not token.startswith(PREFIX) or len(token) > 100:
            return None
        key, now = hashed(token), self._now()
        row = (
            self._people.reading()
            .execute("SELECT number, name, label, scopes, until_s, used_s FROM tokens WHERE token = ?", (key,))
            .fetchone()
        )
        if row is None or row[4] < now:
            return None
        person = self._people.find(row[1])
        if person is None or person.first_step:
            return None
        if now - (row[5] or 0.0) > _NOTE_S:
            with self._people.database() as db:
                db.execute("UPDATE tokens SET used_s = ? WHERE number = ?", (now, row[0]))
        scopes = frozenset(p for p in PERMISSIONS if p in row[3].split() and p not in _NEVER)
        return msgspec.structs.replace(person, only=scopes, through=row[2]), key

    def of(self, name: str | None = None) -> list[Token]:
        """The tokens of one person or all, newest first; also those that are past their day, until they are revoked."""
        where, values = ("WHERE name = ?", (name,)) if name is not None else ("", ())
        rows = self._people.reading().execute(
            f"SELECT number, name, label, scopes, made_s, until_s, used_s FROM tokens {where} ORDER BY number DESC", values
        )
        return [_token(row) for row in rows]

    def revoke(self, by: Person, number: int) -> None:
        """End a token: one's own, or with `people` anybody's. One that is gone already is no error."""
        with self._people.database() as db:
            row = db.execute("SELECT name, label, scopes FROM tokens WHERE number = ?", (number,)).fetchone()
            if row is None:
                return
            if row[0] != by.name and not by.may("people"):
                raise PeopleError("this token is somebody else's; ask an admin", "people.error.not_yours")
            db.execute("DELETE FROM tokens WHERE number = ?", (number,))
            self._note("token-revoke", by.who, f"{row[1]} of {row[0]}: {row[2].replace(' ', ', ')} → revoked")


def _token(row: tuple[int, str, str, str, float, float, float | None]) -> Token:
    number, name, label, scopes, made_s, until_s, used_s = row
    return Token(number, name, label, [p for p in PERMISSIONS if p in scopes.split()], made_s, until_s, used_s)
