"""Escape and overkill as shares with their 95 % bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of` parts, the share, and the two-sided 95 % bounds by Clopper and Pearson (Biometrika 1934)."""

    count: int
    of: int
    rate: float
    low: float
    high: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        return in_words(asdict(self))


def in_words(share: Mapping[str, Any]) -> str:
    """A share's mapping for people; one that brings no rate says how many of how many."""
    counted = f"{share['count']} of {share['of']}"
    if "high" not in share:
        return counted
    return f"{counted} ({share['rate'] * 100:.2f} %, 95 % bounds {share['low'] * 100:.2f} to {share['high'] * 100:.2f} %)"


def share(count: int, of: int) -> Share:
    """The share of `count` in `of`; of nothing everything is possible: bounds 0 to 1."""
    from scipy.stats import binomtest  # half a second to import, and only reports need it

    if of == 0:
        return Share(0, 0, 0.0, 0.0, 1.0)
    interval = binomtest(count, of).proportion_ci(0.95, "exact")
    return Share(count, of, count / of, float(interval.low), float(interval.high))
