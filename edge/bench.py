"""`gutteil bench`: from trigger to the moment a separate subscriber process has the verdict, against peers in the same run.

The line and every peer take turns, round by round, so that a slow minute of the machine hits all alike; figures are
ratios first and milliseconds second.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from edge.appliance import DEMO_RECIPE
from edge.bus import Subscriber
from edge.config import Camera, Keys, Line, Model, Record, Station
from edge.errors import GutteilError
from edge.keys import make as make_keys
from edge.labelled import read_image
from edge.messages import Ejection, Verdict
from edge.peers import predict_peer, stock_model
from edge.processes import STATION_PRIORITY, step_forward
from edge.recipe import load_recipe
from edge.replay import percentiles
from edge.rig import Rig, own_ports, rig
from edge.tallies import STAGES
from hardware.camera import make_camera

_WARM_PARTS = 30


def subscribe(config: Station, pipe: Connection) -> None:
    """The separate process: notes the moment at which it has each verdict decoded."""
    subscriber = Subscriber([config.bus.station], [Verdict], keys=config)
    pipe.send("ready")
    rows: list[tuple[float, ...]] = []
    while True:
        message = subscriber.get(0.05)
        if isinstance(message, Verdict):
            now = time.monotonic_ns()
            times = tuple(getattr(message.timings, name) for name in STAGES)
            rows.append((*times, (message.mono_ns - message.trigger_ns) / 1e3, (now - message.trigger_ns) / 1e3))
        if pipe.poll():
            if pipe.recv() == "stop":
                return
            pipe.send(rows)
            rows = []


class _Raw:
    """`session.run` of a model on a random image, nothing else, with the station's own threads and provider."""

    def __init__(self, path: Path) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = len(os.sched_getaffinity(0))
        options.log_severity_level = 4
        self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        entry = self._session.get_inputs()[0]
        self._feed = {entry.name: np.random.default_rng(0).random(entry.shape, np.float32)}

    def __call__(self) -> float:
        start = time.perf_counter_ns()
        self._session.run(None, self._feed)
        return (time.perf_counter_ns() - start) / 1e3


def _pair() -> NDArray[np.uint8]:
    """A simulated part and its reference as (640, 640, 2): what the line judges, for peers that take an image."""
    camera = make_camera("simulator", {"mode": "software", "carousel": 4})
    camera.open()
    camera.trigger()
    image = camera.grab(5.0).image
    camera.close()
    reference = read_image(DEMO_RECIPE.with_suffix(".png"), gray=True)
    return np.stack((image, reference), 2)


@contextlib.contextmanager
def _like_the_station() -> Iterator[None]:
    """The station goes before everything else where the rights allow it; peers that do not would look slow.

    Threads and processes made inside keep it; this thread, which also looks after the appliance, steps back afterwards.
    """
    before = os.sched_getscheduler(0)
    step_forward(STATION_PRIORITY)
    yield
    os.sched_setscheduler(0, before, os.sched_param(0))


def _lateness(times: int, rate_hz: float) -> list[float]:
    """How much later than asked for a sleeping thread of the station's priority wakes, µs: what this machine's scheduler adds
    to everything that waits for a message."""
    late = []
    for _ in range(times):
        due = time.perf_counter_ns() + int(1e9 / rate_hz)
        time.sleep(1 / rate_hz)
        late.append((time.perf_counter_ns() - due) / 1e3)
    return late


def _time(call: Callable[[], float], times: int, rate_hz: float) -> list[float]:
    """What so many calls take in µs, after three that do not count; at the line's rate, as caches and cores cool down between parts."""
    taken = []
    for _ in range(times + 3):
        time.sleep(1 / rate_hz)
        taken.append(call())
    return taken[3:]


def bench_line(*, parts: int, rounds: int, rate_hz: float, peers: bool, console: Console) -> dict[str, Any]:
    """Measure.

    Args:
        parts: per round and measurement.
        rate_hz: parts per second; leaves the other processes the time they have at a real line.

    Returns:
        Stages, trigger to signal and to subscriber in µs; raw runs and peers in ms; ratios; memory and CPU by process.
    """
    model_file = load_recipe(DEMO_RECIPE).model_file
    with tempfile.TemporaryDirectory(prefix="gutteil-bench-") as scratch:
        folder = Path(scratch)
        make_keys(folder / "keys")
        config = bench_station(folder, rate_hz, keys=folder / "keys")
        reader, ours = start_reader(config)
        stock = stock_model(folder) if peers else None
        if peers and stock is None:
            console.print("peers are left out: ultralytics is not installed (extra `training`)")
        with _like_the_station():
            predict = predict_peer(model_file, folder, _pair()) if peers else None
            raw_calls: dict[str, Callable[[], float]] = {"model": _Raw(model_file)}
            if stock is not None:
                raw_calls["yolo26n_640"] = _Raw(stock)
        if predict is not None:
            raw_calls["ultralytics_predict"] = predict
        rows: list[tuple[float, ...]] = []
        gone: list[Ejection] = []
        scheduler: list[float] = []
        raw: dict[str, list[float]] = {name: [] for name in raw_calls}
        with rig(config, folder, ["station", "rejector", "recorder", "dashboard"]) as appliance:
            feed(appliance, _WARM_PARTS, rate_hz, [])
            collect(ours)
            cpu_before = appliance.cpu_s()
            fed_s = 0.0
            for number in range(rounds):
                console.print(f"round {number + 1} of {rounds}: the line, then {', '.join(raw_calls)}")
                begin = time.monotonic()
                feed(appliance, parts, rate_hz, gone)
                fed_s += time.monotonic() - begin
                rows += collect(ours)
                time.sleep(0.5)
                with _like_the_station():
                    scheduler += _lateness(max(20, parts // 3), rate_hz)
                    for name, call in raw_calls.items():
                        raw[name] += _time(call, max(20, parts // 3), rate_hz)
            cpu = {name: round((used - cpu_before.get(name, 0)) / fed_s, 3) for name, used in appliance.cpu_s().items()}
            memory = {name: round(mb, 1) for name, mb in appliance.memory_mb().items()}
        if predict is not None:
            predict.close()
        ours.send("stop")
        reader.join(5)
    return _document(rows, raw, memory, cpu, rate_hz, str(model_file)) | _reject_path(gone, scheduler)


def bench_station(folder: Path, rate_hz: float, *, keys: Path | None = None) -> Station:
    """Settings of a line that is measured, with ports of its own."""
    return own_ports(
        Station(
            name="bench",
            recipe=str(DEMO_RECIPE),
            camera=Camera(backend="simulator"),
            model=Model(providers=["cpu"]),
            line=Line(rate_hz=rate_hz),
            record=Record(folder=str(folder / "data")),
            keys=Keys(folder=str(keys) if keys is not None else ""),
        )
    )


def start_reader(config: Station) -> tuple[SpawnProcess, Connection]:
    """The subscriber in a process of its own, listening, and the pipe by which it is asked for its rows and stopped."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    reader = context.Process(target=subscribe, args=(config, theirs), daemon=True)
    reader.start()
    ours.recv()
    return reader, ours


def feed(appliance: Rig, parts: int, rate_hz: float, gone: list[Ejection]) -> None:
    """Let parts pass and hold the line again; adds what became of them to `gone`."""
    appliance.line.hold(False)
    seen, until = 0, time.monotonic() + 30 + 3 * parts / rate_hz
    while seen < parts and time.monotonic() < until:
        time.sleep(0.1)  # this process is no part of an appliance: it looks now and then, not at every message
        while (message := appliance.next(0)) is not None:
            seen += isinstance(message, Verdict)
            if isinstance(message, Ejection):
                gone.append(message)
    appliance.line.hold(True)


def collect(pipe: Connection) -> list[tuple[float, ...]]:
    time.sleep(0.3)
    pipe.send("rows")
    rows: list[tuple[float, ...]] = pipe.recv()
    return rows


def _document(
    rows: list[tuple[float, ...]], raw: dict[str, list[float]], memory: dict[str, float], cpu: dict[str, float], rate_hz: float, model: str
) -> dict[str, Any]:
    if not rows:
        raise GutteilError("no part came through the line; gutteil demo shows what is wrong")
    table = np.array(rows, np.float64)
    stages = {name.removesuffix("_us"): percentiles(table[:, i].tolist()) for i, name in enumerate(STAGES[:-1])}
    signal, reader = table[:, -2], table[:, -1]
    raw_ms = {name: {**percentiles(values)} for name, values in raw.items()}
    own = float(np.median(raw["model"]))
    overhead = {f"p{q}": round(float(np.percentile(reader, q)) - own, 1) for q in (50, 95, 99)}
    ratios: dict[str, float] = {"signal_to_raw_model": round(float(np.median(signal)) / own, 3)}
    if "yolo26n_640" in raw:
        ratios["subscriber_to_raw_yolo26n_640"] = round(float(np.median(reader)) / float(np.median(raw["yolo26n_640"])), 3)
        ratios["signal_to_raw_yolo26n_640"] = round(float(np.median(signal)) / float(np.median(raw["yolo26n_640"])), 3)
    if "ultralytics_predict" in raw:
        added = float(np.median(raw["ultralytics_predict"])) - own
        overhead["ultralytics_p50"] = round(added, 1)
        ratios["overhead_to_ultralytics_overhead"] = round(overhead["p50"] / added, 3)
    return {
        "model": model,
        "simulated": "camera, line, PLC and ejector are simulated; images are 640x640 gray",
        "parts": len(rows),
        "rate_hz": rate_hz,
        "cores": len(os.sched_getaffinity(0)),
        "stages_us": stages,
        "trigger_to_signal_us": percentiles(signal.tolist()),
        "trigger_to_subscriber_us": percentiles(reader.tolist()),
        "overhead_beyond_raw_us": overhead,
        "raw_us": raw_ms,
        "ratios": ratios,
        "memory_mb": memory,
        "cpu_cores": cpu,
    }


def _reject_path(gone: list[Ejection], scheduler: list[float]) -> dict[str, Any]:
    """From the verdict to the PLC, and how well the ejector hit the moment."""
    return {
        "verdict_to_plc_us": percentiles([e.answer_us for e in gone if e.answer_us]),
        "ejection_error_us": percentiles([abs(e.offset_us) for e in gone if e.outcome != "passed"]),
        "ejections": sum(e.outcome != "passed" for e in gone),
        "scheduler_us": percentiles(scheduler),
        "bus": "tcp with CURVE keys",
    }


def show(document: dict[str, Any], console: Console) -> None:
    """For people."""
    table = Table(title=f"{document['parts']} parts at {document['rate_hz']:g}/s on {document['cores']} cores, µs")
    for column in ("", "p50", "p95", "p99"):
        table.add_column(column, justify="right" if column else "left")
    rows = {
        **document["stages_us"],
        "trigger to signal": document["trigger_to_signal_us"],
        "trigger to subscriber": document["trigger_to_subscriber_us"],
        "verdict to PLC told": document["verdict_to_plc_us"],
        "ejection off its moment": document["ejection_error_us"],
        "scheduler alone": document["scheduler_us"],
    }
    rows |= {"overhead beyond raw run": document["overhead_beyond_raw_us"], **{f"raw {k}": v for k, v in document["raw_us"].items()}}
    for name, row in rows.items():
        table.add_row(name, *(f"{row.get(p, 0):.0f}" for p in ("p50", "p95", "p99")))
    console.print(table)
    for name, value in document["ratios"].items():
        console.print(f"{name.replace('_', ' ')}: [bold]{value}[/]")
    for what, unit in (("memory_mb", "MB"), ("cpu_cores", "cores")):
        console.print(f"{what.split('_')[0]}: " + ", ".join(f"{k} {v} {unit}" for k, v in document[what].items()), highlight=False)
