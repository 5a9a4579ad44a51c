"""A small labelled set without references: drawn tiles of varying size with holes and scratches, two exposures of each part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

CLASSES = ["hole", "scratch"]


def draw_tiles(folder: Path, parts: int, seed: int = 0, *, largest: tuple[int, int] = (96, 80)) -> Path:
    """FOLDER/set.json and its images; every other part has a defect."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    for part in range(parts):
        width, height = largest if part == 0 else (int(rng.integers(64, largest[0] + 1)), int(rng.integers(56, largest[1] + 1)))
        bad = part % 2 == 1
        kind = int(rng.integers(2))
        x, y = int(rng.integers(8, width - 26)), int(rng.integers(8, height - 26))
        for exposure in range(2):
            image = np.clip(rng.normal(120 + 25 * exposure, 6, (height, width)), 0, 255).astype(np.uint8)
            if bad and kind == 0:
                cv2.circle(image, (x + 8, y + 8), 6, 20, -1)
                box = [x + 2, y + 2, 13, 13]
            elif bad:
                cv2.line(image, (x, y), (x + 16, y + 14), 235, 2)
                box = [x - 1, y - 1, 19, 17]
            name = f"images/{seed}-{part}-{exposure}.png"
            cv2.imwrite(str(folder / name), image)
            images.append(
                {
                    "id": len(images),
                    "file_name": name,
                    "width": width,
                    "height": height,
                    "verdict": "NG" if bad else "OK",
                    "part": f"{seed}-{part}",
                }
            )
            if bad:
                marks.append(
                    {"id": len(marks), "image_id": len(images) - 1, "category_id": kind, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
                )
    path = folder / "set.json"
    path.write_text(
        json.dumps({"images": images, "annotations": marks, "categories": [{"id": i, "name": n} for i, n in enumerate(CLASSES)]})
    )
    return path
