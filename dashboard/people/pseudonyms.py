"""People in statistics: by pseudonym, unless quality manager or admin have switched on names, with a reason and for a while.

A pseudonym ("Person 3") stays the same from page to page and from day to day. Its number is drawn at random and kept under HMAC-SHA256 of the
name with a key that never leaves the appliance, so neither the number nor the table says who it is. After names were shown, all are drawn
anew: what somebody has learnt from a disclosure tells nothing about later figures.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from dashboard.people.file import PeopleError
from dashboard.people.staff import Note
from dashboard.people.users import People, Person

MAX_DAYS: Final = 31
MIN_REASON: Final = 10
MAX_REASON: Final = 200


class Disclosure(msgspec.Struct, frozen=True):
    """Names are shown: who switched that on, why, and until when (Unix time, s)."""

    by: str
    reason: str
    begun_s: float
    until_s: float


class Pseudonyms:
    """May be called from any thread. For statistics: `shown` says whether per-person figures may be made at all, `of` gives the names to print."""

    def __init__(self, people: People, note: Note, now: Callable[[], float] = time.time) -> None:
        self._people, self._note, self._now = people, note, now

    def shown(self) -> Disclosure | None:
        """The disclosure in force, or None: then no figure is shown per person, not even under a pseudonym that one could guess."""
        row = (
            self._people.reading()
            .execute(
                "SELECT by_whom, reason, begun_s, until_s FROM disclosures WHERE until_s > ? ORDER BY number DESC LIMIT 1", (self._now(),)
            )
            .fetchone()
        )
        return Disclosure(*row) if row else None

    def show(self, by: Person, reason: str, days: int) -> Disclosure:
        """Switch names on.

        Raises:
            PeopleError: no reason that says something, too long a time, or no right to.
            StoreError: the audit cannot be written.
        """
        reason = " ".join(reason.split())
        if not by.may("persons"):
            raise PeopleError(f"{by.name} has no permission 'persons'", "frame.not_allowed", name=by.name)
        if not MIN_REASON <= len(reason) <= MAX_REASON:
            raise PeopleError(
                f"reason: {MIN_REASON} to {MAX_REASON} characters that say why", "people.error.reason", least=MIN_REASON, most=MAX_REASON
            )
        if not 1 <= days <= MAX_DAYS:
            raise PeopleError(f"days = {days}: 1 to {MAX_DAYS}", "people.error.days", most=MAX_DAYS)
        now = self._now()
        made = Disclosure(by.who, reason, now, now + days * 86_400.0)
        with self._people.database() as db:
            db.execute("INSERT INTO disclosures (by_whom, reason, begun_s, until_s) VALUES (?, ?, ?, ?)", msgspec.structs.astuple(made))
            self._note("persons-show", by.who, f"figures per person: off → on for {days} days; reason: {reason}")
        return made

    def hide(self, by: Person) -> None:
        """Switch names off before their time is over."""
        if not by.may("persons"):
            raise PeopleError(f"{by.name} has no permission 'persons'", "frame.not_allowed", name=by.name)
        now = self._now()
        with self._people.database() as db:
            if db.execute("UPDATE disclosures SET until_s = ? WHERE until_s > ?", (now, now)).rowcount:
                self._note("persons-hide", by.who, "figures per person: on → off")

    def of(self, names: Iterable[str]) -> dict[str, int]:
        """The number of each name's pseudonym; a name that is new gets one that is free."""
        wanted = sorted(set(names))
        known = self._known(wanted)
        missing = [name for name in wanted if name not in known]
        if missing:
            with self._people.database() as db:
                epoch = self._epoch()
                if db.execute("SELECT 1 FROM keys WHERE name = ?", (epoch,)).fetchone() is None:
                    db.execute("DELETE FROM pseudonyms")
                    db.execute("DELETE FROM keys WHERE name LIKE 'pseudonyms %'")
                    db.execute("INSERT INTO keys VALUES (?, ?)", (epoch, secrets.token_bytes(32)))
                (key,) = db.execute("SELECT key FROM keys WHERE name = ?", (epoch,)).fetchone()
                taken = {n for (n,) in db.execute("SELECT number FROM pseudonyms")}
                for name in missing:
                    room = 2 * (len(taken) + 10)
                    number = secrets.choice([n for n in range(1, room) if n not in taken])
                    taken.add(number)
                    db.execute("INSERT OR IGNORE INTO pseudonyms VALUES (?, ?)", (_tag(bytes(key), name), number))
            known = self._known(wanted)
        return known

    def _epoch(self) -> str:
        """A name for the time since the last disclosure ended."""
        row = self._people.reading().execute("SELECT count(*) FROM disclosures WHERE until_s <= ?", (self._now(),)).fetchone()
        return f"pseudonyms {row[0]}"

    def _known(self, names: list[str]) -> dict[str, int]:
        db = self._people.reading()
        row = db.execute("SELECT key FROM keys WHERE name = ?", (self._epoch(),)).fetchone()
        if row is None:
            return {}
        tags = {_tag(bytes(row[0]), name): name for name in names}
        return {tags[tag]: number for tag, number in db.execute("SELECT name, number FROM pseudonyms") if tag in tags}


def _tag(key: bytes, name: str) -> bytes:
    return hmac.digest(key, name.casefold().encode("utf-8", "surrogatepass"), hashlib.sha256)
