"""The live page: the frame of NiceGUI around one component that draws what the server's stream says."""

from __future__ import annotations

from fastapi import Request
from nicegui import ui

from dashboard.desk import Desk
from dashboard.frame import Page, Visit, add_page
from dashboard.version import VERSION

# the last sheet has the layouts for small screens
PAGE = Page(
    "/",
    "page.line",
    "precision_manufacturing",
    "look",
    ("state.css", "picture.css", "strip.css", "veil.css", "alarms.css", "numbers.css", "sound.css", "live.css"),
)


class LiveLine(ui.element, component="assets/live.js"):
    """The line, live. It has its own stream, so that fifty viewers cost one encoding and no tree of elements each."""

    def __init__(self, visited: Visit, *, kiosk: bool) -> None:
        super().__init__()
        self._props["texts"] = visited.texts
        self._props["language"] = visited.language
        self._props["person"] = visited.person.name if visited.person is not None else ""
        self._props["may"] = visited.may("acknowledge")
        self._props["kiosk"] = kiosk
        self._props["version"] = VERSION


def add(desk: Desk) -> None:
    """Register the page at `/`; with `?kiosk=1` it is for a screen that nobody works at: no navigation, no person."""

    def fill(visited: Visit, request: Request) -> None:
        LiveLine(visited, kiosk=request.query_params.get("kiosk") == "1")

    add_page(desk, PAGE, fill)
