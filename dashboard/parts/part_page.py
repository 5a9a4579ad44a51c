"""The page of one part, `/parts/{part_id}`: the frame around one component, which asks `/api/parts` for everything."""

from __future__ import annotations

from fastapi import Request
from nicegui import ui

from dashboard.desk import Desk
from dashboard.frame import Page, Visit, frame, visit

PAGE = Page("/parts", "onepart.title", "", "history", ("picture.css", "history.css", "part.css"))


class OnePart(ui.element, component="../assets/part.js"):
    """All about a part."""

    def __init__(self, visited: Visit, part_id: str) -> None:
        super().__init__()
        self._props["texts"] = visited.texts
        self._props["language"] = visited.language
        self._props["part-id"] = part_id
        self._props["may"] = {"review": visited.may("review"), "release": visited.may("release")}


def add(desk: Desk) -> None:
    """Register the page. An id may hold any sign, slashes too."""

    @ui.page("/parts/{part_id:path}", title=f"Gutteil · {desk.config.name}")
    async def show(request: Request, part_id: str) -> None:
        visited = visit(desk, request)
        with frame(visited, PAGE):
            OnePart(visited, part_id)
