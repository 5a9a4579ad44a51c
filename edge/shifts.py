"""Shifts: which one a moment belongs to, and what of a year lies in which hour, shift or day. Pure; the clock is the caller's.

Times are UTC ns; local time comes in by a zone. Everything is compared as UTC: on the night on which the clocks change a
shift has an hour more or less, and no moment belongs to two of them or to none.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from edge.config import Shifts

HOUR_NS = 3_600 * 10**9
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
By = Literal["hour", "shift", "day", "week", "month"]


class Shift(NamedTuple):
    """One shift of one day.

    Attributes:
        day: the local day on which it begins, ISO 8601; a night shift belongs to the evening it begins on.
        number: from 1, in the order of `shifts.begin`.
        name: as in `shifts.names`.
        since_ns, until_ns: UTC, from, to before.
        off: nobody works, says `shifts.days_off`. Parts may come all the same, and are counted.
    """

    day: str
    number: int
    name: str
    since_ns: int
    until_ns: int
    off: bool


class Slot(NamedTuple):
    """A stretch of time on the axis of a chart: its label (ISO 8601 of its beginning in local time; of a shift: day and number)."""

    label: str
    since_ns: int
    until_ns: int


class Calendar:
    """The shifts of a plant as its settings say. Cheap to make."""

    def __init__(self, settings: Shifts) -> None:
        self.zone: tzinfo | None = ZoneInfo(settings.zone) if settings.zone else None  # None: the machine's
        self._begin = [time.fromisoformat(clock) for clock in settings.begin]
        self._names = [*settings.names, *(f"shift {n}" for n in range(len(settings.names) + 1, len(self._begin) + 1))]
        self._off = set(settings.days_off)

    def local(self, wall_ns: int) -> datetime:
        """A moment in local time; without a zone of its own where that is the machine's."""
        return datetime.fromtimestamp(wall_ns // 10**9, self.zone).replace(microsecond=wall_ns % 10**9 // 1000)

    def at(self, day: date, clock: time = time()) -> int:
        """A local time of day as UTC ns. Of a time that comes twice it is the first; one that the clocks leave out is as long after
        midnight as on other days."""
        return int(datetime.combine(day, clock, self.zone).timestamp()) * 10**9

    def off(self, day: date) -> bool:
        """Whether nobody works on the shifts that begin on this day."""
        return day.isoformat() in self._off or _DAYS[day.weekday()] in self._off

    def shift(self, wall_ns: int) -> Shift:
        """The shift in which a moment lies."""
        day = self.local(wall_ns).date()
        found = [s for d in (-1, 0, 1) for s in self.shifts_of(day + timedelta(days=d))]
        return found[bisect.bisect_right([s.since_ns for s in found], wall_ns) - 1]

    def shifts_of(self, day: date) -> list[Shift]:
        """The shifts that begin on a local day, in order."""
        begins = [self.at(day, clock) for clock in self._begin]
        ends = [*begins[1:], self.at(day + timedelta(days=1), self._begin[0])]
        off = self.off(day)
        return [Shift(day.isoformat(), n, self._names[n - 1], a, b, off) for n, (a, b) in enumerate(zip(begins, ends, strict=True), 1)]

    def shifts(self, since_ns: int, until_ns: int) -> list[Shift]:
        """Every shift of which something lies in the span, in order."""
        if since_ns >= until_ns:
            return []
        first = self.shift(since_ns)
        day, last = date.fromisoformat(first.day), self.local(until_ns).date()
        days = ((last - day).days + 1) if last >= day else 1
        found = [s for d in range(days) for s in self.shifts_of(day + timedelta(days=d))]
        return [s for s in found if s.until_ns > since_ns and s.since_ns < until_ns]

    def day(self, wall_ns: int) -> Slot:
        """The local day, midnight to midnight, in which a moment lies: 23, 24 or 25 hours."""
        day = self.local(wall_ns).date()
        return Slot(day.isoformat(), self.at(day), self.at(day + timedelta(days=1)))

    def slots(self, by: By, since_ns: int, until_ns: int) -> list[Slot]:
        """The whole hours, shifts, days, weeks (from Monday) or months of which something lies in the span, in order, without a hole."""
        if since_ns >= until_ns:
            return []
        if by == "shift":
            return [Slot(f"{s.day} {s.number}", s.since_ns, s.until_ns) for s in self.shifts(since_ns, until_ns)]
        if by == "hour":
            return list(self._hours(since_ns, until_ns))
        day = _first_of(by, self.local(since_ns).date())
        found: list[Slot] = []
        while (begin := self.at(day)) < until_ns:
            following = _first_of(by, day + timedelta(days={"day": 1, "week": 7, "month": 32}[by]))
            found.append(Slot(day.isoformat(), begin, self.at(following)))
            day = following
        return found

    def _hours(self, since_ns: int, until_ns: int) -> Iterator[Slot]:
        local = self.local(since_ns)
        begin = since_ns - (local.minute * 60 + local.second) * 10**9 - since_ns % 10**9
        while begin < until_ns:
            yield Slot(self.local(begin).isoformat(timespec="minutes"), begin, begin + HOUR_NS)
            begin += HOUR_NS


def _first_of(by: By, day: date) -> date:
    if by == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if by == "week" else day


def shift_of(moment: datetime, begin: list[str]) -> tuple[datetime, int]:
    """The beginning of the shift that a moment lies in, and the shift's number from 1.

    Args:
        moment: local time with its zone.
        begin: HH:MM of each shift's beginning, in order.
    """
    for number in range(len(begin), 0, -1):
        start = _at(moment, begin[number - 1])
        if start <= moment:
            return start, number
    return _at(moment - timedelta(days=1), begin[-1]), len(begin)


def shifts_between(first: datetime, last: datetime, begin: list[str]) -> Iterator[tuple[datetime, datetime, int]]:
    """Every shift from the one `first` lies in to the one `last` lies in: its beginning, its end and its number."""
    start, number = shift_of(first, begin)
    while start <= last:
        following = number % len(begin)
        end = _at(start if following else start + timedelta(days=1), begin[following])
        yield start, end, number
        start, number = end, following + 1


def _at(day: datetime, clock: str) -> datetime:
    """A time of day on a day. Not by adding hours: twice a year a day has 23 or 25 of them."""
    zone: tzinfo | None = day.tzinfo
    return datetime.combine(day.date(), time.fromisoformat(clock), zone)
