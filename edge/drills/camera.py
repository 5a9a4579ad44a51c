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
        "unplugged": ("the camera's cable is pulled", "camera-gone"),
        "frozen": ("the camera shows the same image again and again", "camera-blind"),
        "black": ("the light goes out", "camera-blind"),
        "stalled": ("the camera gives no images and does not answer", "no-verdicts"),
    }
    return [Drill(f"camera-{w}", f"{what} for {BROKEN_S:g} s", _break(w), alarm=alarm) for w, (what, alarm) in words.items()]
