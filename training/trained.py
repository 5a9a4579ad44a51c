"""The trained network behind the line's own pre- and post-processing: what an exported file is held against.

Everything but the network itself is production's code, so whatever differs between this and the exported file was
changed by the export, and by nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edge.card import Card
from edge.errors import ModelError, SettingsError
from edge.judge import Judge
from edge.model import Model, RuntimeOptions
from edge.recipe import LoadedRecipe, Region
from training.export import load_net
from training.net import Exported

Network = Callable[[NDArray[Any]], NDArray[np.float32]]


def trained_network(weights: Path, card: Card) -> Network:
    """A checkpoint as a function, with the head that the card of its file names: (1, channels, H, W) network input → the raw output, float32, computed by PyTorch on the CPU.

    Raises:
        ModelError: the file is neither a checkpoint of ours nor one of ultralytics.
    """
    try:
        net: torch.nn.Module = Exported(load_net(weights)[0], card.height_px, card.width_px)
    except ModelError as ours:
        net = _ultralytics(weights, card, ours)
    return as_network(net)


def as_network(net: torch.nn.Module) -> Network:
    """A module as such a function."""
    net = net.eval().float()

    def run(x: NDArray[Any]) -> NDArray[np.float32]:
        with torch.inference_mode():
            out = net(torch.from_numpy(np.ascontiguousarray(x, np.float32)))
        raw = out[0] if isinstance(out, list | tuple) else out
        return np.ascontiguousarray(raw.numpy(), np.float32)

    return run


def _ultralytics(weights: Path, card: Card, ours: ModelError) -> torch.nn.Module:
    if not weights.is_file():  # ultralytics would go and look for it on the network
        raise ModelError(f"{weights}: no such file; name the checkpoint, best.pt, that the model was exported from")
    from training.yolo import load_network

    try:
        network: torch.nn.Module = load_network(weights, end2end=card.output == "yolo_end2end")
    except SettingsError as error:
        raise ModelError(f"{ours}; if it is one of ultralytics: {error}") from error
    return network


class TrainedModel(Model):
    """As the file it stands beside, but PyTorch computes. Card, buffers and decoding are the file's."""

    def __init__(self, path: Path, network: Network, options: RuntimeOptions | None = None) -> None:
        super().__init__(path, options)
        self._network = network

    def run(self) -> None:
        """Judge what lies in the input buffer.

        Raises:
            ModelError: the network's output has another shape than the file's.
        """
        assert self._preparer is not None, "prepare_for comes first"
        assert self._output is not None, "prepare_for comes first"
        raw = self._network(self._preparer.buffer)
        if raw.shape != self._output.shape:
            raise ModelError(
                f"{self.path}: gives {self._output.shape}, the trained network {raw.shape}: they are not the same network; check --weights"
            )
        self._output[...] = raw


class TrainedJudge(Judge):
    """The judge of a file, with the trained network in the file's place."""

    def __init__(self, loaded: LoadedRecipe, model_file: Path, network: Network) -> None:
        super().__init__(loaded, model_file=model_file)
        self.model = TrainedModel(model_file, network)
        self._preparer = self.model.prepare_for(loaded.recipe.region, loaded.recipe.reference.max_shift_px)
        if self._reference is not None:
            self.set_reference(self._reference)


def card_of(model_file: Path) -> Card:
    """The card of a usable file.

    Raises:
        ModelError: no usable model.
    """
    model = Model(model_file, RuntimeOptions(providers=("cpu",)))
    model.prepare_for(Region(), 0)
    return model.card
