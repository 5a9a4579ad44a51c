"""The addresses that are not pages: live state, pictures, health, the page's own files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response, WebSocket
from msgspec import Meta
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from dashboard.desk import Desk
from dashboard.part_pictures import add_part_pictures
from dashboard.people.login import add_session
from dashboard.review.routes import add_review
from dashboard.view import encode
from edge.commands import Command, send_command
from edge.errors import BusError

MAX_BODY = 1_000
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


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Everything that is not a page of NiceGUI."""
    router = APIRouter()
    config, live, viewers, pictures = desk.config, desk.live, desk.viewers, desk.pictures

    @router.get("/api/live")
    def state() -> Response:
        return _json(encode(live.snapshot()))

    # runs in a worker thread: encoding must not hold up the others
    @router.get("/api/live/pictures/{key}")
    def picture(key: str, size: str = "full") -> Response:
        part = live.find(key)
        data = pictures.get(part, size == "thumb") if part is not None else None
        if data is None:
            return Response("no such picture (any more)", 404, {"Cache-Control": "no-store"}, "text/plain")
        return Response(data, 200, {"Cache-Control": "private, max-age=3600, immutable"}, "image/jpeg")

    @router.post("/api/line/acknowledge")
    async def acknowledge(request: Request) -> Response:
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

    @router.get("/health/live")
    async def alive() -> Response:
        return _json(b'{"status":"alive"}')

    @router.get("/health/ready")
    async def ready() -> Response:
        return _json(b'{"status":"ready"}') if live.reading else _json(b'{"status":"the bus is not being read"}', 503)

    add_session(router, desk)
    add_part_pictures(router, desk)
    add_review(router, desk)
    app.include_router(router)
    app.mount("/assets", _Assets(directory=ASSETS), name="assets")
