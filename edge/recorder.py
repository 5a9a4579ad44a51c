"""The recorder: the one writer of the record. Reads the bus, keeps images, says what it could not keep.

It is the last in the chain and nobody waits for it: it may be slow, stopped or killed. When the disk takes no image, the
rows go on without (room is set aside for them) and say 'lost', while the images wait in the frame ring; those still there
when there is room again are kept and their rows mended. When it does not even take rows, they stay in memory up to a
bound, then in the bus's queues up to theirs, and what is dropped there is recorded as a gap.
A slot of the ring is let go only when file and row are on disk.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import cv2

from edge.alarms import Alarms
from edge.alive import keeper
from edge.bus import publisher, watch
from edge.config import Station
from edge.continuity import Continuity
from edge.errors import StoreError
from edge.gallery import Gallery, Kept, stored, wanted
from edge.memory import MemoryBound
from edge.messages import STREAMS, TOPICS, AnyMessage, Audit, Candidates, Ejection, Heartbeat, ImageRef, Run, State, Trigger, Verdict
from edge.notkept import NotKept
from edge.processes import step_back
from edge.recipes_kept import RecipeKeeper
from edge.reserve import Reserve
from edge.rows import Batch, key_of
from edge.sequences import Gap
from edge.store import FILE_NAME, Store, open_store
from edge.upkeep import Upkeep

HEARTBEAT_S = 0.5
MAX_MESSAGES = 500
MAX_IMAGES = 64  # a batch of them stays well under the three heartbeats after which a process counts as dead
MAX_PENDING = 20_000  # messages in our memory; further ones wait in the bus's queue
RETRY_S = 1.0
PROBE_BYTES = 1_000_000  # when a disk takes so much, it takes images again
NOTICE_S = 10.0  # how long an alarm about something that happened once stays up
DRAIN_S = 4.0
ROUTINE_S = 5.0  # heartbeats alone make no batch before
_ROUTINE_TOPICS = {TOPICS[kind].decode() for kind in (Heartbeat, Run, Candidates)}
_WHOLE = (Trigger, Verdict, Ejection, Audit)  # wanted from the first number on; the others say themselves again
_PASSING = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY}

log = logging.getLogger("gutteil.recorder")


class Recorder:
    """One station's recorder."""

    def __init__(self, config: Station) -> None:
        """Bind first: a second recorder fails here, before it touches the record.

        Raises:
            BusError: the endpoint is taken.
        """
        simulated = config.camera.backend == "simulator"
        self._config = config
        self._folder = Path(config.record.folder)
        self._publisher = publisher(config, "recorder", simulated=simulated)
        self._alarms = Alarms(self._publisher)
        self._memory = MemoryBound("recorder")
        # its own messages too: they are part of the record and come the same way as everybody's
        self._subscriber = watch(config, [s.message for s in STREAMS])
        self._gallery = Gallery(self._folder, config.record.ring_folder)
        self._not_kept = NotKept(self._alarms, self._folder)
        self._upkeep = Upkeep(self._folder, config.record, self._alarms)
        self._reserve = Reserve(self._folder, config.record.reserve_mb * 1_000_000)
        self._recipes = RecipeKeeper(config)
        self._store: Store | None = None
        self._lock: int | None = None
        self._continuity = Continuity()
        self._pending: deque[tuple[AnyMessage, bool]] = deque()  # with: says something new
        self._gaps: list[Gap] = []
        self._due = self._retry_at = self._pay_at = self._reserve_at = self._next_beat = 0.0
        self._notices: dict[str, float] = {}
        self._told_lost, self._unseen = 0, False
        self._run_id, self._run_number = "", (0, 0)
        self._counts = dict.fromkeys(
            ("messages", "inspections", "images", "lost", "backlog", "owed", "expired", "gaps", "missed", "refused"), 0
        )

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop, then record what is still on its way.

        Raises:
            StoreError: the record cannot be used, and waiting would not help.
            MemoryError: strangers have made it keep too much, see `edge.memory`.
        """
        keeper.ready()  # the bus is joined, so nothing is missed from now on; a disk that is full or slow is an alarm
        try:
            while not stop.is_set():
                self._step(0.2)
                keeper.progress(self._not_kept.text or "recording")
                self._memory.check()
            until = time.monotonic() + DRAIN_S
            quiet = 0
            while (quiet < 3 or self._pending or self._gallery.owed) and time.monotonic() < until:
                self._step(0.1, flush=True)
                quiet = quiet + 1 if self._counts["backlog"] == 0 else 0
            if self._pending or self._gallery.owed:
                why = self._not_kept.text or "there was no time"
                log.error("%d messages and %d images are not on disk: %s", len(self._pending), len(self._gallery.owed), why)
            self._beat("stopped")
        finally:
            self._publisher.close()
            self._subscriber.close()
            self._gallery.close()
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
        if self._store is not None:
            wake = min(wake, self._upkeep.next_at)
        if self._images_are_due():
            wake = min(wake, self._pay_at)
        if self._store is not None and len(self._pending) < MAX_PENDING:
            self._receive(max(0.0, wake - now))
        else:
            time.sleep(max(0.0, wake - now))
        now = time.monotonic()
        if self._pending and now >= self._retry_at and (flush or now >= self._due or len(self._pending) >= MAX_MESSAGES):
            self._flush()
        if self._store is not None:
            if self._images_are_due() and time.monotonic() >= self._pay_at:
                self._pay(self._store)
            self._upkeep.step(self._store)
            self._set_aside()
        self._beat_if_due()

    def _open(self) -> None:
        try:
            if self._lock is None:
                self._lock = _lock(self._folder)
            self._store = open_store(self._folder / FILE_NAME)
            self._gallery.clear()
            self._subscriber.resume(self._store.last_numbers(), self._store.gaps(), _WHOLE)
        except (OSError, StoreError) as error:
            if not _passing(error):
                raise error if isinstance(error, StoreError) else StoreError(f"{self._folder}: {error}; check record.folder") from error
            if self._store is not None:
                self._store.close()
            self._store = None
            self._disk_fails(error)

    def _set_aside(self) -> None:
        """Room for the rows of the day when the disk is full; not before what waits has been written."""
        if not self._not_kept.text and time.monotonic() >= self._reserve_at:
            self._reserve_at = time.monotonic() + NOTICE_S
            self._reserve.make()

    def _receive(self, wait_s: float) -> None:
        """Take what has come, as far as there is room."""
        room = min(MAX_PENDING - len(self._pending), 4 * MAX_MESSAGES)
        while room > 0 and (message := self._subscriber.get(wait_s)) is not None:
            self._take(message)
            room, wait_s = room - 1, 0.0
        # on disk at once what is missing, so that a recorder that is killed now does not forget it; told when it will not come
        self._gaps += self._subscriber.noticed
        self._subscriber.noticed.clear()
        for gap in self._subscriber.gaps:
            self._missed(gap)
        self._subscriber.gaps.clear()

    def _take(self, message: AnyMessage) -> None:
        if isinstance(message, Run) and (message.epoch != self._run_number[0] or message.seq > self._run_number[1]):
            self._run_id, self._run_number = message.run_id, (message.epoch, message.seq)
        news = self._continuity.news(message)
        due = time.monotonic() + (self._config.record.batch_s if news else ROUTINE_S)
        self._due = min(self._due, due) if self._pending else due
        self._pending.append((message, news))
        self._counts["messages"] += 1
        self._counts["backlog"] += news

    def _missed(self, gap: Gap) -> None:
        self._counts["gaps"] += 1
        self._counts["missed"] = min(self._counts["missed"] + gap.last - gap.first + 1, 2**63 - 1)
        self._unseen |= gap.topic == TOPICS[Verdict].decode()
        if gap.topic in _ROUTINE_TOPICS:
            return  # the next one says the same, or the what-if counts the part as one of which it cannot say
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
            images += wanted(message)
            if images >= MAX_IMAGES:
                break
        kept: Kept = []
        if not self._not_kept.images:  # else they have to wait, behind the older ones
            try:
                kept = self._gallery.keep(self._store, [m for m in batch.messages if isinstance(m, Verdict)], self._progress)
            except OSError as error:
                self._images_wait(error)
        batch.evidence = {key_of(verdict): evidence for verdict, evidence in kept}
        try:
            self._store.write(batch)
        except StoreError as error:
            self._disk_fails(error)
            return
        self._recipes.see(self._store, (*batch.messages, *batch.repeats))
        for _ in range(len(batch.messages) + len(batch.repeats)):
            self._pending.popleft()
        del self._gaps[: len(batch.gaps)]
        self._counts["backlog"] -= len(batch.messages)
        self._counts["inspections"] += sum(isinstance(m, Verdict) for m in batch.messages)
        if self._not_kept.images:
            self._gallery.owe(batch.messages)
        else:
            self._let_go(batch.messages, kept)
        self._not_kept.rows_work()
        self._due = time.monotonic() + self._config.record.batch_s if len(self._pending) < MAX_MESSAGES else 0.0

    def _images_are_due(self) -> bool:
        """Whether images wait in the ring, and no rows wait that matter more."""
        return self._not_kept.images and not self._not_kept.rows and len(self._pending) < MAX_MESSAGES

    def _pay(self, store: Store) -> None:
        """Keep images that had to wait in the ring while the disk took none, and mend their rows. With none left: try the disk."""
        self._pay_at = time.monotonic() + RETRY_S
        self._lose(self._gallery.give_up_overwritten())
        room = self._reserve.room()  # an image must not take what has just been given up for the rows
        owed = self._gallery.next_owed(MAX_IMAGES, room)
        try:
            if owed:
                kept = self._gallery.keep(store, owed, self._progress)
                store.write(Batch(late=kept))
                self._gallery.paid(len(owed))
                self._let_go(owed, kept)
            elif not self._gallery.owed and room > PROBE_BYTES:
                self._gallery.probe(PROBE_BYTES)
            else:
                self._say_what_waits()
                return
        except (OSError, StoreError) as error:
            self._images_wait(error)
            return
        self._pay_at = 0.0  # go on at once
        self._say_what_waits()
        if not self._gallery.owed:
            self._not_kept.images_work()
            self._lose(0)  # say it, now that it is over

    def _progress(self) -> None:
        self._receive(0)
        self._beat_if_due()

    def _let_go(self, messages: Sequence[AnyMessage], kept: Kept) -> None:
        """Free the ring's slots and count what was kept and what was not."""
        done = stored(kept)
        self._counts["images"] += done
        freed = self._gallery.let_go(messages, kept, self._older_may_come)
        # without a missed verdict they are images of which an earlier recorder has told, and died before it let them go
        lost = freed if self._unseen else 0
        self._unseen &= not freed
        self._lose(sum(wanted(m) for m in messages) - done + lost)

    def _older_may_come(self, image: ImageRef) -> bool:
        """Whether verdicts with images older than this one are on their way: missed and asked for, or waiting behind it."""
        if any(gap.topic == TOPICS[Verdict].decode() for gap in self._subscriber.open):
            return True
        refs = (m.image for m in (*(m for m, _ in self._pending), *self._gallery.owed) if isinstance(m, Verdict))
        return any(ref is not None and ref.ring == image.ring and ref.generation < image.generation for ref in refs)

    def _lose(self, images: int) -> None:
        self._counts["lost"] += images
        # while the disk takes none, the alarm about that has the figures; each change would be a row more
        if self._counts["lost"] == self._told_lost or self._not_kept.images:
            return
        self._told_lost = self._counts["lost"]
        text = f"images that were to be kept are lost, {self._told_lost} since the recorder started"
        self._notice(
            "evidence-lost", text, "the disk is full or too slow, or the recorder was away: free or faster disk, or raise record.ring_mb"
        )

    def _images_wait(self, error: Exception) -> None:
        """The disk takes no image: the rows matter more, so they get the room that was set aside for them."""
        self._pay_at = time.monotonic() + RETRY_S
        self._reserve.release()
        self._not_kept.images_fail(error, self._counts["lost"])
        self._say_what_waits()

    def _disk_fails(self, error: Exception) -> None:
        """It does not even take rows. Those go first when it does again: the images wait until then."""
        full = not _locked(error)
        self._retry_at = time.monotonic() + (0 if full and self._reserve.release() else RETRY_S)
        if full:
            self._pay_at = time.monotonic() + RETRY_S
            self._not_kept.images_fail(error, self._counts["lost"])
        self._not_kept.rows_fail(error, self._counts["lost"])
        self._say_what_waits()

    def _say_what_waits(self) -> None:
        # no row says yet what the ring has lost meanwhile
        pending = [m for m, _ in self._pending] if self._not_kept.rows else []
        waiting, overwritten = self._gallery.in_ring([*self._gallery.owed, *pending])
        self._not_kept.say(self._counts["lost"] + overwritten, waiting, self._counts["backlog"])

    def _notice(self, code: str, text: str, remedy: str) -> None:
        self._notices[code] = time.monotonic() + NOTICE_S
        self._alarms.set(code, True, "warning", text, remedy)

    def _beat_if_due(self) -> None:
        if time.monotonic() >= self._next_beat:
            self._beat("fault" if self._not_kept.text else "ready")

    def _beat(self, state: State) -> None:
        now = time.monotonic()
        self._next_beat = now + HEARTBEAT_S
        for code in [c for c, until in self._notices.items() if now > until]:
            del self._notices[code]
            self._alarms.set(code, False)
        self._alarms.repeat()
        self._counts["owed"] = sum(wanted(m) for m in self._gallery.owed)
        self._counts["refused"], self._counts["expired"] = self._subscriber.refused, self._upkeep.expired
        self._publisher.send(
            Heartbeat, state=state, period_s=HEARTBEAT_S, run_id=self._run_id, detail=self._not_kept.text[:200], counts=self._counts
        )


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
        return _code(error) in _PASSING
    return isinstance(cause, OSError) and not isinstance(
        cause, BlockingIOError | PermissionError | FileExistsError | NotADirectoryError | IsADirectoryError
    )


def _locked(error: Exception) -> bool:
    return _code(error) == sqlite3.SQLITE_BUSY


def _code(error: Exception) -> int:
    """SQLite's primary code of a StoreError, 0 if it has none."""
    return (getattr(error.__cause__, "sqlite_errorcode", None) or 0) & 0xFF


def run_recorder(config: Station, stop: threading.Event) -> None:
    """The recorder's process.

    Raises:
        BusError: its endpoint is taken.
        StoreError: the record cannot be used: not a record, made by a newer release, no rights.
    """
    step_back()
    cv2.setNumThreads(1)
    Recorder(config).run(stop)
