"""The parts of the statistics, each an address of its own."""

from __future__ import annotations

from html import escape
from typing import Literal

from nicegui import ui

from dashboard.frame import Visit

Tab = Literal["figures", "shifts", "report"]
_PATHS: dict[Tab, str] = {"figures": "/statistics", "shifts": "/statistics/shifts", "report": "/statistics/report"}


def tabs(visited: Visit, here: Tab) -> None:
    """The links between them."""
    links = "".join(
        f'<a href="{path}"{" aria-current=page" if tab == here else ""}>{escape(visited.texts["stats.tab." + tab])}</a>'
        for tab, path in _PATHS.items()
    )
    ui.html(links, tag="nav", sanitize=False).classes("gt-tabs gt-no-print").props(f'aria-label="{escape(visited.t("stats.tabs"))}"')
