"""What the live page shows of the record and the disk: read every ten seconds, in a thread, and handed to the line."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time

from dashboard.lately import Behind, ShadowSeen
from dashboard.live import Live
from dashboard.record import Record
from edge import lately, registry
from edge.config import Station
from edge.errors import StoreError
from edge.room import room
from edge.shifts import Calendar
from edge.store import Store

READ_S = 10.0

log = logging.getLogger(__name__)


class Background:
    """Reads and hands over; a task of the server's event loop."""

    def __init__(self, config: Station, live: Live, record: Record) -> None:
        self._config, self._live, self._record = config, live, record
        self._task: asyncio.Task[None] | None = None
        self._calendar = Calendar(config.shifts)
        self._said = ""

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                if self._record.path.is_file():  # else nothing has been recorded yet
                    await self._record.ask(self._read)
                self._said = ""
            except (StoreError, OSError) as error:
                if str(error) != self._said:  # said once
                    log.warning("counts of run and shift are not read from the record: %s", error)
                self._said = str(error)
                self._live.told(Behind())
            await asyncio.sleep(READ_S)

    def _read(self, store: Store) -> None:
        now_ns = time.time_ns()
        run = self._live.line.run
        with store.reading() as db:
            counts = lately.tell(db, self._calendar, now_ns, run.run_id if run else "", self._live.line.lately.told)
            space = room(db, self._record.path.parent, self._config.record, now_ns)
            shadow = _shadow(db, run.product) if self._config.registry.shadow and run else None
        self._live.told(Behind(space, shadow, self._calendar.shift(now_ns).name), counts)


def _shadow(db: sqlite3.Connection, product: str) -> ShadowSeen:
    """The model in shadow of a product, and when its process last said that it had judged or skipped a part."""
    sha256 = registry.in_state(db, product, "shadow")
    if not sha256:
        return ShadowSeen()
    name = db.execute("SELECT name FROM models WHERE sha256 = ?", (sha256,)).fetchone()[0]
    row = db.execute("SELECT end_wall_ns FROM shadow_spans WHERE sha256 = ? ORDER BY number DESC LIMIT 1", (sha256,)).fetchone()
    return ShadowSeen(str(name), int(row[0]) if row else 0)
