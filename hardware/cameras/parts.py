"""What lies on the simulated belt: a part as the camera sees it, cut out, with its known defects."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.cameras.boards import Board, add_defects, draw_board
from hardware.cameras.rings import draw_ring

Gray = NDArray[np.uint8]
Product = Literal["board", "ring"]
PRODUCTS: tuple[Product, ...] = ("board", "ring")
BOARD_SHARE = 0.9  # of the picture's shorter side
RING_SHARE = 0.86
RIM_PX = 8  # bare edge of a board outside its layout
_SHADOW_PX = 14
_COPPER, _SUBSTRATE = 50, 205


@dataclass(frozen=True, slots=True)
class Part:
    """A part ready to be laid on the belt.

    Attributes:
        light: (H, W) uint8, the part's own light, 0 where the belt shows.
        through: (H, W) uint8, how much of the belt's light comes through: 255 belt, 0 part, between in the shadow.
        defects: (kind, box) with the box as x1, y1, x2, y2 in px of this cut-out.
    """

    light: Gray
    through: Gray
    defects: tuple[tuple[str, tuple[float, float, float, float]], ...]

    @property
    def verdict(self) -> str:
        return "NG" if self.defects else "OK"

    def label(self, left: int, top: int) -> dict[str, Any]:
        """What is known of the part once it lies at this place of the picture."""
        return {
            "verdict": self.verdict,
            "defects": [{"kind": kind, "box": [box[0] + left, box[1] + top, box[2] + left, box[3] + top]} for kind, box in self.defects],
        }


def cutout_px(product: Product, width_px: int, height_px: int) -> int:
    """Side of the square cut-out, shadow included, in px."""
    share = BOARD_SHARE if product == "board" else RING_SHARE
    return int(min(width_px, height_px) * share) // 2 * 2 + 2 * _SHADOW_PX


def inner_roi(product: Product, width_px: int = 640, height_px: int = 640, slack_px: int = 4) -> tuple[int, int, int, int]:
    """The region that is inside the product for every allowed shift, x1, y1, x2, y2 in px: what a recipe may judge.

    For boards the layout less `slack_px`; for rings the square around the ring.
    """
    side = cutout_px(product, width_px, height_px) - 2 * _SHADOW_PX
    if product == "board":
        side -= 2 * (RIM_PX + slack_px)
    else:
        side += 2 * slack_px
    left, top = (width_px - side) // 2, (height_px - side) // 2
    return max(0, left), max(0, top), min(width_px, left + side), min(height_px, top + side)


def make_part(product: Product, layout: int, seed: tuple[int, ...], *, is_ng: bool, side: int, blur_px: float, jitter: bool = True) -> Part:
    """Draw one part.

    Args:
        layout: which board; all parts of a product share it. Unused for rings.
        seed: what makes this part different from others.
        side: of the square cut-out, from `cutout_px`.
        blur_px: motion blur along the belt.
        jitter: the part lies off the pixel grid by up to half a pixel, as real parts do.
    """
    rng = np.random.default_rng(seed)
    body_px = side - 2 * _SHADOW_PX
    if product == "board":
        body, mask, marks = _board(layout, rng, body_px, is_ng)
    else:
        body, mask, marks = draw_ring(rng, body_px, is_ng)
    light: Gray = cv2.copyMakeBorder(body, _SHADOW_PX, _SHADOW_PX, _SHADOW_PX, _SHADOW_PX, cv2.BORDER_CONSTANT, value=0)  # type: ignore[assignment]
    solid: Gray = cv2.copyMakeBorder(mask, _SHADOW_PX, _SHADOW_PX, _SHADOW_PX, _SHADOW_PX, cv2.BORDER_CONSTANT, value=0)  # type: ignore[assignment]
    dx, dy = (float(v) for v in rng.uniform(-0.5, 0.5, 2)) if jitter else (0.0, 0.0)
    light, solid = _seen(light, dx, dy, blur_px), _seen(solid, dx, dy, blur_px)
    fallen = np.roll(solid, (5, 4), (0, 1))  # light comes from the upper left
    shadow = cv2.GaussianBlur(fallen, (0, 0), 4.0)
    covered = np.maximum(solid.astype(np.uint16), shadow.astype(np.uint16) * 6 // 10)
    defects = tuple(
        (kind, (box[0] + _SHADOW_PX + dx, box[1] + _SHADOW_PX + dy, box[2] + _SHADOW_PX + dx, box[3] + _SHADOW_PX + dy))
        for kind, box in marks
    )
    return Part(light, np.asarray(255 - covered, np.uint8), defects)


@functools.lru_cache(2)
def _layout(layout: int, size: int) -> Board:
    return draw_board(layout, size)


def _board(layout: int, rng: np.random.Generator, size: int, is_ng: bool) -> tuple[Gray, Gray, list[tuple[str, tuple[int, int, int, int]]]]:
    """A board as a gray camera sees it: dull copper on light substrate, a bare rim with a bright edge."""
    board = _layout(layout, size - 2 * RIM_PX)
    drawn, marks = board.golden, []
    if is_ng:
        drawn, defects = add_defects(board, int(rng.integers(1 << 31)), int(rng.integers(1, 5)))
        marks = [(d.kind, (d.box[0] + RIM_PX, d.box[1] + RIM_PX, d.box[2] + RIM_PX, d.box[3] + RIM_PX)) for d in defects]
    copper = 1 - cv2.GaussianBlur(drawn, (0, 0), 0.6).astype(np.float32) / 255
    inner = copper.shape[0]
    grain = rng.normal(size=(inner, inner)).astype(np.float32)
    cloud = cv2.resize(rng.normal(size=(7, 7)).astype(np.float32), (inner, inner), interpolation=cv2.INTER_CUBIC)
    brushed = cv2.blur(grain, (15, 1)) * 8
    picture = _SUBSTRATE + 2.5 * cloud + 1.2 * grain
    picture += copper * (_COPPER - _SUBSTRATE + brushed + cloud)
    body = np.full((size, size), _SUBSTRATE - 6, np.float32)
    body[RIM_PX:-RIM_PX, RIM_PX:-RIM_PX] = picture
    body[:2] += 30
    body[:, :2] += 22
    body[-2:] -= 70
    body[:, -2:] -= 60
    return np.asarray(np.clip(body, 0, 255), np.uint8), np.full((size, size), 255, np.uint8), marks


def _seen(image: Gray, dx: float, dy: float, blur_px: float) -> Gray:
    """Moved by a part of a pixel and blurred along the belt (x)."""
    moved = image
    if dx or dy:
        moved = np.asarray(cv2.warpAffine(image, np.array([[1, 0, dx], [0, 1, dy]], np.float32), image.shape[::-1]), np.uint8)
    if blur_px <= 0:
        return moved
    half = math.ceil(blur_px / 2)
    kernel = np.zeros((1, 2 * half + 1), np.float32)  # a box of blur_px, sampled exactly
    for k in range(-half, half + 1):
        kernel[0, k + half] = max(0.0, min(k + 0.5, blur_px / 2 + 0.5) - max(k - 0.5, -blur_px / 2 - 0.5))
    return np.asarray(cv2.filter2D(moved, -1, kernel / kernel.sum()), np.uint8)
