"""The history page: the frame around one component, which searches by `/api/inspections` and keeps its filters in the address."""

from __future__ import annotations

from fastapi import Request
from nicegui import ui

from dashboard.desk import Desk
from dashboard.frame import Page, Visit, add_page

PAGE = Page("/history", "page.history", "manage_search", "history", ("history.css", "time_rail.css", "export.css"))


class History(ui.element, component="../assets/history.js"):
    """The list; everything it shows it asks for itself, so the server holds no state of it."""

    def __init__(self, visited: Visit) -> None:
        super().__init__()
        self._props["texts"] = visited.texts
        self._props["language"] = visited.language
        self._props["may"] = {"export": visited.may("export")}


def add(desk: Desk) -> None:
    """Register the page."""

    def fill(visited: Visit, _request: Request) -> None:
        History(visited)

    add_page(desk, PAGE, fill)
