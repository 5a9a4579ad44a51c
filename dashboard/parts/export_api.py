"""`/api/export/…`: a table, pictures, or a set for training, of the parts that filters find. Streamed, bounded, written to the audit."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final, Literal, get_args

from fastapi import APIRouter, Response
from fastapi import Request as Asked
from starlette.responses import StreamingResponse

from dashboard.desk import Desk
from dashboard.parts.exports import BusyError, Exports, Make
from dashboard.parts.query import QueryError, filters_of
from dashboard.parts.search_api import answer, once, refusal
from edge.errors import GutteilError, StoreError
from edge.filters import Filters
from edge.recipes_kept import kept_run
from edge.shifts import Calendar
from edge.store import Store
from edge.takeout import Plan, Taken, parts_of, pictured, plan_pictures, plan_table
from edge.takeout_coco import coco
from edge.takeout_csv import table
from edge.takeout_zip import Request, images

Kind = Literal["csv", "images", "coco"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_OPTIONS: Final[dict[Kind, dict[str, tuple[str, ...]]]] = {
    "csv": {"bom": ("1", "0"), "decimal": ("comma", "point")},
    "images": {},
    "coco": {"boxes": ("station", "person")},
}
_TYPES: Final[dict[Kind, tuple[str, str]]] = {
    "csv": ("text/csv; charset=utf-8", "csv"),
    "images": ("application/zip", "zip"),
    "coco": ("application/zip", "zip"),
}


def add_exports(router: APIRouter, desk: Desk) -> None:
    """Routes below `/api/export`; the door asks for the permission 'export'."""
    exports, calendar = Exports(desk.record.path), Calendar(desk.config.shifts)

    def asked(request: Asked, kind: str) -> tuple[Kind, Filters, dict[str, str]]:
        if kind not in KINDS:
            raise QueryError(f"{kind[:40]!r} cannot be exported; choose one of: {', '.join(KINDS)}")
        known: Kind = kind
        given = once(request)
        for name, words in _OPTIONS[known].items():
            if given.get(name, words[0]) not in words:
                raise QueryError(f"{name} = {given[name][:40]!r} is not known; choose one of: {', '.join(words)}")
        return known, filters_of(given, calendar, others=frozenset({"token", *_OPTIONS[known]})), given

    async def plan(kind: Kind, filters: Filters) -> Plan:
        return await desk.record.ask(lambda store: _plan(store, kind, filters))

    @router.get("/api/export/plan/{kind}")
    async def planned(request: Asked, kind: str) -> Response:
        """What an export would hold: parts, pictures and bytes."""
        try:
            known, filters, _ = asked(request, kind)
            return answer(await plan(known, filters))
        except GutteilError as error:
            return _refused(error)

    @router.get("/api/export/progress/{token}")
    async def progress(token: str) -> Response:
        """How far an export is."""
        found = exports.find(token)
        return answer(found) if found is not None else answer({"accepted": False, "text": "no export has this token"}, 404)

    @router.get("/api/export/{kind}")
    async def export(request: Asked, kind: str) -> Response:
        """CSV, a ZIP of pictures or COCO, streamed; who took what is audited before the first byte."""
        try:
            known, filters, given = asked(request, kind)
            found = await plan(known, filters)
            words = urllib.parse.urlencode({k: v for k, v in given.items() if k != "token"}) or "everything"
            who = request.state.person.name
            place = exports.begin(given.get("token", ""), found.parts)
            count = f"{'' if found.exact else 'more than '}{found.parts} parts"
            await desk.record.note("export", who, f"{known}: {count}; filters: {words}")
        except GutteilError as error:
            return _refused(error)
        now = datetime.now(UTC)
        about = Request(desk.config.name, who, now.isoformat(timespec="seconds"), words)
        media, ending = _TYPES[known]
        name = f"gutteil-{known}-{now:%Y%m%dT%H%M%SZ}.{ending}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return StreamingResponse(exports.stream(place, _maker(known, filters, given, about)), 200, headers, media)


def _plan(store: Store, kind: Kind, filters: Filters) -> Plan:
    return plan_table(store, filters) if kind == "csv" else plan_pictures(store, filters, reviewed=kind == "coco")


def _maker(kind: Kind, filters: Filters, given: dict[str, str], about: Request) -> Make:
    def make(store: Store, counted: Callable[[Iterator[Taken]], Iterator[Taken]]) -> Iterator[bytes]:
        if kind == "csv":
            return table(counted(parts_of(store, filters)), bom=given.get("bom") == "1", comma=given.get("decimal") == "comma")
        taken = counted(parts_of(store, pictured(filters, reviewed=kind == "coco")))
        if kind == "images":
            return images(taken, store.folder, about)
        return coco(taken, store.folder, about, golden=lambda run: _golden(store, run), station_boxes=given.get("boxes") == "station")

    return make


def _golden(store: Store, run_id: str) -> bytes | None:
    with store.reading() as db:
        kept = kept_run(db, run_id)
    return kept.reference if kept is not None else None


def _refused(error: GutteilError) -> Response:
    """As `refusal`, and 413 for what is too much or nothing at all, 429 while others run."""
    status = 429 if isinstance(error, BusyError) else 413 if isinstance(error, StoreError) and error.__cause__ is None else 0
    return answer({"accepted": False, "text": str(error)}, status) if status else refusal(error)
