"""Who is let in and what they may do: every change of a user, each written to the audit chain with who, before and after.

The row of the audit is written inside the change's own transaction: if it cannot be written, nothing is changed. No row holds a secret.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from dashboard.people.credentials import checked_badge, checked_password, checked_pin, made_password
from dashboard.people.file import PeopleError
from dashboard.people.sessions import end_sessions
from dashboard.people.tries import set_free
from dashboard.people.users import People, checked_name, checked_role
from edge.errors import StoreError

ONE_TIME_S: Final = 3 * 24 * 3600.0
Note = Callable[[str, str, str], None]  # op, who, text


class Staff:
    """Changes users. Call it from threads: argon2 and the record's lock take their time."""

    def __init__(self, people: People, note: Note) -> None:
        self._people, self._note = people, note

    def add(self, by: str, name: str, role: str, password: str | None = None, *, demo: bool = False) -> str:
        """A new user; returns their password.

        Args:
            password: their own choice; None: a random one is made, which they have to change within three days.

        Raises:
            PeopleError: the name is taken or no name, the role unknown, the password no good.
            StoreError: the audit cannot be written; as for all of these.
        """
        name, one_time = checked_name(name), password is None
        known = checked_role(role)
        password = made_password() if password is None else checked_password(password, name)
        hashed = self._people.hasher.hash(password)
        with self._change() as db:
            if db.execute("SELECT 1 FROM users WHERE name = ?", (name,)).fetchone():
                raise PeopleError(f"name = {name!r} is taken; choose another", "people.error.taken", name=name)
            row = (name, known, hashed, time.time() + ONE_TIME_S if one_time else None, demo, time.time_ns())
            db.execute("INSERT INTO users (name, role, password, password_until_s, demo, made_ns) VALUES (?, ?, ?, ?, ?, ?)", row)
            self._note("user-add", by, f"{name}: none → {known}" + (" (demo)" if demo else ""))
        return password

    def set_role(self, by: str, name: str, role: str) -> None:
        """Give somebody another role; logs them out everywhere."""
        known = checked_role(role)
        with self._change(name) as db:
            before = self._user(db, name)
            if before["role"] == known:
                return
            if known != "admin":
                self._keep_an_admin(db, before["name"])
            db.execute("UPDATE users SET role = ? WHERE name = ?", (known, name))
            end_sessions(db, name)
            self._note("user-role", by, f"{before['name']}: role {before['role']} → {known}")

    def set_disabled(self, by: str, name: str, disabled: bool) -> None:
        """Shut somebody out, or let them in again. What they did stays theirs in the record."""
        with self._change(name) as db:
            before = self._user(db, name)
            if bool(before["disabled"]) == disabled:
                return
            if disabled:
                self._keep_an_admin(db, before["name"])
            db.execute("UPDATE users SET disabled = ? WHERE name = ?", (disabled, name))
            end_sessions(db, name)
            words = ("may log in", "disabled")
            self._note("user-disable" if disabled else "user-enable", by, f"{before['name']}: {words[not disabled]} → {words[disabled]}")

    def remove(self, by: str, name: str) -> None:
        """Erase somebody who has left: password, PIN, badge, tokens. Their name stays in the record, where it is evidence."""
        with self._change(name) as db:
            before = self._user(db, name)
            self._keep_an_admin(db, before["name"])
            db.execute("DELETE FROM users WHERE name = ?", (name,))
            self._note("user-remove", by, f"{before['name']}: {before['role']} → removed")

    def reset_password(self, by: str, name: str) -> str:
        """A random password instead of theirs, to be changed within three days; PIN and badge go, waits end, all sessions end."""
        password = made_password()
        self._set_password(
            by, name, password, time.time() + ONE_TIME_S, None, "reset to a one-time password; PIN, badge and tokens taken away"
        )
        return password

    def set_password(self, by: str, name: str, password: str, *, keep: str | None = None) -> None:
        """A password of their own choice; ends all sessions but the one with the token `keep`."""
        self._set_password(by, name, checked_password(password, name), None, keep, "changed")

    def _set_password(self, by: str, name: str, password: str, until_s: float | None, keep: str | None, what: str) -> None:
        hashed = self._people.hasher.hash(password)
        with self._change(name) as db:
            before = self._user(db, name)
            if until_s is None and before["password"] and self._people.hasher.fits(before["password"], password):
                raise PeopleError("password: it is the old one; take another", "people.error.same_password")
            quick = ", pin = NULL, badge = NULL" if until_s is not None else ""
            db.execute(f"UPDATE users SET password = ?, password_until_s = ?, pin_wrong = 0{quick} WHERE name = ?", (hashed, until_s, name))
            end_sessions(db, name, keep)
            if until_s is not None:
                db.execute("DELETE FROM tokens WHERE name = ?", (before["name"],))
            self._note("user-password", by, f"{before['name']}: password {what}")
        set_free(self._people, name)

    def set_pin(self, by: str, name: str, pin: str | None) -> None:
        """A PIN, or none any more."""
        hashed = self._people.hasher.hash(checked_pin(pin)) if pin is not None else None
        with self._change(name) as db:
            before = self._user(db, name)
            db.execute("UPDATE users SET pin = ?, pin_wrong = 0 WHERE name = ?", (hashed, name))
            words = ("none", "set")
            self._note("user-pin", by, f"{before['name']}: PIN {words[before['pin'] is not None]} → {words[pin is not None]}")
        set_free(self._people, name)

    def set_badge(self, by: str, name: str, text: str | None) -> None:
        """A badge, or none any more.

        Raises:
            PeopleError: it is somebody else's.
        """
        hashed = self._people.hasher.badge(checked_badge(text), self._people.key("badge")) if text is not None else None
        with self._change(name) as db:
            before = self._user(db, name)
            try:
                db.execute("UPDATE users SET badge = ? WHERE name = ?", (hashed, name))
            except sqlite3.IntegrityError as error:
                raise PeopleError("badge: it is somebody else's; take another", "people.error.badge_taken") from error
            words = ("none", "set")
            self._note("user-badge", by, f"{before['name']}: badge {words[before['badge'] is not None]} → {words[text is not None]}")

    def set_taste(self, name: str, language: str | None, theme: str | None) -> None:
        """Language and light of somebody's pages; None: as it is. No matter of the record."""
        with self._people.database() as db:
            if language in ("en", "de"):
                db.execute("UPDATE users SET language = ? WHERE name = ?", (language, name))
            if theme in ("dark", "light"):
                db.execute("UPDATE users SET theme = ? WHERE name = ?", (theme, name))

    @contextmanager
    def _change(self, name: str | None = None) -> Iterator[sqlite3.Connection]:
        try:
            with self._people.database() as db:
                if name is not None:
                    self._user(db, name)
                yield db
        except StoreError as error:
            raise StoreError(f"nothing was changed, as it cannot be written down: {error}") from error

    def _user(self, db: sqlite3.Connection, name: str) -> dict[str, Any]:
        names = ("name", "role", "password", "pin", "badge", "disabled")
        row = db.execute(f"SELECT {', '.join(names)} FROM users WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise PeopleError(f"name = {name[:70]!r}: there is no such user; see the list", "people.error.unknown", name=name[:70])
        return dict(zip(names, row, strict=True))

    def _keep_an_admin(self, db: sqlite3.Connection, name: str) -> None:
        others = db.execute("SELECT 1 FROM users WHERE role = 'admin' AND disabled = 0 AND name != ?", (name,)).fetchone()
        if others is None and db.execute("SELECT 1 FROM users WHERE name = ? AND role = 'admin' AND disabled = 0", (name,)).fetchone():
            raise PeopleError(f"{name} is the last admin; make another one first", "people.error.last_admin", name=name)


def first_admin(staff: Staff, people: People, name: str, password: str) -> None:
    """The first user; only while there is none.

    Raises:
        PeopleError: there is one already, or as `Staff.add`.
    """
    if people.anybody():
        raise PeopleError("there are users already; an admin makes further ones", "people.error.not_first")
    staff.add(name.strip() or "?", name, "admin", password)
