"""Texts of the review page."""

from __future__ import annotations

from typing import Final

from dashboard.text import Text

TEXTS: Final[dict[str, Text]] = {
    "page.review": Text("Review", "Prüfung"),
}
