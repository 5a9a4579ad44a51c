"""What SQLite and the system say, as an error for people that names the file and what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import StoreError


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Raises StoreError for whatever goes wrong with the record's file inside."""
    try:
        yield
    except sqlite3.Error as error:
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        raise StoreError(f"{path}: {error}; {_REMEDIES.get(code, 'see docs/record.md, When something is wrong')}") from error
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}; check that the folder exists, has room, and that this user may write there") from error


_REMEDIES = {
    sqlite3.SQLITE_NOTADB: "it is not a database: move it away, or set record.folder to another folder",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: stop the recorder, move it away, and recover what is left with: sqlite3 FILE .recover",
    sqlite3.SQLITE_FULL: "the disk is full: free space there",
    sqlite3.SQLITE_IOERR: "the disk fails: check it (dmesg), and that it has room",
    sqlite3.SQLITE_BUSY: "another program has locked it: only the recorder may write there",
    sqlite3.SQLITE_READONLY: "it is not writable: give the recorder's user write access to the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: check that the folder is writable for the recorder's user",
    sqlite3.SQLITE_PERM: "it is not accessible: give the recorder's user access to the file and its folder",
}
