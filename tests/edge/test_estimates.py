"""Escape and overkill from reviews: by hand, and by drawing lines whose truth is known."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from edge.bounds import share
from edge.estimates import bounds, quality
from edge.tally_sums import Cell


def test_strata_by_hand() -> None:
    """10,000 passed of which 200 were drawn and 1 was bad; 300 NG, 100 reviewed, 90 bad; 100 UNDECIDED, all reviewed, 20 bad."""
    cells: Counter[Cell] = Counter({
        ("OK", "passed", "", 0): 9_790, ("OK", "passed", "good", 1): 199, ("OK", "passed", "bad", 1): 1,
        ("OK", "passed", "bad", 0): 10,  # brought back by the customer: known, and no sample
        ("NG", "ejected", "", 0): 200, ("NG", "ejected", "bad", 0): 90, ("NG", "ejected", "good", 0): 10,
        ("UNDECIDED", "ejected", "bad", 0): 20, ("UNDECIDED", "ejected", "good", 0): 80,
        ("NG", "missed", "", 0): 3, ("OK", "", "", 0): 7,
    })  # fmt: skip
    found = quality(cells)
    passed, ng, undecided, late = found.strata
    assert (passed.parts, passed.reviewed, passed.bad, passed.aside, passed.aside_bad) == (10_000, 200, 1, 10, 10)
    assert (ng.parts, ng.reviewed, ng.bad) == (300, 100, 90)
    assert (undecided.share.low, undecided.share.value, undecided.share.high) == (0.2, 0.2, 0.2)  # all were looked at
    assert late.parts == 0
    bad_passed, bad_rejected = 10_000 / 200, 300 * 0.9 + 20
    assert found.escape.value == pytest.approx(bad_passed / (bad_passed + bad_rejected))
    good_rejected, good_passed = 300 * 0.1 + 80, 10_000 * 199 / 200
    assert found.overkill.value == pytest.approx(good_rejected / (good_rejected + good_passed))
    assert found.false_share.value == pytest.approx(110 / 400)
    assert found.escaped_share.value == pytest.approx(0.005)
    assert found.escape.low < found.escape.value < found.escape.high  # type: ignore[operator]
    assert (found.known_escapes, found.known_overkills, found.missed, found.open) == (11, 90, 3, 7)
    assert found.warnings == []


def test_without_a_sample_nothing_is_said_of_escapes() -> None:
    cells: Counter[Cell] = Counter({("OK", "passed", "", 0): 1_000, ("OK", "passed", "bad", 0): 2, ("NG", "ejected", "bad", 0): 50})
    found = quality(cells)
    assert found.escape.value is None
    assert found.escape.high > 0.9
    assert found.warnings == ["no-sample"]
    assert found.known_escapes == 2
    nothing = quality(Counter())
    assert (nothing.escape.value, nothing.overkill.value, nothing.false_share.value, nothing.warnings) == (None, None, None, [])


def test_rejects_that_nobody_reviewed_widen_the_bounds_alone() -> None:
    cells: Counter[Cell] = Counter({
        ("OK", "passed", "good", 1): 100, ("NG", "ejected", "bad", 0): 90, ("NG", "ejected", "good", 0): 10, ("", "ejected", "", 0): 100,
    })  # fmt: skip
    found = quality(cells)
    assert [found.false_share.value, found.false_share.low, found.false_share.high] == pytest.approx([0.1, 0.05, 0.55])
    assert found.overkill.value == pytest.approx(10 / 110)
    # at worst the hundred are all good; at best all bad, and then the good rejects are the ten
    assert [found.overkill.low, found.overkill.high] == pytest.approx([10 / 110, 110 / 210])


def test_known_escapes_are_the_least_that_there_can_be_and_good_ones_the_most() -> None:
    """10,000 passed: 100 drawn, all good; 5 came back bad, and of some more it is known that they were good."""
    cells: Counter[Cell] = Counter({
        ("OK", "passed", "", 0): 9_895, ("OK", "passed", "good", 1): 100, ("OK", "passed", "bad", 0): 5, ("NG", "ejected", "bad", 0): 95,
    })  # fmt: skip
    found = quality(cells)
    assert (found.known_escapes, found.escaped_share.value, found.escaped_share.low) == (5, 5 / 10_000, 5 / 10_000)
    assert [found.escape.value, found.escape.low] == pytest.approx([0.05, 0.05])
    assert 0.01 < found.escaped_share.high < 0.06  # the sample's own bound
    none_drawn = quality(
        Counter({("OK", "passed", "", 0): 90, ("OK", "passed", "good", 0): 4, ("OK", "passed", "bad", 0): 6})
    ).escaped_share
    assert (none_drawn.value, none_drawn.low, none_drawn.high) == (None, 0.06, 0.96)
    unlucky = quality(Counter({("OK", "passed", "bad", 1): 2, ("OK", "passed", "good", 0): 5, ("OK", "passed", "", 0): 3})).escaped_share
    assert (unlucky.value, unlucky.high) == (0.5, 0.5)
    assert 0.2 <= unlucky.low <= 0.5
    whole = quality(Counter({("OK", "passed", "good", 1): 7, ("OK", "passed", "bad", 0): 3})).escaped_share
    assert (whole.value, whole.low, whole.high) == (0.3, 0.3, 0.3)


def test_few_reviews_are_said() -> None:
    cells: Counter[Cell] = Counter({("OK", "passed", "good", 1): 58, ("OK", "passed", "", 0): 10_000, ("NG", "ejected", "", 0): 100})
    assert quality(cells).warnings == ["small-sample", "no-reviews"]
    assert quality(cells + Counter({("NG", "ejected", "bad", 0): 5})).warnings == ["small-sample", "few-reviews"]


@pytest.mark.parametrize(("count", "of"), [(0, 59), (1, 200), (7, 30), (30, 30)])
def test_bounds_are_those_of_clopper_and_pearson(count: int, of: int) -> None:
    ours, known = bounds(count, of, 10**9), share(count, of)
    assert [ours.low, ours.high] == pytest.approx([known.low, known.high], abs=1e-8)


def test_what_was_looked_at_bounds_what_can_be() -> None:
    """Of 10 parts 9 were looked at and 3 were bad: there are 3 or 4."""
    assert (bounds(3, 9, 10).low, bounds(3, 9, 10).high) == (0.3, 0.4)


def test_bounds_hold_the_truth_as_often_as_they_say() -> None:
    """Lines with a known share of escapes and overkill, of which people look at a few: the bounds must hold 95 times in 100 at least."""
    rng = random.Random(4)
    outside = {"escape": 0, "overkill": 0}
    lines = 150
    for _ in range(lines):
        cells: Counter[Cell] = Counter()
        true = Counter[str]()
        for _ in range(3_000):
            bad = rng.random() < 0.1
            verdict = "OK" if rng.random() < (0.1 if bad else 0.95) else "NG"
            outcome = "passed" if verdict == "OK" else "ejected"
            true[f"{'bad' if bad else 'good'} {outcome}"] += 1
            looked = rng.random() < (0.05 if verdict == "OK" else 0.4)
            cells[verdict, outcome, ("bad" if bad else "good") if looked else "", int(looked and verdict == "OK")] += 1
        found = quality(cells)
        escape = true["bad passed"] / (true["bad passed"] + true["bad ejected"])
        overkill = true["good ejected"] / (true["good passed"] + true["good ejected"])
        outside["escape"] += not found.escape.low <= escape <= found.escape.high
        outside["overkill"] += not found.overkill.low <= overkill <= found.overkill.high
    assert max(outside.values()) <= 0.05 * lines
