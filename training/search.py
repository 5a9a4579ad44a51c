"""The search for thresholds: exact over one pair for all classes, then class by class."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.business import Business
from training.margins import Margins, Scores
from training.objective import Objective

MAX_LIMITS = 200
OWN_PARTS = 20
HALF_WAY = 100
GAIN = 0.01
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Recommended scores.

    Attributes:
        ng, undecided: (k,) by class, `undecided` <= `ng`.
        ng_for_all, undecided_for_all: the best single pair.
        cost, cost_for_all: expected cost of a part with either, as the objective estimates it.
    """

    ng: Scores
    undecided: Scores
    ng_for_all: float
    undecided_for_all: float
    cost: float
    cost_for_all: float

    def own(self, k: int) -> bool:
        """Whether a class has scores of its own."""
        return bool(self.ng[k] != self.ng_for_all or self.undecided[k] != self.undecided_for_all)


def limits_between(scores: NDArray[np.float64], least: float) -> Scores:
    """A threshold in the middle of every gap between neighbouring scores, ascending; also below the lowest and above the highest one.

    Scores below `least` are not known apart. Of more than MAX_LIMITS gaps the widest and evenly chosen others are kept.
    """
    known = np.unique(np.clip(scores[np.isfinite(scores)], least, 1.0))
    points = np.unique(np.concatenate(([least], known, [1.0])))
    limits = np.array([tidy(a, b) for a, b in itertools.pairwise(points.tolist())])
    if len(limits) > MAX_LIMITS:
        widest = np.argsort(-np.diff(points), kind="stable")[: MAX_LIMITS // 2]
        even = np.linspace(0, len(limits) - 1, MAX_LIMITS // 2).round().astype(np.int64)
        limits = limits[np.unique(np.concatenate((widest, even)))]
    return limits


def tidy(low: float, high: float) -> float:
    """The middle of a gap with as few digits as stay in its middle half."""
    middle = (low + high) / 2
    for digits in range(2, 7):
        if abs(round(middle, digits) - middle) <= (high - low) / 4:
            return round(middle, digits)
    return middle


def search(margins: Margins, business: Business, least: float) -> Thresholds:
    """The cheapest thresholds.

    One pair for all classes is found by trying every one. A class gets scores of its own only where at least OWN_PARTS NG parts
    carry it and the expected cost falls by more than GAIN of it: with fewer parts the difference would be chance. Class by class is
    coordinate descent: no single class can be moved to a cheaper place afterwards, moving several at once might. What it finds on n
    parts is taken only n / (n + HALF_WAY) of the way: the best place for each of many classes is the one that fits chance best.
    """
    objective = Objective(margins, business)
    classes = margins.sure.shape[1]
    limits = limits_between(margins.doubt.max(1), least)
    all_alike = np.repeat(limits[:, None], classes, 1)
    low, high, for_all = objective.best(objective.below(all_alike, sure=False), objective.below(all_alike, sure=True))
    _, reviews_for_all = objective.of(all_alike[low], all_alike[high])
    undecided, ng = np.full(classes, limits[low]), np.full(classes, limits[high])
    cost = for_all
    may = [k for k in range(classes) if classes > 1 and (margins.kind == k).sum() >= OWN_PARTS]
    own = {k: limits_between(np.concatenate((margins.doubt[:, k], [limits[low], limits[high]])), least) for k in may}
    for _ in range(ROUNDS):
        before = cost
        for k in may:
            passing = objective.below_with(k, own[k], undecided, sure=False)
            not_ng = objective.below_with(k, own[k], ng, sure=True)
            a, b, moved = objective.best(passing, not_ng)
            if moved < cost * (1 - GAIN):
                undecided[k], ng[k], cost = own[k][a], own[k][b], moved
        if cost == before:
            break
    good = int((~margins.bad).sum())
    for k in may:
        n = min(int((margins.kind == k).sum()), good)
        ng[k], undecided[k] = (_part_way(own[k], limits[at], found[k], n) for at, found in ((high, ng), (low, undecided)))
    cost, reviews = objective.of(undecided, ng)
    if cost > for_all * (1 - GAIN) or reviews * business.parts_per_hour > max(business.review_per_hour, reviews_for_all):
        ng[:], undecided[:], cost = limits[high], limits[low], for_all
    return Thresholds(ng, undecided, float(limits[high]), float(limits[low]), cost, for_all)


def _part_way(limits: Scores, common: float, found: float, n: int) -> float:
    """The limit nearest to where n parts bear a class out of the way from the common score to the one found for it."""
    want = common + (found - common) * n / (n + HALF_WAY)
    return float(limits[np.abs(limits - want).argmin()]) if found != common else common


def curve(margins: Margins, business: Business, least: float) -> dict[str, list[float]]:
    """Cost per hour over one threshold for all classes, without a band: `score`, `escapes`, `overkill` and `total`."""
    objective = Objective(margins, business)
    limits = limits_between(margins.doubt.max(1), least)
    below = objective.below(np.repeat(limits[:, None], margins.sure.shape[1], 1), sure=False)
    escapes = business.parts_per_hour * business.defect_share * business.escape_cost * below.bad
    overkill = business.parts_per_hour * (1 - business.defect_share) * business.overkill_cost * (1 - below.good)
    return {"score": limits.tolist(), "escapes": escapes.tolist(), "overkill": overkill.tolist(), "total": (escapes + overkill).tolist()}


def firmness(margins: Margins, business: Business, least: float, seed: int = 1, times: int = 100) -> dict[str, tuple[float, float]]:
    """Between which scores (one pair for all classes) 95 % of sets drawn anew from the same parts put them (bootstrap by part)."""
    rng = np.random.default_rng(seed)
    rows = [np.flatnonzero(margins.part == p) for p in range(int(margins.part.max()) + 1)]
    bad = [r for r in rows if margins.bad[r[0]]]
    good = [r for r in rows if not margins.bad[r[0]]]
    found = []
    for _ in range(times):
        drawn = margins[np.concatenate([group[i] for group in (bad, good) for i in rng.integers(0, len(group), len(group))])]
        limits = limits_between(drawn.doubt.max(1), least)
        objective, alike = Objective(drawn, business), np.repeat(limits[:, None], drawn.sure.shape[1], 1)
        found.append(limits[list(objective.best(objective.below(alike, sure=False), objective.below(alike, sure=True))[:2])])
    low, high = np.quantile(found, [0.025, 0.975], axis=0).tolist()
    return {"undecided_score": (low[0], high[0]), "ng_score": (low[1], high[1])}
