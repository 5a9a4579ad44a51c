"""The simulated line's own journal: every part that passed the sensor, with the thing that lay on the belt, and what became of it.

A drill judges by it, not by the record alone: it is written by the line's process, before anybody else is told, one line of
JSON per write, so that `kill -9` costs at most the line that was being written. What the PLC program believes of a part
(`passed`, `ejected`, `missed`) and what the part really did (`fell`, `by`) are entries of their own.
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
        kind: `begun` the line has started (anew); `fell` the thing has fallen into the bin; `by` it has gone by the
            ejector; else as `hardware.plc.PlcEvent`.
        at_ns: CLOCK_MONOTONIC.
        epoch: of `begun`: when the line started, ns since 1970; the entries after it belong to it.
        encoder: belt position in counts.
        item: of `triggered`, `fell`, `by`: which thing; goes on where it was when the line starts anew.
        wired: of `triggered`: whether the wire to the camera carried the edge.
    """

    kind: EventKind | Literal["begun", "fell", "by"]
    at_ns: int
    id: int = 0
    epoch: int = 0
    encoder: int = 0
    item: int = -1
    wired: bool = True
    reason: str = ""
    offset_us: float = 0.0
    code: int = 0


class Journal:
    """The writer; without a file it only counts items.

    Attributes:
        stopped: the stop for which the line stood when it ended; 0 none.
        asked: number of the recipe that its operator asked for last; 0 none.
        lying: item and how far it has come since the sensor, in counts, of everything that lay on the belt when the line ended.
    """

    def __init__(self, file: str) -> None:
        """Raises `DeviceSettings` if the file cannot be written."""
        self._handle, self._item, self._fed = -1, -1, 0
        self._items: dict[int, int] = {}
        self.lying: list[tuple[int, int]] = []
        self.stopped = self.asked = 0
        if not file:
            return
        try:
            if Path(file).exists():
                self._resume(read_entries(Path(file).read_bytes()))
            self._handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise DeviceSettings(
                f"line.journal = {file!r} cannot be written ({error.strerror}); name a file in a folder that exists"
            ) from error

    def _resume(self, entries: list[Entry]) -> None:
        """Things do not leave the belt when the line's process ends: it has moved by the encoder, and they with it."""
        before = here = 0
        at: dict[int, int] = {}
        for entry in entries:
            if entry.kind == "begun":
                before, here = before + here, 0
            here = max(here, entry.encoder)
            if entry.kind in ("started", "reset") or (entry.kind == "stopped" and entry.code):
                self.stopped = entry.code
            if entry.kind == "recipe":
                self.asked = entry.code
            if entry.kind == "triggered":
                at[entry.item] = before + entry.encoder
                self._item = max(self._item, entry.item)
            elif entry.kind in ("fell", "by"):
                at.pop(entry.item, None)
        self.lying = [(item, before + here - position) for item, position in at.items()]

    def begun(self, epoch: int, at_ns: int) -> None:
        self._write(Entry("begun", at_ns, epoch=epoch))

    def fed(self, trigger_id: int, at_ns: int, encoder: int, *, wired: bool) -> int:
        """A part has passed the sensor; returns its item."""
        self._item, self._fed = self._item + 1, trigger_id
        if self._handle >= 0:
            self._items[trigger_id] = self._item
        self._write(Entry("triggered", at_ns, trigger_id, encoder=encoder, item=self._item, wired=wired))
        return self._item

    def event(self, event: PlcEvent) -> None:
        """Something happened; a part that `fed` has written down already is not written again."""
        if event.kind != "triggered" or event.trigger_id != self._fed:
            e = event
            self._write(Entry(e.kind, e.at_ns, e.trigger_id, encoder=e.encoder, reason=e.reason, offset_us=e.offset_us, code=e.code))

    def went(self, trigger_id: int, at_ns: int, encoder: int, *, fell: bool) -> None:
        """A thing has left the belt; one that `lying` has named comes as the number that `thing` gives it."""
        item = self._items.pop(trigger_id, -1) if trigger_id >= 0 else thing(trigger_id)
        self._write(Entry("fell" if fell else "by", at_ns, max(0, trigger_id), encoder=encoder, item=item))

    def _write(self, entry: Entry) -> None:
        if self._handle >= 0:
            os.write(self._handle, msgspec.json.encode(entry) + b"\n")

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def thing(item: int) -> int:
    """The number by which the physics knows a thing that no PLC program has seen, and back: never that of a part."""
    return -1 - item


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
