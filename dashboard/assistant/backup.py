"""A copy of the safe, as encrypted as the safe itself, and the way back."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from pathlib import Path

from dashboard.assistant import vault
from dashboard.assistant.errors import SafeError
from dashboard.assistant.safe import FILE, KEYS, Safe, sync
from dashboard.assistant.secrets import Secret


def back_up(safe: Safe, folder: Path) -> str:
    """A consistent copy in a new folder, while others read and write; returns the SHA-256 of its file.

    The copy opens with the secrets of the moment: a later change of the passphrase or the key does not reach it, nor does an erasure.

    Raises:
        SafeLocked, SafeError: the folder is there already, or there is no room.
    """
    key = safe.data_key()
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise SafeError(f"{folder}: cannot be made ({error.strerror}); name a new folder for each backup") from error
    try:
        with safe.reading() as db:
            vault.copy(db, folder / FILE, key)
        shutil.copy(safe.keys, folder / KEYS)
        for path in (folder / FILE, folder / KEYS, folder):
            sync(path)
        return _sha256(folder / FILE)
    except OSError as error:
        raise SafeError(f"{folder}: the backup failed ({error.strerror}); is there room on the disk?") from error
    finally:
        for rest in ("-wal", "-shm", "-journal"):
            with contextlib.suppress(OSError):
                (folder / (FILE + rest)).unlink()


def restore(backup: Path, folder: Path, secret: Secret) -> Safe:
    """A safe from a backup, opened and checked to the last page before anybody relies on it; returned unlocked.

    Raises:
        SafeLocked: the secret does not open the backup.
        SafeError: the backup is damaged, or there is a safe in the folder already.
    """
    if (folder / FILE).exists() or (folder / KEYS).exists():
        raise SafeError(f"{folder}: there is a safe already; move it away first, nothing is overwritten")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in (KEYS, FILE):
            shutil.copyfile(backup / name, folder / name)
            (folder / name).chmod(0o600)
            sync(folder / name)
    except OSError as error:
        _away(folder)
        raise SafeError(f"{error.filename or backup}: cannot be copied ({error.strerror}); name the folder of a backup") from error
    safe = Safe(folder)
    try:
        safe.unlock(secret)
        with safe.reading() as db:
            vault.check(db, safe.path)
    except BaseException:
        safe.lock()
        _away(folder)
        raise
    return safe


def _away(folder: Path) -> None:
    for rest in ("", "-wal", "-shm", "-journal"):
        (folder / (FILE + rest)).unlink(missing_ok=True)
    (folder / KEYS).unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
