"""The commands of this room that are loaded from here: `gutteil train` and `gutteil evaluate`."""

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
from training.judging import evaluate

__all__ = ["evaluate", "train"]  # `evaluate` is loaded from here by what is installed already
_MALLOC = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "8589934592", "MALLOC_TOP_PAD_": "268435456"}
Json = Annotated[bool, typer.Option("--json", help="print JSON on standard output and nothing else")]


def train(
    data: Annotated[Path, typer.Option(help="COCO file to train on; image entries carry verdict and reference")],
    val: Annotated[Path, typer.Option(help="COCO file to choose on")],
    out: Annotated[Path, typer.Option(help="folder for checkpoints; the model is OUT/NAME.onnx")] = Path("runs/train"),
    name: Annotated[str, typer.Option(help="name in the model's card")] = "board",
    steps: Annotated[int, typer.Option(help="optimiser steps of 16 crops of 320x320 px", min=10)] = 16_000,
    simulated: Annotated[float, typer.Option(help="share of simulated boards among the samples", min=0, max=0.9)] = 0.15,
    reference: Annotated[bool, typer.Option(help="compare with each image's defect-free reference")] = True,
    seed: Annotated[int, typer.Option(help="of weights and samples")] = 1,
    licence: Annotated[str, typer.Option(help="licence of the model, for its card")] = "Apache-2.0",
    resume: Annotated[bool, typer.Option(help="go on from the last checkpoint in OUT")] = True,
    allow_leaks: Annotated[
        bool, typer.Option("--allow-leaks", help="train although boards, parts or duplicate images are on both sides")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a detector from labelled pairs; resumes after a kill. Needs the extra `training`."""
    if sys.platform == "linux" and "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        # big buffers that go back to the system after each step cost half of the time on a CPU; glibc reads this only at start
        os.execvpe(sys.executable, [sys.executable, "-m", "edge.cli", *sys.argv[1:]], {**os.environ, **_MALLOC})
    try:
        from training.datasets.leaks import check_leaks
        from training.run import train_model
    except ImportError as error:
        raise SettingsError(
            f"training needs {error.name}, which is not installed; install it with: .venv/bin/pip install -e '.[training]'"
        ) from error
    check_leaks(data, val, allowed=allow_leaks, cache=out / "looks.db", console=Console(stderr=True))
    command = "gutteil " + shlex.join(sys.argv[1:])
    figures = train_model(
        data, val, out, name=name, steps=steps, simulated=simulated, reference=reference, seed=seed, licence=licence, resume=resume, command=command,
        console=Console(stderr=True),
    )  # fmt: skip
    print(json.dumps(figures) if as_json else "\n".join(f"{k}: {v}" for k, v in figures.items()))
