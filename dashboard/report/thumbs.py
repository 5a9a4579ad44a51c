"""Pictures of a report: small, with frames around the defects, each as one SVG."""

from __future__ import annotations

import cv2
import numpy as np

from dashboard.pictures import to_jpeg
from dashboard.report import svg
from edge.shift_report import ShiftReport
from edge.store import Store

LONGEST_PX = 360


def thumbs(store: Store, report: ShiftReport) -> dict[str, str]:
    """SVG by part id; a picture that is not there (any more) is left out."""
    found = {}
    for example in report.examples:
        part = store.inspection(example.part_id)
        if part is None or part.image_path is None:
            continue
        file = (store.folder / part.image_path).resolve()
        if not file.is_relative_to(store.folder.resolve()):
            continue
        try:
            image = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR)
        except (OSError, cv2.error):
            continue
        jpeg = to_jpeg(np.asarray(image, np.uint8), LONGEST_PX) if image is not None else None
        if jpeg is None or image is None:
            continue
        height, width = image.shape[:2]
        scale = min(1.0, LONGEST_PX / max(width, height))
        boxes = [(d.x1 * scale, d.y1 * scale, d.x2 * scale, d.y2 * scale) for d in part.defects[:20] if d.verdict != "OK"]
        found[example.part_id] = svg.picture(jpeg, max(1, round(width * scale)), max(1, round(height * scale)), boxes, example.kind)
    return found
