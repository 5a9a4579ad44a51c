"""The live page: the frame of NiceGUI around one component that draws what the server's stream says."""

from __future__ import annotations

from fastapi import Request
from nicegui import ui

from dashboard.desk import Desk
from dashboard.frame import Page, Visit, add_page

# the last sheet has the layouts for small screens
PAGE = Page("/", "page.line", "precision_manufacturing", "look", ("state.css", "picture.css", "strip.css", "veil.css", "live.css"))


class LiveLine(ui.element, component="assets/live.js"):
    """The line, live. It has its own stream, so that fifty viewers cost one encoding and no tree of elements each."""

    def __init__(self, visited: Visit) -> None:
        super().__init__()
        self._props["texts"] = visited.texts
        self._props["language"] = visited.language


def add(desk: Desk) -> None:
    """Register the page at `/`."""

    def fill(visited: Visit, _request: Request) -> None:
        LiveLine(visited)

    add_page(desk, PAGE, fill)
