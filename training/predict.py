"""What a model sees on a labelled set: every image once through production's own code, at a score far below any recipe's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from edge.decide import min_score
from edge.decode import Predictions
from edge.errors import SettingsError
from edge.judge import Judge
from edge.labelled import LabelledImage, LabelledSet, read_coco, read_image
from training.cache import Cache
from training.vary import vary

LEAST_SCORE = 0.01
ANOMALY = "anomaly"  # the one class of a model that was trained on good parts alone
Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Seen:
    """One image of a set.

    Attributes:
        entry: the image and its labels, moved with it where it was varied.
        found: everything of at least LEAST_SCORE, best first; None if the part is out of place or lacks its reference.
        digest: SHA-256 of what was judged: of the file, or of the pixels of a varied image.
    """

    entry: LabelledImage
    found: Predictions | None
    digest: str


def read_set(path: Path, names: list[str]) -> LabelledSet:
    """A labelled set for a model of these classes.

    Raises:
        SettingsError: not a set, or it has labels of classes that the model does not know.
    """
    labelled = read_coco(path)
    if names == [ANOMALY]:  # it says where something is wrong, not what: every defect is one to it
        return LabelledSet([replace(i, kinds=(ANOMALY,) * len(i.kinds)) for i in labelled.images], names)
    if unknown := sorted({k for entry in labelled.images for k in entry.kinds} - set(names)):
        raise SettingsError(f"{path}: labels of classes that the model does not know: {', '.join(unknown)}; it knows {', '.join(names)}")
    return labelled


def trained_on(judge: Judge, data: Path) -> bool:
    """Whether a set is the very file that the model's card says it was trained on."""
    return bool(judge.model.card.data_hash) and judge.model.card.data_hash == digest_of(data)


def predict(
    judge: Judge,
    labelled: LabelledSet,
    cache: Cache | None,
    console: Console,
    *,
    without_reference: bool = False,
    vary_seed: int = 0,
    title: str = "judging",
) -> Iterator[Seen]:
    """Judge every image of a set, one in memory at a time; what the cache knows is not judged again.

    The predictions of at least a recipe's lowest score are those that the line would see. Where an image is so full that some had
    to be left out (`Predictions.cut_score`), or a row far below every threshold is no number, the line may see less to doubt:
    here such an image is UNDECIDED, never better.

    Args:
        without_reference: feed the image itself in place of its reference.
        vary_seed: if not 0, every image is first moved, thresholded and made noisy anew (`training.vary`).

    Raises:
        SettingsError: an image cannot be read or does not fit the recipe.
    """
    least = min(LEAST_SCORE, min_score(judge.recipe, judge.classes))
    fixed = _what_judges(judge, least)
    rng = np.random.default_rng(vary_seed) if vary_seed else None
    for given in track(labelled.images, title, console=console):
        entry, image = given, None
        digest = digest_of(given.file)
        if rng is not None:
            image, (dx, dy) = vary(read_image(given.file, gray=True), rng)
            entry = replace(given, boxes=given.boxes + np.array([dx, dy, dx, dy], np.float32))
            digest = hashlib.sha256(image.tobytes() + repr(image.shape).encode()).hexdigest()
        brings = given.reference if judge.wants_reference else None
        itself = without_reference and judge.wants_reference
        if judge.wants_reference and not itself and brings is None:
            yield Seen(entry, None, digest)
            continue
        beside = "itself" if itself else digest_of(brings) if brings else ""
        key = hashlib.sha256(f"{fixed} {digest} {beside}".encode()).hexdigest()
        known, found = cache.get(key) if cache is not None else (False, None)
        if not known:
            image = read_image(given.file) if image is None else image
            reference = read_image(brings, gray=True) if brings and not itself else None
            if itself:
                reference = image if image.ndim == 2 else read_image(given.file, gray=True)
            found, _, _ = judge.look(image, reference, least)
            if cache is not None:
                cache.put(key, found)
        yield Seen(entry, found, digest)


def _what_judges(judge: Judge, least: float) -> str:
    """All that predictions depend on beside the image: another provider or release rounds otherwise."""
    recipe, golden = judge.recipe, judge.loaded.reference_file
    return json.dumps([
        judge.model.file_hash,
        judge.model.provider,
        onnxruntime.__version__,
        least,
        recipe.region.roi,
        recipe.reference.max_shift_px,
        digest_of(golden) if golden else "",
    ])  # fmt: skip


def digest_of(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); check the path") from error
