"""The long drill: one appliance, killed again and again at random moments, over many parts."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.drill import PROCESSES, SETTLE_NS, Load, Report, close_drill, drain, drill_config, store_health
from edge.drills.ground import Ground
from edge.drills.judge import Window
from edge.drills.pictures import Pictures
from edge.drills.record import Row, lost, read_rows
from edge.drills.witness import Witness
from edge.errors import GutteilError
from edge.rig import rig

VICTIMS = (*PROCESSES, "line")
TWO_AT_ONCE = 0.1  # share of the blows that hit two processes
STALL_S = 90.0
_NEWEST = 500


@dataclass
class Running:
    """The tally while it goes on; also in `tally.json` of the folder, after every blow.

    Attributes:
        kills: so far, by process.
        escapes: bad parts that passed, so far.
        store_checks: how often the store was checked; `corrupt`, how often it was not sound.
        lost: rows that were there before a kill of the recorder and not after it.
        acknowledged: how often a person was needed.
    """

    seed: int
    of_kills: int
    of_parts: int
    seconds: float = 0.0
    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VICTIMS, 0))
    parts: int = 0
    passed: int = 0
    ejected: int = 0
    escapes: int = 0
    store_checks: int = 0
    corrupt: int = 0
    lost: int = 0
    acknowledged: int = 0

    @property
    def killed(self) -> int:
        return sum(self.kills.values())


class _Long:
    def __init__(self, ground: Ground, pictures: Pictures, tally: Running, file: Path) -> None:
        self._ground, self._truth, self._tally, self._file = ground, pictures.truth, tally, file
        self._started = time.monotonic()
        self._counted = 0
        self._broken_ns = self._hit_ns = 0
        self._kept: dict[str, Row] = {}
        self.windows: list[Window] = []

    def go(self, progress: Callable[[Running], None]) -> None:
        tally, ground = self._tally, self._ground
        ground.attended = True
        ground.rig.line.hold(False)
        while tally.killed < tally.of_kills or tally.parts < tally.of_parts:
            left = tally.of_kills - tally.killed
            apart = max(1, tally.of_parts - tally.parts) / (left + 1)
            self._parts(max(1, round(apart * ground.rng.uniform(0.3, 1.7))) if left else tally.of_parts - tally.parts, progress)
            if left:
                ground.let(ground.rng.uniform(0, 0.1))
                self._blow(min(left, 2 if ground.rng.random() < TWO_AT_ONCE else 1))
                self._write()
        ground.let(STALL_S, lambda: self._whole() or not self._broken_ns)
        self._end_window(time.monotonic_ns())

    def _parts(self, count: int, progress: Callable[[Running], None]) -> None:
        """Let so many parts come by."""
        ground, goal = self._ground, len(self._ground.witness.parts) + count
        moved, seen = time.monotonic(), 0
        while len(ground.witness.parts) < goal:
            ground.let(0.2, lambda: len(ground.witness.parts) >= goal)
            if self._broken_ns and self._whole():
                self._end_window(time.monotonic_ns())
                self._check()
            self._count()
            progress(self._tally)
            if len(ground.witness.parts) != seen:
                moved, seen = time.monotonic(), len(ground.witness.parts)
            if time.monotonic() - moved > STALL_S:
                raise GutteilError(
                    f"the line stands still after {self._tally.killed} kills and {seen} parts; logs: {ground.folder / 'logs'}"
                )

    def _blow(self, count: int) -> None:
        ground = self._ground
        newest = read_rows(ground.database, 2 * _NEWEST)
        self._kept = self._kept or dict(list(newest.items())[:_NEWEST])
        self._hit_ns = time.monotonic_ns()
        self._broken_ns = self._broken_ns or min(self._hit_ns - SETTLE_NS, ground.unwritten_ns(newest))
        for name in ground.rng.sample(VICTIMS, count):
            ground.kill(name)
            self._tally.kills[name] += 1

    def _whole(self) -> bool:
        return self._ground.witness.running and self._ground.tally.passed_ns > self._hit_ns and self._ground.works(self._hit_ns)

    def _end_window(self, now_ns: int) -> None:
        if self._broken_ns:
            begin_ns = max(self._broken_ns, self.windows[-1].end_ns + 1 if self.windows else 0)
            self.windows.append(Window(begin_ns, now_ns + SETTLE_NS))
        self._broken_ns = 0

    def _check(self) -> None:
        """The appliance works again: is the store sound, and is in it what was in it?"""
        self._tally.store_checks += 1
        self._tally.corrupt += store_health(self._ground.database, quick=True)[0] != "ok"
        self._tally.lost += len(lost(self._kept, read_rows(self._ground.database, 4 * _NEWEST)))
        self._kept = {}

    def _count(self) -> None:
        """Outcomes of the parts that have gone since; a part that lies on the belt is looked at again."""
        parts, tally = self._ground.witness.parts, self._tally
        tally.parts, tally.seconds = len(parts), round(time.monotonic() - self._started, 1)
        tally.acknowledged = self._ground.acknowledged
        while self._counted < len(parts) and (parts[self._counted].outcome or self._counted < len(parts) - 1_000):
            part = parts[self._counted]
            tally.passed += part.outcome == "passed"
            tally.ejected += part.outcome == "ejected"
            tally.escapes += part.outcome == "passed" and self._truth[part.item % len(self._truth)] == "NG"
            self._counted += 1

    def _write(self) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(vars(self._tally)))
        fresh.replace(self._file)


def run_long(
    pictures: Pictures, folder: Path, load: Load, kills: int, progress: Callable[[Running], None] = lambda _: None
) -> tuple[Report, dict[str, Any]]:
    """So many kills over `load.parts` parts; returns the judgement and the tally.

    Raises:
        GutteilError: the appliance does not start, or the line stands still for good.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    report = Report("long", f"{kills} random kills over {load.parts} parts", rate_hz=round(load.rate_hz, 1), seed=load.seed)
    config = drill_config(pictures, folder, load)
    tally = Running(load.seed, kills, load.parts)
    with rig(config, folder, list(PROCESSES)) as appliance:
        ground = Ground(appliance, folder, random.Random(f"long {load.seed}"), list(PROCESSES), Witness(Path(config.line.journal)))
        long = _Long(ground, pictures, tally, folder / "tally.json")
        long.go(progress)
        drain(ground)
        report.recovery_s = 0.0
        report.line_stopped_s = round(ground.witness.stood_ns(0, time.monotonic_ns()) / 1e9, 2)
    close_drill(ground, pictures, long.windows, report)
    report.lost_records += tally.lost
    if tally.corrupt and report.integrity == "ok":
        report.integrity = f"not sound {tally.corrupt} times in between"
    return report, vars(tally)
