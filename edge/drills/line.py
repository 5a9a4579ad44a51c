"""Drills on the line's own hardware: the trigger wire, the ejector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge.config import Station
from edge.drill import Drill
from edge.drills.ground import Ground

BAD_S = 5.0


def _through(ground: Ground) -> None:
    """The fault is there from the start; a person acknowledges what it stops."""
    ground.attended = True
    ground.let(BAD_S)


def _line(**changes: Any) -> Any:
    def settings(config: Station, _folder: Path) -> Station:
        return config.model_copy(update={"line": config.line.model_copy(update=changes)})

    return settings


def line_drills() -> list[Drill]:
    return [
        Drill("lost-edges", "the trigger wire loses 1 edge in 10", _through, settings=_line(lost_edge_share=0.1), standing=True),
        Drill(
            "ejector-misses",
            "the ejector misses 1 part in 20",
            _through,
            settings=_line(miss_share=0.05),
            alarm="ejection-missed",
            standing=True,
        ),
    ]
