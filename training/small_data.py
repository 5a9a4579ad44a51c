"""Small sets: labelled defects pasted onto good images, and drawn defects, so that few NG images go further.

Copy-paste is Ghiasi et al. 2021 (arXiv 2012.07177), with soft edges and the level of the place it comes to; the torn patches of
smooth noise follow the idea of DRAEM (Zavrtanik et al. 2021, arXiv 2108.07610). Only classes whose name says what they look like
are drawn: a drawn defect of a made-up class would teach a lie.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.labelled import read_image
from training.pairs import Image, Pair

FEW_NG_IMAGES = 100
PASTED_SHARE = 0.6
MARGIN_PX = 4
MOST_OF_IMAGE = 0.3
MAX_NAMED = 1_500  # characters of a card's remark
Field = NDArray[np.float32]
LOOKS = {
    "line": ("scratch", "crack", "kratzer", "riss", "hairline"),
    "blob": ("blob", "hole", "pore", "spot", "stain", "fleck", "pit", "bubble", "inclusion", "loch"),
    "dent": ("dent", "delle", "dimple", "bump", "beule"),
    "patch": ("break", "chip", "fray", "flake", "ausbruch", "spall"),
}


def look_of(name: str) -> str | None:
    """How a class is drawn, by its name; None where the name does not say."""
    return next((look for look, words in LOOKS.items() if any(word in name.lower() for word in words)), None)


class Enricher:
    """Puts defects onto good images: labelled ones of a set, and drawn ones."""

    def __init__(self, pairs: list[Pair], names: list[str] | None = None) -> None:
        """`names`: class names by index, for drawing; without them nothing is drawn."""
        self.sources: defaultdict[int, list[tuple[Pair, int]]] = defaultdict(list)
        for pair in pairs:
            for i, (box, kind) in enumerate(zip(pair.boxes, pair.kinds.tolist(), strict=True)):
                sides = box[2:] - box[:2]
                if sides.min() >= 2 and sides.prod() <= MOST_OF_IMAGE * pair.image.size:
                    self.sources[kind].append((pair, i))
        self.looks = {k: look for k, n in enumerate(names or []) if (look := look_of(n)) is not None}

    def enrich(self, good: Pair, rng: np.random.Generator) -> Pair:
        """A good image with one to three defects on it, or now and then as it is."""
        kinds = sorted({*self.sources, *self.looks})
        if not kinds or rng.random() >= PASTED_SHARE:
            return good
        image, boxes, named = good.image.copy(), [], []
        for _ in range(int(rng.integers(1, 4))):
            kind = int(kinds[rng.integers(len(kinds))])
            drawn = kind in self.looks and (kind not in self.sources or rng.random() < 0.4)
            box = _draw(image, self.looks[kind], rng) if drawn else self._paste(image, kind, rng)
            if box is not None:
                boxes.append(box)
                named.append(kind)
        return replace(good, image=image, boxes=np.array(boxes, np.float32).reshape(-1, 4), kinds=np.array(named, np.int64))

    def _paste(self, image: Image, kind: int, rng: np.random.Generator) -> tuple[int, int, int, int] | None:
        pair, i = self.sources[kind][rng.integers(len(self.sources[kind]))]
        height, width = pair.image.shape
        x1, y1 = (max(0, int(v) - MARGIN_PX) for v in pair.boxes[i, :2])
        x2, y2 = min(width, int(np.ceil(pair.boxes[i, 2])) + MARGIN_PX), min(height, int(np.ceil(pair.boxes[i, 3])) + MARGIN_PX)
        patch = pair.image[y1:y2, x1:x2].astype(np.float32)
        inner = np.zeros(patch.shape, np.float32)
        ix1, iy1, ix2, iy2 = (int(v) for v in np.rint(pair.boxes[i] - np.array([x1, y1] * 2)))
        inner[iy1:iy2, ix1:ix2] = 1 if pair.mask is None else pair.mask[y1:y2, x1:x2][iy1:iy2, ix1:ix2] > 127
        if rng.random() < 0.5:
            patch, inner = patch[:, ::-1], inner[:, ::-1]
        if rng.random() < 0.5:
            patch, inner = patch[::-1], inner[::-1]
        if patch.shape[0] > image.shape[0] or patch.shape[1] > image.shape[1] or not inner.any():
            return None
        ring = inner < 0.5
        level = float(patch[ring].mean()) if ring.any() else float(patch.mean())
        alpha = cv2.GaussianBlur(cv2.dilate(np.ascontiguousarray(inner), np.ones((3, 3), np.uint8)), (0, 0), 1.5)
        return _blend(image, patch - level, np.asarray(alpha, np.float32), inner > 0.5, rng)


def _blend(image: Image, change: Field, alpha: Field, inner: NDArray[np.bool_], rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Lay a change of gray level over a random place of an image; returns the box of what changed."""
    height, width = change.shape
    left, top = int(rng.integers(0, image.shape[1] - width + 1)), int(rng.integers(0, image.shape[0] - height + 1))
    place = image[top : top + height, left : left + width].astype(np.float32)
    mean = float(place.mean())
    image[top : top + height, left : left + width] = np.clip(place * (1 - alpha) + (mean + change) * alpha, 0, 255).astype(np.uint8)
    rows, columns = np.flatnonzero(inner.any(1)), np.flatnonzero(inner.any(0))
    return left + int(columns[0]), top + int(rows[0]), left + int(columns[-1]) + 1, top + int(rows[-1]) + 1


def _draw(image: Image, look: str, rng: np.random.Generator) -> tuple[int, int, int, int] | None:
    """Draw one defect of a look into an image; returns its box."""
    most = min(image.shape)
    if most < 16:
        return None
    size = int(rng.integers(8, max(10, most // 3)))
    shape = np.zeros((size, size), np.float32)
    strength = float(rng.uniform(25, 90)) * (1 if rng.random() < 0.25 else -1)
    if look == "line":
        points = np.clip(np.cumsum(rng.normal(0, 1, (6, 2)), 0), -3, 3)
        points += np.linspace(-3, 3, 6)[:, None] * rng.uniform(-1, 1, 2)
        points = (points - points.min(0)) / max(float(np.ptp(points, 0).max()), 1e-6) * (size - 5) + 2
        cv2.polylines(shape, [np.rint(points * 8).astype(np.int32)], False, 1.0, int(rng.integers(1, 3)), cv2.LINE_AA, 3)
    elif look in ("blob", "dent"):
        axes = (max(2, int(size * rng.uniform(0.2, 0.45))), max(2, int(size * rng.uniform(0.2, 0.45))))
        cv2.ellipse(shape, (size // 2, size // 2), axes, float(rng.uniform(0, 180)), 0, 360, 1.0, -1, cv2.LINE_AA)
    else:
        coarse = rng.normal(0, 1, (5, 5)).astype(np.float32)
        fade = np.hypot(*np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size)))
        shape = ((cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC) + 1.2 - 2 * fade) > 0).astype(np.float32)
    inner = shape > 0.3
    if inner.sum() < 4:
        return None
    change = np.full(shape.shape, strength, np.float32)
    if look == "dent":  # lit from one side: bright on one flank, dark on the other
        change = np.asarray(strength * np.linspace(-1, 1, size, dtype=np.float32)[None].repeat(size, 0), np.float32)
    change += cv2.GaussianBlur(rng.normal(0, 12, shape.shape).astype(np.float32), (0, 0), 1.0)
    alpha = np.asarray(cv2.GaussianBlur(shape, (0, 0), 0.7), np.float32)
    return _blend(image, change, alpha * float(rng.uniform(0.6, 1.0)), inner, rng)


def load_masks(pairs: list[Pair], coco_file: Path) -> list[Pair]:
    """The pairs with their pixel masks, where the set has a folder `masks` with files of the images' names and sizes."""
    found = []
    for pair in pairs:
        file = coco_file.parent / "masks" / (Path(pair.name).stem + ".png")
        mask = read_image(file, gray=True) if len(pair.kinds) and file.is_file() else None
        found.append(replace(pair, mask=mask) if mask is not None and mask.shape == pair.image.shape else pair)
    return found


def remarks(names: list[str], ng_images: int, *, masks: bool) -> list[str]:
    """What the model's card says of it."""
    drawn = ", ".join(n for n in names if look_of(n) is not None)
    return [
        f"small-data mode, from {ng_images} NG images: labelled defects were pasted onto good images "
        f"({'along their pixel masks' if masks else 'as boxes'}, with soft edges), with stronger changes of light, scale and turn",
        f"drawn defects (lines, blobs, dents, patches) stood in for: {drawn[:MAX_NAMED]}" if drawn else "no defects were drawn",
    ]
