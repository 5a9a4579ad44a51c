"""Training samples from good images: a crop at native scale, varied as the line varies it, half of them with drawn defects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset

from training.good.drawn import draw_defects

CROP_PX = 256
PAD_VALUE = 114
DEFECT_SHARE = 0.65
CELL_PX = 8
IGNORED, GOOD = -2, -1
RIM_PX = 24  # the inside of a large zone may look like any good surface: only what lies as near its border is taught
MIN_COVER = 0.12  # a cell answers for a defect that covers this share of it; a crack of one px through its middle does
Image = NDArray[np.uint8]
Sample = tuple[Image, NDArray[np.int64], NDArray[np.float32]]


def sample(images: Sequence[Image], crop: tuple[int, int], rng: np.random.Generator) -> Sample:
    """One sample.

    Args:
        crop: height and width in px, multiples of 16.

    Returns:
        Image (1, *crop) uint8, padded right and below as the line pads; owner of each cell: index of a box, GOOD or IGNORED;
        boxes (n, 4) in px.
    """
    image, donor = images[int(rng.integers(len(images)))], images[int(rng.integers(len(images)))]
    height, width = min(crop[0], image.shape[0]), min(crop[1], image.shape[1])
    top, left = rng.integers(image.shape[0] - height + 1), rng.integers(image.shape[1] - width + 1)
    part = image[top : top + height, left : left + width]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    if rng.random() < 0.5:
        part = part[::-1]
    drawing = draw_defects(np.ascontiguousarray(part), donor, rng, int(rng.integers(1, 4)) if rng.random() < DEFECT_SHARE else 0)
    light = drawing.image.astype(np.float32) / 255
    light = light ** np.exp(rng.normal(0, 0.15)) * np.exp(rng.normal(0, 0.2)) + rng.normal(0, 0.02)
    if rng.random() < 0.3:
        light = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.3, 0.9))
    light += rng.normal(0, rng.uniform(0, 0.012), light.shape)
    padded = np.full((1, *crop), PAD_VALUE, np.uint8)
    padded[0, :height, :width] = np.clip(light * 255, 0, 255)
    owner = np.full(crop, GOOD, np.int16)
    owner[:height, :width] = drawing.owner
    return padded, cell_owners(owner), drawing.boxes


def cell_owners(owner: NDArray[np.int16]) -> NDArray[np.int64]:
    """Which defect each cell answers for, from the owner of each px, (H, W) → (H / 8, W / 8)."""
    height, width = (s // CELL_PX for s in owner.shape)
    blocks = owner.reshape(height, CELL_PX, width, CELL_PX).transpose(0, 2, 1, 3).reshape(height, width, -1)
    cover = (blocks >= 0).mean(2)
    owners = np.where(cover >= MIN_COVER, blocks.max(2), np.where(cover > 0, IGNORED, GOOD))
    deep = cv2.distanceTransform((owner >= 0).astype(np.uint8), cv2.DIST_L2, 3)[CELL_PX // 2 :: CELL_PX, CELL_PX // 2 :: CELL_PX] > RIM_PX
    return np.where(deep, IGNORED, owners).astype(np.int64)


class Samples(IterableDataset[Any]):
    """Samples without end, the same ones for the same seed."""

    def __init__(self, images: Sequence[Image], crop: tuple[int, int], seed: int) -> None:
        self.images, self.crop, self.seed = images, crop, seed

    def __iter__(self) -> Iterator[Sample]:
        rng = np.random.default_rng(self.seed)
        while True:
            yield sample(self.images, self.crop, rng)


def collate(rows: list[Sample]) -> tuple[Tensor, Tensor, list[Tensor]]:
    """A batch: images (N, 1, H, W) uint8, owners (N, h, w), boxes per image."""
    images, owners, boxes = zip(*rows, strict=True)
    return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(owners)), [torch.from_numpy(b) for b in boxes]
