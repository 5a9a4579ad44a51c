"""The users of one appliance: who there is, and whose password, PIN or badge it is."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Final

import msgspec

from dashboard.people.credentials import MAX_BADGE, MAX_PIN, Hasher, checked_password
from dashboard.people.file import FILE_NAME, PeopleError, PeopleFile
from dashboard.people.roles import ANYBODY, FIRST_STEP, GRANTS, ROLES, Permission, Role

__all__ = ["FILE_NAME", "MAX_NAME", "People", "PeopleError", "Person", "may"]
MAX_NAME: Final = 60
PIN_TRIES: Final = 10  # wrong ones in a row; then the PIN is void until its owner logs in with the password
_NAME = re.compile(rf"[^\W_][\w .@'-]{{0,{MAX_NAME - 1}}}")


class Person(msgspec.Struct, frozen=True):
    """A user as the pages know them.

    Attributes:
        language, theme: their choice, or empty.
        only: where it is set, they may do no more than this: they came by PIN, by token, or have to choose a password first.
        first_step: they have to choose a password of their own before anything else.
        through: what acts for them, for the record: empty for themselves, else a token's label.
    """

    name: str
    role: Role
    language: str = ""
    theme: str = ""
    only: frozenset[Permission] | None = None
    first_step: bool = False
    through: str = ""

    def may(self, permission: Permission) -> bool:
        return permission in GRANTS[self.role] and (self.only is None or permission in self.only)

    @property
    def who(self) -> str:
        """As the record names them."""
        return f"{self.name} (token {self.through})" if self.through else self.name


def may(person: Person | None, permission: Permission) -> bool:
    """Whether somebody, or nobody in particular, has a permission."""
    return person.may(permission) if person is not None else permission in ANYBODY


class User(msgspec.Struct, frozen=True):
    """A user as those who look after them see them."""

    name: str
    role: Role
    has_pin: bool
    has_badge: bool
    disabled: bool
    one_time: bool
    demo: bool


class People(PeopleFile):
    """The users. May be called from any thread; every call is short, but to check a secret takes argon2's 50 to 100 ms."""

    def __init__(self, folder: Path, hasher: Hasher | None = None) -> None:
        super().__init__(folder)
        self.hasher = hasher or Hasher()
        self._any = False

    def users(self) -> list[Person]:
        """Everybody who may log in, by name."""
        rows = self.reading().execute("SELECT name, role, language, theme FROM users WHERE disabled = 0 ORDER BY name")
        return [Person(*row) for row in rows]

    def all_users(self) -> list[User]:
        """Everybody, also those who may not log in any more."""
        rows = self.reading().execute(
            "SELECT name, role, pin IS NOT NULL, badge IS NOT NULL, disabled, password_until_s IS NOT NULL, demo FROM users ORDER BY disabled, name"
        )
        return [User(name, role, *map(bool, flags)) for name, role, *flags in rows]

    def anybody(self) -> bool:
        """Whether there is a user at all; once there is one, there always is, as the last admin cannot be removed: looked up until then."""
        if not self._any:
            self._any = self.reading().execute("SELECT 1 FROM users LIMIT 1").fetchone() is not None
        return self._any

    def with_pin(self) -> list[str]:
        """The names that are offered at the line."""
        rows = self.reading().execute("SELECT name FROM users WHERE disabled = 0 AND pin IS NOT NULL ORDER BY name")
        return [name for (name,) in rows]

    def find(self, name: str) -> Person | None:
        """Somebody who may log in."""
        row = (
            self.reading()
            .execute("SELECT name, role, language, theme, password_until_s FROM users WHERE name = ? AND disabled = 0", (name,))
            .fetchone()
        )
        if row is None:
            return None
        person = Person(*row[:4])
        return msgspec.structs.replace(person, only=FIRST_STEP, first_step=True) if row[4] is not None else person

    def add(self, name: str, role: Role, password: str) -> Person:
        """A new user.

        Raises:
            PeopleError: the name is taken or no name, the role unknown, the password too short or too long.
        """
        name = checked_name(name)
        checked_role(role)
        hashed = self.hasher.hash(checked_password(password, name))
        with self.database() as db:
            if db.execute("SELECT 1 FROM users WHERE name = ?", (name,)).fetchone():
                raise PeopleError(f"name = {name!r} is taken; choose another", "people.error.taken", name=name)
            db.execute("INSERT INTO users (name, role, password, made_ns) VALUES (?, ?, ?, ?)", (name, role, hashed, time.time_ns()))
        return Person(name, role)

    def remove_demo(self) -> list[str]:
        """Take out the people that the demo has made: no such person exists. Returns their names."""
        with self.database() as db:
            names = [name for (name,) in db.execute("SELECT name FROM users WHERE demo = 1")]
            db.execute("DELETE FROM users WHERE demo = 1")
        self._any = False
        return names

    def check(self, name: str, password: str) -> Person | None:
        """The person, if the password is theirs and still good."""
        row = (
            self.reading().execute("SELECT password, password_until_s FROM users WHERE name = ? AND disabled = 0", (name,)).fetchone()
        ) or (None, None)
        if not self.hasher.fits(row[0], password) or (row[1] is not None and row[1] < time.time()):
            return None
        with self.database() as db:
            db.execute("UPDATE users SET pin_wrong = 0 WHERE name = ? AND pin_wrong > 0", (name,))
        return self.find(name)

    def check_pin(self, name: str, pin: str) -> Person | None:
        """The person, if the PIN is theirs and has not been guessed at too often."""
        with self.database() as db:  # counted beforehand, so that many guesses at once are many guesses
            row = db.execute("SELECT pin, pin_wrong FROM users WHERE name = ? AND disabled = 0", (name,)).fetchone() or (None, 0)
            db.execute("UPDATE users SET pin_wrong = pin_wrong + 1 WHERE name = ?", (name,))
        if not self.hasher.fits(row[0] if row[1] < PIN_TRIES else None, pin[:MAX_PIN]):
            return None
        with self.database() as db:
            db.execute("UPDATE users SET pin_wrong = 0 WHERE name = ?", (name,))
        return self.find(name)

    def check_badge(self, text: str) -> Person | None:
        """Whose badge it is."""
        hashed = self.hasher.badge(text.strip()[:MAX_BADGE], self.key("badge"))
        row = self.reading().execute("SELECT name FROM users WHERE badge = ? AND disabled = 0", (hashed,)).fetchone()
        return self.find(row[0]) if row else None


def checked_name(name: str) -> str:
    """A user's name without blanks around it.

    Raises:
        PeopleError: it is none.
    """
    name = name.strip()
    if not _NAME.fullmatch(name):
        raise PeopleError(
            f"name = {name[:70]!r}: 1 to {MAX_NAME} letters, digits, blanks or . @ ' -, beginning with a letter or digit",
            "people.error.name",
            most=MAX_NAME,
        )
    return name


def checked_role(role: str) -> Role:
    """A role that there is.

    Raises:
        PeopleError: there is none of that name.
    """
    for known in ROLES:
        if role == known:
            return known
    raise PeopleError(f"role = {role!r} is not known; choose one of: {', '.join(ROLES)}")
