"""The shipped detector's network: small, fully convolutional, plain PyTorch (no AGPL part).

It looks at a *pair*: the part and its defect-free reference as two channels. Residual stages as in ResNet
(He et al. 2016, arXiv 1512.03385), one top-down merge as in FPN (Lin et al. 2017, arXiv 1612.03144) and an
anchor-free head that says, per cell of 8 x 8 px, class scores and the distances to the four box sides as in
FCOS (Tian et al. 2019, arXiv 1904.01355). ReLU throughout: ONNX Runtime fuses it into the convolution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

STRIDE_PX = 8


def conv(c_in: int, c_out: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU: one fused operator after export."""
    return nn.Sequential(nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


class PairNet(nn.Module):
    """Two-channel image in, one row of (class logits, side distances) per 8 px cell out.

    Args:
        classes: number of defect classes.
        widths: channels at strides 2, 4, 8 and 16.
        depths: residual blocks at strides 8 and 16.
        widths: channels at strides 2, 4, 8, 16 and, for networks that need more surroundings than a pair does, 32.
        channels: input channels (2: part and reference; 1: part alone).
    """

    def __init__(
        self,
        classes: int,
        widths: Sequence[int] = (12, 24, 48, 80),
        depths: Sequence[int] = (1, 2),
        channels: int = 2,
    ) -> None:
        super().__init__()
        w2, w4, w8, w16, *wider = widths
        self.classes, self.channels = classes, channels
        self.settings: dict[str, Any] = {"classes": classes, "widths": tuple(widths), "depths": tuple(depths), "channels": channels}
        self.stem = nn.Sequential(conv(channels, w2, 3, 2), conv(w2, w4, 3, 2))
        self.stage8 = nn.Sequential(conv(w4, w8, 3, 2), *(Residual(w8) for _ in range(depths[0])))
        self.stage16 = nn.Sequential(conv(w8, w16, 3, 2), *(Residual(w16) for _ in range(depths[1])))
        self.lateral = nn.Sequential(nn.Conv2d(w16, w8, 1, bias=False), nn.BatchNorm2d(w8))
        if wider:
            self.stage32 = nn.Sequential(conv(w16, wider[0], 3, 2), *(Residual(wider[0]) for _ in range(depths[1])))
            self.lateral32 = nn.Sequential(nn.Conv2d(wider[0], w16, 1, bias=False), nn.BatchNorm2d(w16))
        self.reach_px = 32 if wider else 16
        self.merge = conv(w8, w8)
        self.head = conv(w8, w8)
        self.classify = nn.Conv2d(w8, classes, 1)
        self.regress = nn.Conv2d(w8, 4, 1)
        nn.init.constant_(self.classify.bias, -math.log((1 - 0.01) / 0.01))  # type: ignore[arg-type]
        nn.init.constant_(self.regress.bias, 2.0)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, channels, H, W) in 0..1 → class logits (N, classes, H/8, W/8) and side distances in px (N, 4, H/8, W/8)."""
        x8 = self.stage8(self.stem(x))
        x16 = self.stage16(x8)
        if self.reach_px == 32:
            x16 = torch.relu(x16 + nn.functional.interpolate(self.lateral32(self.stage32(x16)), scale_factor=2.0, mode="nearest"))
        top = self.lateral(x16)
        x8 = torch.relu(x8 + nn.functional.interpolate(top, scale_factor=2.0, mode="nearest"))
        x8 = self.head(self.merge(x8))
        return self.classify(x8), nn.functional.softplus(self.regress(x8)) * STRIDE_PX


def cell_centres(height: int, width: int) -> Tensor:
    """Centres in px of all cells of an image of that many cells: (1, 2, height, width), x first."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return (torch.stack((x, y))[None].float() + 0.5) * STRIDE_PX


class Exported(nn.Module):
    """The network as the line runs it: output in the YOLOv8 raw layout, (N, 4 + classes, cells), boxes as cx, cy, w, h in px."""

    def __init__(self, net: nn.Module, height_px: int, width_px: int) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("centres", cell_centres(height_px // STRIDE_PX, width_px // STRIDE_PX))

    def forward(self, x: Tensor) -> Tensor:
        logits, sides = self.net(x)
        centres: Tensor = self.centres  # type: ignore[assignment]
        left_top, right_bottom = sides[:, :2], sides[:, 2:]
        middle = centres + (right_bottom - left_top) / 2
        return torch.cat((middle, left_top + right_bottom, logits.sigmoid()), 1).flatten(2)
