"""Tallies: how many parts of each kind in each quarter of an hour, kept with the rows, in the same transaction.

Whoever changes what is counted (the recorder a part, a person a review) holds the write lock, and takes the part out of the
count where it was and puts it in where it is now. So late ejections, late reviews and messages told twice are right at once,
and readers never write. A quarter of an hour, since every time zone's offset is a multiple of it: local hours, days and
common shifts are whole buckets. Latencies are kept by the hour, as a histogram.

Hours in `tally_due` are not counted: those of a record from before, until `recount` has come to them. Changes there are left out,
as the whole hour is counted from its rows later.
"""

from __future__ import annotations

import bisect
import math
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

BUCKET_NS: Final = 900 * 10**9
HOUR_NS: Final = 3_600 * 10**9
STAGES: Final = ("capture_us", "prepare_us", "infer_us", "decode_us", "decide_us", "total_us")
BINS_PER_OCTAVE: Final = 8  # a bin is 9 % wide: what is read from it is within 4.5 %


class Key(NamedTuple):
    """By what a part is counted. '' = none: no run known, no verdict, no outcome yet, not reviewed."""

    bucket: int
    run: str
    verdict: str
    outcome: str
    truth: str
    sampled: int


# what `key_of` needs of a row of inspections, in this order
KEY_COLUMNS: Final = "trigger_wall_ns, run_id, verdict, outcome, truth, sampled"


def key_of(wall_ns: int, run_id: str | None, verdict: str | None, outcome: str | None, truth: str | None, sampled: int) -> Key:
    return Key(wall_ns // BUCKET_NS, run_id or "", verdict or "", outcome or "", truth or "", sampled)


_LEAST = -40  # 2^-5 us: less is in the first bin
_BOUNDS = [2 ** (b / BINS_PER_OCTAVE) for b in range(_LEAST, 320)]  # up to 2^40 us, 12 days


def bin_of(duration_us: float) -> int:
    """The bin of a duration: bin b holds 2^(b/8) us and more, up to 2^((b+1)/8). By comparison alone, so that it is the same everywhere."""
    return bisect.bisect_right(_BOUNDS, duration_us, 1) - 1 + _LEAST


class Changes:
    """What a transaction changes in the counts; written once, at its end."""

    def __init__(self) -> None:
        self._moved: dict[str, tuple[Sequence[Any] | None, Sequence[Any]]] = {}
        self._parts: Counter[Key] = Counter()
        self._kinds: Counter[tuple[int, str, str, int, str]] = Counter()
        self._defects: Counter[tuple[int, str, str, int, str]] = Counter()
        self._stages: Counter[tuple[int, str, int, int]] = Counter()

    def part(self, key: Key, by: int) -> None:
        """A part comes (1) or goes (-1)."""
        self._parts[key] += by

    def moves(self, part_id: str, before: Sequence[Any] | None, after: Sequence[Any]) -> None:
        """A part's row changes; `before`: its `KEY_COLUMNS` until now, None: it is new. Only the first and the last count."""
        moved = self._moved.get(part_id)
        self._moved[part_id] = (before if moved is None else moved[0], after)

    def defects(self, key: Key, found: Iterable[tuple[str, str]], by: int) -> None:
        """The defects of a part come or go; each by its class and the verdict that it alone makes."""
        for (kind, rejects), count in Counter((kind, int(verdict != "OK")) for kind, verdict in found).items():
            at = (key.bucket, key.run, kind, rejects, key.truth)
            self._kinds[at] += by
            self._defects[at] += by * count

    def timings(self, key: Key, durations_us: Iterable[float | None], by: int) -> None:
        """The timings of a part come or go, in the order of `STAGES`; a stage that it never came to has 0."""
        hour, run, stages = key.bucket * BUCKET_NS // HOUR_NS, key.run, self._stages
        for stage, duration_us in enumerate(durations_us):
            if duration_us is not None and 0 < duration_us < math.inf:
                stages[hour, run, stage, bin_of(duration_us)] += by

    def write(self, db: sqlite3.Connection) -> None:
        """Within the caller's transaction, which holds the write lock."""
        for before, after in self._moved.values():
            if before is not None:
                self._parts[key_of(*before)] -= 1
            self._parts[key_of(*after)] += 1
        due = self._due(db)
        parts = [(*k, n) for k, n in self._parts.items() if n and k.bucket * BUCKET_NS // HOUR_NS not in due]
        kinds = [
            (*k, self._kinds[k], n) for k, n in self._defects.items() if (n or self._kinds[k]) and k[0] * BUCKET_NS // HOUR_NS not in due
        ]
        stages = [(*k, n) for k, n in self._stages.items() if n and k[0] not in due]
        _add(db, "tallies", "bucket, run, verdict, outcome, truth, sampled", ("parts",), parts)
        _add(db, "tally_kinds", "bucket, run, kind, rejects, truth", ("parts", "defects"), kinds)
        _add(db, "tally_stages", "hour, run, stage, bin", ("parts",), stages)

    def _due(self, db: sqlite3.Connection) -> set[int]:
        hours = {k.bucket * BUCKET_NS // HOUR_NS for k in self._parts} | {k[0] for k in self._stages}
        hours |= {k[0] * BUCKET_NS // HOUR_NS for k in self._kinds}
        marks = ", ".join("?" * len(hours))
        return {r[0] for r in db.execute(f"SELECT hour FROM tally_due WHERE hour IN ({marks})", tuple(hours))} if hours else set()


def _add(db: sqlite3.Connection, table: str, key: str, counts: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    if not rows:
        return
    names = key.split(", ")
    marks = ", ".join("?" * (len(names) + len(counts)))
    sums = ", ".join(f"{c} = {c} + excluded.{c}" for c in counts)
    db.executemany(f"INSERT INTO {table} ({key}, {', '.join(counts)}) VALUES ({marks}) ON CONFLICT DO UPDATE SET {sums}", rows)
    less = [row[: len(names)] for row in rows if row[len(names)] < 0]
    if less:  # what nothing is left of goes, so that the counts depend on the rows alone
        where = " AND ".join(f"{n} = ?" for n in names)
        db.executemany(f"DELETE FROM {table} WHERE {where} AND {counts[0]} = 0", less)


def part_before(db: sqlite3.Connection, part_id: str) -> tuple[Key, list[tuple[str, str]]] | None:
    """How a part is counted now, and its defects; None: there is no such part."""
    row = db.execute(f"SELECT {KEY_COLUMNS} FROM inspections WHERE part_id = ?", (part_id,)).fetchone()
    return (key_of(*row), defects_of(db, part_id)) if row is not None else None


def defects_of(db: sqlite3.Connection, part_id: str) -> list[tuple[str, str]]:
    """Class and verdict of each defect of a part."""
    return db.execute("SELECT kind, verdict FROM defects WHERE part_id = ?", (part_id,)).fetchall()


def timings_of(db: sqlite3.Connection, part_id: str) -> tuple[float | None, ...]:
    """The timings of a part, in the order of `STAGES`; none for a part that is not there."""
    return db.execute(f"SELECT {', '.join(STAGES)} FROM inspections WHERE part_id = ?", (part_id,)).fetchone() or ()


def due(db: sqlite3.Connection, n: int) -> list[int]:
    """The newest n hours (UTC hours since 1970) that are not counted yet."""
    return [r[0] for r in db.execute("SELECT hour FROM tally_due ORDER BY hour DESC LIMIT ?", (n,))]


def recount(db: sqlite3.Connection, hour: int) -> None:
    """Count an hour anew from its rows. Within the caller's transaction, which holds the write lock."""
    buckets = (hour * HOUR_NS // BUCKET_NS, (hour + 1) * HOUR_NS // BUCKET_NS)
    for table, column, (first, last) in (("tallies", "bucket", buckets), ("tally_kinds", "bucket", buckets), ("tally_stages", "hour", (hour, hour + 1))):  # fmt: skip
        db.execute(f"DELETE FROM {table} WHERE {column} >= ? AND {column} < ?", (first, last))
    db.execute("DELETE FROM tally_due WHERE hour = ?", (hour,))
    span = (hour * HOUR_NS, (hour + 1) * HOUR_NS)
    db.execute(f"INSERT INTO tallies {PARTS_SQL} GROUP BY 1, 2, 3, 4, 5, 6", span)
    db.execute(f"INSERT INTO tally_kinds {KINDS_SQL} GROUP BY 1, 2, 3, 4, 5", span)
    stages = stages_of(db, *span)
    db.executemany("INSERT INTO tally_stages VALUES (?, ?, ?, ?, ?)", [(hour, *at, n) for at, n in stages.items()])


_RANGE = "i.trigger_wall_ns >= ? AND i.trigger_wall_ns < ?"
# the counts from the rows themselves, for a span of time: (from, to before)
PARTS_SQL: Final = f"""SELECT i.trigger_wall_ns / {BUCKET_NS} AS bucket, coalesce(i.run_id, '') AS run, coalesce(i.verdict, '') AS verdict,
    coalesce(i.outcome, '') AS outcome, coalesce(i.truth, '') AS truth, i.sampled, count(*) AS parts FROM inspections i INDEXED BY inspections_by_time WHERE {_RANGE}"""
KINDS_SQL: Final = f"""SELECT bucket, run, kind, rejects, truth, count(*) AS parts, sum(n) AS defects FROM (
    SELECT i.trigger_wall_ns / {BUCKET_NS} AS bucket, coalesce(i.run_id, '') AS run, d.kind, d.verdict != 'OK' AS rejects,
        coalesce(i.truth, '') AS truth, count(*) AS n
    FROM inspections i INDEXED BY inspections_by_time CROSS JOIN defects d ON d.part_id = i.part_id WHERE {_RANGE}
    GROUP BY i.part_id, d.kind, d.verdict != 'OK')"""


def stages_of(db: sqlite3.Connection, since_ns: int, until_ns: int) -> Mapping[tuple[str, int, int], int]:
    """The histogram of a span from the rows themselves: by run, stage and bin."""
    query = f"SELECT coalesce(i.run_id, ''), {', '.join(STAGES)} FROM inspections i INDEXED BY inspections_by_time WHERE {_RANGE}"
    found: Counter[tuple[str, int, int]] = Counter()
    for run, *durations in db.execute(query, (since_ns, until_ns)):
        found.update((run, stage, bin_of(us)) for stage, us in enumerate(durations) if us is not None and 0 < us < math.inf)
    return found
