"""How an image looks: a small one of fixed size, a perceptual hash of it, and how alike two of them are.

Hash: the signs of the 8x8 lowest frequencies of a cosine transform against their median (pHash; Zauner, "Implementation and
benchmarking of perceptual image hash functions", 2010). Likeness: the small images, freed of light and shading (local mean and spread),
registered by phase correlation (Kuglin and Hines, 1975), then their normalised correlation over the overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE_PX = 128
_SPREAD_PX = 6.0
_FLOOR = 2.0  # gray values: below this the spread is the sensor's noise
_LEAST_OVERLAP = 0.5
_WINDOW = cv2.createHanningWindow((SIDE_PX, SIDE_PX), cv2.CV_32F)
Small = NDArray[np.uint8]
Relief = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Look:
    """Perceptual hash (64 bits) and the image brought to 128x128 gray uint8."""

    phash: int
    small: Small


def look_at(gray: NDArray[np.uint8]) -> Look:
    """The look of an image, (H, W) uint8."""
    small = np.asarray(cv2.resize(gray, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA), np.uint8)
    tiny = np.asarray(cv2.resize(small, (32, 32), interpolation=cv2.INTER_AREA), np.float32)
    low = cv2.dct(tiny)[:8, :8].ravel()
    bits = low > np.median(low[1:])  # the first is the mean brightness
    return Look(int.from_bytes(np.packbits(bits).tobytes(), "big"), small)


def relief(small: Small) -> Relief:
    """What is left without light and shading: (128, 128) float32."""
    values = np.asarray(small, np.float32)
    values = values - cv2.GaussianBlur(values, (0, 0), _SPREAD_PX)
    spread = np.sqrt(cv2.GaussianBlur(values * values, (0, 0), _SPREAD_PX)) + _FLOOR
    return np.asarray(values / spread, np.float32)


def likeness(a: Relief, b: Relief) -> float:
    """Normalised correlation of two reliefs after registration, -1 to 1; 0 where they overlap by less than half."""
    (dx, dy), _ = cv2.phaseCorrelate(a, b, _WINDOW)
    if not (abs(dx) < SIDE_PX and abs(dy) < SIDE_PX) or (1 - abs(dx) / SIDE_PX) * (1 - abs(dy) / SIDE_PX) < _LEAST_OVERLAP:
        return 0.0
    moved = cv2.warpAffine(b, np.array([[1, 0, -dx], [0, 1, -dy]], np.float32), (SIDE_PX, SIDE_PX))
    left, top = max(0, int(np.ceil(-dx))), max(0, int(np.ceil(-dy)))
    right, bottom = SIDE_PX - max(0, int(np.ceil(dx))), SIDE_PX - max(0, int(np.ceil(dy)))
    x, y = a[top:bottom, left:right], moved[top:bottom, left:right]
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / size if size > 1e-6 else 0.0
