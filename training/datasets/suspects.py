"""Suspects: labels that are probably wrong. Found here, decided by a person who looks at the contact sheets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from edge.inspect import recipe_for
from edge.judge import Judge
from edge.labelled import read_image
from training.datasets.draft import Draft
from training.datasets.duplicates import Twin, search
from training.datasets.entry import Entry, Label
from training.datasets.look import Small
from training.datasets.unlike import unlike

OUTSIDE_PX = 1.0
LEAST_PX = 1.0
_SAME_GRAY = 12.0
_SAME_LIKENESS = 0.9
Progress = Callable[[str, int, int], None]
KINDS: Final = {
    "outside": "boxes that lie outside the image",
    "empty-box": "boxes without extent",
    "ng-empty": "NG images without a box",
    "ok-boxes": "OK images with boxes",
    "twins": "the same picture with different labels",
    "unlike": "good images that look unlike the other good ones",
    "model-ng": "OK images that the model is sure are NG",
}


@dataclass(frozen=True, slots=True)
class Suspect:
    """An image, what is suspect about it (a key of `KINDS`), why, and the boxes to look at."""

    kind: str
    name: str
    why: str
    boxes: tuple[Label, ...] = ()


def by_label(entry: Entry) -> Iterator[Suspect]:
    """What an entry says by itself."""
    out = tuple(
        b for b in entry.labels if min(b.x1, b.y1) < -OUTSIDE_PX or b.x2 > entry.width + OUTSIDE_PX or b.y2 > entry.height + OUTSIDE_PX
    )
    if out:
        yield Suspect("outside", entry.name, f"{len(out)} of {len(entry.labels)} boxes outside {entry.width}x{entry.height}", out)
    flat = tuple(b for b in entry.labels if b.x2 - b.x1 < LEAST_PX or b.y2 - b.y1 < LEAST_PX)
    if flat:
        yield Suspect("empty-box", entry.name, f"{len(flat)} of {len(entry.labels)} boxes thinner than {LEAST_PX:g} px", flat)
    if entry.verdict == "NG" and not entry.labels:
        yield Suspect("ng-empty", entry.name, f"NG ({entry.tag or 'no class'}), no box")
    if entry.verdict == "OK" and (entry.labels or entry.tag):
        yield Suspect("ok-boxes", entry.name, f"OK, and {len(entry.labels)} boxes {entry.tag}".strip(), entry.labels)


def all_suspects(draft: Draft, model: Path | None, recipe: Path | None, progress: Progress) -> Iterator[Suspect]:
    """Every check over a draft, as a stream.

    Args:
        model, recipe: for `model-ng`; that check is left out where both are None.

    Raises:
        SettingsError, ModelError: recipe or model are not usable.
    """
    for row in draft.rows():
        yield from by_label(row.entry)
    names, files, hashes = draft.names_and_hashes()
    found = search(files, hashes, lambda n: draft.looks.small(files[n]), progress=lambda d, of: progress("comparing", d, of))
    yield from _twins(draft, names, files, found.twins)
    good = [(row.entry.name, row.entry.sha256) for row in draft.rows() if row.entry.verdict == "OK"]
    strange = unlike(len(good), lambda n: draft.looks.small(good[n][1]), lambda d, of: progress("describing", d, of))
    for n, beyond in strange:
        yield Suspect("unlike", good[n][0], f"{beyond:g} deviations from the others")
    if model is not None or recipe is not None:
        yield from _by_model(draft, [name for name, _ in good], model, recipe, progress)


def _twins(draft: Draft, names: list[str], files: list[str], twins: list[Twin]) -> Iterator[Suspect]:
    for twin in twins:
        a, b = draft.get(names[twin.first]).entry, draft.get(names[twin.second]).entry
        if twin.exact:
            differ = (a.verdict, a.labels, a.tag) != (b.verdict, b.labels, b.tag)
        else:
            own = a.reference_sha256 == b.sha256 or b.reference_sha256 == a.sha256
            said = [(e.verdict, e.tag, sorted(x.kind for x in e.labels)) for e in (a, b)]
            differ = not own and said[0] != said[1] and twin.likeness > _SAME_LIKENESS and same_picture(draft, files, twin)
        if differ:
            for one, other in ((a, b), (b, a)):
                yield Suspect("twins", one.name, f"{_says(one)}; {other.name}: {_says(other)}", one.labels)


def _says(entry: Entry) -> str:
    return f"{entry.verdict or 'unknown'}, {len(entry.labels)} boxes"


def same_picture(draft: Draft, files: list[str], twin: Twin) -> bool:
    """Whether two near duplicates differ nowhere, also not in one spot, as a part with a defect and without do."""
    a, b = (_smooth(draft.looks.small(files[n])) for n in (twin.first, twin.second))
    return float(np.abs(a - b).max()) < _SAME_GRAY


def _smooth(small: Small) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    values = cv2.GaussianBlur(np.asarray(small, np.float32), (0, 0), 1.5)
    return np.asarray(values - values.mean(), np.float32)


def _by_model(draft: Draft, good: list[str], model: Path | None, recipe: Path | None, progress: Progress) -> Iterator[Suspect]:
    """With production's own judgement; images that cannot be judged are told too."""
    judge = Judge(recipe_for(recipe, model), model_file=model)
    for n, name in enumerate(good):
        progress("judging", n, len(good))
        entry = draft.get(name).entry
        reference = None
        if judge.wants_reference and entry.reference:
            reference = read_image(draft.image(entry.reference_sha256), gray=True)
        decision = judge.judge(read_image(draft.image(entry.sha256)), reference).decision
        if decision.verdict == "NG":
            sure = [d for d in decision.defects if d.verdict == "NG"]
            boxes = tuple(Label(d.kind, *(round(v, 1) for v in d.box)) for d in sure)
            yield Suspect("model-ng", name, f"model: {', '.join(decision.reasons)}, up to {max(d.score for d in sure):.2f}", boxes)
    progress("judging", len(good), len(good))
