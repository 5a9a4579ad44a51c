"""Registration: how far a part lies off its golden reference, in whole pixels.

Block matching by the sum of absolute differences (a classic of motion estimation), but only at a thousand pixels that
lie on the reference's edges, where a shift shows most: first in steps of 4 px on a shrunken image, then pixel by
pixel around the best. Phase correlation was tried first and lost: on sparse boards it was off by more than a pixel in
78 of 336 trials. A shift alone is looked for; parts are guided, they do not turn.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
_STEP = 4
_POINTS = 1_200
_MIN_POINTS = 60
_MIN_GRADIENT = 40.0
_REACH = 3  # px around the coarse result


class Registration:
    """Measures shifts of images of one size against one reference."""

    def __init__(self, reference: Image, max_shift_px: int) -> None:
        """Choose the points; `reference` is (H, W) uint8."""
        self._max_px = max_shift_px
        self._usable = min(reference.shape) >= 8 * _STEP  # anything smaller has no inside to match
        if not self._usable:
            return
        reach = -(-(max_shift_px + 1) // _STEP)
        height, width = reference.shape
        self._half = np.empty((height // 2, width // 2), np.uint8)
        self._small = np.empty((height // _STEP, width // _STEP), np.uint8)
        self._coarse = _Matcher(self._shrink(reference), reach, reach)
        self._fine = _Matcher(reference, _REACH, max_shift_px + 1 + _STEP + _REACH)
        self._usable = self._coarse.usable and self._fine.usable

    def _shrink(self, image: Image) -> Image:
        # two halvings: OpenCV has vector code for a factor of 2 and none for 4, which takes ten times as long
        cv2.resize(image, self._half.shape[::-1], dst=self._half, interpolation=cv2.INTER_AREA)
        cv2.resize(self._half, self._small.shape[::-1], dst=self._small, interpolation=cv2.INTER_AREA)
        return self._small

    def shift(self, image: Image) -> tuple[int, int] | None:
        """(dx, dy) in px by which the part lies right of and below its reference.

        Returns:
            (0, 0) where the reference has too few edges to tell; None where the part lies further off than allowed.
        """
        if not self._usable:
            return 0, 0
        x, y = self._coarse.best(self._shrink(image), 0, 0)
        dx, dy = self._fine.best(image, x * _STEP, y * _STEP)
        return (dx, dy) if abs(dx) <= self._max_px and abs(dy) <= self._max_px else None


class _Matcher:
    """Compares points of a reference with an image at all shifts within a reach."""

    def __init__(self, reference: Image, reach: int, margin: int) -> None:
        gx = cv2.Sobel(reference, cv2.CV_32F, 1, 0)
        gy = cv2.Sobel(reference, cv2.CV_32F, 0, 1)
        strength = np.abs(gx) + np.abs(gy)
        inside = np.zeros(reference.shape, np.bool_)
        inside[margin : reference.shape[0] - margin, margin : reference.shape[1] - margin] = True
        points = np.flatnonzero((strength > _MIN_GRADIENT) & inside)
        # edges of both directions count alike, whichever there is more of: a board of long horizontal traces still tells x
        across = np.abs(gx).ravel()[points] > np.abs(gy).ravel()[points]
        rng = np.random.default_rng(0)
        groups = [g for g in (points[across], points[~across]) if len(g)]
        chosen = [rng.permutation(g)[: _POINTS // 2] for g in groups]
        self._points = np.sort(np.concatenate(chosen)) if chosen else points
        self.usable = len(self._points) >= _MIN_POINTS
        span = np.arange(-reach, reach + 1)
        dy, dx = (a.ravel() for a in np.meshgrid(span, span, indexing="ij"))
        order = np.argsort(dx * dx + dy * dy, kind="stable")  # of equals the smallest shift wins
        self._dx, self._dy = dx[order], dy[order]
        self._shape = reference.shape
        at = self._points[None] + (self._dy * self._shape[1] + self._dx)[:, None]
        # places are kept relative to the first one, so that another starting point is a view and no new table
        self._first = int(at.min()) if at.size else 0
        self._at = at - self._first
        self._seen, self._apart = np.empty(at.shape, np.uint8), np.empty(at.shape, np.uint8)
        self._values = np.ascontiguousarray(np.broadcast_to(reference.ravel()[self._points], at.shape))
        self._sums = np.empty((at.shape[0], 1), np.int32)
        self._flat = np.empty(reference.size, np.uint8)

    def best(self, image: Image, x: int, y: int) -> tuple[int, int]:
        """The shift around (x, y) with the smallest sum of absolute differences."""
        flat = self._flat
        if image.flags.c_contiguous:
            flat = image.reshape(-1)
        else:  # a region of a larger image
            np.copyto(flat.reshape(self._shape), image)
        flat[self._first + y * self._shape[1] + x :].take(self._at, out=self._seen, mode="clip")
        cv2.absdiff(self._seen, self._values, dst=self._apart)
        cv2.reduce(self._apart, 1, cv2.REDUCE_SUM, dst=self._sums, dtype=cv2.CV_32S)
        i = int(self._sums.argmin())
        return x + int(self._dx[i]), y + int(self._dy[i])
