"""Thresholds from good parts alone, held against distributions whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import SettingsError
from training.good.tail import LEAST_PARTS, REFERENCE, fit_tail, overkill_bounds, parts_needed, score_of


@pytest.mark.parametrize("share", [0.1, 0.05, 0.01, 0.001])
def test_level_of_an_exponential_tail_is_exact(share: float) -> None:
    """Whatever lies below the tail: here half of the parts score far lower."""
    rng = np.random.default_rng(1)
    tail = fit_tail(np.where(rng.random(40_000) < 0.5, -9.0, -3 + rng.exponential(0.8, 40_000)).tolist())
    truth = -3 + 0.8 * math.log(0.5 / share)
    assert tail.level(share) == pytest.approx(truth, abs=0.12)
    assert tail.exceeded_by(truth) == pytest.approx(share, rel=0.2)


@pytest.mark.parametrize("kind", ["normal", "logistic", "uniform"])
def test_light_tails_are_judged_on_the_safe_side(kind: str) -> None:
    """Tails that fall faster than they begin: fewer good parts are rejected than was said, never more."""
    rng = np.random.default_rng(2)
    values = {"normal": rng.normal(0, 1, 20_000), "logistic": rng.logistic(0, 1, 20_000), "uniform": rng.random(20_000)}[kind]
    tail = fit_tail(values.tolist())
    for share in (0.02, 0.005, 0.001):
        assert (values > tail.level(share)).mean() <= share


def test_bounds_cover_the_truth() -> None:
    """Over 40 samples of 60 parts the 95 % bounds miss the true overkill rarely."""
    rng = np.random.default_rng(3)
    missed = 0
    for k in range(40):
        values = rng.exponential(1.0, 60)
        level = fit_tail(values.tolist()).level(0.05)
        low, high = overkill_bounds(values.tolist(), level, k, draws=200)
        missed += not low <= math.exp(-level) <= high
    assert missed <= 8


@given(
    st.lists(st.floats(-50, 50), min_size=LEAST_PARTS, max_size=80),
    st.floats(0, 40),
)
def test_card_score_is_the_tail(values: list[float], above: float) -> None:
    """One affine step in the logit is the whole calibration: its sigmoid is REFERENCE / (REFERENCE + p)."""
    tail = fit_tail(values)
    logit = tail.start + above * tail.scale
    score = 1 / (1 + math.exp(-(tail.slope * logit + tail.offset)))
    assert score == pytest.approx(score_of(tail.exceeded_by(logit)), abs=1e-6)
    assert tail.exceeded_by(tail.level(REFERENCE)) == pytest.approx(REFERENCE, rel=1e-6)


def test_stricter_levels_are_higher() -> None:
    tail = fit_tail(list(range(30)))
    assert tail.level(0.001) > tail.level(0.01) > tail.level(0.1)
    assert score_of(0.001) > score_of(REFERENCE) == 0.5 > score_of(0.1)


@pytest.mark.parametrize("values", [[1.0] * (LEAST_PARTS - 1), [math.nan] * 20, [*range(20), math.inf]])
def test_what_cannot_give_a_threshold_is_refused(values: list[float]) -> None:
    with pytest.raises(SettingsError):
        fit_tail(values)


def test_parts_needed() -> None:
    """The rule of three, exactly: 0 of 59 bounds the share at 5 %, 0 of 299 at 1 %."""
    assert (parts_needed(0.05), parts_needed(0.01)) == (59, 299)
