"""The network that tells drawn defects from good surface: levels in the graph, frozen eyes, a trained head."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, pad, softplus

from training.good.backbone import CHANNELS, Backbone
from training.good.samples import CELL_PX, PAD_VALUE
from training.net import Residual, conv

WIDTH = 64
CONTRAST = 0.5  # standard deviation of what the backbone gets to see
RIM_CELLS = 2  # cut edges differ from part to part: the rim is measured by its own tail
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
    `slope` and `offset` (2,) bring the logits of the inside and of the rim onto the scale of the good parts' own tail
    (`training.good.scale`).
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
        self.slope: Tensor
        self.offset: Tensor
        self.register_buffer("slope", torch.ones(2))
        self.register_buffer("offset", torch.zeros(2))

    def look(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """(N, 1, H, W) in 0..1, sides multiples of 16 → logits (N, 1, H/8, W/8), side distances in px (N, 4, H/8, W/8), which cells
        are inside and which are the rim (N, 1, H/8, W/8), and whether the image is blank (N, 1, 1, 1)."""
        even, mask, blank = self.levels(x)
        fine, middle, *coarse = self.backbone(even * CONTRAST)
        wide = interpolate(torch.cat(coarse, 1), scale_factor=2.0, mode="bilinear", align_corners=False)
        features = self.head(self.norm(torch.cat((avg_pool2d(fine, 2), max_pool2d(fine, 2), middle, wide), 1)))
        cells = (avg_pool2d(mask, CELL_PX) > 0.01).float()
        inside = max_pool2d(pad(1 - cells, (RIM_CELLS,) * 4, value=1.0), 2 * RIM_CELLS + 1, 1) < 0.5
        return self.classify(features), softplus(self.regress(features)) * CELL_PX, inside, (cells > 0.5) & ~inside, blank

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 1, H, W) in 0..1 → calibrated logits (N, 1, H/8, W/8) and side distances in px (N, 4, H/8, W/8)."""
        logits, sides, inside, rim, blank = self.look(x)
        logits = torch.where(
            inside,
            logits * self.slope[0] + self.offset[0],
            torch.where(rim, logits * self.slope[1] + self.offset[1], torch.full_like(logits, NOWHERE)),
        )
        return torch.where(blank, torch.full_like(logits, float("nan")), logits), sides
