"""The images of a labelled set for training on good parts: the good ones to learn from, the bad ones never but to measure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import SettingsError
from edge.labelled import read_coco, read_image
from training.good.tail import LEAST_PARTS

ROOM = 1.1  # images at the line may be a tenth larger than the largest one here
MULTIPLE_PX = 32
LEAST_PX = 64
Image = NDArray[np.uint8]


@dataclass(frozen=True)
class GoodImage:
    """One image, (H, W) uint8; `fold` is the part's."""

    name: str
    part: str
    good: bool
    fold: int
    image: Image


def load_goods(coco_file: Path, folds: int, seed: int) -> list[GoodImage]:
    """All images of a COCO file that carry a verdict; parts are dealt into folds, good and bad ones each evenly.

    An image without `part` is a part of its own.

    Raises:
        SettingsError: the file is not usable, an image is missing, or there are too few good parts for the folds.
    """
    entries = [e for e in read_coco(coco_file).images if e.expected]
    bad = {e.part or e.name for e in entries if e.expected == "NG"}
    fold_of: dict[str, int] = {}
    rng = np.random.default_rng(seed)
    for group in (bad, {e.part or e.name for e in entries} - bad):
        names = sorted(group)
        for place, k in enumerate(rng.permutation(len(names))):
            fold_of[names[k]] = place % folds
    parts = len(fold_of) - len(bad)
    if parts < folds or parts - -(-parts // folds) < LEAST_PARTS:
        raise SettingsError(
            f"{coco_file}: {parts} parts with verdict OK; with {folds} folds at least {-(-LEAST_PARTS * folds // (folds - 1))} are needed: add good parts"
        )
    goods = []
    for e in entries:
        image = read_image(e.file, gray=True)
        if min(image.shape) < LEAST_PX:
            raise SettingsError(
                f"{coco_file}: image {e.name!r} is {image.shape[1]}x{image.shape[0]} px; at least {LEAST_PX} px a side are needed"
            )
        goods.append(GoodImage(e.name, e.part or e.name, e.expected == "OK", fold_of[e.part or e.name], image))
    return goods


def input_size(goods: list[GoodImage]) -> tuple[int, int]:
    """Height and width in px of a model's input for these images at native scale."""
    height, width = (max(g.image.shape[k] for g in goods) * ROOM for k in (0, 1))
    return -(-int(height) // MULTIPLE_PX) * MULTIPLE_PX, -(-int(width) // MULTIPLE_PX) * MULTIPLE_PX


def fingerprint(images: list[Image]) -> str:
    """SHA-256 over what the network learns from."""
    digest = hashlib.sha256()
    for image in images:
        digest.update(repr(image.shape).encode())
        digest.update(image.tobytes())
    return digest.hexdigest()
