"""Reports are written by the dashboard's own process: so they are under systemd and under `gutteil run` alike, and come once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from dashboard.report.written import write_due
from edge.config import Station
from edge.errors import GutteilError

FIRST_S, EVERY_S = 20, 30  # a look costs a file and a clock
log = logging.getLogger(__name__)


async def keep_reports(
    config: Station, clock: Callable[[], int] = time.time_ns, *, first_s: float = FIRST_S, every_s: float = EVERY_S
) -> None:
    """Look every half minute whether a shift has ended. What fails is said once, and tried again. `clock`: UTC ns."""
    said = ""
    await asyncio.sleep(first_s)
    while True:
        try:
            await asyncio.to_thread(write_due, config, clock())
            said = ""
        except GutteilError as error:
            if str(error) != said:
                said = str(error)
                log.warning("no shift report: %s; it is tried again", said)
        except Exception:
            log.exception("no shift report")
        await asyncio.sleep(every_s)
