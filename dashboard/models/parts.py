"""What the pages about models share: marks of states, figures with bounds, moments."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from nicegui import ui

from dashboard.frame import Visit

# a shape of its own for each state: nobody has to tell colours apart
ICONS = {
    "active": "check_circle",
    "shadow": "visibility",
    "candidate": "fiber_new",
    "retired": "inventory_2",
    "met": "check_circle",
    "unmet": "radio_button_unchecked",
}


def mark(state: str) -> None:
    """The shape of a state; the word stands beside it."""
    ui.icon(ICONS[state]).classes(f"gt-model-mark is-{state}").props('aria-hidden="true"')


def number(visited: Visit, value: float) -> str:
    """With one decimal, as the language writes it."""
    return f"{value:.1f}".replace(".", "," if visited.language == "de" else ".")


def percent(visited: Visit, value: float) -> str:
    """A share with one decimal, as the language writes it."""
    text = f"{value:.1%}"
    return text.replace(".", ",").replace("%", " %") if visited.language == "de" else text


def evaluation_cells(visited: Visit, document: dict[str, Any] | None) -> list[tuple[str, str]]:
    """Escape and overkill with counts and 95 % bounds; empty where there is nothing that can be read."""
    cells = []
    for kind in ("escape", "overkill"):
        found = (document or {}).get(kind)
        try:
            text = visited.t(
                "models.figure",
                count=int(found["count"]),  # type: ignore[index]
                of=int(found["of"]),  # type: ignore[index]
                low=percent(visited, float(found["low"])),  # type: ignore[index]
                high=percent(visited, float(found["high"])),  # type: ignore[index]
            )
        except (TypeError, KeyError, ValueError):
            text = "–"
        cells.append((visited.t(f"models.field.{kind}"), text))
    return cells if any(text != "–" for _, text in cells) else []


def moment(visited: Visit, at: str) -> str:
    """A moment of the record (UTC, ISO 8601) in the machine's own time."""
    try:
        local = datetime.fromisoformat(at).replace(tzinfo=UTC).astimezone()
    except ValueError:
        return at
    return local.strftime("%d.%m.%Y %H:%M" if visited.language == "de" else "%Y-%m-%d %H:%M")
