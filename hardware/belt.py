"""The simulated line's physics: feed, encoder, belt, valve, chute and bin, and the PLC program (`hardware.plc_program`) that runs it.

Pure: time comes in as an argument, so tests may run it at any speed; `hardware.line` gives it sockets. What happens to a
part is decided by where it lies while the valve blows, not by what the program believes.
"""

from __future__ import annotations

import math
import random
from collections import deque
from dataclasses import dataclass, replace

from hardware.ejector import Ejector
from hardware.plc import EjectorTiming, PlcEvent
from hardware.plc_program import AT_MACHINE, Moment, Program

CATCH_UP_NS = 50_000_000
MAX_STEP_NS = 30_000_000  # the line waits for at most 20 ms
SLACK_NS = 1_000_000
QUICK_PULSE_MS = 3.0  # of the ejector of a line that feeds as fast as it can


@dataclass(slots=True)
class BeltSettings:
    """What the line is like; `edge.config.Line` explains the fields. The way to the ejector comes from the recipe."""

    rate_hz: float = 2.0
    jitter: float = 0.1
    parts: int = 0
    ejector_delay_s: float = 0.4
    confirm_s: float = 0.02
    counts_per_s: float = 10_000.0
    miss_share: float = 0.0
    lost_edge_share: float = 0.0
    bin_parts: int = 0
    sensor: str = "line"
    seed: int = 1


@dataclass(slots=True)
class Fed:
    """A part that has just passed the sensor; `wired` is false if the wire to the camera lost the edge."""

    trigger_id: int
    at_ns: int
    encoder: int
    wired: bool


class Belt:
    """The line. Positions are ns of belt movement at nominal speed, finer than any encoder.

    When this process is not run for a while (a busy machine, a debugger) the whole simulated world stands still for it, as a real
    belt would not wait; `offset_us` of what happens then contains that while.

    Attributes:
        events: what happened since whoever reads them cleared them.
        fed: parts that passed the sensor.
        hold: no parts are fed; those on the belt go on.
        speed: of the belt, as a share of nominal.
        recipe, fault: what the vision system has said of itself, for whoever asks.
    """

    def __init__(self, settings: BeltSettings, *, kept: int = 0, asked: int = 0) -> None:
        """Args:
        kept: the stop for which the line stood when it was switched off; with none its operator has looked and turned the key.
        asked: the recipe that he has asked for last; 0 none.
        """
        self.settings = settings
        self.program = Program(1e9, EjectorTiming(delay_ms=settings.ejector_delay_s * 1e3), kept=kept)
        self.ejector = Ejector(settings.confirm_s, settings.miss_share, settings.bin_parts, settings.seed)
        self.events: list[PlcEvent] = []
        self.fed, self.hold, self.speed = 0, False, 1.0
        self._asked_ns = MAX_STEP_NS  # for how long it was said last that nothing would happen
        self.recipe = self.fault = 0
        self._asked = asked
        self.timing = EjectorTiming(delay_ms=settings.ejector_delay_s * 1e3)
        self._belt_ns = self._world_ns = self._next_feed = 0
        self._rest = 0.0  # of a ns of belt movement
        self._motions: deque[tuple[int, int, float]] = deque(maxlen=64)  # since when, from which place, how fast: the newest last
        self._last_ns: int | None = None
        self._random = random.Random(settings.seed)
        self.program.scan(self._moment())
        if not kept:
            self.program.acknowledge(self._moment())
            self.program.events.clear()  # before anybody looks

    @property
    def encoder(self) -> int:
        """Belt position in counts."""
        return int(self._belt_ns * self.settings.counts_per_s / 1e9)

    @property
    def on_belt(self) -> int:
        """Parts between the sensor and the confirmation."""
        return len(self.program.parts)

    @property
    def running(self) -> bool:
        return self.program.running

    @property
    def stop_reason(self) -> str:
        return self.program.reason

    def ready(self, is_ready: bool, now_ns: int, fault: int = 0) -> None:
        """The rejector's heartbeat: the line may run while these come and say ready."""
        self.fault = fault
        self.program.ready(self._pass(now_ns), is_ready and self._asked in (0, self.recipe))
        self._settle(now_ns)

    def aim(self, timing: EjectorTiming) -> None:
        """The recipe's ejector, for the parts that come from now on. A line that feeds as fast as the station takes parts has one that
        is quick enough for that: a recipe's is made for the distances of its own line, and would take good parts with it here."""
        if not self.settings.rate_hz:
            timing = replace(timing, pulse_ms=min(timing.pulse_ms, QUICK_PULSE_MS), spacing_ms=0.0)
        fine = int(min(timing.delay_counts * 1e9 / self.settings.counts_per_s, 1e30))
        if self.program.timing(replace(timing, delay_counts=fine)):
            self.timing, self.ejector.lead_ns = timing, int(timing.lead_ms * 1e6)

    def announce(self, trigger_id: int, now_ns: int, at_ns: int | None = None) -> None:
        """A camera saw a part; only a line without a sensor of its own listens. It is followed on a belt that stands, too:
        the belt may have stopped between the camera's look and its word, and what nobody follows would pass."""
        if self.settings.sensor != "camera":
            return
        moment = self._pass(now_ns)
        seen_ns = now_ns if at_ns is None else at_ns
        before = len(self.program.parts)
        due = self.program.seen(moment, trigger_id, self._place_at(seen_ns), seen_ns)
        if len(self.program.parts) > before:
            self.fed += 1
            self.ejector.expect(trigger_id, due)
        self._settle(now_ns)

    def _place_at(self, at_ns: int) -> int:
        """Where the belt was when a camera saw a part of which it speaks only now; it may have stood since."""
        for since_ns, place, pace in reversed(self._motions):
            if since_ns <= at_ns:
                return min(self._belt_ns, place + int((at_ns - since_ns) * pace))
        return self._motions[0][1] if self._motions else self._belt_ns

    def answer(self, trigger_id: int, verdict: int, now_ns: int) -> None:
        """A verdict has come; only 1 (OK), and in time, lets its part pass."""
        moment = self._pass(now_ns)
        self.program.answer(moment, trigger_id, verdict)
        self.program.scan(moment)  # the valve may not have to be held for it any more
        self._settle(now_ns)

    def stop(self, reason: str, now_ns: int) -> None:
        """The vision system stops the belt until somebody acknowledges."""
        self.program.stop(self._pass(now_ns), reason)
        self._settle(now_ns)

    def stop_at_machine(self, now_ns: int) -> None:
        """The button at the machine."""
        self.program.stop(self._pass(now_ns), "stopped at the machine", AT_MACHINE)
        self._settle(now_ns)

    def acknowledge(self, now_ns: int) -> None:
        """A person has acknowledged, and emptied the bin."""
        self.ejector.empty()
        self.program.acknowledge(self._pass(now_ns))
        self._settle(now_ns)

    def reset(self, now_ns: int) -> None:
        """The key at the machine."""
        self.ejector.empty()
        self.program.reset(self._pass(now_ns))
        self._settle(now_ns)

    def request_recipe(self, number: int, now_ns: int) -> None:
        """The machine's operator chooses a product; the belt runs only while it is judged by its recipe."""
        self._asked = number
        if number not in (0, self.recipe):
            self.program.ready(self._pass(now_ns), False)  # as the function block does, at once and not at the next heartbeat
        self.events.append(PlcEvent("recipe", 0, now_ns, self.encoder, code=number))

    def lies(self, number: int, counts: int) -> None:
        """Something lies on the belt, so many counts behind the sensor, that the PLC program has not seen: it was there before."""
        come_ns = int(counts * 1e9 / self.settings.counts_per_s)
        self.ejector.expect(number, self._belt_ns + int(self.settings.ejector_delay_s * 1e9) - come_ns)

    def told_again(self, now_ns: int) -> None:
        """Somebody new looks after the line: what is to judge, that the belt runs, or a stop that waits for a person, is said again."""
        if self._asked:
            self.request_recipe(self._asked, now_ns)
        if self.program.running:
            self.events.append(PlcEvent("started", 0, now_ns, self.encoder))
        if self.program.code:
            self.events.append(PlcEvent("stopped", 0, now_ns, self.encoder, self.program.reason, code=self.program.code))

    def advance(self, now_ns: int) -> list[Fed]:
        """Let time pass up to now; returns parts that passed the sensor. What happened besides is in `events`."""
        self._pass(now_ns)
        self._settle(now_ns)
        fed = self._feed(now_ns) if self.program.running else []
        self._settle(now_ns)
        return fed

    def _pass(self, now_ns: int) -> Moment:
        """The world up to now; then the program may look at it and act."""
        gone = now_ns - self._last_ns if self._last_ns is not None else 0
        self._last_ns = now_ns
        # with no rate to keep, a belt need not move on while its process is held up: what lies so close would be past the ejector
        step = min(gone, MAX_STEP_NS if self.settings.rate_hz else self._asked_ns + SLACK_NS)
        running = self.program.running
        pace = self.speed if running else 0.0
        if not self._motions or self._motions[-1][2] != pace:
            self._motions.append((now_ns - gone, self._belt_ns, pace))
        falls = self.ejector.work(self._world_ns, step, self._belt_ns, pace)
        self._world_ns += step
        if running:
            self._rest += step * self.speed
            moved = int(self._rest)
            self._belt_ns, self._rest = self._belt_ns + moved, self._rest - moved
        moment = self._moment(gone - step)
        self.program.scan(moment, falls, self.ejector.full)
        return moment

    def _moment(self, late_ns: int = 0) -> Moment:
        return Moment(self._world_ns, self._belt_ns, self.speed * 1e9 if self.program.running else 0.0, late_ns)

    def _settle(self, now_ns: int) -> None:
        """The valve gets what the program wants; its events get the clock and the encoder of this world."""
        self.ejector.command(self.program.valve, self._world_ns)
        for e in self.program.events:
            self.events.append(replace(e, at_ns=now_ns, encoder=self.encoder))
            if e.kind == "started":
                self._next_feed = max(self._next_feed, self._belt_ns + 50_000_000)
        self.program.events.clear()
        self.ejector.forget(self._belt_ns)

    def _feed(self, now_ns: int) -> list[Fed]:
        settings = self.settings
        if settings.sensor == "camera" or self.hold or (settings.parts and self.fed >= settings.parts) or self._belt_ns < self._next_feed:
            return []
        if not settings.rate_hz and not self.program.answered(self.fed):
            return []  # as fast as the station takes them: one part between sensor and verdict
        spacing = 1e9 / settings.rate_hz if settings.rate_hz else 0.0
        if self._belt_ns - self._next_feed > max(spacing, CATCH_UP_NS):
            self._next_feed = self._belt_ns  # after a pause the parts come one by one, not all that were held back
        self._next_feed = max(self._next_feed + int(spacing), self._belt_ns - int(spacing))
        if settings.rate_hz:
            self._next_feed += int(self._random.uniform(-1, 1) * settings.jitter * spacing)
        self.fed += 1
        self.ejector.expect(self.fed, self.program.seen(self._moment(), self.fed))
        return [Fed(self.fed, now_ns, self.encoder, self._random.random() >= settings.lost_edge_share)]

    def next_due_ns(self, now_ns: int) -> int:
        """How long nothing will happen by itself, in ns (at most 20 ms, so that a lost heartbeat is seen)."""
        wait = min(20_000_000.0, self.program.quiet_ns(self._moment()))
        feeds = self.settings.rate_hz and not self.hold and not (self.settings.parts and self.fed >= self.settings.parts)
        if self.running and feeds and self.settings.sensor != "camera":
            wait = min(wait, math.ceil((self._next_feed - self._belt_ns) / self.speed))
        wait = min(wait, self.ejector.next_ns(self._world_ns))
        self._asked_ns = int(wait)
        return max(0, int(wait) - (now_ns - self._last_ns if self._last_ns is not None else 0))
