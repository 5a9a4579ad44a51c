"""How much memory a process may come to need: the end of what a stranger can make it keep.

libzmq keeps the parts of a message until the last one is there, and whoever sends parts without end makes it keep them all: its
limits count whole messages, or the bytes of one part. (Tried with 4.3.5, at ROUTER and PUB; without keys everybody who reaches the
socket can do it.) So a process that grows far beyond what its queues may hold ends, says why, and is started anew, before
the kernel ends whatever it likes. The line stands meanwhile, as with every end.
"""

from __future__ import annotations

import time

import psutil

EVERY_S = 1.0
# beyond what the process needs once it works; full queues (`bus.queue`) and the history take some 100 MB
GROWTH_MB = {"station": 1_000, "rejector": 400, "recorder": 800}


class MemoryBound:
    """Watches this process."""

    def __init__(self, name: str) -> None:
        self._name, self._limit = name, GROWTH_MB[name] * 1_000_000
        self._process = psutil.Process()
        self._base: int | None = None
        self._next_s = 0.0

    def begin(self) -> None:
        """What it needs is measured anew at the next `check`: another model is loaded."""
        self._base, self._next_s = None, 0.0

    def check(self) -> None:
        """Cheap enough for every turn of a loop.

        Raises:
            MemoryError: it has grown too much. Not one of ours, which mean that starting anew would not help.
        """
        now = time.monotonic()
        if now < self._next_s:
            return
        self._next_s = now + EVERY_S
        own = self._own()
        self._base = own if self._base is None else self._base
        if own - self._base > self._limit:
            raise MemoryError(
                f"the {self._name} has come to need {own // 1_000_000} MB of memory, {self._base // 1_000_000} MB when it began, and is started anew;"
                " is there a stranger at its sockets? with keys (docs/keys.md) there is none"
            )

    def _own(self) -> int:
        """Bytes that are this process's alone: not the ring of images, which lies in shared memory, and not the files it has mapped."""
        memory = self._process.memory_info()
        return int(memory.rss - memory.shared)
