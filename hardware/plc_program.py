"""The PLC program of the reject path: pure. Time, belt position and speed come in; belt, ejector valve and events go out.

It is the reference for the function block in `hardware/plc_code` and is what the simulated line runs. Its rules:

* a part passes only on an OK that came before its *deadline*, the moment at which its shot would be due, and only if nothing
  but OK was said of it by then; everything else is fired at;
* the belt stands, for good, when something is wrong, until a person acknowledges;
* it starts stopped: nobody knows what came by while it was away, nor whether its count is still the camera's;
* what the program has not seen pass the sensor (all that lies on the belt when it starts) is swept off.

Positions are counts of whatever encoder the line has; a line without one feeds in the time that its belt has run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum, auto

from hardware.part import COMING, Part, PartState
from hardware.plc import STOPS, EjectorTiming, EventKind, PlcEvent

HEARTBEAT_LOST_NS = 1_000_000_000
ENCODER_LOST_NS = 300_000_000  # a belt that should run has moved by then
TREMBLE_PER_S = 200  # an encoder may go back by that part of a second's travel (5 ms), and by one count, without having been set back
LATE_NS = 50_000_000  # by then the next part may lie there
FALL_SHARE = 0.75  # of the shortest fall seen so far: nothing falls faster
UNKNOWN_FALL = 5  # times its own time may pass until a part is certain, as long as nobody knows how long a fall takes
MAX_PARTS = 1024
OK = 1
VISION_SILENT, BY_COMMAND, UNCONFIRMED, BIN_FULL, AT_MACHINE = 1, 2, 3, 4, 5
STARTED = "the program has started; look at belt, ejector and part sensor"
NOT_SURE = "one of the parts that fell close together is missing, or they fall too close to tell"
UNSEEN = "nothing was seen to fall"
SWEPT = "swept out with a part close to it"
TOO_MANY = "more parts on the belt than the program can follow"


class LineState(Enum):
    """What the belt does, and why."""

    IDLE = auto()  # nobody has said ready yet
    RUNNING = auto()
    PAUSED = auto()  # the vision system lives and is not ready
    STOPPED = auto()  # until a person acknowledges


@dataclass(frozen=True, slots=True)
class Moment:
    """When and where.

    Attributes:
        now_ns: monotonic.
        position: belt position in counts; one that is set back stops the line.
        speed: counts per second, as measured; 0 while the belt stands.
        late_ns: how much later than that the program is really run; only `PlcEvent.offset_us` knows of it.
    """

    now_ns: int
    position: int
    speed: float
    late_ns: int = 0


class Program:
    """State of the program.

    Attributes:
        running: output, the belt's motor.
        valve: output, the ejector's valve.
        events: what happened since whoever reads them cleared them; `encoder` is the position.
    """

    def __init__(self, counts_per_s: float, timing: EjectorTiming, *, kept: int = 0) -> None:
        """Args:
        counts_per_s: the belt's nominal speed, by which a delay in ms is taken for counts.
        kept: the stop that was latched in the life before; with none the start itself is one.
        """
        self.running = self.valve = False
        self.code, self.reason = 0, "nobody has said ready yet"
        self.events: list[PlcEvent] = []
        self.parts: list[Part] = []
        self._nominal, self._timing, self._delay = counts_per_s, timing, 0
        self._by_id: dict[int, Part] = {}
        self._alive = self._ever_ready = self._ready = False
        self._kept = kept
        self._ready_ns = 0
        self._speed = counts_per_s  # of the running belt
        self._opened_ns = self._shot_ns = self._moved_ns = 0
        self._fall_ns = 0  # the shortest time from the ejector to the confirmation sensor; 0 before any was seen alone
        self._shot_at = self._seen_at = -(2**62)
        self._close_at: float = -(2**62)
        self._purge_until: int | None = None  # what lies on the belt up to here nobody knows; set when it first runs
        self.timing(timing)

    @property
    def state(self) -> LineState:
        if self.code:
            return LineState.STOPPED
        if self.running:
            return LineState.RUNNING
        return LineState.PAUSED if self._ever_ready else LineState.IDLE

    def answered(self, trigger_id: int) -> bool:
        """Whether anything was said of a part; also if it is not there any more."""
        part = self._by_id.get(trigger_id)
        return part is None or part.answered

    def timing(self, timing: EjectorTiming) -> bool:
        """The way to the ejector for the parts that come from now on, valve times for all; nonsense is not listened to (False)."""
        delay = float(timing.delay_counts) if timing.delay_counts > 0 else timing.delay_ms * self._nominal / 1e3
        times = (timing.lead_ms, timing.pulse_ms - 1, timing.spacing_ms, timing.confirm_ms - 1)
        sane = (
            timing.delay_counts >= 0 and 1 <= delay < 3600 * self._nominal and all(math.isfinite(t) and 0 <= t <= 3_600_000 for t in times)
        )
        if not sane or timing.lead_ms * self._nominal / 1e3 >= delay:
            return False
        self._timing, self._delay = timing, round(delay)
        return True

    def seen(self, at: Moment, trigger_id: int, position: int | None = None, seen_ns: int | None = None) -> int:
        """The sensor (or, with its position, a camera) saw a part; returns the position at which it will be at the ejector."""
        at = self._look(at)
        due = (at.position if position is None else position) + self._delay
        seen_ns = at.now_ns if seen_ns is None else seen_ns
        known = self._by_id.get(trigger_id)
        if known is not None and known.seen_ns == seen_ns:
            return known.due  # the same word twice
        if len(self.parts) >= MAX_PARTS:
            self._purge_until = max(due, self._purge_until or due)
            self._tell("triggered", at, trigger_id)
            self._tell("missed", at, trigger_id, TOO_MANY)
            self._latch(at, UNCONFIRMED, TOO_MANY)
            return due
        part = Part(trigger_id, due, seen_ns)
        self.parts.append(part)
        if known is None:
            self._by_id[trigger_id] = part
            self._tell("triggered", at, trigger_id)
        else:  # two parts under one number: what is said of it may be meant for either
            part.told = False
            self._condemn(part)
            self._condemn(known)
        if len(self.parts) > 1 and self.parts[-2].due > due:
            self.parts.sort(key=lambda p: p.due)  # a recipe with a shorter way has come
        return due

    def _condemn(self, part: Part) -> None:
        if part.state in (PartState.OPEN, PartState.GOOD):
            part.state = PartState.BAD

    def answer(self, at: Moment, trigger_id: int, verdict: int) -> None:
        """The vision system's word on a part: anything but OK wins, whatever comes before or after it."""
        at = self._look(at)
        part = self._by_id.get(trigger_id)
        if part is not None and part.state in COMING:
            part.answered = True
            if verdict != OK:
                self._condemn(part)
            elif part.state is PartState.OPEN:
                part.state = PartState.GOOD
        elif verdict == OK and (part is None or part.state is not PartState.PASSING):
            self._tell("late", at, trigger_id, "OK after the deadline")

    def ready(self, at: Moment, is_ready: bool) -> None:
        """The vision system's heartbeat."""
        at = self._look(at)
        self._ready, self._ready_ns = is_ready, at.now_ns
        self._ever_ready |= is_ready
        self._move(at)

    def stop(self, at: Moment, reason: str, code: int = BY_COMMAND) -> None:
        """Stop until a person acknowledges."""
        at = self._look(at)
        self._latch(at, code, reason)
        self._move(at)

    def acknowledge(self, at: Moment) -> None:
        """A person has acknowledged the stop; the belt runs as soon as the vision system is ready."""
        at = self._look(at)
        if self.code:
            self.code, self.reason = 0, "acknowledged; the vision system has to say ready"
        if at.now_ns - self._ready_ns >= HEARTBEAT_LOST_NS:
            self._ever_ready = self._ready = False  # its next word counts, not its silence until then
        self._move(at)

    def reset(self, at: Moment) -> None:
        """A person has turned the key at the machine."""
        self._tell("reset", at)
        self.acknowledge(at)

    def scan(self, at: Moment, fell: int = 0, bin_full: bool = False) -> None:
        """Let time pass up to now.

        Args:
            fell: what the confirmation sensor has counted since the last scan.
            bin_full: the sensor at the reject bin.
        """
        at = self._look(at, fell)
        if bin_full:
            self._latch(at, BIN_FULL, STOPS[BIN_FULL])
        self._move(at)

    def _look(self, at: Moment, fell: int = 0) -> Moment:
        """What time and belt bring about; belt and valve come after what else is said at the moment, which is returned as it is
        to be understood: an encoder that trembles does not move the belt."""
        if not self._alive:
            self._alive, self._seen_at = True, at.position
            self._latch(at, self._kept or AT_MACHINE, STARTED)
        if 0 < self._seen_at - at.position <= self._nominal // TREMBLE_PER_S + 1:
            at = replace(at, position=self._seen_at)
        if at.speed > 0:
            self._speed = at.speed
        if self._ever_ready and at.now_ns - self._ready_ns >= HEARTBEAT_LOST_NS:
            self._ever_ready = self._ready = False
            self._latch(at, VISION_SILENT, STOPS[VISION_SILENT])
        if at.position < self._seen_at:
            self._set_back(at)
        elif at.position > self._seen_at or not self.running:
            self._seen_at, self._moved_ns = at.position, at.now_ns
        elif at.now_ns - self._moved_ns >= ENCODER_LOST_NS:
            self._lost(at, "the encoder stands while the belt should run")
        lead = self._lead()
        for part in self.parts[:]:
            if part.state in COMING and at.position >= part.due - lead:
                self._decide(part, at)
            if part.state in (PartState.PASSING, PartState.FIRED) and at.position >= part.due:
                self._arrive(part, at)
        self._watch(at, fell)
        return at

    def _lost(self, at: Moment, reason: str) -> None:
        """Where the parts are nobody knows any more."""
        self._purge_until = at.position + self._delay
        self._latch(at, AT_MACHINE, reason)

    def _set_back(self, at: Moment) -> None:
        """The encoder, or the belt, was set back: what is left of every way counts from here."""
        moved = at.position - self._seen_at
        for part in self.parts:
            part.due += moved
        self._shot_at, self._close_at, self._seen_at = self._shot_at + moved, self._close_at + moved, at.position
        self._lost(at, "the encoder was set back")

    def _watch(self, at: Moment, fell: int) -> None:
        """The confirmation sensor. It does not know what falls, so parts that fall close together are judged together: they have
        all fallen when as many have been seen to as were at the ejector by the time that such a fall takes at least. As long as
        one is missing it may be any of them, and a part of which that is not certain within its own time counts as not seen: else
        the next one's fall would do for it, and the one's after that for the next, for as long as rejects come close."""
        falling = [p for p in self.parts if p.state is PartState.FALLING]
        if fell and len(falling) == 1 and not (falling[0].doubt or falling[0].fell):
            fall_ns = at.now_ns - falling[0].arrived_ns
            self._fall_ns = min(self._fall_ns or fall_ns, fall_ns)
        for part in falling:
            if not part.fell and fell:
                part.fell, fell = True, fell - 1
        old = [p for p in falling if at.now_ns - p.arrived_ns >= FALL_SHARE * self._fall_ns]
        if sum(p.fell for p in falling) != len(old):
            confirm_ns = self._timing.confirm_ms * 1e6
            for part in falling:
                wait_ns = confirm_ns if self._fall_ns or not part.fell else UNKNOWN_FALL * confirm_ns
                if not (part.fell and part.doubt) and at.now_ns - part.arrived_ns >= wait_ns:
                    part.doubt = part.doubt or (NOT_SURE if part.fell else UNSEEN)
                    part.fell = True  # it is not waited for any more
                    self._latch(at, UNCONFIRMED, f"part {part.trigger_id}: {part.doubt}")
        if sum(p.fell for p in falling) == len(old):
            doubt = any(p.doubt for p in falling)
            for part in old:
                good = SWEPT if part.swept else "" if part.answered else "no verdict"
                self._end(part, "missed" if doubt else "ejected", at, (part.doubt or NOT_SURE) if doubt else good)

    def _lead(self) -> float:
        return self._timing.lead_ms * self._speed / 1e3

    def _pulse(self) -> float:
        return self._timing.pulse_ms * self._speed / 1e3

    def _decide(self, part: Part, at: Moment) -> None:
        """The deadline: from here on nothing that is said changes what becomes of the part."""
        behind = at.position - (part.due - self._lead())
        late_us = behind / self._speed * 1e6
        part.offset_us = late_us + at.late_ns / 1e3
        part.swept = part.state is PartState.GOOD and self.valve  # it has not closed yet behind the part before
        if part.state is PartState.GOOD and not part.swept:
            part.state = PartState.PASSING
            return
        part.state = PartState.FIRED
        if not part.swept:
            if late_us * 1e3 > LATE_NS:  # what falls may be another part
                part.doubt = "the ejector fired late"
                self._latch(at, UNCONFIRMED, f"part {part.trigger_id}: {part.doubt}")
            self._shot_at, self._shot_ns = at.position, at.now_ns
            self._close_at = max(self._close_at, at.position + self._pulse())
            self._open(at)

    def _arrive(self, part: Part, at: Moment) -> None:
        if part.state is PartState.PASSING and not self._blowing(at):
            self._end(part, "passed", at, "")
            return
        part.swept |= part.state is PartState.PASSING
        part.state = PartState.FALLING
        part.arrived_ns = at.now_ns

    def _blowing(self, at: Moment) -> bool:
        """The valve is open and has been for so long that it works."""
        return self.valve and at.now_ns - self._opened_ns >= self._timing.lead_ms * 1e6 > 0

    def _open(self, at: Moment) -> None:
        if not self.valve:
            self.valve, self._opened_ns = True, at.now_ns

    def _move(self, at: Moment) -> None:
        """Belt and valve. The valve goes first: a belt starts only when it blows for what lies too near to the ejector."""
        if not self._ready or self.code:
            self._stand(at)
            return
        lead = self._lead()
        fired = [p for p in self.parts if p.state is PartState.FIRED and not p.swept]
        if self._purge_until is None:
            self._purge_until = at.position + self._delay
        purging = at.position < self._purge_until - lead + self._pulse()  # a part that stands at the sensor gets a whole pulse, too
        if not self.running:
            if fired or purging:
                self._open(at)
                if at.now_ns - self._opened_ns < self._timing.lead_ms * 1e6:
                    return
            self.running, self.reason = True, ""
            self._tell("started", at)
        for part in fired:  # the belt may have become slower since
            close_at = part.due - lead + self._pulse()
            self._close_at = max(self._close_at, close_at)
            if part.due - lead <= at.position < close_at:
                self._open(at)
        if purging:
            self._open(at)
        elif self.valve and self._pulsed(at) and not self._soon_again(lead):
            self.valve = False

    def _stand(self, at: Moment) -> None:
        """The belt stands, the valve closes after its pulse or when the last part before it has fallen."""
        if self.running:
            self.running, self.reason = False, "the vision system is not ready"
            self._tell("stopped", at, 0, self.reason)
        self.valve &= not self._pulsed(at) and any(p.state is PartState.FALLING for p in self.parts)
        for part in self.parts:
            if part.state is PartState.FIRED and part.swept and not self.valve:
                part.state, part.swept = PartState.PASSING, False  # it has not come to that

    def _pulsed(self, at: Moment) -> bool:
        return at.position >= self._close_at and at.now_ns - self._shot_ns >= self._timing.pulse_ms * 1e6

    def _soon_again(self, lead: float) -> bool:
        """A part has to be shot at sooner than the valve could do it again."""
        again = self._shot_at + self._timing.spacing_ms * self._speed / 1e3
        return any(p.state in (PartState.OPEN, PartState.BAD) and p.due - lead < again for p in self.parts)

    def quiet_ns(self, at: Moment) -> float:
        """How long nothing comes about by itself; infinite if nothing will."""
        waits = [math.inf]
        if self.valve:
            waits.append(self._shot_ns + self._timing.pulse_ms * 1e6 - at.now_ns)
        if at.speed > 0:
            lead = self._lead()
            places: list[float] = [self._close_at] if self.valve else []
            if self._purge_until is not None:
                places.append(self._purge_until - lead + self._pulse())
            for part in self.parts:
                places += (part.due - lead, part.due)
            waits += [math.ceil((place - at.position) / at.speed * 1e9) for place in places]
        return min(wait for wait in waits if wait > 0)

    def _latch(self, at: Moment, code: int, reason: str) -> None:
        if not self.code:
            self.code, self.reason, self.running = code, reason, False
            self._tell("stopped", at, 0, reason, code)

    def _end(self, part: Part, kind: EventKind, at: Moment, reason: str) -> None:
        self.parts.remove(part)
        if part.told:
            del self._by_id[part.trigger_id]
            self._tell(kind, at, part.trigger_id, reason, offset_us=part.offset_us)

    def _tell(self, kind: EventKind, at: Moment, trigger_id: int = 0, reason: str = "", code: int = 0, offset_us: float = 0.0) -> None:
        self.events.append(PlcEvent(kind, trigger_id, at.now_ns, at.position, reason, offset_us, code))
