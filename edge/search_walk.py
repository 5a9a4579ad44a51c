"""The way through the record that a search takes: by which index, and which stretches of time it need not look at.

An index leads in the order of time to parts that are likely hits; the tallies say in which quarters of an hour there is any.
Where they cannot say, the way goes in steps of so many entries of the index, so that each step's time is bounded.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final, NamedTuple

from edge.filters import EVER, Filters
from edge.migrations import KEPT, ODD
from edge.tallies import BUCKET_NS, HOUR_NS

FEW: Final = 5_000  # so many hits are fetched and sorted, without an index in the order of time
STEP: Final = 20_000  # entries of an index at a time: some ten ms
GROUP: Final = 2_000  # hits at a time, where the tallies know how many there are
Value = str | int
Span = tuple[int, int]

_WHO = "(SELECT r.who FROM reviews r WHERE r.part_id = i.part_id ORDER BY r.number DESC LIMIT 1) = ?"
_ODD = (
    ODD.replace("contradicted", "i.contradicted").replace("held", "i.held").replace("outcome", "i.outcome").replace("verdict", "i.verdict")
)
_KEPT = KEPT.replace("image_path", "i.image_path").replace("evidence_expired", "i.evidence_expired")
_RUNS = "SELECT run_id FROM runs WHERE"


class Walk(NamedTuple):
    """How a search goes.

    Attributes:
        source: FROM and the index; leads: its condition, with values. `sorts` False: the index is not in the order of time.
        time: the column in whose order it goes.
        terms: conditions on the part, with values.
        zones: table of tallies and conditions that say where hits are, with values; without a condition: wherever there is a part.
        charted: the tallies know all that is asked for; whole: and count each part once.
    """

    newest: bool
    span: Span
    source: str
    leads: tuple[str, tuple[Value, ...]]
    sorts: bool
    time: str
    terms: tuple[str, tuple[Value, ...]]
    zones: tuple[str, str, tuple[Value, ...]]
    charted: bool
    whole: bool

    def query(self, columns: str, span: Span, key: tuple[int, str] | None) -> tuple[str, tuple[Value, ...]]:
        """Hits in a span (from, to before), behind a key (time, id) if given."""
        words = [self.leads[0], f"{self.time} >= ? AND {self.time} < ?", self.terms[0]]
        values: tuple[Value, ...] = (*self.leads[1], *span, *self.terms[1])
        if key is not None:
            words.append(f"({self.time}, i.part_id) {'<' if self.newest else '>'} (?, ?)")
            values += key
        return f"SELECT {columns} FROM {self.source} WHERE {' AND '.join(w for w in words if w)}", values


def walk_of(db: sqlite3.Connection, f: Filters, *, newest: bool) -> Walk:
    """The way for these filters."""
    terms, values = _terms(f)
    source, leads, sorts, time = _lead(db, f)
    zones = _zones(f)
    unknown = f.part or f.trigger_id is not None or f.reviewer or any(v is not None for v in (f.contradicted, f.held, f.image))
    charted = not unknown and not (f.kind and (f.verdict or f.outcome or f.sampled is not None))
    return Walk(newest, (f.since_ns, f.until_ns), source, leads, sorts, time, (terms, values), zones, charted, charted and not f.kind)


def spans_of(db: sqlite3.Connection, walk: Walk, at_ns: int | None, want: int) -> Iterator[Span]:
    """The stretches to look at, in order, from a moment on (the newest way: before it); `want`: about so many hits are wanted."""
    since, until = walk.span
    if at_ns is not None:
        since, until = (since, min(until, at_ns)) if walk.newest else (max(since, at_ns), until)
    if since >= until:
        return
    if not walk.sorts:
        yield since, until
    elif walk.zones[1] and _counted(db, since, until):
        yield from _zoned(db, walk, (since, until), want)
    else:
        yield from _stepped(db, walk, (since, until), want)


def exact_count(db: sqlite3.Connection, walk: Walk) -> int | None:
    """How many hits, from the tallies; None: they do not know. Quarters of an hour that the span cuts are counted from the rows."""
    since, until = walk.span
    if not walk.whole or not _counted(db, since, until):
        return None
    table, where, values = walk.zones
    first, last = -(-since // BUCKET_NS), until // BUCKET_NS
    if first > last:
        return _rows_in(db, walk, (since, until))
    query = f"SELECT coalesce(sum(parts), 0) FROM {table} WHERE bucket >= ? AND bucket < ? {where}"
    inside = int(db.execute(query, (first, last, *values)).fetchone()[0])
    return inside + _rows_in(db, walk, (since, first * BUCKET_NS)) + _rows_in(db, walk, (last * BUCKET_NS, until))


def slots_of(db: sqlite3.Connection, walk: Walk, slots: int) -> list[tuple[int, int, int]] | None:
    """Hits in equal stretches of time: from, to before, how many. None: the tallies do not know."""
    since, until = walk.span
    if not walk.charted or not _counted(db, since, until):
        return None
    table, where, values = walk.zones
    within = f"FROM {table} WHERE bucket >= ? AND bucket <= ? {where}"
    bounds = (since // BUCKET_NS, (until - 1) // BUCKET_NS, *values)
    first, last = db.execute(f"SELECT min(bucket), max(bucket) {within}", bounds).fetchone()
    if first is None:
        return []
    width = -(-(last - first + 1) // slots)
    query = f"SELECT (bucket - ?) / ?, sum(parts) {within} GROUP BY 1 ORDER BY 1"
    found = db.execute(query, (first, width, *bounds)).fetchall()
    return [((first + n * width) * BUCKET_NS, (first + (n + 1) * width) * BUCKET_NS, parts) for n, parts in found if parts]


def place_of(db: sqlite3.Connection, walk: Walk, position: int) -> tuple[Span, int] | None:
    """The stretch in which the hit with this number lies, from the newest, and its number there. None: the tallies do not know, or fewer."""
    since, until = walk.span
    if not walk.charted or not _counted(db, since, until):
        return None
    rest = position
    table, where, values = walk.zones
    query = f"SELECT bucket, sum(parts) FROM {table} WHERE bucket >= ? AND bucket <= ? {where} GROUP BY bucket ORDER BY bucket DESC"
    for bucket, parts in db.execute(query, (since // BUCKET_NS, (until - 1) // BUCKET_NS, *values)):
        span = (max(since, bucket * BUCKET_NS), min(until, (bucket + 1) * BUCKET_NS))
        here = parts if span[1] - span[0] == BUCKET_NS else _rows_in(db, walk, span)
        if rest < here:
            return span, rest
        rest -= here
    return None


def _terms(f: Filters) -> tuple[str, tuple[Value, ...]]:
    found: list[tuple[str, tuple[Value, ...]]] = []
    if f.part:
        found.append(("i.part_id >= ? AND i.part_id < ?", (f.part, _after(f.part))) if f.prefix else ("i.part_id = ?", (f.part,)))
    for column, word in (("verdict", f.verdict), ("outcome", f.outcome)):
        if word is not None:
            found.append((f"i.{column} IS NULL", ()) if word == "none" else (f"i.{column} = ?", (word,)))
    for column, value in (("run_id", f.run), ("trigger_id", f.trigger_id), ("truth", f.truth)):
        if value not in ("", None):
            found.append((f"+i.{column} = ?", (value,)))
    for column, flag in (("contradicted", f.contradicted), ("held", f.held), ("sampled", f.sampled)):
        if flag is not None:
            found.append((f"i.{column} = ?", (int(flag),)))
    if f.reviewed is not None:
        found.append((f"i.truth IS {'NOT ' if f.reviewed else ''}NULL", ()))
    if f.image is not None:
        found.append((_KEPT if f.image else f"NOT ({_KEPT})", ()))
    if f.recipe:
        found.append((f"i.run_id IN ({_RUNS} recipe = ? OR recipe_hash = ?)", (f.recipe, f.recipe)))
    if f.model:
        found.append((f"i.run_id IN ({_RUNS} model_hash = ?)", (f.model,)))
    if f.reviewer:
        found.append((f"i.truth IS NOT NULL AND {_WHO}", (f.reviewer,)))
    if f.kind:
        if _by_kind(f):  # a part with two such defects comes once
            found.append(("d.number = (SELECT min(e.number) FROM defects e WHERE e.part_id = d.part_id AND e.kind = d.kind)", ()))
        else:
            found.append(("EXISTS (SELECT 1 FROM defects e WHERE e.part_id = i.part_id AND e.kind = ?)", (f.kind,)))
    return " AND ".join(t for t, _ in found), tuple(v for _, vs in found for v in vs)


def _by_kind(f: Filters) -> bool:
    """Whether the class leads: nothing leads to fewer parts."""
    return bool(f.kind and not f.part and not f.reviewer)


def _lead(db: sqlite3.Connection, f: Filters) -> tuple[str, tuple[str, tuple[Value, ...]], bool, str]:
    """FROM, the condition that leads, whether in the order of time, and the column of the time; the surest narrow index first."""
    time = "i.trigger_wall_ns"
    if _by_kind(f):
        source = "defects d INDEXED BY defects_by_kind CROSS JOIN inspections i ON i.part_id = d.part_id"
        return source, ("d.kind = ?", (f.kind,)), True, "d.wall_ns"
    if f.part and not f.prefix:
        return "inspections i", ("", ()), False, time
    if f.part and _few(db, "SELECT 1 FROM inspections WHERE part_id >= ? AND part_id < ?", (f.part, _after(f.part))):
        return "inspections i INDEXED BY sqlite_autoindex_inspections_1", ("", ()), False, time
    if f.reviewer and _few(db, "SELECT 1 FROM reviews WHERE who = ?", (f.reviewer,)):
        mine = "SELECT part_id FROM reviews WHERE who = ?"
        return "inspections i INDEXED BY sqlite_autoindex_inspections_1", (f"i.part_id IN ({mine})", (f.reviewer,)), False, time
    if f.reviewer or f.truth is not None or f.reviewed or f.sampled:
        return "inspections i INDEXED BY inspections_reviewed", ("i.truth IS NOT NULL", ()), True, time
    if f.contradicted or f.held or f.outcome == "missed" or (f.outcome == "ejected" and f.verdict == "OK"):
        return "inspections i INDEXED BY inspections_odd", (_ODD, ()), True, time
    if f.verdict is not None and f.verdict != "OK":
        lead: tuple[str, tuple[Value, ...]] = ("i.verdict IS NULL", ()) if f.verdict == "none" else ("i.verdict = ?", (f.verdict,))
        return "inspections i INDEXED BY inspections_by_verdict", lead, True, time
    if f.image:
        return "inspections i INDEXED BY inspections_pictured", (_KEPT, ()), True, time
    if f.run:
        return "inspections i INDEXED BY inspections_by_run", ("i.run_id = ?", (f.run,)), True, time
    return "inspections i INDEXED BY inspections_by_time", ("", ()), True, time


def _zones(f: Filters) -> tuple[str, str, tuple[Value, ...]]:
    """What the tallies say of it: a condition that no hit fails."""
    found: list[tuple[str, tuple[Value, ...]]] = []
    if f.run:
        found.append(("run = ?", (f.run,)))
    if f.recipe:
        found.append((f"run IN ({_RUNS} recipe = ? OR recipe_hash = ?)", (f.recipe, f.recipe)))
    if f.model:
        found.append((f"run IN ({_RUNS} model_hash = ?)", (f.model,)))
    if f.truth is not None:
        found.append(("truth = ?", (f.truth,)))
    if f.reviewed is not None or f.reviewer:
        found.append((f"truth {'=' if f.reviewed is False else '!='} ''", ()))
    if f.kind:
        found.append(("kind = ?", (f.kind,)))
    else:
        for column, word in (("verdict", f.verdict), ("outcome", f.outcome)):
            if word is not None:
                found.append((f"{column} = ?", ("" if word == "none" else word,)))
        if f.sampled is not None:
            found.append(("sampled = ?", (int(f.sampled),)))
    where = "".join(f" AND {t}" for t, _ in found)
    return "tally_kinds" if f.kind else "tallies", where, tuple(v for _, vs in found for v in vs)


def _zoned(db: sqlite3.Connection, walk: Walk, span: Span, want: int) -> Iterator[Span]:
    table, where, values = walk.zones
    way = "DESC" if walk.newest else "ASC"
    query = f"SELECT bucket, sum(parts) FROM {table} WHERE bucket >= ? AND bucket <= ? {where} GROUP BY bucket ORDER BY bucket {way}"
    group: list[int] = []
    parts = 0
    for bucket, here in db.execute(query, (span[0] // BUCKET_NS, (span[1] - 1) // BUCKET_NS, *values)):
        if group and (abs(bucket - group[-1]) > 1 or parts >= min(want, GROUP)):
            yield _cut(group, span)
            group, parts = [], 0
        group.append(bucket)
        parts += here
    if group:
        yield _cut(group, span)


def _cut(group: list[int], span: Span) -> Span:
    return max(min(group) * BUCKET_NS, span[0]), min((max(group) + 1) * BUCKET_NS, span[1])


def _stepped(db: sqlite3.Connection, walk: Walk, span: Span, want: int) -> Iterator[Span]:
    """Stretches with so many entries of the index each, more each time."""
    since, until = span
    step = max(200, min(2 * want, STEP))
    # only the index: no row is looked at
    source = walk.source.partition(" CROSS JOIN")[0]
    where = " AND ".join(w for w in (walk.leads[0], f"{walk.time} >= ? AND {walk.time} < ?") if w)
    query = f"SELECT {walk.time} FROM {source} WHERE {where} ORDER BY {walk.time} {'DESC' if walk.newest else 'ASC'} LIMIT 1 OFFSET ?"
    while since < until:
        row = db.execute(query, (*walk.leads[1], since, until, step)).fetchone()
        if row is None:
            yield since, until
            return
        if walk.newest:
            edge = min(row[0], until - 1)
            yield edge, until
            until = edge
        else:
            edge = max(row[0], since) + 1
            yield since, edge
            since = edge
        step = min(2 * step, STEP)


def _counted(db: sqlite3.Connection, since: int, until: int) -> bool:
    """Whether all hours of a span are counted."""
    query = "SELECT 1 FROM tally_due WHERE hour >= ? AND hour <= ? LIMIT 1"
    return db.execute(query, (since // HOUR_NS, (until - 1) // HOUR_NS)).fetchone() is None


def _rows_in(db: sqlite3.Connection, walk: Walk, span: Span) -> int:
    if span[0] >= span[1] or span == EVER:
        return 0
    query, values = walk.query("1", span, None)
    return int(db.execute(f"SELECT count(*) FROM ({query})", values).fetchone()[0])


def _few(db: sqlite3.Connection, query: str, values: tuple[Value, ...]) -> bool:
    return bool(db.execute(f"SELECT count(*) <= {FEW} FROM ({query} LIMIT {FEW + 1})", values).fetchone()[0])


def _after(prefix: str) -> str:
    """What follows everything that begins so."""
    last = ord(prefix[-1]) + 1
    return prefix[:-1] + chr(0xE000 if last == 0xD800 else last) if last <= 0x10FFFF else prefix + chr(0x10FFFF)
