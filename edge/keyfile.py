"""Files that hold keys: nobody else's to read, whole or not there, and believed only after a look."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from edge.errors import KeysError

MAX_FILE_BYTES = 10_000
_T = TypeVar("_T", bound=msgspec.Struct)


def private(path: Path, info: os.stat_result | None = None) -> None:
    """Refuse what others may read or change, or what belongs to another user.

    Raises:
        KeysError: that, or there is nothing.
    """
    try:
        info = info or path.stat()
    except OSError as error:
        raise KeysError(f"{path}: no keys there ({error.strerror}); make them: gutteil keys --folder FOLDER") from error
    if info.st_mode & 0o077:
        kind = "700" if stat.S_ISDIR(info.st_mode) else "600"
        raise KeysError(f"{path}: other users may read or change it; take their rights away: chmod {kind} {path}")
    if info.st_uid not in (0, os.geteuid()) and os.geteuid() != 0:
        raise KeysError(f"{path}: belongs to another user; give it to the one the appliance runs as: chown")


def read(path: Path, kind: type[_T]) -> _T:
    """A key file.

    Raises:
        KeysError: missing, damaged, or readable by others; the text holds no secret.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise KeysError(f"{path}: cannot be read ({error.strerror}); missing keys are made by: gutteil keys --folder FOLDER") from error
    try:
        info = os.fstat(handle)
        private(path, info)
        if not stat.S_ISREG(info.st_mode):
            raise KeysError(f"{path}: is not a file; delete it")
        data = os.read(handle, MAX_FILE_BYTES + 1)
    finally:
        os.close(handle)
    try:
        found = msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        found = None  # the error's own text may repeat what is in the file
    if found is None or len(data) > MAX_FILE_BYTES:
        raise KeysError(none_of_ours(path))
    return found


def none_of_ours(path: Path) -> str:
    """What is said of a file that holds something else."""
    return f"{path}: is no key file of this release; restore it from a copy, or delete it and make it anew"


def write(path: Path, what: msgspec.Struct) -> None:
    """Whole or not at all, and never readable by others, not even for a moment.

    Raises:
        OSError: no room, no rights.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")  # 0600
    try:
        with open(handle, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(what), indent=2) + b"\n")
            file.flush()
            os.fsync(handle)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


@contextlib.contextmanager
def in_words(folder: Path) -> Iterator[None]:
    """What the system says, as an error for people."""
    try:
        yield
    except OSError as error:
        raise KeysError(f"{error.filename or folder}: {error.strerror}; check keys.folder and its owner") from error
