"""From the network's raw output to predictions in input px: YOLO26's end-to-end rows and YOLOv8/11's raw columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.card import Card
from edge.errors import ModelError

MAX_CANDIDATES = 3_000
MAX_PREDICTIONS = 300
_SLACK = 0.002  # half precision rounds a score of 1 a little


@dataclass(frozen=True, slots=True)
class Predictions:
    """What the model sees, best first.

    Attributes:
        boxes: (n, 4) x1, y1, x2, y2 in px.
        scores: (n,) 0..1.
        kinds: (n,) class indices.
        valid: false if the network gave numbers that are no numbers: nothing can be said of the part.
        cut_score: predictions left out for want of room score at most this; 0 where none were left out.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    kinds: NDArray[np.int64]
    valid: bool = True
    cut_score: float = 0.0


def check_output(card: Card, shape: list[int | str | None]) -> None:
    """Whether an output of this shape can be what the card says.

    Raises:
        ModelError: it cannot.
    """
    if card.output == "yolo_end2end":
        wants: list[int | None] = [1, None, 6]
        words = "(1, n, 6)"
    else:
        wants = [1, 4 + len(card.classes), None]
        words = f"(1, {4 + len(card.classes)}, n) for {len(card.classes)} classes"
    # a size left open in the file is a name or None here: the first run tells
    if len(shape) != 3 or any(isinstance(s, int) and want is not None and s != want for s, want in zip(shape, wants, strict=True)):
        raise ModelError(f"output shape {tuple(shape)} is wrong: the card says {card.output}, which is {words}")


def decode(card: Card, output: NDArray[np.float32], min_score: float) -> Predictions:
    """The predictions of at least `min_score` in one output, (1, n, 6) or (1, 4 + classes, n)."""
    if card.output == "yolo_end2end":
        rows = output[0]
        scores = rows[:, 4]
        if not np.isfinite(scores).all() or not -_SLACK <= scores.min(initial=0.0) <= scores.max(initial=0.0) <= 1 + _SLACK:
            return _nothing(valid=False)
        rows = rows[scores >= min_score]
        if not np.isfinite(rows).all() or ((rows[:, 5] < 0) | (rows[:, 5] >= len(card.classes))).any():
            return _nothing(valid=False)
        rows = rows[np.argsort(-rows[:, 4], kind="stable")[:MAX_PREDICTIONS]]
        scores = np.minimum(rows[:, 4], 1.0)
        # the network has room for so many itself: with every place taken nobody knows what did not fit
        cut_score = float(scores[-1]) if len(rows) == MAX_PREDICTIONS else 0.0
        return Predictions(rows[:, :4], scores, rows[:, 5].astype(np.int64), cut_score=cut_score)
    columns = output[0]
    best = columns[4:].max(0)
    # NaN wins every maximum and one maximum finds it: the whole output is checked at the price of one pass
    # and a score beyond 0..1 is no score: most likely a model exported without its last sigmoid
    top = best.max(initial=0.0)
    if not np.isfinite(top) or top > 1 + _SLACK or best.min(initial=0.0) < -_SLACK:
        return _nothing(valid=False)
    cells = np.flatnonzero(best >= min_score)
    if not len(cells):
        return _nothing(valid=True)
    crowded = len(cells) > MAX_CANDIDATES
    if crowded:
        cells = cells[np.argpartition(-best[cells], MAX_CANDIDATES)[:MAX_CANDIDATES]]
    cells = cells[np.argsort(-best[cells], kind="stable")]
    found = columns[:, cells]
    kinds = found[4:].argmax(0)
    centre, half = found[:2], found[2:4] / 2
    boxes = np.concatenate((centre - half, centre + half)).T
    if not np.isfinite(boxes).all():  # before suppression: a box that is no box would vanish there, or take others with it
        return _nothing(valid=False)
    keep = suppress(boxes, kinds, card.nms_iou)
    scores = np.minimum(best[cells][keep], 1.0)
    cut_score = float(scores[-1]) if crowded or len(keep) == MAX_PREDICTIONS else 0.0
    return Predictions(np.ascontiguousarray(boxes[keep], np.float32), scores, kinds[keep], cut_score=cut_score)


def suppress(boxes: NDArray[np.float32], kinds: NDArray[np.int64], iou: float) -> NDArray[np.int64]:
    """Greedy non-maximum suppression within each class; boxes (n, 4) best first. Returns the kept indices, best first, at most MAX_PREDICTIONS."""
    x1, y1, x2, y2 = boxes.T
    area = (x2 - x1) * (y2 - y1)
    left = np.arange(len(boxes))
    kept: list[int] = []
    while len(left) and len(kept) < MAX_PREDICTIONS:
        i, rest = left[0], left[1:]
        kept.append(int(i))
        width = np.minimum(x2[i], x2[rest]) - np.maximum(x1[i], x1[rest])
        height = np.minimum(y2[i], y2[rest]) - np.maximum(y1[i], y1[rest])
        overlap = np.maximum(width, 0) * np.maximum(height, 0)
        union = np.maximum(area[i] + area[rest] - overlap, 0)  # a box turned inside out has a negative area and covers nothing
        left = rest[(overlap <= iou * union) | (kinds[rest] != kinds[i])]
    return np.array(kept, np.int64)


def _nothing(*, valid: bool) -> Predictions:
    return Predictions(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int64), valid)
