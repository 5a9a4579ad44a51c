"""What the network is trained on: which cells answer for which defect, and how wrong they are.

Cells near a defect's centre answer for it (centre sampling, FCOS, arXiv 1904.01355); the score they should give is
the IoU of the box they drew (varifocal loss, Zhang et al. 2021, arXiv 2008.13367), so that one number says both
"is a defect" and "is well placed"; boxes are pulled by the generalised IoU (Rezatofighi et al. 2019, arXiv 1902.09630).
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.net import STRIDE_PX, cell_centres

CENTRE_RADIUS_CELLS = 1.5
MIN_QUALITY = 0.2  # a cell that answers for a defect never learns to say nothing, however bad its first boxes are
BOX_WEIGHT = 2.0


def generalised_iou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Row by row for boxes x1, y1, x2, y2 of shape (n, 4): IoU and generalised IoU, each (n,)."""
    overlap = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    union = (a[:, 2:] - a[:, :2]).clamp(min=0).prod(1) + (b[:, 2:] - b[:, :2]).clamp(min=0).prod(1) - overlap
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    iou = overlap / union.clamp(min=1e-6)
    return iou, iou - (hull - union) / hull.clamp(min=1e-6)


def assign(boxes: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """Which cell answers for which box of one image.

    Args:
        boxes: (g, 4) as x1, y1, x2, y2 in px.
        centres: (cells, 2) in px.

    Returns:
        Indices of the answering cells (p,) and of their boxes (p,); a cell between two boxes takes the nearer one.
    """
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    off = (centres[None] - middle[:, None]).abs()
    near = off.amax(2) < CENTRE_RADIUS_CELLS * STRIDE_PX
    inside = ((centres[None] > boxes[:, None, :2]) & (centres[None] < boxes[:, None, 2:])).all(2)
    nearest = off.amax(2) < STRIDE_PX / 2 + 1e-3  # a box smaller than a cell still has its own cell
    distance = off.square().sum(2).masked_fill(~((near & inside) | nearest), float("inf"))
    best, owner = distance.min(0)
    cells = torch.nonzero(best.isfinite()).flatten()
    return cells, owner[cells]


def detection_loss(logits: Tensor, sides: Tensor, boxes: list[Tensor], kinds: list[Tensor], mute: Tensor) -> Tensor:
    """Loss of one batch.

    Args:
        logits: (n, classes, h, w).
        sides: (n, 4, h, w) distances left, top, right, bottom in px.
        boxes: per image (g, 4) as x1, y1, x2, y2 in px.
        kinds: per image (g,) class indices.
        mute: (n, h, w) true where a cell must not be taught (a defect cut off by the crop).
    """
    n, _classes, height, width = logits.shape
    centres = cell_centres(height, width).flatten(2)[0].T.to(logits.device)
    logits = logits.float().flatten(2).transpose(1, 2)
    sides = sides.float().flatten(2).transpose(1, 2)
    target = torch.zeros_like(logits)
    drawn, wanted, where = [], [], []
    for i in range(n):
        if len(boxes[i]) == 0:
            continue
        cells, owner = assign(boxes[i], centres)
        drawn.append(torch.cat((centres[cells] - sides[i, cells, :2], centres[cells] + sides[i, cells, 2:]), 1))
        wanted.append(boxes[i][owner])
        where.append((torch.full_like(cells, i), cells, kinds[i][owner]))
    box_loss, total = logits.new_zeros(()), logits.new_ones(())
    if drawn:
        iou, giou = generalised_iou(torch.cat(drawn), torch.cat(wanted))
        quality = iou.detach().clamp(min=MIN_QUALITY)
        target[tuple(torch.cat(column) for column in zip(*where, strict=True))] = quality
        total = quality.sum().clamp(min=1.0)
        box_loss = ((1 - giou) * quality).sum() / total
    score = logits.detach().sigmoid()
    weight = torch.where(target > 0, target, 0.75 * score.square())
    weight = weight * ~(mute.flatten(1)[..., None] & (target == 0))
    score_loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, weight, reduction="sum") / total
    return score_loss + BOX_WEIGHT * box_loss
