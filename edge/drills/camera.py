"""Drills on the camera."""

from __future__ import annotations

from collections.abc import Callable

from edge.drill import Drill
from edge.drills.ground import Ground

BROKEN_S = 4.0


def _break(word: str) -> Callable[[Ground], None]:
    def fault(ground: Ground) -> None:
        ground.camera(word)
        ground.let(BROKEN_S)
        ground.camera("")

    return fault


def camera_drills() -> list[Drill]:
    words = {
        "unplugged": "the camera's cable is pulled",
        "frozen": "the camera shows the same image again and again",
        "black": "the light goes out",
        "stalled": "the camera gives no images and does not answer",
    }
    return [Drill(f"camera-{word}", f"{what} for {BROKEN_S:g} s", _break(word)) for word, what in words.items()]
