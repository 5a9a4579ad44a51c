"""Figures on parts that the network was not trained on: by folds over parts, so that every good part serves for both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from edge.bounds import share
from training.good.goods import GoodImage
from training.good.net import GoodNet
from training.good.samples import PAD_VALUE
from training.good.tail import fit_tail


@dataclass(frozen=True, slots=True)
class Seen:
    """The worst logit of one image under a network that was not trained on its part."""

    image: GoodImage
    logit: float


def padded(image: NDArray[np.uint8], size: tuple[int, int]) -> torch.Tensor:
    """An image as the line feeds it: (1, 1, H, W) in 0..1, padded right and below to `size`."""
    out = np.full((1, 1, *size), PAD_VALUE, np.uint8)
    out[0, 0, : image.shape[0], : image.shape[1]] = image
    return torch.from_numpy(out).float() / 255


def worst_logits(net: GoodNet, images: Sequence[GoodImage], size: tuple[int, int], tick: Callable[[], None]) -> list[Seen]:
    """What a trained network makes of whole images; `tick` is called after each."""
    seen = []
    with torch.inference_mode():
        for image in images:
            logits, _ = net(padded(image.image, size).contiguous(memory_format=torch.channels_last))
            seen.append(Seen(image, float(logits.max())))
            tick()
    return seen


def by_part(seen: Sequence[Seen], *, good: bool) -> dict[str, float]:
    """The worst logit of each part over all its images."""
    worst: dict[str, float] = {}
    for s in seen:
        if s.image.good == good:
            worst[s.image.part] = max(s.logit, worst.get(s.image.part, -np.inf))
    return worst


def held_out_figures(seen: Sequence[Seen], overkill: float) -> dict[str, Any]:
    """Overkill, and with bad images in the set also escape and AUROC, all on parts not trained on.

    Each fold is judged by the level that the good parts of the *other* folds give: neither network nor threshold has seen a part
    that it judges. A part is rejected if one of its images is.
    """
    counts = {(unit, good): [0, 0] for unit in ("image", "part") for good in (True, False)}
    aurocs = []
    for fold in sorted({s.image.fold for s in seen}):
        level = fit_tail(list(by_part([s for s in seen if s.image.fold != fold], good=True).values())).level(overkill)
        here = [s for s in seen if s.image.fold == fold]
        for good in (True, False):
            for unit, logits in (("image", [s.logit for s in here if s.image.good == good]), ("part", list(by_part(here, good=good).values()))):
                wrong = sum((v >= level) == good for v in logits)
                counts[unit, good][0] += wrong
                counts[unit, good][1] += len(logits)
        if any(not s.image.good for s in here):
            aurocs.append(auroc(here))
    figures: dict[str, Any] = {f"overkill_per_{unit}": share(*counts[unit, True]).as_dict() for unit in ("image", "part")}
    if counts["image", False][1]:
        figures |= {f"escape_per_{unit}": share(*counts[unit, False]).as_dict() for unit in ("image", "part")}
        figures |= {"auroc_per_image": round(auroc(seen), 5), "auroc_per_image_mean_of_folds": round(float(np.mean(aurocs)), 5)}
    return figures


def auroc(seen: Sequence[Seen]) -> float:
    """Area under the ROC curve per image, by the rank sum."""
    bad, good = [s.logit for s in seen if not s.image.good], [s.logit for s in seen if s.image.good]
    return float(mannwhitneyu(bad, good).statistic) / (len(bad) * len(good))
