"""The commands that train: `gutteil train` and `gutteil profile`."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from edge.errors import SettingsError
from training.idle import refuse_idle

_RACE = ("on", "families", "widths", "overkill", "at", "profile", "only_candidates", "ray", "threads")  # options of the race alone
_MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
    "MALLOC_TOP_PAD_": "268435456",
    "OMP_WAIT_POLICY": "PASSIVE",
}
Json = Annotated[bool, typer.Option("--json", help="print JSON on standard output and nothing else")]


def keep_big_buffers() -> None:
    """Begin again as a process that keeps big buffers, unless this is one already.

    Buffers that go back to the system after each step cost half of the time on a CPU, and so do threads that spin while others
    work; both are read only at start.
    """
    if sys.platform == "linux" and "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        os.execvpe(sys.executable, [sys.executable, "-m", "edge.cli", *sys.argv[1:]], {**os.environ, **_MALLOC})


def train(
    data: Annotated[Path, typer.Option(help="COCO file to train on; image entries carry verdict and, for models that compare, reference")],
    val: Annotated[Path, typer.Option(help="COCO file to choose on")],
    out: Annotated[Path, typer.Option(help="folder for checkpoints; the model is OUT/NAME.onnx")] = Path("runs/train"),
    name: Annotated[str, typer.Option(help="name in the model's card")] = "board",
    steps: Annotated[int, typer.Option(help="optimiser steps of a full training, 16 crops each", min=10)] = 16_000,
    budget_ms: Annotated[
        float | None,
        typer.Option(help="race candidates that take at most this per part; without it one network of our own is trained", min=0.01),
    ] = None,
    on: Annotated[str, typer.Option(help="race: provider that the budget is for: cpu, cuda, tensorrt, openvino")] = "cpu",
    families: Annotated[str, typer.Option(help="race: pair (our own), yolo (ultralytics, AGPL-3.0), or both with a comma")] = "pair",
    widths: Annotated[str, typer.Option(help="race: only these, with commas, e.g. pair-8,pair-16,yolo-n")] = "",
    overkill: Annotated[
        float, typer.Option(help="race: share of good parts that may be rejected where escapes are counted", min=0, max=0.99)
    ] = 0.02,
    at: Annotated[str, typer.Option(help="race: the figure held against the budget: p50 or p99")] = "p99",
    profile: Annotated[Path | None, typer.Option(help="race: latencies measured on the target device (gutteil profile)")] = None,
    only_candidates: Annotated[bool, typer.Option(help="race: write OUT/candidates for gutteil profile, and stop")] = False,
    ray: Annotated[
        str, typer.Option(help="race: address of a Ray cluster that trains, e.g. auto or 10.0.0.5:6379; needs the extra `ray`")
    ] = "",
    threads: Annotated[int, typer.Option(help="race: CPU threads of each training and measurement; 0 = all", min=0, max=1024)] = 0,
    small_data: Annotated[
        bool, typer.Option(help="few NG images: paste and draw defects onto good images, vary more; the card says so")
    ] = False,
    simulated: Annotated[float, typer.Option(help="one network: share of simulated boards among the samples", min=0, max=0.9)] = 0.15,
    reference: Annotated[bool, typer.Option(help="one network: compare with each image's reference, where the set has them")] = True,
    seed: Annotated[int, typer.Option(help="of weights and samples")] = 1,
    licence: Annotated[str, typer.Option(help="licence of the model, for its card; default Apache-2.0, of yolo AGPL-3.0")] = "",
    resume: Annotated[bool, typer.Option(help="go on from what lies in OUT")] = True,
    allow_leaks: Annotated[
        bool, typer.Option("--allow-leaks", help="train although boards, parts or duplicate images are on both sides")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a detector from labelled images, or race several within a latency budget; resumes after a kill. Needs the extra `training`."""
    if budget_ms is None:
        refuse_idle(
            train, locals(), _RACE, "of a race, and there is none without --budget-ms: give the ms that a part may take, or leave it out"
        )
    else:
        refuse_idle(
            train, locals(), ("simulated", "reference"), "of one network, and --budget-ms asks for a race: leave one of the two out"
        )
    keep_big_buffers()
    command = "gutteil " + shlex.join(sys.argv[1:])
    console = Console(stderr=True)
    try:
        from training.datasets.leaks import check_leaks

        if not only_candidates:
            check_leaks(data, val, allowed=allow_leaks, cache=out / "looks.db", console=console)
        if budget_ms is not None:
            from training.race_command import race

            race(
                data, val, out, name=name, steps=steps, budget_ms=budget_ms, on=on, families=families, widths=widths, overkill=overkill, at=at,
                profile=profile, only_candidates=only_candidates, ray=ray, threads=threads, small_data=small_data, seed=seed, licence=licence,
                resume=resume, command=command, as_json=as_json, console=console,
            )  # fmt: skip
            return
        from training.run import train_model
    except ImportError as error:
        raise SettingsError(
            f"training needs {error.name}, which is not installed; install it with: .venv/bin/pip install -e '.[training]'"
        ) from error
    figures = train_model(
        data, val, out, name=name, steps=steps, simulated=simulated, reference=reference, seed=seed, licence=licence or "Apache-2.0", resume=resume,
        command=command, console=console, small_data=small_data,
    )  # fmt: skip
    print(
        json.dumps(figures) if as_json else "\n".join(f"{k}: {v:.4g}" if isinstance(v, float) else f"{k}: {v}" for k, v in figures.items())
    )


def profile(
    candidates: Annotated[Path, typer.Argument(help="folder of candidates, from: gutteil train … --budget-ms … --only-candidates")],
    out: Annotated[Path, typer.Option(help="file for the profile")] = Path("profile.json"),
    on: Annotated[str, typer.Option(help="provider: cpu, cuda, tensorrt, openvino")] = "cpu",
    threads: Annotated[int, typer.Option(help="CPU threads; 0 = all", min=0, max=1024)] = 0,
    rounds: Annotated[int, typer.Option(help="turns over all candidates; each gives three figures per candidate", min=1, max=100_000)] = 34,
    data: Annotated[Path | None, typer.Option(help="COCO file whose images are shown; default: noise of the candidates' own size")] = None,
    as_json: Json = False,
) -> None:
    """Measure the candidates of a race on this machine, e.g. a Jetson at the line; needs no training packages."""
    from training.profile_command import make_profile

    make_profile(candidates, out, on=on, threads=threads, rounds=rounds, data=data, as_json=as_json, console=Console(stderr=True))
