"""The search for thresholds against trying everything, and against recklessness."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.errors import SettingsError
from training.business import Business, Counts, expected_share, per_shift
from training.margins import Margins
from training.objective import Objective
from training.search import GAIN, curve, firmness, limits_between, search, tidy

LEAST = 0.01
PLAIN = Business(escape_cost=100, overkill_cost=2, review_cost=0.5, parts_per_hour=1000, defect_share=0.01, review_per_hour=20)


def margins(bad: list[list[float]], good: list[list[float]], kinds: list[int] | None = None) -> Margins:
    """One row a part."""
    sure = np.array(bad + good, np.float64).reshape(len(bad) + len(good), -1)
    kind = np.array((kinds or [0] * len(bad)) + [-1] * len(good), np.int64)
    n = len(sure)
    return Margins(sure, sure.copy(), np.arange(n) < len(bad), np.arange(n), np.ones(n), kind)


def slow_cost(m: Margins, b: Business, undecided: float, ng: float) -> tuple[float, float]:
    """Expected cost and reviews of a part under one pair for all classes, part by part as the text of training.objective says it."""
    passing, not_ng = {True: 0.5 * undecided, False: 0.5 * undecided}, {True: 0.5 * ng, False: 0.5 * ng}
    size = {True: 0.5, False: 0.5}
    for is_bad in (True, False):
        tops = [max(row) for row, bad in zip(m.doubt.tolist(), m.bad, strict=True) if bad == is_bad]
        spread = min(float(np.std(tops)), (float(np.percentile(tops, 75)) - float(np.percentile(tops, 25))) / 1.34)
        width = min(max(0.9 * spread * len(tops) ** -0.2, 0.01), 0.1)
        for top in tops:
            passing[is_bad] += 0.5 * math.erfc(-(undecided - top) / width / math.sqrt(2))
            not_ng[is_bad] += 0.5 * math.erfc(-(ng - top) / width / math.sqrt(2))
            size[is_bad] += 1
    p, n = ({k: v / size[k] for k, v in counts.items()} for counts in (passing, not_ng))
    share = b.defect_share
    reviews = share * (n[True] - p[True]) + (1 - share) * (n[False] - p[False])
    return share * b.escape_cost * p[True] + (1 - share) * b.overkill_cost * (1 - n[False]) + b.review_cost * reviews, reviews


scores = st.floats(0, 1).map(lambda s: round(s, 3))
groups = st.lists(scores, min_size=1, max_size=8)
money = st.floats(0.1, 1000)
companies = st.builds(Business, money, money, st.floats(0, 20), st.just(1000.0), st.floats(0.001, 0.5), st.floats(0, 1000))


@given(groups, groups, companies)
def test_one_pair_for_all_is_the_best_of_all_pairs(bad: list[float], good: list[float], business: Business) -> None:
    m = margins([[s] for s in bad], [[s] for s in good])
    chosen = search(m, business, LEAST)
    limits = limits_between(m.doubt.max(1), LEAST).tolist()
    tried = {pair: slow_cost(m, business, *pair) for pair in itertools.combinations_with_replacement(limits, 2)}
    fits = [cost for cost, reviews in tried.values() if reviews * 1000 <= business.review_per_hour + 1e-6]
    assert (chosen.undecided_for_all, chosen.ng_for_all) in tried
    cost, reviews = slow_cost(m, business, chosen.undecided_for_all, chosen.ng_for_all)
    assert cost == pytest.approx(min(fits), rel=1e-9)
    assert chosen.cost_for_all == pytest.approx(cost, rel=1e-9)
    assert reviews * 1000 <= business.review_per_hour + 1e-6


rows: st.SearchStrategy[NDArray[np.float64]] = st.integers(0, 10**6).map(
    lambda seed: np.random.default_rng(seed).beta(2, 2, (60, 2)).round(3)
)


@given(rows, rows, companies)
def test_scores_of_its_own_pay_for_a_class_and_keep_within_what_people_can_review(
    bad: NDArray[np.float64], good: NDArray[np.float64], business: Business
) -> None:
    m = margins(bad.tolist(), (good * 0.6).tolist(), [0, 1] * 30)
    chosen = search(m, business, LEAST)
    objective = Objective(m, business)
    cost, reviews = objective.of(chosen.undecided, chosen.ng)
    assert (chosen.undecided <= chosen.ng).all()
    assert chosen.cost == pytest.approx(cost)
    assert reviews * business.parts_per_hour <= business.review_per_hour + 1e-6
    if chosen.own(0) or chosen.own(1):
        assert cost <= chosen.cost_for_all * (1 - GAIN)
    else:
        assert chosen.cost == pytest.approx(chosen.cost_for_all)


def test_a_class_of_few_parts_has_no_scores_of_its_own() -> None:
    rng = np.random.default_rng(1)
    low, high = rng.uniform(0.3, 0.5, 60), rng.uniform(0.8, 0.95, 60)
    bad = [[0.0, s] if i % 2 else [t, 0.0] for i, (s, t) in enumerate(zip(low, high, strict=True))]
    good = [[g, 0.05] for g in rng.uniform(0.3, 0.6, 60)]  # the first class sees things on good parts, the second does not
    many = search(margins(bad, good, [0, 1] * 30), PLAIN, LEAST)
    assert many.own(1)
    assert many.undecided[1] < many.undecided[0]
    few = search(margins(bad, good, [0] * 60), PLAIN, LEAST)
    assert not few.own(1)


@pytest.mark.parametrize("n", [5, 50, 500])
def test_a_set_without_a_miss_does_not_make_reckless(n: int) -> None:
    """Between the worst good and the weakest bad part lies a gap: the threshold is its middle, not its edge."""
    m = margins([[s] for s in np.linspace(0.8, 0.95, n)], [[s] for s in np.linspace(0.05, 0.3, n)])
    for escape in (1000, 300, 100):
        chosen = search(m, replace(PLAIN, escape_cost=escape, overkill_cost=1, review_per_hour=0), LEAST)
        assert chosen.ng_for_all == chosen.undecided_for_all
        if n == 5 and escape == 1000:  # five parts prove little: dear escapes are worth some overkill
            assert 0.05 < chosen.ng_for_all < 0.3
        else:
            assert chosen.ng_for_all == 0.55


def test_dear_escapes_never_raise_the_threshold() -> None:
    rng = np.random.default_rng(2)
    m = margins(rng.beta(5, 2, (80, 1)).tolist(), rng.beta(2, 5, (80, 1)).tolist())
    chosen = [search(m, replace(PLAIN, escape_cost=c, review_per_hour=0), LEAST).ng_for_all for c in (1, 10, 100, 1000, 10_000, 100_000)]
    assert chosen == sorted(chosen, reverse=True)
    assert len(set(chosen)) > 3


def test_a_rarer_defect_weighs_less_than_its_share_of_the_set() -> None:
    rng = np.random.default_rng(3)
    m = margins(rng.beta(5, 2, (80, 1)).tolist(), rng.beta(2, 5, (80, 1)).tolist())
    rare, common = (search(m, replace(PLAIN, defect_share=d, review_per_hour=0), LEAST).ng_for_all for d in (0.0001, 0.3))
    assert rare > common


def test_the_band_grows_with_the_people_who_review() -> None:
    rng = np.random.default_rng(4)
    m = margins(rng.beta(5, 2, (80, 1)).tolist(), rng.beta(2, 5, (80, 1)).tolist())
    bands = []
    for people in (0, 20, 60, 200):
        chosen = search(m, replace(PLAIN, review_per_hour=people), LEAST)
        bands.append(chosen.ng_for_all - chosen.undecided_for_all)
    assert bands[0] == 0
    assert bands == sorted(bands)
    assert bands[-1] > 0.1


def test_parts_that_cannot_be_judged_need_more_people_whatever_the_thresholds() -> None:
    m = margins([[0.9]] * 10, [[0.1]] * 10)
    m.doubt[-5:] = np.inf  # half of the good ones: 500 an hour to review
    chosen = search(m, PLAIN, LEAST)
    assert chosen.ng_for_all == chosen.undecided_for_all


@given(st.lists(scores, max_size=300))
def test_limits_lie_in_the_gaps(values: list[float]) -> None:
    limits = limits_between(np.array(values), LEAST)
    assert (np.diff(limits) > 0).all()
    assert 0 < len(limits) <= 200
    assert ((limits > LEAST) & (limits < 1)).all()
    assert not set(limits.tolist()) & set(values)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_tidy_number_stays_in_the_middle(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    assert abs(tidy(low, high) - (low + high) / 2) <= (high - low) / 4


def test_the_curve_adds_up_and_the_bootstrap_holds_the_choice() -> None:
    rng = np.random.default_rng(5)
    m = margins(rng.beta(6, 2, (60, 1)).tolist(), rng.beta(2, 6, (60, 1)).tolist())
    lines = curve(m, PLAIN, LEAST)
    assert lines["total"] == pytest.approx(np.add(lines["escapes"], lines["overkill"]))
    assert lines["escapes"] == sorted(lines["escapes"])
    assert lines["overkill"] == sorted(lines["overkill"], reverse=True)
    firm = firmness(m, PLAIN, LEAST)
    chosen = search(m, PLAIN, LEAST)
    assert firm["undecided_score"][0] <= chosen.undecided_for_all <= firm["undecided_score"][1]
    assert firm["ng_score"][0] < firm["ng_score"][1]
    assert firm == firmness(m, PLAIN, LEAST)


def test_a_shift_by_hand() -> None:
    counts = Counts(bad=99, good=199, escapes=1, false_rejects=2, doubtful_bad=3, doubtful_good=4, undecided_score=0.4, ng_score=0.6)
    shift = per_shift(counts, PLAIN)
    assert shift["escapes"].value == pytest.approx(8000 * 0.01 * 1.2 / 99.5)
    assert shift["false_rejects"].value == pytest.approx(8000 * 0.99 * 2.2 / 199.5)
    assert shift["reviews"].value == pytest.approx(8000 * (0.01 * 3.1 / 99.5 + 0.99 * 4.1 / 199.5))
    assert shift["reviews_per_hour"].value == pytest.approx(shift["reviews"].value / 8)
    assert shift["cost"].value == pytest.approx(
        100 * shift["escapes"].value + 2 * shift["false_rejects"].value + 0.5 * shift["reviews"].value
    )


@given(st.integers(0, 500), st.integers(0, 500), st.floats(0, 1))
def test_what_is_expected_lies_within_its_bounds(count: int, more: int, unseen: float) -> None:
    share = expected_share(count, count + more, unseen)
    assert 0 <= share.low <= share.value <= share.high <= 1


@pytest.mark.parametrize(
    ("key", "value"),
    [("escape_cost", 0), ("overkill_cost", -1), ("review_cost", -1), ("parts_per_hour", 0), ("defect_share", 0), ("defect_share", 1),
     ("review_per_hour", -1), ("shift_hours", 0), ("escape_cost", math.nan), ("parts_per_hour", math.inf)],
)  # fmt: skip
def test_impossible_numbers_are_refused_by_name(key: str, value: float) -> None:
    with pytest.raises(SettingsError, match=f"--{key.replace('_', '-')} "):
        Business(**PLAIN.as_dict() | {key: value})
