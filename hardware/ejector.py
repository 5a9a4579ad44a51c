"""The mechanics behind the valve: what lies before the ejector while it blows falls past the confirmation sensor into the bin."""

from __future__ import annotations

import bisect
import itertools
import math
import random
from collections import deque
from dataclasses import dataclass

BODY_NS = 50_000_000  # at nominal speed a part lies before the ejector for so long, if the next one is not closer
BODY_SHARE = 0.7  # of the way to the next one that a part takes up at most


@dataclass(slots=True)
class _Body:
    trigger_id: int
    at: int  # belt position at which its front is at the ejector
    firm: bool  # for drills: the air does not move it
    length: int = BODY_NS
    fell: bool = False


class Ejector:
    """Valve, chute and bin in world time (ns) and belt positions (ns at nominal speed).

    Attributes:
        lead_ns: from the valve's command to the air.
        went: of the latest parts that have gone by: number and whether it fell. The truth, which no PLC knows.
        jammed: for drills: the bin says that it is full.
    """

    def __init__(self, fall_s: float, miss_share: float, bin_parts: int, seed: int) -> None:
        self.lead_ns = 0
        self.went: deque[tuple[int, bool]] = deque(maxlen=10_000)
        self.jammed = False
        self._fall_ns, self._miss_share, self._bin_parts = int(fall_s * 1e9), miss_share, bin_parts
        self._in_bin = 0
        self._random = random.Random(seed)
        self._bodies: list[_Body] = []
        self._switched: deque[tuple[int, bool]] = deque([(-(2**62), False)])
        self._falling: list[int] = []

    @property
    def full(self) -> bool:
        """The sensor at the bin."""
        return self.jammed or (0 < self._bin_parts <= self._in_bin)

    def empty(self) -> None:
        """A person has emptied the bin and freed the chute."""
        self._in_bin, self.jammed = 0, False

    def expect(self, trigger_id: int, at: int) -> None:
        """A part has come onto the belt; it will be at the ejector at a belt position."""
        body = _Body(trigger_id, at, self._random.random() < self._miss_share)
        i = bisect.bisect(self._bodies, at, key=lambda other: other.at)
        self._bodies.insert(i, body)
        for one, next_one in itertools.pairwise(self._bodies[max(0, i - 1) : i + 2]):
            one.length = int(min(BODY_NS, BODY_SHARE * (next_one.at - one.at)))

    def command(self, valve: bool, world_ns: int) -> None:
        """What the PLC wants of the valve from now on."""
        if valve != self._switched[-1][1]:
            self._switched.append((world_ns, valve))

    def work(self, world_ns: int, step_ns: int, position: int, speed: float) -> int:
        """Let time pass; returns how many parts the confirmation sensor saw fall meanwhile.

        Args:
            world_ns: where time stands; it passes by `step_ns`.
            position: of the belt; it moves by `speed` for each ns.
        """
        until = world_ns + step_ns
        for begin, end in self._blowing(world_ns, until):
            low, high = position + int((begin - world_ns) * speed), position + int((end - world_ns) * speed)
            for body in self._bodies:
                if body.at > high:
                    break
                if not body.firm and not body.fell and body.at + body.length >= low:
                    reached = begin + int(max(0, body.at - low) / speed) if speed else begin
                    bisect.insort(self._falling, reached + self._fall_ns)
                    self.went.append((body.trigger_id, True))
                    body.fell = True
        seen = 0
        while self._falling and self._falling[0] <= until:
            self._falling.pop(0)
            seen += 1
        self._in_bin += seen
        return seen

    def forget(self, position: int) -> None:
        """What has left the ejector behind has passed."""
        while self._bodies and self._bodies[0].at + self._bodies[0].length < position:
            body = self._bodies.pop(0)
            if not body.fell:
                self.went.append((body.trigger_id, False))

    def next_ns(self, world_ns: int) -> float:
        """How long until the confirmation sensor sees something that falls already."""
        return self._falling[0] - world_ns if self._falling else math.inf

    def _blowing(self, begin: int, end: int) -> list[tuple[int, int]]:
        """When within a stretch of time the air blows."""
        while len(self._switched) > 1 and self._switched[1][0] + self.lead_ns <= begin:
            self._switched.popleft()
        spans = []
        edges = list(self._switched)
        for i, (at, is_open) in enumerate(edges):
            closes = edges[i + 1][0] + self.lead_ns if i + 1 < len(edges) else end
            low, high = max(begin, at + self.lead_ns), min(end, closes)
            if is_open and low <= high:
                spans.append((low, high))
        return spans
