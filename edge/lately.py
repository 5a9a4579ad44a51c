"""What the record says of now: counts of the running run and shift, and by minute of the last hour. Cheap enough to be asked often."""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

from edge.shifts import Calendar
from edge.statistics import Band, summary, usual
from edge.tallies import BUCKET_NS
from edge.tally_sums import Scope

MINUTE_NS: Final = 60 * 10**9
HOUR_NS: Final = 60 * MINUTE_NS
AGAIN_NS: Final = 3 * MINUTE_NS  # parts that are younger may still change: an ejection comes, a batch is late
WHOLE_NS: Final = 10 * MINUTE_NS  # after this time everything is counted anew, for what came later still

Key = tuple[int, str]  # minute of the trigger since 1970 UTC, run
Counts = tuple[int, int, int, int, int, int]  # OK, NG, UNDECIDED, passed, ejected, missed

_COUNTS = ", ".join(
    f"count(*) FILTER (WHERE {column} = '{value}')"
    for column, values in (("verdict", ("OK", "NG", "UNDECIDED")), ("outcome", ("passed", "ejected", "missed")))
    for value in values
)


class Stretch(NamedTuple):
    """A run or a shift.

    Attributes:
        since_ns: UTC.
        run_id: '' = of all runs.
        before: counts of the parts that were triggered before `Told.since_ns`.
    """

    since_ns: int
    run_id: str
    before: Counts


class Told(NamedTuple):
    """What the record said.

    Attributes:
        since_ns: UTC, from when on it is told by minute.
        spans: `shift`, and `run` where one is known.
        usual: what reject rate is usual.
        counted_ns: when everything was counted, UTC.
    """

    since_ns: int
    minutes: dict[Key, Counts]
    spans: dict[str, Stretch]
    usual: Band
    counted_ns: int


def tell(db: sqlite3.Connection, calendar: Calendar, now_ns: int, run_id: str, last: Told | None = None) -> Told:
    """Counts as of now; where `last` is recent and of the same run and shift, only the newest minutes are read.

    Args:
        run_id: the run that runs; '' = none is known.
    """
    shift_ns = calendar.shift(now_ns).since_ns
    runs = last is not None and (last.spans["run"].run_id if "run" in last.spans else "")
    if last is not None and runs == run_id and last.spans["shift"].since_ns == shift_ns and now_ns - last.counted_ns < WHOLE_NS:
        begin = (now_ns - AGAIN_NS) // MINUTE_NS
        minutes = {k: n for k, n in last.minutes.items() if k[0] < begin} | _minutes(db, begin * MINUTE_NS, now_ns)
        return last._replace(minutes=minutes)
    since_ns = (now_ns - HOUR_NS) // BUCKET_NS * BUCKET_NS  # so that what lies before is whole tallies
    spans = {"shift": Stretch(shift_ns, "", _before(db, shift_ns, since_ns))}
    if run_id:
        begin_ns = _begin(db, run_id, now_ns)
        spans["run"] = Stretch(begin_ns, run_id, _before(db, begin_ns, since_ns, run_id))
    return Told(since_ns, _minutes(db, since_ns, now_ns), spans, usual(db, calendar, now_ns), now_ns)


def _minutes(db: sqlite3.Connection, since_ns: int, now_ns: int) -> dict[Key, Counts]:
    rows = db.execute(
        f"SELECT trigger_wall_ns / {MINUTE_NS}, coalesce(run_id, ''), {_COUNTS} FROM inspections "
        "WHERE trigger_wall_ns >= ? AND trigger_wall_ns < ? GROUP BY 1, 2",
        (since_ns, now_ns + MINUTE_NS),
    )
    return {(minute, run): tuple(counts) for minute, run, *counts in rows}


def _before(db: sqlite3.Connection, since_ns: int, until_ns: int, run_id: str = "") -> Counts:
    found = summary(db, (since_ns, max(since_ns, until_ns)), Scope(run=run_id))
    return found.ok, found.ng, found.undecided, found.passed, found.ejected, found.missed


def _begin(db: sqlite3.Connection, run_id: str, now_ns: int) -> int:
    """When a run began; one that the record does not know yet has just begun."""
    row = db.execute("SELECT begin_wall_ns FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    return int(row[0]) if row is not None and row[0] is not None else now_ns
