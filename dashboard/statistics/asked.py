"""What a visitor of the statistics asks for, as it stands in the address. Pure."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal, TypeVar, get_args

import msgspec

from edge.errors import StoreError
from edge.shifts import By, Calendar
from edge.spc import Rules
from edge.tally_sums import Scope, Span

Named = Literal["this", "last", "day", "week", "month", "year", "range"]
T = TypeVar("T", bound=str)
NAMED: Final[tuple[Named, ...]] = get_args(Named)
BYS: Final[tuple[By, ...]] = get_args(By)
_DAYS: Final = {"day": 1, "week": 7, "month": 30, "year": 365}
DAY_NS: Final = 86_400 * 10**9
MAX_DAYS: Final = 3_660
MAX_POINTS: Final = 400  # more can neither be told apart nor be drawn quickly
MAX_TEXT: Final = 200
_PATH: Final = "/statistics"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the record and how it is looked at.

    Attributes:
        named: how the stretch was chosen; since_ns, until_ns: UTC, from, to before.
        by: stretches of time of the charts; recipe, kind: '' = all.
        laney: limits widened by how much the points wander.
    """

    named: Named
    since_ns: int
    until_ns: int
    by: By
    recipe: str = ""
    kind: str = ""
    rules: Rules = "nelson"
    laney: bool = True

    @property
    def span(self) -> Span:
        return self.since_ns, self.until_ns

    @property
    def scope(self) -> Scope:
        return Scope(recipe=self.recipe)

    def address(self, *, named: Named | None = None, span: Span | None = None, **changes: object) -> str:
        """The address of this page with something changed."""
        wanted = msgspec.structs.replace(self, **changes)
        name = "range" if span is not None else named or self.named
        query: dict[str, str] = {"span": name}
        if name == "range":
            since, until = span or self.span
            query |= {"from": iso(since), "to": iso(until)}
        for key in ("recipe", "kind"):
            if value := getattr(wanted, key):
                query[key] = value
        if "by" in changes or (named is None and span is None):
            query["by"] = wanted.by
        if wanted.rules != "nelson":
            query["rules"] = wanted.rules
        if not wanted.laney:
            query["limits"] = "plain"
        return f"{_PATH}?{urllib.parse.urlencode(query)}"

    def history(self, span: Span | None = None, **filters: str) -> str:
        """The address of the history with these parts."""
        since, until = span or self.span
        query = {"from": iso(since), "to": iso(until), "recipe": self.recipe, **filters}
        return "/history?" + urllib.parse.urlencode({k: v for k, v in query.items() if v})


def iso(wall_ns: int) -> str:
    """UTC, ISO 8601, whole seconds."""
    return datetime.fromtimestamp(wall_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def asked_of(given: Mapping[str, str], calendar: Calendar, now_ns: int) -> Asked:
    """An address read.

    Raises:
        StoreError: it asks for what there is not; names the key, the value and what is possible.
    """
    named = _one("span", given.get("span", "this"), NAMED)
    since, until = _span(named, given, calendar, now_ns)
    days = (until - since) / DAY_NS
    usual: By = "hour" if days <= 2.1 else "shift" if days <= 8.1 else "day" if days <= 62 else "week"
    by = _one("by", given.get("by") or usual, BYS)
    if len(calendar.slots(by, since, until)) > MAX_POINTS:
        by = usual
    for key in ("recipe", "kind"):
        if len(given.get(key, "")) > MAX_TEXT or not given.get(key, "").isprintable():
            raise StoreError(f"{key} = {given[key][:40]!r}: at most {MAX_TEXT} printable characters")
    rules: Rules = _one("rules", given.get("rules") or "nelson", get_args(Rules))
    limits = _one("limits", given.get("limits") or "laney", ("laney", "plain"))
    return Asked(
        named=named,
        since_ns=since,
        until_ns=until,
        by=by,
        recipe=given.get("recipe", ""),
        kind=given.get("kind", ""),
        rules=rules,
        laney=limits == "laney",
    )


def _span(named: Named, given: Mapping[str, str], calendar: Calendar, now_ns: int) -> Span:
    if named in ("this", "last"):
        shift = calendar.shift(now_ns)
        if named == "last":
            shift = calendar.shift(shift.since_ns - 1)
        return shift.since_ns, shift.until_ns
    if named == "range":
        since, until = (_moment(key, given.get(key, ""), calendar) for key in ("from", "to"))
        if not 0 < until - since <= MAX_DAYS * DAY_NS:
            raise StoreError(
                f"from {given.get('from', '')[:40]} to {given.get('to', '')[:40]}: give an end after the beginning, at most ten years later"
            )
        return since, until
    today = calendar.local(now_ns).date()
    return calendar.at(today - timedelta(days=_DAYS[named] - 1)), calendar.at(today + timedelta(days=1))


def _moment(key: str, text: str, calendar: Calendar) -> int:
    try:
        moment = datetime.fromisoformat(text)
        found = calendar.at(moment.date(), moment.time()) if moment.tzinfo is None else int(moment.timestamp()) * 10**9
    except (ValueError, OverflowError) as error:
        raise StoreError(f"{key} = {text[:40]!r}: is no moment; write it as 2026-11-24T06:00, local time, or with a Z in UTC") from error
    if not 0 <= found < 2**62:
        raise StoreError(f"{key} = {text[:40]!r}: is beyond what a clock can say")
    return found


def _one(key: str, text: str, of: tuple[T, ...]) -> T:
    for choice in of:
        if choice == text:
            return choice
    raise StoreError(f"{key} = {text[:40]!r}: is none of {', '.join(of)}")


def week_of(text: str, calendar: Calendar, now_ns: int) -> date:
    """The Monday of the week that a date of an address lies in; '' = of this week.

    Raises:
        StoreError: it is no date.
    """
    try:
        day = date.fromisoformat(text) if text else calendar.local(now_ns).date()
        monday = day - timedelta(days=day.weekday())
        if not 1971 <= monday.year <= 2100:
            raise ValueError
    except (ValueError, OverflowError) as error:
        raise StoreError(f"week = {text[:40]!r}: is no date; write it as 2026-11-24") from error
    return monday
