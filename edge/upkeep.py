"""What the recorder does between its batches, a few milliseconds at a time: count old hours, delete what is to go, look for orphans.

It has a small share of the recorder's time, so neither a batch nor a heartbeat waits for it, however much there is to delete.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import time
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from edge.alarms import Alarms
from edge.config import Record
from edge.errors import StoreError
from edge.retention import DAY_NS, Choice, Limits, choose, fate
from edge.store import Store

BITE = 64  # rows of one transaction
LOOK = 200  # files looked at in one step
BUDGET_S = 0.01
REST = 4  # times as long as a step took it rests
CHECK_S = 1.0
DAY_S = 86_400.0
_DAYS = "[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]"

log = logging.getLogger("gutteil.recorder")


class Upkeep:
    """Retention and sweep of one record.

    Attributes:
        next_at: CLOCK_MONOTONIC before which `step` does nothing.
        expired: images deleted since the recorder started.
        orphans: files without a row, or whose row says they are deleted, that were removed.
    """

    def __init__(self, folder: Path, record: Record, alarms: Alarms) -> None:
        self._folder, self._alarms = folder, alarms
        self._bounds = Limits(record.keep_days * DAY_NS, int(record.quota_gb * 1e9), int(record.min_free_gb * 1e9))
        self._gone: deque[str] = deque()  # the rows say so, the files are still there
        self._work: Iterator[float] | None = None
        self._trouble = ""
        self.next_at = 0.0
        self.expired = self.orphans = 0

    def step(self, store: Store) -> None:
        """Do a little, if it is time. What fails is said in the log and tried again."""
        begin = time.monotonic()
        if begin < self.next_at:
            return
        if self._work is None:
            self._work = self._everything(store)
        try:
            rest_s = next(self._work)
            if self._trouble and not self._gone:
                self._trouble = ""
                self._alarms.set("cannot-delete", False)
        except (OSError, StoreError) as error:
            self._work, rest_s = None, CHECK_S
            if str(error) != self._trouble:
                log.warning("old images are not being deleted: %s", error)
            self._trouble = str(error)
            if isinstance(error, OSError):  # what the database does not take, the recorder says
                remedy = "give the recorder's user the right to delete there, or check the disk (dmesg)"
                self._alarms.set("cannot-delete", True, "warning", f"old images cannot be deleted: {error}"[:200], remedy)
        end = time.monotonic()
        self.next_at = end + max(rest_s, REST * (end - begin))

    def _everything(self, store: Store) -> Iterator[float]:
        """Every step ends with a `yield` of the seconds to rest at least."""
        yield from self._unlink()
        yield from self._tally(store)
        yield from self._measure(store)
        sweep: Iterator[float] | None = self._sweep(store)
        check_at, sweep_at = 0.0, 0.0
        while True:
            if time.monotonic() >= check_at:
                yield from self._retain(store)
                check_at = time.monotonic() + CHECK_S
            if sweep is None and time.monotonic() >= sweep_at:
                sweep = self._sweep(store)
            if sweep is not None and next(sweep, None) is None:
                sweep, sweep_at = None, time.monotonic() + DAY_S
            yield CHECK_S if sweep is None else 0.0

    def _tally(self, store: Store) -> Iterator[float]:
        """Count the hours of a record from an older release, newest first."""
        told = False
        while hours := store.hours_due(BITE):
            if not told:
                log.warning("the record's parts are being counted for the statistics, beside the work; newest first")
                told = True
            for hour in hours:
                store.recount(hour)
                yield 0.0
        if told:
            log.warning("all parts of the record are counted")

    def _measure(self, store: Store) -> Iterator[float]:
        """Sizes that an older release did not record."""
        while paths := store.unmeasured(BITE):
            sizes = {}
            for path in paths:
                try:
                    sizes[path] = (self._folder / path).stat().st_size
                except FileNotFoundError:
                    sizes[path] = 0
            store.measure(sizes)
            yield 0.0

    def _retain(self, store: Store) -> Iterator[float]:
        while True:
            usage = shutil.disk_usage(self._folder)
            limits = Limits(self._bounds.keep_ns, self._bounds.quota_bytes, min(self._bounds.min_free_bytes, usage.total // 10))
            if limits == Limits():
                return
            choice = choose(store.candidates(BITE), limits, now_ns=time.time_ns(), used=store.used(), free=usage.free, at_most=BITE)
            self._say(choice)
            if not choice.delete:
                return
            count, paths = store.expire([k.part_id for k in choice.delete])
            self.expired += count
            self._gone.extend(paths)
            yield 0.0
            yield from self._unlink()  # before anything else is chosen: a disk that lets nothing go must not cost more rows

    def _unlink(self) -> Iterator[float]:
        until = time.monotonic() + BUDGET_S
        while self._gone:
            self._delete(self._gone[0])
            self._gone.popleft()
            if time.monotonic() > until:
                yield 0.0
                until = time.monotonic() + BUDGET_S

    def _delete(self, path: str) -> None:
        if Path(path).parts[:1] == ("images",) and ".." not in Path(path).parts:  # whatever a row says, nothing else is ours to delete
            (self._folder / path).unlink(missing_ok=True)

    def _sweep(self, store: Store) -> Iterator[float]:
        """Look at every file once. Between two batches no file is without its row, unless somebody died or failed in between."""
        born_ns = store.born_ns()
        images = self._folder / "images"
        for folder in (f for pattern in (_DAYS, "references/*") for f in images.glob(pattern)):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
                while some := list(islice(entries, LOOK)):
                    self._look_at(store, some, born_ns)
                    yield 0.0
            with contextlib.suppress(OSError):  # not empty
                if folder.stat().st_mtime < time.time() - DAY_S:
                    folder.rmdir()
                    folder.parent.rmdir()
                    folder.parent.parent.rmdir()
        if self.orphans:
            log.warning("%d files were removed that no row names any more", self.orphans)

    def _look_at(self, store: Store, entries: list[os.DirEntry[str]], born_ns: int) -> None:
        files = {
            str(Path(e.path).relative_to(self._folder)): e for e in entries if e.name.endswith(".png") and e.is_file(follow_symlinks=False)
        }
        claims = store.claims(list(files))
        now_ns = time.time_ns()
        for path, entry in files.items():
            claim = claims.get(path)
            if claim is not None and not claim.expired:
                continue
            try:
                mtime_ns = entry.stat(follow_symlinks=False).st_mtime_ns
            except FileNotFoundError:
                continue
            match fate(claim, mtime_ns=mtime_ns, born_ns=born_ns, now_ns=now_ns):
                case "goes":
                    self._delete(path)
                    self.orphans += 1
                case "comes back":
                    store.come_back(path)
                case "stays":
                    pass

    def _say(self, choice: Choice) -> None:
        if choice.delete or not choice.missing:
            self._alarms.set("nothing-to-delete", False)
        elif not self._alarms.active("nothing-to-delete"):
            self._alarms.set(
                "nothing-to-delete",
                True,
                "fault",
                f"the disk is filling up: {choice.missing / 1e9:.3g} GB are over the bounds of [record], and nothing may be deleted any more",
                "release settled holds (gutteil holds), delete other files, raise record.quota_gb, or give the record a larger disk",
            )
