"""The simulated line: belt, part sensor, ejector, confirmation sensor, and the PLC program that ties them together.

What a PLC at a real line does: it counts every part at the sensor, ejects **unless** a permit for that very part has
come before the part reaches the ejector, watches the confirmation sensor, and stops the belt when nobody who judges is
alive. Pure logic: time comes in as an argument, so tests may run it at any speed; `hardware.line` gives it sockets.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

from hardware.plc import EventKind, PlcEvent

HEARTBEAT_LOST_NS = 1_000_000_000
LATE_US = 50_000.0
CATCH_UP_NS = 50_000_000


@dataclass(slots=True)
class BeltSettings:
    """What the line is like; `edge.config.Line` explains the fields. The delay to the ejector comes from the recipe."""

    rate_hz: float = 2.0
    jitter: float = 0.1
    parts: int = 0
    ejector_delay_s: float = 0.4
    confirm_s: float = 0.02
    counts_per_s: float = 10_000.0
    miss_share: float = 0.0
    lost_edge_share: float = 0.0
    sensor: str = "line"
    seed: int = 1


@dataclass(slots=True)
class _Part:
    trigger_id: int
    due: int  # belt time at which it reaches the ejector
    permit: bool = False
    answered: bool = False
    fired_at: int = 0  # belt time of the ejector's shot, 0 before
    offset_us: float = 0.0


@dataclass(slots=True)
class Fed:
    """A part that has just passed the sensor; `wired` is false if the wire to the camera lost the edge."""

    trigger_id: int
    at_ns: int
    encoder: int
    wired: bool


@dataclass
class Belt:
    """State of the line. Belt time runs only while the belt runs, so a stopped belt brings no part to the ejector."""

    settings: BeltSettings
    running: bool = False
    stop_reason: str = "nobody has said ready yet"
    hold: bool = False
    latched: bool = False  # stopped by command: only `start` runs it again
    fed: int = 0
    events: list[PlcEvent] = field(default_factory=list)
    _belt_ns: int = 0
    _last_ns: int = 0
    _next_feed: int = 0
    _ready_ns: int = -(10**18)
    _parts: deque[_Part] = field(default_factory=deque)
    _confirming: deque[_Part] = field(default_factory=deque)
    _by_id: dict[int, _Part] = field(default_factory=dict)
    _random: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._random.seed(self.settings.seed)

    @property
    def encoder(self) -> int:
        """Belt position in counts."""
        return int(self._belt_ns * self.settings.counts_per_s / 1e9)

    @property
    def on_belt(self) -> int:
        """Parts between the sensor and the confirmation."""
        return len(self._by_id)

    def ready(self, is_ready: bool, now_ns: int) -> None:
        """The rejector's heartbeat: the line may run while these come and say ready."""
        self._ready_ns = now_ns if is_ready else -(10**18)

    def ejector(self, delay_ms: float, delay_counts: int) -> None:
        """The recipe's way from sensor to ejector, for the parts that come from now on."""
        delay_s = delay_counts / self.settings.counts_per_s if delay_counts else delay_ms / 1e3
        if 0 < delay_s < 3600:
            self.settings.ejector_delay_s = delay_s

    def announce(self, trigger_id: int, now_ns: int, at_ns: int | None = None) -> None:
        """A camera saw a part; only a line without a sensor of its own listens. It is followed on a belt that stands, too:
        the belt may have stopped between the camera's look and its word, and what nobody follows would pass."""
        if self.settings.sensor == "camera" and trigger_id not in self._by_id:
            self.fed += 1
            self._add(trigger_id, now_ns, now_ns - at_ns if at_ns is not None else 0)

    def _add(self, trigger_id: int, now_ns: int, age_ns: int = 0) -> None:
        part = _Part(trigger_id, self._belt_ns - age_ns + int(self.settings.ejector_delay_s * 1e9))
        self._parts.append(part)
        self._by_id[trigger_id] = part
        self.events.append(PlcEvent("triggered", trigger_id, now_ns, self.encoder))

    def permit(self, trigger_id: int, now_ns: int) -> None:
        """A verdict OK has come. In time it lets the part pass; later it only is noted."""
        part = self._by_id.get(trigger_id)
        if part is None or part.fired_at:
            self.events.append(PlcEvent("late", trigger_id, now_ns, self.encoder, "permit after the deadline"))
            return
        if not part.answered:  # the first answer counts: a reject is never taken back by a second message
            part.permit = part.answered = True

    def reject(self, trigger_id: int) -> None:
        """A verdict NG or UNDECIDED has come; it wins over an earlier permit."""
        part = self._by_id.get(trigger_id)
        if part is not None:
            part.permit, part.answered = False, True

    def stop(self, reason: str, now_ns: int) -> None:
        """Stop the belt until `start`."""
        self.latched = True
        self._halt(reason, now_ns)

    def start(self, now_ns: int) -> None:
        """A person has acknowledged the stop."""
        self.latched = False
        self.advance(now_ns)

    def _halt(self, reason: str, now_ns: int) -> None:
        self.stop_reason = reason
        if self.running:
            self.running = False
            self.events.append(PlcEvent("stopped", 0, now_ns, self.encoder, reason))

    def advance(self, now_ns: int) -> list[Fed]:
        """Let time pass up to now; returns parts that passed the sensor. What happened besides is in `events`."""
        if self.running:
            self._belt_ns += now_ns - self._last_ns
        self._last_ns = now_ns
        fresh = now_ns - self._ready_ns < HEARTBEAT_LOST_NS
        if self.running and not fresh:
            self._halt("no ready from the rejector", now_ns)
        elif not self.running and fresh and not self.latched:
            self.running, self.stop_reason = True, ""
            self.events.append(PlcEvent("started", 0, now_ns, self.encoder))
            self._next_feed = max(self._next_feed, self._belt_ns + 50_000_000)
        if self.running:
            self._eject(now_ns)
            return self._feed(now_ns)
        return []

    def _eject(self, now_ns: int) -> None:
        while self._parts and self._parts[0].due <= self._belt_ns:
            part = self._parts.popleft()
            part.offset_us = (self._belt_ns - part.due) / 1e3
            if part.permit:
                del self._by_id[part.trigger_id]
                self.events.append(PlcEvent("passed", part.trigger_id, now_ns, self.encoder, "", part.offset_us))
            else:
                part.fired_at = self._belt_ns
                self._confirming.append(part)
        confirm_ns = int(self.settings.confirm_s * 1e9)
        while self._confirming and self._confirming[0].fired_at + confirm_ns <= self._belt_ns:
            part = self._confirming.popleft()
            del self._by_id[part.trigger_id]
            failed = self._random.random() < self.settings.miss_share
            late = part.offset_us > LATE_US  # by then the next part may lie there
            kind: EventKind = "missed" if failed or late else "ejected"
            reason = "the ejector fired late" if late else "" if part.answered else "no verdict"
            self.events.append(PlcEvent(kind, part.trigger_id, now_ns, self.encoder, reason, part.offset_us))

    def _feed(self, now_ns: int) -> list[Fed]:
        settings = self.settings
        if settings.sensor == "camera" or self.hold or (settings.parts and self.fed >= settings.parts) or self._belt_ns < self._next_feed:
            return []
        if not settings.rate_hz and self._parts and not self._parts[-1].answered:
            return []  # as fast as the station takes them: one part between sensor and verdict
        spacing = 1e9 / settings.rate_hz if settings.rate_hz else 0.0
        if self._belt_ns - self._next_feed > max(spacing, CATCH_UP_NS):
            self._next_feed = self._belt_ns  # after a pause the parts come one by one, not all that were held back
        self._next_feed = max(self._next_feed + int(spacing), self._belt_ns - int(spacing))
        if settings.rate_hz:
            self._next_feed += int(self._random.uniform(-1, 1) * settings.jitter * spacing)
        self.fed += 1
        self._add(self.fed, now_ns)
        return [Fed(self.fed, now_ns, self.encoder, self._random.random() >= settings.lost_edge_share)]

    def next_due_ns(self, now_ns: int) -> int:
        """How long nothing will happen by itself, in ns (at most 20 ms, so that a lost heartbeat is seen)."""
        wait = 20_000_000
        if self.running:
            if self._parts:
                wait = min(wait, self._parts[0].due - self._belt_ns)
            if self._confirming:
                wait = min(wait, self._confirming[0].fired_at + int(self.settings.confirm_s * 1e9) - self._belt_ns)
            if self.settings.rate_hz and not self.hold and not (self.settings.parts and self.fed >= self.settings.parts):
                wait = min(wait, self._next_feed - self._belt_ns)
        return max(0, wait)
