"""How often anybody may ask: a token bucket for each kind of request and each token, session or address. In memory only."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Literal

Kind = Literal["login", "api", "live", "page", "socket"]
# per second in the long run, and at once. Many screens may share an address, the line's among them: fifty that follow the line fast ask for
# a few hundred pictures a second together, all from a cache
LIMITS: Final[dict[Kind, tuple[float, float]]] = {
    "login": (1.0, 40.0),
    "api": (50.0, 200.0),
    "live": (1000.0, 3000.0),
    "page": (20.0, 300.0),
    "socket": (20.0, 300.0),
}
_MOST = 20_000


class Rates:
    """Used by the event loop alone."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._buckets: OrderedDict[tuple[Kind, str], tuple[float, float]] = OrderedDict()

    def wait_s(self, kind: Kind, who: str) -> float:
        """0: go on, and it is counted; else how long to wait."""
        per_s, burst = LIMITS[kind]
        now, key = self._now(), (kind, who)
        left, at = self._buckets.pop(key, (burst, now))
        left = min(burst, left + (now - at) * per_s)
        wait = 0.0 if left >= 1 else (1 - left) / per_s
        self._buckets[key] = (left - 1 if not wait else left, now)
        if len(self._buckets) > _MOST:  # the one that has been quiet for longest, which has filled up again in all likelihood
            self._buckets.popitem(last=False)
        return wait
