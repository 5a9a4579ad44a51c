"""Machined metal rings seen from above, drawn: turning marks, bore, chamfers, and the defects scratch, dent, chip, stain."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]
Floats = NDArray[np.float32]
Mark = tuple[str, tuple[int, int, int, int]]
KINDS = ("scratch", "dent", "chip", "stain")
_BORE_SHARE = 0.46  # of the outer radius
_MARGIN_PX = 6
_LIGHT = -2.2  # rad, where the light comes from (upper left)


def draw_ring(rng: np.random.Generator, size: int, is_ng: bool) -> tuple[Gray, Gray, list[Mark]]:
    """One ring that fills a square.

    Returns:
        picture (size, size) uint8, mask (255 metal, 0 belt), and the defects as (kind, (x1, y1, x2, y2)).
    """
    ring = _Ring(rng, size)
    marks: list[Mark] = []
    wanted = int(rng.choice([1, 1, 1, 2, 3])) if is_ng else 0
    for _ in range(20):
        if len(marks) >= wanted:
            break
        kind = KINDS[int(rng.integers(len(KINDS)))]
        ys, xs = np.nonzero(ring.harm(kind))
        if len(xs) >= 30:
            marks.append((kind, _box(xs, ys, size)))
    return ring.picture(), ring.mask(), marks


def _box(xs: NDArray[np.intp], ys: NDArray[np.intp], size: int) -> tuple[int, int, int, int]:
    low, high = -_MARGIN_PX, 1 + _MARGIN_PX
    return max(0, int(xs.min()) + low), max(0, int(ys.min()) + low), min(size, int(xs.max()) + high), min(size, int(ys.max()) + high)


class _Ring:
    def __init__(self, rng: np.random.Generator, size: int) -> None:
        self.rng, self.size = rng, size
        self.outer = size / 2 - 2.0
        self.bore = self.outer * _BORE_SHARE
        y, x = np.mgrid[0:size, 0:size].astype(np.float32) - (size - 1) / 2
        self.radius: Floats = np.sqrt(x * x + y * y)
        self.angle: Floats = np.arctan2(y, x)
        self.shape: Floats = self._face()
        self.solid: Floats = np.clip(self.outer + 0.5 - self.radius, 0, 1) * np.clip(self.radius - self.bore + 0.5, 0, 1)

    def _face(self) -> Floats:
        """Gray levels of a sound ring: grooves by radius, a bow-tie of light across them, two chamfers and a step."""
        rng, size = self.rng, self.size
        fine = rng.normal(0, 1, size * 2)
        grooves = (
            0.6 * fine
            + 1.4 * np.convolve(fine, np.ones(5) / 5, "same")
            + 3 * np.convolve(rng.normal(0, 1, size * 2), np.ones(17) / 17, "same")
        )
        profile = np.interp(self.radius.ravel() * 2, np.arange(size * 2), grooves).reshape(size, size)
        lit = 0.5 + 0.5 * np.cos(2 * (self.angle - _LIGHT))
        face = 122 + 44 * lit**3 + 10 * np.cos(self.angle - _LIGHT) + profile * (2.2 + 4.2 * lit)
        toward = np.cos(self.angle - _LIGHT)
        width = self.outer * 0.042
        step = self.outer * 0.76
        face += np.where(np.abs(self.radius - step) < 2.2, -46 * toward - 14, 0)  # a turned shoulder
        face = np.where(self.radius > self.outer - width, 138 + 88 * toward, face)
        face = np.where(self.radius < self.bore + width * 0.8, 116 - 84 * toward, face)
        face -= 60 * np.exp(-(((self.radius - (self.outer - width)) / 1.2) ** 2))
        return np.asarray(face, np.float32)

    def picture(self) -> Gray:
        return np.asarray(np.clip(self.shape * self.solid, 0, 255), np.uint8)

    def mask(self) -> Gray:
        return np.asarray(self.solid * 255, np.uint8)

    def _place(self, low: float = 0.58, high: float = 0.92) -> tuple[float, float, float]:
        radius, angle = self.outer * self.rng.uniform(low, high), self.rng.uniform(-math.pi, math.pi)
        middle = (self.size - 1) / 2
        return middle + radius * math.cos(angle), middle + radius * math.sin(angle), angle

    def harm(self, kind: str) -> NDArray[np.bool_]:
        """Put one defect in; returns the pixels that it changed visibly."""
        before = self.shape * self.solid
        {"scratch": self._scratch, "dent": self._dent, "chip": self._chip, "stain": self._stain}[kind]()
        after = self.shape * self.solid
        return np.asarray(np.abs(after - before) > 9, np.bool_)

    def _scratch(self) -> None:
        """A fine bent line, bright with a dark side."""
        rng = self.rng
        x, y, _ = self._place()
        heading, length = rng.uniform(0, math.pi), rng.uniform(0.18, 0.5) * self.outer
        t = np.linspace(-0.5, 0.5, 24)
        bow = rng.uniform(-0.12, 0.12) * length * (1 - 4 * t**2)
        points = np.stack(
            [x + t * length * math.cos(heading) - bow * math.sin(heading), y + t * length * math.sin(heading) + bow * math.cos(heading)], 1
        )
        fixed = [np.round(points * 8).astype(np.int32)]
        width, depth = int(rng.integers(1, 3)), rng.uniform(50, 85)
        for shift, sign in ((0, depth), (9, -0.8 * depth)):
            line = np.zeros((self.size, self.size), np.uint8)
            cv2.polylines(line, [fixed[0] + shift], False, 255, width, cv2.LINE_AA, shift=3)
            self.shape += sign / 255 * line.astype(np.float32)

    def _dent(self) -> None:
        """A hollow: dark towards the light, bright away from it."""
        rng = self.rng
        x, y, _ = self._place()
        a, b = rng.uniform(0.03, 0.075, 2) * self.outer
        turn = rng.uniform(0, math.pi)
        yy, xx = np.mgrid[0 : self.size, 0 : self.size].astype(np.float32)
        u = ((xx - x) * math.cos(turn) + (yy - y) * math.sin(turn)) / a
        v = (-(xx - x) * math.sin(turn) + (yy - y) * math.cos(turn)) / b
        bowl = np.exp(-((u * u + v * v) ** 1.5))
        slope = ((xx - x) * math.cos(_LIGHT) + (yy - y) * math.sin(_LIGHT)) / max(a, b)
        self.shape += (bowl * (-118 * slope - 26)).astype(np.float32)

    def _chip(self) -> None:
        """A piece broken out of the outer edge or the bore: belt shows, the fracture is rough."""
        rng = self.rng
        at_bore = rng.random() < 0.3
        edge = self.bore if at_bore else self.outer
        angle, reach = rng.uniform(-math.pi, math.pi), rng.uniform(0.05, 0.12) * self.outer
        middle = (self.size - 1) / 2
        x, y = middle + edge * math.cos(angle), middle + edge * math.sin(angle)
        turns = np.linspace(0, math.tau, 16, endpoint=False)
        ragged = reach * (0.8 + 0.3 * rng.random(16))
        outline = np.stack([x + ragged * np.cos(turns), y + ragged * np.sin(turns)], 1)
        hole = np.zeros((self.size, self.size), np.uint8)
        cv2.fillPoly(hole, [np.round(outline * 8).astype(np.int32)], 255, cv2.LINE_AA, shift=3)
        soft = hole.astype(np.float32) / 255
        rim = np.clip(cv2.GaussianBlur(soft, (0, 0), 2.2) * 3, 0, 1) * (1 - soft)
        broken = 66 + 40 * cv2.GaussianBlur(rng.normal(size=hole.shape).astype(np.float32), (0, 0), 1.0)
        self.shape = np.asarray(self.shape * (1 - rim) + broken * rim, np.float32)
        self.solid *= 1 - soft

    def _stain(self) -> None:
        """A soft dark patch with a darker edge, as dried coolant leaves."""
        rng = self.rng
        x, y, _ = self._place(0.62, 0.88)
        turns = np.linspace(0, math.tau, 20, endpoint=False)
        radius = (
            rng.uniform(0.06, 0.16)
            * self.outer
            * (1 + 0.25 * np.sin(2 * turns + rng.uniform(0, 6)) + 0.15 * np.sin(5 * turns + rng.uniform(0, 6)))
        )
        patch = np.zeros((self.size, self.size), np.uint8)
        cv2.fillPoly(
            patch,
            [np.round(np.stack([x + radius * np.cos(turns), y + radius * np.sin(turns)], 1) * 8).astype(np.int32)],
            255,
            cv2.LINE_AA,
            shift=3,
        )
        soft = cv2.GaussianBlur(patch, (0, 0), 3.0).astype(np.float32) / 255
        edge = 4 * soft * (1 - soft)
        self.shape = np.asarray(self.shape * (1 - rng.uniform(0.28, 0.45) * soft - 0.22 * edge), np.float32)
