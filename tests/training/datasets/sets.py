"""Small sets of drawn images, and a draft in one call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.datasets.draft import Draft, Row, open_draft
from training.datasets.formats.table import format_of
from training.datasets.found import Source
from training.datasets.intake import Report, Rules, take

Image = NDArray[np.uint8]


def texture(seed: int, width: int = 96, height: int = 64) -> Image:
    """A gray image of its own: soft blobs and lines."""
    rng = np.random.default_rng(seed)
    image = cv2.resize(rng.integers(60, 200, (7, 9)).astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(12):
        a, b = (tuple(int(v) for v in rng.integers(0, (width, height))) for _ in range(2))
        cv2.line(image, a, b, int(rng.integers(0, 255)), int(rng.integers(1, 4)))
    return np.asarray(image, np.uint8)


def write(path: Path, image: Image) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)
    return path


def coco(folder: Path, entries: list[dict[str, Any]], boxes: dict[int, list[list[float]]] | None = None, name: str = "set.json") -> Path:
    """A COCO file; every entry whose file is missing gets an image of its own. Boxes by id, [category, x, y, w, h]."""
    folder.mkdir(parents=True, exist_ok=True)
    for n, entry in enumerate(entries):
        entry.setdefault("id", n)
        file = folder / entry["file_name"]
        if not file.exists():
            write(file, texture(int(entry.get("seed", entry["id"]))))
    marks = [{"image_id": i, "category_id": int(b[0]), "bbox": b[1:]} for i, many in (boxes or {}).items() for b in many]
    document = {"categories": [{"id": 0, "name": "scratch"}, {"id": 1, "name": "dent"}], "images": entries, "annotations": marks}
    (folder / name).write_text(json.dumps(document))
    return folder / name


def taken(shelf: Path, name: str, source: Source, kind: str, rules: Rules | None = None) -> Report:
    with open_draft(shelf, name, make=True) as draft:
        return take(draft, format_of(kind).read(source), str(source.path), rules or Rules())


def rows(shelf: Path, name: str) -> list[Row]:
    with open_draft(shelf, name) as draft:
        return list(draft.rows())


@contextmanager
def drafted(folder: Path, entries: list[dict[str, Any]], boxes: dict[int, list[list[float]]] | None = None) -> Iterator[Draft]:
    """A draft `t` of a COCO file."""
    report = taken(folder / "shelf", "t", Source(coco(folder / "source", entries, boxes)), "coco")
    assert not report.refused, report.refused
    with open_draft(folder / "shelf", "t") as draft:
        yield draft
