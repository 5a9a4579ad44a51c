"""What thresholds cost, estimated so that a set without a miss does not make them reckless.

Doubt is built in. Each part's scores might have come out a little differently: they are smeared by a normal kernel (Silverman, Density
Estimation, 1986, eq. 3.31). Half a part of either kind that nobody has seen is added, its score anywhere from 0 to 1. Parts are
weighed by the line's share of NG parts, not by the set's. And with `margins.pieces_of` every kind of defect must be found alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.business import UNSEEN_PARTS, Business
from training.margins import Margins, Scores

WIDTHS = (0.01, 0.1)


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of NG and of OK parts whose scores stay below limits; scalars or arrays over limits."""

    bad: Scores
    good: Scores


class Objective:
    """The expected cost of a part, in the currency, under given limits per class."""

    def __init__(self, margins: Margins, business: Business) -> None:
        """Margins with at least one part of either kind, whole or in pieces."""
        self.margins, self.business = margins, business
        self._widths = np.where(margins.bad, _width(margins.top[margins.bad]), _width(margins.top[~margins.bad]))
        self._weights = margins.weight * margins.bad, margins.weight * ~margins.bad

    def below(self, limits: Scores, *, sure: bool) -> Shares:
        """Shares that stay below `limits` (m, k) in every class: those not NG (`sure`), or those that pass."""
        scores = self.margins.sure if sure else self.margins.doubt
        room = np.full((len(scores), len(limits)), np.inf)
        for k in range(limits.shape[1]):
            np.minimum(room, limits[None, :, k] - scores[:, k, None], out=room)
        return self._shares(room, limits.mean(1))

    def below_with(self, k: int, limits: Scores, others: Scores, *, sure: bool) -> Shares:
        """The same for `limits` (m,) of class k alone, while the other classes stay at `others` (k,)."""
        scores = self.margins.sure if sure else self.margins.doubt
        rest = np.delete(others - scores, k, axis=1).min(1, initial=np.inf)
        room = np.minimum(rest[:, None], limits[None, :] - scores[:, k, None])
        return self._shares(room, (others.sum() - others[k] + limits) / len(others))

    def _shares(self, room: Scores, unseen: Scores) -> Shares:
        from scipy.special import ndtr

        passing = ndtr(room / self._widths[:, None])
        bad, good = ((w @ passing + UNSEEN_PARTS * unseen) / (w.sum() + UNSEEN_PARTS) for w in self._weights)
        return Shares(bad, good)

    def cost(self, passing: Shares, not_ng: Shares) -> Scores:
        """Expected cost of a part where these shares pass and these are not NG; what lies between is reviewed."""
        b = self.business
        share = b.defect_share
        return np.asarray(
            share * b.escape_cost * passing.bad
            + (1 - share) * b.overkill_cost * (1 - not_ng.good)
            + b.review_cost * self.reviews(passing, not_ng)
        )

    def reviews(self, passing: Shares, not_ng: Shares) -> Scores:
        """Expected reviews of a part."""
        share = self.business.defect_share
        return np.asarray(share * (not_ng.bad - passing.bad) + (1 - share) * (not_ng.good - passing.good))

    def of(self, undecided: Scores, ng: Scores) -> tuple[float, float]:
        """Expected cost and reviews of a part under one set of limits (k,)."""
        passing, not_ng = self.below(undecided[None], sure=False), self.below(ng[None], sure=True)
        return float(self.cost(passing, not_ng)[0]), float(self.reviews(passing, not_ng)[0])

    def best(self, passing: Shares, not_ng: Shares) -> tuple[int, int, float]:
        """The cheapest pair of a row of limits (m,): index for undecided_score, index >= it for ng_score, and the cost.

        Where people cannot review even the fewest (parts of which nothing can be said), only pairs with as few as that count.
        """
        grid = Shares(passing.bad[:, None], passing.good[:, None]), Shares(not_ng.bad[None, :], not_ng.good[None, :])
        cost, reviews = self.cost(*grid), self.reviews(*grid)
        ordered = np.triu(np.ones_like(cost, np.bool_))
        most = max(self.business.review_per_hour / self.business.parts_per_hour, float(reviews[ordered].min())) + 1e-12
        fits = ordered & (reviews <= most)
        at = int(np.where(fits, cost, np.inf).argmin())
        low, high = divmod(at, cost.shape[1])
        return low, high, float(cost[low, high])


def _width(scores: NDArray[np.float64]) -> float:
    """The kernel's width for a group of scores."""
    spread = min(float(scores.std()), float(np.subtract(*np.percentile(scores, [75, 25]))) / 1.34)
    return float(np.clip(0.9 * spread * len(scores) ** -0.2, *WIDTHS))
