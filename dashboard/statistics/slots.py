"""Stretches of time on the axes, in words short enough for them."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from dashboard.numbers import Numbers
from dashboard.report.build import shift_name
from edge.shifts import By, Slot


def labels(slots: list[Slot], by: By, n: Numbers, texts: dict[str, str]) -> list[str]:
    """One label for each; of a day alone the clock is enough."""
    days = {n.calendar.local(s.since_ns).date() for s in slots}
    return [_label(s, by, n, texts, len(days) > 2) for s in slots]


def _label(slot: Slot, by: By, n: Numbers, texts: dict[str, str], dated: bool) -> str:
    if by == "hour":
        clock = n.clock(slot.since_ns)
        return f"{short_day(n.calendar.local(slot.since_ns).date(), n)} {clock}" if dated else clock
    if by == "shift":
        shift = n.calendar.shift(slot.since_ns)
        return f"{short_day(date.fromisoformat(shift.day), n)} {shift_name(texts, shift)}"
    day = date.fromisoformat(slot.label)
    if by == "month":
        return day.strftime("%m.%Y" if n.language == "de" else "%b %Y")
    if by == "week":
        return f"{'KW' if n.language == 'de' else 'W'} {(day + timedelta(days=3)).isocalendar().week}"
    return short_day(day, n)


def short_day(day: date | datetime, n: Numbers) -> str:
    return day.strftime("%d.%m." if n.language == "de" else "%d %b")
