"""The encrypted file itself: opened, given another key, copied. SQLCipher 4: AES-256-CBC and HMAC-SHA512 per page of 4096 bytes.

How plaintext stays off the disk: pages are encrypted before they reach the file, the write-ahead log or the rollback journal;
temporary tables and sorting stay in memory (`temp_store`), the file is never mapped, deleted content is overwritten (`secure_delete`),
and SQLCipher's own log is off. The memory of the process is `dashboard.assistant.guard`'s business.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import sqlcipher3.dbapi2 as sqlcipher

from dashboard.assistant.errors import SafeError, SafeLocked

PAGE_BYTES = 4096
RESERVED_BYTES = 80  # at a page's end: IV (16) and HMAC (64)
SALT_BYTES = 16
Connection = Any  # sqlcipher3 ships no types
Error: type[Exception] = sqlcipher.Error
_PRAGMAS = (
    "temp_store = MEMORY",
    "mmap_size = 0",
    "secure_delete = ON",
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "trusted_schema = OFF",
)


def create(path: Path, key: bytes) -> Connection:
    """A new encrypted file, readable by its owner only; SQLite gives its journals the same rights.

    Raises:
        SafeError: there is one already, or no room, no rights.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError as error:
        raise SafeError(f"{path}: there is a safe already; unlock that one, or choose another folder") from error
    except OSError as error:
        raise SafeError(f"{path}: cannot be written ({error.strerror}); check the folder and its owner") from error
    return connect(path, key)


def connect(path: Path, key: bytes) -> Connection:
    """The file, opened with the data key; one connection for all threads, which the caller must let in one at a time.

    Raises:
        SafeLocked: the key does not fit, or the file is no safe.
        SafeError: it cannot be opened.
    """
    if not path.is_file():
        raise SafeError(f"{path}: there is no safe; make one: gutteil docs init")
    db: Connection = sqlcipher.connect(str(path), isolation_level=None, check_same_thread=False, timeout=10)
    try:
        db.execute("PRAGMA cipher_log_level = NONE")
        db.execute("PRAGMA cipher_memory_security = ON")
        _key(db, "key", key)
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        for pragma in _PRAGMAS:
            db.execute(f"PRAGMA {pragma}")
    except sqlcipher.OperationalError as error:
        db.close()
        raise SafeError(f"{path}: {error}; is another program writing it?") from error
    except sqlcipher.DatabaseError as error:
        db.close()
        raise SafeLocked(f"{path}: this key does not open it, or the file is damaged; try the newest backup") from error
    return db


def _key(db: Connection, what: str, key: bytes) -> None:
    if len(key) != 32:
        raise SafeError(f"a data key has 32 bytes, not {len(key)}; the safe's keys are damaged: take those of a backup")
    db.execute(f"PRAGMA {what} = \"x'{key.hex()}'\"")  # raw key; not bound as a value, since pragmas take none


def rekey(db: Connection, path: Path, key: bytes) -> None:
    """Write every page anew under another key, as one transaction.

    Raises:
        SafeError: another program has the file open, or the disk is full; the old key holds.
    """
    try:
        alone(db)
        _key(db, "rekey", key)
        db.execute("PRAGMA journal_mode = WAL")
    except sqlcipher.Error as error:
        raise SafeError(f"{path}: the key was not changed ({error}); close other programs that use the safe, check the disk") from error


def alone(db: Connection) -> None:
    """Empty the write-ahead log and leave it; works only while nobody else has the file open."""
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if db.execute("PRAGMA journal_mode = DELETE").fetchone()[0] != "delete":
        raise sqlcipher.OperationalError("another program has it open")


def compact(db: Connection, path: Path) -> None:
    """Give free pages back, and empty the write-ahead log, so that nothing deleted is left in either.

    Raises:
        SafeError: another program reads or writes; nothing was lost.
    """
    try:
        db.execute("VACUUM")
        busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlcipher.Error as error:
        raise SafeError(f"{path}: cannot be compacted ({error}); close other programs that use the safe") from error
    if busy:
        raise SafeError(f"{path}: another program still reads what was deleted; close it, and erase again")


def check(db: Connection, path: Path) -> None:
    """Every page's HMAC, then the database's own structure.

    Raises:
        SafeError: damaged or changed by somebody without the key.
    """
    wrong = [row[0] for row in db.execute("PRAGMA cipher_integrity_check")]
    if not wrong:  # else that one would raise at the first page
        wrong += [row[0] for row in db.execute("PRAGMA integrity_check") if row[0] != "ok"]
    if wrong:
        raise SafeError(f"{path}: damaged or changed ({len(wrong)} findings, the first: {str(wrong[0])[:80]}); take another backup")


def copy(db: Connection, target: Path, key: bytes) -> None:
    """A consistent copy under the same key, while others read and write.

    Raises:
        SafeError: no room, no rights, or there is a file already.
    """
    other = create(target, key)
    try:
        db.backup(other)
        alone(other)
        check(other, target)
    except sqlcipher.Error as error:
        raise SafeError(f"{target}: the copy failed ({error}); is there room on the disk?") from error
    finally:
        other.close()
