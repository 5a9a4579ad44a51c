"""`gutteil suggest`: which recorded parts to label next, with pictures and the current model's boxes to start from."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from edge import shadow_results
from edge.errors import SettingsError
from edge.keeping_command import record_of
from edge.labelled import read_coco, read_image
from edge.store import Inspection, Store
from training.descriptor import SIZE, describe
from training.suggest import REASONS, Expectation, Suggestion, choose, expectation

POOL = 5_000  # newest parts that are looked at; each costs reading its image
STYLE = """body{font:16px/1.45 system-ui,sans-serif;margin:2rem;color:#1b1f24}main{display:grid;gap:1rem;
grid-template-columns:repeat(auto-fill,minmax(240px,1fr))}figure{margin:0;border:1px solid #bbb;padding:.6rem}img{width:100%}
b{font-size:1.05rem}small{overflow-wrap:anywhere;color:#444}"""


def suggest(
    out: Annotated[Path, typer.Argument(help="new folder for the images, prelabels.json (COCO) and index.html")],
    count: Annotated[int, typer.Option(help="how many parts", min=1, max=2_000)] = 50,
    data: Annotated[
        Path | None, typer.Option(help="COCO file the current model was trained on: what is unlike it is worth a label")
    ] = None,
    recipe: Annotated[Path | None, typer.Option(help="recipe (TOML) whose thresholds count; default: a threshold of 0.5")] = None,
    config: Annotated[Path | None, typer.Option(help="settings of the station (TOML); default: the folder `data`")] = None,
    folder: Annotated[Path | None, typer.Option(help="folder of the record, instead of the settings' one")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON on standard output and nothing else")] = False,
) -> None:
    """Which recorded parts a person should label next, all different, and what that should bring."""
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise SettingsError(f"{out}: exists and is not empty; name a new folder")
    console = Console(stderr=True)
    with record_of(config, folder) as store:
        parts, looks = _pool(store, console)
        if not parts:
            raise SettingsError(f"{store.path}: no part that has an image and no review; nothing can be suggested")
        known = _known(data, console)
        with store.reading() as db:
            disagreeing = shadow_results.disagreeing(db)
        chosen = choose(parts, looks, known, _thresholds(recipe), disagreeing, count)
        expected = expectation(chosen, _reviewed(store), disagreeing)
        _write(out, chosen, expected, store.folder)
    document = _document(out, chosen, expected, len(parts))
    if as_json:
        print(json.dumps(document, ensure_ascii=False))
    else:
        _show(document, Console())


def _pool(store: Store, console: Console) -> tuple[list[Inspection], NDArray[np.float32]]:
    """The newest parts that nobody has reviewed and whose image is there, and how they look."""
    reviewed = {r.part_id for r in store.reviews(newest=True)}
    parts, looks = [], []
    for part in track(store.last(POOL), "looking at recorded parts", console=console):
        if part.image_path is None or part.part_id in reviewed:
            continue
        try:
            image = read_image(store.folder / part.image_path, gray=True)
        except SettingsError as error:
            console.print(f"left out: {error}", highlight=False)
            continue
        parts.append(part)
        looks.append(describe(image))
    return parts, np.stack(looks) if looks else np.empty((0, SIZE), np.float32)


def _known(data: Path | None, console: Console) -> NDArray[np.float32]:
    if data is None:
        return np.empty((0, SIZE), np.float32)
    images = read_coco(data).images
    return np.stack([describe(read_image(i.file, gray=True)) for i in track(images, "looking at the training set", console=console)])


def _thresholds(recipe: Path | None) -> dict[str, float]:
    if recipe is None:
        return {"": 0.5}
    from edge.recipe import load_recipe

    rules = load_recipe(recipe).recipe
    return {"": rules.default.ng_score} | {kind: rule.ng_score for kind, rule in rules.classes.items()}


def _reviewed(store: Store) -> list[tuple[str, str, bool]]:
    found: list[tuple[str, str, bool]] = []
    for review in store.reviews(newest=True):
        part = store.inspection(review.part_id)
        if review.truth in ("good", "bad") and part is not None and part.verdict is not None:
            found.append((part.part_id, part.verdict, review.truth == "bad"))
    return found


def _write(out: Path, chosen: Sequence[Suggestion], expected: Expectation, record: Path) -> None:
    """Images by rank, what the model saw as COCO to start labelling from, and a page to look at."""
    from training.shown import picture_tag

    (out / "images").mkdir(parents=True, exist_ok=True)
    kinds = sorted({d.kind for s in chosen for d in s.part.defects})
    images: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    figures = []
    for rank, s in enumerate(chosen, 1):
        source = record / str(s.part.image_path)
        name = f"images/{rank:04d}{source.suffix}"
        shutil.copyfile(source, out / name)
        images.append({
            "id": rank, "file_name": name, "part": s.part.part_id, "why": s.why, "prelabelled_by": s.part.model_hash, "verdict_of_model": s.part.verdict
        })  # fmt: skip
        for d in s.part.defects:
            box = [d.x1, d.y1, d.x2 - d.x1, d.y2 - d.y1]
            marks.append({"id": len(marks), "image_id": rank, "category_id": kinds.index(d.kind), "bbox": box, "score": d.score})
        boxes = [(d.kind, d.score, (d.x1, d.y1, d.x2, d.y2)) for d in s.part.defects]
        figures.append(
            f"<figure>{picture_tag(source, boxes, 320)}<b>{rank}. {s.part.verdict}</b><br>{escape(REASONS[s.why])}<br><small>{escape(s.part.part_id)}</small></figure>"
        )
    categories = [{"id": i, "name": k} for i, k in enumerate(kinds)]
    (out / "prelabels.json").write_text(json.dumps({"images": images, "annotations": marks, "categories": categories}), "utf-8")
    page = (
        "<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>Label next</title>"
        f"<style>{STYLE}</style><h1>{len(chosen)} parts to label next</h1><p>{escape(_words(expected, len(chosen)))}</p><main>{''.join(figures)}</main></html>"
    )
    (out / "index.html").write_text(page, "utf-8")


def _words(e: Expectation, count: int) -> str:
    if not e.reviewed:
        return f"No part of these kinds has been reviewed yet, so nobody knows what the {count} labels will bring; after the first reviews this says it."
    return (
        f"Expected from {e.reviewed} earlier reviews of such parts: {e.bad[0]:.0f} to {e.bad[1]:.0f} of the {count} are bad, and on "
        f"{e.wrong[0]:.0f} to {e.wrong[1]:.0f} the line's verdict was wrong (95 % range)."
    )


def _document(out: Path, chosen: Sequence[Suggestion], expected: Expectation, pool: int) -> dict[str, Any]:
    return {
        "folder": str(out), "looked_at": pool, "expected": _words(expected, len(chosen)),
        "bad": _rounded(expected.bad) if expected.reviewed else None, "wrong": _rounded(expected.wrong) if expected.reviewed else None, "reviewed": expected.reviewed,
        "parts": [{"part_id": s.part.part_id, "verdict": s.part.verdict, "why": s.why, "worth": round(s.worth, 3), "unlike": round(s.unlike, 3)} for s in chosen],
    }  # fmt: skip


def _rounded(ends: tuple[float, float]) -> tuple[float, float]:
    return round(ends[0], 1), round(ends[1], 1)


def _show(document: dict[str, Any], console: Console) -> None:
    counts = Counter(p["why"] for p in document["parts"])
    console.print(f"{len(document['parts'])} of {document['looked_at']} unreviewed parts, worthiest first:", highlight=False)
    for why, words in REASONS.items():
        if counts[why]:
            console.print(f"  {counts[why]:4d}  {words}", highlight=False)
    console.print(document["expected"], highlight=False)
    console.print(f"look: {document['folder']}/index.html; label: {document['folder']}/prelabels.json", highlight=False, soft_wrap=True)
