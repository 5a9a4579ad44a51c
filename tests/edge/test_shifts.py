"""Every moment lies in exactly one shift."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import Shifts
from edge.errors import SettingsError
from edge.settings import read_toml
from edge.shifts import HOUR_NS, By, Calendar, shift_of, shifts_between

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


BERLIN = Calendar(Shifts(zone="Europe/Berlin", days_off=["sunday", "2026-12-25"]))
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Chatham", "Etc/UTC"]


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("moment", "day", "name", "hours", "off"),
    [
        ("2026-11-24T06:00+01:00", "2026-11-24", "early", 8, False),
        ("2026-11-24T05:59+01:00", "2026-11-23", "night", 8, False),
        ("2026-03-29T01:59+01:00", "2026-03-28", "night", 7, False),  # the clocks go forward within it
        ("2026-03-29T03:00+02:00", "2026-03-28", "night", 7, False),
        ("2026-10-25T02:30+02:00", "2026-10-24", "night", 9, False),  # the first half past two
        ("2026-10-25T02:30+01:00", "2026-10-24", "night", 9, False),  # the second
        ("2026-10-25T06:00+01:00", "2026-10-25", "early", 8, True),
        ("2026-12-25T15:00+01:00", "2026-12-25", "late", 8, True),
        ("2026-12-26T01:00+01:00", "2026-12-25", "night", 8, True),
    ],
)
def test_the_calendar_knows_the_shift_also_when_the_clocks_change(moment: str, day: str, name: str, hours: int, off: bool) -> None:
    shift = BERLIN.shift(ns(moment))
    assert (shift.day, shift.name, (shift.until_ns - shift.since_ns) / HOUR_NS, shift.off) == (day, name, hours, off)


def test_a_shift_that_begins_at_a_time_that_comes_twice_or_not_at_all() -> None:
    calendar = Calendar(Shifts(begin=["02:30", "14:30"], names=["a", "b"], zone="Europe/Berlin"))
    spring = [s.since_ns for s in calendar.shifts_of(date(2026, 3, 29))]
    assert spring == [ns("2026-03-29T03:30+02:00"), ns("2026-03-29T14:30+02:00")]
    autumn = calendar.shifts_of(date(2026, 10, 25))[0]
    assert autumn.since_ns == ns("2026-10-25T02:30+02:00")
    assert calendar.shift(ns("2026-10-25T02:15+01:00")) == autumn  # later than it, though the clock says earlier


@given(
    st.sampled_from(ZONES),
    st.lists(st.times().map(lambda t: f"{t:%H:%M}"), min_size=1, max_size=5, unique=True).map(sorted),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    st.integers(1, 40 * 24 * 60),
    st.sampled_from(["hour", "shift", "day", "week", "month"]),
)
def test_slots_follow_each_other_without_a_hole_in_every_zone(zone: str, begin: list[str], first: datetime, minutes: int, by: By) -> None:
    calendar = Calendar(Shifts(begin=begin, zone=zone))
    since = int(first.replace(tzinfo=UTC).timestamp()) * 10**9
    until = since + minutes * 60 * 10**9
    slots = calendar.slots(by, since, until)
    assert slots[0].since_ns <= since < slots[0].until_ns
    assert slots[-1].since_ns < until <= slots[-1].until_ns
    assert all(a.until_ns == b.since_ns for a, b in pairwise(slots))
    assert all(a.since_ns < a.until_ns for a in slots)
    if by != "hour":
        assert len({s.label for s in slots}) == len(slots)
    if by == "shift":
        assert all(calendar.shift(m)[3:5] == slot[1:] for slot in slots for m in (slot.since_ns, slot.until_ns - 1))
    if by == "day":
        assert all(calendar.day(slot.since_ns) == slot for slot in slots)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('zone = "Europe/Bonn"', "Europe/Berlin"),
        ('zone = "../../etc/passwd"', "no time zone"),
        ('days_off = ["caturday"]', "neither a weekday"),
        ('days_off = ["2026-02-30"]', "day"),
        ('names = [""]', "printable"),
        ('begin = ["6:00"]', "HH:MM"),
    ],
)
def test_impossible_settings_are_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "shifts.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=words):
        read_toml(file, Shifts)
