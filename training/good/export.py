"""From a network trained on good parts to the file the line runs and the recipe it is judged by."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from edge.card import Card, with_card
from edge.errors import ModelError
from edge.model import Model
from edge.recipe import Region
from training.export import MAX_DIFFERENCE_PX, MAX_DIFFERENCE_SCORE, OPSET
from training.good.crossfit import padded
from training.good.goods import GoodImage
from training.good.net import GoodNet
from training.good.samples import PAD_VALUE
from training.net import Exported
from training.predict import ANOMALY

TRAINER = "gutteil train-good: good images and drawn defects only, on EfficientNet-Lite0's frozen weights (Google, ImageNet, Apache-2.0)"
NMS_IOU = 0.3  # cells of one anomaly draw about the same box; what is left of the overlap is one thing to an operator
SURE_SCORE = 0.2


def export(
    net: GoodNet,
    size: tuple[int, int],
    target: Path,
    *,
    name: str,
    licence: str,
    data_hash: str,
    command: str,
    scores: dict[str, float],
    scored_on: str,
) -> None:
    """Write the ONNX file with its sealed card.

    Args:
        size: height and width of the input in px, multiples of 16.

    Raises:
        ModelError: the result is not usable.
    """
    plain = target.with_suffix(".plain.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's notes on its own future
        torch.onnx.export(
            Exported(net, *size).eval(), (torch.rand(1, 1, *size),), str(plain), input_names=["images"], output_names=["output"], opset_version=OPSET,
            dynamo=False,
        )  # fmt: skip
    card = Card(
        name=name, classes=[ANOMALY], planes=["gray"], width_px=size[1], height_px=size[0], resize="pad", pad_value=PAD_VALUE, output="yolo_raw",
        nms_iou=NMS_IOU, licence=licence, data_hash=data_hash, scores=scores, scored_on=scored_on,
        trainer=TRAINER, command=command, created=time.strftime("%Y-%m-%d", time.gmtime()),
    )  # fmt: skip
    target.write_bytes(with_card(plain.read_bytes(), card))
    plain.unlink()
    Model(target).prepare_for(Region(), 0)


def check_parity(net: GoodNet, size: tuple[int, int], model_file: Path, images: Sequence[GoodImage]) -> tuple[float, float]:
    """Hold the exported file, through production's own pre- and post-processing, against the network.

    Returns:
        Largest difference of a box side in px, of the best box of an image that scores at least SURE_SCORE, and of an image's best score.

    Raises:
        ModelError: they differ by more than `training.export` allows.
    """
    model = Model(model_file)
    worst_px = worst_score = 0.0
    trained = Exported(net, *size).eval()
    for entry in images:
        preparer = model.prepare_for(Region(), 0)
        preparer.fill(entry.image)
        model.run()
        seen = model.predictions(0.0)
        with torch.inference_mode():
            rows = trained(padded(entry.image, size))[0]
        best = rows[:, int(rows[4].argmax())].numpy()
        limits = np.array([entry.image.shape[1], entry.image.shape[0]] * 2)
        box = np.clip(np.concatenate((best[:2] - best[2:4] / 2, best[:2] + best[2:4] / 2)), 0, limits)
        off_score = abs(float(seen.scores[0]) - float(best[4]))
        near = seen.boxes[seen.scores >= seen.scores[0] - MAX_DIFFERENCE_SCORE]  # equal scores may come in another order
        off_px = float(np.abs(near - box).max(1).min()) if best[4] >= SURE_SCORE else 0.0
        if off_px > MAX_DIFFERENCE_PX or off_score > MAX_DIFFERENCE_SCORE:
            raise ModelError(
                f"{entry.name}: the exported model decides differently from the trained one: best score off by {off_score:.4f}, its box by {off_px:.2f} px"
            )
        worst_px, worst_score = max(worst_px, off_px), max(worst_score, off_score)
    return worst_px, worst_score


def recipe_text(product: str, model_file: str, ng_score: float, undecided_score: float, notes: Sequence[str]) -> str:
    """A recipe with the thresholds and, as comments, what they were chosen for."""
    comments = "\n".join(f"# {note}" for note in notes)
    return (
        f'{comments}\nproduct = "{product}"\n\n[model]\nfile = "{model_file}"\n\n[default]\nng_score = {ng_score:.4f}\n'
        f"undecided_score = {undecided_score:.4f}\n\n[ejector]\ndelay_ms = 400\n"
    )
