"""N parts pass, N are seen: at different speeds, products and sizes, with a part in view at the start, both ways."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hardware.cameras.simulator import SimulatorCamera
from hardware.errors import DeviceSettings
from hardware.presence import PartDetector


def frames(product: Any, speed_px: float, parts: int, seed: int = 3) -> list[tuple[NDArray[np.uint8], float]]:
    """What the free-running camera sees until so many parts have gone by, and how far the nearest part's middle is off the picture's, px."""
    camera = SimulatorCamera(product, seed=seed, mode="free", rate_hz=1000, speed_px=speed_px, width_px=320, height_px=256, carousel=4)
    camera.open()
    conveyor = camera._conveyor
    assert conveyor is not None
    end = conveyor.centre_px(parts) - 160 - 200  # the next one is not yet in the middle
    out = []
    for moment in range(int(end / speed_px)):
        camera._prepare(moment)
        assert camera._next is not None
        out.append((camera._next.image, min((conveyor.centre_px(i) - int(moment * speed_px) - 160 for i in range(parts)), key=abs)))
    return out


def count(images: list[NDArray[np.uint8]]) -> int:
    detector = PartDetector()
    return sum(detector.feed(image) for image in images)


@pytest.mark.parametrize("product", ["board", "ring"])
@pytest.mark.parametrize("speed_px", [9.3, 40.0, 100.0])
def test_n_parts_pass_n_are_seen(product: str, speed_px: float) -> None:
    images = [image for image, _ in frames(product, speed_px, 12)]
    assert count(images) == 12
    assert count([image[:, ::-1] for image in images]) == 12  # the belt runs the other way
    assert count([np.stack([image] * 3, axis=-1) for image in images]) == 12


def test_it_is_seen_in_the_middle() -> None:
    detector = PartDetector()
    offsets = [off for image, off in frames("ring", 8.0, 6) if detector.feed(image)]
    assert len(offsets) == 6
    assert max(abs(off) for off in offsets) < 8 + 12  # a step of the belt and a few px


def test_a_part_in_view_at_the_start_is_not_taken_for_the_belt() -> None:
    all_frames = frames("board", 20.0, 8)
    start = next(i for i, (_, off) in enumerate(all_frames) if abs(off) < 100)  # the first part is right of the middle, in full view
    assert count([image for image, _ in all_frames[start:]]) == 8


def test_an_empty_belt_and_a_standing_part_count_nothing() -> None:
    images = [image for image, _ in frames("board", 20.0, 2)]
    assert count(images[:10] * 20) == 0
    detector = PartDetector()
    passed = 0
    rng = np.random.default_rng(0)
    for image in images:
        seen = detector.feed(image)
        passed += seen
        if seen:
            for _ in range(300):  # the belt stops with the part in the middle; noise goes on
                noisy = np.clip(image.astype(np.int16) + rng.integers(-3, 4, image.shape, np.int16), 0, 255).astype(np.uint8)
                passed += detector.feed(noisy)
    assert passed == 2


def test_small_parts_close_together() -> None:
    rng = np.random.default_rng(1)
    belt = rng.normal(70, 4, (200, 6000)).clip(0, 255).astype(np.uint8)
    places = [500 + 130 * i + int(rng.integers(-20, 20)) for i in range(30)]
    for x in places:
        belt[60:150, x : x + 60] = 180
    images = [belt[:, x : x + 320] for x in range(0, places[-1] + 60 - 160 + 60, 25)]
    assert count(images) == 30


def test_impossible_settings_are_named() -> None:
    with pytest.raises(DeviceSettings, match="min_share"):
        PartDetector(min_share=2)
