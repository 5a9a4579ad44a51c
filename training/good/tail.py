"""Thresholds without a single bad part: how rarely a good part scores as high, from the tail of the good parts themselves.

The worst score of a part, taken from a network that was not trained on that part, exceeds a high level with an exponentially
falling probability (peaks over threshold, Pickands 1975, with shape 0: logits are light-tailed). That makes the score on the card
one affine step in the logit: score = REFERENCE / (REFERENCE + p) where p is the share of good parts that score at least as high.
So 0.5 means *one good part in a hundred looks this bad*, whatever the product; 0.9 is nine times rarer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import expon

from edge.errors import SettingsError

REFERENCE = 0.01
TAIL_SHARE = 0.3
LEAST_IN_TAIL = 8
LEAST_PARTS = 12


@dataclass(frozen=True, slots=True)
class Tail:
    """P(worst logit of a good part > s) = share * exp(-(s - start) / scale), for s >= start.

    Attributes:
        parts: how many parts it was fitted on.
    """

    start: float
    scale: float
    share: float
    parts: int

    def exceeded_by(self, logit: float) -> float:
        """The share of good parts whose worst logit is above this one; below the tail's start never less than the tail's share."""
        return min(1.0, self.share * math.exp(min(700.0, -(logit - self.start) / self.scale)))

    def level(self, share: float) -> float:
        """The logit that this share of good parts exceeds."""
        return self.start + self.scale * math.log(self.share / share)

    @property
    def slope(self) -> float:
        """With `offset`: sigmoid(slope * logit + offset) is the card's score."""
        return 1 / self.scale

    @property
    def offset(self) -> float:
        return math.log(REFERENCE / self.share) - self.start / self.scale


def fit_tail(worst: Sequence[float]) -> Tail:
    """Fit the tail of the worst logits of good parts, one each.

    Raises:
        SettingsError: fewer than LEAST_PARTS parts, or numbers that are no numbers.
    """
    values = np.sort(np.asarray(worst, np.float64))[::-1]
    if len(values) < LEAST_PARTS:
        raise SettingsError(
            f"{len(values)} good parts are too few for a threshold; take images of at least {LEAST_PARTS} (of {parts_needed(0.05)} to claim 5 % overkill)"
        )
    if not np.isfinite(values).all():
        raise SettingsError("the network gave no valid numbers on good parts; train longer, or look for images without any contrast")
    count = max(LEAST_IN_TAIL, math.ceil(TAIL_SHARE * len(values)))
    start = float(values[count])
    _, scale = expon.fit(values[:count] - start, floc=0)
    return Tail(start, max(float(scale), 1e-6), count / len(values), len(values))


def score_of(share: float) -> float:
    """The card's score that this share of good parts reaches."""
    return REFERENCE / (REFERENCE + share)


def overkill_bounds(worst: Sequence[float], logit: float, seed: int, draws: int = 2_000) -> tuple[float, float]:
    """95 % bounds of the share of good parts above a logit: bootstrap over parts (percentiles), the tail fitted anew each time."""
    rng = np.random.default_rng(seed)
    values = np.asarray(worst, np.float64)
    shares = [fit_tail(values[rng.integers(len(values), size=len(values))].tolist()).exceeded_by(logit) for _ in range(draws)]
    low, high = np.percentile(shares, [2.5, 97.5])
    return float(low), float(high)


def parts_needed(share: float) -> int:
    """How many good parts in a row must pass to claim, with 95 % confidence, that at most this share is rejected."""
    return math.ceil(math.log(0.05) / math.log(1 - share))
