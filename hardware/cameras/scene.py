"""The simulated camera's view: a moving rubber belt, parts on it, light that is uneven and drifts, sensor noise.

Everything dear is made once; a frame costs a few passes over the picture (about 1 ms at 640×640).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.cameras.parts import Part

Gray = NDArray[np.uint8]
_TILE_PX = 2048
_BANK_PX = 256
_NOISE_ZERO = 64


class Scene:
    """Renders frames of one size."""

    def __init__(self, width_px: int, height_px: int, seed: int, noise: float, light: float) -> None:
        self.width_px, self.height_px = width_px, height_px
        self._light = light
        rng = np.random.default_rng((seed, 3))
        self._belt = _belt(rng, width_px, height_px)
        bank = rng.normal(_NOISE_ZERO, max(noise, 0.0), (height_px + _BANK_PX, width_px + _BANK_PX))
        self._noise: Gray = np.asarray(np.clip(np.rint(bank), 0, 255), np.uint8)
        self._noisy = noise > 0
        y, x = np.mgrid[-1 : 1 : height_px * 1j, -1 : 1 : width_px * 1j]
        tilt = rng.uniform(-0.5, 0.5, 2)
        uneven = 1 - light * (0.5 * (x * x + y * y) / 2 + tilt[0] * x + tilt[1] * y)
        self._gain: Gray = np.asarray(np.clip(np.rint(uneven * 200), 0, 255), np.uint8)

    def frame(self, belt_px: int, parts: list[tuple[Part, int, int]], brightness: float, frame_id: int) -> Gray:
        """A new picture.

        Args:
            belt_px: how far the belt has come.
            parts: with the place of their cut-out's upper left corner in the picture, px; may stick out.
            brightness: drift of the light around 1, scaled by the setting `light`.
            frame_id: makes the noise of no two frames in a row the same.
        """
        left = belt_px % _TILE_PX
        image = self._belt[:, left : left + self.width_px].copy()
        for part, x, y in parts:
            self._lay(image, part, x, y)
        gain = (1 + self._light * brightness) / 200
        lit = cv2.multiply(image, self._gain, scale=gain)
        if not self._noisy:
            return np.asarray(lit, np.uint8)
        step = frame_id * 40_503 % (_BANK_PX * _BANK_PX)  # odd: every offset comes before one comes again
        oy, ox = divmod(step, _BANK_PX)
        noise = self._noise[oy : oy + self.height_px, ox : ox + self.width_px]
        return np.asarray(cv2.addWeighted(lit, 1.0, noise, 1.0, -float(_NOISE_ZERO)), np.uint8)

    def _lay(self, image: Gray, part: Part, x: int, y: int) -> None:
        height, width = part.light.shape
        x1, y1, x2, y2 = max(0, x), max(0, y), min(self.width_px, x + width), min(self.height_px, y + height)
        if x1 >= x2 or y1 >= y2:
            return
        cut = np.s_[y1 - y : y2 - y, x1 - x : x2 - x]
        under = image[y1:y2, x1:x2]
        shaded = cv2.multiply(under, part.through[cut], scale=1 / 255)
        under[:] = cv2.add(shaded, part.light[cut])


def _belt(rng: np.random.Generator, width_px: int, height_px: int) -> Gray:
    """Dark rubber that repeats every `_TILE_PX`: fine grain, a fabric's weave, faint cross ribs, scuffs along the way."""
    shape = (height_px, _TILE_PX)
    grain = rng.normal(size=shape).astype(np.float32)
    coarse = _wrapped(grain, 2.2)
    cloud = _wrapped(rng.normal(size=shape).astype(np.float32), 40.0)
    y, x = np.mgrid[0:height_px, 0:_TILE_PX].astype(np.float32)
    weave = np.sin(2 * np.pi * x / 8) * np.sin(2 * np.pi * y / 8)
    ribs = -np.exp(-(((x % 128) - 64) ** 2) / 8)
    belt = 72 + 2.2 * grain + 3.0 * coarse / coarse.std() + 4.0 * cloud / cloud.std() + 2.4 * weave + 7.0 * ribs
    scuffs = np.zeros(shape, np.uint8)
    for _ in range(90):
        x0, y0, length = int(rng.integers(0, _TILE_PX - 200)), int(rng.integers(0, height_px)), int(rng.integers(20, 180))
        cv2.line(scuffs, (x0, y0), (x0 + length, y0 + int(rng.integers(-4, 5))), int(rng.integers(40, 130)), 1, cv2.LINE_AA)
    belt += cv2.GaussianBlur(scuffs, (0, 0), 0.8).astype(np.float32) * 0.22
    tile = np.clip(belt, 0, 255).astype(np.uint8)
    repeats = -(-width_px // _TILE_PX) + 1
    return np.asarray(np.concatenate([tile] * repeats, axis=1)[:, : _TILE_PX + width_px], np.uint8)


def _wrapped(noise: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Blurred so that left and right ends fit together."""
    pad = int(3 * sigma) + 1
    wide = np.concatenate([noise[:, -pad:], noise, noise[:, :pad]], axis=1)
    return np.asarray(cv2.GaussianBlur(wide, (0, 0), sigma)[:, pad:-pad], np.float32)
