"""What is drawn into good images, and which cells answer for it."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="extra training is not installed")

from training.good.drawn import FAMILIES, draw_defects
from training.good.samples import CELL_PX, CROP_PX, GOOD, IGNORED, PAD_VALUE, RIM_PX, cell_owners, sample


def surface(seed: int, height: int = 160, width: int = 200) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    rng = np.random.default_rng(seed)
    return np.clip(120 + rng.normal(0, 12, (1, width)) + rng.normal(0, 5, (height, width)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("seed", range(40))
def test_what_is_owned_is_what_changed(seed: int) -> None:
    image, rng = surface(1), np.random.default_rng(seed)
    drawing = draw_defects(image, surface(2), rng, 3)
    assert drawing.image.shape == image.shape
    assert len(drawing.boxes) <= 3
    for k, (x1, y1, x2, y2) in enumerate(drawing.boxes.astype(int)):
        rows, columns = np.nonzero(drawing.owner == k)
        if len(rows):  # a later defect may cover it
            assert y1 <= rows.min() <= rows.max() < y2
            assert x1 <= columns.min() <= columns.max() < x2
    far = np.abs(drawing.image.astype(int) - image) > 40
    assert (drawing.owner[far] >= 0).mean() > 0.9 if far.any() else True
    assert len(drawing.boxes) or drawing.owner.max() == GOOD


def test_every_family_draws_something_that_shows() -> None:
    for family in FAMILIES:
        shown = 0
        for seed in range(30):
            image = surface(1).astype(np.float32)
            fill, alpha = family(image, np.random.default_rng(seed), surface(2).astype(np.float32))
            assert fill.shape == alpha.shape == image.shape
            assert np.isfinite(fill).all()
            assert 0 <= alpha.min() <= alpha.max() <= 1
            shown += bool((np.abs((fill - image) * alpha) > 15).any())
        assert shown > 15, family.__name__


def test_none_asked_for_is_none_drawn() -> None:
    drawing = draw_defects(surface(1), surface(2), np.random.default_rng(0), 0)
    assert (drawing.image == surface(1)).all()
    assert (drawing.owner == GOOD).all()


def test_cells_of_a_large_zone_are_taught_at_its_rim_only() -> None:
    owner = np.full((160, 160), GOOD, np.int16)
    owner[:, 40:] = 3
    cells = cell_owners(owner)
    assert (cells[:, :5] == GOOD).all()
    assert (cells[:, 5 : 5 + RIM_PX // CELL_PX] == 3).all()
    assert (cells[5:-5, 12:] == IGNORED).all()


def test_a_crack_of_one_px_is_taught_and_a_mere_touch_is_not() -> None:
    owner = np.full((32, 32), GOOD, np.int16)
    owner[12, 8:24], owner[0, 0] = 0, 1
    cells = cell_owners(owner)
    assert cells[1].tolist() == [GOOD, 0, 0, GOOD]
    assert cells[0, 0] == IGNORED


@pytest.mark.parametrize("size", [(64, 64), (100, 300), (300, 90), (400, 500)])
def test_samples_of_any_size_are_padded_as_the_line_pads(size: tuple[int, int]) -> None:
    images = [surface(1, *size)]
    for seed in range(8):
        image, owners, boxes = sample(images, (CROP_PX, CROP_PX), np.random.default_rng(seed))
        assert image.shape == (1, CROP_PX, CROP_PX)
        assert owners.max() < len(boxes)
        assert (image[0, size[0] :] == PAD_VALUE).all()
        assert (image[0, :, size[1] :] == PAD_VALUE).all()
        again, _, _ = sample(images, (CROP_PX, CROP_PX), np.random.default_rng(seed))
        assert (image == again).all()
