"""The images on which an exported file and its network differ, on one page that opens without any other file."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.errors import SettingsError
from edge.labelled import read_image

SIDE_PX = 520
_STYLE = """body{font:16px/1.45 system-ui,sans-serif;margin:2rem;max-width:1180px;color:#1b1f24;background:#fff}
h1{font-size:1.6rem}.ok{color:#0b6b2e}.no{color:#b00020}section{border-top:1px solid #ccc;margin-top:1.5rem;padding-top:1rem}
.pair{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0;flex:1 1 320px}img{max-width:100%;border:1px solid #999}
figcaption{font-weight:600;margin-bottom:.3rem}table{border-collapse:collapse}td,th{padding:.25rem .8rem;border:1px solid #ccc;text-align:left}"""


def write_page(document: dict[str, Any], target: Path) -> Path:
    """Write the result of `training.parity.check` as HTML; pictures are inside the file."""
    good = document["passed"]
    rows = [
        ("model", f"{document['model']} ({document['precision']}, {document['provider']})"), ("against", document["against"]),
        ("images", f"{document['data']}: {document['images']}"), ("other verdict", document["flipped"]),
        ("escapes (trained network)", f"{_share(document['escape'])} ({document['escape_trained']['count']})"),
        ("needless rejects (trained network)", f"{_share(document['overkill'])} ({document['overkill_trained']['count']})"),
        ("largest difference of a box side", f"{document['max_box_px']} px"), ("largest difference of a score", document["max_score"]),
    ]  # fmt: skip
    parts = [
        f"<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>Parity</title><style>{_STYLE}</style>",
        f"<h1 class='{'ok' if good else 'no'}'>{'✓ Parity passed: the file decides as the trained network' if good else '✗ Parity failed: the file may not be registered'}</h1>",
        *(f"<p class='no'><b>{escape(f)}</b></p>" for f in document["failures"]),
        "<table>" + "".join(f"<tr><th>{escape(str(k))}</th><td>{escape(str(v))}</td></tr>" for k, v in rows) + "</table>",
    ]
    for flip in document["shown"]:
        word = " &mdash; <b class='no'>a bad part would pass</b>" if flip["escape"] else ""
        parts.append(f"<section><h2>{escape(flip['name'])}</h2><p>labelled {escape(flip['expected'])}{word}</p><div class='pair'>")
        for title, key in (("trained network", "trained"), ("exported file", "exported")):
            seen = flip[key]
            why = escape("; ".join(seen["reasons"]) or "no defect")
            parts.append(
                f"<figure><figcaption>{title}: {seen['verdict']}</figcaption>{_picture(flip['file'], seen['defects'])}<p>{why}</p></figure>"
            )
        parts.append("</div></section>")
    target.write_text("\n".join([*parts, "</html>"]), "utf-8")
    return target


def _share(s: dict[str, Any]) -> str:
    return f"{s['count']} of {s['of']} (95 % bounds {s['low']:.2%} to {s['high']:.2%})"


def _picture(file: str, defects: list[Any]) -> str:
    try:
        image = read_image(Path(file))
    except SettingsError as error:
        return f"<p>{escape(str(error))}</p>"
    colour = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image.copy()
    gain = min(1.0, SIDE_PX / max(colour.shape[:2]))
    small = cv2.resize(colour, None, fx=gain, fy=gain, interpolation=cv2.INTER_AREA)
    for kind, score, box in defects:
        x1, y1, x2, y2 = (round(v * gain) for v in box)
        cv2.rectangle(small, (x1 - 3, y1 - 3), (x2 + 3, y2 + 3), (0, 0, 210), 2)
        text = f"{kind} {score:.3f}"
        cv2.putText(
            small, text, (max(2, x1 - 3), y1 - 8 if y1 > 24 else y2 + 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 210), 1, cv2.LINE_AA
        )
    ok, data = cv2.imencode(".jpg", np.asarray(small), [cv2.IMWRITE_JPEG_QUALITY, 88])
    return f"<img alt='' src='data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}'>" if ok else ""
