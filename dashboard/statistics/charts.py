"""A chart and its table: the same rows are drawn, stand beside it as a table that can be read and copied, and are taken away as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from html import escape
from typing import Any

import msgspec
import nicegui.elements.echart  # noqa: F401  tells the browser where ECharts lies
from nicegui import ui

from dashboard.frame import Visit
from dashboard.texts import Language

Cell = str | int | float | None


class Table(msgspec.Struct, frozen=True):
    """Rows of a chart.

    Attributes:
        shown: as people read them; raw: as programs do; links: where the first cell of each row leads, '' = nowhere.
    """

    head: list[str]
    shown: list[list[str]]
    raw: list[list[Cell]]
    links: list[str]

    def csv(self, language: Language) -> str:
        """As spreadsheets of the language read it. A text that one would take for a formula gets an apostrophe."""
        out = io.StringIO()
        writer = csv.writer(out, delimiter=";" if language == "de" else ",", lineterminator="\r\n")
        writer.writerow(self.head)
        writer.writerows([_cell(value, language) for value in row] for row in self.raw)
        return out.getvalue()

    def html(self, caption: str) -> str:
        """A table for screen readers, keyboards and copying."""
        numbers = [isinstance(value, int | float) for value in (self.raw[0] if self.raw else [])]
        at_right = [' class="is-number"' if n else "" for n in numbers] or [""] * len(self.head)
        head = "".join(f'<th scope="col"{c}>{escape(h)}</th>' for h, c in zip(self.head, at_right, strict=True))
        rows = []
        for row, link in zip(self.shown, self.links, strict=True):
            first = f'<a href="{escape(link)}">{escape(row[0])}</a>' if link else escape(row[0])
            cells = "".join(f"<td{c}>{escape(value)}</td>" for value, c in zip(row[1:], at_right[1:], strict=True))
            rows.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
        return f'<table class="gt-table"><caption class="gt-unseen">{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _cell(value: Cell, language: Language) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
    text = repr(value)
    return text.replace(".", ",") if language == "de" else text


class _Chart(ui.element, component="../assets/chart.js"):
    """Drawn in the browser."""

    def __init__(self, props: dict[str, Any]) -> None:
        super().__init__()
        for name, value in props.items():
            self._props[name] = value


def chart(visited: Visit, kind: str, data: dict[str, Any], table: Table, *, title: str, alt: str, file: str, words: Sequence[str]) -> None:
    """A chart with its table under it.

    Args:
        kind: which drawing of `assets/chart.js`; data: what it needs, with `links` and `notes` by point.
        alt: what it shows in a sentence; words: keys of `stats.chart.` that the drawing writes itself.
    """
    t = visited.t
    props = {
        "kind": kind,
        "data": data | {"links": table.links},
        "alt": alt,
        "words": {name: t("stats.chart." + name) for name in words},
        "language": visited.language,
        "file": file,
        "csv": table.csv(visited.language),
    }
    _Chart(props).classes("gt-wide")
    with ui.element("details").classes("gt-table-beside"):
        with ui.element("summary"):
            ui.label(t("stats.table"))
        ui.html(f'<div class="gt-scroll" tabindex="0" role="region" aria-label="{escape(title)}">{table.html(title)}</div>', sanitize=False)
