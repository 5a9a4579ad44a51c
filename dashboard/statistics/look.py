"""What one visitor of the statistics looks at, and the questions to the record that come of it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import TypeVar

from dashboard.frame import Visit
from dashboard.numbers import Numbers
from dashboard.statistics.asked import Asked
from edge.statistics import Point, series
from edge.store import Store

T = TypeVar("T")


class Look:
    """What one visitor looks at. The counts by stretch of time, which two cards show, are asked for once."""

    def __init__(self, visited: Visit, numbers: Numbers, asked: Asked) -> None:
        self.visited, self.numbers, self.asked = visited, numbers, asked
        self._points: asyncio.Task[list[Point]] | None = None

    async def ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Raises StoreError."""

        def answer(store: Store) -> T:
            with store.reading() as db:
                return question(db)

        return await self.visited.desk.record.ask(answer)

    async def points(self) -> list[Point]:
        """Raises StoreError."""
        if self._points is None:
            asked, calendar = self.asked, self.numbers.calendar
            self._points = asyncio.ensure_future(self.ask(lambda db: series(db, calendar, asked.by, asked.span, asked.scope)))
        return await self._points
