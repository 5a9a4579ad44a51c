"""A page that opens offline: the parts on which two models differ, with pictures and the boxes of both."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.messages import Defect
from edge.models_command import score_lines
from edge.shadow_results import Disagreement

WIDTH_PX = 360
MOST_DRAWN, MOST_NAMED = 20, 5  # defects of a model, the surest first
ACTIVE, SHADOW = (40, 140, 240), (220, 120, 20)  # BGR: orange, blue
_STYLE = """body{font:15px/1.4 sans-serif;margin:2em;background:#fff;color:#222}
main{display:grid;grid-template-columns:repeat(auto-fill,minmax(360px,1fr));gap:1.5em}
figure{margin:0;border:1px solid #bbb;padding:.6em}img{max-width:100%}code{word-break:break-all}
.active{color:#b86a00;font-weight:bold}.shadow{color:#1060b0;font-weight:bold}"""


def page(document: dict[str, Any], found: Sequence[Disagreement], folder: Path) -> str:
    """The page as HTML; pictures are inside.

    Args:
        document: as `edge.models_command.disagreement_document` makes it.
        folder: of the record.
    """
    figures = "\n".join(_figure(d, folder) for d in found)
    lines = "".join(f"<p>{html.escape(line)}</p>" for line in score_lines(document))
    title = f"{document['model'][:12]} differs on {document['differ']} of {document['judged']} parts"
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title><style>{_STYLE}</style>
<h1>{html.escape(title)}</h1>
<p>Product {html.escape(document["product"])}. <span class="active">Orange: active model {document["active"][:12]}</span>,
<span class="shadow">blue: shadow model {document["model"][:12]}</span>. Newest first, {len(found)} shown; of a model's boxes the surest {MOST_DRAWN} are drawn.</p>{lines}
<main>{figures}</main></html>
"""


def _figure(d: Disagreement, folder: Path) -> str:
    r = d.result
    said = f"{d.truth} ({d.reviewer})" if d.truth is not None else "not reviewed"
    picture = _picture(d, folder)
    shown = f'<img alt="" src="data:image/jpeg;base64,{picture}">' if picture else "<p>(no image is kept, or not yet)</p>"
    return (
        f"<figure>{shown}<figcaption><code>{html.escape(r.part_id)}</code> {html.escape((d.triggered_at or '')[:19].replace('T', ' '))}<br>"
        f'<span class="active">{r.active_verdict}</span> {_words(r.active_defects)}<br>'
        f'<span class="shadow">{r.verdict}</span> {_words(r.defects)}<br>a person says: {html.escape(said)}</figcaption></figure>'
    )


def _words(defects: Iterable[Defect]) -> str:
    ranked = _surest(defects)
    more = f" and {len(ranked) - MOST_NAMED} more" if len(ranked) > MOST_NAMED else ""
    return html.escape((", ".join(f"{d.kind} {d.score:.2f}" for d in ranked[:MOST_NAMED]) or "no defect") + more)


def _surest(defects: Iterable[Defect]) -> list[Defect]:
    return sorted(defects, key=lambda d: -d.score)


def _picture(d: Disagreement, folder: Path) -> str:
    """A small JPEG in base 64 with the boxes of both models; empty where there is no image."""
    small = draw_both(d, folder)
    if small is None:
        return ""
    done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return base64.b64encode(data.tobytes()).decode() if done else ""


def draw_both(d: Disagreement, folder: Path) -> NDArray[np.uint8] | None:
    """The image of a part, (h, w, 3) uint8 BGR, at most `2 * WIDTH_PX` wide, with the boxes of both models; None where there is none.

    Args:
        folder: of the record; an image outside of it is not read.
    """
    path = (folder / d.image_path).resolve() if d.image_path else None
    if path is None or not path.is_relative_to(folder.resolve()) or not path.is_file():
        return None
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        return None
    gain = min(1.0, WIDTH_PX * 2 / image.shape[1])
    small = np.asarray(cv2.resize(image, None, fx=gain, fy=gain, interpolation=cv2.INTER_AREA), np.uint8)
    for defects, colour, grow in ((d.result.active_defects, ACTIVE, 4), (d.result.defects, SHADOW, 2)):
        _draw(small, defects, gain, colour, grow)
    return small


def _draw(image: NDArray[np.uint8], defects: Iterable[Defect], gain: float, colour: tuple[int, int, int], grow: int) -> None:
    """`grow`: px around the box, so that two that agree are both to be seen."""
    for defect in _surest(defects)[:MOST_DRAWN]:
        x1, y1, x2, y2 = (round(min(max(v, -1e5), 1e5) * gain) for v in defect.box)
        cv2.rectangle(image, (x1 - grow, y1 - grow), (x2 + grow, y2 + grow), colour, 2)
