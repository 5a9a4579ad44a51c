"""Masks: `images/….jpg` beside `masks/….png` of the same size; every connected patch that is not black becomes a box.

Value k of a mask is the k-th class of --classes or classes.txt; with no or one class every value above the middle is that class (masks saved as JPEG
have soft edges). An image without a mask has nobody's word: no verdict.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from edge.errors import SettingsError
from training.datasets.entry import ENDINGS, MAX_LABELS, Entry, Label, Lineage, make_label, text
from training.datasets.folder import image_files, name_in, place_image, read_text, refused
from training.datasets.found import Found, Item, Refused, Source
from training.datasets.picture import read_picture

_IMAGES, _MASKS, _CLASSES = "images", "masks", "classes.txt"


def read(source: Source) -> Iterator[Item]:
    """A folder with `images/` and `masks/`."""
    images, masks = source.images or source.path / _IMAGES, source.path / _MASKS
    if not masks.is_dir():
        raise SettingsError(f"{source.path}: has no folder {_MASKS}/ beside {_IMAGES}/")
    classes = source.classes
    if not classes and (source.path / _CLASSES).is_file():
        try:
            classes = tuple(text(line, "class") for line in read_text(source.path / _CLASSES, source.path).splitlines() if line.strip())
        except ValueError as error:
            raise SettingsError(f"{source.path}: {error}") from error
    used: set[Path] = set()
    for file in image_files(images):
        try:
            name = name_in(file, images, source)
            beside = [(masks / file.relative_to(images)).with_suffix(e) for e in (".png", *ENDINGS)]
            mask = next((m for m in beside if m.is_file()), None)
            if mask is None:
                yield Found(name, file, images, lineage=Lineage(format="masks"))
                continue
            used.add(mask)
            values = read_picture(mask, masks).gray
            labels = _labels(values, classes)
            height, width = values.shape
            yield Found(
                name,
                file,
                images,
                labels,
                "NG" if labels else "OK",
                size=(width, height),
                lineage=Lineage(format="masks", source=mask.name),
            )
        except ValueError as error:
            yield refused(file, images, error)
    for mask in image_files(masks):
        if mask not in used:
            yield Refused(f"{_MASKS}/{mask.relative_to(masks).as_posix()}", "there is no image of this name")


def _labels(values: np.ndarray[tuple[int, int], np.dtype[np.uint8]], classes: tuple[str, ...]) -> tuple[Label, ...]:
    if len(classes) > 1:
        found = [int(v) for v in np.unique(values) if v]
        if found and found[-1] > len(classes):
            raise ValueError(f"the mask has the value {found[-1]}, and {len(classes)} classes were given")
        layers = [(classes[v - 1], values == v) for v in found]
    else:
        layers = [(classes[0] if classes else "defect", values > 127 if values.max(initial=0) > 127 else values > 0)]
    labels = []
    for kind, layer in layers:
        count, _, stats, _ = cv2.connectedComponentsWithStats(layer.astype(np.uint8), connectivity=8)
        if count - 1 > MAX_LABELS:
            raise ValueError(f"{count - 1} patches in the mask; at most {MAX_LABELS}: is it a mask?")
        labels += [make_label(kind, x, y, x + w, y + h) for x, y, w, h, _ in stats[1:].tolist()]
    return tuple(labels)


class Writer:
    """`images/` and `masks/` with filled boxes; value k is the k-th class of classes.txt. Carries verdict OK, and boxes to the whole pixel."""

    def __init__(self, folder: Path, classes: list[str]) -> None:
        if len(classes) > 255:
            raise SettingsError(f"{len(classes)} classes: a mask has room for 255; export as coco")
        self.folder, self._numbers = folder, {kind: n for n, kind in enumerate(classes, 1)}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _CLASSES).write_text("".join(f"{c}\n" for c in classes), "utf-8")

    def add(self, entry: Entry, image: Path) -> None:
        """Raises OSError: cannot be written."""
        place_image(image, self.folder / _IMAGES / entry.name)
        if not entry.labels and entry.verdict != "OK":
            return
        mask = np.zeros((entry.height, entry.width), np.uint8)
        for b in entry.labels:
            mask[max(0, round(b.y1)) : max(0, round(b.y2)), max(0, round(b.x1)) : max(0, round(b.x2))] = self._numbers[b.kind]
        target = (self.folder / _MASKS / entry.name).with_suffix(".png")
        target.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(target), mask):
            raise OSError(f"{target}: cannot be written")

    def close(self) -> None:
        """Everything is written."""
