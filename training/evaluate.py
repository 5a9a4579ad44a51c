"""`gutteil evaluate`: how good a model is, by mAP and F1 and as the shop floor judges, by escape and overkill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from edge.bounds import Share, share
from edge.decide import decide, undecided
from edge.errors import SettingsError
from edge.inspect import recipe_for
from edge.judge import Judge
from edge.labelled import read_coco, read_image
from training.measure import Labelled, f1_score, mean_average_precision
from training.vary import vary

LEAST_SCORE = 0.01


def evaluate_model(
    model: Path | None, data: Path, recipe: Path | None, console: Console, *, without_reference: bool = False, vary_seed: int = 0
) -> dict[str, Any]:
    """Judge every image of a labelled set through production's own code.

    Args:
        vary_seed: if not 0, every image is first moved, thresholded and made noisy anew (`training.vary`).
        without_reference: feed the image itself in place of its reference, to see what the reference is worth.

    Returns:
        map_33, map_50, map_50_95, f1_33 at the recipe's NG score (and the best over all scores), the same per class,
        escape and overkill of the verdicts with counts and 95 % bounds, and the names of the images that went wrong.

    Raises:
        SettingsError, ModelError: model, recipe or set are not usable.
    """
    loaded = recipe_for(recipe, model)
    judge = Judge(loaded, model_file=model)
    labelled = read_coco(data)
    names = judge.classes
    if unknown := sorted({k for entry in labelled.images for k in entry.kinds} - set(names)):
        raise SettingsError(f"{data}: labels of classes that the model does not know: {', '.join(unknown)}; it knows {', '.join(names)}")
    truth, found, escapes, overkills, undecideds = [], [], [], [], []
    counts = {"OK": 0, "NG": 0}
    rng = np.random.default_rng(vary_seed) if vary_seed else None
    for entry in track(labelled.images, "judging", console=console):
        image = read_image(entry.file)
        reference = read_image(entry.reference, gray=True) if entry.reference is not None and judge.wants_reference else None
        boxes = entry.boxes
        if rng is not None:
            image, (dx, dy) = vary(image if image.ndim == 2 else read_image(entry.file, gray=True), rng)
            boxes = boxes + np.array([dx, dy, dx, dy], np.float32)
        if without_reference and judge.wants_reference:
            reference = image if image.ndim == 2 else read_image(entry.file, gray=True)
        if judge.wants_reference and reference is None:
            seen, shift = None, None
        else:
            seen, shift, _ = judge.look(image, reference, LEAST_SCORE)
        if seen is None or shift is None:
            decision = undecided("out of place, or without the reference that the model wants")
            found.append(Labelled(np.empty((0, 4), np.float32), np.empty(0, np.int64), np.empty(0, np.float32)))
        else:
            decision = decide(seen, judge.recipe, names)
            found.append(Labelled(seen.boxes, seen.kinds, seen.scores))
        kinds = np.array([names.index(k) for k in entry.kinds], np.int64)
        truth.append(Labelled(boxes, kinds, np.ones(len(kinds), np.float32)))
        expected = entry.expected or ("NG" if len(entry.kinds) else "OK")
        counts[expected] += 1
        if decision.verdict == "UNDECIDED":
            undecideds.append(entry.name)
        if expected == "NG" and decision.verdict == "OK":
            escapes.append(entry.name)
        elif expected == "OK" and decision.verdict != "OK":
            overkills.append(entry.name)
    figures = mean_average_precision(truth, found, names)
    ng_score = judge.recipe.default.ng_score
    at_recipe = f1_score(truth, found, ng_score)
    best = max((f1_score(truth, found, float(s))["f1"], float(s)) for s in np.arange(0.1, 0.95, 0.05))
    return {
        "model": str(model or loaded.model_file),
        "model_sha256": judge.model.file_hash,
        "recipe": str(recipe or loaded.name),
        "data": str(data),
        "images": len(labelled.images),
        "without_reference": without_reference,
        "varied": bool(vary_seed),
        **{k: round(v, 5) for k, v in figures.items() if "/" not in k},
        "f1_33": round(at_recipe["f1"], 5),
        "f1_33_score": ng_score,
        "precision_33": round(at_recipe["precision"], 5),
        "recall_33": round(at_recipe["recall"], 5),
        "f1_33_best": round(best[0], 5),
        "f1_33_best_score": round(best[1], 2),
        "per_class": {
            n: {k.split("/")[0]: round(v, 5) for k, v in figures.items() if k.endswith("/" + n)} for n in names if f"ap_33/{n}" in figures
        },
        "escape": share(len(escapes), counts["NG"]).as_dict(),
        "overkill": share(len(overkills), counts["OK"]).as_dict(),
        "escaped": escapes,
        "overkilled": overkills,
        "undecided": len(undecideds),
    }


def show(document: dict[str, Any], console: Console) -> None:
    """For people."""
    table = Table(title=f"{document['model']} on {document['data']} ({document['images']} images)", show_header=False)
    for key in ("map_33", "map_50", "map_50_95", "f1_33", "f1_33_best"):
        table.add_row(key, f"{document[key]:.4f}")
    for name, row in document["per_class"].items():
        table.add_row(f"  {name}", "  ".join(f"{k} {v:.4f}" for k, v in row.items()))
    table.add_row("escape", str(Share(**document["escape"])))
    table.add_row("overkill", str(Share(**document["overkill"])))
    table.add_row("undecided", str(document["undecided"]))
    console.print(table)
    for what in ("escaped", "overkilled"):
        if document[what]:
            console.print(f"{what}: {', '.join(document[what][:20])}", highlight=False, soft_wrap=True)
