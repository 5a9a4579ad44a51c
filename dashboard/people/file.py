"""The file of everything about people: an SQLite file of its own beside the record, readable by the appliance's user only.

It is written by the dashboard and by `gutteil people`. It is no part of the record: who may log in is no evidence, and must be erasable.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from edge.errors import GutteilError

FILE_NAME: Final = "people.db"

# append only; how many have been applied stands in the file (user_version)
_MIGRATIONS: Final = (
    """
CREATE TABLE users (
  name TEXT PRIMARY KEY COLLATE NOCASE,
  role TEXT NOT NULL,
  language TEXT NOT NULL DEFAULT '',
  theme TEXT NOT NULL DEFAULT '',
  password TEXT NOT NULL,
  password_until_s REAL,               -- a password that somebody else has chosen: to be changed, and only good until then
  pin TEXT,
  pin_wrong INTEGER NOT NULL DEFAULT 0, -- in a row
  badge BLOB UNIQUE,
  disabled INTEGER NOT NULL DEFAULT 0,
  demo INTEGER NOT NULL DEFAULT 0,     -- made by the demo: no such person exists
  made_ns INTEGER NOT NULL
) STRICT;
CREATE TABLE sessions (
  token TEXT PRIMARY KEY,              -- SHA-256
  name TEXT NOT NULL COLLATE NOCASE REFERENCES users (name) ON DELETE CASCADE,
  method TEXT NOT NULL,
  address TEXT NOT NULL,
  browser TEXT NOT NULL,
  begun_s REAL NOT NULL,
  seen_s REAL NOT NULL
) STRICT;
CREATE INDEX sessions_by_name ON sessions (name);
CREATE TABLE tokens (
  number INTEGER PRIMARY KEY,
  token TEXT NOT NULL UNIQUE,          -- SHA-256
  name TEXT NOT NULL COLLATE NOCASE REFERENCES users (name) ON DELETE CASCADE,
  label TEXT NOT NULL,
  scopes TEXT NOT NULL,
  made_s REAL NOT NULL,
  until_s REAL NOT NULL,
  used_s REAL
) STRICT;
CREATE TABLE tries (
  key TEXT PRIMARY KEY,
  wrong INTEGER NOT NULL,
  until_s REAL NOT NULL,
  last_s REAL NOT NULL
) STRICT;
CREATE TABLE known (
  name TEXT NOT NULL COLLATE NOCASE REFERENCES users (name) ON DELETE CASCADE,
  address TEXT NOT NULL,
  seen_s REAL NOT NULL,
  PRIMARY KEY (name, address)
) STRICT;
CREATE TABLE keys (name TEXT PRIMARY KEY, key BLOB NOT NULL) STRICT;
CREATE TABLE disclosures (
  number INTEGER PRIMARY KEY,
  by_whom TEXT NOT NULL,
  reason TEXT NOT NULL,
  begun_s REAL NOT NULL,
  until_s REAL NOT NULL
) STRICT;
CREATE TABLE pseudonyms (name BLOB PRIMARY KEY, number INTEGER NOT NULL UNIQUE) STRICT;
""",
)


class PeopleError(GutteilError):
    """A user, password or session that cannot be; says why and what to do.

    Attributes:
        key, values: the page's text for it and what fills its places; where there is none, the error's own words are shown.
    """

    def __init__(self, text: str, key: str = "", **values: object) -> None:
        super().__init__(text)
        self.key, self.values = key, values


class PeopleFile:
    """The open file. May be called from any thread.

    Raises:
        PeopleError: a newer program has written it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE_NAME
        self.path.touch(0o600)
        self.path.chmod(0o600)  # before anything is in it; SQLite gives the log beside it the same rights
        self._lock = threading.Lock()
        self._own = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._db = self._open()
        self._db.execute("PRAGMA journal_mode = WAL")
        with self.database() as db:
            (done,) = db.execute("PRAGMA user_version").fetchone()
            if done > len(_MIGRATIONS):
                raise PeopleError(f"{self.path}: was written by a newer version of Gutteil; install that one")
            for number, script in enumerate(_MIGRATIONS[done:], done + 1):
                for statement in filter(str.strip, script.split(";\n")):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {number}")

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=5, check_same_thread=False, isolation_level=None)
        db.execute("PRAGMA foreign_keys = ON")
        return db

    def close(self) -> None:
        """Closing twice is safe."""
        with self._lock:
            for db in (self._db, *self._readers):
                db.close()

    @contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        """To change something: one thread at a time, in one transaction."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def reading(self) -> sqlite3.Connection:
        """To look something up, also while somebody changes something; each thread has its own."""
        db: sqlite3.Connection | None = getattr(self._own, "db", None)
        if db is None:
            db = self._own.db = self._open()
            db.execute("PRAGMA query_only = ON")
            with self._lock:
                self._readers.append(db)
        return db

    def key(self, name: str) -> bytes:
        """32 random bytes of this appliance, made when first asked for."""
        row = self.reading().execute("SELECT key FROM keys WHERE name = ?", (name,)).fetchone()
        if row is None:
            with self.database() as db:
                db.execute("INSERT OR IGNORE INTO keys VALUES (?, ?)", (name, secrets.token_bytes(32)))
                row = db.execute("SELECT key FROM keys WHERE name = ?", (name,)).fetchone()
        return bytes(row[0])
