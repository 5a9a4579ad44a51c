"""`gutteil replay`: every image of a labelled set through the whole line, as one part each, and the books closed at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edge.bounds import share
from edge.config import Camera, Line, Record, Station
from edge.errors import GutteilError
from edge.labelled import read_coco
from edge.messages import Ejection, Verdict
from edge.rig import Rig, own_ports, rig
from edge.store import open_store
from edge.tallies import STAGES

_STALL_S = 30.0
_BACKLOG_HIGH, _BACKLOG_LOW = 300, 60
_HELD_HIGH = 0.3  # share of the frame ring that waits for the recorder
MEMORY_FROM = 1_000


def percentiles(values: list[float]) -> dict[str, float]:
    """p50, p95 and p99, in the unit of the values."""
    if not values:
        return {}
    return {f"p{q}": round(float(np.percentile(values, q)), 1) for q in (50, 95, 99)}


def replay_config(data: Path, recipe: Path, folder: Path, rate_hz: float, parts: int) -> Station:
    """Settings of an appliance that replays a set through the simulated line."""
    camera = Camera(backend="replay", settings={"source": str(data.resolve()), "loop": True})
    return own_ports(
        Station(
            name="replay",
            recipe=str(recipe.resolve()),
            camera=camera,
            line=Line(rate_hz=rate_hz, parts=parts, jitter=0.05),
            record=Record(folder=str((folder / "data").resolve()), ok_share=0.02),
        )
    )


class _Tally:
    """What the replaying side sees with its own eyes, as one more reader of the bus."""

    def __init__(self) -> None:
        self.verdicts = 0
        self.ejections = 0
        self.stages: dict[str, list[float]] = {name: [] for name in STAGES}
        self.to_reader_us: list[float] = []

    def take(self, message: object) -> None:
        if isinstance(message, Verdict):
            self.verdicts += 1
            self.to_reader_us.append((time.monotonic_ns() - message.trigger_ns) / 1e3)
            for name in STAGES:
                self.stages[name].append(getattr(message.timings, name))
        elif isinstance(message, Ejection):
            self.ejections += 1


def replay(
    data: Path,
    recipe: Path,
    folder: Path,
    *,
    rate_hz: float = 0.0,
    parts: int = 0,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> dict[str, Any]:
    """Run the line over a set.

    Args:
        rate_hz: parts per second; 0 = as fast as the line (with its recorder) takes them.
        parts: how many; 0 = every image once; more than there are images goes round.

    Returns:
        The reconciliation from the record, escapes and overkill with bounds, latencies in µs, memory in MB.

    Raises:
        GutteilError: the appliance does not start, or stands still.
    """
    count = parts or len(read_coco(data).images)
    config = replay_config(data, recipe, folder, rate_hz, count)
    tally = _Tally()
    with rig(config, folder, ["station", "rejector", "recorder"]) as appliance:
        appliance.line.hold(False)
        started = time.monotonic()
        memory = _run(appliance, tally, count, rate_hz, progress)
        duration_s = time.monotonic() - started
        memory["end"] = appliance.memory_mb()
        _drain(appliance)
        recorder = appliance.beats["recorder"].counts
        gaps = len(appliance.bus.gaps)
    store = open_store(Path(config.record.folder) / "gutteil.db", read_only=True)
    books = store.reconcile()
    expected = books.expected_ng + books.expected_ok
    return {
        "data": str(data),
        "recipe": str(recipe),
        "simulated": "the line, its PLC and its ejector are simulated; the images are the set's",
        "parts": count,
        "seconds": round(duration_s, 2),
        "rate_hz": round(count / duration_s, 2),
        "reconciliation": books.as_dict(),
        "escapes": share(books.escapes, books.expected_ng).as_dict() if expected else None,
        "overkill": share(books.overkill, books.expected_ok).as_dict() if expected else None,
        "latency_us": {
            **{name.removesuffix("_us"): percentiles(v) for name, v in tally.stages.items()},
            "to_reader": percentiles(tally.to_reader_us),
        },
        "memory_mb": {when: {k: round(v, 1) for k, v in by.items()} for when, by in memory.items()},
        "recorder": recorder,
        "reader_gaps": gaps,
        "record": config.record.folder,
    }


def _run(appliance: Rig, tally: _Tally, count: int, rate_hz: float, progress: Callable[[int, int], None]) -> dict[str, dict[str, float]]:
    memory: dict[str, dict[str, float]] = {}
    held = False
    moved = time.monotonic()
    while tally.ejections < count:
        before = tally.verdicts + tally.ejections
        tally.take(appliance.next(0.2))
        if tally.verdicts + tally.ejections != before:
            moved = time.monotonic()
            progress(tally.ejections, count)
        if tally.ejections == min(MEMORY_FROM, count // 2) and "early" not in memory:
            memory["early"] = appliance.memory_mb()
        backlog, ring = _behind(appliance)
        if not rate_hz and not held and (backlog > _BACKLOG_HIGH or ring > _HELD_HIGH):
            held = True
            appliance.line.hold(True)
        elif held and backlog < _BACKLOG_LOW and ring < _HELD_HIGH / 2:
            held = False
            appliance.line.hold(False)
            moved = time.monotonic()
        if time.monotonic() - moved > max(_STALL_S, 3 / rate_hz if rate_hz else 0.0):
            raise GutteilError(
                f"the line stands still after {tally.verdicts} verdicts and {tally.ejections} ejections of {count} parts; {_says(appliance)}; logs: {appliance.processes.children[0].log.parent}"
            )
    return memory


def _says(appliance: Rig) -> str:
    """What the rejector says of itself: a stop waits for a person, and there is none here."""
    beat = appliance.beats.get("rejector")
    return f"the rejector says: {beat.detail or beat.state}" if beat is not None else "the rejector is silent"


def _behind(appliance: Rig) -> tuple[int, float]:
    """How far the recorder is behind: messages it has read and not written, and the share of the ring that waits for it."""
    recorder, station = appliance.beats.get("recorder"), appliance.beats.get("station")
    backlog = recorder.counts.get("backlog", 0) if recorder is not None else 0
    counts = station.counts if station is not None else {}
    return backlog, counts.get("ring_held", 0) / max(1, counts.get("ring_slots", 0))


def _drain(appliance: Rig) -> None:
    """Wait until the recorder has everything on disk."""
    until = time.monotonic() + 60
    time.sleep(1.2)  # two heartbeats, so that the next one counts everything
    while time.monotonic() < until:
        if appliance.next(0.5) is None:
            continue
        beat = appliance.beats["recorder"]
        if beat.counts.get("backlog", 0) == 0 and time.monotonic_ns() - beat.mono_ns < 1e9:
            return
