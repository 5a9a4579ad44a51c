"""Room on the disk set aside for the books: a file that is given up when the disk is full, and made again later."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from pathlib import Path

FILE_NAME = ".reserve"
_SHARE = 50  # a small disk is not to be filled with nothing

log = logging.getLogger("gutteil.recorder")


class Reserve:
    """`<record.folder>/.reserve`. SQLite needs room for its log, its index of the log and, later, the database itself."""

    def __init__(self, folder: Path, size: int) -> None:
        """`size` in bytes; 0 = none. Nothing is touched until `make`."""
        self._folder, self._path, self._wanted = folder, folder / FILE_NAME, size
        self._made = 0

    def make(self) -> None:
        """Set the room aside if it is not, and as much again is left."""
        usage = shutil.disk_usage(self._folder)
        size = min(self._wanted, usage.total // _SHARE)
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_size == size:
                self._made = size
                return
        if size == 0 or usage.free < 2 * size:
            return
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(handle, 0, size)  # real blocks, not a hole
            finally:
                os.close(handle)
            self._made = size
        except OSError as error:
            log.warning("no room could be set aside: %s", error)
            self.release()

    def release(self) -> bool:
        """Give the room up; returns whether there was any."""
        self._made = 0
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def room(self) -> int:
        """Bytes that images may take without taking what the books would need."""
        usage = shutil.disk_usage(self._folder)
        return usage.free - (0 if self._made else min(self._wanted, usage.total // _SHARE))
