"""From a camera image to the network's input: region, registration to the golden reference, size, scaling.

Everything is written into one buffer that lives as long as the model, so that a part costs no allocation of image size.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.card import Card
from edge.errors import SettingsError
from edge.recipe import Region
from edge.register import Registration

Image = NDArray[np.uint8]


class Preparer:
    """Writes images into the input buffer and maps boxes back.

    Attributes:
        buffer: (1, channels, height, width) of the model's input type.
    """

    def __init__(self, card: Card, region: Region, max_shift_px: int, dtype: Any) -> None:
        self._card, self._roi, self._max_shift_px = card, region.roi, max_shift_px
        self.buffer: NDArray[Any] = np.empty((1, card.channels, card.height_px, card.width_px), dtype)
        self._table = self._scaled(np.arange(256, dtype=np.uint8))
        self._scratch: dict[tuple[int, ...], Image] = {}
        self._padding = card.pad_value if self.buffer.dtype == np.uint8 else card.pad_value * card.scale + card.offset
        self.buffer[:] = self._padding
        self._shape: tuple[int, ...] = ()
        self._reference_plane = card.channels - 1
        self._registration: Registration | None = None
        self._golden: NDArray[Any] = np.empty((0, 0), dtype)
        self._golden_shape: tuple[int, ...] = ()
        self._placed: tuple[int, int] | None = None
        self._gain, self._left, self._top = (1.0, 1.0), 0, 0

    def set_reference(self, reference: Image) -> None:
        """Take a golden reference of the same size as the camera's images; it stays until the next one.

        Raises:
            SettingsError: it is no image, or smaller than the recipe's region.
        """
        self._check_region(reference)
        part = self._to_size(self._as_gray(self._crop(reference)))
        shift = self._max_shift_px if self._card.resize == "pad" else 0
        self._registration = Registration(part, shift) if shift else None
        self._golden = self._scaled(self._with_margin(self._as_gray(reference), shift) if shift else part)
        self._golden_shape = reference.shape[:2]
        self._placed = None

    def fill(self, image: Image) -> tuple[int, int] | None:
        """Prepare one image, (H, W) gray or (H, W, 3) BGR uint8.

        Returns:
            The shift against the reference in px ((0, 0) without reference), or None if it is beyond the allowed one.

        Raises:
            SettingsError: the image does not fit the recipe's region or the model.
        """
        if image.shape != self._shape or image.dtype != np.uint8:
            self._check(image)
        if self._card.wants_reference and self._golden_shape != image.shape[:2]:
            have = "x".join(map(str, self._golden_shape[::-1])) + " px" if self._golden_shape else "missing"
            raise SettingsError(f"the reference is {have}, the image {image.shape[1]}x{image.shape[0]} px; take a new reference")
        part = self._crop(image)
        offset = (0, 0)
        row = 0
        gray: Image | None = None
        for plane in self._card.planes:
            if plane == "reference":
                gray = self._to_size(self._as_gray(part)) if gray is None else gray
                found = self._registration.shift(gray) if self._registration else (0, 0)
                if found is None:
                    return None
                self._place(found, gray.shape)
                offset = found
                row += 1
            elif plane == "gray":
                gray = self._to_size(self._as_gray(part))
                self._write(row, gray)
                row += 1
            else:
                sized = self._to_size(self._as_colour(part))
                for c in range(3):
                    self._write(row + c, sized[:, :, 2 - c])
                row += 3
        return offset

    def to_image(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes (n, 4) x1 y1 x2 y2 from input px to px of the camera image, clipped to it."""
        x0, y0 = (self._roi[0], self._roi[1]) if self._roi else (0, 0)
        gx, gy = self._gain
        out = (boxes - np.array([self._left, self._top] * 2, np.float32)) / np.array([gx, gy] * 2, np.float32)
        out += np.array([x0, y0, x0, y0], np.float32)
        height, width = self._shape[:2]
        return np.clip(out, 0, np.array([width, height] * 2, np.float32))

    def _check_region(self, image: Image) -> None:
        if not image.size or image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
            raise SettingsError(f"image of shape {image.shape} and type {image.dtype}: only 8 bit gray or three colours are judged")
        height, width = image.shape[:2]
        if self._roi and (self._roi[2] > width or self._roi[3] > height):
            raise SettingsError(f"region.roi = {list(self._roi)} reaches beyond the image of {width}x{height} px; make it smaller")

    def _check(self, image: Image) -> None:
        self._check_region(image)
        height, width = image.shape[:2]
        x1, y1, x2, y2 = self._roi or (0, 0, width, height)
        want_w, want_h = self._card.width_px, self._card.height_px
        if self._card.resize == "pad" and (x2 - x1 > want_w or y2 - y1 > want_h):
            raise SettingsError(
                f"the judged region is {x2 - x1}x{y2 - y1} px, the model takes at most {want_w}x{want_h} px at native scale; "
                "set region.roi in the recipe to a smaller one"
            )
        if self._card.resize == "letterbox":
            gain = min(want_w / (x2 - x1), want_h / (y2 - y1))
            self._gain = (gain, gain)
            size_w, size_h = self._size(x2 - x1, y2 - y1)
            self._left, self._top = round((want_w - size_w) / 2 - 0.1), round((want_h - size_h) / 2 - 0.1)
        elif self._card.resize == "stretch":
            self._gain = (want_w / (x2 - x1), want_h / (y2 - y1))
        self.buffer[:] = self._padding
        self._scratch.clear()
        self._placed = None
        self._shape = image.shape

    def _crop(self, image: Image) -> Image:
        if self._roi is None:
            return image
        x1, y1, x2, y2 = self._roi
        return image[y1:y2, x1:x2]

    def _room(self, *shape: int) -> Image:
        """A buffer of a shape that is used again for every part; no two steps of one part share a shape."""
        if shape not in self._scratch:
            self._scratch[shape] = np.empty(shape, np.uint8)
        return self._scratch[shape]

    def _as_gray(self, image: Image) -> Image:
        return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY, dst=self._room(*image.shape[:2])), np.uint8)

    def _as_colour(self, image: Image) -> Image:
        return image if image.ndim == 3 else np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR, dst=self._room(*image.shape, 3)), np.uint8)

    def _with_margin(self, reference: Image, margin: int) -> Image:
        """The region of the reference and `margin` px around it: what a part that lies a little off brings into the region."""
        height, width = reference.shape
        x1, y1, x2, y2 = self._roi or (0, 0, width, height)
        padded = np.pad(reference, margin, mode="edge")
        return padded[y1 : y2 + 2 * margin, x1 : x2 + 2 * margin]

    def _to_size(self, image: Image) -> Image:
        if self._card.resize == "pad":
            return image
        height, width = image.shape[:2]
        size = self._size(width, height)
        if size == (width, height):
            return image
        room = self._room(size[1], size[0], *image.shape[2:])
        return np.asarray(cv2.resize(image, size, dst=room, interpolation=cv2.INTER_LINEAR), np.uint8)

    def _size(self, width: int, height: int) -> tuple[int, int]:
        """Size in px to which a region is resized."""
        if self._card.resize == "stretch":
            return self._card.width_px, self._card.height_px
        gain = min(self._card.width_px / width, self._card.height_px / height)
        return max(1, round(width * gain)), max(1, round(height * gain))

    def _scaled(self, image: Image) -> NDArray[Any]:
        if self.buffer.dtype == np.uint8:
            return image.copy()
        return np.asarray(image * np.float32(self._card.scale) + np.float32(self._card.offset), self.buffer.dtype)

    def _write(self, row: int, image: Image) -> None:
        height, width = image.shape
        target = self.buffer[0, row, self._top : self._top + height, self._left : self._left + width]
        if target.dtype == np.uint8:
            np.copyto(target, image)
            return
        if target.dtype == np.float16:  # calculated in half precision it would differ from the reference's by a bit
            cv2.LUT(image, self._table.view(np.int16), dst=target.view(np.int16))
            return
        np.multiply(image, self._card.scale, out=target, dtype=target.dtype, casting="unsafe")
        if self._card.offset:
            target += self._card.offset

    def _place(self, shift: tuple[int, int], shape: tuple[int, ...]) -> None:
        """Put the reference beside the part, moved to where the part lies; nothing is copied while parts lie alike."""
        if shift == self._placed:
            return
        margin = self._max_shift_px if self._registration else 0
        x, y = margin - shift[0], margin - shift[1]
        target = self.buffer[0, self._reference_plane, self._top : self._top + shape[0], self._left : self._left + shape[1]]
        np.copyto(target, self._golden[y : y + shape[0], x : x + shape[1]])
        self._placed = shift
