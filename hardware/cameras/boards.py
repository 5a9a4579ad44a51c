"""Bare circuit boards, drawn: layouts in the manner of the DeepPCB line scans, with known defects.

Black (0) is copper, white (255) is background. A layout is made of *nets*, each kept clear of all others; parts are put
down one after the other wherever they fit: copper areas, bundles of parallel traces, rows of pads with traces that
walk away from them, single pads. `hardware.cameras.board_defects` puts the defects in.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.cameras.board_defects import DrawnDefect, Segment, place_defects

Gray = NDArray[np.uint8]
Point = tuple[float, float]
_CELL = 4  # px of the board per cell of the occupancy map
_COS = tuple(math.cos(k * math.pi / 4) for k in range(8))
_SIN = tuple(math.sin(k * math.pi / 4) for k in range(8))

__all__ = ["Board", "DrawnDefect", "add_defects", "draw_board"]


@dataclass(frozen=True)
class Board:
    """One layout.

    Attributes:
        golden: (H, W) uint8, 0 copper, 255 background, no defects.
        nets: (H, W) int32, 0 background, else the number of the connected conductor (8-neighbours).
        traces: straight pieces of trace as (x1, y1, x2, y2, width) in px.
    """

    seed: int
    golden: Gray
    nets: NDArray[np.int32]
    traces: tuple[Segment, ...] = field(repr=False)


def draw_board(seed: int, size_px: int = 640) -> Board:
    """The layout of a seed; the same seed and size give the same bytes.

    Args:
        size_px: width and height; structures keep their size in px, a larger board has more of them.
    """
    layout = _Layout(np.random.default_rng((seed, 7)), size_px)
    layout.fill()
    golden = _rough(layout.draw(), layout.rng)
    _, nets = cv2.connectedComponents(cv2.bitwise_not(golden), connectivity=8, ltype=cv2.CV_32S)
    return Board(seed, golden, np.asarray(nets, np.int32), tuple(layout.traces))


def add_defects(board: Board, seed: int, count: int) -> tuple[Gray, list[DrawnDefect]]:
    """A copy of the board with up to `count` defects, whose boxes do not overlap.

    Kinds that a board has no room for (a short needs two conductors) give way to others; fewer come back only when the
    board is full.
    """
    return place_defects(board.golden, board.nets, board.traces, np.random.default_rng((board.seed, seed, 11)), count)


@functools.cache
def _edge_noise() -> Gray:
    """1024² of blurred noise around 128: what makes edges as uneven as those of a scanned board."""
    noise = np.random.default_rng(1).normal(size=(1024, 1024)).astype(np.float32)
    fine, coarse = cv2.GaussianBlur(noise, (0, 0), 0.9), cv2.GaussianBlur(noise, (0, 0), 3.5)
    mixed = fine / fine.std() * 24 + coarse / coarse.std() * 12
    return np.asarray(np.clip(mixed + 128, 0, 255), np.uint8)


def _rough(image: Gray, rng: np.random.Generator) -> Gray:
    """Round the corners and roughen the edges, then black and white again."""
    height, width = image.shape
    y, x = (int(v) for v in rng.integers(0, (1024 - min(height, 1000), 1024 - min(width, 1000))))
    noise = cv2.copyMakeBorder(
        _edge_noise()[y : y + height, x : x + width], 0, max(0, height - 1024 + y), 0, max(0, width - 1024 + x), cv2.BORDER_REFLECT
    )
    soft = cv2.GaussianBlur(image, (0, 0), rng.uniform(1.0, 2.0))
    strength = rng.uniform(0.15, 0.75)
    mixed = cv2.addWeighted(soft, 1.0, noise[:height, :width], strength, -128 * strength)
    return np.asarray(cv2.threshold(mixed, 127, 255, cv2.THRESH_BINARY)[1], np.uint8)


class _Layout:
    """Nets on a board: shapes put down where they keep clear of what is there."""

    def __init__(self, rng: np.random.Generator, size: int) -> None:
        self.rng, self.size = rng, size
        cells = size // _CELL + 1
        self._taken: Gray = np.zeros((cells, cells), np.uint8)
        self._scratch: Gray = np.zeros((cells, cells), np.uint8)
        self._lines: list[tuple[list[Point], float]] = []
        self._discs: list[tuple[Point, float]] = []
        self._polygons: list[list[Point]] = []
        self._holes: list[tuple[Point, float]] = []
        self.traces: list[Segment] = []
        fine = math.exp(rng.uniform(math.log(6), math.log(26)))  # the board's usual trace
        self.width = fine
        self.gap = max(7.0, fine * rng.uniform(0.7, 1.6))
        self.fat = float(rng.choice((0.1, 0.3, 0.9)))
        self.corner = rng.uniform(0.12, 0.6)
        self.hole_share = rng.uniform(0.12, 0.3) if rng.random() < 0.8 else rng.uniform(0.3, 0.4)
        self._cut = rng.uniform(0.3, 0.9) * size if rng.random() < 0.1 else 0.0

    # what fits -------------------------------------------------------------------------------------------------

    def _free(self, points: list[Point], width: float) -> bool:
        """Whether a fat line keeps the gap to everything there."""
        reach = width / 2 + self.gap
        x1, x2 = min(p[0] for p in points) - reach, max(p[0] for p in points) + reach
        y1, y2 = min(p[1] for p in points) - reach, max(p[1] for p in points) + reach
        if x2 < 0 or y2 < 0 or x1 > self.size or y1 > self.size:
            return True
        rows = slice(max(0, int(y1 / _CELL) - 1), int(y2 / _CELL) + 2)
        columns = slice(max(0, int(x1 / _CELL) - 1), int(x2 / _CELL) + 2)
        if not self._taken[rows, columns].any():
            return True
        self._scratch[rows, columns] = 0
        self._stamp(self._scratch, points, width + 2 * self.gap)
        return not bool((self._scratch[rows, columns] & self._taken[rows, columns]).any())

    def _stamp(self, cells: Gray, points: list[Point], width: float) -> None:
        fixed = np.array([[round(x * 16 / _CELL), round(y * 16 / _CELL)] for x, y in points], np.int32)
        if len(points) == 1:
            cv2.circle(cells, (int(fixed[0, 0]), int(fixed[0, 1])), round(width * 8 / _CELL), 1, -1, shift=4)
        else:
            cv2.polylines(cells, [fixed], False, 1, max(1, math.ceil(width / _CELL)), shift=4)

    def _line(self, points: list[Point], width: float, *, trace: bool = True) -> None:
        self._lines.append((points, width))
        self._stamp(self._taken, points, width)
        if trace:
            self.traces += [(*a, *b, width) for a, b in itertools.pairwise(points)]

    def _disc(self, at: Point, radius: float, hole: float = 0.0) -> None:
        self._discs.append((at, radius))
        self._stamp(self._taken, [at], 2 * radius)
        if hole:
            self._holes.append((at, hole))

    # shapes ----------------------------------------------------------------------------------------------------

    def walk(
        self, start: Point, direction: int, width: float, steps: int, first: float = 0.0, stride: float = 0.13
    ) -> tuple[list[Point], int]:
        """An octilinear path from a point on, turning by 45°, as far as it finds room; and its last direction."""
        rng = self.rng
        points, reach = [start], width / 2 + self.gap + first + 2 * _CELL
        shortest = max(14.0, width * 0.9)
        for step in range(steps):
            x, y = points[-1]
            if not (-80 < x < self.size + 80 and -80 < y < self.size + 80):
                break
            turns = [0] if step == 0 else ([1, -1] if rng.random() < 0.5 else [-1, 1])
            for turn in turns:
                heading = (direction + turn) % 8
                length = shortest + rng.exponential(self.size * stride)
                ahead = reach if step == 0 else 0.0  # the first piece starts inside its own pad
                for share in (1.0, 0.5, 0.25):
                    run = max(length * share, shortest + ahead)
                    end = (x + _COS[heading] * run, y + _SIN[heading] * run)
                    near = (x + _COS[heading] * ahead, y + _SIN[heading] * ahead)
                    if self._free([near, end], width):
                        points.append(end)
                        direction = heading
                        break
                else:
                    continue
                break
            else:
                break
        return points, direction

    def pad(self, at: Point, size: float, kind: str) -> bool:
        """One pad: a disc, a ring with a hole (perhaps off centre), a long hole pad or a rectangle."""
        rng = self.rng
        x, y = at
        if kind in ("rect", "slot"):
            half = (size * 0.5, size * 0.28) if kind == "slot" else (size * 0.45, size * rng.uniform(0.34, 0.45))
            if rng.random() < 0.5:
                half = half[::-1]
            long, short = max(half), min(half)
            across = (long - short, 0.0) if half[0] > half[1] else (0.0, long - short)
            ends = [(x - across[0], y - across[1]), (x + across[0], y + across[1])]
            if not self._free(ends, 2 * short):
                return False
            if kind == "slot":
                self._line(ends, 2 * short, trace=False)
            else:
                round_off = short * self.corner
                w, h = half[0] - round_off, half[1] - round_off
                corners: list[Point] = [(x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h)]
                self._polygons.append(corners)
                self._line([*corners, corners[0]], 2 * round_off, trace=False)
                self._stamp(self._taken, ends, 2 * short)
            return True
        if not self._free([at], size):
            return False
        hole = 0.0
        if kind == "ring":
            hole = max(3.0, min(size * self.hole_share, size / 2 - 6))
        self._disc(at, size / 2, hole)
        return True

    def area(self) -> None:
        """A copper area with bevelled corners and a few holes."""
        rng, size = self.rng, self.size
        w, h = rng.uniform(0.12, 0.8, 2) * size
        x, y = rng.uniform(-0.3, 0.95, 2) * size
        bevel = min(w, h) * rng.uniform(0.05, 0.4)
        cuts = rng.random(4) < 0.6
        corners = [(x, y, 1, 1), (x + w, y, -1, 1), (x + w, y + h, -1, -1), (x, y + h, 1, -1)]
        polygon: list[Point] = []
        for (cx, cy, sx, sy), cut in zip(corners, cuts, strict=True):
            b = bevel if cut else 3.0
            two: list[Point] = [(cx, cy + sy * b), (cx + sx * b, cy)]
            polygon += two if sx == sy else two[::-1]
        centre = (
            [(x + w / 2, y + min(w, h) / 2), (x + w / 2, y + h - min(w, h) / 2)]
            if h > w
            else [(x + min(w, h) / 2, y + h / 2), (x + w - min(w, h) / 2, y + h / 2)]
        )
        if not self._free(centre, min(w, h) * 1.15):
            return
        self._polygons.append(polygon)
        cv2.fillPoly(self._taken, [np.array([[round(px / _CELL), round(py / _CELL)] for px, py in polygon], np.int32)], 1)
        radius = rng.uniform(6, 16) if rng.random() < 0.8 else rng.uniform(16, 42)
        for _ in range(int(rng.integers(0, 5))):
            hx, hy = x + rng.uniform(0.15, 0.85) * w, y + rng.uniform(0.15, 0.85) * h
            if min(w, h) > 4 * radius and all(math.hypot(hx - q[0][0], hy - q[0][1]) > 3 * radius for q in self._holes):
                self._holes.append(((hx, hy), radius))
        if rng.random() < 0.6:  # a way out of the area
            heading = int(rng.integers(0, 4)) * 2
            start = (x + w / 2 + _COS[heading] * w / 2, y + h / 2 + _SIN[heading] * h / 2)
            width = min(self.width * rng.uniform(0.8, 2), min(w, h) * 0.5)
            points, _ = self.walk(start, heading, width, 4)
            if len(points) > 1:
                self._line(points, width)

    def bundle(self) -> None:
        """Parallel traces that keep together round their bends; from thin buses to broad strips."""
        rng = self.rng
        fat = rng.random() < self.fat
        count = int(rng.integers(1, 5 if fat else 9))
        base = rng.uniform(24, 110) if fat else self.width * rng.uniform(0.7, 1.5)
        widths = base * (rng.uniform(0.6, 1.6, count) if fat or rng.random() < 0.3 else np.ones(count))
        gaps = self.gap * rng.uniform(0.7, 1.4) * np.ones(count) + (rng.uniform(0, 20) if fat else 0)
        centres = np.cumsum(widths + gaps) - (widths + gaps) / 2
        total = float(np.sum(widths + gaps))
        if total > self.size * 0.8:
            return
        offsets = centres - total / 2
        for _ in range(4):
            heading = int(rng.integers(0, 8))
            out = rng.uniform(0.0, 1.0, 2) * self.size
            back = rng.uniform(0.0, 0.9) * self.size
            start = (float(out[0] - _COS[heading] * back), float(out[1] - _SIN[heading] * back))
            points, _ = self.walk(start, heading, total, int(rng.integers(2, 7)), stride=0.32)
            if len(points) > 1:
                break
        else:
            return
        ends = rng.random()
        for offset, width in zip(offsets, widths, strict=True):
            own = _parallel(points, float(offset))
            self._line(own, float(width))
            if ends < 0.5 and width < self.gap * 1.5:
                self._disc(own[-1], float(width) * 0.5 + self.gap * 0.3)

    def row(self) -> None:
        """A row or field of like pads, each with a trace that leaves the same way."""
        rng = self.rng
        kind = ("disc", "ring", "rect", "rect", "slot")[int(rng.integers(0, 5))]
        size = max(20.0, self.width * rng.uniform(1.7, 3.4)) if rng.random() < 0.8 else rng.uniform(40, 95)
        pitch = size * rng.uniform(1.15, 2.1) + self.gap
        columns, rows = int(rng.integers(2, 11)), int(rng.choice([1, 1, 1, 2, 2, 3]))
        x0, y0 = rng.uniform(-0.05, 0.9, 2) * self.size
        swap = rng.random() < 0.5
        spread = rng.uniform(1.0, 2.2)
        width = min(self.width * rng.uniform(0.7, 1.2), size * 0.7)
        heading, steps, traced = int(rng.integers(0, 4)) * 2, int(rng.integers(1, 6)), rng.random() < 0.9
        for i in range(columns):
            for j in range(rows):
                dx, dy = i * pitch, j * pitch * spread
                at = (x0 + dy, y0 + dx) if swap else (x0 + dx, y0 + dy)
                if not (-30 < at[0] < self.size + 30 and -30 < at[1] < self.size + 30) or not self.pad(at, size, kind):
                    continue
                if traced and rng.random() < 0.85:
                    self.lead(at, size, (heading + 4 * (j % 2)) % 8, width, steps)

    def lead(self, at: Point, size: float, heading: int, width: float, steps: int) -> None:
        """A trace from a pad, with a pad or a via at its end when there is room."""
        rng = self.rng
        points, last = self.walk(at, heading, width, steps, first=size * 0.5)
        if len(points) < 2:
            return
        self._line(points, width)
        if rng.random() < 0.7:
            reach = width * rng.uniform(0.8, 1.6)
            end = points[-1]
            ahead = (end[0] + _COS[last] * (reach + self.gap + width), end[1] + _SIN[last] * (reach + self.gap + width))
            if self._free([ahead], 2 * reach):
                self._disc(end, reach, reach * 0.45 if rng.random() < 0.4 and reach > 9 else 0.0)

    def single(self) -> None:
        """One pad anywhere with one or two traces."""
        rng = self.rng
        kind = ("disc", "disc", "ring", "rect", "rect", "slot")[int(rng.integers(0, 6))]
        size = max(16.0, self.width * rng.uniform(1.5, 3.2))
        at = (float(rng.uniform(0, self.size)), float(rng.uniform(0, self.size)))
        if self.pad(at, size, kind):
            heading = int(rng.integers(0, 8))
            for k in range(int(rng.integers(1, 4))):
                self.lead(at, size, (heading + 3 * k) % 8, min(self.width, size * 0.8), int(rng.integers(1, 6)))

    def fill(self) -> None:
        """Put shapes down: each board has its own taste and its own density."""
        rng = self.rng
        taste = rng.dirichlet((1.3, 1.1, 0.8, 0.7))
        shapes: tuple[Callable[[], None], ...] = (self.area, self.bundle, self.row, self.single)
        full = rng.uniform(0.12, 0.8)
        for _ in range(int(rng.integers(40, 110))):
            shapes[int(rng.choice(4, p=taste))]()
            if cv2.countNonZero(self._taken) > full * self._taken.size:
                break
        for _ in range(20):
            if cv2.countNonZero(self._taken) > 0.12 * self._taken.size:
                break
            self.bundle()

    def draw(self) -> Gray:
        """Everything at full size."""
        image: Gray = np.full((self.size, self.size), 255, np.uint8)
        for polygon in self._polygons:
            cv2.fillPoly(image, [_fixed(polygon)], 0, shift=4)
        for points, width in self._lines:
            cv2.polylines(image, [_fixed(points)], False, 0, max(3, round(width)), shift=4)
        for at, radius in self._discs:
            cv2.circle(image, (round(at[0] * 16), round(at[1] * 16)), round(radius * 16), 0, -1, shift=4)
        for at, radius in self._holes:
            cv2.circle(image, (round(at[0] * 16), round(at[1] * 16)), round(radius * 16), 255, -1, shift=4)
        if self._cut:
            image[int(self._cut) :] = 255
        return image


def _fixed(points: list[Point]) -> NDArray[np.int32]:
    return np.array([[round(x * 16), round(y * 16)] for x, y in points], np.int32)


def _parallel(points: list[Point], offset: float) -> list[Point]:
    """A path beside another at a distance, mitred at its bends."""
    out: list[Point] = []
    for i, (x, y) in enumerate(points):
        before = points[i - 1] if i else None
        after = points[i + 1] if i + 1 < len(points) else None
        a1 = math.atan2(y - before[1], x - before[0]) if before else None
        a2 = math.atan2(after[1] - y, after[0] - x) if after else None
        a1, a2 = (a2 if a1 is None else a1), (a1 if a2 is None else a2)
        assert a1 is not None
        assert a2 is not None
        turn = math.remainder(a2 - a1, math.tau)
        normal = a1 + turn / 2 + math.pi / 2
        stretch = offset / math.cos(turn / 2)
        out.append((x + math.cos(normal) * stretch, y + math.sin(normal) * stretch))
    return out
