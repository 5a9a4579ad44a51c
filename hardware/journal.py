"""The simulated line's own journal: every part that passed the sensor, with the thing that lay on the belt, and what became of it.

A drill judges by it, not by the record alone: it is written by the line's process, before anybody else is told, one line of
JSON per write, so that `kill -9` costs at most the line that was being written.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import msgspec

from hardware.errors import DeviceSettings
from hardware.plc import EventKind, PlcEvent


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the journal.

    Attributes:
        kind: `begun` the line has started (anew); else as `hardware.plc.PlcEvent`.
        at_ns: CLOCK_MONOTONIC.
        epoch: of `begun`: when the line started, ns since 1970; the entries after it belong to it.
        item: of `triggered`: which thing lies on the belt; goes on where it was when the line starts anew.
        wired: of `triggered`: whether the wire to the camera carried the edge.
    """

    kind: EventKind | Literal["begun"]
    at_ns: int
    id: int = 0
    epoch: int = 0
    item: int = -1
    wired: bool = True
    reason: str = ""
    offset_us: float = 0.0
    code: int = 0


class Journal:
    """The writer; without a file it only counts items."""

    def __init__(self, file: str) -> None:
        """Raises `DeviceSettings` if the file cannot be written."""
        self._handle, self._item, self._fed = -1, -1, 0
        if not file:
            return
        try:
            self._item = max((e.item for e in read_entries(Path(file).read_bytes())), default=-1) if Path(file).exists() else -1
            self._handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise DeviceSettings(
                f"line.journal = {file!r} cannot be written ({error.strerror}); name a file in a folder that exists"
            ) from error

    def begun(self, epoch: int, at_ns: int) -> None:
        self._write(Entry("begun", at_ns, epoch=epoch))

    def fed(self, trigger_id: int, at_ns: int, *, wired: bool) -> int:
        """A part has passed the sensor; returns its item."""
        self._item, self._fed = self._item + 1, trigger_id
        self._write(Entry("triggered", at_ns, trigger_id, item=self._item, wired=wired))
        return self._item

    def event(self, event: PlcEvent) -> None:
        """Something happened on the belt; a part that `fed` has written down already is not written again."""
        if event.kind != "triggered" or event.trigger_id != self._fed:
            self._write(Entry(event.kind, event.at_ns, event.trigger_id, reason=event.reason, offset_us=event.offset_us, code=event.code))

    def _write(self, entry: Entry) -> None:
        if self._handle >= 0:
            os.write(self._handle, msgspec.json.encode(entry) + b"\n")

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


_decoder = msgspec.json.Decoder(Entry)


def read_entries(data: bytes) -> list[Entry]:
    """The entries of whole lines; a line that is none is left out (the line's process may have been killed in the middle of it)."""
    entries = []
    for line in data.split(b"\n")[:-1]:
        try:
            entries.append(_decoder.decode(line))
        except (msgspec.MsgspecError, ValueError):
            continue
    return entries
