"""`/api/inspections`: search in the record, page by page, as the history page and other programs ask for it.

Every parameter is bounded and checked; what cannot be is answered by 400 with the key, the value and what may stand there.
Places in the list are keys (`after=`), never positions: parts that come meanwhile neither shift nor repeat any.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request, Response

from dashboard.desk import Desk
from dashboard.parts.query import QueryError, filters_of, whole
from dashboard.people.users import PeopleError
from edge import search
from edge.errors import GutteilError, StoreError
from edge.filters import EVER, Filters
from edge.search import MAX_ROWS, Cursor, Row
from edge.shifts import Calendar
from edge.store import Store

MAX_SLOTS: Final = 400
MAX_CHOICES: Final = 200
_PAGE: Final = frozenset({"after", "at", "order", "limit"})


class RowView(msgspec.Struct, frozen=True):
    """A part in a list; `key` is its place, for `after=`; times are ms since 1970 UTC."""

    key: str
    part_id: str
    wall_ms: int
    verdict: str | None
    outcome: str | None
    run_id: str | None
    trigger_id: int
    recipe: str | None
    model_hash: str | None
    kinds: list[str]
    score: float | None
    truth: str | None
    reviewer: str | None
    contradicted: bool
    held: bool
    image: bool
    simulated: bool


def view(row: Row) -> RowView:
    named = {n: getattr(row, n) for n in RowView.__struct_fields__ if n not in ("key", "wall_ms")}
    return RowView(row.cursor.text(), wall_ms=row.wall_ns // 1_000_000, **named)


def answer(document: Any, status: int = 200) -> Response:
    """JSON that nobody keeps."""
    return Response(msgspec.json.encode(document), status, {"Cache-Control": "no-store"}, "application/json")


def refusal(error: Exception) -> Response:
    """What went wrong in words: 400 for what was asked wrongly, 403 for who may not, 503 where there is no record to ask."""
    status = 400 if isinstance(error, QueryError) else 403 if isinstance(error, PeopleError) else 503
    return answer({"accepted": False, "text": str(error)}, status)


def once(request: Request) -> dict[str, str]:
    """The parameters of an address.

    Raises:
        QueryError: one is given twice.
    """
    pairs = request.query_params.multi_items()
    given = dict(pairs)
    if len(given) != len(pairs):
        raise QueryError(f"{next(k for k, _ in pairs if sum(k == n for n, _ in pairs) > 1)[:40]!r} is given twice; once is enough")
    return given


def add_search(router: APIRouter, desk: Desk) -> None:
    """Routes below `/api/inspections`; the door asks for the permission 'history'."""
    calendar = Calendar(desk.config.shifts)

    async def asked(request: Request, others: frozenset[str], question: Callable[[Store, Filters, dict[str, str]], Any]) -> Response:
        try:
            given = once(request)
            filters = filters_of(given, calendar, others=others)
            return answer(await desk.record.ask(lambda store: question(store, filters, given)))
        except GutteilError as error:
            return refusal(error)

    @router.get("/api/inspections")
    async def inspections(request: Request) -> Response:
        """A page of parts by filters, newest or oldest first; `following` asks for the next page."""
        return await asked(request, _PAGE, _page)

    @router.get("/api/inspections/count")
    async def count(request: Request) -> Response:
        """How many parts fit the filters; exact up to some thousand, then "more than"."""
        return await asked(request, frozenset(), _count)

    @router.get("/api/inspections/timeline")
    async def timeline(request: Request) -> Response:
        """How many parts fit, by stretches of time, so that one can jump anywhere."""
        return await asked(request, frozenset({"slots"}), _timeline)

    @router.get("/api/inspections/choices")
    async def choices() -> Response:
        """What there is to choose from: recipes, models, classes, reviewers."""
        return await _guarded(lambda: desk.record.ask(_choices))


async def _guarded(ask: Callable[[], Awaitable[Any]]) -> Response:
    try:
        return answer(await ask())
    except GutteilError as error:
        return refusal(error)


def _page(store: Store, filters: Filters, given: dict[str, str]) -> dict[str, Any]:
    order: search.Order = "oldest" if given.get("order", "newest") == "oldest" else "newest"
    if given.get("order", "newest") not in ("newest", "oldest"):
        raise QueryError(f"order = {given['order'][:40]!r} is not known; choose one of: newest, oldest")
    limit = whole(given, "limit", 1, MAX_ROWS, 100)
    after, at = given.get("after", ""), given.get("at", "")
    if after and at:
        raise QueryError("after and at: give one or the other")
    try:
        cursor = Cursor.parse(after) if after else None
    except StoreError as error:
        raise QueryError(str(error)) from error
    if at:
        cursor = Cursor(whole(given, "at", 0, EVER[1] // 1_000_000, 0) * 1_000_000)
    with store.reading() as db:
        page = search.find(db, filters, cursor=cursor, order=order, limit=limit)
    return {
        "rows": [view(r) for r in page.rows],
        "following": page.following.text() if page.following is not None else None,
        "full": page.full,
    }


def _count(store: Store, filters: Filters, _given: dict[str, str]) -> search.Count:
    with store.reading() as db:
        return search.count(db, filters)


def _timeline(store: Store, filters: Filters, given: dict[str, str]) -> dict[str, Any]:
    with store.reading() as db:
        slots = search.timeline(db, filters, whole(given, "slots", 1, MAX_SLOTS, 120))
        first, last = _reach(db, filters)
    found = (
        [{"since_ms": s.since_ns // 10**6, "until_ms": s.until_ns // 10**6, "parts": s.parts} for s in slots] if slots is not None else None
    )
    return {"since_ms": first // 10**6, "until_ms": last // 10**6, "slots": found}


def _reach(db: sqlite3.Connection, filters: Filters) -> tuple[int, int]:
    """From when to when there is anything to look at: the span asked for, as far as the record goes."""
    first, last = (db.execute(f"SELECT {f}(trigger_wall_ns) FROM inspections").fetchone()[0] or time.time_ns() for f in ("min", "max"))
    return max(filters.since_ns, first), min(filters.until_ns, last + 1)


def _choices(store: Store) -> dict[str, list[Any]]:
    """What there is to choose from: the newest runs and what they name, classes, reviewers."""
    with store.reading() as db:
        runs = db.execute(
            "SELECT run_id, begin_wall_ns, recipe, model, model_hash, classes FROM runs WHERE begin_wall_ns IS NOT NULL"
            " ORDER BY begin_wall_ns DESC LIMIT ?",
            (MAX_CHOICES,),
        ).fetchall()
        people = db.execute("SELECT DISTINCT who FROM reviews ORDER BY who LIMIT ?", (MAX_CHOICES,)).fetchall()
    kinds = {str(kind) for run in runs for kind in msgspec.json.decode(run[5] or "[]")}
    models = {run[4]: run[3] for run in runs if run[4]}
    return {
        "kinds": sorted(kinds)[:MAX_CHOICES],
        "recipes": sorted({run[2] for run in runs if run[2]}),
        "models": [{"name": name or "", "sha256": sha256} for sha256, name in models.items()],
        "runs": [{"run_id": run[0], "begin_ms": run[1] // 10**6, "recipe": run[2] or ""} for run in runs],
        "reviewers": [p[0] for p in people],
    }
