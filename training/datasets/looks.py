"""Looks of image files, remembered in SQLite by path, size and time of change, so that what was seen once is not read again."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.errors import SettingsError
from training.datasets.look import SIDE_PX, Look, Small, look_at
from training.datasets.picture import read_picture

SCHEMA = """
CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS looks (
    sha256 TEXT PRIMARY KEY, width INTEGER NOT NULL, height INTEGER NOT NULL, phash INTEGER NOT NULL, small BLOB NOT NULL
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of a file: hash, size in px, perceptual hash."""

    sha256: str
    width: int
    height: int
    phash: int


class Looks:
    """A table of looks in an open database. Used by one thread."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        db.executescript(SCHEMA)

    def known(self, file: Path) -> Known | None:
        """What is remembered of a file, unless it has changed since. Raises OSError: it cannot be looked at."""
        about = file.stat()
        row = self.db.execute(
            "SELECT f.sha256, l.width, l.height, l.phash FROM files f JOIN looks l ON l.sha256 = f.sha256"
            " WHERE f.path = ? AND f.size = ? AND f.mtime_ns = ?",
            (str(file.resolve()), about.st_size, about.st_mtime_ns),
        ).fetchone()
        return Known(row[0], row[1], row[2], row[3] & 0xFFFFFFFFFFFFFFFF) if row else None

    def remember(self, file: Path, sha256: str, width: int, height: int, look: Look) -> None:
        """Raises OSError, sqlite3.Error."""
        about = file.stat()
        signed = look.phash - (1 << 64) if look.phash >> 63 else look.phash  # SQLite's integers have a sign
        self.db.execute("INSERT OR IGNORE INTO looks VALUES (?, ?, ?, ?, ?)", (sha256, width, height, signed, look.small.tobytes()))
        self.db.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", (str(file.resolve()), about.st_size, about.st_mtime_ns, sha256))

    def phash(self, sha256: str) -> int:
        """Raises KeyError: not seen."""
        row = self.db.execute("SELECT phash FROM looks WHERE sha256 = ?", (sha256,)).fetchone()
        if row is None:
            raise KeyError(sha256)
        return int(row[0]) & 0xFFFFFFFFFFFFFFFF

    def small(self, sha256: str) -> Small:
        """The small image, (128, 128) uint8. Raises KeyError: not seen."""
        row = self.db.execute("SELECT small FROM looks WHERE sha256 = ?", (sha256,)).fetchone()
        if row is None:
            raise KeyError(sha256)
        return np.frombuffer(row[0], np.uint8).reshape(SIDE_PX, SIDE_PX)


def open_looks(path: Path | None) -> Looks:
    """A cache file, or one in memory.

    Raises:
        SettingsError: the file cannot be used.
    """
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path or ":memory:", isolation_level=None)
        db.execute("PRAGMA synchronous = OFF")  # a cache: what a power failure damages is made again
        return Looks(db)
    except (OSError, sqlite3.Error) as error:
        raise SettingsError(f"{path}: cannot be used to remember images: {error}; delete it, or name another file") from error


def look_at_file(file: Path, root: Path) -> tuple[str, int, int, Look]:
    """SHA-256, width, height and look of an image file. Raises ValueError as `read_picture`."""
    picture = read_picture(file, root)
    return picture.sha256, picture.width, picture.height, look_at(picture.gray)
