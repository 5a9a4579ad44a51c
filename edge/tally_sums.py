"""Sums of the tallies over any stretch of time: whole quarters of an hour from the tallies, what a boundary cuts from the rows.

All functions take an open connection of the record (`Store.reading`) and write nothing. Times are UTC ns, from, to before.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from edge.tallies import BUCKET_NS, HOUR_NS, KINDS_SQL, PARTS_SQL, stages_of

Span = tuple[int, int]
Cell = tuple[str, str, str, int]  # verdict, outcome, truth, sampled, as in `edge.tallies.Key`


class Scope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of which parts: of a run, a recipe (name or SHA-256), a model (SHA-256); '' = all. As the run announced them."""

    run: str = ""
    recipe: str = ""
    model: str = ""

    def where(self) -> tuple[str, tuple[str, ...]]:
        """A condition on the column `run`, empty or ' AND …', and its values."""
        words: str = ""
        values: tuple[str, ...] = ()
        if self.run:
            words, values = words + " AND run = ?", (*values, self.run)
        if self.recipe:
            words += " AND run IN (SELECT run_id FROM runs WHERE recipe = ? OR recipe_hash = ?)"
            values = (*values, self.recipe, self.recipe)
        if self.model:
            words, values = words + " AND run IN (SELECT run_id FROM runs WHERE model_hash = ?)", (*values, self.model)
        return words, values


EVERYTHING = Scope()


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many parts.

    Attributes:
        parts: all of which anything is known.
        ok, ng, undecided, unjudged: by verdict; unjudged: none has come.
        passed, ejected, missed, open: by outcome; missed: the ejection was not confirmed; open: not at the ejector yet, or never heard of.
        first_pass: judged OK and let through, or on the way there.
        good, bad, unsure: by what people say, of those that were reviewed.
        escapes: passed, and a person says bad: those that are known of. overkills: not passed, and a person says good.
    """

    parts: int = 0
    ok: int = 0
    ng: int = 0
    undecided: int = 0
    unjudged: int = 0
    passed: int = 0
    ejected: int = 0
    missed: int = 0
    open: int = 0
    first_pass: int = 0
    good: int = 0
    bad: int = 0
    unsure: int = 0
    escapes: int = 0
    overkills: int = 0

    @property
    def judged(self) -> int:
        return self.ok + self.ng + self.undecided

    @property
    def rejects(self) -> int:
        """NG and UNDECIDED."""
        return self.ng + self.undecided

    @property
    def reject_rate(self) -> float | None:
        """Share of rejects in the judged parts; None: none was judged."""
        return self.rejects / self.judged if self.judged else None

    @property
    def first_pass_yield(self) -> float | None:
        """Share of the parts that were right the first time; None: there is none. A part that comes again counts again."""
        return self.first_pass / self.parts if self.parts else None


_VERDICTS = {"OK": "ok", "NG": "ng", "UNDECIDED": "undecided", "": "unjudged"}


def counts_of(cells: Counter[Cell]) -> Counts:
    """Pure: cells added up."""
    n: Counter[str] = Counter()
    for (verdict, outcome, truth, _), parts in cells.items():
        n["parts"] += parts
        n[_VERDICTS[verdict]] += parts
        n[outcome or "open"] += parts
        n["first_pass"] += parts * (verdict == "OK" and outcome in ("passed", ""))
        if truth:
            n[truth] += parts
        n["escapes"] += parts * (truth == "bad" and outcome == "passed")
        n["overkills"] += parts * (truth == "good" and outcome != "passed" and not (verdict == "OK" and outcome == ""))
    return Counts(**{name: n[name] for name in Counts.__struct_fields__})


def per_slot(db: sqlite3.Connection, slots: Sequence[Span], scope: Scope = EVERYTHING) -> list[Counter[Cell]]:
    """The cells of each slot; slots are in order and do not overlap."""
    found: list[Counter[Cell]] = [Counter() for _ in slots]
    where, values = scope.where()
    query = f"SELECT n, verdict, outcome, truth, sampled, sum(parts) FROM {_SLOTS} JOIN tallies ON {_WITHIN}{where} GROUP BY 1, 2, 3, 4, 5"
    for n, *cell, parts in db.execute(query, (_numbered(slots), *values)):
        found[n][_cell(cell)] += parts
    for n, slot in enumerate(slots):
        for edge in _edges(slot):
            for cells in _grouped(db, edge, scope, "''").values():
                found[n].update(cells)
    return found


# the slots come in as JSON, so that one statement goes through all of them, each by the key of the tallies
_SLOTS = "(SELECT value ->> 0 AS n, value ->> 1 AS first, value ->> 2 AS last FROM json_each(?)) CROSS"
_WITHIN = "bucket >= first AND bucket < last"


def _numbered(slots: Sequence[Span]) -> str:
    return json.dumps([(n, *_buckets(slot)) for n, slot in enumerate(slots)])


def per_run(db: sqlite3.Connection, span: Span, scope: Scope = EVERYTHING) -> dict[str, Counter[Cell]]:
    """The cells of a span by run; '' = parts of no run."""
    return _grouped(db, span, scope, "run")


class Kind(NamedTuple):
    """How many parts have a class of defect, and how many such defects there are; of those parts, by what people say."""

    parts: int
    defects: int
    good: int
    bad: int


def per_kind(db: sqlite3.Connection, span: Span, scope: Scope = EVERYTHING) -> dict[str, Kind]:
    """The classes of a span, with the defects for which a part is rejected (NG or UNDECIDED)."""
    where, values = scope.where()
    found: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    first, last = _buckets(span)
    query = f"""SELECT kind, truth, sum(parts), sum(defects) FROM tally_kinds
        WHERE bucket >= ? AND bucket < ? AND rejects = 1{where} GROUP BY kind, truth"""
    rows: list[Any] = db.execute(query, (first, last, *values)).fetchall()
    for edge in _edges(span):
        query = f"SELECT kind, truth, sum(parts), sum(defects) FROM ({_KINDS}) WHERE rejects = 1{where} GROUP BY kind, truth"
        rows += db.execute(query, (*edge, *values)).fetchall()
    for kind, truth, parts, defects in rows:
        n = found[kind]
        n[0], n[1] = n[0] + parts, n[1] + defects
        n[2], n[3] = n[2] + parts * (truth == "good"), n[3] + parts * (truth == "bad")
    return {kind: Kind(*n) for kind, n in found.items()}


def kind_per_slot(db: sqlite3.Connection, slots: Sequence[Span], kind: str, scope: Scope = EVERYTHING) -> list[int]:
    """Parts with a class of defect for which they were rejected, by slot; slots are in order and do not overlap."""
    where, values = scope.where()
    found = [0] * len(slots)
    query = f"SELECT n, sum(parts) FROM {_SLOTS} JOIN tally_kinds ON {_WITHIN} AND kind = ? AND rejects = 1{where} GROUP BY n"
    for n, parts in db.execute(query, (_numbered(slots), kind, *values)):
        found[n] += parts
    for n, slot in enumerate(slots):
        for edge in _edges(slot):
            query = f"SELECT coalesce(sum(parts), 0) FROM ({_KINDS}) WHERE kind = ? AND rejects = 1{where}"
            found[n] += db.execute(query, (*edge, kind, *values)).fetchone()[0]
    return found


def stages(db: sqlite3.Connection, span: Span, scope: Scope = EVERYTHING) -> dict[int, Counter[int]]:
    """The histogram of a span: by stage (place in `edge.tallies.STAGES`), parts by bin."""
    where, values = scope.where()
    found: defaultdict[int, Counter[int]] = defaultdict(Counter)
    first, last = -(-span[0] // HOUR_NS), span[1] // HOUR_NS
    query = f"SELECT stage, bin, sum(parts) FROM tally_stages WHERE hour >= ? AND hour < ?{where} GROUP BY stage, bin"
    for stage, bin_, parts in db.execute(query, (first, last, *values)):
        found[stage][bin_] += parts
    runs = {r[0] for r in db.execute(f"SELECT run FROM (SELECT run_id AS run FROM runs) WHERE 1{where}", values)} if where else None
    for edge in _edges(span, HOUR_NS):
        for (run, stage, bin_), parts in stages_of(db, *edge).items():
            if runs is None or run in runs:
                found[stage][bin_] += parts
    return dict(found)


def uncounted(db: sqlite3.Connection, span: Span) -> int:
    """Hours of a span of which the tallies know nothing yet (of a record from an older release): sums leave them out."""
    query = "SELECT count(*) FROM tally_due WHERE hour >= ? AND hour <= ?"
    return int(db.execute(query, (span[0] // HOUR_NS, (span[1] - 1) // HOUR_NS)).fetchone()[0])


def _grouped(db: sqlite3.Connection, span: Span, scope: Scope, by: str) -> dict[str, Counter[Cell]]:
    where, values = scope.where()
    found: defaultdict[str, Counter[Cell]] = defaultdict(Counter)
    group = f"SELECT {by}, verdict, outcome, truth, sampled, sum(parts) FROM"
    query = f"{group} tallies WHERE bucket >= ? AND bucket < ?{where} GROUP BY 1, 2, 3, 4, 5"
    rows: list[Any] = db.execute(query, (*_buckets(span), *values)).fetchall()
    for edge in _edges(span):
        rows += db.execute(f"{group} ({_PARTS}) WHERE 1{where} GROUP BY 1, 2, 3, 4, 5", (*edge, *values)).fetchall()
    for name, *cell, parts in rows:
        found[name][_cell(cell)] += parts
    return dict(found)


_PARTS = f"{PARTS_SQL} GROUP BY 1, 2, 3, 4, 5, 6"
_KINDS = f"{KINDS_SQL} GROUP BY 1, 2, 3, 4, 5"


def _cell(values: Sequence[Any]) -> Cell:
    verdict, outcome, truth, sampled = values
    return verdict, outcome, truth, sampled


def _buckets(span: Span) -> Span:
    """The whole quarters of an hour in a span."""
    first = -(-span[0] // BUCKET_NS)
    return first, max(first, span[1] // BUCKET_NS)


def _edges(span: Span, unit: int = BUCKET_NS) -> Iterator[Span]:
    """What a span has beside whole units: at most two pieces, each shorter than a unit."""
    first, last = -(-span[0] // unit) * unit, span[1] // unit * unit
    if first >= last:  # no whole one: in one piece, or two that touch
        if span[0] < span[1]:
            yield span
        return
    if span[0] < first:
        yield span[0], first
    if last < span[1]:
        yield last, span[1]
