"""Pictures with their defects, for pages that carry everything within one file."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np

from edge.errors import SettingsError
from edge.labelled import read_image

MOST, MOST_NAMED = 20, 6  # boxes on a picture, and those with their class beside them: more hide what they mark


def picture_tag(file: str | Path, defects: Iterable[tuple[str, float, Sequence[float]]], side_px: int = 520) -> str:
    """An `img` element that carries the picture, its longer side at most `side_px`.

    Args:
        defects: class, score and box x1 y1 x2 y2 in px of the image; the surest MOST are drawn, and the rest is counted below.

    Returns:
        The element, or a paragraph that says why the file cannot be shown.
    """
    try:
        image = read_image(Path(file))
    except SettingsError as error:
        return f"<p>{escape(str(error))}</p>"
    colour = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image.copy()
    gain = min(1.0, side_px / max(colour.shape[:2]))
    small = cv2.resize(colour, None, fx=gain, fy=gain, interpolation=cv2.INTER_AREA)
    ranked = sorted(defects, key=lambda d: -d[1])
    for rank, (kind, score, box) in enumerate(ranked[:MOST]):
        x1, y1, x2, y2 = (round(v * gain) for v in box)
        cv2.rectangle(small, (x1 - 3, y1 - 3), (x2 + 3, y2 + 3), (0, 0, 210), 2)
        if rank >= MOST_NAMED:
            continue
        text = f"{kind} {score:.2f}"
        cv2.putText(
            small, text, (max(2, x1 - 3), y1 - 8 if y1 > 24 else y2 + 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 210), 1, cv2.LINE_AA
        )
    ok, data = cv2.imencode(".jpg", np.asarray(small), [cv2.IMWRITE_JPEG_QUALITY, 88])
    if not ok:
        return ""
    more = f"<div><small>the surest {MOST} boxes; {len(ranked) - MOST} more are not drawn</small></div>" if len(ranked) > MOST else ""
    return f"<img alt='' src='data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}'>{more}"
