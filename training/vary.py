"""Another shot of the same part: moved, cut at another threshold, noisy. A reference judged against itself proves nothing."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
MAX_SHIFT_PX = 5


def vary(image: Image, rng: np.random.Generator) -> tuple[Image, tuple[int, int]]:
    """A binarised image as another exposure would have given it.

    The part lies up to 5 px off in x and y, the lens is a little soft, the threshold lies anywhere between 35 % and 65 %
    with noise of 6 gray levels along every edge, and one pixel in 20,000 is flipped.

    Returns:
        The image (same shape) and (dx, dy), by how many px its content moved right and down.
    """
    dx, dy = (int(v) for v in rng.integers(-MAX_SHIFT_PX, MAX_SHIFT_PX + 1, 2))
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    height, width = image.shape
    moved = cv2.warpAffine(image, move, (width, height), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(moved, (0, 0), rng.uniform(0.6, 1.3))
    cut = (soft > rng.uniform(0.35, 0.65) * 255 + rng.normal(0, 6, soft.shape)).astype(np.uint8) * 255
    flipped = rng.random(cut.shape) < 1 / 20_000
    cut[flipped] = 255 - cut[flipped]
    return np.asarray(cut, np.uint8), (dx, dy)
