"""Numbers and times in a person's language, for what the server writes itself: pages, reports, tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from dashboard.texts import Language
from edge.shifts import Calendar

_POINT = {"en": ".", "de": ","}
_THOUSANDS = {"en": ",", "de": "."}
NARROW = "\u202f"  # between number and unit: does not break, and is not read as a part of the number


@dataclass(frozen=True, slots=True)
class Numbers:
    """Formats of one language, with times as the clocks of the plant show them."""

    language: Language
    calendar: Calendar

    def whole(self, value: float) -> str:
        return self.decimal(value, 0)

    def decimal(self, value: float, digits: int = 1) -> str:
        text = f"{value:,.{digits}f}"
        return text.replace(",", "\0").replace(".", _POINT[self.language]).replace("\0", _THOUSANDS[self.language])

    def share(self, value: float, digits: int | None = None) -> str:
        """A share of 1 in per cent; small ones with more digits, so that 0.02 % is not shown as none."""
        places = digits if digits is not None else 2 if abs(value) < 0.1 else 1
        return f"{self.decimal(value * 100, places)}{NARROW}%"

    def ms(self, us: float) -> str:
        ms = us / 1000
        return f"{self.decimal(ms, 1 if ms < 100 else 0)}{NARROW}ms"

    def duration(self, ns: int) -> str:
        """Hours and minutes, or minutes and seconds."""
        s = max(0, round(ns / 1e9))
        if s >= 3600:
            return f"{s // 3600}{NARROW}h {s % 3600 // 60:02d}{NARROW}min"
        return f"{s // 60}{NARROW}min {s % 60:02d}{NARROW}s" if s >= 60 else f"{s}{NARROW}s"

    def clock(self, wall_ns: int) -> str:
        """24 hours, minutes."""
        return self.calendar.local(wall_ns).strftime("%H:%M")

    def second(self, wall_ns: int) -> str:
        return self.calendar.local(wall_ns).strftime("%H:%M:%S")

    def moment(self, wall_ns: int) -> str:
        return f"{self.day(self.calendar.local(wall_ns).date())} {self.clock(wall_ns)}"

    def day(self, day: date) -> str:
        return day.strftime("%d.%m.%Y" if self.language == "de" else "%d %b %Y")
