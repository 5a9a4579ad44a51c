"""Bounds against published values of Clopper and Pearson's interval, and against its definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from edge.bounds import Share, share


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (0, 150, 0.0, 0.024293), (150, 150, 1 - 0.024293, 1.0), (0, 10, 0.0, 0.308497), (1, 10, 0.002529, 0.445016), (5, 10, 0.187086, 0.812914),
        (10, 10, 0.691503, 1.0), (0, 1, 0.0, 0.975), (4, 20, 0.057334, 0.436614), (10, 100, 0.049005, 0.176223),
    ],
)  # fmt: skip
def test_known_values(count: int, of: int, low: float, high: float) -> None:
    found = share(count, of)
    assert found.low == pytest.approx(low, abs=1e-6)
    assert found.high == pytest.approx(high, abs=1e-6)
    assert found.rate == count / of
    assert (found.count, found.of) == (count, of)


def test_of_nothing_everything_is_possible() -> None:
    assert share(0, 0) == Share(0, 0, 0.0, 0.0, 1.0)


@given(st.integers(1, 2000), st.data())
def test_the_bounds_are_where_the_tails_have_two_and_a_half_percent(of: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, of))
    found = share(count, of)
    assert 0 <= found.low <= found.rate <= found.high <= 1
    if count:
        assert binom.sf(count - 1, of, found.low) == pytest.approx(0.025, rel=1e-6)
    if count < of:
        assert binom.cdf(count, of, found.high) == pytest.approx(0.025, rel=1e-6)


@pytest.mark.parametrize(("count", "of"), [(-1, 10), (11, 10), (1, -1)])
def test_impossible_counts_are_no_share(count: int, of: int) -> None:
    with pytest.raises(ValueError, match=r".+"):
        share(count, of)


def test_in_words() -> None:
    assert str(share(0, 150)) == "0 of 150 (0.00 %, 95 % bounds 0.00 to 2.43 %)"
    assert share(1, 10).as_dict()["of"] == 10
