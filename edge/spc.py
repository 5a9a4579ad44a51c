"""Control charts for a share of defectives (p-chart) and the rules that say when the line is not itself any more. Pure.

Limits: p ± 3·sqrt(p(1-p)/n) with the n of each point; Montgomery, Introduction to Statistical Quality Control, 8th ed., 7.2.
With thousands of parts per point these limits are narrower than a healthy line wanders: Laney's p'-chart widens them by
the spread that the points themselves show; D. B. Laney, Improved Control Charts for Attributes, Quality Engineering 14 (2002) 531.
Rules: L. S. Nelson, The Shewhart Control Chart: Tests for Special Causes, J. Quality Technology 16 (1984) 237; and Western
Electric, Statistical Quality Control Handbook (1956), pp. 25 ff. Zones are in sigma of each point, so they hold for varying n.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, Literal

import msgspec

Rules = Literal["nelson", "western-electric"]


class Signal(msgspec.Struct, frozen=True):
    """A rule that is broken.

    Attributes:
        rule: its name, a key of `NELSON` or `WESTERN_ELECTRIC`.
        points: places in the chart's points that break it together; the last is the one at which it shows.
        above: on which side of the centre; None: on both, or the rule knows none.
    """

    rule: str
    points: tuple[int, ...]
    above: bool | None


class ChartPoint(msgspec.Struct, frozen=True):
    """A point. With no parts there is no share, and rules pass over it.

    Attributes:
        share: count / of; low, high: its control limits (0 and 1 at most); z: how many sigma it is off the centre.
    """

    count: int
    of: int
    share: float | None
    low: float | None
    high: float | None
    z: float | None


class Chart(msgspec.Struct, frozen=True):
    """A p-chart.

    Attributes:
        centre: the share over all points, or of the base that was given; None: no parts at all.
        spread: Laney's sigma_z: 1 where the points wander as chance alone makes them, more where they wander more.
        laney: whether the limits are wider by `spread`.
        signals: what breaks a rule, in the order in which it shows.
    """

    centre: float | None
    spread: float
    laney: bool
    points: list[ChartPoint]
    signals: list[Signal]


def p_chart(
    points: Sequence[tuple[int, int]], *, rules: Rules = "nelson", laney: bool = False, base: Sequence[tuple[int, int]] | None = None
) -> Chart:
    """A chart of (defectives, parts).

    Args:
        rules: whose rules are looked at.
        laney: widen the limits by the spread of the points.
        base: points from a time when all was well, that give centre and spread; None: the points themselves.
    """
    known = [(c, n) for c, n in (points if base is None else base) if n > 0]
    total = sum(n for _, n in known)
    if not total:
        return Chart(None, 1.0, laney, [ChartPoint(c, n, c / n if n else None, None, None, None) for c, n in points], [])
    centre = sum(c for c, _ in known) / total
    spread = spread_of(known, centre)
    wide = spread if laney else 1.0
    found = [_point(c, n, centre, wide) for c, n in points]
    return Chart(centre, spread, laney, found, signals([p.z for p in found], rules))


def _point(count: int, of: int, centre: float, wide: float) -> ChartPoint:
    if of == 0:
        return ChartPoint(count, of, None, None, None, None)
    sigma = math.sqrt(centre * (1 - centre) / of) * wide
    share = count / of
    z = (share - centre) / sigma if sigma else 0.0 if share == centre else math.copysign(math.inf, share - centre)
    return ChartPoint(count, of, share, max(0.0, centre - 3 * sigma), min(1.0, centre + 3 * sigma), z)


def spread_of(points: Sequence[tuple[int, int]], centre: float) -> float:
    """Laney's sigma_z: the mean moving range of the points' z, over 1.128; at least 1, so that limits are never narrower than chance."""
    if not 0 < centre < 1:
        return 1.0
    z = [(c / n - centre) / math.sqrt(centre * (1 - centre) / n) for c, n in points if n > 0]
    ranges = [abs(b - a) for a, b in pairwise(z)]
    return max(1.0, sum(ranges) / len(ranges) / 1.128) if ranges else 1.0


def signals(z: Sequence[float | None], rules: Rules = "nelson") -> list[Signal]:
    """What breaks a rule, in the order in which it shows. A rule that goes on being broken is one signal, which grows.

    Args:
        z: how many sigma each point is off the centre; None: no point, passed over.
    """
    places = [i for i, value in enumerate(z) if value is not None]
    values = [value for value in z if value is not None]
    found = []
    for name, (_, test) in RULES[rules].items():
        for side in _sides(values, test):
            points, above = side
            found.append(Signal(name, tuple(places[i] for i in points), above))
    return sorted(found, key=lambda s: (s.points[-1], s.rule, s.points))


Test = Callable[[Sequence[float], int], tuple[set[int], bool | None] | None]


def _sides(values: Sequence[float], test: Test) -> list[tuple[list[int], bool | None]]:
    """A test at every point; what is broken at neighbouring points, on the same side, is one."""
    found: list[tuple[set[int], bool | None, int]] = []
    for end in range(len(values)):
        broken = test(values, end)
        if broken is None:
            continue
        points, above = broken
        if found and found[-1][2] == end - 1 and found[-1][1] == above:
            found[-1] = (found[-1][0] | points, above, end)
        else:
            found.append((points, above, end))
    return [(sorted(points), above) for points, above, _ in found]


def _beyond(k: int, of: int, sigma: float) -> Test:
    """k of so many points in a row, the last among them, beyond so many sigma on the same side."""

    def test(z: Sequence[float], end: int) -> tuple[set[int], bool] | None:
        for above in (True, False):
            sign = 1 if above else -1
            outside = {i for i in range(max(0, end - of + 1), end + 1) if sign * z[i] > sigma}
            if end in outside and len(outside) >= k:
                return outside, above
        return None

    return test


def _run(n: int, holds: Callable[[float], bool], above: bool | None = None) -> Test:
    """n points in a row of which the same holds."""

    def test(z: Sequence[float], end: int) -> tuple[set[int], bool | None] | None:
        window = range(end - n + 1, end + 1)
        return (set(window), above) if window.start >= 0 and all(holds(z[i]) for i in window) else None

    return test


def _both_sides(n: int) -> Test:
    """n points in a row beyond 1 sigma, some above and some below."""
    outside = _run(n, lambda v: abs(v) > 1)
    return lambda z, end: outside(z, end) if len({v > 0 for v in z[max(0, end - n + 1) : end + 1]}) == 2 else None


def _same_side(n: int) -> Test:
    up, down = _run(n, lambda v: v > 0, True), _run(n, lambda v: v < 0, False)
    return lambda z, end: up(z, end) or down(z, end)


def _steady(n: int) -> Test:
    """n points in a row that each rise, or each fall."""

    def test(z: Sequence[float], end: int) -> tuple[set[int], bool] | None:
        if end < n - 1:
            return None
        steps = [b - a for a, b in pairwise(z[end - n + 1 : end + 1])]
        for above in (True, False):
            if all(s > 0 if above else s < 0 for s in steps):
                return set(range(end - n + 1, end + 1)), above
        return None

    return test


def _alternating(n: int) -> Test:
    """n points in a row that go up and down by turns."""

    def test(z: Sequence[float], end: int) -> tuple[set[int], None] | None:
        if end < n - 1:
            return None
        steps = [b - a for a, b in pairwise(z[end - n + 1 : end + 1])]
        return (set(range(end - n + 1, end + 1)), None) if all(a * b < 0 for a, b in pairwise(steps)) else None

    return test


NELSON: Final[dict[str, tuple[str, Test]]] = {
    "nelson-1": ("one point beyond 3 sigma", _beyond(1, 1, 3)),
    "nelson-2": ("nine points in a row on the same side of the centre", _same_side(9)),
    "nelson-3": ("six points in a row that rise, or that fall", _steady(6)),
    "nelson-4": ("fourteen points in a row that go up and down by turns", _alternating(14)),
    "nelson-5": ("two of three points in a row beyond 2 sigma on the same side", _beyond(2, 3, 2)),
    "nelson-6": ("four of five points in a row beyond 1 sigma on the same side", _beyond(4, 5, 1)),
    "nelson-7": ("fifteen points in a row within 1 sigma", _run(15, lambda v: abs(v) < 1)),
    "nelson-8": ("eight points in a row on both sides of the centre, none within 1 sigma", _both_sides(8)),
}
WESTERN_ELECTRIC: Final[dict[str, tuple[str, Test]]] = {
    "western-electric-1": ("one point beyond 3 sigma", _beyond(1, 1, 3)),
    "western-electric-2": ("two of three points in a row beyond 2 sigma on the same side", _beyond(2, 3, 2)),
    "western-electric-3": ("four of five points in a row beyond 1 sigma on the same side", _beyond(4, 5, 1)),
    "western-electric-4": ("eight points in a row on the same side of the centre", _same_side(8)),
}
RULES: Final[dict[Rules, dict[str, tuple[str, Test]]]] = {"nelson": NELSON, "western-electric": WESTERN_ELECTRIC}
