"""The training loop: resumes after a kill, keeps the weights that are best on validation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset
from torchvision.ops import batched_nms

from edge.errors import SettingsError
from training.loss import detection_loss
from training.measure import Labelled, f1_score, mean_average_precision
from training.net import Exported, PairNet
from training.pairs import DUAL, Pair, sample


@dataclass(frozen=True)
class Plan:
    """What a training run is made of; written into the checkpoint and the model's card."""

    steps: int = 12_000
    batch: int = 16
    rate: float = 2.5e-3
    decay: float = 0.03
    average: float = 0.998
    check_every: int = 1_000
    seed: int = 1
    simulated: float = 0.0


class _Samples(IterableDataset[Any]):
    def __init__(self, pairs: list[Pair], drawn: list[Pair], share: float, names: list[str], seed: int) -> None:
        self.pairs, self.drawn, self.share, self.seed = pairs, drawn, share if drawn else 0.0, seed
        self.dual: NDArray[np.int64] = np.array([names.index(DUAL.get(n, n)) for n in names], np.int64)

    def __iter__(self) -> Iterator[Any]:
        info = torch.utils.data.get_worker_info()
        rng = np.random.default_rng((self.seed, info.id if info else 0))
        while True:
            pool = self.drawn if rng.random() < self.share else self.pairs
            yield sample(pool[rng.integers(len(pool))], self.dual, rng)


def _collate(rows: list[Any]) -> tuple[Tensor, list[Tensor], list[Tensor], Tensor]:
    images, boxes, kinds, mute = zip(*rows, strict=True)
    return (
        torch.from_numpy(np.stack(images)),
        [torch.from_numpy(b) for b in boxes],
        [torch.from_numpy(k) for k in kinds],
        torch.from_numpy(np.stack(mute)),
    )


def detect(net: PairNet, pairs: list[Pair], score: float = 0.01, iou: float = 0.5) -> list[Labelled]:
    """What the trained network finds on whole images: the yardstick that the exported model is held against."""
    net.eval()
    found = []
    with torch.inference_mode():
        for pair in pairs:
            planes = (pair.image, pair.reference)[: net.channels]
            image = torch.from_numpy(np.stack(planes))[None].float() / 255
            rows = Exported(net, *pair.image.shape)(image)[0].T
            scores, kinds = rows[:, 4:].max(1)
            rows, scores, kinds = rows[scores > score], scores[scores > score], kinds[scores > score]
            boxes = torch.cat((rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2), 1)
            keep = batched_nms(boxes, scores, kinds, iou)[:300]
            found.append(Labelled(boxes[keep].numpy(), kinds[keep].numpy(), scores[keep].numpy()))
    return found


def labels(pairs: list[Pair]) -> list[Labelled]:
    """The labels of the pairs in the form of detections."""
    return [Labelled(p.boxes, p.kinds, np.ones(len(p.kinds), np.float32)) for p in pairs]


def score(net: PairNet, pairs: list[Pair], names: list[str]) -> dict[str, float]:
    """Validation figures of the network as it stands."""
    found, truth = detect(net, pairs), labels(pairs)
    figures = mean_average_precision(truth, found, names)
    best = max((f1_score(truth, found, s)["f1"], s) for s in np.arange(0.1, 0.9, 0.05))
    return {**figures, "f1_33": best[0], "f1_at_score": float(best[1])}


def fit(
    net: PairNet, train: list[Pair], drawn: list[Pair], val: list[Pair], names: list[str], folder: Path, plan: Plan, *, resume: bool = False
) -> dict[str, float]:
    """Train on `train`, with a share of `drawn` (simulated) pairs; leaves `last.pt` (resumable) and `best.pt` (averaged weights, best mAP at IoU 0.33 + 0.5 on `val`) in the folder.

    Returns:
        The validation figures of the best weights.

    Raises:
        SettingsError: the checkpoint to resume from is of another network or other classes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(plan.seed)
    net.to(device).to(memory_format=torch.channels_last)
    average = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(plan.average), use_buffers=True
    )
    groups = [
        {"params": [p for p in net.parameters() if p.ndim > 1], "weight_decay": plan.decay},
        {"params": [p for p in net.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=plan.rate)

    def rate_at(step: int) -> float:
        return min((step + 1) / 300, 0.5 * (1 + math.cos(math.pi * min(step / plan.steps, 1.0))) + 0.004)

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate_at)
    step, best, figures = 0, -1.0, {}
    if resume and (folder / "last.pt").exists():
        state = torch.load(folder / "last.pt", weights_only=True, map_location=device)
        if state.get("settings", net.settings) != net.settings or state.get("names", names) != names:
            raise SettingsError(f"{folder / 'last.pt'} is of another network or other classes; give another --out or --no-resume")
        net.load_state_dict(state["net"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        step, best, figures = state["step"], state["best"], state["figures"]
    loader = iter(
        DataLoader(
            _Samples(train, drawn, plan.simulated, names, plan.seed * 1_000_003 + step),
            plan.batch,
            num_workers=1,
            collate_fn=_collate,
            prefetch_factor=4,
        )
    )
    console = Console(stderr=True)
    columns = (*Progress.get_default_columns()[:3], TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("training", total=plan.steps, completed=step, note="")
        running = 0.0
        while step < plan.steps:
            net.train()
            images, boxes, kinds, mute = next(loader)
            images = (images[:, : net.channels].to(device).float() / 255).contiguous(memory_format=torch.channels_last)
            with torch.autocast(device.type, torch.bfloat16):
                logits, sides = net(images)
            loss = detection_loss(logits, sides, [b.to(device) for b in boxes], [k.to(device) for k in kinds], mute.to(device))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            average.update_parameters(net)
            step += 1
            running += 0.02 * (float(loss.detach()) - running)
            bar.update(task, completed=step, note=f"loss {running:.3f}")
            if step % plan.check_every == 0 or step == plan.steps:
                averaged = cast(PairNet, average.module)
                now = score(averaged, val, names)
                value = now["map_33"] + now["map_50"]
                console.log(f"step {step}: " + ", ".join(f"{k} {v:.4f}" for k, v in now.items() if "/" not in k))
                if value > best:
                    best, figures = value, now
                    torch.save(
                        {"settings": net.settings, "names": names, "net": averaged.state_dict(), "figures": now, "step": step},
                        folder / "best.pt",
                    )
                state = {
                    "net": net.state_dict(),
                    "average": average.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "schedule": schedule.state_dict(),
                }
                torch.save(
                    {**state, "settings": net.settings, "names": names, "step": step, "best": best, "figures": figures}, folder / "last.new"
                )
                (folder / "last.new").replace(folder / "last.pt")
    return figures
