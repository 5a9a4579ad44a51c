"""The network that tells drawn defects from good surface: levels in the graph, frozen eyes, a trained head."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, softplus

from training.good.backbone import CHANNELS, Backbone
from training.good.samples import CELL_PX, PAD_VALUE
from training.net import Residual, conv

WIDTH = 64
CONTRAST = 0.5  # standard deviation of what the backbone gets to see
NOWHERE = -30.0  # logit of a cell beyond the image: no threshold is as low
LEAST_SPREAD = 1 / 1024  # a quarter of a gray level: an image without any contrast shows no part
_PAD = PAD_VALUE / 255


class Levels(nn.Module):
    """Brightness and contrast of the image taken out; padding right and below is known and kept out."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, 1, H, W) in 0..1 → standardised (N, 1, H, W), the mask of the image (N, 1, H, W), 1 inside, and whether the image is blank (N, 1, 1, 1)."""
        content = ((x - _PAD).abs() > 0.25 / 255).float()
        rows, columns = content.amax(3, keepdim=True), content.amax(2, keepdim=True)
        # inside is what has content at or after it: padding is only at the far ends
        rows = ((rows.sum(2, keepdim=True) - rows.cumsum(2) + rows) > 0.5).float()
        columns = ((columns.sum(3, keepdim=True) - columns.cumsum(3) + columns) > 0.5).float()
        mask = rows * columns
        count = mask.sum((2, 3), keepdim=True).clamp(min=1)
        mean = (x * mask).sum((2, 3), keepdim=True) / count
        off = (x - mean) * mask
        spread = (off.square().sum((2, 3), keepdim=True) / count).sqrt()
        blank = spread < LEAST_SPREAD
        even = off / spread.clamp(min=LEAST_SPREAD)
        return even, mask, blank


class GoodNet(nn.Module):
    """How much each cell of 8 px looks like no good surface, and the box of what it belongs to.

    An image without contrast (a lens cap, a dead sensor) gives NaN on purpose: the decision then says UNDECIDED.
    `slope` and `offset` bring the logit onto the scale of the good parts' own tail (`training.good.tail`).
    """

    def __init__(self) -> None:
        super().__init__()
        self.levels = Levels()
        self.backbone = Backbone()
        # fine detail twice, as mean and as maximum of its four cells: a crack is one of them
        self.norm = nn.BatchNorm2d(sum(CHANNELS) + CHANNELS[0])
        self.head = nn.Sequential(nn.Dropout2d(0.1), conv(sum(CHANNELS) + CHANNELS[0], WIDTH, 1), Residual(WIDTH), Residual(WIDTH))
        self.classify = nn.Conv2d(WIDTH, 1, 1)
        self.regress = nn.Conv2d(WIDTH, 4, 1)
        nn.init.constant_(self.classify.bias, -3.0)  # type: ignore[arg-type]
        nn.init.constant_(self.regress.bias, 2.0)  # type: ignore[arg-type]
        self.register_buffer("slope", torch.tensor(1.0))
        self.register_buffer("offset", torch.tensor(0.0))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 1, H, W) in 0..1, sides multiples of 16 → logits (N, 1, H/8, W/8) and side distances in px (N, 4, H/8, W/8)."""
        planes, mask, blank = self.levels(x)
        fine, middle, *coarse = self.backbone(planes * CONTRAST)
        wide = interpolate(torch.cat(coarse, 1), scale_factor=2.0, mode="bilinear", align_corners=False)
        x = self.head(self.norm(torch.cat((avg_pool2d(fine, 2), max_pool2d(fine, 2), middle, wide), 1)))
        logits, sides = self.classify(x), softplus(self.regress(x)) * CELL_PX
        inside = avg_pool2d(mask, CELL_PX) > 0.25
        slope: Tensor = self.slope  # type: ignore[assignment]
        offset: Tensor = self.offset  # type: ignore[assignment]
        logits = torch.where(inside, logits * slope + offset, torch.full_like(logits, NOWHERE))
        return torch.where(blank, torch.full_like(logits, float("nan")), logits), sides
