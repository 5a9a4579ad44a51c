"""Filters in an address: what is understood, and in which words the rest is refused."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from dashboard.parts.query import SPANS, QueryError, filters_of, span_of
from edge.config import Shifts
from edge.filters import EVER, Filters
from edge.shifts import Calendar

BERLIN = ZoneInfo("Europe/Berlin")
CALENDAR = Calendar(Shifts(zone="Europe/Berlin"))


def at(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=BERLIN).timestamp()) * 10**9  # type: ignore[arg-type, misc]


NOW = at(2026, 11, 24, 15, 30)


@pytest.mark.parametrize(
    ("span", "since", "until"),
    [
        ("shift", at(2026, 11, 24, 14), at(2026, 11, 24, 22)),
        ("last-shift", at(2026, 11, 24, 6), at(2026, 11, 24, 14)),
        ("today", at(2026, 11, 24), at(2026, 11, 25)),
        ("yesterday", at(2026, 11, 23), at(2026, 11, 24)),
        ("week", at(2026, 11, 18), at(2026, 11, 25)),
        ("all", *EVER),
    ],
)
def test_spans(span: str, since: int, until: int) -> None:
    assert filters_of({"span": span}, CALENDAR, now_ns=NOW) == Filters(since_ns=since, until_ns=until)


def test_yesterday_has_an_hour_more_when_the_clocks_are_put_back() -> None:
    since, until = span_of("yesterday", CALENDAR, at(2026, 10, 26, 12))
    assert until - since == 25 * 3_600 * 10**9


def test_every_filter_is_understood() -> None:
    given = {
        "from": "2026-11-24T06:00", "to": "2026-11-24T06:00:00.5+00:00", "part": " P1 ", "prefix": "1", "kind": "open", "verdict": "NG", "outcome": "none",
        "recipe": "r", "model": "m", "run": "R", "trigger_id": "7", "reviewer": "Anna", "truth": "bad", "reviewed": "1", "sampled": "0",
        "contradicted": "0", "held": "1", "image": "",
    }  # fmt: skip
    assert filters_of(given, CALENDAR) == Filters(
        since_ns=at(2026, 11, 24, 6), until_ns=at(2026, 11, 24, 7) + 500_000_000, part="P1", prefix=True, kind="open", verdict="NG",
        outcome="none", recipe="r", model="m", run="R", trigger_id=7, reviewer="Anna", truth="bad", reviewed=True, sampled=False,
        contradicted=False, held=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"verdict": "ng"}, "verdict = 'ng'.*OK, NG"),
        ({"held": "yes"}, "held = 'yes'.*0, 1"),
        ({"span": "ever"}, "span = 'ever'.*today"),
        ({"span": "today", "from": "2026-01-01"}, "one or the other"),
        ({"from": "yesterday"}, "from = 'yesterday'.*2026-11-24T06:00"),
        ({"to": "0001-01-01"}, "to = '0001-01-01'"),
        ({"from": "9999-12-31T23:59"}, "from = '9999"),
        ({"from": "2026-11-25", "to": "2026-11-24"}, "begins after it ends"),
        ({"trigger_id": "7"}, "in which run"),
        ({"trigger_id": "-7", "run": "R"}, "trigger_id = '-7'"),
        ({"trigger_id": "٧", "run": "R"}, "trigger_id"),
        ({"trigger_id": "9" * 30, "run": "R"}, "trigger_id"),
        ({"part": "x" * 201}, "at most 200"),
        ({"part": "a\0b"}, "printable"),
        ({"drop table": "1"}, "'drop table' is not known"),
    ],
)
def test_what_cannot_be_is_refused_in_words(given: dict[str, str], words: str) -> None:
    with pytest.raises(QueryError, match=words):
        filters_of(given, CALENDAR, now_ns=NOW)


def test_all_spans_have_texts() -> None:
    from dashboard.texts import TEXTS

    assert {f"history.span.{s}" for s in SPANS if s != "all"} <= TEXTS.keys()
