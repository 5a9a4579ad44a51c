"""Figures for people over any stretch of the record: yield, Pareto, control chart, usual band, escapes, latency. docs/statistics.md says how.

All functions take an open connection of the record (`Store.reading`), write nothing, and read the tallies, not the rows: a day takes
milliseconds, a year a second at most. They are meant for a worker thread. A span is UTC ns, from, to before.
"""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from edge.estimates import Quality, quality
from edge.filters import Filters
from edge.search import find
from edge.shifts import By, Calendar, Slot
from edge.spc import Chart, Rules, p_chart, spread_of
from edge.tallies import BINS_PER_OCTAVE, STAGES
from edge.tally_sums import EVERYTHING, Cell, Counts, Scope, Span, counts_of, kind_per_slot, per_kind, per_run, per_slot, stages

Group = Literal["run", "recipe", "model"]
DAY_NS: Final = 86_400 * 10**9
MIN_USUAL: Final = 200  # parts in a quarter of an hour or so, below which nobody can say what is usual


class Point(msgspec.Struct, frozen=True):
    """A stretch of time and what was counted in it."""

    slot: Slot
    counts: Counts


class Named(msgspec.Struct, frozen=True):
    """A run, recipe or model and what was counted of it; name '' = none is known."""

    name: str
    counts: Counts


class Bar(msgspec.Struct, frozen=True):
    """A class of defect in a Pareto chart.

    Attributes:
        parts: rejected parts that have it; a part with two classes is in both bars. defects: how many such defects.
        share: of `parts` in the parts of all bars together; cumulated: of this bar and those before it.
        good, bad: of these parts, by what people say of the part.
        examples: ids of newest parts with it whose image is kept.
    """

    kind: str
    parts: int
    defects: int
    share: float
    cumulated: float
    good: int
    bad: int
    examples: list[str]


class Band(msgspec.Struct, frozen=True):
    """What reject rate is usual, from the hours before.

    Attributes:
        rate: the mean; None: too little is known, and nothing is unusual.
        spread: by which factor the hours wander more than chance (Laney's sigma_z, at least 1).
        parts: on which it rests; since_ns, until_ns: of when.
    """

    rate: float | None
    spread: float
    parts: int
    since_ns: int
    until_ns: int

    def limits(self, parts: int) -> tuple[float, float] | None:
        """Between which rates so many parts usually lie: rate ± 3 sigma, within 0 and 1; None: it cannot be said."""
        if self.rate is None or parts <= 0:
            return None
        sigma = math.sqrt(self.rate * (1 - self.rate) / parts) * self.spread
        return max(0.0, self.rate - 3 * sigma), min(1.0, self.rate + 3 * sigma)


class Latency(msgspec.Struct, frozen=True):
    """How long a stage takes, us, within 4.5 %; `parts`: how many came to it."""

    p50: float
    p95: float
    p99: float
    worst: float
    parts: int


def summary(db: sqlite3.Connection, span: Span, scope: Scope = EVERYTHING) -> Counts:
    """Everything that was counted in a span."""
    return counts_of(per_slot(db, [span], scope)[0])


def series(db: sqlite3.Connection, calendar: Calendar, by: By, span: Span, scope: Scope = EVERYTHING) -> list[Point]:
    """Counts by hour, shift, day, week or month; the first and the last slot are whole also where the span begins or ends in them."""
    slots = calendar.slots(by, *span)
    cells = per_slot(db, [(s.since_ns, s.until_ns) for s in slots], scope)
    return [Point(slot, counts_of(c)) for slot, c in zip(slots, cells, strict=True)]


def by_group(db: sqlite3.Connection, group: Group, span: Span, scope: Scope = EVERYTHING) -> list[Named]:
    """Counts by run, recipe (its name) or model (its SHA-256), most parts first."""
    runs = per_run(db, span, scope)
    names = {run: run for run in runs}
    if group != "run":
        column = {"recipe": "recipe", "model": "model_hash"}[group]
        names = {run: name or "" for run, name in db.execute(f"SELECT run_id, {column} FROM runs")}
    found: dict[str, Counter[Cell]] = {}
    for run, cells in runs.items():
        found.setdefault(names.get(run, ""), Counter()).update(cells)
    return sorted((Named(name, counts_of(c)) for name, c in found.items()), key=lambda n: (-n.counts.parts, n.name))


def pareto(db: sqlite3.Connection, span: Span, scope: Scope = EVERYTHING, *, examples: int = 4) -> list[Bar]:
    """The classes of defect for which parts were rejected, the most frequent first, each with ids of parts to show."""
    kinds = sorted(per_kind(db, span, scope).items(), key=lambda item: (-item[1].parts, item[0]))
    total = sum(kind.parts for _, kind in kinds)
    bars, before = [], 0
    for name, kind in kinds:
        before += kind.parts
        shown: list[str] = []
        if examples:
            wanted = Filters(
                since_ns=span[0], until_ns=span[1], kind=name, image=True, run=scope.run, recipe=scope.recipe, model=scope.model
            )
            shown = [row.part_id for row in find(db, wanted, limit=examples, seconds=0.02).rows]
        bars.append(Bar(name, kind.parts, kind.defects, kind.parts / total, before / total, kind.good, kind.bad, shown))
    return bars


def chart(
    db: sqlite3.Connection,
    calendar: Calendar,
    by: By,
    span: Span,
    scope: Scope = EVERYTHING,
    *,
    kind: str = "",
    rules: Rules = "nelson",
    laney: bool = False,
) -> tuple[list[Slot], Chart]:
    """A p-chart of the reject rate (rejects of judged parts), or of the share of parts with a class of defect; slots of its points."""
    points = series(db, calendar, by, span, scope)
    slots = [p.slot for p in points]
    counts = [p.counts.rejects for p in points]
    if kind:
        counts = kind_per_slot(db, [(s.since_ns, s.until_ns) for s in slots], kind, scope)
    return slots, p_chart([(c, p.counts.judged) for c, p in zip(counts, points, strict=True)], rules=rules, laney=laney)


def usual(db: sqlite3.Connection, calendar: Calendar, now_ns: int, scope: Scope = EVERYTHING, *, days: int = 14) -> Band:
    """The usual band of the reject rate: from the whole hours of the days before, without days off and hours of hardly any parts."""
    until = calendar.slots("hour", now_ns, now_ns + 1)[0].since_ns
    since = until - days * DAY_NS
    points = []
    for point in series(db, calendar, "hour", (since, until), scope):
        if point.counts.judged >= 10 and not calendar.shift(point.slot.since_ns).off:
            points.append((point.counts.rejects, point.counts.judged))
    parts = sum(n for _, n in points)
    if parts < MIN_USUAL:
        return Band(None, 1.0, parts, since, until)
    rate = sum(c for c, _ in points) / parts
    return Band(rate, spread_of(points, rate), parts, since, until)


def quality_of(db: sqlite3.Connection, span: Span, scope: Scope = EVERYTHING) -> Quality:
    """Escape and overkill, estimated from reviews with bounds, see `edge.estimates`."""
    return quality(per_slot(db, [span], scope)[0])


def latency(db: sqlite3.Connection, span: Span, scope: Scope = EVERYTHING) -> dict[str, Latency]:
    """By stage (`edge.tallies.STAGES`), from the histogram; stages to which no part came are left out."""
    found = stages(db, span, scope)
    return {name: latency_of(found[number]) for number, name in enumerate(STAGES) if found.get(number)}


def latency_of(bins: Counter[int]) -> Latency:
    """Percentiles of a histogram (`edge.tallies.bin_of`), within a bin by the logarithm. Pure."""
    ordered = sorted(bins.items())
    total = sum(bins.values())

    def at(share: float) -> float:
        before = 0
        for bin_, parts in ordered:
            if before + parts >= share * total:
                return float(2 ** ((bin_ + (share * total - before) / parts) / BINS_PER_OCTAVE))
            before += parts
        return float(2 ** ((ordered[-1][0] + 1) / BINS_PER_OCTAVE))

    return Latency(at(0.5), at(0.95), at(0.99), float(2 ** ((ordered[-1][0] + 1) / BINS_PER_OCTAVE)), total)


def trend(points: Sequence[tuple[int, int]]) -> tuple[float, float] | None:
    """Whether a share rises or falls over slots of (count, of): its change from the first slot to the last by weighted least squares, and
    how many standard errors that is, widened by the scatter about the line (at least chance's). None: fewer than three slots with parts.
    Montgomery, Peck, Vining, Introduction to Linear Regression Analysis, 5th ed., 5.5."""
    known = [(i, c / n, n) for i, (c, n) in enumerate(points) if n > 0]
    if len(known) < 3:
        return None
    total = sum(n for _, _, n in known)
    mean_x, mean_y = sum(n * x for x, _, n in known) / total, sum(n * y for _, y, n in known) / total
    sxx = sum(n * (x - mean_x) ** 2 for x, _, n in known)
    slope = sum(n * (x - mean_x) * (y - mean_y) for x, y, n in known) / sxx
    chance = mean_y * (1 - mean_y)
    scatter = sum(n * (y - mean_y - slope * (x - mean_x)) ** 2 for x, y, n in known) / (len(known) - 2)
    error = math.sqrt(max(chance, scatter) / sxx)
    reach = known[-1][0] - known[0][0]
    return slope * reach, slope / error if error else 0.0
