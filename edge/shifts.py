"""Shifts: which one a moment belongs to. Pure; local time comes in as a time zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta, tzinfo


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
