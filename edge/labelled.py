"""Labelled sets: COCO files whose image entries may carry `verdict` and `reference`, read with suspicion."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import SettingsError, reason

MAX_BYTES = 500_000_000
MAX_PX = 1e6
Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """One image of a set: its name in the file, absolute paths, expected verdict ('' if unknown) and labels.

    Attributes:
        boxes: (n, 4) x1, y1, x2, y2 in px.
        kinds: class names, n of them.
        part: the physical piece it shows, where several images show one; '' if the set does not say.
    """

    name: str
    file: Path
    reference: Path | None
    expected: str
    boxes: NDArray[np.float32]
    kinds: tuple[str, ...]
    part: str = ""


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """All images of a COCO file and its class names by id."""

    images: list[LabelledImage]
    classes: list[str]


def read_image(path: Path, *, gray: bool = False) -> Image:
    """An image file as (H, W) or, if it has colours and `gray` is false, (H, W, 3) BGR.

    Raises:
        SettingsError: missing or no image.
    """
    try:
        if not path.is_file():
            raise SettingsError(f"{path}: no such file; check the path")
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_ANYCOLOR)
    except OSError as error:  # no right to look, or a name longer than any file's
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except cv2.error as error:  # a header that promises billions of pixels
        raise SettingsError(f"{path}: not an image that can be read: {error.err}") from error
    if image is None or image.size == 0:
        raise SettingsError(f"{path}: not an image that can be read; it may be damaged or of an unknown format")
    return np.asarray(image, np.uint8)


def read_coco(path: Path) -> LabelledSet:
    """Read a COCO file; image files are not opened yet.

    Raises:
        SettingsError: not a COCO file, or an entry points out of the file's folder; names the entry.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SettingsError(f"{path}: larger than {MAX_BYTES // 1_000_000} MB; split the set")
        data: Any = json.loads(path.read_text("utf-8"))
        classes = {int(c["id"]): str(c["name"]) for c in data["categories"]}
        marks: dict[int, list[Any]] = {}
        for a in data["annotations"]:
            marks.setdefault(int(a["image_id"]), []).append(a)
        images = [_image(entry, marks.get(int(entry["id"]), []), classes, path) for entry in data["images"]]
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise SettingsError(f"{path}: not a COCO file: {reason(error)}") from error
    if not images:
        raise SettingsError(f"{path}: names no images")
    return LabelledSet(images, [classes[i] for i in sorted(classes)])


def _image(entry: Any, marks: list[Any], classes: dict[int, str], path: Path) -> LabelledImage:
    name = str(entry["file_name"])
    reference = entry.get("reference")
    boxes = np.array([_box(a["bbox"], name) for a in marks], np.float32).reshape(-1, 4)
    expected = str(entry.get("verdict", ""))
    if expected not in ("", "OK", "NG"):
        raise SettingsError(f"{path}: image {name!r}: verdict = {expected!r} is neither OK nor NG")
    return LabelledImage(
        name,
        _inside(path.parent, name, path),
        _inside(path.parent, str(reference), path) if reference else None,
        expected,
        boxes,
        tuple(classes[int(a["category_id"])] for a in marks),
        str(entry.get("part", ""))[:200],
    )


def _box(values: Any, name: str) -> tuple[float, float, float, float]:
    x, y, w, h = (float(v) for v in values)
    if not (abs(x) <= MAX_PX and abs(y) <= MAX_PX and 0 <= w <= MAX_PX and 0 <= h <= MAX_PX):  # also refuses NaN
        raise ValueError(f"image {name!r}: bbox [{x:g}, {y:g}, {w:g}, {h:g}] is no box x, y, width, height in px")
    return x, y, x + w, y + h


def _inside(folder: Path, name: str, path: Path) -> Path:
    file = (folder / name).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise SettingsError(f"{path}: file_name {name!r} leads out of the set's folder")
    return file
