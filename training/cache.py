"""Raw predictions kept from run to run, so that a second evaluation and the search for thresholds judge nothing again.

One SQLite file; a row is found by everything that its predictions depend on. It may be deleted at any time, and grows by about
a few kB an image.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import TracebackType

import msgspec
import numpy as np

from edge.decode import MAX_PREDICTIONS, Predictions
from edge.errors import SettingsError

FILE = "predictions.sqlite"
_EVERY = 25  # so many images are judged again after a kill


class _Row(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    placed: bool
    valid: bool
    cut_score: float
    boxes: bytes
    scores: bytes
    kinds: bytes


class Cache:
    """The file of predictions in a folder, as a context. Several processes may use one at a time."""

    def __init__(self, folder: Path) -> None:
        """Open it, made where it is missing.

        Raises:
            SettingsError: it cannot be made, or the file is not ours.
        """
        self.path = folder / FILE
        self._waiting = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(self.path, timeout=60)
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("CREATE TABLE IF NOT EXISTS seen (key TEXT PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID")
            self._base.commit()
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(f"--cache: {self.path}: {error}; delete the file, or name another folder") from error

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._base.commit()
        self._base.close()

    def get(self, key: str) -> tuple[bool, Predictions | None]:
        """Whether it is known, and what was seen: None where the part was out of place. A damaged row counts as unknown."""
        try:
            found = self._base.execute("SELECT row FROM seen WHERE key = ?", (key,)).fetchone()
            row = msgspec.msgpack.decode(found[0], type=_Row) if found else None
            if row is None:
                return False, None
            boxes = np.frombuffer(row.boxes, np.float32).reshape(-1, 4)
            scores, kinds = np.frombuffer(row.scores, np.float32), np.frombuffer(row.kinds, np.int64)
            if not len(boxes) == len(scores) == len(kinds) <= MAX_PREDICTIONS:
                return False, None
        except (msgspec.MsgspecError, TypeError, ValueError):
            return False, None
        except sqlite3.Error as error:
            raise SettingsError(f"--cache: {self.path}: {error}; delete the file") from error
        return True, Predictions(boxes, scores, kinds, row.valid, row.cut_score) if row.placed else None

    def put(self, key: str, found: Predictions | None) -> None:
        """Keep what was seen.

        Raises:
            SettingsError: the disk is full, or another process holds the file for a minute.
        """
        none = Predictions(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int64))
        p = found or none
        row = _Row(
            found is not None,
            p.valid,
            p.cut_score,
            p.boxes.astype(np.float32).tobytes(),
            p.scores.astype(np.float32).tobytes(),
            p.kinds.astype(np.int64).tobytes(),
        )
        try:
            self._base.execute("INSERT OR REPLACE INTO seen VALUES (?, ?)", (key, msgspec.msgpack.encode(row)))
            self._waiting += 1
            if self._waiting >= _EVERY:
                self._base.commit()
                self._waiting = 0
        except sqlite3.Error as error:
            raise SettingsError(f"--cache: {self.path}: {error}; free some space, or name another folder") from error
