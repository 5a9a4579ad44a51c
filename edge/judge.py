"""The judge: one recipe with its model, ready to judge images. Used by the station and by every command that judges files."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.decide import Decision, decide, min_score, undecided
from edge.decode import Predictions
from edge.errors import SettingsError
from edge.messages import Candidate, Timings
from edge.model import Model, RuntimeOptions
from edge.recipe import LoadedRecipe, file_sha256

Image = NDArray[np.uint8]
MAX_CANDIDATES = 48  # of one part that are recorded: a message is kept for a while by its sender


@dataclass(frozen=True, slots=True)
class Judgement:
    """A decision and how long its stages took (µs; capture and total are the station's to add); `looked`: the model gave numbers."""

    decision: Decision
    timings: Timings
    shift_px: tuple[int, int] = (0, 0)
    looked: bool = False


class Judge:
    """A model under a recipe. Used by one thread."""

    def __init__(
        self, loaded: LoadedRecipe, options: RuntimeOptions | None = None, *, model_file: Path | None = None, sha256: str = ""
    ) -> None:
        """Load model and reference and check that they fit the recipe.

        Args:
            model_file: instead of the recipe's model.
            sha256: what that file must be; empty = any.

        Raises:
            ModelError, SettingsError: they do not; the text says what to change.
        """
        recipe = loaded.recipe
        self.loaded, self.recipe = loaded, recipe
        pinned = sha256 if model_file else recipe.model.sha256
        kept = "copy it there again, or register it again" if sha256 else "check the path given"
        remedy = kept if model_file else "check model.file in the recipe"
        self.model = Model(model_file or loaded.model_file, options, sha256=pinned, remedy=remedy)
        self.classes = self.model.card.classes
        recipe.check_classes(self.classes)
        self._preparer = self.model.prepare_for(recipe.region, recipe.reference.max_shift_px)
        self._min_score = min_score(recipe, self.classes)
        self._reference: Image | None = None
        if self.model.card.wants_reference and loaded.reference_file is not None:
            if loaded.reference_sha256 and loaded.reference_sha256 != file_sha256(loaded.reference_file):
                raise SettingsError(
                    f"reference.file = {recipe.reference.file!r} was changed while the recipe was in use; load the recipe anew (ask for it "
                    "again, or restart the station)"
                )
            golden = cv2.imread(str(loaded.reference_file), cv2.IMREAD_GRAYSCALE)
            if golden is None:
                raise SettingsError(f"reference.file = {recipe.reference.file!r}: {loaded.reference_file} is not an image that can be read")
            self.set_reference(np.asarray(golden, np.uint8))

    @property
    def wants_reference(self) -> bool:
        """Whether every image must bring its own reference."""
        return self.model.card.wants_reference and self.loaded.reference_file is None

    def set_reference(self, reference: Image) -> None:
        """Compare with this one from now on, (H, W) gray uint8."""
        self._reference = reference
        self._preparer.set_reference(reference)

    def look(
        self, image: Image, reference: Image | None, least_score: float
    ) -> tuple[Predictions | None, tuple[int, int] | None, tuple[int, int, int, int]]:
        """Run the model; returns predictions (None if the part is out of place), the shift, and the four times in ns."""
        start = time.perf_counter_ns()
        if reference is not None and self.wants_reference:
            self.set_reference(reference)
        shift = self._preparer.fill(image)
        filled = time.perf_counter_ns()
        if shift is None:
            return None, None, (start, filled, filled, filled)
        self.model.run()
        ran = time.perf_counter_ns()
        return self.model.predictions(least_score), shift, (start, filled, ran, time.perf_counter_ns())

    def judge(self, image: Image, reference: Image | None = None) -> Judgement:
        """Judge one image, (H, W) gray or (H, W, 3) BGR uint8.

        Raises:
            SettingsError: the image does not fit the recipe (region, size of the reference).
        """
        if self.model.card.wants_reference and reference is None and (self.wants_reference or self._reference is None):
            return Judgement(
                undecided("the model compares with a reference, and this image brings none: set reference.file in the recipe"), Timings()
            )
        found, shift, (start, filled, ran, decoded) = self.look(image, reference, self._min_score)
        if found is None or shift is None:
            decision = undecided(f"the part lies more than {self.recipe.reference.max_shift_px} px off its reference")
        else:
            decision = decide(found, self.recipe, self.classes)
        done = time.perf_counter_ns()
        times = Timings(
            prepare_us=(filled - start) / 1e3,
            infer_us=(ran - filled) / 1e3,
            decode_us=(decoded - ran) / 1e3,
            decide_us=(done - decoded) / 1e3,
        )
        return Judgement(decision, times, shift or (0, 0), found is not None and found.valid)

    def uncounted(self, decision: Decision, floor: float) -> tuple[float, list[Candidate]]:
        """What the model saw on the part judged last and the recipe did not count. For after the verdict: it reads the output anew.

        Returns:
            The score from which on nothing is missing (1: nothing is known, as where lower down the output is no number), and what
            was seen, best first.
        """
        floor = min(floor, self._min_score)
        found = self.model.predictions(floor)
        if not found.valid:
            return 1.0, []
        counted = {(d.kind, d.score, d.box) for d in decision.defects}
        seen = [
            Candidate(self.classes[kind], score, (box[0], box[1], box[2], box[3]))
            for box, score, kind in zip(found.boxes.tolist(), found.scores.tolist(), found.kinds.tolist(), strict=True)
        ]
        rest = [c for c in seen if (c.kind, c.score, c.box) not in counted]
        left_out = max(found.cut_score, rest[MAX_CANDIDATES].score if len(rest) > MAX_CANDIDATES else 0.0)
        return min(1.0, math.nextafter(left_out, 2.0) if left_out else floor), rest[:MAX_CANDIDATES]
