"""Every moment lies in exactly one shift."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.shifts import shift_of, shifts_between

THREE = ["06:00", "14:00", "22:00"]


@pytest.mark.parametrize(
    ("moment", "start", "number"),
    [
        ("2026-11-24T06:00", "2026-11-24T06:00", 1),
        ("2026-11-24T13:59", "2026-11-24T06:00", 1),
        ("2026-11-24T14:00", "2026-11-24T14:00", 2),
        ("2026-11-24T23:30", "2026-11-24T22:00", 3),
        ("2026-11-24T05:59", "2026-11-23T22:00", 3),  # the night shift belongs to the day it began on
    ],
)
def test_a_moment_s_shift(moment: str, start: str, number: int) -> None:
    assert shift_of(datetime.fromisoformat(moment), THREE) == (datetime.fromisoformat(start), number)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    st.integers(0, 60 * 24 * 9),
    st.lists(st.times().map(lambda t: f"{t:%H:%M}"), min_size=1, max_size=6, unique=True).map(sorted),
)
def test_shifts_follow_each_other_without_a_hole(first: datetime, minutes: int, begin: list[str]) -> None:
    last = first + timedelta(minutes=minutes)
    found = list(shifts_between(first, last, begin))
    assert found[0][0] <= first
    assert found[-1][1] > last
    for (_, end, _), (start, _, _) in pairwise(found):
        assert end == start
    assert all(shift_of(start, begin) == (start, number) for start, _, number in found)


def test_the_day_on_which_the_clocks_change() -> None:
    zone = ZoneInfo("Europe/Berlin")
    found = list(shifts_between(datetime(2026, 10, 25, 0, 0, tzinfo=zone), datetime(2026, 10, 25, 23, 0, tzinfo=zone), THREE))
    assert [start.strftime("%d %H:%M") for start, _, _ in found] == ["24 22:00", "25 06:00", "25 14:00", "25 22:00"]
