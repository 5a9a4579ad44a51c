"""Counts of the run, the shift and the last hour: what the record says, and what has been heard. Pure.

Both count by the minute of the trigger and by run, and each may lag behind: the record by its batches or by a recorder that is
away, the ear by a dashboard that has just started or missed something. Neither counts what was not, so of each minute the larger
count is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from edge.lately import Counts, Key, Told
from edge.room import Room

MINUTE_NS: Final = 60 * 10**9
HOUR_MINUTES: Final = 60
MAX_MINUTES: Final = 2_000  # of the ear: a shift of twelve hours without a recorder, and runs that change often
NAMES: Final = ("OK", "NG", "UNDECIDED", "passed", "ejected", "missed")
NONE: Final[Counts] = (0, 0, 0, 0, 0, 0)


class ShadowSeen(NamedTuple):
    """The model in shadow, '' = none, and when its process last wrote of it, UTC ns, 0 = never."""

    model: str = ""
    wall_ns: int = 0


class Behind(NamedTuple):
    """What lies behind the line, as it was last looked at. None: not known, or not there.

    Attributes:
        shift: its name, empty while unknown.
    """

    room: Room | None = None
    shadow: ShadowSeen | None = None
    shift: str = ""


class Minute(NamedTuple):
    """Parts that were triggered in one minute, and how many of them were rejected."""

    parts: int
    rejected: int


class Lately:
    """Counts by minute. Not locked, as `dashboard.line.Line`, which owns it."""

    def __init__(self) -> None:
        self.told: Told | None = None
        self._heard: dict[Key, list[int]] = {}
        self._settled: dict[str, tuple[int, Counts]] = {}

    def judged(self, wall_ns: int, run_id: str, verdict: str) -> None:
        """A verdict was heard."""
        self._count(wall_ns, run_id, verdict)

    def gone(self, wall_ns: int, run_id: str, outcome: str) -> None:
        """A part has gone by the ejector; `wall_ns` of its trigger."""
        self._count(wall_ns, run_id, outcome)

    def _count(self, wall_ns: int, run_id: str, what: str) -> None:
        key = (wall_ns // MINUTE_NS, run_id)
        if key not in self._heard:
            self._heard[key] = [0] * len(NAMES)
            if len(self._heard) > MAX_MINUTES:
                del self._heard[min(self._heard)]
        self._heard[key][NAMES.index(what)] += 1

    def read(self, told: Told, now_ns: int) -> None:
        """What the record says as of now; sums up what will hardly change any more, so that `span` is cheap."""
        self.told, self._settled = told, {}
        edge = now_ns // MINUTE_NS - 1
        keys = [k for k in {*told.minutes, *self._heard} if k[0] < edge]
        for name, span in told.spans.items():
            chosen = (self._larger(k) for k in keys if k[0] >= max(span.since_ns, told.since_ns) // MINUTE_NS and span.run_id in ("", k[1]))
            self._settled[name] = (edge, _sum([span.before, *chosen]))

    def span(self, name: str) -> Counts:
        """Counts of the run or shift by now; zeros while the record has not been read."""
        if self.told is None or name not in self._settled:
            return NONE
        (edge, settled), span = self._settled[name], self.told.spans[name]
        begun = max(edge, span.since_ns // MINUTE_NS)
        newest = [k for k in {*self.told.minutes, *self._heard} if k[0] >= begun and span.run_id in ("", k[1])]
        return _sum([settled, *(self._larger(k) for k in newest)])

    def hour(self, now_ns: int) -> list[Minute]:
        """The last 60 minutes, oldest first; the last one has just begun."""
        last = now_ns // MINUTE_NS
        found = [[0, 0] for _ in range(HOUR_MINUTES)]
        for key in {*self._heard, *(self.told.minutes if self.told is not None else ())}:
            place = key[0] - last + HOUR_MINUTES - 1
            if 0 <= place < HOUR_MINUTES:
                ok, ng, undecided, *_ = self._larger(key)
                found[place][0] += ok + ng + undecided
                found[place][1] += ng + undecided
        return [Minute(*pair) for pair in found]

    def _larger(self, key: Key) -> Counts:
        recorded = self.told.minutes.get(key, NONE) if self.told is not None else NONE
        heard = self._heard.get(key)
        return recorded if heard is None else tuple(map(max, recorded, heard))  # type: ignore[return-value]


def _sum(counts: Iterable[Counts]) -> Counts:
    return tuple(map(sum, zip(*counts, strict=True)))  # type: ignore[return-value]
