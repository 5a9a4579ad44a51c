"""The decision: predictions and a recipe make a verdict. Pure: no clock, no file, no socket."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from edge.decode import Predictions
from edge.messages import Defect, VerdictWord
from edge.recipe import Recipe

MAX_REASONS = 12


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, why, and every defect the recipe accepts (also tolerated ones), best first."""

    verdict: VerdictWord
    reasons: list[str]
    defects: list[Defect]


def undecided(reason: str) -> Decision:
    """The verdict where nothing can be said: rejected like NG, and a person looks at it."""
    return Decision("UNDECIDED", [reason], [])


def min_score(recipe: Recipe, classes: list[str]) -> float:
    """The lowest score that can matter under a recipe; predictions below it need not be decoded."""
    return max(0.001, min(recipe.rule(name).undecided_score for name in classes))


def decide(found: Predictions, recipe: Recipe, classes: list[str]) -> Decision:
    """Judge one part.

    A prediction counts if its score reaches its class's `undecided_score`, its longer side the minimum size, and its
    centre lies in no ignore zone. More NG defects of a class than `allowed` make the part NG; more NG and doubtful
    ones together make it UNDECIDED. Anything that is not a proper number makes it UNDECIDED, and so does an otherwise good
    part on which the model saw more than there was room for: tolerated defects must not crowd out the one that counts.
    """
    if not found.valid:
        return undecided("the model gave no valid numbers")
    sure: Counter[str] = Counter()
    doubtful: Counter[str] = Counter()
    defects: list[Defect] = []
    for box, score, index in zip(found.boxes.tolist(), found.scores.tolist(), found.kinds.tolist(), strict=True):
        if not 0 <= index < len(classes) or not 0 <= score <= 1 or not _is_box(box):
            return undecided(f"the model gave class {index} with score {score} and box {box}, which cannot be")
        kind = classes[index]
        rule = recipe.rule(kind)
        x1, y1, x2, y2 = box
        if score < _limit(rule.undecided_score) or max(x2 - x1, y2 - y1) < recipe.min_size_px(kind):
            continue
        middle_x, middle_y = (x1 + x2) / 2, (y1 + y2) / 2
        if any(zx1 <= middle_x < zx2 and zy1 <= middle_y < zy2 for zx1, zy1, zx2, zy2 in recipe.region.ignore):
            continue
        word: VerdictWord = "NG" if score >= _limit(rule.ng_score) else "UNDECIDED"
        (sure if word == "NG" else doubtful)[kind] += 1
        defects.append(Defect(kind, score, (x1, y1, x2, y2), word))
    verdict: VerdictWord = "OK"
    reasons = []
    for kind in sorted(sure.keys() | doubtful.keys()):
        allowed = recipe.rule(kind).allowed
        if sure[kind] > allowed:
            verdict = "NG"
            reasons.append(_count(kind, sure[kind], allowed))
        elif sure[kind] + doubtful[kind] > allowed:
            verdict = "UNDECIDED" if verdict == "OK" else verdict
            reasons.append("doubtful " + _count(kind, sure[kind] + doubtful[kind], allowed))
    if verdict == "OK" and found.cut_score and found.cut_score >= min(_limit(recipe.rule(name).undecided_score) for name in classes):
        return Decision(
            "UNDECIDED", [f"the model sees more than can be looked at; what was left out may score {found.cut_score:.2f}"], defects
        )
    return Decision(verdict, reasons[:MAX_REASONS], defects)


def _limit(score: float) -> float:
    """A score of a recipe as the network's single precision has it, so that 0.7 reaches 0.7."""
    return min(score, float(np.float32(score)))


def _is_box(box: list[float]) -> bool:
    x1, y1, x2, y2 = box
    return all(map(math.isfinite, box)) and x1 <= x2 and y1 <= y2


def _count(kind: str, count: int, allowed: int) -> str:
    return f"{kind} x{count}" + (f" ({allowed} allowed)" if allowed else "")
