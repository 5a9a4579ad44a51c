"""Part detection for free-running cameras: says once per part that its middle has crossed the middle of the picture.

The picture is shrunk to columns. The belt is the column profile that comes again and again: profiles compete as in a
mixture model (Stauffer and Grimson, 1999), and the one seen most is the belt, even if a part is in view at the start.
From it grows a map of the empty belt, column by column, that follows the light. Columns that differ from both are part;
runs of them are followed from frame to frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.errors import DeviceSettings

_COLUMNS, _ROWS = 64, 48
_CANDIDATES = 5
_FORGET = 0.99  # per frame
_SPREADS = 4.0  # mean deviations of the belt's own texture that are still belt
_SETTLED = 600.0  # columns seen that make the belt well known
_STANDS = 0.2  # columns per frame below which the belt counts as standing
_FORGOTTEN_AFTER = 3  # frames without a sight of a part until it counts as gone
Floats = NDArray[np.float32]


@dataclass(slots=True)
class _Track:
    """One run of part columns, in columns of the shrunk picture. `side` is 1 before the middle is crossed, as it came in."""

    run: tuple[int, int]
    side: int
    counted: bool = False
    unseen: int = 0

    @property
    def centre(self) -> float:
        return (self.run[0] + self.run[1]) / 2

    @property
    def at_border(self) -> bool:
        return self.run[0] == 0 or self.run[1] == _COLUMNS


class PartDetector:
    """Counts parts that pass, to the left or to the right; parts must be narrower than the picture and have gaps between them."""

    def __init__(
        self, contrast: float = 14.0, min_share: float = 0.12, min_width_share: float = 0.04, max_step_share: float = 0.35
    ) -> None:
        """Sizes are shares of the picture.

        Args:
            contrast: gray levels by which a part differs from the belt at least; more where the belt itself is spotted.
            min_share: a column belongs to a part if this share of its height differs.
            min_width_share: narrower runs of columns are no part (dirt, a scuff of the belt).
            max_step_share: how far a part moves between two frames at most.

        Raises:
            DeviceSettings: a value that is impossible.
        """
        for key, value, low, high in (("contrast", contrast, 1, 128), ("min_share", min_share, 0.01, 0.9), ("min_width_share", min_width_share, 0.01, 0.9), ("max_step_share", max_step_share, 0.01, 0.5)):  # fmt: skip
            if not low <= value <= high:
                raise DeviceSettings(f"{key} = {value!r} is out of bounds; choose {low:g} to {high:g}")
        self._contrast, self._min_rows = contrast, min_share * _ROWS
        self._limit = 2 * contrast  # until the belt's own texture is known
        self._min_columns, self._max_step = min_width_share * _COLUMNS, max_step_share * _COLUMNS
        self._profiles: list[Floats] = []
        self._weights: list[float] = []
        self._belt: Floats | None = None
        self._tracks: list[_Track] = []
        self._standing = False
        self._step = 0.0
        self._due = 0

    def feed(self, image: NDArray[np.uint8]) -> bool:
        """Look at the next frame, (H, W) or (H, W, 3) uint8.

        Returns:
            Whether a part has crossed the middle since the last call; if two have at once, the second is told at the next call.
        """
        small = cv2.resize(image, (_COLUMNS, _ROWS), interpolation=cv2.INTER_AREA)
        if small.ndim == 3:
            small = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
        columns: Floats = np.ascontiguousarray(small.T, np.float32)
        if not self._standing:
            self._learn(columns)
        self._follow(self._runs(self._part_columns(columns)))
        if self._due:
            self._due -= 1
            return True
        return False

    def _learn(self, columns: Floats) -> None:
        """Each column feeds the profile that it resembles; unlike ones begin a profile of their own."""
        left = np.ones(len(columns), np.bool_)
        for i, profile in enumerate(self._profiles):
            self._weights[i] *= _FORGET
            alike = left & self._alike(columns, profile)
            if alike.any():
                self._weights[i] += float(alike.sum())
                self._profiles[i] = profile + np.float32(0.05) * (np.median(columns[alike], axis=0) - profile)
                left &= ~alike
        for _ in range(2):
            if not left.any():
                break
            rest = np.flatnonzero(left)
            if self._weights and self._weights[0] > _SETTLED:
                rest = rest[len(rest) // 2 :][:1]  # the belt is well known; any of the others will do
            peers = ((np.abs(columns[rest, None] - columns[None, rest]) > self._limit).sum(axis=2) < self._min_rows).sum(axis=1)
            new = columns[rest[int(peers.argmax())]].copy()  # the one that most others resemble
            alike = left & self._alike(columns, new)
            self._profiles.append(new)
            self._weights.append(float(alike.sum()))
            left &= ~alike
        order = sorted(range(len(self._weights)), key=lambda i: -self._weights[i])[:_CANDIDATES]
        if order[0] != 0:
            self._belt = None  # what was taken for the belt is a part
        self._profiles, self._weights = [self._profiles[i] for i in order], [self._weights[i] for i in order]

    def _part_columns(self, columns: Floats) -> NDArray[np.bool_]:
        """Which columns show a part; the belt's map is taught by the others."""
        if self._belt is None:
            self._belt = np.repeat(self._profiles[0][None], _COLUMNS, axis=0)
        empty = self._alike(columns, self._belt) | self._alike(columns, self._profiles[0])
        if empty.any():
            self._belt += np.float32(0.5 * np.median(columns[empty] - self._belt[empty]))  # the light as a whole
            off = columns[empty] - self._belt[empty]
            self._belt[empty] += np.float32(0.1) * off
            spotted = min(_SPREADS * float(np.abs(off).mean()), 3 * self._contrast)
            self._limit += 0.1 * (max(self._contrast, spotted) - self._limit)
        return ~empty

    def _alike(self, columns: Floats, profile: Floats) -> NDArray[np.bool_]:
        return np.asarray((np.abs(columns - profile) > self._limit).sum(axis=1) < self._min_rows, np.bool_)

    def _runs(self, part: NDArray[np.bool_]) -> list[tuple[int, int]]:
        """Runs of part columns as [start, end); gaps of one column are closed."""
        part = part.copy()
        part[1:-1] |= part[:-2] & part[2:]
        edges = np.flatnonzero(np.diff(np.concatenate([[False], part, [False]]).astype(np.int8)))
        runs = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
        return [(a, b) for a, b in runs if b - a >= self._min_columns or a == 0 or b == _COLUMNS]

    def _follow(self, runs: list[tuple[int, int]]) -> None:
        """Tie runs to known parts, nearest to where the belt has carried them first, and count those that have come to the other side."""
        free = dict.fromkeys(runs)
        pairs = sorted((abs((a + b) / 2 - t.centre - self._step), k, (a, b)) for k, t in enumerate(self._tracks) for a, b in runs)
        seen: set[int] = set()
        moved = 0.0
        for distance, k, run in pairs:
            if distance <= self._max_step and k not in seen and run in free:
                del free[run]
                seen.add(k)
                moved = max(moved, abs(self._move(self._tracks[k], run)))
        for k, track in enumerate(self._tracks):
            track.unseen = 0 if k in seen else track.unseen + 1
        self._tracks = [t for t in self._tracks if t.unseen < (1 if t.at_border else _FORGOTTEN_AFTER)]  # at the border it has left
        whole = any(a > 0 or b < _COLUMNS for a, b in runs)  # if nothing but part is seen, the belt is not known yet
        self._standing = bool(seen) and not free and whole and moved < _STANDS  # a part that stands still must not be learned as belt
        if free and any(t.unseen for t in self._tracks):
            self._step = 0.0  # something was where it was not expected
        for a, b in free:
            self._tracks.append(_Track((a, b), _side((a + b) / 2)))

    def _move(self, track: _Track, run: tuple[int, int]) -> float:
        """The part has come to this place; returns how far that is, in columns."""
        before, whole, width = track.centre, not track.at_border, track.run[1] - track.run[0]
        track.run = run
        moved = track.centre - before
        if whole and not track.at_border and abs(run[1] - run[0] - width) <= 2:
            self._step = moved  # the belt's own speed; what is cut off at the border seems slower
        side = _side(track.centre)
        if track.side == 0:
            track.side = side  # it was in the middle when first seen; where it came from nobody knows
        elif not track.counted and side not in (track.side, 0):
            track.counted = True
            self._due += 1
        return moved


def _side(centre: float) -> int:
    """-1 left, 1 right, 0 within a column of the middle."""
    off = centre - _COLUMNS / 2
    return 0 if abs(off) < 0.5 else (1 if off > 0 else -1)
