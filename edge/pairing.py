"""Do picture and part belong together? Pure: the PLC's triggers and the station's announcements come in, doubts come out.

The PLC counts parts at its sensor and the camera counts its triggers; nothing but the count ties them. If one of the two misses a
part, every later verdict would go to its neighbour. So each number is compared where both tell of it: belt position where both
have it, else the time. Only the difference between the two has to stay: encoders may have other zeros, and a PLC on a field bus is
heard some time after it saw. Misses shift it by a part distance, so a third of the shortest of late is what it may change by.

A PLC that is heard late shows the same as one that has missed a part, and a camera whose frame comes late the same as one that
has: by time alone only several in a row are proof. Each of them is rejected until then.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from statistics import median

from edge.messages import Trigger
from hardware.plc import PlcEvent

EARLY_IN_ROW = 3  # heard before it was seen: a frame may come late, three in a row do not
LATE_IN_ROW = 20  # heard late: a link that was held up catches up by then
LEARNT = 5  # pairs that must agree before times are compared with them
LEAST_NS, LEAST_COUNTS = 2_000_000, 2
APART_NS = 100_000_000  # no link that works is that slow for some parts in a row
STALE_NS = 60_000_000_000  # what has waited for so long belongs to another count
ANEW_NS = 1_000_000_000  # a line that counts anew was away for longer
MAX_WAITING, MAX_STEPS = 2_048, 64
_WRAP = 1 << 32  # encoders count in 32 bits


@dataclass(frozen=True, slots=True)
class Doubt:
    """A part of which picture and sensor do not tell the same; `stop`: it is proof that the counts have come apart."""

    trigger_id: int
    text: str
    stop: bool


@dataclass(frozen=True, slots=True)
class _Seen:
    at_ns: int
    encoder: int | None


class Pairing:
    """One line's pairs, by trigger number. The difference is learnt anew when one of the two counts anew, and by nothing else: after
    an acknowledgement parts that have come apart stop the line again."""

    def __init__(self) -> None:
        self._plc: OrderedDict[int, _Seen] = OrderedDict()
        self._station: OrderedDict[int, _Seen] = OrderedDict()
        self._plc_newest: tuple[int, _Seen] | None = None
        self._station_newest: tuple[int, _Seen] | None = None
        self._begin()

    def _begin(self) -> None:
        self._offset: int | None = None  # station less PLC, counts
        self._lag_ns: float | None = None  # PLC less station
        self._lags: deque[int] = deque(maxlen=LEARNT)
        self._steps_ns: deque[int] = deque(maxlen=MAX_STEPS)
        self._steps: deque[int] = deque(maxlen=MAX_STEPS)
        self._early = self._late = 0

    def triggered(self, event: PlcEvent) -> Doubt | None:
        """The PLC's sensor saw a part."""
        number, seen = event.trigger_id, _Seen(event.at_ns, event.encoder or None)
        if self._plc_newest is not None:
            before, then = self._plc_newest
            if number <= before:
                self._plc.clear()
                for old in [n for n, s in self._station.items() if s.at_ns < seen.at_ns - ANEW_NS]:
                    del self._station[old]
                self._begin()
            elif number == before + 1 and seen.encoder is not None and then.encoder is not None:
                self._steps.append(abs(_wrapped(seen.encoder - then.encoder)))
        self._plc_newest = (number, seen)
        return self._meet(number, self._plc, seen, self._station)

    def announced(self, trigger: Trigger) -> Doubt | None:
        """The station has a picture of a part; what was announced without one tells nothing of where the part was."""
        number, seen = trigger.trigger_id, _Seen(trigger.trigger_ns, trigger.encoder)
        if not trigger.pictured or trigger.sensor != "line":
            return None
        if self._station_newest is not None:
            before, then = self._station_newest
            if seen.at_ns <= then.at_ns:  # said again, or by somebody who repeats an old edge
                return None if number >= before else self._meet(number, self._station, seen, self._plc)
            if number <= before:
                self._station.clear()
                self._begin()
            elif number == before + 1:
                self._steps_ns.append(seen.at_ns - then.at_ns)
        self._station_newest = (number, seen)
        return self._meet(number, self._station, seen, self._plc)

    def _meet(self, number: int, mine: OrderedDict[int, _Seen], seen: _Seen, other: OrderedDict[int, _Seen]) -> Doubt | None:
        found = other.pop(number, None)
        if found is None or abs(found.at_ns - seen.at_ns) > STALE_NS:
            mine.setdefault(number, seen)
            if len(mine) > MAX_WAITING:
                mine.popitem(last=False)
            return None
        plc, station = (seen, found) if mine is self._plc else (found, seen)
        return self._compare(number, plc, station)

    def _compare(self, number: int, plc: _Seen, station: _Seen) -> Doubt | None:
        lag = plc.at_ns - station.at_ns
        if plc.encoder is not None and station.encoder is not None:
            return self._by_encoder(number, _wrapped(station.encoder - plc.encoder)) or self._learn(number, lag)
        return self._learn(number, lag) if self._lag_ns is None else self._by_time(number, lag)

    def _by_encoder(self, number: int, offset: int) -> Doubt | None:
        if self._offset is not None and self._steps:
            off, may = _wrapped(offset - self._offset), max(LEAST_COUNTS, min(self._steps) // 3)
            if abs(off) > may:
                return Doubt(
                    number, f"part {number}: its picture was taken {off:+d} counts from where the PLC saw it; at most {may} are right", True
                )
        self._offset = offset
        return None

    def _by_time(self, number: int, lag: int) -> Doubt | None:
        assert self._lag_ns is not None
        off, may = lag - self._lag_ns, self._may_ns()
        if abs(off) <= may:
            self._lag_ns += off / 8  # clocks of cameras drift
            self._early = self._late = 0
            return None
        self._early, self._late = (self._early + 1, 0) if off < 0 else (0, self._late + 1)
        text = f"part {number}: its picture was taken {-off / 1e6:+.0f} ms from when the PLC saw it; at most {may / 1e6:.0f} are right"
        return Doubt(number, text, self._early >= EARLY_IN_ROW or self._late >= LATE_IN_ROW)

    def _learn(self, number: int, lag: int) -> Doubt | None:
        """The first ones tell what is usual, if they agree. One clock stamps both, so a line whose parts are far from each other shows
        by them whether the two had come apart before anybody watched (an earlier rejector, say)."""
        if self._lag_ns is not None or not self._steps_ns:
            return None
        self._lags.append(lag)
        if len(self._lags) < LEARNT or max(self._lags) - min(self._lags) > 2 * self._may_ns():
            return None
        usual = median(self._lags)
        if abs(usual) > 2 / 3 * min(self._steps_ns) > APART_NS:
            text = f"part {number}: pictures are taken {-usual / 1e6:+.0f} ms from when the PLC sees the parts: they show others"
            return Doubt(number, text, True)
        self._lag_ns = usual
        return None

    def _may_ns(self) -> float:
        return max(LEAST_NS, min(self._steps_ns, default=0) / 3)


def _wrapped(counts: int) -> int:
    """A difference of two 32-bit counters, the short way round."""
    return (counts + _WRAP // 2) % _WRAP - _WRAP // 2
