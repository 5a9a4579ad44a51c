"""How good detections are, by the field's own yardsticks."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


@dataclass(frozen=True)
class Labelled:
    """Boxes of one image: (n, 4) x1 y1 x2 y2 in px, class indices (n,), scores (n,) (1 for labels)."""

    boxes: NDArray[np.float32]
    kinds: NDArray[np.int64]
    scores: NDArray[np.float32]


def mean_average_precision(truth: Sequence[Labelled], found: Sequence[Labelled], names: Sequence[str]) -> dict[str, float]:
    """COCO's mean average precision (pycocotools) at IoU 0.33, 0.5 and over 0.5:0.95, and per class at 0.33 and 0.5.

    Returns:
        `map_33`, `map_50`, `map_50_95` and, per class name, `ap_33/NAME`, `ap_50/NAME`; classes without labels are left out.
    """
    coco = COCO()
    dataset: dict[str, Any] = {
        "info": {},
        "images": [{"id": i} for i in range(len(truth))],
        "categories": [{"id": k, "name": n} for k, n in enumerate(names)],
        "annotations": [],
    }
    for i, t in enumerate(truth):
        for box, kind in zip(t.boxes, t.kinds, strict=True):
            w, h = float(box[2] - box[0]), float(box[3] - box[1])
            dataset["annotations"].append(
                {
                    "id": len(dataset["annotations"]) + 1,
                    "image_id": i,
                    "category_id": int(kind),
                    "bbox": [float(box[0]), float(box[1]), w, h],
                    "area": w * h,
                    "iscrowd": 0,
                }
            )
    rows = [
        [i, box[0], box[1], box[2] - box[0], box[3] - box[1], score, kind]
        for i, f in enumerate(found)
        for box, kind, score in zip(f.boxes, f.kinds, f.scores, strict=True)
    ]
    if not rows:
        return {"map_33": 0.0, "map_50": 0.0, "map_50_95": 0.0}
    coco.dataset = cast(Any, dataset)
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes(np.array(rows, np.float64)), "bbox")
        run.params.iouThrs = np.concatenate(([0.33], np.linspace(0.5, 0.95, 10)))
        run.evaluate()
        run.accumulate()
    precision = run.eval["precision"][:, :, :, 0, 2]  # IoU x recall x class, all sizes, 100 detections

    def mean(at: NDArray[np.float64]) -> float:
        known = at[at > -1]
        return float(known.mean()) if known.size else 0.0

    out = {"map_33": mean(precision[0]), "map_50": mean(precision[1]), "map_50_95": mean(precision[1:])}
    for k, name in enumerate(names):
        if (precision[0, :, k] > -1).any():
            out[f"ap_33/{name}"] = mean(precision[0, :, k])
            out[f"ap_50/{name}"] = mean(precision[1, :, k])
    return out


def iou_matrix(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """IoU of every box of a (n, 4) with every box of b (m, 4): (n, m)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    overlap = np.clip(high - low, 0, None).prod(2)
    areas = (a[:, 2:] - a[:, :2]).prod(1)[:, None] + (b[:, 2:] - b[:, :2]).prod(1)[None]
    return np.asarray(overlap / np.maximum(areas - overlap, 1e-6), np.float32)


def f1_score(truth: Sequence[Labelled], found: Sequence[Labelled], score: float, iou: float = 0.33) -> dict[str, float]:
    """DeepPCB's protocol (arXiv 1902.06197): a detection is right if its class matches and IoU > 0.33 with a label not yet taken.

    Returns:
        precision, recall, f1 and the three counts at the given score.
    """
    right = wrong = missed = 0
    for t, f in zip(truth, found, strict=True):
        order = np.argsort(-f.scores, kind="stable")
        order = order[f.scores[order] >= score]
        overlaps = iou_matrix(f.boxes[order], t.boxes)
        taken = np.zeros(len(t.boxes), np.bool_)
        for overlap, kind in zip(overlaps, f.kinds[order], strict=True):
            row = np.where((t.kinds == kind) & ~taken, overlap, 0.0)
            if row.size and row.max() > iou:
                taken[row.argmax()] = True
                right += 1
            else:
                wrong += 1
        missed += int((~taken).sum())
    precision, recall = right / max(right + wrong, 1), right / max(right + missed, 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-12)
    return {"precision": precision, "recall": recall, "f1": f1, "right": right, "wrong": wrong, "missed": missed}


def area_under_roc(bad: NDArray[np.bool_], scores: NDArray[np.floating[Any]]) -> float | None:
    """How often an NG item scores above an OK one, ties half (Mann and Whitney 1947); None unless there are both."""
    from scipy.stats import rankdata  # half a second to import

    n = int(bad.sum())
    if not 0 < n < len(bad):
        return None
    return float((rankdata(scores)[bad].sum() - n * (n + 1) / 2) / (n * (len(bad) - n)))
