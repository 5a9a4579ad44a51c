"""A folder per class: `good/…` is OK, every other folder's name is the class of the images in it, without a place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edge.errors import SettingsError
from training.datasets.entry import Entry, Lineage, text
from training.datasets.folder import image_files, name_in, place_image, refused
from training.datasets.found import Found, Item, Source


def read(source: Source) -> Iterator[Item]:
    """Images at any depth; the class is the folder that holds them (so that `train/good/1.png` is good)."""
    good = {g.lower() for g in source.good}
    for file in image_files(source.path):
        try:
            name = name_in(file, source.path, source)
            if file.parent == source.path:
                raise ValueError("lies in no class's folder")
            kind = text(file.parent.name, "class")
            is_good = kind.lower() in good
            yield Found(
                name,
                file,
                source.path,
                verdict="OK" if is_good else "NG",
                tag="" if is_good else kind,
                lineage=Lineage(format="classes", source=file.parent.name),
            )
        except ValueError as error:
            yield refused(file, source.path, error)


class Writer:
    """CLASS/NAME. Carries verdict and the image's class, no boxes; images without a verdict have no folder to go to."""

    def __init__(self, folder: Path, classes: list[str]) -> None:
        self.folder = folder

    def add(self, entry: Entry, image: Path) -> None:
        """Raises SettingsError: the image has no class. OSError: cannot be written."""
        kinds = {b.kind for b in entry.labels}
        kind = "good" if entry.verdict == "OK" else entry.tag or (kinds.pop() if len(kinds) == 1 else "")
        if not kind or kind.startswith(".") or "/" in kind or "\\" in kind:
            raise SettingsError(f"{entry.name}: has no single class that can be a folder's name; export as coco, which carries everything")
        name = Path(entry.name)
        place_image(image, self.folder / (name if name.parent.name == kind else name.parent / kind / name.name))

    def close(self) -> None:
        """Everything is written."""
