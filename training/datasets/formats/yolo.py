"""YOLO: `images/…` beside `labels/….txt` (class number, box or outline in shares of the image), class names in data.yaml or classes.txt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from edge.errors import SettingsError, reason
from training.datasets.entry import MAX_LABELS, Entry, Label, Lineage, text
from training.datasets.folder import files_of, image_files, name_in, place_image, read_text, refused
from training.datasets.found import Found, Item, Refused, Source

_LABELS = "labels"


def read(source: Source) -> Iterator[Item]:
    """A folder, or its data.yaml (of which only the class names are read: where images lie is seen, not believed)."""
    folder = source.path if source.path.is_dir() else source.path.parent
    names = list(source.classes) or _names(folder, source.path)
    root = source.images or folder
    used: set[Path] = set()
    for file in image_files(root):
        if _LABELS in file.relative_to(root).parts:
            continue
        label_file = _label_file(file, root, folder)
        used.add(label_file)
        try:
            labels = _labels(read_text(label_file, folder), names) if label_file.exists() else ()
            yield Found(
                name_in(file, root, source),
                file,
                root,
                labels,
                in_shares=True,
                lineage=Lineage(format="yolo", source=label_file.name),
            )
        except ValueError as error:
            yield refused(file, root, error)
    for label_file in files_of(folder, (".txt",)):
        if label_file.parent != folder and label_file not in used:
            yield Refused(label_file.relative_to(folder).as_posix(), "there is no image of this name")


def _names(folder: Path, path: Path) -> list[str]:
    candidates = [path] if path.is_file() else [folder / "data.yaml", folder / "classes.txt"]
    for file in candidates:
        if not file.is_file():
            continue
        try:
            content = read_text(file, folder)
            if file.suffix == ".txt":
                return [text(line, "class") for line in content.splitlines() if line.strip()]
            names: Any = yaml.safe_load(content)["names"]
            if isinstance(names, dict):
                names = [names[n] for n in range(len(names))]
            return [text(n, "class") for n in list(names)]
        except (ValueError, KeyError, TypeError, yaml.YAMLError, RecursionError) as error:
            raise SettingsError(f"{file}: names no classes: {reason(error)}; give them in order with --classes") from error
    raise SettingsError(f"{folder}: has neither data.yaml nor classes.txt; write one, or name the classes in order with --classes")


def _label_file(file: Path, root: Path, folder: Path) -> Path:
    """`…/images/a/b.png` has its labels in `…/labels/a/b.txt`; without a folder `images` in `labels/a/b.txt`, or else beside the image."""
    parts = list(file.relative_to(root).with_suffix(".txt").parts)
    if root != folder:
        return folder / _LABELS / Path(*parts)
    if "images" in parts[:-1]:
        at = len(parts) - 1 - parts[::-1].index("images")
        return folder / Path(*parts[:at], _LABELS, *parts[at + 1 :])
    there = folder / _LABELS / Path(*parts)
    return there if there.exists() else folder / Path(*parts)


def _labels(content: str, names: list[str]) -> tuple[Label, ...]:
    """Boxes in shares of the image."""
    lines = [line.split() for line in content.splitlines() if line.strip()]
    if len(lines) > MAX_LABELS:
        raise ValueError(f"{len(lines)} labels; at most {MAX_LABELS}")
    labels = []
    for n, words in enumerate(lines, 1):
        if not re.fullmatch(r"[0-9]{1,6}", words[0]) or int(words[0]) >= len(names):
            raise ValueError(f"line {n}: class {words[0][:20]!r} is not one of the {len(names)} that the set names")
        try:
            values = [float(w) for w in words[1:]]
        except ValueError:
            raise ValueError(f"line {n}: {' '.join(words)[:80]!r} are no numbers") from None
        if len(values) == 4:
            cx, cy, w, h = values
            box = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
        elif len(values) >= 6 and len(values) % 2 == 0:  # an outline
            box = (min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2]))
        else:
            raise ValueError(f"line {n}: {len(values)} numbers; a box has 4 (cx, cy, w, h), an outline an even count from 6 on")
        if not all(-1 <= v <= 2 for v in (*values, *box)):
            raise ValueError(f"line {n}: {' '.join(words[1:])[:80]} are not shares of the image, 0 to 1")
        if box[0] > box[2] or box[1] > box[3]:
            raise ValueError(f"line {n}: {' '.join(words[1:])[:80]} is a box of negative size")
        labels.append(Label(names[int(words[0])], *box))
    return tuple(labels)


class Writer:
    """`data.yaml`, `images/` and `labels/`. Carries boxes; an image without any gets an empty file."""

    def __init__(self, folder: Path, classes: list[str]) -> None:
        self.folder = folder
        self._numbers = {kind: n for n, kind in enumerate(classes)}
        folder.mkdir(parents=True, exist_ok=True)
        document = {"path": ".", "train": "images", "val": "images", "names": dict(enumerate(classes))}
        (folder / "data.yaml").write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), "utf-8")

    def add(self, entry: Entry, image: Path) -> None:
        """Raises OSError: cannot be written."""
        place_image(image, self.folder / "images" / entry.name)
        target = (self.folder / _LABELS / entry.name).with_suffix(".txt")
        target.parent.mkdir(parents=True, exist_ok=True)
        w, h = entry.width, entry.height
        lines = [
            f"{self._numbers[b.kind]} {(b.x1 + b.x2) / 2 / w:.9f} {(b.y1 + b.y2) / 2 / h:.9f} {(b.x2 - b.x1) / w:.9f} {(b.y2 - b.y1) / h:.9f}\n"
            for b in entry.labels
        ]
        target.write_text("".join(lines), "utf-8")

    def close(self) -> None:
        """Everything is written."""
