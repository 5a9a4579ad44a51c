"""What another version of a recipe would have said of the last parts: production's own `decide` over what the record has of them.

Two versions are compared part by part, both decided anew from the same recorded predictions, so that a difference is the
recipe's alone. Where the record cannot know an answer the part is counted as unsure and not guessed:

- the model's scores below what was counted are recorded down to a floor (`edge.candidates`); a version that asks lower is unsure;
- a part that was not judged by the model at all stays what it was;
- another region changes what the model sees: with it every answer is an estimate (`Answer.estimated`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.decide import decide, min_score
from edge.decode import Predictions
from edge.messages import VerdictWord
from edge.recipe import Recipe

MAX_NAMED = 60


@dataclass(frozen=True, slots=True)
class Seen:
    """What the record has of one part.

    Attributes:
        verdict: as it was given.
        truth: what a person said of it: `good`, `bad`, or empty.
        judged_by: hash of the recipe that judged it.
        looked: the model gave numbers for it; else the verdict says nothing of the recipe.
        boxes, scores, kinds: (n, 4), (n,), (n,): counted defects and what was not counted, best first; kinds index `Corpus.classes`.
        floor: whatever scored at least so is among them; None: only what that recipe counted is.
        pictured: there is a picture of it.
    """

    part_id: str
    wall_ns: int
    verdict: VerdictWord
    truth: str
    judged_by: str
    looked: bool
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    kinds: NDArray[np.int64]
    floor: float | None
    pictured: bool = False


@dataclass(frozen=True, slots=True)
class Flip:
    """A part on which the two versions differ."""

    part_id: str
    before: VerdictWord
    after: VerdictWord
    truth: str
    wall_ns: int
    pictured: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What would change.

    Attributes:
        parts: how many were compared.
        rejects_before, rejects_after: NG and UNDECIDED ones.
        more, fewer: parts that would be rejected and were not, and the other way round.
        more_lately, fewer_lately: those of them that came since the moment asked for (the present shift).
        unseen: those of the fewer that no person has confirmed: any of them may be an escape.
        reworded: rejected by both, NG by one and UNDECIDED by the other.
        escapes: confirmed bad parts that the new version passes, newest first, and how many confirmed bad ones there are.
        new_escapes: those of them that the old version rejects.
        spared, bad_goods: confirmed good parts that would pass and did not; confirmed good parts that the new version rejects.
        unsure: parts of which the record cannot say what the new version makes; they are in no other number.
        untouched: parts that the model did not judge, so no recipe changes them.
        flips: the parts that differ, confirmed bad ones first, at most `MAX_NAMED`.
    """

    parts: int = 0
    rejects_before: int = 0
    rejects_after: int = 0
    more: int = 0
    fewer: int = 0
    more_lately: int = 0
    fewer_lately: int = 0
    unseen: int = 0
    reworded: int = 0
    confirmed_bad: int = 0
    confirmed_good: int = 0
    escapes: list[str] = field(default_factory=list)
    new_escapes: int = 0
    spared: int = 0
    bad_goods: int = 0
    unsure: int = 0
    untouched: int = 0
    estimated: bool = False
    flips: list[Flip] = field(default_factory=list)


class Corpus:
    """The parts that are asked about, laid out so that an answer takes milliseconds.

    Attributes:
        recipes: by hash, those that judged the parts; what an unknown one counted is not known, so its parts are unsure.
    """

    def __init__(self, parts: Sequence[Seen], classes: Sequence[str], recipes: dict[str, Recipe]) -> None:
        self.parts, self.classes, self.recipes = list(parts), list(classes), recipes
        counts = [len(p.scores) for p in self.parts]
        self._owner = np.repeat(np.arange(len(self.parts)), counts)
        self._scores = np.concatenate([p.scores for p in self.parts]) if self.parts else np.empty(0, np.float32)
        self._kinds = np.concatenate([p.kinds for p in self.parts]) if self.parts else np.empty(0, np.int64)
        self._told: dict[str, list[VerdictWord]] = {}
        self._odd = self._unlike()

    def _unlike(self) -> set[int]:
        """Parts whose recorded verdict is not what their own recipe makes of their recorded predictions: something else was the reason."""
        odd: set[int] = set()
        for sha256, recipe in self.recipes.items():
            mine = [i for i, p in enumerate(self.parts) if p.judged_by == sha256 and p.looked]
            if mine:
                said = self.verdicts(recipe)
                odd |= {i for i in mine if said[i] != self.parts[i].verdict}
        return odd

    def ask(self, before: Recipe, after: Recipe, lately_ns: int = 0) -> Answer:
        """Compare two versions on every part; `lately_ns`, UTC: the parts since then are also counted apart."""
        key = before.model_dump_json()
        if key not in self._told:  # the one side of the question is the same for every move of a slider
            self._told = {key: self.verdicts(before)}
        old, new = self._told[key], self.verdicts(after)
        sure = {h: self._sure(recipe, before) and self._sure(recipe, after) for h, recipe in self.recipes.items()}
        lowest = min(min_score(r, self.classes) for r in (before, after)) if self.classes else 0.0
        n = dict.fromkeys(("parts", "rejects_before", "rejects_after", "more", "fewer", "more_lately", "fewer_lately", "unseen", "reworded", "confirmed_bad", "confirmed_good", "new_escapes", "spared", "bad_goods", "unsure", "untouched"), 0)  # fmt: skip
        escapes: list[str] = []
        flips: list[Flip] = []
        for i, (part, was, now) in enumerate(zip(self.parts, old, new, strict=True)):
            if not part.looked:
                n["untouched"] += 1
                continue
            if i in self._odd or not (sure.get(part.judged_by, False) or (part.floor is not None and part.floor <= lowest)):
                n["unsure"] += 1
                continue
            n["parts"] += 1
            n["rejects_before"] += was != "OK"
            n["rejects_after"] += now != "OK"
            n["more"] += was == "OK" != now
            n["fewer"] += now == "OK" != was
            n["more_lately"] += was == "OK" != now and part.wall_ns >= lately_ns
            n["fewer_lately"] += now == "OK" != was and part.wall_ns >= lately_ns
            n["unseen"] += now == "OK" != was and not part.truth
            n["reworded"] += "OK" not in (was, now) and was != now
            if part.truth == "bad":
                n["confirmed_bad"] += 1
                n["new_escapes"] += now == "OK" != was
                escapes += [part.part_id] if now == "OK" else []
            elif part.truth == "good":
                n["confirmed_good"] += 1
                n["spared"] += now == "OK" != was
                n["bad_goods"] += now != "OK"
            if was != now:
                flips.append(Flip(part.part_id, was, now, part.truth, part.wall_ns, part.pictured))
        flips.sort(key=lambda f: (not (f.truth == "bad" and f.after == "OK"), "OK" not in (f.before, f.after), not f.pictured, -f.wall_ns))
        estimated = any(not same_view(r, after) for r in self.recipes.values())
        return Answer(**n, escapes=escapes, estimated=estimated, flips=flips[:MAX_NAMED])

    def verdicts(self, recipe: Recipe) -> list[VerdictWord]:
        """What a version makes of each part, by `decide`; parts that the model did not judge keep their verdict.

        A prediction below its class's `undecided_score` never counts, so a part that has none above is decided once for all of them.
        """
        least = np.float32(min_score(recipe, self.classes)) if self.classes else np.float32(1)
        limits = np.array([min(np.float64(s), np.float64(np.float32(s))) for s in (recipe.rule(k).undecided_score for k in self.classes)])
        counts = (
            (self._scores.astype(np.float64) >= limits[self._kinds]) & (self._scores >= least) if len(self._scores) else np.empty(0, bool)
        )
        matter = np.zeros(len(self.parts), bool)
        matter[self._owner[counts]] = True
        nothing = decide(_nothing(), recipe, self.classes).verdict if self.classes else "OK"
        return [
            part.verdict if not part.looked else decide(_cut(part, least), recipe, self.classes).verdict if matter[i] else nothing
            for i, part in enumerate(self.parts)
        ]

    def _sure(self, judged: Recipe, asked: Recipe) -> bool:
        """Whether all that one version counts was counted by the one that judged, so that its defects alone give the answer."""
        if set(judged.region.ignore) - set(asked.region.ignore):
            return False
        for kind in self.classes:
            if asked.rule(kind).undecided_score < judged.rule(kind).undecided_score or asked.min_size_px(kind) < judged.min_size_px(kind):
                return False
        return True


def same_view(one: Recipe, other: Recipe) -> bool:
    """Whether the model sees the same pixels under both."""
    return one.region.roi == other.region.roi and one.reference == other.reference and one.model == other.model


def predictions_of(rows: Iterable[tuple[str, float, float, float, float, float]], classes: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:  # fmt: skip
    """Boxes, scores and kinds of (kind, score, x1, y1, x2, y2), best first; a class that is not among `classes` is left out."""
    index = {kind: i for i, kind in enumerate(classes)}
    known = sorted((row for row in rows if row[0] in index), key=lambda row: -row[1])
    boxes = np.array([row[2:] for row in known], np.float32).reshape(-1, 4)
    return boxes, np.array([row[1] for row in known], np.float32), np.array([index[row[0]] for row in known], np.int64)


def _cut(part: Seen, least: np.float32) -> Predictions:
    """What the model would have handed over: it is asked for nothing below the recipe's lowest score."""
    keep = part.scores >= least
    return Predictions(part.boxes[keep], part.scores[keep], part.kinds[keep])


def _nothing() -> Predictions:
    return Predictions(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int64))
