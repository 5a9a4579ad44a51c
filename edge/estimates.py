"""Escape and overkill in production, estimated from what people reviewed, with bounds. Pure.

People look at rejects far more often than at parts that passed, so one share over all reviews would say nothing of either.
Parts are therefore divided by what the line did with them (stratified sampling; Cochran, Sampling Techniques, 3rd ed., ch. 5):
in each stratum the share of bad parts is that of its reviewed ones, and counts for all of its parts. Of parts that passed only
those count that were drawn at random (`how = 'sample'`): one that somebody brought back because it was bad says that there was
an escape, not how often; it only limits the share from below, as a good one does from above. Each stratum's share has Clopper and
Pearson's bounds at 95 % shared among the strata (Bonferroni), so the bounds of what follows from them hold with at least 95 %. A
stratum that was reviewed whole is known and needs none. A stratum of rejects of which nobody reviewed any is left out of the estimates, but not out of the bounds: there it may be all good or all bad.
Nobody can check that reviewed rejects are like the others of their stratum; `reviewed` of `parts` shows how far that is stretched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from edge.tally_sums import Cell

CONFIDENCE: Final = 0.95
StratumName = Literal["passed", "ng", "undecided", "late"]
STRATA: Final[tuple[StratumName, ...]] = ("passed", "ng", "undecided", "late")


class Bounded(msgspec.Struct, frozen=True):
    """An estimate and its bounds; `value` None: nothing was reviewed that says anything, and the bounds are those of anything."""

    value: float | None
    low: float
    high: float


class Stratum(msgspec.Struct, frozen=True):
    """Parts with which the line did the same.

    Attributes:
        name: passed, or ejected for the verdict `ng` or `undecided`, or ejected though no verdict said so (`late`: too late, or none).
        parts: all; reviewed: those of them whose review counts here and says good or bad; bad: of those.
        share: of bad ones in the stratum; never less than all that are known, nor more than leaves room for the good ones known.
        unsure: reviewed, and nobody could tell.
        aside: reviews of parts that passed and were no sample: not counted in `reviewed`; aside_bad: of those bad.
    """

    name: StratumName
    parts: int
    reviewed: int
    bad: int
    share: Bounded
    unsure: int
    aside: int
    aside_bad: int


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """What the line let through and what it threw away.

    Attributes:
        escape: share of the bad parts that passed. overkill: share of the good parts that were ejected.
        escaped_share: share of bad parts in those that passed. false_share: share of good parts in those that were ejected.
        known_escapes: parts that passed and that a person found bad, sampled or not. known_overkills: ejected ones found good.
        missed: ejections that were not confirmed; nobody knows where these parts went, and they are in no figure.
        open: parts whose outcome has not come; in no figure.
        warnings: what the reader must be told: `no-sample`, `small-sample` (fewer than 59 parts: a share of 5 % could go unseen),
            `no-reviews` (of rejects), `few-reviews` (less than a tenth of the rejects).
    """

    escape: Bounded
    overkill: Bounded
    escaped_share: Bounded
    false_share: Bounded
    strata: list[Stratum]
    known_escapes: int
    known_overkills: int
    missed: int
    open: int
    warnings: list[str]


def quality(cells: Counter[Cell]) -> Quality:
    """The estimates from cells of `edge.tally_sums`."""
    strata = [_stratum(name, cells) for name in STRATA]
    passed, rejected = strata[0], strata[1:]
    warnings = []
    if passed.parts and not passed.reviewed:
        warnings.append("no-sample")
    elif passed.reviewed < min(59, passed.parts):
        warnings.append("small-sample")
    reviewed, parts = sum(s.reviewed for s in rejected), sum(s.parts for s in rejected)
    if parts and not reviewed:
        warnings.append("no-reviews")
    elif 10 * reviewed < parts:
        warnings.append("few-reviews")
    return Quality(
        escape=_ratio(strata, bad=True, of=("passed",)),
        overkill=_ratio(strata, bad=False, of=STRATA[1:]),
        escaped_share=passed.share,
        false_share=_false_share(rejected),
        strata=strata,
        known_escapes=passed.bad + passed.aside_bad,
        known_overkills=reviewed - sum(s.bad for s in rejected),
        missed=sum(n for (_, outcome, _, _), n in cells.items() if outcome == "missed"),
        open=sum(n for (_, outcome, _, _), n in cells.items() if outcome == ""),
        warnings=warnings,
    )


def _name_of(cell: Cell) -> StratumName | None:
    verdict, outcome, _, _ = cell
    if outcome == "passed":
        return "passed"
    if outcome == "ejected":
        return "ng" if verdict == "NG" else "undecided" if verdict == "UNDECIDED" else "late"
    return None


def _stratum(name: StratumName, cells: Counter[Cell]) -> Stratum:
    n: Counter[str] = Counter()
    for cell, parts in cells.items():
        if _name_of(cell) != name:
            continue
        _, _, truth, sampled = cell
        n["parts"] += parts
        if truth in ("good", "bad"):
            counts = sampled or name != "passed"
            n["reviewed" if counts else "aside"] += parts
            n["bad" if counts else "aside_bad"] += parts * (truth == "bad")
        elif truth:
            n["unsure"] += parts
    share = bounds(n["bad"], n["reviewed"], n["parts"], len(STRATA))
    if n["aside"]:
        bad, good = n["bad"] + n["aside_bad"], n["reviewed"] + n["aside"] - n["bad"] - n["aside_bad"]
        share = _within(share, bad / n["parts"], (n["parts"] - good) / n["parts"])
    return Stratum(name, n["parts"], n["reviewed"], n["bad"], share, n["unsure"], n["aside"], n["aside_bad"])


def _within(share: Bounded, least: float, most: float) -> Bounded:
    """Not less than what is known to be bad, sampled or not, and not more than what is not known to be good."""

    def within(end: float) -> float:
        return min(max(end, least), most)

    return Bounded(None if share.value is None else within(share.value), within(share.low), within(share.high))


def bounds(count: int, of: int, whole: int, shared: int = 1) -> Bounded:
    """The share of `count` in `of` parts of a whole, with two-sided bounds by Clopper and Pearson (Biometrika 1934) of which so many
    together hold with 95 %. They are somewhat too wide where `of` is much of the whole, and exact where it is all of it."""
    from scipy.special import betaincinv  # a tenth of a second to import

    if of == 0:
        return Bounded(None, 0.0, 1.0)
    share = count / of
    if of >= whole:
        return Bounded(share, share, share)
    half = (1 - CONFIDENCE) / shared / 2
    low = float(betaincinv(count, of - count + 1, half)) if count else 0.0
    high = float(betaincinv(count + 1, of - count, 1 - half)) if count < of else 1.0
    # what was not looked at can be all good or all bad, and no more than that
    return Bounded(share, max(low, count / whole), min(high, (whole - of + count) / whole))


def _ratio(strata: Sequence[Stratum], *, bad: bool, of: tuple[StratumName, ...]) -> Bounded:
    """The share of bad (or good) parts that lie in some strata. It rises with their shares there and falls with those elsewhere."""
    inside, outside = [s for s in strata if s.name in of and s.parts], [s for s in strata if s.name not in of and s.parts]

    def parts(of_these: Sequence[Stratum], end: Literal["value", "low", "high"]) -> float | None:
        shares = [(s.parts, getattr(s.share, end)) for s in of_these]
        known = [(n, share) for n, share in shares if share is not None]
        if shares and not known:
            return None
        return float(sum(n * (share if bad else 1 - share) for n, share in known))

    def share(a: float | None, b: float | None) -> float | None:
        return None if a is None or b is None or a + b <= 0 else a / (a + b)

    least: Literal["low", "high"] = "low" if bad else "high"
    most: Literal["low", "high"] = "high" if bad else "low"
    value = share(parts(inside, "value"), parts(outside, "value"))
    low = share(parts(inside, least), parts(outside, most))
    high = share(parts(inside, most), parts(outside, least))
    return Bounded(value, low if low is not None else 0.0, high if high is not None else 1.0)


def _false_share(rejected: Sequence[Stratum]) -> Bounded:
    parts = sum(s.parts for s in rejected)
    if not parts:
        return Bounded(None, 0.0, 1.0)
    there = [s for s in rejected if s.parts]
    known = [(s.parts, s.share.value) for s in there if s.share.value is not None]
    value = sum(n * (1 - share) for n, share in known) / sum(n for n, _ in known) if known else None
    low, high = (sum(s.parts * (1 - end) for s in there for end in [getattr(s.share, name)]) / parts for name in ("high", "low"))
    return Bounded(value, low, high)
