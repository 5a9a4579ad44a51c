"""One training of a race: plain data that any machine can take, and what comes of it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from edge.labelled import read_coco
from edge.model import RuntimeOptions
from training.candidates import Candidate
from training.standing import standing


class Job(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Train a candidate up to a step and judge it. Paths are absolute, and the same on every machine of a cluster.

    Attributes:
        folder: where its checkpoints lie; what lies there already is gone on from.
        steps, total_steps: up to which step, and of how many in all, in batches of `batch` samples.
        threads: CPU threads; 0 = all. The figures of a race are the same on any machine only with the same number.
    """

    candidate: Candidate
    data: str
    val: str
    folder: str
    steps: int
    total_steps: int
    batch: int = 16
    seed: int = 1
    threads: int = 0
    small_data: bool = False
    overkill: float = 0.02


def advance(job: Job, console: Console | None = None) -> dict[str, Any]:
    """Do it: may be killed at any moment and called again.

    Returns:
        The candidate's standing on the set to choose on (training/standing.py); its model is FOLDER/model.onnx.

    Raises:
        SettingsError, ModelError: data or result are not usable.
    """
    import torch

    if job.threads:
        torch.set_num_threads(job.threads)
    if job.candidate.family == "pair":
        from training.pair_family import train_to
    else:
        from training.yolo import train_to
    model = train_to(job, console or Console(file=io.StringIO()))
    options = RuntimeOptions(("cpu",), threads=job.threads)
    return standing(model, read_coco(Path(job.val)), job.overkill, options)
