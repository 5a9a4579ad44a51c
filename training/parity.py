"""The parity gate: a file may be registered only if it decides as the network it came from.

File and trained network judge the same images through production's own preparation, decoding and decision; the network
alone differs. FP32 and FP16 must give the same verdict on every image, and no box or score may move by more than the
bounds. INT8 moves scores by nature: it is judged by what the shop floor would see, escapes and needless rejects.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from edge.bounds import share
from edge.decode import Predictions
from edge.errors import ModelError, SettingsError
from edge.inspect import recipe_for
from edge.judge import Judge
from edge.labelled import LabelledImage, read_coco, read_image
from training.trained import Network, TrainedJudge, card_of, trained_network

# by how much a box side (px of the image) and a score may move. Half precision has eleven bits, enough for two cells that see
# the same defect to change places in their scores: the box that suppression keeps may then be the neighbouring cell's
BOUNDS = {"fp32": (0.5, 0.002), "fp16": (8.0, 0.02)}
SURE_SCORE = 0.2  # predictions below it move no verdict that a recipe makes, and need no partner
MORE_OVERKILL = 0.005  # share of OK images that INT8 may reject beyond what the trained network rejects
MAX_SHOWN = 50


class Seen(msgspec.Struct, frozen=True):
    """What one side made of an image; boxes x1 y1 x2 y2 in px of it."""

    verdict: str
    reasons: list[str]
    defects: list[tuple[str, float, tuple[float, float, float, float]]]


class Flip(msgspec.Struct, frozen=True):
    """An image on which file and trained network differ. `escape`: bad, rejected by the network, passed by the file."""

    name: str
    file: str
    expected: str
    trained: Seen
    exported: Seen
    escape: bool


@dataclass
class Parity:
    """Totals of a comparison; `failures` says in words why the gate is shut."""

    images: int = 0
    flips: list[Flip] = field(default_factory=list)
    flipped: int = 0
    max_box_px: float = 0.0
    max_score: float = 0.0
    unpaired: int = 0
    new_escapes: int = 0
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("NG", "OK", "escape", "overkill", "escape_trained", "overkill_trained"), 0)
    )
    failures: list[str] = field(default_factory=list)


def check(weights: Path, model_file: Path, data: Path, recipe: Path | None, console: Console) -> dict[str, Any]:
    """Hold a file against the network it came from on every image of a labelled set.

    Args:
        weights: the checkpoint. It is trusted: one of ultralytics' is unpickled.
        recipe: whose thresholds make verdicts; None = defaults.

    Returns:
        model_sha256, passed, failures in words, precision, images, flips (names), max_box_px, max_score, escape and overkill of
        both with 95 % bounds, and under `shown` the first flips whole.

    Raises:
        ModelError, SettingsError: model, weights, recipe or set are not usable.
    """
    return check_network(trained_network(weights, card_of(model_file)), weights.name, model_file, data, recipe, console)


def check_network(network: Network, name: str, model_file: Path, data: Path, recipe: Path | None, console: Console) -> dict[str, Any]:
    """As `check`, with the network itself; `name` says in the result what it is."""
    loaded = recipe_for(recipe, model_file)
    exported = Judge(loaded, model_file=model_file)
    trained = TrainedJudge(loaded, model_file, network)
    card = exported.model.card
    labelled = read_coco(data)
    result = Parity()
    bounded = card.precision in BOUNDS
    for entry in track(labelled.images, f"comparing {card.precision} with the trained network", console=console):
        _compare(entry, exported, trained, result, bounded=bounded)
    _judge(result, card.precision)
    c = result.counts
    return {
        "model": str(model_file), "model_sha256": exported.model.file_hash, "passed": not result.failures, "failures": result.failures,
        "against": name, "precision": card.precision, "provider": exported.model.provider, "recipe": loaded.name, "recipe_hash": loaded.hash,
        "data": f"{data.parent.name}/{data.name}", "images": result.images, "flipped": result.flipped, "flips": [f.name for f in result.flips],
        "new_escapes": result.new_escapes, "max_box_px": round(result.max_box_px, 4), "max_score": round(result.max_score, 6), "unpaired": result.unpaired,
        "escape": share(c["escape"], c["NG"]).as_dict(), "overkill": share(c["overkill"], c["OK"]).as_dict(),
        "escape_trained": share(c["escape_trained"], c["NG"]).as_dict(), "overkill_trained": share(c["overkill_trained"], c["OK"]).as_dict(),
        "checked": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "shown": msgspec.to_builtins(result.flips),
    }  # fmt: skip


def write_parity(document: dict[str, Any], model_file: Path) -> Path:
    """Put the result beside the model as `MODEL.parity.json`, where the registry looks for it."""
    target = model_file.with_suffix(".parity.json")
    new = target.with_name(target.name + ".new")
    new.write_bytes(msgspec.json.format(msgspec.json.encode({k: v for k, v in document.items() if k != "shown"})))
    os.replace(new, target)
    return target


def _compare(entry: LabelledImage, exported: Judge, trained: Judge, result: Parity, *, bounded: bool) -> None:
    image = read_image(entry.file)
    reference = read_image(entry.reference, gray=True) if entry.reference is not None and exported.wants_reference else None
    (one, found), (other, wanted) = (_look(j, image, reference) for j in (exported, trained))
    result.images += 1
    if bounded and found is not None and wanted is not None:
        _apart(found, wanted, result)
        # every score, also where none is sure: weights of another network show here
        scores = np.abs(_scores(exported) - _scores(trained))
        result.max_score = max(result.max_score, float(np.nan_to_num(scores, nan=0.0).max(initial=0.0)))
    expected = entry.expected or ("NG" if entry.kinds else "OK")
    c = result.counts
    c[expected] += 1
    c["escape"] += expected == "NG" and one.verdict == "OK"
    c["overkill"] += expected == "OK" and one.verdict != "OK"
    c["escape_trained"] += expected == "NG" and other.verdict == "OK"
    c["overkill_trained"] += expected == "OK" and other.verdict != "OK"
    if one.verdict != other.verdict:
        escape = expected == "NG" and one.verdict == "OK"
        result.flipped += 1
        result.new_escapes += escape
        if escape or len(result.flips) < MAX_SHOWN:
            result.flips.append(Flip(entry.name, str(entry.file), expected, other, one, escape))


def _look(judge: Judge, image: NDArray[np.uint8], reference: NDArray[np.uint8] | None) -> tuple[Seen, Predictions | None]:
    if judge.wants_reference and reference is None:
        return Seen("UNDECIDED", ["without the reference that the model wants"], []), None
    try:
        judgement = judge.judge(image, reference)
    except SettingsError as error:  # an image that does not fit the model: neither side judges it
        return Seen("UNDECIDED", [str(error)], []), None
    decision = judgement.decision
    ran = judgement.timings.infer_us > 0  # else the part is out of place and the model saw the image before
    # low enough that a sure prediction finds its partner where that is just not sure
    found = judge.model.predictions(SURE_SCORE / 2) if ran else None
    return Seen(decision.verdict, decision.reasons, [(d.kind, d.score, d.box) for d in decision.defects]), found


def _scores(judge: Judge) -> NDArray[np.float64]:
    """All scores of the last run; final rows in order of their scores, as equal ones may come in any."""
    raw = judge.model.raw[0].astype(np.float64)
    return raw[4:] if judge.model.card.output == "yolo_raw" else np.sort(raw[:, 4])


def _apart(found: Predictions, wanted: Predictions, result: Parity) -> None:
    for box_px, score in (*_partners(found, wanted), *_partners(wanted, found)):
        if box_px is None:
            result.unpaired += 1
        else:
            result.max_box_px, result.max_score = max(result.max_box_px, box_px), max(result.max_score, score)


def _partners(one: Predictions, other: Predictions) -> Iterator[tuple[float | None, float]]:
    """For each sure prediction of one side how far the nearest of its class on the other is off, in px and in score."""
    if not one.valid or not other.valid:
        yield from [(None, 0.0)] * (one.valid != other.valid)
        return
    for box, kind, score in zip(one.boxes, one.kinds, one.scores, strict=True):
        if score < SURE_SCORE:
            continue
        alike = other.kinds == kind
        if not alike.any():
            yield None, 0.0
            continue
        # equal scores may come in another order, and several cells may answer for one defect: nearest box, then nearest score
        px = np.abs(other.boxes[alike] - box).max(1)
        near = px <= px.min() + 0.5
        yield float(px.min()), float(np.abs(other.scores[alike][near] - score).min())


def _judge(result: Parity, precision: str) -> None:
    if not result.images:
        raise ModelError("no image was compared")
    if precision in BOUNDS:
        px, score = BOUNDS[precision]
        if result.flipped:
            result.failures.append(f"{result.flipped} of {result.images} images get another verdict than from the trained network")
        if result.unpaired:
            result.failures.append(f"{result.unpaired} predictions are missing on one side")
        if result.max_box_px > px:
            result.failures.append(f"a box side is off by {result.max_box_px:.2f} px; at most {px:g} px are allowed for {precision}")
        if result.max_score > score:
            result.failures.append(f"a score is off by {result.max_score:.4f}; at most {score:g} is allowed for {precision}")
        return
    c = result.counts
    if result.new_escapes:
        result.failures.append(f"{result.new_escapes} bad parts pass that the trained network rejects")
    if not c["NG"] or not c["OK"]:
        result.failures.append(f"{c['NG']} NG and {c['OK']} OK images: int8 is judged by escapes and overkill, which needs both")
    elif (c["overkill"] - c["overkill_trained"]) / c["OK"] > MORE_OVERKILL:
        result.failures.append(
            f"{c['overkill']} of {c['OK']} good images are rejected, {c['overkill_trained']} by the trained network; "
            f"{MORE_OVERKILL:.1%} more are allowed"
        )
