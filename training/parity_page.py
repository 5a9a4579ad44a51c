"""The images on which an exported file and its network differ, on one page that opens without any other file."""

from __future__ import annotations

from html import escape
from pathlib import Path, PurePath
from typing import Any

from training.shown import picture_tag

_STYLE = """body{font:16px/1.45 system-ui,sans-serif;margin:2rem;max-width:1180px;color:#1b1f24;background:#fff}
h1{font-size:1.6rem}.ok{color:#0b6b2e}.no{color:#b00020}section{border-top:1px solid #ccc;margin-top:1.5rem;padding-top:1rem}
.pair{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0;flex:1 1 320px}img{max-width:100%;border:1px solid #999}
figcaption{font-weight:600;margin-bottom:.3rem}table{border-collapse:collapse}td,th{padding:.25rem .8rem;border:1px solid #ccc;text-align:left}"""


def write_page(document: dict[str, Any], target: Path) -> Path:
    """Write the result of `training.parity.check` as HTML; pictures are inside the file."""
    good = document["passed"]
    rows = [
        ("model", f"{PurePath(document['model']).name} ({document['precision']}, {document['provider']})"), ("against", document["against"]),
        ("images", f"{document['data']}: {document['images']}"), ("other verdict", document["flipped"]),
        ("escapes (trained network)", f"{_share(document['escape'])} ({document['escape_trained']['count']})"),
        ("needless rejects (trained network)", f"{_share(document['overkill'])} ({document['overkill_trained']['count']})"),
        ("largest difference of a box side", f"{document['max_box_px']:.2f} px"), ("largest difference of a score", f"{document['max_score']:.4f}"),
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
                f"<figure><figcaption>{title}: {seen['verdict']}</figcaption>{picture_tag(flip['file'], seen['defects'])}<p>{why}</p></figure>"
            )
        parts.append("</div></section>")
    target.write_text("\n".join([*parts, "</html>"]), "utf-8")
    return target


def _share(s: dict[str, Any]) -> str:
    return f"{s['count']} of {s['of']} (95 % bounds {s['low'] * 100:.1f} to {s['high'] * 100:.1f} %)"
