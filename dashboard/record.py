"""The record as the pages read it: questions are asked in threads of their own, so that none holds up the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from edge import audit
from edge.store import FILE_NAME, Store, open_store

T = TypeVar("T")
_READERS = 3
MAX_TEXT = 2_000


class Record:
    """The record of one station, for reading and for the short writes of people (reviews, holds, audit)."""

    def __init__(self, folder: str, station: str) -> None:
        self.path = Path(folder) / FILE_NAME
        self._station = station
        self._readers = ThreadPoolExecutor(_READERS, "record")
        self._own = threading.local()
        self._open: list[Store] = []
        self._epoch, self._seq = time.time_ns(), 0
        self._lock = threading.Lock()

    def close(self) -> None:
        self._readers.shutdown(cancel_futures=True)
        for store in self._open:
            store.close()

    async def ask(self, question: Callable[[Store], T]) -> T:
        """The answer to a question that only reads.

        Raises:
            StoreError: there is no record yet, or it cannot be read.
        """
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._answer, question)

    def _answer(self, question: Callable[[Store], T]) -> T:
        store: Store | None = getattr(self._own, "store", None)
        inode = self.path.stat().st_ino if self.path.is_file() else 0
        if store is None or self._own.inode != inode:
            if store is not None:
                store.close()
            store = open_store(self.path, read_only=True)
            self._own.store, self._own.inode = store, inode
            with self._lock:
                self._open.append(store)
        return question(store)

    async def change(self, change: Callable[[Store], T]) -> T:
        """Write something short beside the recorder; waits for its lock.

        Raises:
            StoreError: as `ask`, or the change was refused.
        """

        def work() -> T:
            with open_store(self.path, beside=True) as store:
                return change(store)

        return await asyncio.to_thread(work)

    async def note(self, op: str, who: str, text: str, *, accepted: bool = True, key: str = "dashboard") -> None:
        """Chain a row to the audit log. `text`: what was changed, from what to what; never a secret.

        Raises:
            StoreError: it could not be written: then whatever was to be done must not be done.
        """
        await asyncio.to_thread(self.note_now, op, who, text, accepted=accepted, key=key)

    def note_now(self, op: str, who: str, text: str, *, accepted: bool = True, key: str = "dashboard") -> None:
        """As `note`, for threads."""
        if not self.path.is_file():  # the first user is made before the first part
            open_store(self.path).close()
        with contextlib.closing(open_store(self.path, beside=True)) as store, store.writing() as db:
            self.note_in(db, op, who, text, accepted=accepted, key=key)

    def note_in(self, db: sqlite3.Connection, op: str, who: str, text: str, *, accepted: bool = True, key: str = "dashboard") -> None:
        """As `note`, within the caller's transaction: what is done and its row come together or not at all."""
        with self._lock:
            self._seq += 1
            seq = self._seq
        audit.append(db, (time.time_ns(), self._station, "dashboard", self._epoch, seq, op, who, key, accepted, text[:MAX_TEXT], False))
