"""The commands of this room: `gutteil train` and `gutteil evaluate`."""

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

ROOT = Path(__file__).resolve().parents[1]  # not from a module that brings ONNX Runtime with it: every process loads this one
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
    as_json: Json = False,
) -> None:
    """Train a detector from labelled pairs; resumes after a kill. Needs the extra `training`."""
    keep_big_buffers()
    try:
        from training.run import train_model
    except ImportError as error:
        raise SettingsError(
            f"training needs {error.name}, which is not installed; install it with: .venv/bin/pip install -e '.[training]'"
        ) from error
    command = "gutteil " + shlex.join(sys.argv[1:])
    figures = train_model(
        data, val, out, name=name, steps=steps, simulated=simulated, reference=reference, seed=seed, licence=licence, resume=resume, command=command,
        console=Console(stderr=True),
    )  # fmt: skip
    print(json.dumps(figures) if as_json else "\n".join(f"{k}: {v}" for k, v in figures.items()))


def evaluate(
    data: Annotated[Path, typer.Option(help="COCO file; image entries carry verdict and, for models that compare, reference")],
    model: Annotated[Path | None, typer.Option(help="ONNX model with a card; default: the recipe's")] = None,
    recipe: Annotated[Path | None, typer.Option(help="recipe (TOML); default: the shipped circuit-board recipe")] = None,
    without_reference: Annotated[bool, typer.Option(help="show what a model that compares is worth without its reference")] = False,
    vary: Annotated[int, typer.Option(help="seed; if not 0 every image is first moved, thresholded and made noisy anew", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """mAP and F1 of a model, and escape and overkill of its verdicts with 95 % bounds."""
    from training.evaluate import evaluate_model, show

    if recipe is None:
        recipe = ROOT / "recipes" / "board.toml"
    document = evaluate_model(model, data, recipe, Console(stderr=True), without_reference=without_reference, vary_seed=vary)
    if as_json:
        print(json.dumps(document, ensure_ascii=False))
    else:
        show(document, Console())
