"""The settings of shifts: when they begin, what they are called, when nobody works."""

from __future__ import annotations

import re
from datetime import date
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from edge.settings import Block

_DAY_OFF = re.compile(r"(mon|tues|wednes|thurs|fri|satur|sun)day|[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Shifts(Block):
    """When shifts begin, and when nobody works."""

    begin: list[str] = Field(
        default_factory=lambda: ["06:00", "14:00", "22:00"],
        min_length=1,
        max_length=12,
        description="HH:MM of each shift's beginning, in order, in local time",
    )
    names: list[str] = Field(
        default_factory=lambda: ["early", "late", "night"], max_length=12, description="what the shifts are called, in the same order"
    )
    zone: str = Field("", description="time zone of the plant, e.g. Europe/Berlin; empty = the machine's")
    days_off: list[str] = Field(
        default_factory=list,
        max_length=1000,
        description="days on which no shift begins that anybody works: weekdays (sunday) and dates (2026-12-25); they are left out of what is usual, and counted all the same",
    )

    @field_validator("begin")
    @classmethod
    def _times(cls, value: list[str]) -> list[str]:
        if any(not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", v) for v in value) or sorted(set(value)) != value:
            raise ValueError("each must be HH:MM, from 00:00 to 23:59, in order and none twice")
        return value

    @field_validator("names")
    @classmethod
    def _named(cls, value: list[str]) -> list[str]:
        if any(not 1 <= len(v.strip()) <= 40 or not v.isprintable() for v in value):
            raise ValueError("each must have 1 to 40 printable characters")
        return value

    @field_validator("zone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            if value:
                ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{value!r} is no time zone that this machine knows; use a name such as Europe/Berlin") from error
        return value

    @field_validator("days_off")
    @classmethod
    def _days(cls, value: list[str]) -> list[str]:
        for day in value:
            if not _DAY_OFF.fullmatch(day):
                raise ValueError(f"{day!r} is neither a weekday such as 'sunday' nor a date such as '2026-12-25'")
            if day[0].isdigit():
                date.fromisoformat(day)
        return value
