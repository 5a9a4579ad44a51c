"""What a reader of a format gives: an image with its labels as a stranger wrote them, or why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from training.datasets.entry import Entry, Label, Lineage, Verdict


@dataclass(frozen=True, slots=True)
class Found:
    """One image of a source, not yet opened.

    Attributes:
        name: in the set; as `make_name` gives it.
        file, root: the image file and the folder that it must not lead out of.
        labels: boxes in px, or in shares of width and height where `in_shares`.
        size: width and height in px that the labels were drawn on; None if the source does not say.
        keys: part, board, lot, taken_at, as far as known.
        reference: name and file of the defect-free image.
        split: which split the source says it belongs to; '' if none.
    """

    name: str
    file: Path
    root: Path
    labels: tuple[Label, ...] = ()
    verdict: Verdict = ""
    tag: str = ""
    size: tuple[int, int] | None = None
    in_shares: bool = False
    keys: dict[str, str] = field(default_factory=dict)
    reference: tuple[str, Path] | None = None
    split: str = ""
    lineage: Lineage = field(default_factory=Lineage)


@dataclass(frozen=True, slots=True)
class Refused:
    """An image or file that was not taken, and why."""

    name: str
    reason: str


Item = Found | Refused


@dataclass(frozen=True, slots=True)
class Source:
    """What to read.

    Attributes:
        path: the label file or the folder, as the format wants it.
        images: folder of the images, where it is not the one that the format names.
        prefix: put before every name, to keep two sources of one set apart.
        good: folder and class names that mean 'no defect'.
        classes: the only classes that are taken, in the order of their numbers; empty: all.
    """

    path: Path
    images: Path | None = None
    prefix: str = ""
    good: tuple[str, ...] = ("good", "ok")
    classes: tuple[str, ...] = ()


class Reader(Protocol):
    """Reads a source image by image.

    Raises:
        SettingsError: the source as a whole is not of this format.
    """

    def __call__(self, source: Source) -> Iterator[Item]: ...


class Writer(Protocol):
    """Writes entries into a folder, one after the other; `image` is the stored file."""

    def __init__(self, folder: Path, classes: list[str]) -> None: ...

    def add(self, entry: Entry, image: Path) -> None: ...

    def close(self) -> None: ...
