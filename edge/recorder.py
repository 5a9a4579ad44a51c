"""The recorder: the one writer of the record. Reads the bus, keeps images, says what it could not keep.

It is the last in the chain and nobody waits for it: it may be slow, stopped or killed. What the disk does not take
stays in memory up to a bound, then in the bus's queues up to theirs, and what is dropped there is recorded as a gap.
A slot of the frame ring is let go only when file and row are on disk.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.alarms import Alarms
from edge.alive import keeper
from edge.bus import Gap, Publisher, Subscriber
from edge.config import Station
from edge.continuity import Continuity
from edge.errors import StoreError
from edge.evidence import ImageFolder
from edge.messages import STREAMS, TOPICS, AnyMessage, Heartbeat, ImageRef, Run, State, Verdict
from edge.processes import step_back
from edge.ring import RingReader
from edge.rows import Batch, Evidence, StoredFile, key_of
from edge.store import FILE_NAME, Store, open_store

HEARTBEAT_S = 0.5
MAX_MESSAGES = 500
MAX_IMAGES = 64  # a batch of them stays well under the three heartbeats after which a process counts as dead
MAX_PENDING = 20_000  # messages in our memory; further ones wait in the bus's queue
RETRY_S = 1.0
NOTICE_S = 10.0  # how long an alarm about something that happened once stays up
DRAIN_S = 4.0
ROUTINE_S = 5.0  # heartbeats alone make no batch before
_ROUTINE_TOPICS = {TOPICS[Heartbeat].decode(), TOPICS[Run].decode()}
_PASSING = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY}

log = logging.getLogger("gutteil.recorder")


class Recorder:
    """One station's recorder."""

    def __init__(self, config: Station) -> None:
        """Bind first: a second recorder fails here, before it touches the record.

        Raises:
            BusError: the endpoint is taken.
        """
        bus = config.bus
        simulated = config.camera.backend == "simulator"
        self._config = config
        self._folder = Path(config.record.folder)
        self._publisher = Publisher(bus.recorder, config.name, "recorder", simulated=simulated, queue=bus.queue)
        self._alarms = Alarms(self._publisher)
        # its own messages too: they are part of the record and come the same way as everybody's
        self._subscriber = Subscriber([bus.station, bus.rejector, bus.recorder], [s.message for s in STREAMS], bus.queue)
        self._ring = RingReader(config.record.ring_folder)
        self._images = ImageFolder(self._folder)
        self._store: Store | None = None
        self._lock: int | None = None
        self._continuity: Continuity | None = None
        self._pending: deque[tuple[AnyMessage, bool]] = deque()  # with: says something new
        self._gaps: list[tuple[str, Gap]] = []
        self._due = self._retry_at = self._next_beat = 0.0
        self._notices: dict[str, float] = {}
        self._last_ring = ""
        self._run_id, self._trouble = "", ""
        self._counts = dict.fromkeys(("messages", "inspections", "images", "lost", "backlog", "gaps", "missed", "refused"), 0)

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop, then record what is still on its way.

        Raises:
            StoreError: the record cannot be used, and waiting would not help.
        """
        keeper.ready()  # the bus is joined, so nothing is missed from now on; a disk that is full or slow is an alarm
        try:
            while not stop.is_set():
                self._step(0.2)
                keeper.progress(self._trouble or "recording")
            until = time.monotonic() + DRAIN_S
            quiet = 0
            while (quiet < 3 or self._pending) and time.monotonic() < until:
                self._step(0.1, flush=True)
                quiet = quiet + 1 if self._counts["backlog"] == 0 else 0
            if self._pending:
                log.error("%d messages are not on disk: %s", len(self._pending), self._trouble or "there was no time")
            self._beat("stopped")
        finally:
            self._publisher.close()
            self._subscriber.close()
            self._ring.close()
            if self._store is not None:
                self._store.close()
            if self._lock is not None:
                os.close(self._lock)

    def _step(self, wait_s: float, *, flush: bool = False) -> None:
        now = time.monotonic()
        if self._store is None and now >= self._retry_at:
            self._open()
        wake = min(self._next_beat, now + wait_s)
        if self._pending:
            wake = min(wake, max(self._due, self._retry_at))
        if self._store is not None and len(self._pending) < MAX_PENDING:
            self._receive(max(0.0, wake - now))
        else:
            time.sleep(max(0.0, wake - now))
        now = time.monotonic()
        if self._pending and now >= self._retry_at and (flush or now >= self._due or len(self._pending) >= MAX_MESSAGES):
            self._flush()
        self._beat_if_due()

    def _open(self) -> None:
        try:
            if self._lock is None:
                self._lock = _lock(self._folder)
            self._store = open_store(self._folder / FILE_NAME)
            self._images.clear()
            self._continuity = Continuity(self._store.last_numbers())
        except (OSError, StoreError) as error:
            if not _passing(error):
                raise error if isinstance(error, StoreError) else StoreError(f"{self._folder}: {error}; check record.folder") from error
            if self._store is not None:
                self._store.close()
            self._store = None
            self._disk_fails(error)

    def _receive(self, wait_s: float) -> None:
        """Take what has come, as far as there is room."""
        room = min(MAX_PENDING - len(self._pending), 4 * MAX_MESSAGES)
        while room > 0 and (message := self._subscriber.get(wait_s)) is not None:
            self._take(message)
            room, wait_s = room - 1, 0.0

    def _take(self, message: AnyMessage) -> None:
        assert self._continuity is not None
        for station, gap in self._continuity.missed(message, self._subscriber.gaps):
            self._missed(station, gap)
        self._subscriber.gaps.clear()
        if isinstance(message, Run):
            self._run_id = message.run_id
        news = self._continuity.news(message)
        due = time.monotonic() + (self._config.record.batch_s if news else ROUTINE_S)
        self._due = min(self._due, due) if self._pending else due
        self._pending.append((message, news))
        self._counts["messages"] += 1
        self._counts["backlog"] += news

    def _missed(self, station: str, gap: Gap) -> None:
        self._gaps.append((station, gap))
        self._counts["gaps"] += 1
        self._counts["missed"] = min(self._counts["missed"] + gap.last - gap.first + 1, 2**63 - 1)
        if gap.topic in _ROUTINE_TOPICS:
            return  # the next one says the same
        text = f"the recorder missed messages on the bus, {self._counts['missed']} since it started: the record has gaps"
        self._notice("messages-missed", text, "was the recorder stopped for long, or the machine overloaded? see docs/record.md, Gaps")

    def _flush(self) -> None:
        """Bring the oldest pending messages to disk: images first, then the rows that name them, then let the ring go."""
        if self._store is None:
            return
        batch = Batch([], [], {}, list(self._gaps))
        images = 0
        for message, news in islice(self._pending, MAX_MESSAGES):
            (batch.messages if news else batch.repeats).append(message)
            images += sum(ref.keep for ref in _refs(message))
            if images >= MAX_IMAGES:
                break
        try:
            stored, lost = self._keep(self._store, batch)
            self._images.commit(self._beat_if_due)
            self._store.write(batch)
        except (OSError, StoreError) as error:
            self._images.abandon()
            self._disk_fails(error)
            return
        self._disk_works()
        for _ in range(len(batch.messages) + len(batch.repeats)):
            self._pending.popleft()
        del self._gaps[: len(batch.gaps)]
        self._counts["backlog"] -= len(batch.messages)
        self._counts["inspections"] += sum(isinstance(m, Verdict) for m in batch.messages)
        self._counts["images"] += stored
        self._let_go(batch, lost)
        self._due = time.monotonic() + self._config.record.batch_s if len(self._pending) < MAX_MESSAGES else 0.0

    def _keep(self, store: Store, batch: Batch) -> tuple[int, int]:
        """Write the images that are to be kept and note them in the batch; returns how many were kept and how many were gone."""
        stored = lost = 0
        for message in batch.messages:
            if not isinstance(message, Verdict) or key_of(message) in batch.evidence or not any(ref.keep for ref in _refs(message)):
                continue
            image = self._file(message.image, partial(self._images.add, key_of(message), message.trigger_wall_ns))
            reference = self._file(message.reference, partial(self._images.add_reference, store.reference))
            kept = (image is not None) + (reference is not None)
            stored += kept
            lost += sum(ref.keep for ref in _refs(message)) - kept
            batch.evidence[key_of(message)] = Evidence(image, reference)
            self._receive(0)
            self._beat_if_due()
        return stored, lost

    def _file(self, ref: ImageRef | None, add: Callable[[NDArray[np.uint8]], StoredFile]) -> StoredFile | None:
        pixels = self._ring.get(ref) if ref is not None and ref.keep else None
        if pixels is None:
            return None
        try:
            return add(pixels)
        except ValueError as error:
            log.warning("%s", error)
            return None

    def _let_go(self, batch: Batch, lost: int) -> None:
        """Free the ring's slots; also those of verdicts that never reached us."""
        newest: ImageRef | None = None
        for message in batch.messages:
            if isinstance(message, Verdict):
                for ref in _refs(message):
                    self._ring.release(ref)
                if message.image is not None and batch.evidence.get(key_of(message), Evidence()).image is not None:
                    newest = message.image
        if newest is not None:
            lost += self._ring.release_before(newest)
            if self._last_ring not in ("", newest.ring):
                self._ring.close()  # the station started anew: the old ring's memory is freed when nobody has it open
            self._last_ring = newest.ring
        if lost:
            self._counts["lost"] += lost
            text = f"images that were to be kept are lost, {self._counts['lost']} since the recorder started"
            self._notice(
                "evidence-lost", text, "the disk is too slow or the recorder was away: free or faster disk, or raise record.ring_mb"
            )

    def _disk_fails(self, error: Exception) -> None:
        self._retry_at = time.monotonic() + RETRY_S
        text = f"the record is not being kept: {error}"
        if text != self._trouble:
            log.error("%s", text)
        self._trouble = text
        self._alarms.set(
            "record-not-kept",
            True,
            "fault",
            text[:200],
            f"free space in {self._folder} or repair the disk; rows wait in memory meanwhile"[:200],
        )

    def _disk_works(self) -> None:
        if self._trouble:
            log.warning("the record is being kept again")
        self._trouble = ""
        self._alarms.set("record-not-kept", False)

    def _notice(self, code: str, text: str, remedy: str) -> None:
        self._notices[code] = time.monotonic() + NOTICE_S
        self._alarms.set(code, True, "warning", text, remedy)

    def _beat_if_due(self) -> None:
        if time.monotonic() >= self._next_beat:
            self._beat("fault" if self._trouble else "ready")

    def _beat(self, state: State) -> None:
        now = time.monotonic()
        self._next_beat = now + HEARTBEAT_S
        for code in [c for c, until in self._notices.items() if now > until]:
            del self._notices[code]
            self._alarms.set(code, False)
        self._alarms.repeat()
        self._counts["refused"] = self._subscriber.refused
        self._publisher.send(
            Heartbeat, state=state, period_s=HEARTBEAT_S, run_id=self._run_id, detail=self._trouble[:200], counts=self._counts
        )


def _refs(message: AnyMessage) -> list[ImageRef]:
    return [ref for ref in (message.image, message.reference) if ref is not None] if isinstance(message, Verdict) else []


def _lock(folder: Path) -> int:
    """Be the only recorder of a folder until the process ends, however it ends. The bus does not see to that: ipc takes a second one."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / ".recorder.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise StoreError(f"{folder}: another recorder writes there; stop it, or set record.folder to another folder") from error
    return handle


def _passing(error: Exception) -> bool:
    """Whether waiting may help: a full, failing or locked disk, as against a wrong file or missing rights."""
    cause = error.__cause__ if isinstance(error, StoreError) else error
    if isinstance(cause, sqlite3.Error):
        return (getattr(cause, "sqlite_errorcode", None) or 0) & 0xFF in _PASSING
    return isinstance(cause, OSError) and not isinstance(
        cause, BlockingIOError | PermissionError | FileExistsError | NotADirectoryError | IsADirectoryError
    )


def run_recorder(config: Station, stop: threading.Event) -> None:
    """The recorder's process.

    Raises:
        BusError: its endpoint is taken.
        StoreError: the record cannot be used: not a record, made by a newer release, no rights.
    """
    step_back()
    cv2.setNumThreads(1)
    Recorder(config).run(stop)
