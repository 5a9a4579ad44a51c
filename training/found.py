"""Which defects were seen: per class, per size, and what was taken for what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.bounds import share
from training.measure import iou_matrix
from training.parts import Judged

MATCH_IOU = 0.33
TOUCH_IOU = 0.1
EDGES_PX = (8.0, 16.0, 32.0, 64.0, 128.0)
EDGES_MM = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def touched(labels: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which labels (n, 4) some box (m, 4) shows to a person who looks there: IoU of 0.1, or the middle of one inside the other.

    Of whatever class: a defect that is taken for another one is not missed.
    """
    if not len(labels) or not len(boxes):
        return np.zeros(len(labels), np.bool_)

    def inside(points: NDArray[np.float32], of: NDArray[np.float32]) -> NDArray[np.bool_]:
        x, y = points[:, None, 0], points[:, None, 1]
        return np.asarray((of[:, 0] <= x) & (x <= of[:, 2]) & (of[:, 1] <= y) & (y <= of[:, 3]), np.bool_)

    def middles(of: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray((of[:, :2] + of[:, 2:]) / 2, np.float32)

    hit = (iou_matrix(labels, boxes) >= TOUCH_IOU) | inside(middles(labels), boxes) | inside(middles(boxes), labels).T
    return np.asarray(hit.any(1), np.bool_)


def accepted(judged: Judged, image: int) -> NDArray[np.float32]:
    """The boxes (n, 4) that the recipe accepts on an image, NG and doubtful ones."""
    return np.array([d.box for d in judged.decisions[image].defects], np.float32).reshape(-1, 4)


def by_class(judged: Judged, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Per class with labels on NG parts: parts that carry it and passed (`escape`), parts on which nothing of it was seen (`unseen`).

    `unseen` is at least as large where the part was rejected for something else; both with counts and 95 % bounds, and the names.
    """
    hits = [touched(s.entry.boxes, accepted(judged, i)) for i, s in enumerate(judged.seen)]
    out = {}
    for name in names:
        carry, passed, unseen = 0, [], []
        for part, verdict in zip(judged.parts, judged.verdicts, strict=True):
            own = [hits[i][[k == name for k in judged.seen[i].entry.kinds]] for i in part.images]
            if part.truth == "NG" and any(len(h) for h in own):
                carry += 1
                if verdict == "OK":
                    passed.append(part.name)
                if not any(h.any() for h in own):
                    unseen.append(part.name)
        if carry:
            out[name] = {
                "escape": share(len(passed), carry).as_dict(),
                "unseen": share(len(unseen), carry).as_dict(),
                "unseen_parts": unseen,
            }
    return out


def by_size(judged: Judged, mm_per_px: float = 0.0) -> list[dict[str, Any]]:
    """Per size of the longer side, in mm where the scale is known: NG parts by their largest defect, and every labelled defect.

    Returns:
        from, to (infinity: None), unit, `escape` of the parts, `unseen` of the defects. Bins without defects are left out. Defects of
        one part resemble each other, so that the bounds of `unseen` are narrower than they should be; those of `escape` are not.
    """
    edges = np.array(EDGES_MM if mm_per_px else EDGES_PX)
    scale = mm_per_px or 1.0

    def bins(boxes: NDArray[np.float32]) -> NDArray[np.int64]:
        return np.asarray(np.searchsorted(edges, (boxes[:, 2:] - boxes[:, :2]).max(1, initial=0.0) * scale, side="right"), np.int64)

    defects, unseen, parts, passed = (np.zeros(len(edges) + 1, np.int64) for _ in range(4))
    for part, verdict in zip(judged.parts, judged.verdicts, strict=True):
        if part.truth == "OK":
            continue
        largest = -1
        for i in part.images:
            boxes = judged.seen[i].entry.boxes
            own = bins(boxes)
            np.add.at(defects, own, 1)
            np.add.at(unseen, own[~touched(boxes, accepted(judged, i))], 1)
            largest = max([largest, *own.tolist()])
        if largest >= 0:
            parts[largest] += 1
            passed[largest] += verdict == "OK"
    low, high = [0.0, *edges.tolist()], [*edges.tolist(), None]
    return [
        {
            "from": low[b],
            "to": high[b],
            "unit": "mm" if mm_per_px else "px",
            "escape": share(int(passed[b]), int(parts[b])).as_dict(),
            "unseen": share(int(unseen[b]), int(defects[b])).as_dict(),
        }
        for b in range(len(edges) + 1)
        if defects[b]
    ]


def confusion(judged: Judged, names: Sequence[str]) -> list[list[int]]:
    """What was taken for what, (k + 1, k + 1): rows are labels, columns accepted defects, the last of each is the background.

    Pairs are made best IoU first, above 0.33, whatever the class; what is left over belongs to the background.
    """
    table = np.zeros((len(names) + 1, len(names) + 1), np.int64)
    none = len(names)
    for i, (seen, decision) in enumerate(zip(judged.seen, judged.decisions, strict=True)):
        truth = [names.index(k) for k in seen.entry.kinds]
        found = [names.index(d.kind) for d in decision.defects]
        overlap = iou_matrix(seen.entry.boxes, accepted(judged, i))
        free_truth, free_found = set(range(len(truth))), set(range(len(found)))
        for at in np.argsort(-overlap, axis=None, kind="stable"):
            t, f = divmod(int(at), len(found))
            if overlap[t, f] <= MATCH_IOU:
                break
            if t in free_truth and f in free_found:
                table[truth[t], found[f]] += 1
                free_truth.remove(t)
                free_found.remove(f)
        for t in free_truth:
            table[truth[t], none] += 1
        for f in free_found:
            table[none, found[f]] += 1
    return [[int(v) for v in row] for row in table]
