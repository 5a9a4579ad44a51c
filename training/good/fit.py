"""The training loop on good images alone: fixed length, nothing to choose on, resumes after a kill."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress, TaskID
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader

from edge.errors import SettingsError
from training.good.net import GoodNet
from training.good.samples import IGNORED, Samples, collate
from training.loss import generalised_iou
from training.net import cell_centres

Image = NDArray[np.uint8]
DEFECT_WEIGHT = 2.0
BOX_WEIGHT = 0.3
SEED_OF_STEP = 1_000_003


@dataclass(frozen=True)
class Plan:
    """What a training run is made of; a checkpoint of another plan or of other images is not gone on from."""

    steps: int
    batch: int = 8
    rate: float = 2.5e-3
    decay: float = 0.03
    average: float = 0.99
    check_every: int = 100
    seed: int = 1
    images: str = ""  # hash of the images trained on


def drawn_loss(logits: Tensor, sides: Tensor, owners: Tensor, boxes: Sequence[Tensor]) -> Tensor:
    """Loss of one batch: every cell says whether a drawn defect covers it, covered cells also the defect's box.

    Args:
        logits: (N, 1, h, w).
        sides: (N, 4, h, w) distances left, top, right, bottom in px.
        owners: (N, h, w) as `training.good.samples.sample` gives them.
        boxes: per image (n, 4) in px.
    """
    covered = owners >= 0
    weight = torch.where(covered, DEFECT_WEIGHT, 1.0) * (owners != IGNORED)
    loss = binary_cross_entropy_with_logits(logits[:, 0].float(), covered.float(), weight)
    image, row, column = torch.nonzero(covered, as_tuple=True)
    if not len(image):
        return loss
    wanted = torch.stack([boxes[i][k] for i, k in zip(image.tolist(), owners[covered].tolist(), strict=True)])
    centre = cell_centres(*owners.shape[1:]).to(logits.device)[0, :, row, column].T
    reach = sides.float()[image, :, row, column]
    _, giou = generalised_iou(torch.cat((centre - reach[:, :2], centre + reach[:, 2:]), 1), wanted)
    # each defect counts alike, not each cell: a large zone must not drown the small holes
    share = torch.zeros(len(boxes) * (int(owners.max()) + 1))
    key = image * (int(owners.max()) + 1) + owners[covered]
    share.index_add_(0, key.cpu(), torch.ones(len(key)))
    each = 1 / share[key.cpu()].to(logits.device)
    return loss + BOX_WEIGHT * ((1 - giou) * each).sum() / each.sum()


def fit(images: Sequence[Image], crop: tuple[int, int], file: Path, plan: Plan, bar: Progress, task: TaskID) -> GoodNet:
    """Train on crops of good images; leaves `file`, resumable while under way and the finished network after that.

    Raises:
        SettingsError: `file` is of another plan or other images.
    """
    torch.manual_seed(plan.seed)
    torch.set_num_threads(
        1
    )  # the samples' process takes the other core; two threads that wait for each other take twice as long under load
    net = GoodNet().to(memory_format=torch.channels_last)
    average = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(plan.average), use_buffers=True
    )
    optimiser = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=plan.rate, weight_decay=plan.decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / 100, 0.5 * (1 + math.cos(math.pi * min(step / plan.steps, 1.0))) + 0.004)
    )
    parts: dict[str, Any] = {"net": net, "average": average, "optimiser": optimiser, "schedule": schedule}
    step = 0
    if file.exists():
        state = torch.load(file, weights_only=True)
        if state["plan"] != asdict(plan):
            now, before = asdict(plan), state["plan"]
            other = ", ".join(k for k in now if before.get(k) != now[k])
            raise SettingsError(f"{file}: a run with other settings ({other}) lies there; give another --out, or --no-resume to begin anew")
        for name, part in parts.items():
            part.load_state_dict(state[name])
        step = state["step"]
    samples = Samples(images, crop, plan.seed * SEED_OF_STEP + step)
    loader: Iterator[tuple[Tensor, Tensor, list[Tensor]]] = iter(
        DataLoader(samples, plan.batch, num_workers=1, collate_fn=collate, prefetch_factor=4) if step < plan.steps else ()
    )
    bar.update(task, total=plan.steps, completed=step)
    net.train()
    while step < plan.steps:
        planes, owners, boxes = next(loader)
        with torch.autocast("cpu", torch.bfloat16):
            logits, sides, *_ = net.look((planes.float() / 255).contiguous(memory_format=torch.channels_last))
        loss = drawn_loss(logits, sides, owners, boxes)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        average.update_parameters(net)
        step += 1
        bar.update(task, completed=step)
        if step % plan.check_every == 0 or step == plan.steps:
            fresh = file.with_suffix(".new")
            torch.save(
                {**{n: p.state_dict() for n, p in parts.items()}, "plan": asdict(plan), "step": step, "loss": float(loss.detach())}, fresh
            )
            fresh.replace(file)
    return cast(GoodNet, average.module).eval()
