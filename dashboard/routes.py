"""The addresses that are not pages: live state, pictures, health, the page's own files."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI, Response, WebSocket
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from dashboard.desk import Desk
from dashboard.orders import add_orders
from dashboard.people.login import add_session
from dashboard.view import encode

ASSETS = Path(__file__).parent / "assets"


class _Assets(StaticFiles):
    """Files of the page; a browser asks each time whether they are still the same, so an update shows at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _json(data: bytes, status: int = 200) -> Response:
    return Response(data, status, {"Cache-Control": "no-store"}, "application/json")


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Everything that is not a page of NiceGUI."""
    router = APIRouter()
    live, viewers, pictures = desk.live, desk.viewers, desk.pictures

    @router.get("/api/live")
    def state() -> Response:
        return _json(encode(live.snapshot()))

    @router.get("/api/live/pictures/{key}")
    async def picture(key: str, size: str = "full") -> Response:
        part = live.find(key)
        data = await pictures.ask(part, size == "thumb") if part is not None else None
        if data is None:
            return Response("no such picture (any more)", 404, {"Cache-Control": "no-store"}, "text/plain")
        return Response(data, 200, {"Cache-Control": "private, max-age=3600, immutable"}, "image/jpeg")

    @router.websocket("/api/live/stream")
    async def stream(socket: WebSocket) -> None:
        await viewers.serve(socket)

    @router.get("/health/live")
    async def alive() -> Response:
        return _json(b'{"status":"alive"}')

    @router.get("/health/ready")
    async def ready() -> Response:
        return _json(b'{"status":"ready"}') if live.reading else _json(b'{"status":"the bus is not being read"}', 503)

    add_orders(router, desk)
    add_session(router, desk)
    app.include_router(router)
    app.mount("/assets", _Assets(directory=ASSETS), name="assets")
