"""Good images that look unlike the other good ones.

An image is described by a histogram of its gray values, by how strong its edges of eight directions are in each of 4x4 fields, and by
how bright, how varied, how rich in edges and how noisy it is as a whole (logarithms). Its distance is that to the third nearest of at most 2,000 good images drawn at random, so that a set of several
products is no trouble and the work grows with the set, not with its square. Unlike is what lies more than 6 robust deviations (1.4826 x
median absolute deviation) beyond the median distance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from training.datasets.look import SIDE_PX, Small

POOL = 2_000
NEAREST = 3
DEVIATIONS = 6.0
LEAST_IMAGES = 20
_DIRECTIONS, _FIELDS = 8, 4
_BLOCK = 256
Vectors = NDArray[np.float32]


def describe(small: Small) -> NDArray[np.float32]:
    """A small image as 16 + 128 + 4 numbers, the first two parts of length at most 1."""
    values = np.asarray(small, np.float32)
    histogram = np.histogram(values, 16, (0, 256))[0].astype(np.float32) / values.size
    dx, dy = cv2.Sobel(values, cv2.CV_32F, 1, 0), cv2.Sobel(values, cv2.CV_32F, 0, 1)
    strength, angle = cv2.cartToPolar(dx, dy)
    direction = (angle * (_DIRECTIONS / (2 * np.pi))).astype(int) % _DIRECTIONS
    row, column = np.divmod(np.arange(SIDE_PX * SIDE_PX), SIDE_PX)
    cell = SIDE_PX // _FIELDS
    place = (row // cell * _FIELDS + column // cell) * _DIRECTIONS + direction.ravel()
    edges = np.bincount(place, strength.ravel(), _FIELDS * _FIELDS * _DIRECTIONS).astype(np.float32)
    noise = np.abs(values - cv2.GaussianBlur(values, (0, 0), 1)).mean()
    whole = np.log1p(np.array([values.mean(), values.std(), strength.mean(), noise], np.float32)) / 2
    return np.concatenate([np.sqrt(histogram), np.sqrt(edges / (edges.sum() + 1e3)), whole])


def unlike(
    count: int, small: Callable[[int], Small], progress: Callable[[int, int], None] = lambda done, of: None, seed: int = 0
) -> Sequence[tuple[int, float]]:
    """Numbers of the images that are unlike the others, the strangest first, with their distance in robust deviations.

    Fewer than 20 images say nothing of what is usual: none is unlike then.
    """
    if count < LEAST_IMAGES:
        return []
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.choice(count, min(POOL, count), replace=False))
    pool = np.stack([describe(small(int(n))) for n in drawn])
    distances = np.empty(count)
    for start in range(0, count, _BLOCK):
        numbers = np.arange(start, min(start + _BLOCK, count))
        block = np.stack([describe(small(int(n))) for n in numbers])
        squares = (block**2).sum(1)[:, None] - 2 * block @ pool.T + (pool**2).sum(1)
        squares[numbers[:, None] == drawn] = np.inf  # not to itself
        distances[numbers] = np.sqrt(np.maximum(np.partition(squares, NEAREST - 1, 1)[:, NEAREST - 1], 0))
        progress(int(numbers[-1]) + 1, count)
    middle = float(np.median(distances))
    spread = 1.4826 * float(np.median(np.abs(distances - middle))) + 1e-6
    beyond = (distances - middle) / spread
    order = np.argsort(-beyond, kind="stable")
    return [(int(n), round(float(beyond[n]), 1)) for n in order if beyond[n] > DEVIATIONS]
