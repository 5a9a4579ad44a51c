"""Registration: exact on boards, quiet where there is nothing to see."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.register import Registration
from hardware.cameras.boards import Board, add_defects, draw_board

Image = NDArray[np.uint8]


@functools.cache
def board(seed: int) -> tuple[Board, Image]:
    drawn = draw_board(seed, 360)
    return drawn, add_defects(drawn, seed, 5)[0]


def moved(image: Image, dx: int, dy: int, seed: int) -> Image:
    """The image shifted; what comes in at the edges is anything."""
    height, width = image.shape
    out = np.random.default_rng(seed).integers(0, 256, image.shape, np.uint8)
    out[max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)] = image[
        max(0, -dy) : height + min(0, -dy), max(0, -dx) : width + min(0, -dx)
    ]
    return out


def as_camera(image: Image, gain: float, level: float, noise: float, seed: int) -> Image:
    shape = image.shape
    light = np.linspace(-12, 12, shape[1])[None] + np.random.default_rng(seed).normal(0, noise, shape)
    return np.asarray(np.clip(image * gain + level + light, 0, 255), np.uint8)


@pytest.mark.parametrize("limit", [1, 3, 8, 16])
@pytest.mark.parametrize("seed", range(5))
def test_every_shift_within_the_limit_is_found_exactly(limit: int, seed: int) -> None:
    drawn, image = board(seed)
    registration = Registration(drawn.golden, limit)
    rng = np.random.default_rng(seed)
    shifts = {(0, 0), (limit, limit), (-limit, -limit), (limit, -limit), (-limit, 0), (0, limit)}
    shifts |= {(int(x), int(y)) for x, y in rng.integers(-limit, limit + 1, (10, 2))}
    for dx, dy in shifts:
        assert registration.shift(moved(image, dx, dy, seed)) == (dx, dy)


@pytest.mark.parametrize(("gain", "level", "noise"), [(0.6, 40, 12), (0.5, 10, 5), (0.8, 45, 15), (1.0, -30, 8), (0.4, 90, 10)])
@pytest.mark.parametrize("seed", range(5))
def test_light_and_noise_change_nothing(gain: float, level: float, noise: float, seed: int) -> None:
    drawn, image = board(seed)
    registration = Registration(drawn.golden, 8)
    for dx, dy in np.random.default_rng(seed).integers(-8, 9, (8, 2)).tolist():
        assert registration.shift(as_camera(moved(image, dx, dy, seed), gain, level, noise, seed)) == (dx, dy)


@pytest.mark.parametrize("off", [9, 10, 11, 12, 14, 15])
@pytest.mark.parametrize("seed", range(4))
def test_beyond_the_limit_there_is_no_shift(off: int, seed: int) -> None:
    drawn, image = board(seed)
    registration = Registration(drawn.golden, 8)
    for dx, dy in ((off, 0), (-off, 3), (0, off), (-2, -off), (off, off)):
        assert registration.shift(moved(image, dx, dy, seed)) is None


def test_the_limit_itself_is_the_border() -> None:
    drawn, image = board(1)
    for limit in (1, 2, 4, 5, 7):
        registration = Registration(drawn.golden, limit)
        assert registration.shift(moved(image, limit, 0, 1)) == (limit, 0)
        assert registration.shift(moved(image, limit + 1, 0, 1)) is None
        assert registration.shift(moved(image, 0, -limit - 1, 1)) is None


@pytest.mark.parametrize("level", [0, 128, 255])
def test_where_there_is_nothing_to_see_there_is_no_shift(level: int) -> None:
    blank = np.full((200, 200), level, np.uint8)
    drawn, image = board(1)
    assert Registration(blank, 8).shift(blank) == (0, 0)
    assert Registration(blank, 8).shift(image[:200, :200]) == (0, 0)
    assert Registration(drawn.golden, 8).shift(np.full(drawn.golden.shape, level, np.uint8)) == (0, 0)


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (31, 200), (200, 8), (33, 33)])
def test_images_too_small_to_tell(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    assert Registration(image, 8).shift(image) == (0, 0)


def test_a_view_into_a_larger_image_is_as_good_as_a_copy() -> None:
    drawn, image = board(2)
    registration = Registration(drawn.golden[20:320, 30:330], 8)
    assert registration.shift(moved(image, 4, -5, 0)[20:320, 30:330]) == (4, -5)
