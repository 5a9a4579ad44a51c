"""What escape rate may be claimed after so many NG parts, and how many parts a claim takes.

One-sided, 95 %: a claim says "at most", so nothing is lost on the other side. Without a miss it is the rule of three: n parts bound
the rate at about 3/n (Hanley and Lippman-Hand, JAMA 1983); exact here, by the binomial distribution (Clopper and Pearson, 1934).
"""

from __future__ import annotations

CONFIDENCE = 0.95


def claimable(misses: int, of: int) -> float:
    """The lowest escape rate that `misses` among `of` NG parts allow to claim; 1 where nothing can be."""
    from scipy.stats import beta

    return 1.0 if misses >= of else float(beta.ppf(CONFIDENCE, misses + 1, of - misses))


def parts_needed(rate: float, misses: int = 0) -> int:
    """The least number of NG parts of which `misses` may be missed for the claim "at most `rate` escape" (0 < rate < 1)."""
    low, high = misses, misses + 1
    while claimable(misses, high) > rate:
        low, high = high, high * 2
    while high - low > 1:  # `low` is too few, `high` is enough
        middle = (low + high) // 2
        low, high = (middle, high) if claimable(misses, middle) > rate else (low, middle)
    return high


def claim(rate: float, misses: int, of: int) -> dict[str, float | int]:
    """What is claimable now, and how many more NG parts without a further miss the claim of `rate` takes."""
    needed = parts_needed(rate, misses)
    return {"rate": rate, "claimable": claimable(misses, of), "needed": needed, "more": max(0, needed - of), "confidence": CONFIDENCE}
