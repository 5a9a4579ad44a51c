"""The command of this folder: `gutteil train-good`."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from edge.bounds import in_words
from edge.errors import SettingsError
from training.commands import Json, keep_big_buffers


def train_good(
    data: Annotated[Path, typer.Option(help="COCO file; only its images with verdict OK are learned from, others only measured")],
    out: Annotated[Path, typer.Option(help="folder for checkpoints, model, recipe and figures")] = Path("runs/good"),
    name: Annotated[str, typer.Option(help="name in the model's card; the model is OUT/NAME.onnx")] = "good-parts",
    steps: Annotated[
        int, typer.Option(help="optimiser steps of 8 crops of 256x256 px, for each fold and once more for the model", min=10)
    ] = 1_500,
    folds: Annotated[int, typer.Option(help="folds over parts, for thresholds and figures on parts not trained on", min=2, max=20)] = 3,
    overkill: Annotated[
        float, typer.Option(help="share of good parts that may be rejected; sets undecided_score", min=0.0001, max=0.25)
    ] = 0.05,
    sure: Annotated[
        float, typer.Option(help="share of good parts that may be called NG outright; sets ng_score", min=0.0001, max=0.25)
    ] = 0.01,
    seed: Annotated[int, typer.Option(help="of weights, samples and folds")] = 1,
    licence: Annotated[str, typer.Option(help="licence of the model, for its card")] = "Apache-2.0",
    resume: Annotated[bool, typer.Option(help="go on from the checkpoints in OUT")] = True,
    as_json: Json = False,
) -> None:
    """Train an anomaly detector from good images alone; resumes after a kill. Needs the extra `training`."""
    if sure > overkill:
        raise SettingsError(f"--sure {sure} is above --overkill {overkill}: parts called NG outright are rejected, too; lower it")
    keep_big_buffers()
    try:
        from training.good.run import train_good as run
    except ImportError as error:
        raise SettingsError(
            f"training needs {error.name}, which is not installed; install it with: .venv/bin/pip install -e '.[training]'"
        ) from error
    figures = run(
        data, out, name=name, steps=steps, folds=folds, overkill=overkill, sure=sure, seed=seed, licence=licence, resume=resume,
        command="gutteil " + shlex.join(sys.argv[1:]), console=Console(stderr=True),
    )  # fmt: skip
    if as_json:
        print(json.dumps(figures, ensure_ascii=False))
        return
    flat = {k: v for k, v in figures.items() if k not in ("notes", "held_out")} | {
        f"held out, {k}": v for k, v in figures["held_out"].items()
    }
    for key, value in flat.items():
        print(f"{key}: {in_words(value) if isinstance(value, dict) else value}")
    print("\n".join(figures["notes"]))
