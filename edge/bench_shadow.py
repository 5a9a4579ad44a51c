"""`gutteil bench --shadow`: what a shadow model costs the active one, and how long a change of model takes.

The same network under another name is the shadow model, so it costs what a candidate of that size costs. Rounds with and without
its process take turns, so that a slow minute of the machine hits both alike.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from edge import registry as rows
from edge import shadow_results
from edge.activation import Person, Registry, file_hash
from edge.appliance import DEMO_RECIPE
from edge.bench import bench_station, collect, feed, start_reader
from edge.card import with_card
from edge.config import Station
from edge.errors import GutteilError
from edge.judge import Judge
from edge.messages import Run
from edge.pointer import Pointer, model_path, write_pointer
from edge.processes import running
from edge.recipe import load_recipe
from edge.replay import percentiles
from edge.rig import Rig, rig
from edge.store import FILE_NAME, open_store

CHANGES = 10
_BENCH = Person("bench")
_NAME = "the same network as shadow model"


def bench_shadow(*, parts: int, rounds: int, rate_hz: float, console: Console) -> dict[str, Any]:
    """Measure.

    Args:
        parts: per round, with the shadow process and without it each.
        rate_hz: parts per second.

    Returns:
        Trigger to signal and inference in µs with and without, their ratio at p50; parts judged in shadow and skipped; ms from the
        pointer's change until the station announces its run with the other model, when it must be loaded and when it is warm.

    Raises:
        GutteilError: the appliance does not run, or the station does not take a model.
    """
    with tempfile.TemporaryDirectory(prefix="gutteil-bench-") as scratch:
        folder = Path(scratch)
        config = bench_station(folder, rate_hz)
        reader, ours = start_reader(config)
        measured: dict[str, list[tuple[float, ...]]] = {"without": [], "with": []}
        with rig(config, folder, ["station", "rejector", "recorder", "dashboard"]) as appliance:
            feed(appliance, 30, rate_hz, [])
            collect(ours)
            sha256 = _twin_in_shadow(config, folder)
            for number in range(rounds):
                for name in ("without", "with") if number % 2 == 0 else ("with", "without"):
                    console.print(f"round {number + 1} of {rounds}: {name} a shadow model")
                    with running(["shadow"] if name == "with" else [], folder / "station.toml", folder / "logs") as beside:
                        feed(appliance, 30, rate_hz, [])  # so that it has loaded its model, and both begin alike
                        time.sleep(3.0 if beside.children else 0.5)
                        collect(ours)
                        feed(appliance, parts, rate_hz, [])
                        measured[name] += collect(ours)
            with contextlib.closing(open_store(Path(config.record.folder) / FILE_NAME, read_only=True)) as store, store.reading() as db:
                spans = shadow_results.totals(db, sha256)
                loaded = load_recipe(DEMO_RECIPE)
                differ = sum(1 for _ in shadow_results.said(db, sha256, loaded.hash, file_hash(loaded.model_file)))
            changes = _changes(appliance, sha256)
        ours.send("stop")
        reader.join(5)
    tables = {name: np.array(table, np.float64) for name, table in measured.items()}
    signal = {name: table[:, -2] for name, table in tables.items()}
    return {
        "parts": {name: len(table) for name, table in tables.items()},
        "rate_hz": rate_hz,
        "trigger_to_signal_us": {name: percentiles(values.tolist()) for name, values in signal.items()},
        "infer_us": {name: percentiles(table[:, 2].tolist()) for name, table in tables.items()},
        "ratio_p50": round(float(np.median(signal["with"]) / np.median(signal["without"])), 4),
        "shadow": msgspec.structs.asdict(spans) | {"disagreements": differ},
        "change_ms": {"loaded": [round(ms, 1) for ms in changes[:1]], "warm": percentiles(changes[1:])},
    }


def _twin_in_shadow(config: Station, folder: Path) -> str:
    """The recipe's own network under another name, registered and in shadow."""
    judge = Judge(load_recipe(DEMO_RECIPE))
    file = folder / "twin.onnx"
    file.write_bytes(with_card(judge.model.path.read_bytes(), msgspec.structs.replace(judge.model.card, name=_NAME)))
    with open_store(Path(config.record.folder) / FILE_NAME, beside=True) as store:
        registry = Registry(store, config)
        found = registry.register(file, {}, {}, _BENCH)
        registry.shadow(found.sha256, _BENCH, "")
        with store.reading() as db:
            assert rows.in_state(db, registry.product, "shadow") == found.sha256
    return found.sha256


def _changes(appliance: Rig, sha256: str) -> list[float]:
    """ms from the pointer's change to the run under the other model, there and back in turn; the first one has to be loaded."""
    loaded = load_recipe(DEMO_RECIPE)
    folder, own = Path(appliance.config.record.folder), Judge(loaded).model.file_hash
    assert model_path(folder, sha256).is_file()
    taken = []
    appliance.line.hold(False)
    for number in range(CHANGES + 1):
        there = number % 2 == 0
        wanted = sha256 if there else own
        time.sleep(1.0)
        while appliance.next(0) is not None:
            continue
        begin = time.monotonic_ns()
        write_pointer(
            folder,
            Pointer(product=loaded.recipe.product, sha256=sha256 if there else "", previous="" if there else sha256, statements=[]),
        )
        while True:
            message = appliance.next(0.1)
            if isinstance(message, Run) and message.model_hash == wanted and message.mono_ns > begin:
                taken.append((message.mono_ns - begin) / 1e6)
                break
            if time.monotonic_ns() - begin > 30e9:
                raise GutteilError(f"the station did not take {wanted[:12]} within 30 s; logs: {folder.parent / 'logs'}")
    appliance.line.hold(True)
    return taken


def show_shadow(document: dict[str, Any], console: Console) -> None:
    """For people."""
    table = Table(
        title=f"{document['parts']['with']} parts with and {document['parts']['without']} without, at {document['rate_hz']:g}/s, µs"
    )
    for column in ("", "p50", "p95", "p99"):
        table.add_column(column, justify="right" if column else "left")
    for what in ("trigger_to_signal_us", "infer_us"):
        for name, row in document[what].items():
            table.add_row(f"{what.removesuffix('_us').replace('_', ' ')} {name}", *(f"{row[p]:.0f}" for p in ("p50", "p95", "p99")))
    console.print(table)
    console.print(f"ratio at p50: [bold]{document['ratio_p50']}[/]")
    console.print("in shadow: " + ", ".join(f"{k} {v}" for k, v in document["shadow"].items()), highlight=False)
    console.print(f"change of model, ms: loaded {document['change_ms']['loaded']}, warm {document['change_ms']['warm']}", highlight=False)
