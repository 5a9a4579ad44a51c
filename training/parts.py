"""From images to parts: a part is rejected if any of its images is, and bad if any of them shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from edge.decide import Decision, decide, undecided
from edge.labelled import LabelledImage
from edge.messages import VerdictWord
from edge.recipe import Recipe
from training.predict import Seen

Truth = Literal["OK", "NG"]
_RANK: dict[VerdictWord, int] = {"OK": 0, "UNDECIDED": 1, "NG": 2}


@dataclass(frozen=True, slots=True)
class Part:
    """One physical piece: its name (of the image, where the set names no parts), what it is, and the indices of its images."""

    name: str
    truth: Truth
    images: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """A set under a recipe: a decision for every image, and every part with its verdict, the worst of its images."""

    seen: Sequence[Seen]
    decisions: list[Decision]
    parts: list[Part]
    verdicts: list[VerdictWord]

    def named(self, truth: Truth, *words: VerdictWord) -> list[str]:
        """The parts that are `truth` and got one of these verdicts."""
        return [p.name for p, v in zip(self.parts, self.verdicts, strict=True) if p.truth == truth and v in words]


def truth_of(entry: LabelledImage) -> Truth:
    """What the set says of an image; without a word its labels decide."""
    return "NG" if entry.expected == "NG" or (not entry.expected and entry.kinds) else "OK"


def parts_of(entries: Sequence[LabelledImage]) -> list[Part]:
    """The parts of a set, in the order of their first images."""
    images: dict[tuple[bool, str], list[int]] = {}
    for i, entry in enumerate(entries):
        images.setdefault((bool(entry.part), entry.part or entry.name), []).append(i)
    return [Part(name, "NG" if any(truth_of(entries[i]) == "NG" for i in own) else "OK", tuple(own)) for (_, name), own in images.items()]


def worst(words: Iterable[VerdictWord]) -> VerdictWord:
    """The verdict on a part from those on its images."""
    return max(words, key=_RANK.__getitem__)


def judge_parts(seen: Sequence[Seen], recipe: Recipe, names: list[str]) -> Judged:
    """Decide on every image as the line does, and on every part."""
    decisions = [
        decide(s.found, recipe, names) if s.found is not None else undecided("out of place, or without the reference that the model wants")
        for s in seen
    ]
    parts = parts_of([s.entry for s in seen])
    return Judged(seen, decisions, parts, [worst(decisions[i].verdict for i in p.images) for p in parts])
