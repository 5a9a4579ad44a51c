"""Exports that run: few at once, each in a thread of its own on its own view of the record, with how far it has come."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from edge.errors import GutteilError
from edge.store import Store, open_store
from edge.takeout import Taken

MAX_RUNNING: Final = 2
MAX_REMEMBERED: Final = 50
BEGIN_S: Final = 30.0
_BLOCK: Final = 256_000  # bytes handed to the network at once
_TOKEN = re.compile(r"[0-9a-f]{32}")
Make = Callable[[Store, Callable[[Iterator[Taken]], Iterator[Taken]]], Iterator[bytes]]


class BusyError(GutteilError):
    """So many exports run already."""


@dataclass
class Progress:
    """How far an export has come; `of` is 0 where nobody knows."""

    of: int
    done: int = 0
    state: Literal["running", "done", "failed"] = "running"
    text: str = ""


@dataclass
class Place:
    """One of the few places for exports that run."""

    progress: Progress
    until: float  # CLOCK_MONOTONIC: if it has not begun by then, its asker has gone

    @property
    def taken(self) -> bool:
        return self.progress.state == "running" and time.monotonic() < self.until


class Exports:
    """All exports of this server. Used in its event loop; the work is done in threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: list[Place] = []
        self._known: OrderedDict[str, Progress] = OrderedDict()

    def begin(self, token: str, of: int) -> Place:
        """Take one of the few places.

        Raises:
            BusyError: none is free.
        """
        self._places = [place for place in self._places if place.taken]
        if len(self._places) >= MAX_RUNNING:
            raise BusyError(f"{len(self._places)} exports run already; wait until one has ended")
        progress = Progress(of)
        place = Place(progress, time.monotonic() + BEGIN_S)
        self._places.append(place)
        if _TOKEN.fullmatch(token):
            self._known[token] = progress
            while len(self._known) > MAX_REMEMBERED:
                self._known.popitem(last=False)
        return place

    def find(self, token: str) -> Progress | None:
        return self._known.get(token)

    async def stream(self, place: Place, make: Make) -> AsyncGenerator[bytes, None]:
        """The bytes of an export, made no faster than they are taken. Ends early, and is cut off, where the record fails."""
        progress, place.until = place.progress, math.inf
        worker = _Worker(self._path, progress, make)
        try:
            while block := await asyncio.to_thread(worker.next):
                yield block
            if progress.state == "failed":
                raise RuntimeError(
                    f"the export failed: {progress.text}"
                )  # cuts the answer off: a download that is not whole must not look so
        finally:
            if progress.state == "running":
                progress.state, progress.text = "failed", "the download was broken off"
            worker.stop()


class _Worker:
    """Makes the bytes in one thread, as SQLite wants it; `next` waits for the next block."""

    def __init__(self, path: Path, progress: Progress, make: Make) -> None:
        self._path, self._progress, self._make = path, progress, make
        self._block = b""
        self._filled, self._wanted = threading.Event(), threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="export", daemon=True)
        self._thread.start()

    def next(self) -> bytes:
        """Some bytes, empty at the end."""
        self._wanted.set()
        self._filled.wait()
        self._filled.clear()
        block, self._block = self._block, b""
        return block

    def stop(self) -> None:
        self._stopped = True
        self._wanted.set()

    def _run(self) -> None:
        try:
            with contextlib.closing(open_store(self._path, read_only=True)) as store:
                gathered = bytearray()
                for block in self._make(store, self._counted):
                    gathered += block
                    if len(gathered) >= _BLOCK:
                        self._hand(bytes(gathered))
                        gathered.clear()
                    if self._stopped:
                        return
                if gathered:
                    self._hand(bytes(gathered))
            self._progress.state = "done"
        except (GutteilError, OSError) as error:
            self._progress.state, self._progress.text = "failed", str(error)
        finally:
            if not self._stopped:
                self._wanted.wait()
            self._block = b""
            self._filled.set()

    def _hand(self, block: bytes) -> None:
        self._wanted.wait()
        self._wanted.clear()
        if not self._stopped:
            self._block = block
            self._filled.set()

    def _counted(self, taken: Iterator[Taken]) -> Iterator[Taken]:
        for one in taken:
            if self._stopped:
                return
            self._progress.done += 1
            yield one
