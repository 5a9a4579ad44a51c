"""Addresses of reports: made now as PDF or figures, and those that were written."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Literal

import msgspec
from fastapi import APIRouter, Response

from dashboard.desk import Desk
from dashboard.report.written import listed, make, name_of, shift_called
from edge.errors import GutteilError
from edge.shift_report import shift_report
from edge.shifts import Calendar


def add_reports(router: APIRouter, desk: Desk) -> None:
    """`/api/reports/…`; the permission is the door's business."""
    config = desk.config
    drawing = asyncio.Semaphore(1)  # a report takes a core for a moment, and the station goes first

    @router.get("/api/reports/pdf", response_class=Response)
    async def pdf(shift: str = "last", language: Literal["de", "en"] = "en") -> Response:
        """The report of a shift (DAY/NUMBER, `last` or `this`) as PDF."""
        now_ns = time.time_ns()
        try:
            found = shift_called(config, shift, now_ns)
            async with drawing:
                data, _ = await desk.record.ask(lambda store: make(store, config, found, language, now_ns))
        except GutteilError as error:
            return _refused(error)
        return _file(data, "application/pdf", name_of(config.name, found, language))

    @router.get("/api/reports/figures", response_class=Response)
    async def figures(shift: str = "last") -> Response:
        """The figures of a shift as JSON; its SHA-256 stands on the PDF."""
        now_ns = time.time_ns()
        try:
            found = shift_called(config, shift, now_ns)
            report = await desk.record.ask(lambda store: shift_report(store, config.name, Calendar(config.shifts), found, now_ns))
        except GutteilError as error:
            return _refused(error)
        return _file(report.encoded(), "application/json", f"{config.name}_{found.day}_{found.number}.json")

    @router.get("/api/reports/files/{name}", response_class=Response)
    async def written(name: str) -> Response:
        """A report that was written as its shift ended."""

        def read() -> bytes | None:
            folder = Path(config.report.folder)
            known = next((f for f in listed(folder, config.name) if f.name == name), None)
            return (folder / known.name).read_bytes() if known is not None else None

        try:
            data = await asyncio.to_thread(read)
        except OSError:
            data = None
        if data is None:
            return Response("there is no such report (any more)", 404, {"Cache-Control": "no-store"}, "text/plain")
        return _file(data, "application/pdf", name)


def _file(data: bytes, kind: str, name: str) -> Response:
    return Response(data, 200, {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}, kind)


def _refused(error: GutteilError) -> Response:
    return Response(msgspec.json.encode({"text": str(error)}), 400, {"Cache-Control": "no-store"}, "application/json")
