"""Training samples from images that have no reference: crops at the network's scale, varied as cameras and parts vary."""

from __future__ import annotations

from collections import defaultdict

import cv2
import numpy as np
from numpy.typing import NDArray

from training.geometry import PAD_VALUE
from training.pairs import Image, Pair, inside

Sample = tuple[Image, NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]
GOOD_SHARE = 0.35


class Choice:
    """Which image comes next: a good one now and then, otherwise one of a class, each class as often as any other."""

    def __init__(self, pairs: list[Pair], good_share: float = GOOD_SHARE) -> None:
        self.good = [p for p in pairs if not len(p.kinds)]
        by_kind: defaultdict[int, list[Pair]] = defaultdict(list)
        for pair in pairs:
            for kind in sorted(set(pair.kinds.tolist())):
                by_kind[kind].append(pair)
        self.by_kind = [by_kind[k] for k in sorted(by_kind)]
        self.good_share = (good_share if self.good else 0.0) if self.by_kind else 1.0

    def pick(self, rng: np.random.Generator) -> Pair:
        """One image."""
        pool = self.good if rng.random() < self.good_share else self.by_kind[rng.integers(len(self.by_kind))]
        return pool[rng.integers(len(pool))]


def sample_alone(pair: Pair, rng: np.random.Generator, crop_px: int, *, strong: bool = False) -> Sample:
    """One varied crop of an image.

    An image smaller than the crop is padded as its card says; mostly at the right and below, for there the line pads too.

    Args:
        strong: vary more, as small sets want it: larger changes of scale, quarter turns, other light.

    Returns:
        (1, crop_px, crop_px) uint8, boxes (g, 4) in px of the crop, kinds (g,), and the (cells, cells) mask of cells not to teach.
    """
    image, boxes, kinds = pair.image, pair.boxes.copy(), pair.kinds
    scale = float(np.exp(rng.uniform(-0.4, 0.4) if strong else rng.uniform(-0.2, 0.2))) if rng.random() < 0.5 else 1.0
    if scale != 1.0:
        image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR), np.uint8)
        boxes *= np.float32(scale)
    height, width = image.shape
    if len(boxes) and rng.random() < 0.7:
        x1, y1, x2, y2 = boxes[rng.integers(len(boxes))]
        left, top = ((a + b - crop_px) / 2 + rng.uniform(-0.45, 0.45) * crop_px for a, b in ((x1, x2), (y1, y2)))
    else:
        left, top = rng.uniform(0, max(width - crop_px, 0) + 1), rng.uniform(0, max(height - crop_px, 0) + 1)
    left, top = int(np.clip(left, 0, max(width - crop_px, 0))), int(np.clip(top, 0, max(height - crop_px, 0)))
    part = image[top : top + crop_px, left : left + crop_px]
    part, boxes = _turned(part, boxes - np.array([left, top] * 2, np.float32), rng, quarter=strong)
    part = _lit(part, rng, 1.6 if strong else 1.0)
    if part.shape != (crop_px, crop_px):
        at_y, at_x = (int(rng.integers(0, crop_px - n + 1)) if rng.random() < 0.3 else 0 for n in part.shape)
        placed = np.full((crop_px, crop_px), PAD_VALUE, np.uint8)
        placed[at_y : at_y + part.shape[0], at_x : at_x + part.shape[1]] = part
        clipped = np.clip(boxes, 0, np.array(part.shape[::-1] * 2, np.float32))
        # what the crop cut off must not count as seen in the padding
        gone = (clipped[:, 2:] - clipped[:, :2]).prod(1) < 0.5 * np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(1), 1e-6)
        moved = np.array([at_x, at_y] * 2, np.float32)
        lost, _, mute = inside(boxes[gone] + moved, kinds[gone], crop_px)
        for x1, y1, x2, y2 in lost:
            mute[int(y1) // 8 : int(np.ceil(y2 / 8)), int(x1) // 8 : int(np.ceil(x2 / 8))] = True
        boxes, kinds, more = inside(clipped[~gone] + moved, kinds[~gone], crop_px)
        return placed[None], boxes, kinds, mute | more
    boxes, kinds, mute = inside(boxes, kinds, crop_px)
    return np.ascontiguousarray(part)[None], boxes, kinds, mute


def _turned(image: Image, boxes: NDArray[np.float32], rng: np.random.Generator, *, quarter: bool) -> tuple[Image, NDArray[np.float32]]:
    height, width = image.shape
    if rng.random() < 0.5:
        image, boxes = image[:, ::-1], np.stack((width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]), 1)
    if rng.random() < 0.5:
        image, boxes = image[::-1], np.stack((boxes[:, 0], height - boxes[:, 3], boxes[:, 2], height - boxes[:, 1]), 1)
    if quarter and rng.random() < 0.5:
        image, boxes = image.T, boxes[:, [1, 0, 3, 2]]
    return np.ascontiguousarray(image), boxes


def _lit(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Another exposure: contrast, level, gamma, a little softness, noise."""
    levels = np.arange(256, dtype=np.float32) / 255
    levels = levels ** float(np.exp(rng.normal(0, 0.15 * strength)))
    levels = (levels - 0.5) * float(np.exp(rng.normal(0, 0.15 * strength))) + 0.5 + rng.normal(0, 0.06 * strength)
    out = np.asarray(cv2.LUT(image, np.clip(levels * 255, 0, 255).astype(np.uint8)), np.uint8)
    if rng.random() < 0.2:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), rng.uniform(0.4, 1.2)), np.uint8)
    if rng.random() < 0.4:
        noise = rng.normal(0, rng.uniform(1, 6) * strength, out.shape).astype(np.float32)
        out = np.asarray(np.clip(out + noise, 0, 255), np.uint8)
    return out
