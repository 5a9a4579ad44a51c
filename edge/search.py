"""Search in the record: filters, pages, counts and jumps over 10 million parts, each in bounded time.

Pages are asked for by key (the time and id of the last row that is known), never by position: rows that come meanwhile
neither shift nor repeat any. A page costs what it shows; where hits are rare and nothing leads to them, a page ends when
its time is over and says how far it has looked, and the next one goes on there.

All functions take an open connection of the record (`Store.reading`), write nothing, and are meant for a worker thread.
Times are UTC ns. A page may be asked for with a reader's own connection while the recorder writes.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from edge.errors import StoreError
from edge.filters import EVER, MAX_TEXT, Filters, Outcome
from edge.messages import VerdictWord
from edge.reviews import Truth
from edge.search_walk import Walk, exact_count, place_of, slots_of, spans_of, walk_of

MAX_ROWS: Final = 500
PAGE_S: Final = 0.2
COUNT_S: Final = 0.2
Order = Literal["newest", "oldest"]


class Cursor(msgspec.Struct, frozen=True):
    """A place in the order of parts: right beside the part with this time and id. `part_id` '' is before every part of that time."""

    wall_ns: int
    part_id: str = ""

    def text(self) -> str:
        """For an address; `Cursor.parse` reads it."""
        return f"{self.wall_ns}~{self.part_id}"

    @staticmethod
    def parse(text: str) -> Cursor:
        """Raises:
        StoreError: no text of a cursor.
        """
        wall, _, part_id = text.partition("~")
        if not (wall.isascii() and wall.isdigit() and int(wall[:20]) <= EVER[1] and len(part_id) <= MAX_TEXT):
            raise StoreError(f"{text[:40]!r} is no place in the record; begin the search anew")
        return Cursor(int(wall[:20]), part_id)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A part in a list.

    Attributes:
        wall_ns: UTC of its trigger.
        kinds: the classes of its defects, the surest first, each once; score: of the surest, None without any.
        truth, reviewer: of the review that counts.
        image: its image is kept and can be shown.
    """

    part_id: str
    wall_ns: int
    verdict: VerdictWord | None
    outcome: Outcome | None
    run_id: str | None
    trigger_id: int
    recipe: str | None
    model_hash: str | None
    kinds: list[str]
    score: float | None
    truth: Truth | None
    reviewer: str | None
    contradicted: bool
    held: bool
    image: bool
    simulated: bool

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.wall_ns, self.part_id)


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows in the order that was asked for.

    Attributes:
        following: where the next page begins; None: there is nothing more in that direction.
        full: False: time was over before the page was full, though there may be more: everything up to `following` has been looked at.
    """

    rows: list[Row]
    following: Cursor | None
    full: bool


class Count(msgspec.Struct, frozen=True):
    """How many parts; `exact` False: at least so many, and more."""

    parts: int
    exact: bool


class Slot(msgspec.Struct, frozen=True):
    """Hits in a stretch of time, UTC ns, from, to before."""

    since_ns: int
    until_ns: int
    parts: int


def find(
    db: sqlite3.Connection,
    filters: Filters,
    *,
    cursor: Cursor | None = None,
    order: Order = "newest",
    limit: int = 100,
    seconds: float = PAGE_S,
) -> Page:
    """A page of hits.

    Args:
        cursor: go on behind it, in the direction of `order`; None: from the end (`newest`) or the beginning (`oldest`).
            `Cursor(moment)` jumps: `newest` gives what was before that moment, `oldest` that moment and what came after.
        limit: rows, at most `MAX_ROWS`.
        seconds: after which a page that is not full ends; one step more may be taken (some ten ms).

    Raises:
        StoreError: as `Filters.check`.
    """
    filters.check()
    limit = max(1, min(limit, MAX_ROWS))
    until = time.monotonic() + seconds
    walk = walk_of(db, filters, newest=order == "newest")
    ids: list[str] = []
    place = cursor
    at_ns = cursor.wall_ns + (walk.newest and cursor.part_id != "") if cursor is not None else None
    for since_ns, until_ns in spans_of(db, walk, at_ns, limit):
        ids += _ids(db, walk, (since_ns, until_ns), cursor, limit + 1 - len(ids))
        place = Cursor(since_ns if walk.newest else until_ns)
        if len(ids) > limit:
            break
        if time.monotonic() > until:
            rows = rows_of(db, ids)
            return Page(rows=rows, following=place, full=False)
    rows = rows_of(db, ids[:limit])
    return Page(rows=rows, following=rows[-1].cursor if len(ids) > limit else None, full=True)


def count(db: sqlite3.Connection, filters: Filters, *, at_most: int = 10_000, seconds: float = COUNT_S) -> Count:
    """How many parts a search finds: exact from the tallies where they know what is asked for, else counted up to `at_most` or until
    the time is over.

    Raises:
        StoreError: as `Filters.check`.
    """
    filters.check()
    until = time.monotonic() + seconds
    walk = walk_of(db, filters, newest=True)
    if (known := exact_count(db, walk)) is not None:
        return Count(known, True)
    parts = 0
    for span in spans_of(db, walk, None, at_most):
        query, values = walk.query("1", span, None)
        parts += db.execute(f"SELECT count(*) FROM ({query} LIMIT ?)", (*values, at_most + 1 - parts)).fetchone()[0]
        if parts > at_most or time.monotonic() > until:
            return Count(min(parts, at_most), False)
    return Count(parts, True)


def timeline(db: sqlite3.Connection, filters: Filters, slots: int = 200) -> list[Slot] | None:
    """Where in time the hits lie, oldest first, for a scroll bar over everything: at most about `slots` stretches of equal length,
    none where there are no hits. None: the tallies do not know what is asked for (a part, a reviewer, an image …).

    Ends are whole quarters of an hour, so the first and the last may count parts just outside of the span.

    Raises:
        StoreError: as `Filters.check`.
    """
    filters.check()
    found = slots_of(db, walk_of(db, filters, newest=True), max(1, min(slots, 5_000)))
    return [Slot(*s) for s in found] if found is not None else None


def moment(db: sqlite3.Connection, filters: Filters, position: int) -> Cursor | None:
    """Where the hit with this number lies, counted from the newest (0): `find(cursor=…)` shows it at the top. For scrolling to any place
    of 10 million rows; of a class of defect it may be some rows off. None: as `timeline`, or there are fewer hits.

    Raises:
        StoreError: as `Filters.check`.
    """
    filters.check()
    walk = walk_of(db, filters, newest=True)
    found = place_of(db, walk, max(0, position))
    if found is None:
        return None
    (since_ns, until_ns), rest = found
    if rest == 0:
        return Cursor(until_ns)
    query, values = walk.query(f"{walk.time}, i.part_id", (since_ns, until_ns), None)
    row = db.execute(f"{query} ORDER BY {walk.time} DESC, i.part_id DESC LIMIT 1 OFFSET ?", (*values, rest - 1)).fetchone()
    return Cursor(*row) if row is not None else Cursor(since_ns)


def neighbours(db: sqlite3.Connection, part_id: str, filters: Filters | None = None) -> tuple[Row | None, Row | None]:
    """The parts before and after one, in time, among those that a search finds; None: there is none, or none was found in time.

    Raises:
        StoreError: no such part, or as `Filters.check`.
    """
    row = db.execute("SELECT trigger_wall_ns FROM inspections WHERE part_id = ?", (part_id,)).fetchone()
    if row is None:
        raise StoreError(f"there is no part {part_id[:80]!r} in the record; check the id")
    at, wanted = Cursor(row[0], part_id), filters or Filters()
    before, after = (find(db, wanted, cursor=at, order=order, limit=1).rows for order in _BOTH)
    return (before[0] if before else None, after[0] if after else None)


_BOTH: Final[tuple[Order, Order]] = ("newest", "oldest")


def _ids(db: sqlite3.Connection, walk: Walk, span: tuple[int, int], cursor: Cursor | None, limit: int) -> list[str]:
    query, values = walk.query("i.part_id", span, (cursor.wall_ns, cursor.part_id) if cursor is not None else None)
    way = "DESC" if walk.newest else "ASC"
    query += f" ORDER BY {walk.time} {way}, i.part_id {way} LIMIT ?"
    return [r[0] for r in db.execute(query, (*values, limit))]


_ROW = """SELECT i.part_id, i.trigger_wall_ns AS wall_ns, i.verdict, i.outcome, i.run_id, i.trigger_id, i.recipe, i.model_hash, i.truth,
    CASE WHEN i.truth IS NOT NULL THEN (SELECT r.who FROM reviews r WHERE r.part_id = i.part_id ORDER BY r.number DESC LIMIT 1) END AS reviewer,
    i.contradicted, i.held, i.image_path IS NOT NULL AND i.evidence_expired_ns IS NULL AS image, i.simulated
    FROM inspections i WHERE i.part_id = ?"""
_DEFECTS = "SELECT kind, max(score) FROM defects WHERE part_id = ? GROUP BY kind ORDER BY 2 DESC, 1 LIMIT 20"


def rows_of(db: sqlite3.Connection, ids: Sequence[str]) -> list[Row]:
    """The rows of these parts, in the same order; of an id that there is not, none."""
    found = []
    for part_id in ids:
        cursor = db.execute(_ROW, (part_id,))
        if (values := cursor.fetchone()) is None:
            continue
        row: dict[str, Any] = dict(zip([c[0] for c in cursor.description], values, strict=True))
        row |= {name: bool(row[name]) for name in ("contradicted", "held", "image", "simulated")}
        kinds = db.execute(_DEFECTS, (part_id,)).fetchall()
        found.append(Row(**row, kinds=[k for k, _ in kinds], score=kinds[0][1] if kinds else None))
    return found
