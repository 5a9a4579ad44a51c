"""The figures of a shift: everything that its report says, in one document with a hash, before a word of any language."""

from __future__ import annotations

import hashlib
import sqlite3
from datetime import date
from typing import Final

import msgspec

from edge import shift_events as events
from edge.errors import StoreError
from edge.estimates import Bounded, Quality, bounds
from edge.reconcile import Misfit, Reconciliation, reconcile
from edge.shift_events import Lasted, Made, PartAt
from edge.shifts import Calendar, Shift
from edge.spc import Chart, p_chart
from edge.statistics import DAY_NS, MIN_USUAL, Bar, Latency, latency, pareto, quality_of, series, summary
from edge.store import Store
from edge.tally_sums import Counts, Span, counts_of, per_slot, uncounted

POINT_NS: Final = 1_800 * 10**9  # half an hour: enough parts for a share, and enough points of a shift to see a run
BASE_DAYS: Final = 14
MAX_MISFITS: Final = 20
_PICTURES: Final = 4
_ALL: Final = 2**53  # of the parts that could be made: those of a shift are a sample of them


class Example(msgspec.Struct, frozen=True):
    """A part whose picture stands for its class; `sha256`: of the picture's file."""

    part_id: str
    wall_ns: int
    kind: str
    sha256: str


class ControlChart(msgspec.Struct, frozen=True):
    """The reject rate by half hours. `base_parts`: parts of the two weeks before that give centre and limits; 0: the shift's own do."""

    slots: list[Span]
    chart: Chart
    base_parts: int


class ShiftReport(msgspec.Struct, frozen=True, kw_only=True):
    """A shift.

    Attributes:
        over: the shift has ended; False: what it is so far.
        rejected: share of NG and UNDECIDED in the judged parts; yielded: of parts right the first time; with bounds.
        closes: the counts close. books: how, with at most 20 of what does not fit.
        stopped_ns: how long the belt was stopped.
        uncounted: hours that no figure but the books knows yet.
    """

    v: int = 1
    station: str
    shift: Shift
    zone: str
    over: bool
    simulated: bool
    counts: Counts
    yielded: Bounded
    rejected: Bounded
    quality: Quality
    closes: bool
    books: Reconciliation
    latency: dict[str, Latency]
    bars: list[Bar]
    examples: list[Example]
    control: ControlChart
    alarms: list[Lasted]
    stopped_ns: int
    unconfirmed: list[PartAt]
    escapes: list[PartAt]
    escapes_found: list[PartAt]
    made_with: list[Made]
    uncounted: int

    def encoded(self) -> bytes:
        """As JSON; the same figures are the same bytes."""
        return msgspec.json.encode(self, order="deterministic")

    def sha256(self) -> str:
        """Of `encoded`: two reports with the same hash say the same."""
        return hashlib.sha256(self.encoded()).hexdigest()


def find_shift(calendar: Calendar, name: str) -> Shift:
    """The shift called so: `2026-11-24/2` is the second one that begins on that day.

    Raises:
        StoreError: there is none.
    """
    day, _, number = name.partition("/")
    try:
        shifts = calendar.shifts_of(date.fromisoformat(day))
        return next(s for s in shifts if str(s.number) == number)
    except (ValueError, OverflowError, StopIteration) as error:
        raise StoreError(f"shift {name[:40]!r}: there is none called so; say DAY/NUMBER, e.g. 2026-11-24/1") from error


def shift_report(store: Store, station: str, calendar: Calendar, shift: Shift, now_ns: int) -> ShiftReport:
    """All figures of a shift, of one moment of the record.

    Raises:
        StoreError: the record cannot be read.
    """
    span = (shift.since_ns, shift.until_ns)
    with store.reading() as db:
        counts = summary(db, span)
        books = reconcile(db, None, span)
        bars = pareto(db, span, examples=_PICTURES)
        alarms = events.alarms(db, (span[0], max(span[0], min(span[1], now_ns))))
        made_with = events.made_with(db, station, span)
        return ShiftReport(
            station=station,
            shift=shift,
            zone=str(calendar.zone or ""),
            over=now_ns >= shift.until_ns,
            simulated=any(m.simulated for m in made_with),
            counts=counts,
            yielded=bounds(counts.first_pass, counts.parts, _ALL),
            rejected=bounds(counts.rejects, counts.judged, _ALL),
            quality=quality_of(db, span),
            closes=books.closes,
            books=msgspec.structs.replace(
                books, misfits=[Misfit(m.part_id[:200], m.why) for m in books.misfits[:MAX_MISFITS]], waiting=books.waiting[:MAX_MISFITS]
            ),
            latency=latency(db, span),
            bars=bars,
            examples=_examples(store, bars),
            control=_control(db, calendar, span),
            alarms=alarms,
            stopped_ns=sum(a.lasted_ns for a in alarms if a.code == events.STOPPED),
            unconfirmed=events.unconfirmed(db, span),
            escapes=events.escapes(db, span),
            escapes_found=events.escapes_found(db, span),
            made_with=made_with,
            uncounted=uncounted(db, span),
        )


def _examples(store: Store, bars: list[Bar]) -> list[Example]:
    """One picture of each of the most frequent classes."""
    found: list[Example] = []
    for bar in bars[:_PICTURES]:
        for part_id in bar.examples:
            part = store.inspection(part_id)
            if part is not None and part.image_path and part_id not in [e.part_id for e in found]:
                found.append(Example(part_id, part.trigger_wall_ns, bar.kind, part.image_sha256 or ""))
                break
    return found


def _control(db: sqlite3.Connection, calendar: Calendar, span: Span) -> ControlChart:
    """Limits come from the two weeks before, where they know enough: a shift that is bad throughout looks even by its own measure."""
    slots = [(at, min(at + POINT_NS, span[1])) for at in range(span[0], span[1], POINT_NS)]
    points = [(c.rejects, c.judged) for c in map(counts_of, per_slot(db, slots))]
    before = series(db, calendar, "hour", (span[0] - BASE_DAYS * DAY_NS, span[0]))
    base = [(p.counts.rejects, p.counts.judged) for p in before if p.counts.judged >= 10 and p.slot.until_ns <= span[0]]
    parts = sum(n for _, n in base)
    known = parts >= MIN_USUAL
    return ControlChart(slots, p_chart(points, laney=True, base=base if known else None), parts if known else 0)
