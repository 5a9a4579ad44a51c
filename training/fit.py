"""The training loop: resumes after a kill, keeps the weights that are best on validation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
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
from training.crops import GOOD_SHARE, Choice, sample_alone
from training.geometry import Geometry
from training.loss import detection_loss
from training.measure import Labelled, area_under_roc, f1_score, mean_average_precision
from training.net import Exported, PairNet
from training.pairs import CROP_PX, DUAL, Pair, sample
from training.small_data import Enricher


@dataclass(frozen=True)
class Plan:
    """What a training run is made of; written into the checkpoint and the model's card.

    Attributes:
        steps: of the whole training; the learning rate falls to its end over them.
        stop_at: stop after this step, to go on later as if nothing had been; 0 = at the end.
        crop_px: side of the crops, a multiple of the network's coarsest cell.
        small_data: paste and draw defects onto good images, vary more (training/small_data.py).
    """

    steps: int = 12_000
    batch: int = 16
    rate: float = 2.5e-3
    decay: float = 0.03
    average: float = 0.998
    check_every: int = 1_000
    seed: int = 1
    simulated: float = 0.0
    stop_at: int = 0
    crop_px: int = CROP_PX
    small_data: bool = False


class _Samples(IterableDataset[Any]):
    """An endless stream in which the sample at a place depends on the seed and the place alone: a resumed training sees the same."""

    def __init__(self, pairs: list[Pair], drawn: list[Pair], names: list[str], plan: Plan, first: int) -> None:
        self.pairs, self.drawn, self.plan, self.first = pairs, drawn, plan, first
        self.dual: NDArray[np.int64] = np.array(
            [names.index(DUAL.get(n, n)) if DUAL.get(n, n) in names else i for i, n in enumerate(names)]
        )
        self.choice = Choice(pairs)
        self.enricher = Enricher(pairs, names) if plan.small_data else None

    def __iter__(self) -> Iterator[Any]:
        place = self.first
        while True:
            rng = np.random.default_rng((self.plan.seed, place))
            place += 1
            if self.pairs[0].reference is not None:
                pool = self.drawn if self.drawn and rng.random() < self.plan.simulated else self.pairs
                pair = pool[rng.integers(len(pool))]
                if self.enricher is not None and pair.reference is not None and rng.random() < GOOD_SHARE:
                    good = replace(pair, image=pair.reference, boxes=pair.boxes[:0], kinds=pair.kinds[:0])
                    pair = self.enricher.enrich(good, rng)
                yield sample(pair, self.dual, rng, self.plan.crop_px)
                continue
            pair = self.choice.pick(rng)
            if self.enricher is not None and not len(pair.kinds):
                pair = self.enricher.enrich(pair, rng)
            yield sample_alone(pair, rng, self.plan.crop_px, strong=self.plan.small_data)


def _collate(rows: list[Any]) -> tuple[Tensor, list[Tensor], list[Tensor], Tensor]:
    images, boxes, kinds, mute = zip(*rows, strict=True)
    return (
        torch.from_numpy(np.stack(images)),
        [torch.from_numpy(b) for b in boxes],
        [torch.from_numpy(k) for k in kinds],
        torch.from_numpy(np.stack(mute)),
    )


def detect(net: PairNet, pairs: list[Pair], score: float = 0.01, iou: float = 0.5, geometry: Geometry | None = None) -> list[Labelled]:
    """What the trained network finds on whole images: the yardstick that the exported model is held against.

    Args:
        geometry: the network's input; none: each image as it is, its sides multiples of the network's coarsest cell.
    """
    net.eval()
    device = next(net.parameters()).device
    found = []
    with torch.inference_mode():
        for pair in pairs:
            taken = [p for p in (pair.image, pair.reference)[: net.channels] if p is not None]
            corner = (0, 0)
            if geometry is not None:
                placed = [geometry.place(plane) for plane in taken]
                taken, corner = [p for p, _ in placed], placed[0][1]
            image = torch.from_numpy(np.stack(taken))[None].to(device).float() / 255
            rows = Exported(net, *taken[0].shape).to(device)(image)[0].T.float()
            scores, kinds = rows[:, 4:].max(1)
            rows, scores, kinds = rows[scores > score], scores[scores > score], kinds[scores > score]
            boxes = torch.cat((rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2), 1)
            keep = batched_nms(boxes, scores, kinds, iou)[:300]
            at = boxes[keep].cpu().numpy()
            if geometry is not None:
                at = geometry.to_image(at, pair.image, corner)
            found.append(Labelled(at, kinds[keep].cpu().numpy(), scores[keep].cpu().numpy()))
    return found


def labels(pairs: list[Pair]) -> list[Labelled]:
    """The labels of the pairs in the form of detections."""
    return [Labelled(p.boxes, p.kinds, np.ones(len(p.kinds), np.float32)) for p in pairs]


def score(net: PairNet, pairs: list[Pair], names: list[str], geometry: Geometry | None = None) -> dict[str, float]:
    """Validation figures of the network as it stands; `auroc` of an image's highest score where there are good images too."""
    found, truth = detect(net, pairs, geometry=geometry), labels(pairs)
    figures = mean_average_precision(truth, found, names)
    best = max((f1_score(truth, found, s)["f1"], s) for s in (round(float(s), 2) for s in np.arange(0.1, 0.9, 0.05)))
    figures |= {"f1_33_best": best[0], "f1_33_best_score": best[1]}
    bad = np.array([len(p.kinds) > 0 for p in pairs])
    area = area_under_roc(bad, np.array([f.scores.max(initial=0.0) for f in found]))
    if area is not None:
        figures["auroc"] = area
    return figures


def fit(
    net: PairNet,
    train: list[Pair],
    drawn: list[Pair],
    val: list[Pair],
    names: list[str],
    folder: Path,
    plan: Plan,
    *,
    resume: bool = False,
    geometry: Geometry | None = None,
    console: Console | None = None,
    title: str = "training",
) -> dict[str, float]:
    """Train on `train`, with a share of `drawn` (simulated) pairs; leaves `last.pt` (resumable) and `best.pt` in the folder.

    `best.pt` holds the averaged weights that are best on `val` (mAP at IoU 0.33 + at 0.5, + AUROC where there are good images).
    A training that was killed or stopped goes on with the samples it would have had next.

    Args:
        geometry: the network's input, which images of `val` are brought to; none: as they are.
        console: where progress is shown; none: standard error.

    Returns:
        The validation figures of the best weights.

    Raises:
        SettingsError: the checkpoint to resume from is of another network or other classes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(plan.seed)
    net.to(device).to(memory_format=torch.channels_last)
    average = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=_averaging(plan.average), use_buffers=True)
    groups = [
        {"params": [p for p in net.parameters() if p.ndim > 1], "weight_decay": plan.decay},
        {"params": [p for p in net.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=plan.rate)
    warm_up = max(1, min(300, plan.steps // 10))

    def rate_at(step: int) -> float:
        return min((step + 1) / warm_up, 0.5 * (1 + math.cos(math.pi * min(step / plan.steps, 1.0))) + 0.004)

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
    about = {"settings": net.settings, "names": names, "geometry": asdict(geometry) if geometry else None, "plan": asdict(plan)}
    samples = _Samples([geometry.scaled(p) for p in train] if geometry else train, drawn, names, plan, step * plan.batch)
    loader = iter(DataLoader(samples, plan.batch, num_workers=1, collate_fn=_collate, prefetch_factor=4))
    end = min(plan.stop_at or plan.steps, plan.steps)
    columns = (*Progress.get_default_columns()[:3], TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, console=console or Console(stderr=True)) as bar:
        task = bar.add_task(title, total=end, completed=step, note="")
        running = 0.0
        while step < end:
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
            if step % plan.check_every == 0 or step == end:
                averaged = cast(PairNet, average.module)
                now = score(averaged, val, names, geometry)
                value = now["map_33"] + now["map_50"] + now.get("auroc", 0.0)
                bar.console.log(f"{title}, step {step}: " + ", ".join(f"{k} {v:.4f}" for k, v in now.items() if "/" not in k))
                if value > best:
                    best, figures = value, now
                    _save({**about, "net": averaged.state_dict(), "figures": now, "step": step}, folder / "best.pt")
                state = {
                    "net": net.state_dict(),
                    "average": average.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "schedule": schedule.state_dict(),
                }
                _save({**about, **state, "step": step, "best": best, "figures": figures}, folder / "last.pt")
    return figures


def _averaging(most: float) -> Callable[[Any, Any, Any], None]:
    """An exponential average whose memory grows with the steps: early on it must not hold on to the random weights it began with."""

    def average(averaged: list[Tensor], current: list[Tensor], count: Tensor | int) -> None:
        keep = min(most, (1 + int(count)) / (10 + int(count)))
        for mean, now in zip(averaged, current, strict=True):
            if mean.is_floating_point():
                mean.lerp_(now, 1 - keep)
            else:
                mean.copy_(now)

    return torch.no_grad()(average)


def _save(state: dict[str, Any], path: Path) -> None:
    """Whole or not at all: a kill while it is written leaves the one before."""
    new = path.with_suffix(".new")
    torch.save(state, new)
    new.replace(path)
