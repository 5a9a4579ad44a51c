"""Parts as pictures for a report: the image inside, labels and predictions drawn over it."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import cv2
import numpy as np
from markupsafe import Markup

from edge.decode import Predictions
from edge.labelled import read_image
from training.margins import Margins
from training.measure import iou_matrix
from training.parts import Judged, truth_of

LONGEST_PX = 640
SHOWN_SCORE = 0.1
SHOWN_BOXES = 8
SAME_IOU = 0.3


@dataclass(frozen=True, slots=True)
class Picture:
    """One part to look at."""

    name: str
    verdict: str
    score: float
    svg: Markup


def worst(judged: Judged, margins: Margins, names: list[str], *, bad: bool, most: int) -> list[Picture]:
    """NG parts with the lowest scores, or OK parts with the highest ones; those judged wrongly first."""

    def wrong(i: int) -> bool:
        return (judged.verdicts[i] == "OK") == bad

    rows = [int(i) for i in np.flatnonzero(margins.bad == bad)]
    rows.sort(key=lambda i: (not wrong(i), margins.top[i] if bad else -margins.top[i]))
    return [Picture(judged.parts[i].name, judged.verdicts[i], float(margins.top[i]), draw(judged, i, names)) for i in rows[:most]]


def draw(judged: Judged, part: int, names: list[str]) -> Markup:
    """The image of a part that says most: of an NG part one that is labelled so, and of those the one with the highest score."""
    images = judged.parts[part].images

    def says(i: int) -> tuple[bool, float]:
        found = judged.seen[i].found
        return truth_of(judged.seen[i].entry) == judged.parts[part].truth, float(
            found.scores.max(initial=0.0)
        ) if found is not None else 2.0

    seen = judged.seen[max(images, key=says)]
    image = read_image(seen.entry.file)
    height, width = image.shape[:2]
    gain = min(1.0, LONGEST_PX / max(height, width))
    small = cv2.resize(image, None, fx=gain, fy=gain, interpolation=cv2.INTER_AREA) if gain < 1 else image
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])
    text_px = max(height, width) / 30
    marks = [
        _box(box, "label", kind, text_px, width, height) for box, kind in zip(seen.entry.boxes.tolist(), seen.entry.kinds, strict=True)
    ]
    if seen.found is not None:
        for i in _clear(seen.found):
            text = f"{names[int(seen.found.kinds[i])]} {seen.found.scores[i]:.2f}"
            marks.append(_box(seen.found.boxes[i].tolist(), "found", text, text_px, width, 0))
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}"><image width="{}" height="{}" href="data:image/jpeg;base64,{}"/>{}</svg>').format(
        width, height, judged.parts[part].name, width, height, base64.b64encode(data.tobytes()).decode(), Markup("").join(marks)
    )  # fmt: skip


def _clear(found: Predictions) -> list[int]:
    """The best predictions, without those that lie upon a better one: a picture with all of them shows nothing."""
    shown: list[int] = []
    overlap = iou_matrix(found.boxes, found.boxes)
    for i in np.argsort(-found.scores, kind="stable"):
        if len(shown) < SHOWN_BOXES and (not shown or found.scores[i] >= SHOWN_SCORE) and not (overlap[i, shown] > SAME_IOU).any():
            shown.append(int(i))
    return shown


def _box(box: list[float], css: str, text: str, text_px: float, width: int, below: int) -> Markup:
    x1, y1, x2, y2 = box
    x, anchor = (x1, "start") if x1 < 0.7 * width else (x2, "end")
    y = min(y2 + text_px, below - 2) if below else max(y1 - text_px / 4, text_px)
    return Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" class="{}"/><text x="{:.1f}" y="{:.1f}" font-size="{:.1f}" text-anchor="{}" class="{}">{}</text>').format(
        x1, y1, x2 - x1, y2 - y1, css, x, y, text_px, anchor, css, text
    )  # fmt: skip
