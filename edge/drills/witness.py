"""What the line itself wrote down (`hardware.journal`), read while it goes on: parts, outcomes, and when the belt stood."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hardware.journal import Entry, read_entries

CAUGHT_NS = 1_000_000_000  # a bad part that the ejector missed is caught if the belt stops so soon after it has gone by


@dataclass(slots=True)
class Seen:
    """A part as the line saw it.

    Attributes:
        at_ns, gone_ns: CLOCK_MONOTONIC at the sensor and at the ejector; gone_ns is 0 while it lies on the belt.
        outcome: what the PLC program says: passed, ejected, missed, or '' while it lies on the belt.
        fell: what it really did: True into the bin, False by the ejector, None while it lies on the belt.
        caught: the belt stopped right after it had gone by.
    """

    epoch: int
    trigger_id: int
    item: int
    at_ns: int
    wired: bool
    outcome: str = ""
    fell: bool | None = None
    gone_ns: int = 0
    caught: bool = False


@dataclass
class Witness:
    """The journal of a line, followed with `poll`.

    Attributes:
        parts: in the order in which they passed the sensor.
        running: whether the belt runs, by the last word of the line.
        stands: (from, to) in ns of CLOCK_MONOTONIC when the belt stood; the last may be open (to = 0).
    """

    file: Path
    parts: list[Seen] = field(default_factory=list)
    running: bool = False
    stands: list[tuple[int, int]] = field(default_factory=list)
    epochs: int = 0
    _read: int = 0
    _epoch: int = 0
    _last_ns: int = 0
    _on_belt: dict[int, Seen] = field(default_factory=dict)
    _went_by: list[tuple[int, Seen]] = field(default_factory=list)
    _things: dict[int, Seen] = field(default_factory=dict)

    def poll(self) -> None:
        """Read what has been written since the last call."""
        if not self.file.exists():
            return
        with self.file.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._read += whole
        for entry in read_entries(data[:whole]):
            self.take(entry)

    def take(self, entry: Entry) -> None:
        """One entry of the journal."""
        if entry.kind == "begun":  # whatever lay on the belt lies there still, before the ejector
            self._stop(self._last_ns)
            self.epochs += 1
            self._epoch = entry.epoch
            self._on_belt.clear()
        elif entry.kind == "triggered":
            part = Seen(self._epoch, entry.id, entry.item, entry.at_ns, entry.wired)
            self._on_belt[entry.id] = part
            self._things[entry.item] = part
            self.parts.append(part)
        elif entry.kind in ("fell", "by"):
            if (thing := self._things.pop(entry.item, None)) is not None:
                thing.fell = entry.kind == "fell"
                thing.gone_ns = thing.gone_ns or entry.at_ns
                if not thing.fell:
                    thing.caught = not self.running  # the belt stopped while it went by
                    self._went_by.append((entry.at_ns, thing))
        elif entry.kind in ("passed", "ejected", "missed"):
            gone = self._on_belt.pop(entry.id, None)
            if gone is not None:
                gone.outcome, gone.gone_ns = entry.kind, entry.at_ns
        elif entry.kind == "stopped":
            self._stop(entry.at_ns)
        elif entry.kind == "started":
            self.running = True
            if self.stands and not self.stands[-1][1]:
                self.stands[-1] = (self.stands[-1][0], entry.at_ns)
        self._last_ns = entry.at_ns

    def _stop(self, at_ns: int) -> None:
        if self.running:
            self.stands.append((at_ns, 0))
        self.running = False
        for went_ns, part in self._went_by:
            part.caught |= at_ns - went_ns <= CAUGHT_NS
        self._went_by.clear()

    @property
    def on_belt(self) -> int:
        """Things between sensor and ejector, whoever knows of them."""
        return max(len(self._on_belt), len(self._things))

    def stood_ns(self, begin_ns: int, end_ns: int) -> int:
        """How long the belt stood within a stretch of time."""
        return sum(max(0, min(b or end_ns, end_ns) - max(a, begin_ns)) for a, b in self.stands)
