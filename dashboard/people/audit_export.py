"""The audit log as CSV or JSON, page by page, so that neither memory nor a reader of the record is held for long."""

from __future__ import annotations

import asyncio
import csv
import datetime
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from dashboard.desk import Desk
from dashboard.people.login import answer_json
from edge.audit import AuditRow
from edge.audit_search import MAX_PAGE, AuditFilter, search
from edge.errors import GutteilError
from edge.store import open_store

_NAMES: Final = AuditRow.__struct_fields__
_MAX_FIELD: Final = 200


def filter_of(fields: dict[str, str]) -> AuditFilter:
    """The filter that an address or a form asks for: `who`, `op`, and days `since`, `until` (YYYY-MM-DD, both included, local time).

    Raises:
        GutteilError: a day that is none.
    """
    return AuditFilter(
        fields.get("who", "").strip()[:_MAX_FIELD],
        fields.get("op", "").strip()[:_MAX_FIELD],
        _day(fields.get("since", ""), "since", 0),
        _day(fields.get("until", ""), "until", 1),
    )


def _day(text: str, key: str, later: int) -> int | None:
    if not text.strip():
        return None
    try:
        day = datetime.date.fromisoformat(text.strip()[:10]) + datetime.timedelta(days=later)
        return int(datetime.datetime(day.year, day.month, day.day).astimezone().timestamp()) * 10**9
    except (ValueError, OverflowError, OSError) as error:
        raise GutteilError(f"{key} = {text[:20]!r}: is no day; write YYYY-MM-DD") from error


def add_audit(router: APIRouter, desk: Desk) -> None:
    """The addresses of the exports, of the list by page and of the check."""
    path = desk.record.path

    def export(kind: str, media: str, lines: Callable[[Path, AuditFilter], Iterator[bytes]]) -> None:
        @router.get(f"/api/audit.{kind}", name=f"audit {kind}")
        async def give(request: Request) -> Response:
            """The audit log as a file, filtered by `who`, `op`, `since` and `until`."""
            try:
                wanted = filter_of(dict(request.query_params))
                await desk.record.ask(lambda store: store.audit(1))  # an error comes before the answer begins, not in its middle
            except GutteilError as error:
                return answer_json({"accepted": False, "text": str(error)}, 400)
            name = f"audit-{desk.config.name}-{datetime.date.today():%Y%m%d}.{kind}"
            headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
            return StreamingResponse(lines(path, wanted), 200, headers, media)

    export("csv", "text/csv; charset=utf-8", csv_lines)
    export("json", "application/json", json_lines)

    @router.get("/api/audit")
    async def page(request: Request) -> Response:
        """A page of the audit log, newest first: `n` rows `before` a number, filtered as the file is."""
        asked = request.query_params
        try:
            wanted = filter_of(dict(asked))
            before, n = (int(asked[key]) if key in asked else standard for key, standard in (("before", None), ("n", 100)))
            if (before is not None and not 0 <= before < 2**62) or not 1 <= (n or 0) <= MAX_PAGE:
                raise ValueError
        except GutteilError as error:
            return answer_json({"accepted": False, "text": str(error)}, 400)
        except ValueError:
            return answer_json({"accepted": False, "text": f"before: the number of a row; n: 1 to {MAX_PAGE}"}, 400)

        def ask() -> list[AuditRow]:
            with open_store(path, read_only=True) as store, store.reading() as db:
                return search(db, wanted, before, n or 0)

        try:
            rows = await asyncio.to_thread(ask)
        except GutteilError as error:
            return answer_json({"accepted": False, "text": str(error)}, 503)
        return answer_json({"rows": msgspec.to_builtins(rows)})


def _pages(path: Path, wanted: AuditFilter) -> Iterator[list[AuditRow]]:
    before: int | None = None
    with open_store(path, read_only=True) as store:
        while True:
            with store.reading() as db:
                rows = search(db, wanted, before, MAX_PAGE)
            if not rows:
                return
            yield rows
            before = rows[-1].number


def csv_lines(path: Path, wanted: AuditFilter) -> Iterator[bytes]:
    """CSV with a heading, UTF-8 with a mark, as spreadsheets want it."""
    yield "\ufeff".encode() + _csv([list(_NAMES)])
    for rows in _pages(path, wanted):
        yield _csv([[_cell(value) for value in msgspec.structs.astuple(row)] for row in rows])


def json_lines(path: Path, wanted: AuditFilter) -> Iterator[bytes]:
    """One JSON array, a row a line."""
    between = b"[\n"
    for rows in _pages(path, wanted):
        for row in rows:
            yield between + msgspec.json.encode(row)
            between = b",\n"
    yield b"\n]\n" if between == b",\n" else b"[]\n"


def _csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: object) -> str:
    """A spreadsheet takes text that begins like this for a formula; the quote makes it text (OWASP, CSV injection)."""
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
