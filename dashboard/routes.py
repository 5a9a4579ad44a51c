"""The addresses that are not pages: live state, pictures, health, the page's own files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
from fastapi import APIRouter, FastAPI, Response, WebSocket
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from dashboard.api.metrics import add_metrics
from dashboard.desk import Desk
from dashboard.models.routes import add_models
from dashboard.orders import add_orders
from dashboard.part_pictures import add_part_pictures
from dashboard.people.audit_export import add_audit
from dashboard.people.login import add_session
from dashboard.people.me_page import add_me
from dashboard.people.setup_page import add_setup
from dashboard.report.routes import add_reports
from dashboard.review.routes import add_review
from dashboard.setup.routes import add_commission
from dashboard.view import Snapshot, encode

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


def _json(data: bytes, status: int = 200) -> Response:
    return Response(data, status, {"Cache-Control": "no-store"}, "application/json")


class Health(msgspec.Struct, frozen=True):
    """How this process is."""

    status: str


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Everything that is not a page of NiceGUI."""
    router = APIRouter()
    live, viewers, pictures = desk.live, desk.viewers, desk.pictures

    @router.get("/api/live", response_class=Response, responses=desk.schemas.answers(Snapshot))
    def state() -> Response:
        """The state of the line at this moment. `/api/live/stream` is a WebSocket that sends the same, up to eight times a second."""
        return _json(encode(live.snapshot()))

    @router.get("/api/live/pictures/{key}", response_class=Response, responses=PICTURE)
    async def picture(key: str, size: Literal["full", "thumb"] = "full") -> Response:
        """The picture of a part that the snapshot names, while it is at hand."""
        part = live.find(key)
        data = await pictures.ask(part, size == "thumb") if part is not None else None
        if data is None:
            return Response("no such picture (any more)", 404, {"Cache-Control": "no-store"}, "text/plain")
        return Response(data, 200, {"Cache-Control": "private, max-age=3600, immutable"}, "image/jpeg")

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

    add_orders(router, desk)
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
