"""Drills on the line itself: trigger wire, ejector, bin, belt, and the people at the machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.config import Station
from edge.drill import Drill, as_it_is
from edge.drills.ground import Ground
from edge.drills.pictures import WAY_MS, write_recipe

BAD_S = 5.0
SPEEDS = (0.5, 1.4, 0.2, 1.2, 0.7, 1.0)
_WAY_COUNTS = WAY_MS * 10  # 10,000 counts per second
_UNKNOWN = 9


def _through(ground: Ground) -> None:
    """The fault is there from the start; a person acknowledges what it stops."""
    ground.attended = True
    ground.let(BAD_S)


def _line(**changes: Any) -> Callable[[Station, Path], Station]:
    def settings(config: Station, _folder: Path) -> Station:
        return config.model_copy(update={"line": config.line.model_copy(update=changes)})

    return settings


def _jam(ground: Ground) -> None:
    ground.rig.line.jam()
    ground.let(2.0)
    if ground.witness.running:
        ground.wrong.append("the belt runs with a full bin")


def _button(ground: Ground) -> None:
    ground.rig.line.machine_stop()
    ground.let(2.0)
    if ground.witness.running:
        ground.wrong.append("the belt runs although it was stopped at the machine")


def _speeds(ground: Ground) -> None:
    ground.attended = True
    for share in SPEEDS:
        ground.rig.line.speed(share)
        ground.let(1.5)


def _by_encoder(config: Station, folder: Path) -> Station:
    return config.model_copy(update={"recipe": str(write_recipe(folder / "encoder.toml", delay_counts=_WAY_COUNTS))})


def _two_recipes(config: Station, folder: Path) -> Station:
    return config.model_copy(update={"recipes": {"1": config.recipe, "2": str(write_recipe(folder / "second.toml", delay_ms=WAY_MS))}})


def _recipes(ground: Ground) -> None:
    """Another one, one that does not exist, and the first again, while parts are on the belt."""
    for number in (2, _UNKNOWN, 1):
        ground.rig.line.request_recipe(number)
        ground.let(2.5)


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
        Drill("bin-full", "the reject bin is full until a person empties it", _jam, alarm="bin-full"),
        Drill("machine-stop", "somebody presses the stop button at the machine", _button, alarm="machine-stop"),
        Drill("belt-speed", f"the belt runs at {', '.join(f'{s:g}' for s in SPEEDS)} times its speed", _speeds, settings=as_it_is),
        Drill("belt-speed-encoder", "the same with a way to the ejector in encoder counts", _speeds, settings=_by_encoder),
        Drill(
            "recipe-change",
            "the PLC asks for another recipe, for one that does not exist, and for the first again",
            _recipes,
            settings=_two_recipes,
            alarm="recipe-refused",
        ),
    ]
