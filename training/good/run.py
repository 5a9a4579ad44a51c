"""One run from good images to a sealed model and its recipe."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from edge.bounds import Share
from edge.errors import ModelError
from training.good.crossfit import held_out_figures, worst_logits
from training.good.export import check_parity, export, recipe_text
from training.good.fit import Plan, fit
from training.good.goods import GoodImage, fingerprint, input_size, load_goods
from training.good.net import GoodNet
from training.good.samples import CROP_PX
from training.good.scale import Seen, fit_scale
from training.good.tail import Tail, overkill_bounds, parts_needed, score_of
from training.net import Exported
from training.parity import check_network, write_parity
from training.trained import as_network

PARITY_IMAGES = 24


def train_good(
    data: Path,
    out: Path,
    *,
    name: str,
    steps: int,
    folds: int,
    overkill: float,
    sure: float,
    seed: int,
    licence: str,
    resume: bool,
    command: str,
    console: Console,
) -> dict[str, Any]:
    """Train on the good images of a COCO file, choose thresholds by the good parts' own tail, export, write recipe and figures.

    Leaves in `out`: NAME.onnx, NAME.toml, NAME.json (the figures returned) and the checkpoints, from which a killed run goes on.

    Args:
        overkill: share of good parts that may be rejected; gives `undecided_score`.
        sure: share of good parts that may be called NG outright; gives `ng_score`.

    Returns:
        Thresholds, expected overkill with bounds, figures on parts held out by folds, parity.

    Raises:
        SettingsError, ModelError: the data is not usable, or the export decides differently.
    """
    goods = load_goods(data, folds, seed)
    size = input_size(goods)
    crop = min(CROP_PX, size[0]), min(CROP_PX, size[1])
    out.mkdir(parents=True, exist_ok=True)
    if not resume:
        for old in out.glob("good-*.pt"):
            old.unlink()
    columns = (*Progress.get_default_columns()[:3], TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[note]}"))
    seen: list[Seen] = []
    with Progress(*columns, console=console) as bar:
        for fold in range(folds):
            net = _trained(
                [g for g in goods if g.fold != fold], crop, out / f"good-{fold}.pt", steps, seed + fold, bar, f"fold {fold + 1} of {folds}"
            )
            here = [g for g in goods if g.fold == fold]
            task = bar.add_task("judging", total=len(here), note=f"{len(here)} images held out")
            seen += worst_logits(net, here, size, lambda task=task: bar.advance(task))  # type: ignore[misc]
        scale, worst = fit_scale(seen)
        net = _trained(goods, crop, out / "good-all.pt", steps, seed + folds, bar, "all good images")
    for buffer, values in zip((net.slope, net.offset), scale.steps(), strict=True):
        buffer.copy_(torch.tensor(values))
    figures = _figures(seen, worst, scale.whole, overkill, sure, seed)
    target = out / f"{name}.onnx"
    scores = {k: v if isinstance(v, float) else round(v["rate"], 5) for k, v in figures["held_out"].items()}
    export(
        net, size, target, name=name, licence=licence, data_hash=hashlib.sha256(data.read_bytes()).hexdigest(), command=command, scores=scores,
        scored_on=f"{data.parent.name}/{data.name}, parts held out by {folds} folds",
    )  # fmt: skip
    box_px, score = check_parity(net, size, target, goods[:: max(1, len(goods) // PARITY_IMAGES)])
    figures |= {
        "parity_box_px": round(box_px, 4),
        "parity_score": round(score, 6),
        "model": str(target),
        "recipe": str(target.with_suffix(".toml")),
    }
    product = re.sub(r"[^\w .-]", "-", name)[:64]
    target.with_suffix(".toml").write_text(
        recipe_text(product, target.name, figures["ng_score"], figures["undecided_score"], figures["notes"]), "utf-8"
    )
    document = check_network(as_network(Exported(net, *size)), "good-all.pt", target, data, target.with_suffix(".toml"), console)
    if not document["passed"]:
        raise ModelError(f"{target}: {'; '.join(document['failures'])}")
    figures["parity"] = str(write_parity(document, target))
    target.with_suffix(".json").write_text(json.dumps(figures, indent=1, ensure_ascii=False), "utf-8")
    return figures


def _trained(goods: list[GoodImage], crop: tuple[int, int], file: Path, steps: int, seed: int, bar: Progress, note: str) -> GoodNet:
    images = [g.image for g in goods if g.good]
    plan = Plan(steps, check_every=max(10, min(100, steps // 4)), seed=seed, images=fingerprint(images))
    return fit(images, crop, file, plan, bar, bar.add_task("training", total=steps, note=f"{note}: {len(images)} good images"))


def _figures(seen: list[Seen], worst: list[float], tail: Tail, overkill: float, sure: float, seed: int) -> dict[str, Any]:
    low, high = overkill_bounds(worst, tail.level(overkill), seed)
    held_out = held_out_figures(seen, overkill)
    counted = held_out["overkill_per_part"]
    notes = [
        f"Thresholds from the tail of {tail.parts} good parts alone, each judged by a network that was not trained on it.",
        f"undecided_score: expected to reject {overkill:.1%} of good parts (95 % bounds {low:.1%} to {high:.1%}); ng_score: {sure:.1%}.",
        f"Counted on parts held out, with thresholds from the others: {counted['count']} of {counted['of']} good parts rejected "
        f"(95 % bounds {counted['low']:.1%} to {counted['high']:.1%}).",
        f"{parts_needed(overkill)} good parts in a row would have to pass to claim at most {overkill:.1%}. What escapes cannot be told from good parts.",
    ]
    if counted["low"] > high or counted["high"] < low:
        notes.insert(
            0,
            "DO NOT USE YET: what was expected and what was counted do not agree, so the thresholds mean little; train longer or on more parts.",
        )
    if "escape_per_part" in held_out:
        notes.append(f"Bad parts in the set, used for nothing but this count: {Share(**held_out['escape_per_part'])} would have escaped.")
    return {
        "good_parts": tail.parts,
        "ng_score": round(score_of(sure), 4),
        "undecided_score": round(score_of(overkill), 4),
        "expected_overkill": overkill,
        "expected_overkill_low": round(low, 5),
        "expected_overkill_high": round(high, 5),
        "held_out": held_out,
        "notes": notes,
    }
