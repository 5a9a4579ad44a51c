"""The scores that a verdict hangs on: with them any thresholds can be tried on a set without deciding image by image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge.decide import decide
from edge.decode import Predictions
from edge.labelled import LabelledImage
from edge.recipe import Recipe
from training.found import touched
from training.parts import Part
from training.predict import Seen

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Margins:
    """What decides on n rows, of k classes: parts, or pieces of parts.

    A row is NG if and only if some class has `sure` >= its ng_score, and is rejected (NG or UNDECIDED) if and only if some class
    has `doubt` >= its undecided_score.

    Attributes:
        sure: (n, k) score that the class's first defect beyond the allowed ones reaches, on the worst of the images.
        doubt: (n, k) the same, or more: what was left out for want of room, infinity where nothing can be said of an image.
        bad: (n,) whether it is NG.
        part: (n,) index of the part.
        weight: (n,) share of the part; those of one part sum to 1.
        kind: (n,) index of the class that an NG piece is about, -1 for whole parts.
    """

    sure: Scores
    doubt: Scores
    bad: NDArray[np.bool_]
    part: NDArray[np.int64]
    weight: Scores
    kind: NDArray[np.int64]

    def __getitem__(self, rows: NDArray[np.int64]) -> Margins:
        return Margins(self.sure[rows], self.doubt[rows], self.bad[rows], self.part[rows], self.weight[rows], self.kind[rows])

    @property
    def top(self) -> Scores:
        """(n,) the highest score of each row, 1 where nothing can be said of it."""
        return np.asarray(np.minimum(self.doubt.max(1, initial=0.0), 1.0), np.float64)


def without_scores(recipe: Recipe) -> Recipe:
    """The recipe with thresholds of 0: sizes, zones and everything else remain."""
    free = {"ng_score": 0.0, "undecided_score": 0.0}
    return recipe.model_copy(
        update={
            "default": recipe.default.model_copy(update=free),
            "classes": {name: rule.model_copy(update=free) for name, rule in recipe.classes.items()},
        }
    )


def image_scores(found: Predictions | None, free: Recipe, names: list[str]) -> tuple[Scores, float]:
    """The deciding scores of one image, (k,), and the score of what it may hide (infinity: nothing can be said of it).

    Args:
        free: the recipe without its scores.
    """
    scores = np.zeros(len(names))
    if found is None:
        return scores, np.inf
    decision = decide(replace(found, cut_score=0.0), free, names)
    if decision.verdict == "UNDECIDED":  # with thresholds of 0 nothing is doubtful but the numbers themselves
        return scores, np.inf
    for k, name in enumerate(names):
        own = sorted((d.score for d in decision.defects if d.kind == name), reverse=True)
        allowed = free.rule(name).allowed
        scores[k] = own[allowed] if len(own) > allowed else 0.0
    return scores, found.cut_score


def margins_of(seen: Sequence[Seen], parts: Sequence[Part], recipe: Recipe, names: list[str]) -> Margins:
    """The deciding scores of every part."""
    free = without_scores(recipe)
    images = [image_scores(s.found, free, names) for s in seen]
    rows = [
        (np.max([images[i][0] for i in p.images], axis=0), max(images[i][1] for i in p.images), n, 1.0, -1) for n, p in enumerate(parts)
    ]
    return _table(rows, parts)


def pieces_of(seen: Sequence[Seen], parts: Sequence[Part], recipe: Recipe, names: list[str]) -> Margins:
    """The same, with every NG part in pieces: one for each class that it carries, of which only what touches labels of that class counts.

    The next NG part of the line may have but one of the defects that come together on a part of the set. Thresholds must find
    that one, and not live on the others, or on something else that was taken for a defect by chance.
    """
    free = without_scores(recipe)
    rows: list[tuple[Scores, float, int, float, int]] = []
    for n, part in enumerate(parts):
        own = [seen[i] for i in part.images]
        images = [image_scores(s.found, free, names) for s in own]
        hidden = max(cut for _, cut in images)
        kinds = sorted({names.index(k) for s in own for k in s.entry.kinds}) if part.truth == "NG" else []
        for kind in kinds:
            at_labels = [image_scores(_at(s.found, s.entry, names[kind]), free, names)[0] for s in own]
            rows.append((np.max(at_labels, axis=0), hidden, n, 1 / len(kinds), kind))
        if not kinds:
            rows.append((np.max([scores for scores, _ in images], axis=0), hidden, n, 1.0, -1))
    return _table(rows, parts)


def _at(found: Predictions | None, entry: LabelledImage, name: str) -> Predictions | None:
    """What touches the labels of a class."""
    if found is None or not found.valid:
        return found
    at = touched(found.boxes, entry.boxes[[k == name for k in entry.kinds]])
    return replace(found, boxes=found.boxes[at], scores=found.scores[at], kinds=found.kinds[at])


def _table(rows: Sequence[tuple[Scores, float, int, float, int]], parts: Sequence[Part]) -> Margins:
    sure = np.array([r[0] for r in rows], np.float64)
    part = np.array([r[2] for r in rows], np.int64)
    return Margins(
        sure,
        np.maximum(sure, np.array([r[1] for r in rows])[:, None]),
        np.array([parts[n].truth == "NG" for n in part]),
        part,
        np.array([r[3] for r in rows]),
        np.array([r[4] for r in rows], np.int64),
    )
