"""`gutteil bench --viewers`: what people who look cost the line, and how late the page is.

Rounds with and without viewers take turns, so that a slow minute of the machine hits both alike. The viewers run at idle priority:
theirs are other machines. One more, at ordinary priority, says when a page has a verdict.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from edge.bench import bench_station, collect, feed, start_reader
from edge.config import Station
from edge.errors import GutteilError
from edge.replay import percentiles
from edge.rig import rig
from edge.viewers_load import PATIENCE_S, Seen, open_pages

_READY_S = 60.0


def bench_viewers(*, viewers: int, parts: int, rounds: int, rate_hz: float, console: Console) -> dict[str, Any]:
    """Measure.

    Args:
        viewers: pages that are open, each on its own connection.
        parts: per round, with viewers and without them each.
        rate_hz: parts per second.

    Returns:
        Trigger to signal in µs with and without, and the ratios; ms from the verdict to a viewer, and to its picture; what the
        dashboard took.

    Raises:
        GutteilError: the appliance does not run, or the dashboard does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="gutteil-bench-") as scratch:
        folder = Path(scratch)
        config = bench_station(folder, rate_hz)
        reader, ours = start_reader(config)
        measured: dict[str, list[tuple[float, ...]]] = {"without": [], "with": []}
        crowd, probe = Seen(), Seen()
        memory, cpu = 0.0, {"without": 0.0, "with": 0.0}
        fed_s = {"without": 0.0, "with": 0.0}
        with (
            rig(config, folder, ["station", "rejector", "recorder", "dashboard"]) as appliance,
            _pages(config, viewers, idle=True) as many,
            _pages(config, 1, idle=False) as one,
        ):
            feed(appliance, 30, rate_hz, [])
            collect(ours)
            for number in range(rounds):
                # there and back: what drifts with time hits both alike
                for name in ("without", "with") if number % 2 == 0 else ("with", "without"):
                    console.print(f"round {number + 1} of {rounds}: {name} {viewers} viewers")
                    for pipe in (many, one):
                        if name == "with":
                            _say(pipe, "on")
                    begin, used = time.monotonic(), appliance.cpu_s().get("dashboard", 0.0)
                    feed(appliance, parts, rate_hz, [])
                    fed_s[name] += time.monotonic() - begin
                    cpu[name] += appliance.cpu_s().get("dashboard", 0.0) - used
                    measured[name] += collect(ours)
                    if name == "with":
                        memory = max(memory, appliance.memory_mb().get("dashboard", 0.0))
                        _add(crowd, _say(many, "off"))
                        _add(probe, _say(one, "off"))
        ours.send("stop")
        reader.join(5)
    if not measured["with"] or not probe.late_ms:
        raise GutteilError("no part came through the line, or no viewer was told of one; gutteil demo shows what is wrong")
    signal = {name: [row[-2] for row in rows] for name, rows in measured.items()}
    ratios = {f"ratio_p{q}": round(float(np.percentile(signal["with"], q) / np.percentile(signal["without"], q)), 3) for q in (50, 99)}
    return {
        "simulated": "camera, line, PLC and ejector are simulated; images are 640x640 gray",
        "cores": len(os.sched_getaffinity(0)),
        "viewers": viewers,
        "rate_hz": rate_hz,
        "parts": {name: len(rows) for name, rows in measured.items()},
        "trigger_to_signal_us": {name: percentiles(values) for name, values in signal.items()},
        **ratios,
        "verdict_to_viewer_ms": percentiles(probe.late_ms),
        "verdict_to_picture_ms": percentiles(probe.pictured_ms),
        "verdict_to_idle_viewers_ms": percentiles(crowd.late_ms),
        "viewers_got": {
            "snapshots": crowd.snapshots,
            "pictures": crowd.pictures,
            "mb": round(crowd.bytes / 1e6, 1),
            "lost": crowd.lost,
        },
        "dashboard": {"memory_mb": round(memory, 1), "cpu_cores": {name: round(cpu[name] / fed_s[name], 3) for name in cpu}},
    }


@contextlib.contextmanager
def _pages(config: Station, count: int, *, idle: bool) -> Iterator[Connection]:
    """A process of viewers, none of them open yet."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    url = f"http://{config.dashboard.host}:{config.dashboard.port}"
    process = context.Process(target=open_pages, args=(url, count, idle, theirs), daemon=True)
    process.start()
    if not ours.poll(_READY_S):
        raise GutteilError(f"the bench's viewers do not start within {_READY_S:g} s; the machine is too busy")
    ours.recv()
    try:
        yield ours
    finally:
        with contextlib.suppress(OSError):
            ours.send("stop")
        process.join(5)
        process.kill()


def _say(pipe: Connection, word: str) -> Any:
    pipe.send(word)
    if not pipe.poll(PATIENCE_S + _READY_S):
        raise GutteilError(f"the bench's viewers do not answer to '{word}'; the machine is too busy")
    return pipe.recv()


def _add(to: Seen, more: Seen) -> None:
    to.late_ms += more.late_ms
    to.pictured_ms += more.pictured_ms
    for name in ("snapshots", "pictures", "bytes", "lost"):
        setattr(to, name, getattr(to, name) + getattr(more, name))


def show_viewers(document: dict[str, Any], console: Console) -> None:
    """For people."""
    table = Table(title=f"{document['parts']['with']} parts with {document['viewers']} viewers, {document['parts']['without']} without")
    for column in ("", "p50", "p95", "p99"):
        table.add_column(column, justify="right" if column else "left")
    for name, row in document["trigger_to_signal_us"].items():
        table.add_row(f"trigger to signal {name}, µs", *(f"{row[p]:.0f}" for p in ("p50", "p95", "p99")))
    for what in ("verdict_to_viewer_ms", "verdict_to_picture_ms", "verdict_to_idle_viewers_ms"):
        table.add_row(what.removesuffix("_ms").replace("_", " ") + ", ms", *(f"{document[what][p]:.0f}" for p in ("p50", "p95", "p99")))
    console.print(table)
    console.print(f"ratio at p50: [bold]{document['ratio_p50']}[/], at p99: [bold]{document['ratio_p99']}[/]")
    console.print("viewers got: " + ", ".join(f"{k} {v}" for k, v in document["viewers_got"].items()), highlight=False)
    took = document["dashboard"]
    cpu = ", ".join(f"{v} cores {k}" for k, v in took["cpu_cores"].items())
    console.print(f"dashboard: {took['memory_mb']} MB, {cpu}", highlight=False)
