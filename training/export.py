"""From trained weights to the file the line runs: ONNX with a sealed card, checked against the network it came from."""

from __future__ import annotations

import hashlib
import io
import pickle
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edge.card import Card, Plane, with_card
from edge.errors import ModelError
from edge.model import Model
from edge.recipe import Region
from training.geometry import PAD_VALUE, Geometry
from training.measure import Labelled
from training.net import Exported, PairNet
from training.pairs import Pair

OPSET = 17
BOARD = Geometry(640, 640)  # of checkpoints that do not say
MAX_DIFFERENCE_PX = 0.5
MAX_DIFFERENCE_SCORE = 0.002
SURE_SCORE = 0.2


def load_net(weights: Path) -> tuple[PairNet, dict[str, Any]]:
    """A trained network and what was saved beside it.

    Raises:
        ModelError: the file is no checkpoint of this trainer.
    """
    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
        net = PairNet(**state["settings"])
        net.load_state_dict(state["net"])
    except (OSError, EOFError, KeyError, TypeError, RuntimeError, pickle.UnpicklingError) as error:
        raise ModelError(
            f"{weights}: not a checkpoint of `gutteil train`, or damaged; name best.pt of the run that made the model"
        ) from error
    return net.eval(), state


def geometry_of(state: dict[str, Any]) -> Geometry:
    """The input that a checkpoint's network was trained for."""
    return Geometry(**state["geometry"]) if state.get("geometry") else BOARD


def plain_onnx(net: PairNet, geometry: Geometry) -> tuple[bytes, list[Plane]]:
    """A network as ONNX without a card, and the planes that it takes."""
    planes: list[Plane] = ["gray", "reference"] if net.channels == 2 else ["gray"]
    written = io.BytesIO()
    given = torch.zeros(1, net.channels, geometry.height_px, geometry.width_px)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's notes on its own future
        torch.onnx.export(
            Exported(net, geometry.height_px, geometry.width_px).eval(), (given,), written,  # type: ignore[arg-type] # this exporter takes it
            input_names=["images"], output_names=["output"], opset_version=OPSET, dynamo=False,
        )  # fmt: skip
    return written.getvalue(), planes


def export(
    weights: Path,
    data: Path,
    target: Path,
    *,
    name: str,
    licence: str,
    command: str,
    scores: dict[str, float],
    scored_on: str,
    remarks: list[str] | None = None,
) -> Card:
    """Write the ONNX file with its card.

    Raises:
        ModelError: the weights are no checkpoint, or the result is not usable.
    """
    net, state = load_net(weights)
    geometry = geometry_of(state)
    plain, planes = plain_onnx(net, geometry)
    card = Card(
        name=name, classes=list(state["names"]), planes=planes, width_px=geometry.width_px, height_px=geometry.height_px, output="yolo_raw",
        resize=geometry.resize, pad_value=PAD_VALUE, licence=licence,
        data_hash=hashlib.sha256(data.read_bytes()).hexdigest(), scores=scores, scored_on=scored_on,
        trainer="gutteil train (plain PyTorch)", command=command, created=time.strftime("%Y-%m-%d", time.gmtime()), remarks=remarks or [],
    )  # fmt: skip
    target.write_bytes(with_card(plain, card))
    Model(target).prepare_for(Region(), 0)
    return card


def check_parity(weights: Path, model_file: Path, pairs: list[Pair]) -> tuple[float, float]:
    """Hold the exported file, through production's own pre- and post-processing, against the trained network.

    Returns:
        Largest difference of a box side in px and of a score over all predictions of at least `SURE_SCORE`.

    Raises:
        ModelError: a prediction is missing on one side, of another class, or differs by more than the bounds allow.
    """
    from training.fit import detect

    net, state = load_net(weights)
    geometry = geometry_of(state)
    model = Model(model_file)
    preparer = model.prepare_for(Region(), 0)
    worst_px = worst_score = 0.0
    least = SURE_SCORE - 2 * MAX_DIFFERENCE_SCORE  # a sure prediction on one side may be just not sure on the other
    for pair, trained in zip(pairs, detect(net, pairs, score=least, geometry=geometry), strict=True):
        if model.card.wants_reference and pair.reference is not None:
            preparer.set_reference(pair.reference)
        preparer.fill(pair.image)
        model.run()
        seen = model.predictions(least)
        found = Labelled(seen.boxes, seen.kinds, seen.scores)
        for one, other in ((found, trained), (trained, found)):
            for box, kind, score in zip(one.boxes, one.kinds, one.scores, strict=True):
                if score < SURE_SCORE:
                    continue
                alike = other.kinds == kind
                # equal scores may come in another order: each box is held against the nearest of its class
                apart = np.abs(other.boxes[alike] - box).max(1, initial=0.0)
                off_px = float(apart.min(initial=np.inf))
                off_score = float(abs(other.scores[alike][apart.argmin()] - score)) if apart.size else np.inf
                if off_px > MAX_DIFFERENCE_PX or off_score > MAX_DIFFERENCE_SCORE:
                    raise ModelError(
                        f"{pair.name}: the exported model decides differently from the trained one: class {kind} at {box.round(1).tolist()}, "
                        f"nearest box off by {off_px:.2f} px, its score by {off_score:.4f}"
                    )
                worst_px, worst_score = max(worst_px, off_px), max(worst_score, off_score)
    return worst_px, worst_score
