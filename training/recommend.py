"""`gutteil thresholds`: scores for a recipe from what errors cost, chosen on one set and confirmed on another."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from edge.errors import SettingsError
from edge.judge import Judge
from edge.recipe import Recipe
from training.business import Business, Counts, per_shift
from training.cache import Cache
from training.claim import claimable
from training.margins import pieces_of
from training.parts import Judged, judge_parts, parts_of
from training.predict import LEAST_SCORE, Seen, predict, read_set, trained_on
from training.search import OWN_PARTS, Thresholds, curve, firmness, search

FEW_PARTS = 30
CONTRADICTS = 0.05
UNUSABLE = frozenset({"warn.nothing", "warn.contradicted"})  # never written
HARSH = frozenset({"warn.everything", "warn.capacity"})  # written only with --anyway


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning: key and values of its text in training.words."""

    key: str
    values: dict[str, Any]


def with_scores(recipe: Recipe, names: list[str], chosen: Thresholds) -> Recipe:
    """The recipe with the recommended scores and all else as it was; a class that gets a rule of its own keeps what held for it."""
    default = recipe.default.model_copy(update={"ng_score": chosen.ng_for_all, "undecided_score": chosen.undecided_for_all})
    classes = {
        name: recipe.rule(name).model_copy(update={"ng_score": float(chosen.ng[k]), "undecided_score": float(chosen.undecided[k])})
        for k, name in enumerate(names)
        if chosen.own(k) or name in recipe.classes
    }
    return recipe.model_copy(update={"default": default, "classes": classes})


def counts_of(judged: Judged, recipe: Recipe, names: list[str]) -> Counts:
    """What verdicts the parts got."""
    bad = sum(p.truth == "NG" for p in judged.parts)
    return Counts(
        bad,
        len(judged.parts) - bad,
        len(judged.named("NG", "OK")),
        len(judged.named("OK", "NG")),
        len(judged.named("NG", "UNDECIDED")),
        len(judged.named("OK", "UNDECIDED")),
        float(np.mean([recipe.rule(n).undecided_score for n in names])),
        float(np.mean([recipe.rule(n).ng_score for n in names])),
    )


def recommend(
    judge: Judge, val: Path, test: Path | None, business: Business, console: Console, cache: Cache | None
) -> tuple[dict[str, Any], Recipe]:
    """Choose scores on `val`, and see what they do on `test`.

    Returns:
        The document (docs/evaluation.md) and the recipe with the recommended scores.

    Raises:
        SettingsError: a set lacks NG or OK parts or was trained on, the two share a part, or an image cannot be judged.
    """
    names, recipe = judge.classes, judge.recipe
    if trained_on(judge, val):
        raise SettingsError(
            f"--data {val}: the model was trained on this very set, so that nothing can be chosen on it; give a validation set"
        )
    seen = _see(judge, val, console, cache)
    confirming = _see(judge, test, console, cache) if test is not None else []
    if test is not None:
        _refuse_shared(val, seen, test, confirming)
        if trained_on(judge, test):
            raise SettingsError(
                f"--test {test}: the model was trained on this very set, so that it confirms nothing; give a set of other parts"
            )
    parts = parts_of([s.entry for s in seen])
    for truth in ("NG", "OK"):
        if not any(p.truth == truth for p in parts):
            raise SettingsError(f"--data {val}: has no {truth} parts; costs can be weighed only with parts of either kind, so add some")
    pieces = pieces_of(seen, parts, recipe, names)
    chosen = search(pieces, business, LEAST_SCORE)
    new = with_scores(recipe, names, chosen)
    document: dict[str, Any] = {
        "model": str(judge.model.path),
        "model_sha256": judge.model.file_hash,
        "recipe": judge.loaded.name,
        "business": business.as_dict(),
        "for_all": {"ng_score": chosen.ng_for_all, "undecided_score": chosen.undecided_for_all},
        "classes": {
            name: {
                "ng_score": float(chosen.ng[k]),
                "undecided_score": float(chosen.undecided[k]),
                "own": chosen.own(k),
                "ng_parts": int((pieces.kind == k).sum()),
                "now": {"ng_score": recipe.rule(name).ng_score, "undecided_score": recipe.rule(name).undecided_score},
            }
            for k, name in enumerate(names)
        },
        "cost_per_hour": chosen.cost * business.parts_per_hour,
        "firm": firmness(pieces, business, LEAST_SCORE),
        "curve": curve(pieces, business, LEAST_SCORE),
        "val": _figures(val, seen, recipe, new, names, business),
        "test": _figures(test, confirming, recipe, new, names, business) if test is not None else None,
    }
    document["warnings"] = [asdict(w) for w in _warnings(document, business)]
    return document, new


def _see(judge: Judge, data: Path, console: Console, cache: Cache | None) -> list[Seen]:
    return list(predict(judge, read_set(data, judge.classes), cache, console, title=f"judging {data.name}"))


def _refuse_shared(val: Path, seen: list[Seen], test: Path, confirming: list[Seen]) -> None:
    """By the part's name where sets name parts, and by the image itself: one file may have two names."""
    parts = {s.entry.part for s in seen if s.entry.part}
    images = {s.digest for s in seen}
    shared = sorted({s.entry.part or s.entry.name for s in confirming if s.entry.part in parts or s.digest in images})
    if shared:
        raise SettingsError(
            f"--test {test}: shares {len(shared)} parts with {val} ({', '.join(shared[:5])}), so that it confirms nothing; "
            "split by part and choose again"
        )


def _figures(data: Path, seen: list[Seen], now: Recipe, new: Recipe, names: list[str], business: Business) -> dict[str, Any]:
    """Counts on a set and what they mean for a shift, under the recipe as it is and as recommended; by the line's own decision."""
    out: dict[str, Any] = {"data": str(data)}
    for key, recipe in (("now", now), ("recommended", new)):
        judged = judge_parts(seen, recipe, names)
        counts = counts_of(judged, recipe, names)
        shift = {name: asdict(value) for name, value in per_shift(counts, business).items()}
        out[key] = {
            "counts": asdict(counts),
            "shift": shift,
            "escaped": judged.named("NG", "OK"),
            "false_rejects": judged.named("OK", "NG"),
        }
    return out


def _warnings(document: dict[str, Any], business: Business) -> list[Warned]:
    """What somebody must know before these scores go to the line."""
    counts, out = document["val"]["recommended"]["counts"], []
    bad, good = counts["bad"], counts["good"]
    if min(bad, good) < FEW_PARTS:
        out.append(Warned("warn.few", {"bad": bad, "good": good}))
    if not counts["escapes"]:
        out.append(Warned("warn.no_miss", {"bad": bad, "rate": claimable(0, bad)}))
    if counts["escapes"] > bad / 2:
        out.append(Warned("warn.nothing", {"escapes": counts["escapes"], "bad": bad}))
    if counts["false_rejects"] + counts["doubtful_good"] > good / 2:
        out.append(Warned("warn.everything", {}))
    per_hour = (document["test"] or document["val"])["recommended"]["shift"]["reviews_per_hour"]["value"]
    if per_hour > business.review_per_hour:
        out.append(Warned("warn.capacity", {"reviews": per_hour, "capacity": float(business.review_per_hour)}))
    few = [name for name, row in document["classes"].items() if row["ng_parts"] < OWN_PARTS]
    if few and len(document["classes"]) > 1:
        out.append(Warned("warn.class", {"least": OWN_PARTS, "names": ", ".join(few)}))
    if document["test"] is None:
        out.append(Warned("warn.untested", {}))
    else:
        out += _contradictions(counts, document["test"]["recommended"]["counts"])
    return out


def _contradictions(val: dict[str, Any], test: dict[str, Any]) -> list[Warned]:
    """Where the test set does worse than chance allows (one-sided, and Bonferroni's correction for asking three times)."""
    from scipy.stats import fisher_exact

    def worse(count: str, of: str) -> float:
        table = np.array([[test[count], test[of] - test[count]], [val[count], val[of] - val[count]]])
        return min(1.0, 3 * float(fisher_exact(table, alternative="greater").pvalue))

    tried = {"passed": worse("escapes", "bad"), "false_rejects": worse("false_rejects", "good"), "reviews": worse("doubtful_good", "good")}
    return [Warned("warn.contradicted", {"what": what, "p": p}) for what, p in tried.items() if p < CONTRADICTS]
