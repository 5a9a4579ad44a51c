"""The formats by name: what reads them, what writes them, and what they cannot carry."""

from __future__ import annotations

from dataclasses import dataclass

from edge.errors import SettingsError
from training.datasets.formats import classes, coco, cvat, labelstudio, masks, voc, yolo
from training.datasets.found import Reader, Writer


@dataclass(frozen=True, slots=True)
class Format:
    """Reader and writer; `seeks`: what an import looks for; `loses`: what an export leaves out; `by_stem`: two images must not differ in
    their ending alone."""

    read: Reader
    writer: type[Writer]
    seeks: str
    loses: str
    by_stem: bool = False


_KEYS = "part, board, lot, time, reference, lineage"
FORMATS = {
    "coco": Format(coco.read, coco.Writer, "entries under `images` in the JSON file", "nothing"),
    "yolo": Format(
        yolo.read, yolo.Writer, "image files at any depth (and labels/NAME.txt for each)", f"verdict, the image's class, {_KEYS}", True
    ),
    "voc": Format(
        voc.read,
        voc.Writer,
        "XML files in Annotations/, or in the folder itself, and images beside them",
        f"verdict, the image's class, {_KEYS} (but for who labelled)",
        True,
    ),
    "cvat": Format(cvat.read, cvat.Writer, "<image> elements in annotations.xml", f"{_KEYS} (but for who labelled)"),
    "labelstudio": Format(labelstudio.read, labelstudio.Writer, "tasks in the JSON file", f"{_KEYS} (but for who labelled)"),
    "classes": Format(classes.read, classes.Writer, "image files in folders that are called as their class", f"boxes, {_KEYS}"),
    "masks": Format(
        masks.read,
        masks.Writer,
        "image files in images/",
        f"fractions of a pixel, boxes that touch another of their class, the image's class, {_KEYS}",
        True,
    ),
}


def format_of(name: str) -> Format:
    """Raises SettingsError: no such format."""
    if name not in FORMATS:
        raise SettingsError(f"format = {name!r} is not known; choose one of: {', '.join(FORMATS)}")
    return FORMATS[name]
