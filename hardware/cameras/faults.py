"""Faults of the simulated and the replay camera, for drills: set by a method or by one word in a file, while the camera runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from hardware.errors import DeviceSettings

FAULTS: Final = {
    "": "healthy",
    "frozen": "the same image again and again, to the byte",
    "black": "images without light",
    "stalled": "no images, and the camera does not answer",
    "unplugged": "gone; it cannot be opened until this is taken back",
}


class FaultSwitch:
    """The fault that is set now. A file, where one is named, goes before what was set by hand as soon as it changes."""

    def __init__(self, fault: str, file: str) -> None:
        self._file = file
        self._stamp = (0, 0)
        self.name = ""
        self.set(fault)

    def set(self, name: str) -> None:
        """Raises `DeviceSettings` for a word that is no fault."""
        if name not in FAULTS:
            raise DeviceSettings(f"fault = {name!r} is unknown; choose one of {', '.join(repr(f) for f in FAULTS)}")
        self.name = name

    def poll(self) -> str:
        """The fault now; looks whether the file has changed (a stat call, a few µs). A missing file means no change."""
        if self._file:
            try:
                stat = os.stat(self._file)
                stamp = (stat.st_mtime_ns, stat.st_size)
                if stamp != self._stamp:
                    word = Path(self._file).read_text("utf-8", "replace")[:64].strip()
                    self._stamp = stamp
                    if word in FAULTS:  # anything else may be half written: keep what was
                        self.name = word
            except OSError:
                return self.name
        return self.name
