"""The addresses of the record's parts: search, one part, exports."""

from __future__ import annotations

from fastapi import APIRouter

from dashboard.desk import Desk
from dashboard.parts.export_api import add_exports
from dashboard.parts.part_api import add_parts
from dashboard.parts.replays import Replays
from dashboard.parts.search_api import add_search


def parts_router(desk: Desk, replays: Replays) -> APIRouter:
    """All of them; the door's rules are in `dashboard.app`."""
    router = APIRouter()
    add_search(router, desk)
    add_parts(router, desk, replays)
    add_exports(router, desk)
    return router
