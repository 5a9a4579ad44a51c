"""Which recorded parts a person should label next: doubtful, disputed or unlike anything in the training set, and all different.

What is worth a label: a part on which the line or two models could not agree, one whose score lies near the threshold, one
that looks unlike every image the model was trained on. Many such parts look alike, and the tenth teaches little: so each
next one is the worthiest *and* far from those chosen before (greedy k-centre, as in Sener and Savarese, ICLR 2018).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.bounds import share
from edge.store import Inspection
from training.descriptor import distances

REASONS = {
    "disagreeing": "active model and shadow model disagree",
    "undecided": "the line could not decide",
    "unlike": "looks unlike the training set",
    "near": "its score lies near the threshold",
    "other": "a sample of what is thought to be known",
}
_NEAR = 0.25  # of the score, on either side of the threshold
_UNLIKE = 0.95  # farther from the training set than that share of its own images are from each other


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A part to label, why, and how much it is worth (0..1)."""

    part: Inspection
    why: str
    worth: float
    unlike: float


@dataclass(frozen=True, slots=True)
class Expectation:
    """What labelling the suggestions should bring, from earlier reviews of parts of the same kinds; 95 % range.

    Attributes:
        bad, wrong: how many will turn out bad, and on how many the line's verdict was wrong.
        reviewed: how many reviews this rests on.
    """

    bad: tuple[float, float]
    wrong: tuple[float, float]
    reviewed: int


def unlikeness(looks: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float64]:
    """How unlike the training set each image is, 0..1: the share of training images that have a nearer neighbour in it.

    Args:
        looks: (n, d) of the candidates.
        known: (m, d) of the training set; where it holds fewer than two, everything is new.
    """
    if len(known) < 2:
        return np.ones(len(looks))
    own = np.array([_nearest(known[i : i + 1], np.delete(known, i, 0))[0] for i in range(min(len(known), 1_000))])
    own.sort()
    return np.searchsorted(own, _nearest(looks, known), side="left") / len(own)


def _nearest(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([distances(a[i : i + 256], b).min(1) for i in range(0, len(a), 256)]) if len(a) else np.empty(0, np.float32)


def reason(part: Inspection, unlike: float, thresholds: Mapping[str, float], disagreeing: bool) -> tuple[str, float]:
    """Why a part is worth a label, and how much.

    Args:
        thresholds: score from which a defect of a class makes a part NG; the key '' is that of all others.
    """
    near = max((1 - abs(d.score - thresholds.get(d.kind, thresholds[""])) / _NEAR for d in part.defects), default=0.0)
    if disagreeing:
        return "disagreeing", 1.0
    if part.verdict == "UNDECIDED":
        return "undecided", 0.9
    if unlike >= _UNLIKE:
        return "unlike", 0.8 * unlike
    if near > 0:
        return "near", 0.3 + 0.4 * near
    return "other", 0.2 * unlike + 0.05


def choose(
    parts: Sequence[Inspection],
    looks: NDArray[np.float32],
    known: NDArray[np.float32],
    thresholds: Mapping[str, float],
    disagreeing: frozenset[str],
    count: int,
) -> list[Suggestion]:
    """The parts to label, worthiest first.

    Args:
        looks: (n, d) how the parts look, in their order.
        known: (m, d) how the training set looks.
        disagreeing: ids of parts on which a shadow model saw it otherwise.
    """
    unlike = unlikeness(looks, known)
    judged = [reason(p, float(u), thresholds, p.part_id in disagreeing) for p, u in zip(parts, unlike, strict=True)]
    worth = np.array([w for _, w in judged])
    apart = np.ones(len(parts))  # from what was chosen, 1 = as far as can be
    chosen: list[Suggestion] = []
    left = np.ones(len(parts), bool)
    while len(chosen) < min(count, len(parts)):
        # the square root lets worth lead and distance break up what is alike
        i = int(np.argmax(np.where(left, worth * np.sqrt(apart), -1)))
        left[i] = False
        chosen.append(Suggestion(parts[i], judged[i][0], float(worth[i]), float(unlike[i])))
        apart = np.minimum(apart, distances(looks, looks[i : i + 1])[:, 0] / math.sqrt(2))
    return chosen


def expectation(chosen: Sequence[Suggestion], reviewed: Sequence[tuple[str, str, bool]], disagreeing: frozenset[str]) -> Expectation:
    """What the labels should bring.

    Args:
        reviewed: of each part that a person has reviewed as good or bad: its id, the line's verdict, whether it was bad.
    """
    seen: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for part_id, verdict, is_bad in reviewed:
        kind = _kind(part_id, verdict, disagreeing)
        seen[kind] += 1
        bad[kind] += is_bad
        wrong[kind] += is_bad == (verdict == "OK")
    low_bad = high_bad = low_wrong = high_wrong = 0.0
    kinds = Counter(_kind(s.part.part_id, s.part.verdict or "UNDECIDED", disagreeing) for s in chosen)
    for kind, count in kinds.items():
        of_bad, of_wrong = share(bad[kind], seen[kind]), share(wrong[kind], seen[kind])
        low_bad, high_bad = low_bad + of_bad.low * count, high_bad + of_bad.high * count
        low_wrong, high_wrong = low_wrong + of_wrong.low * count, high_wrong + of_wrong.high * count
    return Expectation((low_bad, high_bad), (low_wrong, high_wrong), sum(seen[k] for k in kinds))


def _kind(part_id: str, verdict: str, disagreeing: frozenset[str]) -> str:
    return "disagreeing" if part_id in disagreeing else verdict
