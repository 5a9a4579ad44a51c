"""Training samples for a detector that sees a part beside its reference: crops at native scale, varied as the line varies them.

Every variation below stands for something that happens at a line: the part lies a few pixels off, the threshold or the
light drifts, the lens is soft, the sensor is noisy. An exact symmetry of a conductor image doubles the data: with copper and
background exchanged, an open is a short, a mouse-bite a spur and a pin-hole a speck of copper. (Exchanging part and
reference was tried too and dropped: real references carry small flaws of their own, which nobody calls a defect.)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import SettingsError
from edge.labelled import read_coco, read_image
from hardware.cameras.boards import add_defects, draw_board

CROP_PX = 320
GOOD_SHARE = 0.25
DUAL = {"open": "short", "short": "open", "mousebite": "spur", "spur": "mousebite", "copper": "pin-hole", "pin-hole": "copper"}
Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Pair:
    """One labelled image, alone or with its reference: images (H, W) uint8, boxes (g, 4) x1 y1 x2 y2 in px, kinds (g,).

    `mask`, where a set has one, is (H, W) with 255 on every defective pixel.
    """

    name: str
    image: Image
    reference: Image | None
    boxes: NDArray[np.float32]
    kinds: NDArray[np.int64]
    mask: Image | None = None


def load_pairs(coco_file: Path, verdicts: tuple[str, ...] = ("NG",), *, alone: bool = False) -> tuple[list[Pair], list[str]]:
    """All pairs of a COCO file whose image entries carry `verdict` and `reference`, and the class names.

    Args:
        alone: leave references unread; images need none.

    Raises:
        SettingsError: the file is not usable, an image is missing, or an image has no reference or one of another size.
    """
    labelled = read_coco(coco_file)
    pairs = []
    for entry in labelled.images:
        if (entry.expected or ("NG" if len(entry.kinds) else "OK")) not in verdicts:
            continue
        kinds = np.array([labelled.classes.index(k) for k in entry.kinds], np.int64)
        if alone:
            image = read_image(entry.file)
            if image.ndim == 3:  # as the line does it: a decoder's own gray differs by a level here and there
                image = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
            pairs.append(Pair(entry.name, image, None, entry.boxes, kinds))
            continue
        if entry.reference is None:
            raise SettingsError(f"{coco_file}: image {entry.name!r} has no reference; training compares each image with one")
        image, reference = read_image(entry.file, gray=True), read_image(entry.reference, gray=True)
        if image.shape != reference.shape:
            raise SettingsError(
                f"{coco_file}: image {entry.name!r} is {image.shape[1]}x{image.shape[0]} px, its reference {reference.shape[1]}x{reference.shape[0]} px"
            )
        pairs.append(Pair(entry.name, image, reference, entry.boxes, kinds))
    if not pairs:
        raise SettingsError(f"{coco_file}: has no images with the verdict {' or '.join(verdicts)}")
    if not any(len(p.kinds) for p in pairs):
        raise SettingsError(f"{coco_file}: has no images with the verdict NG and their defects; from good parts alone: gutteil train-good")
    return pairs, labelled.classes


def simulated_pairs(names: list[str], boards: int, seed: int) -> list[Pair]:
    """Drawn boards with drawn defects, so that one model judges the simulated line and the real boards alike."""
    pairs = []
    for i in range(boards):
        board = draw_board(seed * 100_003 + i)
        image, defects = add_defects(board, seed * 7_919 + i, 3 + i % 8)
        boxes = np.array([d.box for d in defects], np.float32).reshape(-1, 4)
        kinds = np.array([names.index(d.kind) for d in defects], np.int64)
        pairs.append(Pair(f"simulated:{seed}:{i}", image, board.golden, boxes, kinds))
    return pairs


def _shift_range(rng: np.random.Generator) -> tuple[int, int]:
    spread = rng.choice([0.0, 1.0, 2.0], p=[0.3, 0.5, 0.2])
    dx, dy = np.clip(np.rint(rng.normal(0, spread, 2)), -4, 4).astype(int)
    return int(dx), int(dy)


def _threshold_drift(image: Image, rng: np.random.Generator) -> Image:
    """A darker or brighter threshold moves every edge: a soft image cut at another level."""
    soft = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.6, 1.6))
    level = rng.uniform(70, 185) + rng.normal(0, 12, soft.shape)
    return np.asarray((soft > level) * np.uint8(255), np.uint8)


def _as_camera(image: Image, dark: float, bright: float, rng: np.random.Generator) -> Image:
    """A gray camera's view: levels, uneven light, softness, noise."""
    height, width = image.shape
    gray = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.4)).astype(np.float32) / 255
    gray = dark + (bright - dark) * gray
    ramp_x, ramp_y = rng.normal(0, 14, 2)
    gray += np.linspace(-ramp_x, ramp_x, width, dtype=np.float32)[None] + np.linspace(-ramp_y, ramp_y, height, dtype=np.float32)[:, None]
    gray += rng.normal(0, rng.uniform(0, 9), gray.shape).astype(np.float32)
    return np.asarray(np.clip(gray, 0, 255), np.uint8)


def sample(
    pair: Pair, dual: NDArray[np.int64], rng: np.random.Generator, crop_px: int = CROP_PX
) -> tuple[Image, NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]:
    """One varied crop of a pair that has a reference.

    Returns:
        (2, CROP_PX, CROP_PX) uint8, boxes (g, 4) in px of the crop, kinds (g,), and the (cells, cells) mask of cells not to teach.
    """
    image, reference, boxes, kinds = pair.image, pair.reference, pair.boxes, pair.kinds
    assert reference is not None, "images without one are sampled by training.crops"
    height, width = image.shape
    scale = rng.uniform(0.8, 1.25) if rng.random() < 0.3 else 1.0
    size = min(round(crop_px / scale), height, width)
    if len(boxes) and rng.random() < 0.7:
        x1, y1, x2, y2 = boxes[rng.integers(len(boxes))]
        left, top = (x1 + x2 - size) / 2 + rng.uniform(-0.45, 0.45) * size, (y1 + y2 - size) / 2 + rng.uniform(-0.45, 0.45) * size
    else:
        left, top = rng.uniform(0, width - size + 1), rng.uniform(0, height - size + 1)
    left, top = int(np.clip(left, 0, width - size)), int(np.clip(top, 0, height - size))
    dx, dy = _shift_range(rng)
    ref_left, ref_top = int(np.clip(left + dx, 0, width - size)), int(np.clip(top + dy, 0, height - size))
    part = image[top : top + size, left : left + size]
    golden = reference[ref_top : ref_top + size, ref_left : ref_left + size]
    boxes = boxes - np.array([left, top, left, top], np.float32)
    if rng.random() < GOOD_SHARE:
        # A good part: the same thing in both planes. Often that thing looks like a defect, for only the difference counts:
        # without this a fine line that belongs there was called an open, on boards that have such lines.
        source = image if rng.random() < 0.6 else reference
        part = source[top : top + size, left : left + size]
        golden = source[ref_top : ref_top + size, ref_left : ref_left + size]
        boxes, kinds = boxes[:0], kinds[:0]
    if size != crop_px:
        part = np.asarray(cv2.resize(part, (crop_px, crop_px), interpolation=cv2.INTER_LINEAR), np.uint8)
        golden = np.asarray(cv2.resize(golden, (crop_px, crop_px), interpolation=cv2.INTER_LINEAR), np.uint8)
        boxes = boxes * (crop_px / size)
    part, golden, boxes, kinds = _symmetries(part, golden, boxes, kinds, dual, rng, crop_px)
    part, golden = _imaging(part, golden, rng)
    boxes, kinds, mute = inside(boxes, kinds, crop_px)
    return np.stack((part, golden)), boxes, kinds, mute


def inside(
    boxes: NDArray[np.float32], kinds: NDArray[np.int64], crop_px: int
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]:
    """The boxes that lie at least half in a crop, clipped to it, their kinds, and the cells of the others, which teach nothing."""
    whole = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(1), 1e-6)
    clipped = np.clip(boxes, 0, crop_px)
    seen = (clipped[:, 2:] - clipped[:, :2]).prod(1) / whole
    mute = np.zeros((crop_px // 8, crop_px // 8), np.bool_)
    for x1, y1, x2, y2 in clipped[(seen > 0) & (seen < 0.5)]:
        mute[int(y1) // 8 : int(np.ceil(y2 / 8)), int(x1) // 8 : int(np.ceil(x2 / 8))] = True
    keep = seen >= 0.5
    return clipped[keep], kinds[keep], mute


def _symmetries(
    part: Image,
    golden: Image,
    boxes: NDArray[np.float32],
    kinds: NDArray[np.int64],
    dual: NDArray[np.int64],
    rng: np.random.Generator,
    crop_px: int,
) -> tuple[Image, Image, NDArray[np.float32], NDArray[np.int64]]:
    if rng.random() < 0.25:
        part, golden, kinds = np.asarray(255 - part, np.uint8), np.asarray(255 - golden, np.uint8), dual[kinds]
    if rng.random() < 0.5:
        part, golden = part[:, ::-1], golden[:, ::-1]
        boxes = np.stack((crop_px - boxes[:, 2], boxes[:, 1], crop_px - boxes[:, 0], boxes[:, 3]), 1)
    if rng.random() < 0.5:
        part, golden = part[::-1], golden[::-1]
        boxes = np.stack((boxes[:, 0], crop_px - boxes[:, 3], boxes[:, 2], crop_px - boxes[:, 1]), 1)
    if rng.random() < 0.5:
        part, golden, boxes = part.T, golden.T, boxes[:, [1, 0, 3, 2]]
    return np.ascontiguousarray(part), np.ascontiguousarray(golden), boxes, kinds


def _imaging(part: Image, golden: Image, rng: np.random.Generator) -> tuple[Image, Image]:
    if rng.random() < 0.25:
        part = _threshold_drift(part, rng)
    if rng.random() < 0.15:
        golden = _threshold_drift(golden, rng)
    if rng.random() < 0.35:
        dark, bright = rng.uniform(10, 90), rng.uniform(140, 250)
        part = _as_camera(part, dark + rng.normal(0, 6), bright + rng.normal(0, 8), rng)
        golden = _as_camera(golden, dark, bright, rng)
    return part, golden
