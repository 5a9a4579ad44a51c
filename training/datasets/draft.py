"""A draft: a labelled set that still changes. One SQLite file of entries; the images lie beside it, once each, by their hash.

FOLDER/images/ab/abcd….png      every image of every set, never changed
FOLDER/drafts/NAME.db           what is being gathered
FOLDER/snapshots/NAME/ID/       what is fixed (`training.datasets.snapshot`)
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.errors import SettingsError
from training.datasets.entry import ENDINGS, Entry
from training.datasets.found import Refused
from training.datasets.looks import Looks

SPLITS = ("train", "val", "test")
_PAGE = 500
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL, said TEXT NOT NULL, split TEXT NOT NULL, body BLOB NOT NULL)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused (number INTEGER PRIMARY KEY, source TEXT NOT NULL, name TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry and its split, '' where there is none yet."""

    entry: Entry
    split: str


class Draft:
    """An open draft. Used by one thread; every change is durable when `commit` returns."""

    def __init__(self, folder: Path, name: str, db: sqlite3.Connection) -> None:
        self.folder, self.name, self._db = folder, name, db
        self.looks = Looks(db)
        db.executescript(_SCHEMA)

    def put(self, entry: Entry, split: str) -> None:
        """Take an entry in, in the place of one of the same name."""
        row = (entry.name, entry.sha256, entry.said, split, msgspec.json.encode(entry))
        self._db.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)", row)

    def said(self, name: str) -> tuple[str, str] | None:
        """The image's hash and `Entry.said` of the entry of this name, None if there is none."""
        row = self._db.execute("SELECT sha256, said FROM entries WHERE name = ?", (name,)).fetchone()
        return (row[0], row[1]) if row else None

    def get(self, name: str) -> Row:
        """Raises KeyError: no such entry."""
        row = self._db.execute("SELECT body, split FROM entries WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise KeyError(name)
        return Row(msgspec.json.decode(row[0], type=Entry), row[1])

    def rows(self) -> Iterator[Row]:
        """Every entry by name, in pages: memory does not grow with the set, and the draft may be changed meanwhile."""
        last = ""
        while True:
            page = self._db.execute("SELECT name, body, split FROM entries WHERE name > ? ORDER BY name LIMIT ?", (last, _PAGE)).fetchall()
            if not page:
                return
            for _, body, split in page:
                yield Row(msgspec.json.decode(body, type=Entry), split)
            last = page[-1][0]

    def count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM entries").fetchone()[0])

    def set_splits(self, splits: dict[str, str]) -> None:
        """By name; all others have none afterwards. One transaction."""
        with self.transaction():
            self._db.execute("UPDATE entries SET split = ''")
            self._db.executemany("UPDATE entries SET split = ? WHERE name = ?", ((s, n) for n, s in splits.items()))

    def names_and_hashes(self) -> tuple[list[str], list[str], NDArray[np.uint64]]:
        """Names, SHA-256 and perceptual hashes of all images, by name; references that are no entries are left out."""
        query = "SELECT e.name, e.sha256, l.phash FROM entries e JOIN looks l ON l.sha256 = e.sha256 ORDER BY e.name"
        names, files, hashes = [], [], []
        for name, sha256, phash in self._db.execute(query):
            names.append(name)
            files.append(sha256)
            hashes.append(phash & 0xFFFFFFFFFFFFFFFF)
        return names, files, np.array(hashes, np.uint64)

    def refuse(self, source: str, refused: list[Refused]) -> None:
        """Keep what an import of this source refused, in the place of what it refused before."""
        with self.transaction():
            self._db.execute("DELETE FROM refused WHERE source = ?", (source,))
            self._db.executemany(
                "INSERT INTO refused (source, name, reason) VALUES (?, ?, ?)", ((source, r.name, r.reason) for r in refused)
            )

    def refusals(self) -> list[tuple[str, str, str]]:
        """Source, name and reason."""
        return self._db.execute("SELECT source, name, reason FROM refused ORDER BY number").fetchall()

    def fact(self, key: str) -> str:
        """A note on the draft, '' if there is none."""
        row = self._db.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""

    def note(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, value))

    def image(self, sha256: str) -> Path:
        """Where an image lies, whatever its ending.

        Raises:
            SettingsError: it is gone.
        """
        return stored(self.folder, sha256)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        self._db.close()


@contextlib.contextmanager
def open_draft(folder: Path, name: str, *, make: bool = False) -> Iterator[Draft]:
    """A draft by its name.

    Raises:
        SettingsError: an impossible name, there is none (unless `make`), or the file is not usable.
    """
    check_name(name)
    path = folder / "drafts" / f"{name}.db"
    if not make and not path.is_file():
        there = sorted(p.stem for p in path.parent.glob("*.db")) if path.parent.is_dir() else []
        raise SettingsError(
            f"{folder}: there is no draft {name!r}; " + (f"there are: {', '.join(there)}" if there else "make one: data import")
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            yield Draft(folder, name, db)
        finally:
            db.close()
    except sqlite3.Error as error:
        raise SettingsError(f"{path}: {error}; is it a draft, and does nobody else write to it?") from error
    except OSError as error:
        raise SettingsError(f"{error.filename or path}: {error.strerror}; check that the folder is writable and has room") from error


def check_name(name: str) -> None:
    """Raises SettingsError: no name for a set."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise SettingsError(f"name = {name!r}: letters, digits, '.', '_' and '-', at most 64, the first a letter or digit")


def stored(folder: Path, sha256: str) -> Path:
    """Raises SettingsError: there is no image with this hash."""
    found = _find(folder, sha256)
    if found is None:
        raise SettingsError(f"{folder}: the image {sha256[:16]}… is gone from images/; import its source again")
    return found


def is_stored(folder: Path, sha256: str) -> bool:
    """Whether there is an image with this hash."""
    return _find(folder, sha256) is not None


def _find(folder: Path, sha256: str) -> Path | None:
    place = folder / "images" / sha256[:2] / sha256
    return next((file for ending in ENDINGS if (file := place.with_suffix(ending)).is_file()), None)


def store(folder: Path, sha256: str, ending: str, data: bytes) -> None:
    """Keep an image; whole or not at all, and read-only. One that is there stays. Raises OSError."""
    target = folder / "images" / sha256[:2] / f"{sha256}{ending.lower()}"
    if is_stored(folder, sha256):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{sha256}.{os.getpid()}.{threading.get_ident()}")
    temporary.write_bytes(data)
    temporary.chmod(0o444)
    temporary.rename(target)
