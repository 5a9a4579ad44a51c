"""`gutteil evaluate`: how good a model is, by mAP and F1 and as the shop floor judges, by escape and overkill of parts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from edge.bounds import Share, share
from edge.inspect import recipe_for
from edge.judge import Judge
from training.cache import Cache
from training.claim import claim
from training.compare import paired
from training.found import by_class, by_size, confusion
from training.margins import Margins, margins_of
from training.measure import Labelled, area_under_roc, f1_score, mean_average_precision
from training.parts import Judged, Part, judge_parts, truth_of
from training.predict import Seen, predict, read_set, trained_on
from training.words import TEXTS

CLAIM = 0.001
NEAREST = 12


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One set judged: the document for JSON, and what pictures and plots are made of."""

    document: dict[str, Any]
    judged: Judged
    margins: Margins
    judge: Judge


def evaluate_model(
    model: Path | None, data: Path, recipe: Path | None, console: Console, *, without_reference: bool = False, vary_seed: int = 0
) -> dict[str, Any]:
    """The document of `evaluate_set`, for those who want figures and keep nothing."""
    judge = Judge(recipe_for(recipe, model), model_file=model)
    return evaluate_set(judge, data, console, None, without_reference=without_reference, vary_seed=vary_seed).document


def evaluate_set(
    judge: Judge,
    data: Path,
    console: Console,
    cache: Cache | None,
    *,
    without_reference: bool = False,
    vary_seed: int = 0,
    claimed: float = CLAIM,
    against: Judge | None = None,
) -> Evaluation:
    """Judge every image of a labelled set through production's own code.

    Args:
        without_reference: feed the image itself in place of its reference, to see what the reference is worth.
        vary_seed: if not 0, every image is first moved, thresholded and made noisy anew (`training.vary`).
        claimed: the escape rate that somebody wants to claim.
        against: another model, compared part by part.

    Returns:
        In the document: map_33, map_50, map_50_95, f1_33 at the recipe's NG score (and the best over all scores), AUROC; escape and
        overkill of the parts' verdicts with counts, 95 % bounds and names, the same per image, per class and per size, and the rest
        that docs/evaluation.md lists.

    Raises:
        SettingsError, ModelError: model, recipe or set are not usable.
    """
    names = judge.classes
    labelled = read_set(data, names)

    def see(by: Judge, title: str) -> list[Seen]:
        return list(predict(by, labelled, cache, console, without_reference=without_reference, vary_seed=vary_seed, title=title))

    seen = see(judge, f"judging {data.name}")
    judged = judge_parts(seen, judge.recipe, names)
    margins = margins_of(seen, judged.parts, judge.recipe, names)
    document = {
        "model": str(judge.model.path),
        "model_sha256": judge.model.file_hash,
        "recipe": judge.loaded.name,
        "data": str(data),
        "images": len(labelled.images),
        "warnings": ["warn.trained"] if trained_on(judge, data) else [],
        "without_reference": without_reference,
        "varied": bool(vary_seed),
        **_detection(seen, judge),
        **_shop_floor(judged, claimed),
        "classes": by_class(judged, names),
        "sizes": by_size(judged, judge.recipe.region.mm_per_px),
        "confusion": {"names": [*names, "background"], "rows": confusion(judged, names)},
        **_separation(seen, judged, margins, judge),
    }
    if against is not None:
        read_set(data, against.classes)
        other = judge_parts(see(against, f"judging {data.name} by {against.model.path.name}"), against.recipe, against.classes)
        document["against"] = {"model": str(against.model.path), "model_sha256": against.model.file_hash, **paired(judged, other)}
    return Evaluation(document, judged, margins, judge)


def _detection(seen: list[Seen], judge: Judge) -> dict[str, Any]:
    """What the field publishes: mAP and F1, whatever the verdicts."""
    names = judge.classes
    none = Labelled(np.empty((0, 4), np.float32), np.empty(0, np.int64), np.empty(0, np.float32))
    found = [Labelled(s.found.boxes, s.found.kinds, s.found.scores) if s.found is not None else none for s in seen]
    truth = [
        Labelled(s.entry.boxes, np.array([names.index(k) for k in s.entry.kinds], np.int64), np.ones(len(s.entry.kinds), np.float32))
        for s in seen
    ]
    figures = mean_average_precision(truth, found, names)
    ng_score = judge.recipe.default.ng_score
    at_recipe = f1_score(truth, found, ng_score)
    tried = [round(float(s), 2) for s in np.arange(0.05, 1, 0.05)] + [ng_score]  # the recipe's own too: the best is never below it
    best = max((f1_score(truth, found, s)["f1"], s) for s in tried)
    return {
        **{k: round(v, 5) for k, v in figures.items() if "/" not in k},
        "f1_33": round(at_recipe["f1"], 5),
        "f1_33_score": ng_score,
        "precision_33": round(at_recipe["precision"], 5),
        "recall_33": round(at_recipe["recall"], 5),
        "f1_33_best": round(best[0], 5),
        "f1_33_best_score": best[1],
        "per_class": {
            n: {k.split("/")[0]: round(v, 5) for k, v in figures.items() if k.endswith("/" + n)} for n in names if f"ap_33/{n}" in figures
        },
    }


def _shop_floor(judged: Judged, claimed: float) -> dict[str, Any]:
    """Escape and overkill of parts, and of images for those who compare with papers."""
    escaped, killed = judged.named("NG", "OK"), judged.named("OK", "NG", "UNDECIDED")
    bad = sum(p.truth == "NG" for p in judged.parts)
    good = len(judged.parts) - bad
    doubtful = {"NG": judged.named("NG", "UNDECIDED"), "OK": judged.named("OK", "UNDECIDED")}
    images = [(truth_of(s.entry), d.verdict) for s, d in zip(judged.seen, judged.decisions, strict=True)]
    bad_images = sum(t == "NG" for t, _ in images)
    return {
        "parts": len(judged.parts),
        "escape": share(len(escaped), bad).as_dict(),
        "overkill": share(len(killed), good).as_dict(),
        "overkill_without_undecided": share(len(killed) - len(doubtful["OK"]), good).as_dict(),
        "escaped": escaped,
        "overkilled": killed,
        "undecided": len(doubtful["NG"]) + len(doubtful["OK"]),
        "undecided_ng": share(len(doubtful["NG"]), bad).as_dict(),
        "undecided_ok": share(len(doubtful["OK"]), good).as_dict(),
        "per_image": {
            "escape": share(sum(t == "NG" and v == "OK" for t, v in images), bad_images).as_dict(),
            "overkill": share(sum(t == "OK" and v != "OK" for t, v in images), len(images) - bad_images).as_dict(),
            "undecided": sum(v == "UNDECIDED" for _, v in images),
        },
        "claim": claim(claimed, len(escaped), bad),
    }


def _separation(seen: list[Seen], judged: Judged, margins: Margins, judge: Judge) -> dict[str, Any]:
    """How well the highest score alone tells NG from OK, whatever the thresholds; and the parts nearest to the wrong side."""
    single = [Part(s.entry.name, truth_of(s.entry), (i,)) for i, s in enumerate(seen)]
    images = margins_of(seen, single, judge.recipe, judge.classes)

    def rows(bad: bool) -> list[dict[str, Any]]:
        order = np.argsort(margins.top if bad else -margins.top, kind="stable")
        own = [int(i) for i in order if margins.bad[i] == bad][:NEAREST]
        return [{"part": judged.parts[i].name, "score": round(float(margins.top[i]), 4), "verdict": judged.verdicts[i]} for i in own]

    return {
        "auroc": _rounded(area_under_roc(images.bad, images.top)),
        "auroc_parts": _rounded(area_under_roc(margins.bad, margins.top)),
        "weakest_ng": rows(True),
        "strongest_ok": rows(False),
    }


def _rounded(area: float | None) -> float | None:
    return None if area is None else round(area, 5)


def show(document: dict[str, Any], console: Console) -> None:
    """For people."""
    title = f"{document['model']} on {document['data']} ({document['parts']} parts, {document['images']} images)"
    console.print(title, highlight=False, soft_wrap=True, markup=False)
    table = Table(show_header=False, box=None, padding=(0, 1))
    for key in ("map_33", "map_50", "map_50_95"):
        table.add_row(key, f"{document[key]:.4f}")
    for key in ("f1_33", "f1_33_best"):
        table.add_row(key, f"{document[key]:.4f} at score {document[f'{key}_score']:.4g}")
    for name, row in document["per_class"].items():
        table.add_row(f"  {name}", "  ".join(f"{k} {v:.4f}" for k, v in row.items()))
    for key in ("auroc", "auroc_parts"):
        table.add_row(key, "-" if document[key] is None else f"{document[key]:.4f}")
    table.add_row("escape", str(Share(**document["escape"])))
    table.add_row("overkill", str(Share(**document["overkill"])))
    table.add_row("  without UNDECIDED", str(Share(**document["overkill_without_undecided"])))
    table.add_row("undecided", f"{document['undecided']} ({document['undecided_ng']['count']} of them NG)")
    for name, row in document["classes"].items():
        table.add_row(f"  {name}", f"escape {Share(**row['escape'])}, unseen {row['unseen']['count']}")
    console.print(table)
    for key in document["warnings"]:
        console.print(f"mind: {TEXTS[key].en}", style="yellow", highlight=False, soft_wrap=True)
    claimed = document["claim"]
    console.print(
        f"95 % sure: at most {claimed['claimable']:.2%} of NG parts escape. To claim {claimed['rate']:.2%}: "
        + (f"{claimed['more']} more NG parts without a miss." if claimed["more"] else "reached."),
        highlight=False,
        soft_wrap=True,
    )
    for what in ("escaped", "overkilled"):
        if document[what]:
            console.print(f"{what}: {', '.join(document[what][:20])}", highlight=False, soft_wrap=True, markup=False)
    if "against" in document:
        for what in ("escape", "overkill"):
            row = document["against"][what]
            console.print(
                f"against {document['against']['model']}: {what}: {len(row['new'])} new, {len(row['mended'])} mended, p = {row['p']:.3g}"
                + (f"; new: {', '.join(row['new'][:20])}" if row["new"] else ""),
                highlight=False,
                soft_wrap=True,
                markup=False,
            )
