"""The live page: the frame of NiceGUI around one component that draws what the server's stream says."""

from __future__ import annotations

from fastapi import Request
from nicegui import ui

from dashboard.frame import Visit, frame, visit

FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#12181f"/>'
    '<path d="M8 16.5l6 6 11-13" fill="none" stroke="#27c46b" stroke-width="4.5" stroke-linecap="round" stroke-linejoin="round"/></svg>'
)

SHEETS = ("state.css", "picture.css", "strip.css", "veil.css", "live.css")  # the last one has the layouts for small screens


class LiveLine(ui.element, component="assets/live.js"):
    """The line, live. It has its own stream, so that fifty viewers cost one encoding and no tree of elements each."""

    def __init__(self, visited: Visit) -> None:
        super().__init__()
        self._props["texts"] = visited.texts
        self._props["language"] = visited.language


def add(station: str) -> None:
    """Register the page at `/`."""

    @ui.page("/", title=f"Gutteil · {station}")
    def live(request: Request) -> None:
        visited = visit(request)
        with frame(visited, station, "/", SHEETS):
            LiveLine(visited)
