"""Our own network as a candidate: untrained, and trained to a step of its schedule."""

from __future__ import annotations

from pathlib import Path

import torch
from rich.console import Console

from training.candidates import DEPTHS, PAIR_WIDTHS, Candidate, write
from training.export import load_net, plain_onnx
from training.fit import Plan, fit
from training.jobs import Job
from training.net import PairNet
from training.pairs import CROP_PX, Pair, load_pairs
from training.small_data import load_masks


def network(candidate: Candidate, seed: int) -> PairNet:
    """The candidate's network with the random weights of a seed; one that compares needs no stage for wide surroundings."""
    torch.manual_seed(seed)
    widths = PAIR_WIDTHS[candidate.width]
    if "reference" in candidate.planes:
        return PairNet(len(candidate.classes), widths[:4], DEPTHS, 2)
    return PairNet(len(candidate.classes), widths, DEPTHS, 1)


def untrained(candidate: Candidate) -> bytes:
    """ONNX with random weights, for its speed."""
    return plain_onnx(network(candidate, 0).eval(), candidate.geometry)[0]


def pairs_of(candidate: Candidate, coco: Path, *, masks: bool = False) -> list[Pair]:
    """Images of a set as this candidate sees them; one that compares learns from NG pairs, for those hold good places enough."""
    compares = "reference" in candidate.planes
    pairs, _ = load_pairs(coco, ("NG",) if compares else ("OK", "NG"), alone=not compares)
    return load_masks(pairs, coco) if masks else pairs


def train_to(job: Job, console: Console) -> Path:
    """Train to the job's step and write the best weights so far as a model file.

    Raises:
        SettingsError, ModelError: the data is not usable.
    """
    candidate, folder = job.candidate, Path(job.folder)
    geometry = candidate.geometry
    side = max(32, min(CROP_PX, geometry.width_px, geometry.height_px) // 32 * 32)
    check_every = max(1, min(500, job.total_steps // 9))
    plan = Plan(
        steps=job.total_steps,
        batch=job.batch,
        check_every=check_every,
        seed=job.seed,
        stop_at=job.steps,
        crop_px=side,
        small_data=job.small_data,
    )
    fit(
        network(candidate, job.seed), pairs_of(candidate, Path(job.data), masks=job.small_data), [], pairs_of(candidate, Path(job.val)),
        list(candidate.classes), folder, plan, resume=True, geometry=geometry, console=console, title=candidate.name,
    )  # fmt: skip
    target = folder / "model.onnx"
    plain, _ = plain_onnx(load_net(folder / "best.pt")[0], geometry)
    write(candidate, plain, target)
    return target
