"""Defects drawn into good images: what the network learns to tell from good ones when nobody has seen a defect yet.

After CutPaste (Li et al. 2021, arXiv 2104.04015) and DRAEM (Zavrtanik et al. 2021, arXiv 2108.07610): the drawn defects need
not look like the real ones; they teach the network where the good surface ends. Five families, none made for one product:
holes and specks, scratches and cracks, pieces of another place, broken edges, and zones of another brightness or texture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
MIN_VISIBLE = 0.25  # a drawn pixel counts as defect from this opacity on
LEAST_CHANGE = 1.2  # a drawn defect differs by this many standard deviations of its surroundings, or it is not taught


@dataclass(frozen=True)
class Drawing:
    """A good image with drawn defects.

    Attributes:
        image: (H, W) uint8.
        owner: (H, W) index of the defect that covers a pixel, -1 where the image is as it was.
        boxes: (n, 4) x1, y1, x2, y2 in px.
    """

    image: Image
    owner: NDArray[np.int16]
    boxes: Floats


def blob(
    rng: np.random.Generator, shape: tuple[int, int], centre: tuple[float, float], radii: tuple[float, float], feather: float
) -> Floats:
    """Opacity 0..1 of an irregular turned ellipse, (H, W)."""
    height, width = shape
    angle = rng.uniform(0, np.pi)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = x - np.float32(centre[0]), y - np.float32(centre[1])
    across, along = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    distance = np.sqrt((across / radii[0]) ** 2 + (along / radii[1]) ** 2)
    waves = cv2.resize(
        rng.normal(0, 1, (max(2, height // 12), max(2, width // 12))).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    softness = max(feather / max(min(radii), 1.0), 0.05)
    return np.asarray(np.clip((1 + rng.uniform(0, 0.35) * waves - distance) / softness + 0.5, 0, 1), np.float32)


def _hole(image: Floats, rng: np.random.Generator, donor: Floats) -> tuple[Floats, Floats]:
    height, width = image.shape
    size = np.exp(rng.uniform(np.log(1.6), np.log(16)))
    alpha = blob(
        rng, image.shape, (rng.uniform(0, width), rng.uniform(0, height)), (size, size * rng.uniform(0.4, 2.2)), rng.uniform(0.5, 2)
    )
    level = rng.uniform(0, 0.6) if rng.random() < 0.75 else rng.uniform(1.5, 2.5)
    return image * level + rng.normal(0, 3, image.shape).astype(np.float32), alpha * rng.uniform(0.7, 1)


def _scratch(image: Floats, rng: np.random.Generator, donor: Floats) -> tuple[Floats, Floats]:
    height, width = image.shape
    steps, stride = int(rng.integers(4, 30)), rng.uniform(3, 9)
    heading = np.cumsum(rng.normal(0, rng.uniform(0.05, 0.5), steps)) + rng.uniform(0, 2 * np.pi)
    start = np.array([rng.uniform(0, width), rng.uniform(0, height)])
    points = start + stride * np.cumsum(np.stack((np.cos(heading), np.sin(heading)), 1), 0)
    alpha = np.zeros(image.shape, np.uint8)
    thickness = rng.choice([1, 1, 2, 2, 3, 4])
    for k, (a, b) in enumerate(pairwise(points)):
        wide = max(1, round(float(thickness) * (1 - 0.5 * k / steps)))
        cv2.line(alpha, tuple(np.rint(a * 4).astype(int).tolist()), tuple(np.rint(b * 4).astype(int).tolist()), 255, wide, cv2.LINE_AA, 2)
    soft = cv2.GaussianBlur(alpha.astype(np.float32) / 255, (0, 0), rng.uniform(0.4, 0.9))
    level = rng.uniform(0.1, 0.7) if rng.random() < 0.75 else rng.uniform(1.4, 2.2)
    return image * level, np.asarray(np.clip(soft * 1.4, 0, 1), np.float32)


def _piece(image: Floats, rng: np.random.Generator, donor: Floats) -> tuple[Floats, Floats]:
    """A piece of another place, turned or mirrored: CutPaste with an irregular outline."""
    height, width = image.shape
    turned = np.rot90(donor, int(rng.integers(1, 4)))
    zoom = rng.uniform(0.6, 1.8)
    turned = np.asarray(cv2.resize(np.ascontiguousarray(turned), None, fx=zoom, fy=zoom), np.float32)
    pasted = np.pad(turned, ((0, max(0, height - turned.shape[0])), (0, max(0, width - turned.shape[1]))), mode="wrap")[:height, :width]
    size = np.exp(rng.uniform(np.log(5), np.log(45)))
    alpha = blob(
        rng, image.shape, (rng.uniform(0, width), rng.uniform(0, height)), (size, size * rng.uniform(0.4, 2.0)), rng.uniform(0.5, 4)
    )
    return pasted * rng.uniform(0.6, 1.4), alpha


def _broken_edge(image: Floats, rng: np.random.Generator, donor: Floats) -> tuple[Floats, Floats]:
    """A bite at an edge or corner: dark, flat and bright, or filled with other texture."""
    height, width = image.shape
    side = rng.integers(4)
    x = (rng.uniform(0, width), rng.uniform(0, width), 0.0, float(width))[side]
    y = (0.0, float(height), rng.uniform(0, height), rng.uniform(0, height))[side]
    if rng.random() < 0.3:
        x, y = float(rng.integers(2) * width), float(rng.integers(2) * height)
    size = np.exp(rng.uniform(np.log(4), np.log(35)))
    alpha = blob(rng, image.shape, (x, y), (size, size * rng.uniform(0.5, 2.5)), rng.uniform(0.5, 3))
    if rng.random() < 0.5:
        return image * rng.uniform(0, 0.5) + rng.normal(0, 3, image.shape).astype(np.float32), alpha
    flat = np.full(image.shape, image.mean() * rng.uniform(0.3, 1.8), np.float32)
    waves = np.asarray(cv2.GaussianBlur(rng.normal(0, 1, image.shape).astype(np.float32), (0, 0), rng.uniform(1, 5)), np.float32)
    return np.asarray(flat + waves / max(float(waves.std()), 1e-6) * rng.uniform(2, 15), np.float32), alpha


def _zone(image: Floats, rng: np.random.Generator, donor: Floats) -> tuple[Floats, Floats]:
    """A large zone of another brightness or texture, with a soft or a sharp border."""
    height, width = image.shape
    feather = rng.uniform(1, 14)
    if rng.random() < 0.5:
        size = rng.uniform(30, 110)
        alpha = blob(rng, image.shape, (rng.uniform(0, width), rng.uniform(0, height)), (size, size * rng.uniform(0.5, 2)), feather)
    else:  # everything beyond a line, straight or wavy
        angle = rng.choice([0, np.pi / 2, np.pi, 1.5 * np.pi]) + rng.normal(0, 0.15)
        y, x = np.mgrid[:height, :width].astype(np.float32)
        off = (x - rng.uniform(0.15, 0.85) * width) * np.cos(angle) + (y - rng.uniform(0.15, 0.85) * height) * np.sin(angle)
        alpha = np.asarray(np.clip(off / feather + 0.5 + rng.normal(0, 1) * np.sin((x + y) / rng.uniform(10, 60)), 0, 1), np.float32)
    smooth = cv2.GaussianBlur(image, (0, 0), rng.uniform(2, 8))
    gain = rng.uniform(0.5, 0.85) if rng.random() < 0.5 else rng.uniform(1.15, 1.8)
    contrast = rng.uniform(0, 0.5) if rng.random() < 0.5 else rng.uniform(1.3, 3.0)
    return smooth * gain + (image - smooth) * contrast, alpha


FAMILIES: tuple[Callable[[Floats, np.random.Generator, Floats], tuple[Floats, Floats]], ...] = (
    _hole,
    _scratch,
    _piece,
    _broken_edge,
    _zone,
)


def draw_defects(image: Image, donor: Image, rng: np.random.Generator, count: int) -> Drawing:
    """Draw up to `count` defects into a copy of a good image, (H, W) uint8; `donor` is another good image, of any size.

    A defect that came out invisible (see `LEAST_CHANGE`) is taken back: teaching it would teach false alarms.
    """
    out, other = image.astype(np.float32), donor.astype(np.float32)
    owner = np.full(image.shape, -1, np.int16)
    boxes: list[tuple[float, float, float, float]] = []
    for _ in range(count):
        fill, alpha = FAMILIES[rng.integers(len(FAMILIES))](out, rng, other)
        changed = np.clip(out + (fill - out) * alpha, 0, 255)
        inside = alpha >= MIN_VISIBLE
        if not inside.any():
            continue
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        y1, y2, x1, x2 = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
        around = out[max(0, y1 - 12) : y2 + 12, max(0, x1 - 12) : x2 + 12]
        texture = np.abs(cv2.GaussianBlur(changed - out, (0, 0), 1.0))[inside].mean()
        if texture < LEAST_CHANGE * (0.5 * around.std() + 1):
            continue
        owner[inside] = len(boxes)
        boxes.append((float(x1), float(y1), float(x2), float(y2)))
        out = np.asarray(changed, np.float32)
    return Drawing(np.asarray(np.rint(out), np.uint8), owner, np.array(boxes, np.float32).reshape(-1, 4))
