"""A few hundred numbers that say how an image looks, to tell what is new from what has been seen: no network needed.

Orientation histograms of gradients over 8x8 cells (after Dalal and Triggs, CVPR 2005) of the image brought to 128x128 px,
with the brightness of each cell. Light and contrast are taken out first; what remains is where edges run and what is dark.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE_PX, CELLS, BINS = 128, 8, 8
SIZE = CELLS * CELLS * (BINS + 1)
Vector = NDArray[np.float32]


def describe(gray: NDArray[np.uint8]) -> Vector:
    """(H, W) uint8 → (576,) float32 of length 1."""
    small = np.asarray(cv2.resize(gray, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA), np.float32)
    small = (small - small.mean()) / (small.std() + 4.0)  # 4 gray values: below that it is noise
    dx, dy = cv2.Sobel(small, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(small, cv2.CV_32F, 0, 1, ksize=3)
    strength, angle = cv2.cartToPolar(dx, dy)
    which = (angle * (2 * BINS / (2 * np.pi))).astype(np.int32) % BINS  # an edge has no sign: half a turn is all
    planes = [cells(np.where(which == b, strength, 0)) for b in range(BINS)]
    edges, light = np.stack(planes, -1).ravel(), cells(small).ravel()
    both = np.concatenate((_unit(np.sqrt(edges)), 0.5 * _unit(light)))
    return _unit(both)


def cells(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means over cells: (128, 128) → (8, 8)."""
    step = SIDE_PX // CELLS
    return np.asarray(plane.reshape(CELLS, step, CELLS, step).mean((1, 3)), np.float32)


def _unit(v: NDArray[np.float32]) -> Vector:
    return np.asarray(v / (np.linalg.norm(v) + 1e-9), np.float32)


def distances(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Euclidean distances of unit vectors: (n, d), (m, d) → (n, m)."""
    return np.asarray(np.sqrt(np.maximum(2 - 2 * (a @ b.T), 0)), np.float32)
