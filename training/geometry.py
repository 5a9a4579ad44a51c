"""How an image comes to a network's input in training: the same size, scale and padding as its card tells the line.

Written apart from edge/prepare.py on purpose: `training.export.check_parity` holds the one against the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import SettingsError
from training.pairs import Image, Pair

GRID_PX = 32
PAD_VALUE = 114
ROOM = 1.05  # where sizes vary, the next part may be a little larger than any seen
MAX_NATIVE_PX = 2048


@dataclass(frozen=True)
class Geometry:
    """Input size in px and how images get there: `pad` (native scale, at the upper left) or `letterbox` (scaled evenly, in the middle)."""

    width_px: int
    height_px: int
    resize: Literal["pad", "letterbox"] = "pad"

    def gain(self, image: Image) -> float:
        """By how much an image is scaled."""
        if self.resize == "pad":
            return 1.0
        return float(min(self.width_px / image.shape[1], self.height_px / image.shape[0]))

    def scaled(self, pair: Pair) -> Pair:
        """A pair at the network's scale, unpadded, as training crops it."""
        gain = self.gain(pair.image)
        if gain == 1.0:
            return pair
        image = self._resize(pair.image)
        reference = None if pair.reference is None else self._resize(pair.reference)
        mask = None if pair.mask is None else self._resize(pair.mask)
        return replace(pair, image=image, reference=reference, mask=mask, boxes=pair.boxes * np.float32(gain))

    def place(self, image: Image) -> tuple[Image, tuple[int, int]]:
        """A whole image in the network's input, (height_px, width_px), and where its upper left corner lies there, x and y.

        Raises:
            SettingsError: the image is larger than the input.
        """
        image = self._resize(image)
        height, width = image.shape
        if width > self.width_px or height > self.height_px:
            raise SettingsError(f"an image of {width}x{height} px does not fit an input of {self.width_px}x{self.height_px} px")
        left = top = 0
        if self.resize == "letterbox":
            left, top = round((self.width_px - width) / 2 - 0.1), round((self.height_px - height) / 2 - 0.1)
        placed = np.full((self.height_px, self.width_px), PAD_VALUE, np.uint8)
        placed[top : top + height, left : left + width] = image
        return placed, (left, top)

    def to_image(self, boxes: NDArray[np.float32], image: Image, corner: tuple[int, int]) -> NDArray[np.float32]:
        """Boxes (n, 4) from input px to px of the image, clipped to it."""
        moved = (boxes - np.array(corner * 2, np.float32)) / np.float32(self.gain(image))
        height, width = image.shape
        return np.asarray(np.clip(moved, 0, np.array([width, height] * 2, np.float32)), np.float32)

    def _resize(self, image: Image) -> Image:
        gain = self.gain(image)
        size = max(1, round(image.shape[1] * gain)), max(1, round(image.shape[0] * gain))
        if size == image.shape[::-1]:
            return image
        return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def geometry_for(sizes: Iterable[tuple[int, int]], scale: float = 1.0) -> Geometry:
    """The input for images of these (width, height) at a scale: native where that is 1 and the images are not huge."""
    known = set(sizes)
    room = 1.0 if len(known) == 1 else ROOM
    width, height = max(w for w, _ in known) * room, max(h for _, h in known) * room
    native = scale == 1.0 and max(width, height) <= MAX_NATIVE_PX
    gain = 1.0 if native else min(scale, MAX_NATIVE_PX / max(width, height))

    def grid(px: float) -> int:
        return max(GRID_PX, int(np.ceil(px * gain / GRID_PX)) * GRID_PX)

    return Geometry(grid(width), grid(height), "pad" if native else "letterbox")
