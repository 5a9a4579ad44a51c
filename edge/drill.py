"""A fault drill: a whole appliance in real processes under load, one fault, recovery, and a judgement by an independent witness.

The line's process writes down by itself what lay on the belt and what became of it; the drill knows the truth of every
picture. So nothing depends on what the processes under test say of themselves.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import msgspec

from edge.config import Camera, Line, Record, Station
from edge.drills.ground import Ground
from edge.drills.judge import Counts, Findings, Window, Windows, judge
from edge.drills.pictures import Pictures
from edge.drills.record import lost, missing_images, read_rows
from edge.drills.witness import Witness
from edge.errors import StoreError
from edge.replay import replay
from edge.rig import own_ports, rig
from edge.store import open_store

PROCESSES = ("station", "rejector", "recorder")
RECOVERY_S = 60.0
DRAIN_S = 60.0
SETTLE_NS = 1_500_000_000  # a part that was on the belt at the fault, or came just before recovery, still belongs to it
LISTED = 20


def nothing_missing() -> str:
    """Most drills need nothing that may be missing."""
    return ""


def nothing_around(_config: Station, _folder: Path) -> contextlib.AbstractContextManager[object]:
    """Most drills need nothing beside the appliance."""
    return contextlib.nullcontext()


def as_it_is(config: Station, _folder: Path) -> Station:
    """Most drills run with the usual settings."""
    return config


@dataclass(frozen=True)
class Drill:
    """
    Attributes:
        name: as on the command line.
        what: what is done, in words.
        fault: does the harm and takes it back, where it can be taken back.
        names: the processes, besides the line.
        settings: changes the settings before the start.
        around: what must be there from before the appliance starts (a mounted disk, an environment, a PLC) until it is judged.
        needs: what is missing for it on this machine, in words; '' = nothing.
        alarm: the alarm that people must have been given; '' = none is asked for.
        standing: the fault is there from the start.
        long: takes more than some seconds more than the others; left out of the tests.
    """

    name: str
    what: str
    fault: Callable[[Ground], None]
    names: tuple[str, ...] = PROCESSES
    settings: Callable[[Station, Path], Station] = as_it_is
    around: Callable[[Station, Path], contextlib.AbstractContextManager[object]] = nothing_around
    needs: Callable[[], str] = nothing_missing
    alarm: str = ""
    standing: bool = False
    long: bool = False


@dataclass
class Report(Counts):
    """
    Attributes:
        skipped: why it did not run; '' if it did.
        fault_s: how long the harm lasted; `recovery_s`, from its beginning until every process works and a new good part has passed.
        line_stopped_s: how long the belt stood from then on.
        counts_close: line and record say the same of every part, or the fault explains the difference; `misfits` names them.
        books_close: `gutteil reconcile` on the record alone.
        alarms: every alarm that was raised.
        named: parts that escaped, were lost or do not fit, by name.
        wrong: whatever else must not happen and did.
        lost_records: what the record held, or the recorder had said it held, and does not hold at the end.
    """

    drill: str
    what: str
    skipped: str = ""
    rate_hz: float = 0.0
    seed: int = 0
    escapes: int = 0
    unjudged: int = 0
    fault_s: float = 0.0
    recovery_s: float | None = None
    line_stopped_s: float = 0.0
    counts_close: bool = True
    books_close: bool = True
    misfits: int = 0
    unexplained: int = 0
    integrity: str = "ok"
    lost_records: int = 0
    alarms: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether the drill is passed."""
        return bool(self.skipped) or (
            not self.escapes
            and not self.wrong
            and not self.unjudged
            and self.counts_close
            and self.integrity == "ok"
            and not self.lost_records
            and self.recovery_s is not None
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"ok": self.ok, **msgspec.to_builtins(self)}


@dataclass(frozen=True)
class Load:
    """How the line is run: rate in parts/s, parts per drill, and the seed that everything random comes from."""

    rate_hz: float
    parts: int = 150
    seed: int = 1


def drill_config(pictures: Pictures, folder: Path, load: Load) -> Station:
    """The settings that every drill starts from."""
    switch = folder / "camera.fault"
    settings: dict[str, Any] = {"source": str(pictures.file), "loop": True, "noise": 2, "fault_file": str(switch)}
    return own_ports(
        Station(
            name="drill",
            recipe=str(pictures.recipe),
            camera=Camera(backend="replay", settings=settings, reopen_s=0.5),
            line=Line(rate_hz=load.rate_hz, jitter=0.2, journal=str(folder / "line.journal")),
            record=Record(folder=str(folder / "data"), ok_share=0.1),
        )
    )


def sustained_rate(pictures: Pictures, folder: Path, parts: int = 120) -> float:
    """The highest rate that the whole line holds with its recorder, in parts/s."""
    return float(replay(pictures.file, pictures.recipe, folder, rate_hz=0, parts=parts)["rate_hz"])


def run_drill(drill: Drill, pictures: Pictures, folder: Path, load: Load) -> Report:
    """Run one drill in a folder of its own.

    Raises:
        GutteilError: the appliance does not start, or one of its processes gives up.
    """
    report = Report(drill.name, drill.what, skipped=drill.needs(), rate_hz=round(load.rate_hz, 1), seed=load.seed)
    if report.skipped:
        return report
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    config = drill.settings(drill_config(pictures, folder, load), folder)
    with drill.around(config, folder):
        with rig(config, folder, list(drill.names)) as appliance:
            witness = Witness(Path(config.line.journal))
            ground = Ground(appliance, folder, random.Random(f"{drill.name} {load.seed}"), list(drill.names), witness)
            try:
                window = _go_through(drill, ground, load, report)
            finally:
                ground.thaw_all()
        close_drill(ground, pictures, [window], report)
    return report


def _go_through(drill: Drill, ground: Ground, load: Load, report: Report) -> Window:
    """Load, fault, recovery, load, and the belt run empty."""
    ground.attended = True
    ground.rig.line.hold(False)
    third_s = load.parts / 3 / load.rate_hz
    ground.let_parts(load.parts // 3, 30 + 3 * third_s)
    ground.let(ground.rng.uniform(0, 1.0))
    ground.mark()
    begin_ns = time.monotonic_ns()
    since_ns = min(begin_ns - SETTLE_NS, ground.unwritten_ns(ground.before))
    ground.attended = False
    drill.fault(ground)
    over_ns = time.monotonic_ns()
    ground.attended = True
    report.fault_s = round((over_ns - begin_ns) / 1e9, 2)
    if ground.let(RECOVERY_S, lambda: ground.witness.running and ground.tally.passed_ns > over_ns and ground.works(over_ns)):
        report.recovery_s = round((time.monotonic_ns() - begin_ns) / 1e9, 2)
    else:
        ground.notes.append(f"not recovered within {RECOVERY_S:g} s: {_states(ground)}")
    end_ns = time.monotonic_ns()
    if report.recovery_s is not None:
        ground.let_parts(load.parts // 3, 30 + 3 * third_s)
    report.line_stopped_s = round(ground.witness.stood_ns(begin_ns, time.monotonic_ns()) / 1e9, 2)
    if drill.alarm and drill.alarm not in ground.tally.alarms:
        ground.wrong.append(f"nobody was told: the alarm {drill.alarm} was not raised")
    drain(ground, DRAIN_S if report.recovery_s is not None else 3.0)
    return Window(0 if drill.standing else min(since_ns, ground.reach_ns), (time.monotonic_ns() if drill.standing else end_ns) + SETTLE_NS)


def drain(ground: Ground, limit_s: float = DRAIN_S) -> None:
    """Let no more parts come, and wait until the belt is empty and everything is on disk."""
    ground.rig.line.hold(True)
    ground.let(limit_s, lambda: not ground.witness.on_belt)
    ground.let(1.2)  # two heartbeats, so that the recorder's next one counts everything

    def written() -> bool:
        beat = ground.rig.beats.get("recorder")
        return beat is not None and beat.counts.get("backlog", 0) == 0 and time.monotonic_ns() - beat.mono_ns < 1e9

    if not ground.let(limit_s, written):
        ground.notes.append("the recorder still had messages to write when the drill ended")


def _states(ground: Ground) -> str:
    now = time.monotonic_ns()
    words = [f"{n} {b.state} {(now - b.mono_ns) / 1e9:.1f} s ago {b.detail}".strip() for n, b in ground.rig.beats.items()]
    return "; ".join([*words, f"belt {'runs' if ground.witness.running else 'stands'}"])


def close_drill(ground: Ground, pictures: Pictures, windows: list[Window], report: Report) -> None:
    """Judge, after everything has been stopped."""
    ground.witness.poll()
    rows = read_rows(ground.database)
    found = judge(ground.witness.parts, pictures.truth, ground.tally, rows, time.time_ns() - time.monotonic_ns(), Windows(windows))
    _count(report, found)
    gone = lost(ground.before, rows)
    unseen = max(0, ground.written_before - sum(r.verdict is not None for r in rows.values()))
    images = missing_images(ground.database.parent, rows)
    report.lost_records = len(gone) + unseen + len(images)
    report.named += [f"lost from the record: {key}" for key in gone[:LISTED]] + [f"image lost: {key}" for key in images[:LISTED]]
    report.integrity, report.books_close, words = store_health(ground.database)
    report.alarms = sorted(ground.tally.alarms)
    report.wrong, report.notes = ground.wrong, [*ground.notes, *words]


def _count(report: Report, found: Findings) -> None:
    for count in fields(Counts):
        setattr(report, count.name, getattr(found, count.name))
    report.escapes, report.unjudged = len(found.escapes), len(found.unjudged)
    report.misfits, report.unexplained = len(found.misfits), len(found.unexplained)
    report.counts_close = not found.unexplained
    report.named += [f"ESCAPE {e}" for e in found.escapes[:LISTED]] + [f"PASSED UNJUDGED {e}" for e in found.unjudged[:LISTED]]
    report.named += [f"unexplained: {e}" for e in found.unexplained[:LISTED]]
    report.named += [f"explained by the fault: {e}" for e in found.misfits if e not in found.unexplained][:LISTED]


def store_health(database: Path, *, quick: bool = False) -> tuple[str, bool, list[str]]:
    """What `PRAGMA integrity_check` says ('ok'), whether the record's own books close, and notes; `quick`: not the books."""
    try:
        with open_store(database, read_only=True) as store:
            problems = store.integrity()
            if quick:
                return "; ".join(problems)[:500] or "ok", True, []
            books = store.reconcile()
    except StoreError as error:
        return str(error), False, []
    words = [f"{books.messages_missed} messages missed by the recorder"] if books.messages_missed else []
    words += [f"{books.evidence_lost} images could not be kept"] if books.evidence_lost else []
    return "; ".join(problems)[:500] or "ok", books.closes, words


@contextlib.contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Environment variables for the processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
