"""Pascal VOC: one XML file per image, `Annotations/….xml` beside `JPEGImages/`, or both in one folder.

Pixels count from 1 and the box includes its last one: xmin = 1, xmax = width is the whole image. As with Detectron2 1 is taken off the
minima only, which makes that box 0 … width.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from training.datasets.entry import ENDINGS, MAX_LABELS, Entry, Lineage, make_label, make_name, text
from training.datasets.folder import files_of, image_files, place_image, read_xml, refused
from training.datasets.found import Found, Item, Refused, Source

_IMAGES, _LABELS = "JPEGImages", "Annotations"


def read(source: Source) -> Iterator[Item]:
    """Every XML file of the folder, and the images that have none."""
    labels = source.path / _LABELS if (source.path / _LABELS).is_dir() else source.path
    images = source.images or (source.path / _IMAGES if (source.path / _IMAGES).is_dir() else labels)
    named: set[Path] = set()
    for file in files_of(labels, (".xml",)):
        try:
            yield _found(file, labels, images, source, named)
        except ValueError as error:
            yield refused(file, labels, error)
    for file in image_files(images):
        if file not in named:
            yield Refused(file.relative_to(images).as_posix(), "no XML file names this image")


def _found(file: Path, labels: Path, images: Path, source: Source, named: set[Path]) -> Found:
    place = file.relative_to(labels).parent
    beside = [images / place / (file.stem + ending) for ending in ENDINGS]
    stem_image = next((image for image in beside if image.is_file()), None)
    if stem_image is not None:  # even if the XML turns out to be damaged, this image has one
        named.add(stem_image)
    root = read_xml(file, labels)
    if root.tag != "annotation":
        raise ValueError(f"the root element is <{root.tag}>, not <annotation>")
    written = text(root.findtext("filename"), "filename")
    name = make_name((place / written).as_posix()) if written else ""
    image = images / name if name and (images / name).is_file() else stem_image
    if image is None:
        raise ValueError(f"there is no image {written or file.stem!r}")
    named.add(image)
    size = (_whole(root, "size/width"), _whole(root, "size/height")) if root.find("size") is not None else None
    objects = root.findall("object")
    if len(objects) > MAX_LABELS:
        raise ValueError(f"{len(objects)} labels; at most {MAX_LABELS}")
    return Found(
        make_name(image.relative_to(images).as_posix(), prefix=source.prefix),
        image,
        images,
        tuple(_label(o) for o in objects),
        size=size,
        lineage=Lineage(format="voc", source=file.name, who=text(root.findtext("source/annotator"), "annotator")),
    )


def _label(element: Any) -> Any:
    box = element.find("bndbox")
    if box is None:
        raise ValueError("an object without bndbox")
    x1, y1, x2, y2 = (_number(box, tag) for tag in ("xmin", "ymin", "xmax", "ymax"))
    return make_label(element.findtext("name"), x1 - 1, y1 - 1, x2, y2)


def _number(element: Any, tag: str) -> float:
    value = element.findtext(tag)
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{tag} = {str(value)[:40]!r} is no number") from None


def _whole(element: Any, tag: str) -> int:
    value = _number(element, tag)
    if not 0 <= value < 1e6:
        raise ValueError(f"{tag} = {value} is no size in px")
    return int(value)


class Writer:
    """`JPEGImages/` and `Annotations/`. Carries boxes and who labelled."""

    def __init__(self, folder: Path, classes: list[str]) -> None:
        self.folder = folder

    def add(self, entry: Entry, image: Path) -> None:
        """Raises OSError: cannot be written."""
        place_image(image, self.folder / _IMAGES / entry.name)
        target = (self.folder / _LABELS / entry.name).with_suffix(".xml")
        target.parent.mkdir(parents=True, exist_ok=True)
        who = f"<source><annotator>{escape(entry.lineage.who)}</annotator></source>" if entry.lineage.who else ""
        lines = [
            f"<annotation><folder>{_IMAGES}</folder><filename>{escape(Path(entry.name).name)}</filename>{who}",
            f"<size><width>{entry.width}</width><height>{entry.height}</height><depth>3</depth></size><segmented>0</segmented>",
        ]
        for b in entry.labels:
            box = "".join(
                f"<{tag}>{round(v, 3):.12g}</{tag}>" for tag, v in (("xmin", b.x1 + 1), ("ymin", b.y1 + 1), ("xmax", b.x2), ("ymax", b.y2))
            )
            lines.append(f"<object><name>{escape(b.kind)}</name><difficult>0</difficult><bndbox>{box}</bndbox></object>")
        target.write_text("\n".join([*lines, "</annotation>\n"]), "utf-8")

    def close(self) -> None:
        """Everything is written."""
