"""What the shop floor pays: costs, speed and people, and what a set's figures mean for a shift of the line."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from edge.bounds import share
from edge.errors import SettingsError

UNSEEN_PARTS = 0.5


@dataclass(frozen=True, slots=True)
class Business:
    """What thresholds are chosen for.

    Attributes:
        escape_cost: of an NG part that passes, in the currency.
        overkill_cost: of an OK part that is thrown away.
        review_cost: of a person looking at one UNDECIDED part. The person is taken to be right: an OK part goes back to the line.
        parts_per_hour: speed of the line.
        defect_share: expected share of NG parts on the line, 0..1 exclusive; a set's own share is not the line's.
        review_per_hour: how many parts a person can look at in an hour.
        shift_hours: hours of a shift.
        currency: how costs are shown.
    """

    escape_cost: float
    overkill_cost: float
    review_cost: float
    parts_per_hour: float
    defect_share: float
    review_per_hour: float
    shift_hours: float = 8.0
    currency: str = "EUR"

    def __post_init__(self) -> None:
        for key in ("escape_cost", "overkill_cost", "parts_per_hour", "shift_hours"):
            if not 0 < getattr(self, key) <= 1e9:
                raise SettingsError(f"--{_option(key)} {getattr(self, key):g}: give a number above 0 and up to 1e9")
        for key in ("review_cost", "review_per_hour"):
            if not 0 <= getattr(self, key) <= 1e9:
                raise SettingsError(f"--{_option(key)} {getattr(self, key):g}: give a number from 0 to 1e9")
        if not 0 < self.defect_share < 1:
            raise SettingsError(
                f"--defect-share {self.defect_share:g}: give a share above 0 and below 1, e.g. 0.01 for one part in a hundred"
            )

    @property
    def shift_parts(self) -> float:
        return self.parts_per_hour * self.shift_hours

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def _option(key: str) -> str:
    return key.replace("_", "-")


@dataclass(frozen=True, slots=True)
class Counts:
    """What verdicts a set's parts got, and the mean over the classes of the scores that gave them."""

    bad: int
    good: int
    escapes: int
    false_rejects: int
    doubtful_bad: int
    doubtful_good: int
    undecided_score: float
    ng_score: float


@dataclass(frozen=True, slots=True)
class Expected:
    """A number to expect, and the bounds that 95 % sure hold it."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Expected:
        return Expected(self.value * factor, self.low * factor, self.high * factor)

    def plus(self, other: Expected) -> Expected:
        """Bounds added as if both could be at their worst together: wider, never too narrow."""
        return Expected(self.value + other.value, self.low + other.low, self.high + other.high)


def expected_share(count: int, of: int, unseen: float) -> Expected:
    """A share to expect of parts to come, bounds by Clopper and Pearson.

    Args:
        unseen: how half a part of a score never seen, anywhere from 0 to 1, would be counted, as the search for thresholds has it.
    """
    bounds = share(count, of)
    return Expected((count + UNSEEN_PARTS * unseen) / (of + UNSEEN_PARTS), bounds.low, bounds.high)


def per_shift(counts: Counts, business: Business) -> dict[str, Expected]:
    """What a shift brings, by the line's own share of NG parts: escapes, false_rejects (OK parts judged NG), reviews, reviews_per_hour, cost.

    The cost's bounds take every part of it at its worst together.
    """
    bad = business.shift_parts * business.defect_share
    good = business.shift_parts - bad
    band = counts.ng_score - counts.undecided_score
    escapes = expected_share(counts.escapes, counts.bad, counts.undecided_score).times(bad)
    rejects = expected_share(counts.false_rejects, counts.good, 1 - counts.ng_score).times(good)
    doubtful_bad = expected_share(counts.doubtful_bad, counts.bad, band).times(bad)
    reviews = doubtful_bad.plus(expected_share(counts.doubtful_good, counts.good, band).times(good))
    cost = escapes.times(business.escape_cost).plus(rejects.times(business.overkill_cost)).plus(reviews.times(business.review_cost))
    return {
        "escapes": escapes,
        "false_rejects": rejects,
        "reviews": reviews,
        "reviews_per_hour": reviews.times(1 / business.shift_hours),
        "cost": cost,
    }
