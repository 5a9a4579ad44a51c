"""How a model stands on a labelled set as the shop floor counts: escapes at the overkill that is allowed, by part and by image.

The model is run through production's own code (edge.judge.Judge), never through its trainer's.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.bounds import share
from edge.errors import SettingsError
from edge.inspect import recipe_for
from edge.judge import Judge
from edge.labelled import LabelledImage, LabelledSet, read_image
from edge.model import RuntimeOptions
from training.measure import Labelled, area_under_roc, mean_average_precision

LEAST_SCORE = 0.005


def is_bad(entry: LabelledImage) -> bool:
    """Whether an image shows a bad part; where the set gives no verdict, its labels do."""
    return entry.expected == "NG" or (not entry.expected and len(entry.kinds) > 0)


def at_allowed_overkill(scores: NDArray[np.floating[Any]], bad: NDArray[np.bool_], allowed: float) -> dict[str, Any]:
    """Escapes at the lowest threshold that rejects no more good ones than allowed.

    A part is rejected if its score reaches the threshold. The threshold is chosen on these same scores: what it gives on others is
    for a test set to say.

    Args:
        scores: (n,) the highest score on each part or image.
        bad: (n,) which of them are NG.
        allowed: share of the good ones that may be rejected.

    Returns:
        threshold, escape and overkill (counts with 95 % bounds), auroc.
    """
    good = np.sort(scores[~bad])[::-1]
    spare = math.floor(allowed * len(good) + 1e-9)
    above = float(np.nextafter(np.float32(good[spare]), np.float32(2))) if spare < len(good) else 0.0
    threshold = max(above, LEAST_SCORE)  # nothing was looked for below that
    rejected = scores >= threshold
    return {
        "threshold": threshold,
        "escape": share(int((bad & ~rejected).sum()), int(bad.sum())).as_dict(),
        "overkill": share(int((~bad & rejected).sum()), int((~bad).sum())).as_dict(),
        "auroc": None if (area := area_under_roc(bad, scores)) is None else round(area, 5),
    }


def by_part(entries: Sequence[LabelledImage], scores: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The highest score of each part over its images, and whether any of its images shows it bad; in the order of their first images."""
    best: defaultdict[str, float] = defaultdict(float)
    worst: defaultdict[str, bool] = defaultdict(bool)
    for entry, value in zip(entries, scores.tolist(), strict=True):
        best[entry.part] = max(best[entry.part], value)
        worst[entry.part] |= is_bad(entry)
    return np.array([best[p] for p in best], np.float64), np.array([worst[p] for p in best], np.bool_)


def standing(model: Path, labelled: LabelledSet, allowed: float, options: RuntimeOptions | None = None) -> dict[str, Any]:
    """Judge every image of a set.

    Returns:
        `unit` (part if every image names its part, otherwise image), the figures of `at_allowed_overkill` for it,
        the same by image under `image`, and map_33, map_50, map_50_95.

    Raises:
        SettingsError: the set has no good or no bad images, or one cannot be judged.
        ModelError: the model is not usable.
    """
    bad = np.array([is_bad(e) for e in labelled.images])
    if bad.all() or not bad.any():
        what = "good" if bad.all() else "NG"
        raise SettingsError(f"the set to choose on has no {what} images, and so escape at an allowed overkill cannot be measured; add some")
    judge = Judge(recipe_for(None, model), options)
    truth, found = [], []
    for entry in labelled.images:
        image = read_image(entry.file)
        reference = read_image(entry.reference, gray=True) if judge.wants_reference and entry.reference is not None else None
        if judge.wants_reference and reference is None:
            raise SettingsError(f"image {entry.name!r} has no reference, and the model compares with one")
        seen, _, _ = judge.look(image, reference, LEAST_SCORE)
        if seen is None:  # out of place is rejected on the line: as sure as a defect
            found.append(Labelled(np.zeros((1, 4), np.float32), np.zeros(1, np.int64), np.ones(1, np.float32)))
        else:
            found.append(Labelled(seen.boxes, seen.kinds, seen.scores))
        kinds = np.array([labelled.classes.index(k) for k in entry.kinds], np.int64)
        truth.append(Labelled(entry.boxes, kinds, np.ones(len(kinds), np.float32)))
    scores = np.array([f.scores.max(initial=0.0) for f in found], np.float64)
    figures = mean_average_precision(truth, found, labelled.classes)
    image_level = at_allowed_overkill(scores, bad, allowed)
    parts = all(e.part for e in labelled.images)
    unit_level = at_allowed_overkill(*by_part(labelled.images, scores), allowed) if parts else image_level
    return {
        "unit": "part" if parts else "image",
        **unit_level,
        "image": image_level,
        **{k: round(v, 5) for k, v in figures.items() if "/" not in k},
    }
