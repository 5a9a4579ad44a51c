"""A model's card for people: a line for each field that says something."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_INPUT = {"planes", "width_px", "height_px", "scale", "offset", "resize", "pad_value"}
_KNOWN = _INPUT | {"format", "seal", "scores", "remarks"}


def card_rows(card: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and texts of a card's fields, as `msgspec.to_builtins` gives it; figures are rounded, the seal is left to JSON."""
    rows = [(k, ", ".join(v) if isinstance(v, list) else str(v)) for k, v in card.items() if k not in _KNOWN and v not in ("", [])]
    size = f"{card['width_px']} x {card['height_px']} px, {', '.join(card['planes'])}, resize {card['resize']}"
    rows.append(("input", f"{size}, pixel * {card['scale']:.4g} + {card['offset']:.4g}"))
    rows += [(k, f"{v:.4f}") for k, v in card["scores"].items()]
    return rows + [("remark", r) for r in card["remarks"]]


def show_fields(rows: Iterable[tuple[str, str]], console: Console) -> None:
    """Two columns, long texts folded."""
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in rows:
        table.add_row(escape(name), escape(text))
    console.print(table, highlight=False)
