"""What stands in the address of the statistics, and what is no address."""

from __future__ import annotations

import urllib.parse
from datetime import UTC, datetime

import pytest

from dashboard.statistics.asked import DAY_NS, Asked, asked_of, iso, week_of
from edge.config import Shifts
from edge.errors import StoreError
from edge.shifts import Calendar

CALENDAR = Calendar(Shifts(zone="Europe/Berlin"))
NOW = int(datetime(2026, 11, 24, 19, 30, tzinfo=UTC).timestamp()) * 10**9


def _asked(**given: str) -> Asked:
    return asked_of(given, CALENDAR, NOW)


def _read(address: str) -> Asked:
    return asked_of(dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query)), CALENDAR, NOW)


@pytest.mark.parametrize(
    ("span", "since", "until", "by"),
    [
        ("this", "2026-11-24T13:00:00Z", "2026-11-24T21:00:00Z", "hour"),
        ("last", "2026-11-24T05:00:00Z", "2026-11-24T13:00:00Z", "hour"),
        ("day", "2026-11-23T23:00:00Z", "2026-11-24T23:00:00Z", "hour"),
        ("week", "2026-11-17T23:00:00Z", "2026-11-24T23:00:00Z", "shift"),
        ("month", "2026-10-25T23:00:00Z", "2026-11-24T23:00:00Z", "day"),
        ("year", "2025-11-24T23:00:00Z", "2026-11-24T23:00:00Z", "week"),
    ],
)
def test_named_spans_are_whole_local_days_and_shifts(span: str, since: str, until: str, by: str) -> None:
    asked = _asked(span=span)
    assert (iso(asked.since_ns), iso(asked.until_ns), asked.by) == (since, until, by)


def test_local_times_and_times_with_a_zone() -> None:
    local = _asked(span="range", **{"from": "2026-07-01T06:00", "to": "2026-07-01T14:00"})
    utc = _asked(span="range", **{"from": "2026-07-01T04:00:00Z", "to": "2026-07-01T12:00:00Z"})
    assert local == utc


def test_an_address_leads_back_to_what_it_was_made_of() -> None:
    asked = _asked(span="month", recipe="a & b/ü", kind="short", by="week", rules="western-electric", limits="plain")
    assert _read(asked.address()) == asked
    zoomed = _read(asked.address(span=(NOW - DAY_NS, NOW)))
    assert (zoomed.named, zoomed.span, zoomed.recipe, zoomed.by) == ("range", (NOW - DAY_NS, NOW), "a & b/ü", "hour")
    assert _read(asked.address(recipe="")).recipe == ""
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(asked.history((NOW - DAY_NS, NOW), kind="short")).query))
    assert query == {"from": iso(NOW - DAY_NS), "to": iso(NOW), "recipe": "a & b/ü", "kind": "short"}


def test_more_points_than_can_be_seen_are_not_drawn() -> None:
    assert _asked(span="month", by="hour").by == "day"
    assert _asked(span="week", by="hour").by == "hour"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"span": "decade"}, "span = 'decade'"),
        ({"span": "range", "from": "yesterday", "to": "2026-07-01"}, "from = 'yesterday'"),
        ({"span": "range", "from": "2026-07-02", "to": "2026-07-01"}, "give an end after the beginning"),
        ({"span": "range", "from": "1200-07-02", "to": "2026-07-01"}, "from = '1200"),
        ({"span": "range", "from": "2001-01-01", "to": "2026-07-01"}, "at most ten years"),
        ({"span": "range"}, "from = ''"),
        ({"by": "minute"}, "by = 'minute'"),
        ({"recipe": "x" * 201}, "recipe"),
        ({"kind": "a\0b"}, "kind"),
        ({"rules": "mine"}, "rules"),
        ({"limits": "none"}, "limits"),
    ],
)
def test_what_cannot_be_asked_for_is_said_by_name(given: dict[str, str], said: str) -> None:
    with pytest.raises(StoreError) as caught:
        asked_of(given, CALENDAR, NOW)
    assert said in str(caught.value)


def test_weeks_begin_on_monday() -> None:
    assert week_of("", CALENDAR, NOW).isoformat() == "2026-11-23"
    assert week_of("2026-11-22", CALENDAR, NOW).isoformat() == "2026-11-16"
    for wrong in ("22.11.2026", "1960-01-01", "x"):
        with pytest.raises(StoreError, match="week"):
            week_of(wrong, CALENDAR, NOW)
