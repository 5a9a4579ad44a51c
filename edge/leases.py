"""Leases: who has which part before them just now, so that two people do not review the same one.

In memory of the one process that shows the queue. They end by themselves after a short time, and with the process: nothing
is locked for good by a tab that was closed. A lease is a courtesy, not a right: a review is taken from whoever writes it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

LEASE_S = 90.0
MAX_LEASES = 10_000


class Lease(NamedTuple):
    """Who has a part; `holder` tells tabs apart (two of one person are two), `who` is for people; ends at `until_s` of the clock."""

    part_id: str
    holder: str
    who: str
    until_s: float


class Leases:
    """The leases of one queue; any thread may call."""

    def __init__(self, seconds: float = LEASE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._by_part: dict[str, Lease] = {}
        self._lock = threading.Lock()

    def take(self, part_ids: Iterable[str], holder: str, who: str, n: int = 1) -> list[str]:
        """Lease the first n of these parts that nobody else has; those that the holder has already count, and are renewed."""
        with self._lock:
            now = self._clock()
            self._forget(now)
            taken: list[str] = []
            for part_id in part_ids:
                if len(taken) >= n:
                    break
                lease = self._by_part.get(part_id)
                if (lease is None or lease.holder == holder) and (lease is not None or len(self._by_part) < MAX_LEASES):
                    self._by_part[part_id] = Lease(part_id, holder, who, now + self._seconds)
                    taken.append(part_id)
            return taken

    def renew(self, holder: str) -> list[str]:
        """The holder is still there: its leases last on. Returns the parts; what has ended meanwhile is not among them."""
        with self._lock:
            now = self._clock()
            self._forget(now)
            mine = [part_id for part_id, lease in self._by_part.items() if lease.holder == holder]
            for part_id in mine:
                self._by_part[part_id] = self._by_part[part_id]._replace(until_s=now + self._seconds)
            return mine

    def give_back(self, holder: str, part_id: str | None = None) -> None:
        """End the holder's lease on one part, or all of them. Somebody else's stays."""
        with self._lock:
            for key in [part_id] if part_id is not None else list(self._by_part):
                if key in self._by_part and self._by_part[key].holder == holder:
                    del self._by_part[key]

    def others(self, holder: str) -> dict[str, Lease]:
        """What others have, by part."""
        with self._lock:
            self._forget(self._clock())
            return {part_id: lease for part_id, lease in self._by_part.items() if lease.holder != holder}

    def _forget(self, now: float) -> None:
        self._by_part = {part_id: lease for part_id, lease in self._by_part.items() if lease.until_s > now}
