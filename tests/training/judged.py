"""What tests of the judging need: predictions by hand, and a model whose score is how bright the brightest patch of an image is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from onnx import numpy_helper

from edge.card import with_card
from edge.decode import Predictions
from edge.labelled import LabelledImage
from tests.edge.tiny_models import STRIDE, tiny_card, tiny_onnx
from training.predict import Seen

Row = tuple[int, float, tuple[float, float, float, float]]
BOX = (5.5, 5.0, 12.5, 11.0)  # where the model below sees everything


def found(*rows: Row, cut_score: float = 0.0, valid: bool = True) -> Predictions:
    """Predictions (class, score, box), put best first."""
    order = sorted(rows, key=lambda r: -r[1])
    return Predictions(
        np.array([r[2] for r in order], np.float32).reshape(-1, 4),
        np.array([r[1] for r in order], np.float32),
        np.array([r[0] for r in order], np.int64),
        valid,
        cut_score,
    )


def seen(
    predictions: Predictions | None,
    labels: Sequence[tuple[str, tuple[float, ...]]] = (),
    *,
    part: str = "",
    expected: str = "",
    name: str = "i",
) -> Seen:
    """One image with its labels."""
    boxes = np.array([box for _, box in labels], np.float32).reshape(-1, 4)
    return Seen(LabelledImage(name, Path(name), None, expected, boxes, tuple(k for k, _ in labels), part), predictions, name)


def bright_model(folder: Path, name: str = "bright.onnx", gain: float = 1.0) -> Path:
    """A model of one class, `spot`, that sees one box whose score is `gain` times the mean of the brightest 8x8 px patch."""
    card = tiny_card(classes=["spot"])
    model = onnx.load_from_string(tiny_onnx(card))
    weights = np.zeros((5, 1, STRIDE, STRIDE), np.float32)
    weights[4] = gain / STRIDE**2
    new = {"weights": weights, "bias": np.array([9, 8, 7, 6, 0], np.float32)}
    for tensor in model.graph.initializer:
        if tensor.name in new:
            tensor.CopyFrom(numpy_helper.from_array(new[tensor.name], tensor.name))
    path = folder / name
    path.write_bytes(with_card(bytes(model.SerializeToString()), card))
    return path


def bright_set(folder: Path, file: str, images: Sequence[tuple[str, str, float]]) -> Path:
    """A labelled set of images (part, verdict, score that the model will give); those with verdict NG carry a label."""
    folder.mkdir(exist_ok=True)
    entries: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    for i, (part, verdict, score) in enumerate(images):
        name = f"{Path(file).stem}-{i}.png"
        image = np.zeros((32, 48), np.uint8)
        image[:STRIDE, :STRIDE] = round(255 * score)
        image[-1, -1] = i % 256  # no two images alike
        image[-1, -2] = sum(file.encode()) % 256
        cv2.imwrite(str(folder / name), image)
        entries.append({"id": i, "file_name": name, "width": 48, "height": 32, "verdict": verdict} | ({"part": part} if part else {}))
        if verdict == "NG":
            marks.append({"id": len(marks), "image_id": i, "category_id": 0, "bbox": [5.5, 5, 7, 6], "area": 42, "iscrowd": 0})
    path = folder / file
    path.write_text(json.dumps({"images": entries, "annotations": marks, "categories": [{"id": 0, "name": "spot"}]}))
    return path
