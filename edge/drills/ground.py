"""The ground that a drill stands on: a whole appliance in real processes under load, and what may be done to it."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edge.commands import Command, send_command
from edge.drills.record import Row, read_rows
from edge.drills.tally import Tally
from edge.drills.witness import Witness
from edge.errors import BusError, GutteilError
from edge.messages import AnyMessage, Heartbeat
from edge.processes import RESTART_S
from edge.rig import Rig
from edge.store import FILE_NAME

LOOK_S = 0.1
LATEST = 1_000
UNWRITTEN_NS = 10 * 10**9  # a recorder that is further behind than that is a finding of its own
PERSON_S = 1.0  # a person comes to acknowledge when the belt has stood for so long


@dataclass
class Ground:
    """A running appliance.

    Attributes:
        attended: a person is there who acknowledges stops; not while a drill does its harm.
        notes: what is worth saying in the report.
        may_fail: processes that may refuse to run for a while.
        reach_ns: CLOCK_MONOTONIC of the oldest part that the fault touches, where it reaches back to parts that had gone before.
        wrong: what must not happen and did, besides what the parts tell.
        ears: called with every message that is heard.
        before: the record's rows at the moment of the fault.
    """

    rig: Rig
    folder: Path
    rng: random.Random
    names: list[str]
    witness: Witness
    tally: Tally = field(default_factory=Tally)
    attended: bool = False
    notes: list[str] = field(default_factory=list)
    may_fail: set[str] = field(default_factory=set)
    reach_ns: int = 2**63 - 1
    wrong: list[str] = field(default_factory=list)
    ears: list[Callable[[AnyMessage], None]] = field(default_factory=list)
    acknowledged: int = 0
    before: dict[str, Row] = field(default_factory=dict)
    written_before: int = 0
    _replaced: dict[str, int] = field(default_factory=dict)
    _stood_since: float = 0.0
    _next_look: float = 0.0
    _frozen: set[int] = field(default_factory=set)

    @property
    def database(self) -> Path:
        return Path(self.rig.config.record.folder) / FILE_NAME

    def let(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Let the line run; returns whether `until` came true in that time."""
        end = time.monotonic() + seconds
        while not (done := until()) and time.monotonic() < end:
            message = self._next()
            if message is not None:
                self.tally.take(message)
                for ear in self.ears:
                    ear(message)
            if time.monotonic() >= self._next_look:
                self._next_look = time.monotonic() + LOOK_S
                self.witness.poll()
                self.rig.processes.watch()
                self._person()
        return done

    def _next(self) -> AnyMessage | None:
        try:
            return self.rig.next(0.05)
        except GutteilError:
            failed = [c for c in self.rig.processes.children if c.failed]
            if not failed or any(c.name not in self.may_fail for c in failed):
                raise
            for child in failed:
                if time.monotonic() - child.started > RESTART_S:
                    child.failed, child.failed_starts = "", 0  # started again, as a person would
                    child.start()
            return None

    def let_parts(self, count: int, limit_s: float) -> bool:
        """Let so many more parts go by."""
        goal = len(self.witness.parts) + count
        return self.let(limit_s, lambda: len(self.witness.parts) >= goal)

    def mark(self) -> None:
        """Remember what the record holds and what the recorder has said that it wrote: all of it must be there at the end."""
        beat = self.rig.beats.get("recorder")
        self.before = read_rows(self.database)
        self.written_before = beat.counts.get("inspections", 0) if beat is not None else 0

    def unwritten_ns(self, rows: dict[str, Row]) -> int:
        """When the oldest of the latest parts passed the sensor whose end is not in these rows yet; now if there is none. What
        dies with the recorder may take it along."""
        now = time.monotonic_ns()
        done = {self.tally.parts[r.part_id] for r in rows.values() if r.outcome is not None and r.part_id in self.tally.parts}
        late = [p.at_ns for p in self.witness.parts[-LATEST:] if now - p.at_ns < UNWRITTEN_NS and (p.trigger_id, p.at_ns) not in done]
        return min(late, default=now)

    def works(self, since_ns: int) -> bool:
        """Whether every process of the appliance has said since then that it works, the started ones anew."""
        for name in self.names:
            if name == "dashboard":
                if self.pid(name) == self._replaced.get(name) or not self._page_answers():
                    return False
                continue
            beat: Heartbeat | None = self.rig.beats.get(name)
            if beat is None or beat.state != "ready" or beat.mono_ns < since_ns or beat.epoch == self._replaced.get(name):
                return False
        return True

    def _page_answers(self) -> bool:
        board = self.rig.config.dashboard
        try:
            with urllib.request.urlopen(f"http://{board.host}:{board.port}/", timeout=0.5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _person(self) -> None:
        now = time.monotonic()
        if self.witness.running or not self.attended:
            self._stood_since = now
        elif now - self._stood_since > PERSON_S:
            self._stood_since = now
            self.acknowledged += acknowledge(self.rig)

    # what may be done to it -----------------------------------------------------------------------------------

    def pid(self, name: str) -> int:
        return self.rig.processes.child(name).pid

    def kill(self, name: str) -> None:
        """kill -9."""
        beat = self.rig.beats.get(name)
        self._replaced[name] = beat.epoch if beat is not None else self.pid(name)
        os.kill(self.pid(name), signal.SIGKILL)

    def freeze(self, name: str) -> None:
        """SIGSTOP."""
        self._frozen.add(self.pid(name))
        os.kill(self.pid(name), signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """SIGCONT."""
        self._frozen.discard(self.pid(name))
        os.kill(self.pid(name), signal.SIGCONT)

    def thaw_all(self) -> None:
        """Leave nothing frozen behind, whatever happened."""
        for pid in self._frozen & {c.pid for c in self.rig.processes.children}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._frozen.clear()

    def camera(self, fault: str) -> None:
        """Break the camera with a word of `hardware.cameras.faults.FAULTS`, or heal it with ''."""
        file = Path(self.rig.config.camera.settings["fault_file"])
        fresh = file.with_suffix(".new")
        fresh.write_text(fault + "\n")
        fresh.replace(file)


def acknowledge(rig: Rig) -> bool:
    """Acknowledge every stop, as a person would; whether the line took it. Who is told that nobody answers comes again."""
    try:
        return send_command(rig.config, Command("acknowledge", who="drill"), timeout_s=0.5).accepted
    except BusError:
        return False
