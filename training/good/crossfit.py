"""Figures on parts that the network was not trained on: by folds over parts, so that every good part serves for both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from edge.bounds import share
from training.good.goods import GoodImage
from training.good.net import GoodNet
from training.good.samples import PAD_VALUE
from training.good.scale import Seen, by_part, fit_scale, logit_of


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
            logits, _, inside, rim, _ = net.look(padded(image.image, size).contiguous(memory_format=torch.channels_last))
            seen.append(Seen(image, float(logits[inside].max()), float(logits[rim].max())))
            tick()
    return seen


def held_out_figures(seen: Sequence[Seen], overkill: float) -> dict[str, Any]:
    """Overkill, and with bad images in the set also escape and AUROC, all on parts not trained on.

    Each fold is judged by the scale that the good parts of the *other* folds give: neither network nor threshold has seen a part
    that it judges. A part is rejected if one of its images is.
    """
    counts = {(unit, good): [0, 0] for unit in ("image", "part") for good in (True, False)}
    level = logit_of(overkill)
    logits: list[float] = []
    goods: list[bool] = []
    aurocs = []
    for fold in sorted({s.image.fold for s in seen}):
        scale, _ = fit_scale([s for s in seen if s.image.fold != fold])
        here = [s for s in seen if s.image.fold == fold]
        values = [scale.logit(s) for s in here]
        for good in (True, False):
            for unit, judged in (
                ("image", [v for s, v in zip(here, values, strict=True) if s.image.good == good]),
                ("part", by_part(here, values, good=good)),
            ):
                counts[unit, good][0] += sum((v >= level) == good for v in judged)
                counts[unit, good][1] += len(judged)
        flags = [s.image.good for s in here]
        if not all(flags):
            aurocs.append(auroc(values, flags))
        logits, goods = logits + values, goods + flags
    figures: dict[str, Any] = {f"overkill_per_{unit}": share(*counts[unit, True]).as_dict() for unit in ("image", "part")}
    if aurocs:
        figures |= {f"escape_per_{unit}": share(*counts[unit, False]).as_dict() for unit in ("image", "part")}
        figures |= {"auroc_per_image": round(auroc(logits, goods), 5), "auroc_per_image_mean_of_folds": round(float(np.mean(aurocs)), 5)}
    return figures


def auroc(values: Sequence[float], goods: Sequence[bool]) -> float:
    """Area under the ROC curve, by the rank sum: how often a bad image scores above a good one."""
    bad, good = [v for v, g in zip(values, goods, strict=True) if not g], [v for v, g in zip(values, goods, strict=True) if g]
    return float(mannwhitneyu(bad, good).statistic) / (len(bad) * len(good))
