"""The users of one appliance, in an SQLite file of their own beside the record. Passwords are kept as argon2id hashes only.

The file is written by the dashboard alone. It is not part of the record: who may log in is no evidence, and must be erasable.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from dashboard.people.roles import ANYBODY, GRANTS, ROLES, Permission, Role
from edge.errors import GutteilError

FILE_NAME = "people.db"
MIN_PASSWORD: Final = 10
MAX_PASSWORD: Final = 200
_NAME = re.compile(r"[^\W_][\w .@'-]{0,59}")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
  name TEXT PRIMARY KEY COLLATE NOCASE,
  role TEXT NOT NULL,
  language TEXT NOT NULL DEFAULT '',
  password TEXT NOT NULL,
  disabled INTEGER NOT NULL DEFAULT 0,
  made_ns INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS sessions (
  token TEXT PRIMARY KEY,
  name TEXT NOT NULL COLLATE NOCASE REFERENCES users (name) ON DELETE CASCADE,
  begun_s REAL NOT NULL,
  seen_s REAL NOT NULL
) STRICT;
"""


class PeopleError(GutteilError):
    """A user, password or session that cannot be; says why and what to do."""


class Person(msgspec.Struct, frozen=True):
    """A user as the pages know them."""

    name: str
    role: Role
    language: str = ""

    def may(self, permission: Permission) -> bool:
        return permission in GRANTS[self.role]


def may(person: Person | None, permission: Permission) -> bool:
    """Whether somebody, or nobody in particular, has a permission."""
    return person.may(permission) if person is not None else permission in ANYBODY


class People:
    """The file of users and sessions. May be called from any thread; every call is short, but `check` takes argon2's 50 to 100 ms."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE_NAME
        self._lock = threading.Lock()
        self._hasher = PasswordHasher()
        self._dummy = self._hasher.hash("nobody")  # an unknown name costs as much as a wrong password
        self._db = sqlite3.connect(self.path, timeout=5, check_same_thread=False, isolation_level=None)
        self.path.chmod(0o600)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        """The file, for one thread at a time, in one transaction."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def users(self) -> list[Person]:
        """Everybody who may log in, by name."""
        with self.database() as db:
            return [Person(*row) for row in db.execute("SELECT name, role, language FROM users WHERE disabled = 0 ORDER BY name")]

    def find(self, name: str) -> Person | None:
        with self.database() as db:
            row = db.execute("SELECT name, role, language FROM users WHERE name = ? AND disabled = 0", (name,)).fetchone()
        return Person(*row) if row else None

    def add(self, name: str, role: Role, password: str) -> Person:
        """A new user.

        Raises:
            PeopleError: the name is taken or no name, the role unknown, the password too short or too long.
        """
        name = name.strip()
        if not _NAME.fullmatch(name):
            raise PeopleError(f"name = {name[:70]!r}: 1 to 60 letters, digits, blanks or . @ ' -, beginning with a letter or digit")
        if role not in ROLES:
            raise PeopleError(f"role = {role!r} is not known; choose one of: {', '.join(ROLES)}")
        hashed = self._hasher.hash(checked_password(password))
        with self.database() as db:
            if db.execute("SELECT 1 FROM users WHERE name = ?", (name,)).fetchone():
                raise PeopleError(f"name = {name!r} is taken; choose another")
            db.execute("INSERT INTO users (name, role, password, made_ns) VALUES (?, ?, ?, ?)", (name, role, hashed, time.time_ns()))
        return Person(name, role)

    def check(self, name: str, password: str) -> Person | None:
        """The person, if the password is theirs."""
        with self.database() as db:
            row = db.execute("SELECT password FROM users WHERE name = ? AND disabled = 0", (name,)).fetchone()
        try:
            self._hasher.verify(row[0] if row else self._dummy, password[:MAX_PASSWORD])
        except (Argon2Error, InvalidHashError):
            return None
        return self.find(name) if row else None


def checked_password(password: str) -> str:
    """A password that is long enough and not absurdly long.

    Raises:
        PeopleError: it is not.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise PeopleError(
            f"password: {MIN_PASSWORD} to {MAX_PASSWORD} characters are needed; a few words are easier to keep than one odd one"
        )
    return password
