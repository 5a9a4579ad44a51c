"""Defects of bare boards: the six kinds of DeepPCB, each drawn so that it is what its name says, and checked.

Shapes are those that people painted into the real set: blobs, short brush strokes, scribbles with holes and specks.
The labelled box stands about 10 px off the changed pixels, as measured in the real set (5 % 9, median 10, 95 % 15).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]
Segment = tuple[float, float, float, float, float]
KINDS = ("open", "short", "mousebite", "spur", "copper", "pin-hole")
_TRIES = 60
_SMALLEST_PX = 24  # changed pixels below which nobody would call it a defect


@dataclass(frozen=True, slots=True)
class DrawnDefect:
    """A defect put into a board on purpose.

    Attributes:
        kind: one of `KINDS`.
        box: x1, y1, x2, y2 in px, x2 and y2 exclusive.
    """

    kind: str
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Change:
    """Pixels to be turned over: the window's corner and the mask in it."""

    x: int
    y: int
    mask: NDArray[np.bool_]


def place_defects(
    golden: Gray, nets: NDArray[np.int32], traces: Sequence[Segment], rng: np.random.Generator, count: int
) -> tuple[Gray, list[DrawnDefect]]:
    """See `hardware.cameras.boards.add_defects`."""
    image = golden.copy()
    site = _Site(golden, nets, traces, rng)
    found: list[DrawnDefect] = []
    kinds = [KINDS[i] for i in rng.integers(0, len(KINDS), count)]
    for wanted in kinds:
        others = [KINDS[i] for i in rng.permutation(len(KINDS)) if KINDS[i] != wanted]
        for kind in (wanted, *others):
            defect = site.place(kind, image, found)
            if defect is not None:
                found.append(defect)
                break
    return image, found


class _Site:
    """A board on which defects are looked for a place."""

    def __init__(self, golden: Gray, nets: NDArray[np.int32], traces: Sequence[Segment], rng: np.random.Generator) -> None:
        self.golden, self.nets, self.rng = golden, nets, rng
        self.copper: NDArray[np.bool_] = golden == 0
        self.height, self.width = golden.shape
        self.traces = [t for t in traces if math.hypot(t[2] - t[0], t[3] - t[1]) > 12 and t[4] < 90]
        inner = cv2.erode(self.copper.view(np.uint8), np.ones((3, 3), np.uint8), borderValue=1)
        self._edge_y, self._edge_x = np.nonzero(self.copper & (inner == 0))
        self._makers: dict[str, Callable[[], _Change | None]] = {
            "open": self._open, "short": self._short, "mousebite": self._mousebite,
            "spur": self._spur, "copper": self._copper, "pin-hole": self._pin_hole,
        }  # fmt: skip

    def place(self, kind: str, image: Gray, taken: list[DrawnDefect]) -> DrawnDefect | None:
        """Draw one defect of this kind into the image, or None if there is no place for it."""
        for _ in range(_TRIES):
            change = self._makers[kind]()
            if change is None or int(change.mask.sum()) < _SMALLEST_PX:
                continue
            box = self._box(change)
            if any(box[0] < d.box[2] and d.box[0] < box[2] and box[1] < d.box[3] and d.box[1] < box[3] for d in taken):
                continue
            if not self._is(kind, change, box):
                continue
            height, width = change.mask.shape
            window = image[change.y : change.y + height, change.x : change.x + width]
            window[change.mask] = 0 if kind in ("short", "spur", "copper") else 255
            return DrawnDefect(kind, box)
        return None

    def _box(self, change: _Change) -> tuple[int, int, int, int]:
        ys, xs = np.nonzero(change.mask)
        left, top, right, bottom = (int(v) for v in 8.6 + self.rng.gamma(1.6, 1.3, 4))
        return (
            max(0, change.x + int(xs.min()) - left),
            max(0, change.y + int(ys.min()) - top),
            min(self.width, change.x + int(xs.max()) + 1 + right),
            min(self.height, change.y + int(ys.max()) + 1 + bottom),
        )

    def _is(self, kind: str, change: _Change, box: tuple[int, int, int, int]) -> bool:
        """Whether the change is physically what its name says, seen in its box (labels of the nets are of the whole board)."""
        x1, y1, x2, y2 = box
        before = self.copper[y1:y2, x1:x2]
        mask = np.zeros_like(before)
        height, width = change.mask.shape
        mask[max(0, change.y - y1) : change.y + height - y1, max(0, change.x - x1) : change.x + width - x1] = change.mask[
            max(0, y1 - change.y) : y2 - change.y, max(0, x1 - change.x) : x2 - change.x
        ]
        nets = np.unique(self.nets[y1:y2, x1:x2][_grown(mask) & before])
        if kind in ("open", "mousebite", "pin-hole"):
            after = before & ~mask
            split = _count(after) - _count(before)
            rim_outside = bool((_grown(mask) & ~before).any())
            if kind == "open":
                return split == 1 and rim_outside
            if kind == "mousebite":
                return split == 0 and rim_outside and _count(~after, 4) == _count(~before, 4)
            return split == 0 and not rim_outside
        after = before | mask
        if kind == "short":
            return len(nets) == 2
        if kind == "spur":
            return len(nets) == 1 and _count(after) == _count(before) and _count(~after, 4) == _count(~before, 4)
        return len(nets) == 0

    # the six kinds: where, and which pixels ----------------------------------------------------------------------

    def _window(self, x: float, y: float, shape: NDArray[np.bool_]) -> tuple[int, int, NDArray[np.bool_]] | None:
        """A shape centred on a point, cut at the image's borders."""
        height, width = shape.shape
        left, top = round(x) - width // 2, round(y) - height // 2
        cut = shape[max(0, -top) : max(0, self.height - top), max(0, -left) : max(0, self.width - left)]
        return (max(0, left), max(0, top), cut) if cut.any() else None

    def _changed(self, x: float, y: float, shape: NDArray[np.bool_], *, removes: bool) -> _Change | None:
        placed = self._window(x, y, shape)
        if placed is None:
            return None
        left, top, mask = placed
        copper = self.copper[top : top + mask.shape[0], left : left + mask.shape[1]]
        return _Change(left, top, mask & (copper if removes else ~copper))

    def _open(self) -> _Change | None:
        if not self.traces:
            return None
        x1, y1, x2, y2, width = self.traces[int(self.rng.integers(len(self.traces)))]
        at = self.rng.uniform(0.1, 0.9)
        x, y = x1 + (x2 - x1) * at, y1 + (y2 - y1) * at
        if not (8 < x < self.width - 8 and 8 < y < self.height - 8):
            return None
        across = math.atan2(y2 - y1, x2 - x1) + math.pi / 2 + self.rng.normal(0, 0.25)
        return self._changed(x, y, _stroke(self.rng, across, width + self.rng.uniform(2, 7), self.rng.uniform(4, 11)), removes=True)

    def _short(self) -> _Change | None:
        if not len(self._edge_x):
            return None
        i = int(self.rng.integers(len(self._edge_x)))
        x, y = int(self._edge_x[i]), int(self._edge_y[i])
        normal = self._outward(x, y)
        if normal is None:
            return None
        here = self.nets[y, x]
        for step in range(2, 62):
            px, py = round(x + normal[0] * step), round(y + normal[1] * step)
            if not (0 <= px < self.width and 0 <= py < self.height):
                return None
            there = self.nets[py, px]
            if there and step > 3:
                if there == here or step < 5:
                    return None
                angle = math.atan2(normal[1], normal[0])
                shape = _stroke(self.rng, angle, step + self.rng.uniform(4, 8), self.rng.uniform(4, 11 if step < 30 else 18))
                return self._changed(x + normal[0] * step / 2, y + normal[1] * step / 2, shape, removes=False)
        return None

    def _mousebite(self) -> _Change | None:
        return self._at_edge(removes=True)

    def _spur(self) -> _Change | None:
        return self._at_edge(removes=False)

    def _at_edge(self, *, removes: bool) -> _Change | None:
        if not len(self._edge_x):
            return None
        i = int(self.rng.integers(len(self._edge_x)))
        x, y = int(self._edge_x[i]), int(self._edge_y[i])
        normal = self._outward(x, y)
        if normal is None:
            return None
        side = -1 if removes else 1
        reach = min(11.0, 3.5 + self.rng.gamma(2.2, 1.5))
        angle = math.atan2(normal[1], normal[0]) + self.rng.normal(0, 0.5)
        shape = _shape(self.rng, reach * self.rng.uniform(0.9, 1.9), reach * 1.2, angle)
        centre = side * self.rng.uniform(0.0, reach * 0.55)
        return self._changed(x + normal[0] * centre, y + normal[1] * centre, shape, removes=removes)

    def _copper(self) -> _Change | None:
        return self._inside(of_copper=False)

    def _pin_hole(self) -> _Change | None:
        return self._inside(of_copper=True)

    def _inside(self, *, of_copper: bool) -> _Change | None:
        long = min(44.0, 8 + self.rng.gamma(1.7, 6.0))
        shape = _shape(self.rng, long / 2 + 1, max(5.0, long * self.rng.uniform(0.35, 0.95)), self.rng.uniform(0, math.pi))
        for _ in range(8):
            x, y = self.rng.integers(14, (self.width - 14, self.height - 14))
            if self.copper[y, x] == of_copper:
                placed = self._window(float(x), float(y), shape)
                if placed is None:
                    continue
                left, top, mask = placed
                around = self.copper[max(0, top - 2) : top + mask.shape[0] + 2, max(0, left - 2) : left + mask.shape[1] + 2]
                if around.all() if of_copper else not around.any():
                    return _Change(left, top, mask)
        return None

    def _outward(self, x: int, y: int) -> tuple[float, float] | None:
        """The direction from copper to background at an edge pixel, None at the image's border."""
        if not (9 <= x < self.width - 9 and 9 <= y < self.height - 9):
            return None
        patch = self.copper[y - 4 : y + 5, x - 4 : x + 5]
        ys, xs = np.nonzero(~patch)
        if not len(xs):
            return None
        dx, dy = float(xs.mean()) - 4, float(ys.mean()) - 4
        length = math.hypot(dx, dy)
        return (dx / length, dy / length) if length > 0.5 else None


def _count(mask: NDArray[np.bool_], neighbours: int = 8) -> int:
    return int(cv2.connectedComponents(mask.view(np.uint8), connectivity=neighbours)[0])


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return cv2.dilate(mask.view(np.uint8), np.ones((3, 3), np.uint8)).astype(np.bool_)


def _canvas(reach: float) -> tuple[Gray, int]:
    half = math.ceil(reach) + 4
    return np.zeros((2 * half + 1, 2 * half + 1), np.uint8), half


def _stroke(rng: np.random.Generator, angle: float, length: float, width: float) -> NDArray[np.bool_]:
    """A hand-drawn stroke through the middle, uneven in width; now and then a second one beside it."""
    canvas, half = _canvas(length / 2 + width * 1.5)
    steps = max(5, int(length / 3))
    bow, wobble = rng.normal(0, 0.05 * length), max(0.6, width * 0.12)
    t = np.linspace(-1, 1, steps)
    side = bow * (1 - t**2) + np.cumsum(rng.normal(0, wobble, steps)) * 0.5
    side -= side.mean()
    along = t * length / 2
    x = half + along * math.cos(angle) - side * math.sin(angle)
    y = half + along * math.sin(angle) + side * math.cos(angle)
    radii = np.clip(width / 2 * (1 + rng.normal(0, 0.18, steps)), 1.6, None)
    for i in range(steps - 1):
        cv2.line(canvas, _at(x[i], y[i]), _at(x[i + 1], y[i + 1]), 1, max(2, round(2 * float(radii[i]))), shift=3)
    return canvas.astype(np.bool_)


def _at(x: float, y: float) -> tuple[int, int]:
    return round(x * 8), round(y * 8)


def _shape(rng: np.random.Generator, reach: float, across: float, angle: float) -> NDArray[np.bool_]:
    """A blob, a bent brush stroke or a scribble, about 2·reach long and `across` wide."""
    style = rng.random()
    canvas, half = _canvas(reach * 1.35 + across / 2)
    if style < 0.5:
        turns = np.linspace(0, math.tau, 18, endpoint=False)
        radius = (
            1 + 0.16 * np.sin(2 * turns + rng.uniform(0, 6)) * rng.random() + 0.14 * np.sin(3 * turns + rng.uniform(0, 6)) * rng.random()
        )
        radius += rng.normal(0, 0.05, 18)
        a, b = np.cos(turns) * radius * reach * 0.8, np.sin(turns) * radius * across * 0.5
        points = np.stack([half + a * math.cos(angle) - b * math.sin(angle), half + a * math.sin(angle) + b * math.cos(angle)], 1)
        cv2.fillPoly(canvas, [np.round(points * 8).astype(np.int32)], 1, shift=3)
        return canvas.astype(np.bool_)
    brush = max(2.6, min(across * 0.6, reach)) if style < 0.82 else rng.uniform(1.5, 2.8)
    steps = int(rng.integers(4, 8)) if style < 0.82 else int(rng.integers(9, 18))
    if style < 0.82:
        t = np.linspace(-1, 1, steps) * (reach - brush * 0.3)
        side = np.cumsum(rng.normal(0, across * 0.12, steps))
        side -= side.mean()
    else:
        t, side = rng.uniform(-1, 1, steps) * reach * 0.8, rng.uniform(-0.5, 0.5, steps) * across
    x = half + t * math.cos(angle) - side * math.sin(angle)
    y = half + t * math.sin(angle) + side * math.cos(angle)
    for i in range(steps - 1):
        cv2.line(canvas, _at(x[i], y[i]), _at(x[i + 1], y[i + 1]), 1, max(2, round(brush)), shift=3)
    return canvas.astype(np.bool_)
