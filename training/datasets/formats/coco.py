"""COCO, as `edge.labelled.read_coco` reads it: image entries may carry verdict, reference, part, board, lot, taken_at, tag and lineage."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from edge.errors import SettingsError, reason
from edge.labelled import MAX_BYTES
from training.datasets.entry import KEYS, MAX_LABELS, Entry, Label, Lineage, make_label, make_name, make_verdict, text
from training.datasets.folder import place_image, shown
from training.datasets.found import Found, Item, Refused, Source


def load_json(path: Path) -> Any:
    """A JSON label file, whole.

    Raises:
        SettingsError: missing, too large, not JSON.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SettingsError(f"{path}: larger than {MAX_BYTES // 1_000_000} MB; split the set")
        return json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: not a JSON file: {reason(error)}; export the labels again") from error


def read(source: Source) -> Iterator[Item]:
    """Entries of a COCO file; each must name a class that the file has, and a size if it names one must be the image's."""
    data = load_json(source.path)
    try:
        classes = {_key(c["id"]): text(c["name"], "class") for c in data["categories"]}
        entries, annotations = list(data["images"]), list(data["annotations"])
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(f"{source.path}: not a COCO file: {reason(error)}; check --format") from error
    marks: dict[Any, list[Any]] = {}
    for n, mark in enumerate(annotations):
        annotations[n] = None  # half of the memory of a large file
        try:
            marks.setdefault(_key(mark["image_id"]), []).append(mark)
        except (KeyError, TypeError, ValueError):
            yield Refused(f"annotation {n}", "has no image_id")
    root = source.images or source.path.parent
    seen: set[Any] = set()
    for n, entry in enumerate(entries):
        entries[n] = None
        try:
            number = _key(entry["id"])
            if number in seen:
                raise ValueError(f"a second image with id {number}")
            seen.add(number)
            yield _found(entry, marks.pop(number, []), classes, root, source)
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            name = entry.get("file_name", f"image {n}") if isinstance(entry, dict) else f"image {n}"
            missing = reason(error)
            yield Refused(shown(name), missing)
    for number, left in marks.items():
        if number not in seen:
            yield Refused(f"image_id {number}", f"{len(left)} annotations of an image that the file does not name")


def _key(value: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"id {str(value)[:40]!r} is neither a number nor a text")
    return value


def _found(entry: Any, marks: list[Any], classes: dict[int | str, str], root: Path, source: Source) -> Found:
    if len(marks) > MAX_LABELS:
        raise ValueError(f"{len(marks)} labels; at most {MAX_LABELS}")
    labels = []
    for mark in marks:
        kind = classes.get(_key(mark["category_id"]))
        if kind is None:
            raise ValueError(f"category_id {mark['category_id']!r} is not among the file's categories")
        x, y, w, h = mark["bbox"]
        labels.append(make_label(kind, x, y, float(x) + float(w), float(y) + float(h)))
    size = None
    if "width" in entry or "height" in entry:
        size = (int(entry["width"]), int(entry["height"]))
    reference = None
    if entry.get("reference"):
        reference = (make_name(entry["reference"], prefix=source.prefix), root / str(entry["reference"]))
    lineage = Lineage(format="coco", source=source.path.name)
    if isinstance(entry.get("lineage"), dict):
        lineage = msgspec.convert(entry["lineage"], Lineage)
    return Found(
        make_name(entry["file_name"], prefix=source.prefix),
        root / str(entry["file_name"]),
        root,
        tuple(labels),
        make_verdict(entry.get("verdict")),
        text(entry.get("tag"), "tag"),
        size,
        keys={k: text(entry.get(k), k) for k in KEYS},
        reference=reference,
        lineage=lineage,
    )


class Writer:
    """One COCO file beside `images/`; annotations wait in a temporary file, so that memory does not grow with the set."""

    def __init__(self, folder: Path, classes: list[str], name: str = "coco.json", *, images: bool = True) -> None:
        self.folder, self._images = folder, images
        folder.mkdir(parents=True, exist_ok=True)
        self._numbers = {kind: n for n, kind in enumerate(classes)}
        self._file: IO[str] = (folder / name).open("w", encoding="utf-8")
        self._marks: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed by close()
        categories = json.dumps([{"id": n, "name": kind} for kind, n in self._numbers.items()], ensure_ascii=False)
        self._file.write(f'{{"info": {{}}, "categories": {categories}, "images": [')
        self.count = self._boxes = 0

    def add(self, entry: Entry, image: Path) -> None:
        """Raises OSError: the image cannot be placed."""
        row: dict[str, Any] = {"id": self.count, "file_name": f"images/{entry.name}", "width": entry.width, "height": entry.height}
        row |= {k: v for k in ("verdict", "tag", *KEYS) if (v := getattr(entry, k))}
        if entry.reference:
            row["reference"] = f"images/{entry.reference}"
        row["lineage"] = msgspec.to_builtins(entry.lineage)
        self._file.write(f"{',' if self.count else ''}\n{json.dumps(row, ensure_ascii=False)}")
        for label in entry.labels:
            self._marks.write(f"{',' if self._boxes else ''}\n{json.dumps(self._mark(label))}")
            self._boxes += 1
        if self._images:
            place_image(image, self.folder / "images" / entry.name)
        self.count += 1

    def add_reference(self, entry: Entry, image: Path) -> None:
        """The image that an entry is compared with. Raises as `add`."""
        if self._images:
            place_image(image, self.folder / "images" / entry.reference)

    def _mark(self, label: Label) -> dict[str, Any]:
        w, h = round(label.x2 - label.x1, 3), round(label.y2 - label.y1, 3)
        return {
            "id": self._boxes, "image_id": self.count, "category_id": self._numbers[label.kind], "bbox": [label.x1, label.y1, w, h],
            "area": round(w * h, 3), "iscrowd": 0,
        }  # fmt: skip

    def close(self) -> None:
        self._file.write('],\n"annotations": [')
        self._marks.seek(0)
        for line in self._marks:
            self._file.write(line)
        self._file.write("]}\n")
        self._file.close()
        self._marks.close()
