"""The addresses that are not pages: live state, pictures, health, the page's own files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response, WebSocket
from msgspec import Meta
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from dashboard.api.description import Refusal
from dashboard.api.metrics import add_metrics
from dashboard.desk import Desk
from dashboard.models.routes import add_models
from dashboard.part_pictures import add_part_pictures
from dashboard.people.audit_export import add_audit
from dashboard.people.login import add_session
from dashboard.people.me_page import add_me
from dashboard.people.setup_page import add_setup
from dashboard.report.routes import add_reports
from dashboard.review.routes import add_review
from dashboard.setup.routes import add_commission
from dashboard.view import Snapshot, encode
from edge.commands import Command, send_command
from edge.errors import BusError

MAX_BODY = 1_000
PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"description": "JPEG", "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
    404: {"description": "no such picture, or no longer"},
}
ASSETS = Path(__file__).parent / "assets"


class _Assets(StaticFiles):
    """Files of the page; a browser asks each time whether they are still the same, so an update shows at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


async def _small(request: Request) -> bytes:
    """The body of a request that has no business being long.

    Raises:
        ValueError: it is.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise ValueError("too long")
    return body


def _json(data: bytes, status: int = 200) -> Response:
    return Response(data, status, {"Cache-Control": "no-store"}, "application/json")


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who acknowledges; the name goes into the record."""

    who: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"\S")]


class Health(msgspec.Struct, frozen=True):
    """How this process is."""

    status: str


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Everything that is not a page of NiceGUI."""
    router = APIRouter()
    config, live, viewers, pictures = desk.config, desk.live, desk.viewers, desk.pictures

    @router.get("/api/live", response_class=Response, responses=desk.schemas.answers(Snapshot))
    def state() -> Response:
        """The state of the line at this moment. `/api/live/stream` is a WebSocket that sends the same, up to eight times a second."""
        return _json(encode(live.snapshot()))

    # runs in a worker thread: encoding must not hold up the others
    @router.get("/api/live/pictures/{key}", response_class=Response, responses=PICTURE)
    def picture(key: str, size: Literal["full", "thumb"] = "full") -> Response:
        """The picture of a part that the snapshot names, while it is at hand."""
        part = live.find(key)
        data = pictures.get(part, size == "thumb") if part is not None else None
        if data is None:
            return Response("no such picture (any more)", 404, {"Cache-Control": "no-store"}, "text/plain")
        return Response(data, 200, {"Cache-Control": "private, max-age=3600, immutable"}, "image/jpeg")

    @router.post(
        "/api/line/acknowledge",
        response_class=Response,
        responses=desk.schemas.answers(Refusal, 400, 409, 503),
        openapi_extra=desk.schemas.body(Person),
    )
    async def acknowledge(request: Request) -> Response:
        """Acknowledge the stops of the line, so that it may run on."""
        try:
            person = msgspec.json.decode(await _small(request), type=Person)
        except (ValueError, msgspec.MsgspecError):
            return _json(b'{"accepted":false,"text":"who: is missing; send {\\"who\\": NAME}"}', 400)
        try:
            reply = await asyncio.to_thread(send_command, config, Command("acknowledge", who=person.who, reason="at the dashboard"))
        except BusError as error:
            return _json(msgspec.json.encode({"accepted": False, "text": str(error)}), 503)
        return _json(msgspec.json.encode({"accepted": reply.accepted, "text": reply.text}), 200 if reply.accepted else 409)

    @router.websocket("/api/live/stream")
    async def stream(socket: WebSocket) -> None:
        await viewers.serve(socket)

    @router.get("/health/live", response_class=Response, responses=desk.schemas.answers(Health))
    async def alive() -> Response:
        """Whether this process answers at all."""
        return _json(b'{"status":"alive"}')

    @router.get(
        "/health/ready",
        response_class=Response,
        responses={**desk.schemas.answers(Health), 503: {"description": "the bus is not being read"}},
    )
    async def ready() -> Response:
        """Whether it can show the line: it reads the bus."""
        return _json(b'{"status":"ready"}') if live.reading else _json(b'{"status":"the bus is not being read"}', 503)

    add_session(router, desk)
    add_metrics(router, desk)
    add_models(router, desk)
    add_commission(router, desk)
    add_setup(router, desk)
    add_me(router, desk)
    add_audit(router, desk)
    add_part_pictures(router, desk)
    add_review(router, desk)
    add_reports(router, desk)
    app.include_router(router)
    app.mount("/assets", _Assets(directory=ASSETS), name="assets")
