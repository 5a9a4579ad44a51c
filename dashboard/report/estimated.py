"""Escape and overkill in words: the estimate, its bounds and what it rests on, or that too little was reviewed to say."""

from __future__ import annotations

from dashboard.numbers import Numbers
from dashboard.report.blocks import Figure
from edge.estimates import Bounded, Quality


def bounds_text(t: dict[str, str], n: Numbers, share: Bounded) -> str:
    """Both bounds."""
    return t["report.bounds"].format(low=n.share(share.low), high=n.share(share.high))


def escape_figure(t: dict[str, str], n: Numbers, quality: Quality) -> Figure:
    """Of the bad parts, how many passed."""
    passed = quality.strata[0]
    note = t["report.escape_note"].format(n=n.whole(passed.reviewed), of=n.whole(passed.parts), bad=n.whole(passed.bad))
    too_few = bool({"no-sample", "small-sample"} & set(quality.warnings))
    return _figure(t, n, t["report.escape"], quality.escape, note, too_few)


def overkill_figure(t: dict[str, str], n: Numbers, quality: Quality) -> Figure:
    """Of the good parts, how many were ejected."""
    rejected = quality.strata[1:]
    reviewed, parts = sum(s.reviewed for s in rejected), sum(s.parts for s in rejected)
    note = t["report.overkill_note"].format(n=n.whole(reviewed), of=n.whole(parts), good=n.whole(quality.known_overkills))
    too_few = bool({"no-reviews", "few-reviews"} & set(quality.warnings))
    return _figure(t, n, t["report.overkill"], quality.overkill, note, too_few)


def _figure(t: dict[str, str], n: Numbers, name: str, share: Bounded, note: str, too_few: bool) -> Figure:
    value = t["report.cannot_say"] if too_few or share.value is None else n.share(share.value)
    return Figure(name, value, f"{note}; {bounds_text(t, n, share)}")
