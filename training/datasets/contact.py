"""A contact sheet: many images small on one, with their boxes and a word each, for a person to look through."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.labelled import read_image
from training.datasets.draft import Draft
from training.datasets.suspects import KINDS, Suspect

COLUMNS, ROWS = 6, 5
_SIDE, _GAP, _LINES, _LINE = 232, 12, 3, 15
_HEAD = 44
_PAPER, _INK, _DIM, _FRAME, _MARK = (255, 255, 255), (30, 30, 30), (120, 120, 120), (190, 190, 190), (60, 60, 230)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SIGNS_PER_LINE = 35
Image = NDArray[np.uint8]


def contact_sheets(draft: Draft, kind: str, suspects: Iterable[Suspect], folder: Path, most: int = 20) -> list[Path]:
    """Write the suspects of one kind as `KIND-1.png`, `KIND-2.png` …, at most `most` sheets; returns their paths.

    Raises:
        SettingsError: a stored image is gone. OSError: cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{kind}-*.png"):
        old.unlink()
    written: list[Path] = []
    stream = iter(suspects)
    while len(written) < most and (page := list(islice(stream, COLUMNS * ROWS))):
        path = folder / f"{kind}-{len(written) + 1}.png"
        head = f"{draft.name}: {KINDS[kind]}, sheet {len(written) + 1}"
        if not cv2.imwrite(str(path), sheet(head, page, lambda s: draft.image(draft.get(s.name).entry.sha256))):
            raise OSError(f"{path}: cannot be written")
        written.append(path)
    return written


def sheet(head: str, page: list[Suspect], image_of: Callable[[Suspect], Path]) -> Image:
    """One sheet, (H, W, 3) BGR."""
    columns = min(COLUMNS, max(3, len(page)))
    rows = -(-len(page) // columns)
    cell_h = _SIDE + _LINES * _LINE + _GAP
    paper = np.full((_HEAD + rows * cell_h + _GAP, columns * (_SIDE + _GAP) + _GAP, 3), _PAPER, np.uint8)
    _write(paper, head, _GAP, 28, 0.6, _INK)
    for n, suspect in enumerate(page):
        x, y = _GAP + n % columns * (_SIDE + _GAP), _HEAD + n // columns * cell_h
        thumb = _thumbnail(read_image(image_of(suspect)), suspect)
        h, w = thumb.shape[:2]
        top, left = y + (_SIDE - h) // 2, x + (_SIDE - w) // 2
        paper[y : y + _SIDE, x : x + _SIDE] = 238
        paper[top : top + h, left : left + w] = thumb
        cv2.rectangle(paper, (left - 1, top - 1), (left + w, top + h), _FRAME, 1)  # a white image would vanish on the paper
        lines = [suspect.name[-_SIGNS_PER_LINE:], *_wrapped(suspect.why, _SIGNS_PER_LINE)][:_LINES]
        for line, words in enumerate(lines):
            _write(paper, words, x, y + _SIDE + 12 + line * _LINE, 0.37, _DIM if line == 0 else _INK)
    return paper


def _thumbnail(image: Image, suspect: Suspect) -> Image:
    """At most 232 px on the longer side; the image makes room where boxes lie outside of it."""
    colour = image if image.ndim == 3 else np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    height, width = colour.shape[:2]
    margin = max(width, height)  # a box a kilometre off would make the image a dot
    room = 0.03 * margin  # beyond the box, so that its line is seen
    x1 = max(-margin, min([0.0, *(b.x1 - room for b in suspect.boxes)]))
    y1 = max(-margin, min([0.0, *(b.y1 - room for b in suspect.boxes)]))
    x2 = min(width + margin, max([float(width), *(b.x2 + room for b in suspect.boxes)]))
    y2 = min(height + margin, max([float(height), *(b.y2 + room for b in suspect.boxes)]))
    scale = _SIDE / max(x2 - x1, y2 - y1)
    canvas = np.full((max(1, round((y2 - y1) * scale)), max(1, round((x2 - x1) * scale)), 3), 200, np.uint8)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(colour, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    left, top = round(-x1 * scale), round(-y1 * scale)
    there = canvas[top : top + size[1], left : left + size[0]]
    there[:] = small[: there.shape[0], : there.shape[1]]
    for b in suspect.boxes:
        corners = [
            (round((np.clip(x, x1, x2) - x1) * scale), round((np.clip(y, y1, y2) - y1) * scale)) for x, y in ((b.x1, b.y1), (b.x2, b.y2))
        ]
        (ax, ay), (bx, by) = corners
        cv2.rectangle(canvas, (ax - 2, ay - 2), (bx + 2, by + 2), _MARK, 1, cv2.LINE_AA)
        _write(canvas, b.kind[:18], max(0, ax - 2), ay - 5 if ay > 14 else by + 13, 0.36, _MARK)
    return np.asarray(canvas, np.uint8)


def _wrapped(words: str, width: int) -> list[str]:
    lines = [""]
    for word in words.split():
        if len(lines[-1]) + len(word) + 1 > width and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()[:width]
    return lines


def _write(image: Image, words: str, x: int, y: int, size: float, colour: tuple[int, int, int]) -> None:
    """OpenCV's font has ASCII only."""
    plain = words.encode("ascii", "replace").decode()
    cv2.putText(image, plain, (x, y), _FONT, size, colour, 1, cv2.LINE_AA)
