"""What is asked for in an address: filters and spans of time, the same for the page, the API and the exports."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

import msgspec

from edge.errors import GutteilError, StoreError
from edge.filters import EVER, MAX_TEXT, Filters
from edge.shifts import Calendar

Span = Literal["shift", "last-shift", "today", "yesterday", "week", "all"]
SPANS: Final[tuple[Span, ...]] = get_args(Span)
_TEXTS: Final = ("part", "kind", "recipe", "model", "run", "reviewer")
_FLAGS: Final = ("prefix", "reviewed", "sampled", "contradicted", "held", "image")
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "verdict": ("OK", "NG", "UNDECIDED", "none"),
    "outcome": ("passed", "ejected", "missed", "none"),
    "truth": ("good", "bad", "unsure"),
}
FILTERS: Final = frozenset({"span", "from", "to", "trigger_id", *_TEXTS, *_FLAGS, *_WORDS})


class QueryError(GutteilError):
    """A parameter of an address that cannot be; names it, its value and what may stand there."""


def filters_of(given: Mapping[str, str], calendar: Calendar, *, others: frozenset[str] = frozenset(), now_ns: int = 0) -> Filters:
    """The filters in an address. Empty values count as not given.

    Args:
        others: parameters of the address that are somebody else's.
        now_ns: UTC, for spans such as `today`; 0: now.

    Raises:
        QueryError: an unknown parameter, a value that cannot be, or what `Filters.check` refuses.
    """
    if unknown := sorted(given.keys() - FILTERS - others):
        raise QueryError(f"{unknown[0][:40]!r} is not known here; there are: {', '.join(sorted(FILTERS | others))}")
    found: dict[str, object] = {name: given[name].strip() for name in _TEXTS if given.get(name, "").strip()}
    for name in _FLAGS:
        if value := given.get(name, ""):
            found[name] = _one_of(name, value, ("0", "1")) == "1"
    for name, words in _WORDS.items():
        if value := given.get(name, ""):
            found[name] = _one_of(name, value, words)
    if value := given.get("trigger_id", ""):
        found["trigger_id"] = whole(given, "trigger_id", 0, 2**63 - 1, 0)
    since_ns, until_ns = _span(given, calendar, now_ns or time.time_ns())
    filters = msgspec.convert({**found, "since_ns": since_ns, "until_ns": until_ns}, Filters)
    try:
        filters.check()
    except StoreError as error:
        raise QueryError(str(error)) from error
    return filters


def whole(given: Mapping[str, str], name: str, least: int, most: int, otherwise: int) -> int:
    """A whole number in an address.

    Raises:
        QueryError: none, or out of bounds.
    """
    text = given.get(name, "")
    if not text:
        return otherwise
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and least <= int(text) <= most):
        raise QueryError(f"{name} = {text[:40]!r}: a whole number from {least} to {most} is needed")
    return int(text)


def _one_of(name: str, value: str, words: tuple[str, ...]) -> str:
    if value not in words:
        raise QueryError(f"{name} = {value[:40]!r} is not known; choose one of: {', '.join(words)}")
    return value


def _span(given: Mapping[str, str], calendar: Calendar, now_ns: int) -> tuple[int, int]:
    named, begin, end = given.get("span", ""), given.get("from", ""), given.get("to", "")
    if named and (begin or end):
        raise QueryError(f"span = {named[:40]!r} and from or to: give one or the other")
    if not named:
        return (_moment("from", begin, calendar) if begin else EVER[0], _moment("to", end, calendar) if end else EVER[1])
    return span_of(_one_of("span", named, SPANS), calendar, now_ns)  # type: ignore[arg-type]


def span_of(span: Span, calendar: Calendar, now_ns: int) -> tuple[int, int]:
    """A named span as UTC ns, from, to before. A span that goes on has its end in the future, so that what comes is in it."""
    if span == "shift":
        shift = calendar.shift(now_ns)
        return shift.since_ns, shift.until_ns
    if span == "last-shift":
        shift = calendar.shift(calendar.shift(now_ns).since_ns - 1)
        return shift.since_ns, shift.until_ns
    today = calendar.day(now_ns)
    if span == "today":
        return today.since_ns, today.until_ns
    if span == "yesterday":
        return calendar.day(today.since_ns - 1).since_ns, today.since_ns
    if span == "week":
        return calendar.at(calendar.local(now_ns).date() - timedelta(days=6)), today.until_ns
    return EVER


def _moment(name: str, text: str, calendar: Calendar) -> int:
    try:
        moment = datetime.fromisoformat(text[:MAX_TEXT])
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=calendar.zone)
        found = int(moment.timestamp()) * 10**9 + moment.microsecond * 1_000
    except (ValueError, OverflowError, OSError) as error:
        raise QueryError(f"{name} = {text[:40]!r} is no moment; write it as 2026-11-24T06:00") from error
    if not EVER[0] <= found <= EVER[1]:
        raise QueryError(f"{name} = {text[:40]!r} is beyond what the record can hold; write it as 2026-11-24T06:00")
    return found
