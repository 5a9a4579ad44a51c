"""Escape and overkill as shares with their 95 % bounds."""

from __future__ import annotations

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
        return f"{self.count} of {self.of} ({self.rate:.2%}, 95 % bounds {self.low:.2%} to {self.high:.2%})"


def share(count: int, of: int) -> Share:
    """The share of `count` in `of`; of nothing everything is possible: bounds 0 to 1."""
    from scipy.stats import binomtest  # half a second to import, and only reports need it

    if of == 0:
        return Share(0, 0, 0.0, 0.0, 1.0)
    interval = binomtest(count, of).proportion_ci(0.95, "exact")
    return Share(count, of, count / of, float(interval.low), float(interval.high))
