"""The review page: what people say of parts. `assets/review.js` is the page, `routes.py` what it and other programs talk to."""

from __future__ import annotations

from fastapi import Request
from nicegui import ui

from dashboard.desk import Desk
from dashboard.frame import Page, Visit, add_page

_SHEETS = ("review_card.css", "review_missed.css", "boxes.css", "review_side.css", "review_part.css", "review.css")
PAGE = Page("/review", "page.review", "fact_check", "review", _SHEETS)
_PLACES = ("page.review", "review.", "kind.", "word.", "part.", "age.", "frame.")


class ReviewDesk(ui.element, component="../assets/review.js"):
    """The queue and one part, in the browser. It asks the routes below `/api/review` and keeps nothing on the server."""

    def __init__(self, visited: Visit) -> None:
        super().__init__()
        self._props["texts"] = {key: text for key, text in visited.texts.items() if key.startswith(_PLACES)}
        self._props["language"] = visited.language
        self._props["who"] = visited.person.name if visited.person is not None else ""
        self._props["label"] = visited.may("label")


def add(desk: Desk) -> None:
    """Register the page at `/review`."""

    def fill(visited: Visit, _request: Request) -> None:
        ReviewDesk(visited)

    add_page(desk, PAGE, fill)
