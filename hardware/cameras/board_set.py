"""A labelled set of drawn boards: images with references and known verdicts, for drills and tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2

from hardware.cameras.boards import add_defects, draw_board

CLASSES = ("open", "short", "mousebite", "spur", "copper", "pin-hole")


def draw_set(folder: Path, boards: int, seed: int = 50_000) -> Path:
    """Write `boards` good and as many bad boards with their references as PNG, good and bad in turn; returns the COCO file."""
    (folder / "images").mkdir(parents=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for i in range(boards):
        board = draw_board(seed + i)
        bad, defects = add_defects(board, seed + i, 3)
        for kind, image in (("good", board.golden), ("bad", bad)):
            cv2.imwrite(str(folder / "images" / f"{i}-{kind}.png"), image)
            entry = {
                "id": len(images),
                "file_name": f"images/{i}-{kind}.png",
                "width": 640,
                "height": 640,
                "reference": f"images/{i}-good.png",
            }
            images.append({**entry, "verdict": "OK" if kind == "good" else "NG"})
        for defect in defects:
            x1, y1, x2, y2 = (float(v) for v in defect.box)
            mark = {"id": len(annotations), "image_id": len(images) - 1, "category_id": CLASSES.index(defect.kind), "iscrowd": 0}
            annotations.append({**mark, "bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)})
    path = folder / "set.json"
    categories = [{"id": i, "name": name} for i, name in enumerate(CLASSES)]
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path
