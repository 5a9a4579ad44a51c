"""CVAT for images 1.1: one annotations.xml with an element per image; read as a stream, so that its size does not matter."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import escape, quoteattr

from defusedxml import DefusedXmlException
from defusedxml import ElementTree as Xml

from edge.errors import SettingsError
from training.datasets.entry import MAX_LABELS, Entry, Label, Lineage, Verdict, make_label, make_name, text
from training.datasets.folder import place_image, shown, xml_words
from training.datasets.found import Found, Item, Refused, Source

_MAX_POINTS = 100_000


def read(source: Source) -> Iterator[Item]:
    """The file, or a folder with annotations.xml in it. Outlines become the boxes around them; a tag OK or NG is the verdict."""
    path = source.path / "annotations.xml" if source.path.is_dir() else source.path
    root = source.images or (path.parent / "images" if (path.parent / "images").is_dir() else path.parent)
    top: Any = None
    inside = ""
    try:
        for event, element in Xml.iterparse(path, events=("start", "end"), forbid_dtd=True):
            if top is None:
                top = element
                if element.tag != "annotations":
                    raise SettingsError(f"{path}: the root element is <{element.tag}>, not <annotations>; is it 'CVAT for images 1.1'?")
            elif event == "start" and element.tag == "image":
                inside = element.get("name", "")
            elif event == "end" and element.tag == "image":
                inside = ""
                try:
                    yield _found(element, root, path, source)
                except (ValueError, OverflowError) as error:
                    yield Refused(shown(element.get("name", "image without a name")), str(error))
                top.clear()
    except (DefusedXmlException, ParseError) as error:
        where = f" within image {shown(inside)!r}; what follows is not read" if inside else ""
        if top is None:
            raise SettingsError(f"{path}: not XML that is taken: {xml_words(error)}") from error
        yield Refused(path.name, f"not XML that is taken: {xml_words(error)}{where}")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if top is None:
        raise SettingsError(f"{path}: is empty")


def _found(element: Any, root: Path, path: Path, source: Source) -> Found:
    name = text(element.get("name"), "name")
    labels: list[Label] = []
    tags = []
    if len(element) > MAX_LABELS:
        raise ValueError(f"{len(element)} labels; at most {MAX_LABELS}")
    for shape in element:
        if shape.tag == "tag":
            tags.append(text(shape.get("label"), "label"))
        else:
            labels.append(make_label(shape.get("label"), *_box(shape)))
    verdicts: list[Verdict] = [t for t in tags if t in ("OK", "NG")]  # type: ignore[misc]
    others = [t for t in tags if t not in verdicts]
    if len(verdicts) > 1 or len(others) > 1:
        raise ValueError(f"tags {', '.join(tags)}: one verdict and one class are taken of an image")
    size = (int(element.get("width", "")), int(element.get("height", ""))) if element.get("width") else None
    return Found(
        make_name(name, prefix=source.prefix),
        root / name,
        root,
        tuple(labels),
        verdicts[0] if verdicts else "",
        others[0] if others else "",
        size,
        split=text(element.get("subset"), "subset"),
        lineage=Lineage(format="cvat", source=path.name, who=text(element.get("assignee"), "assignee")),
    )


def _box(shape: Any) -> tuple[float, float, float, float]:
    """The box around a shape of CVAT's."""
    if shape.tag == "box":
        x1, y1, x2, y2 = (float(shape.get(k, "nan")) for k in ("xtl", "ytl", "xbr", "ybr"))
        angle = math.radians(float(shape.get("rotation", "0")))
        if not angle:
            return x1, y1, x2, y2
        half_w = (abs((x2 - x1) * math.cos(angle)) + abs((y2 - y1) * math.sin(angle))) / 2
        half_h = (abs((x2 - x1) * math.sin(angle)) + abs((y2 - y1) * math.cos(angle))) / 2
        cx, cy = (x1 + x2) / 2, (y1 + y2) / 2
        return cx - half_w, cy - half_h, cx + half_w, cy + half_h
    if shape.tag in ("polygon", "polyline"):
        points = [p.split(",") for p in shape.get("points", "").split(";")[:_MAX_POINTS]]
        xs, ys = [float(p[0]) for p in points], [float(p[-1]) for p in points]
        if not all(map(math.isfinite, xs + ys)):
            raise ValueError(f"a {shape.tag} with points that are no numbers")
        return min(xs), min(ys), max(xs), max(ys)
    if shape.tag == "mask":
        left, top, width, height = (float(shape.get(k, "nan")) for k in ("left", "top", "width", "height"))
        return left, top, left + width, top + height
    raise ValueError(f"a shape {shape.tag!r} is not known; box, polygon, polyline, mask and tag are")


class Writer:
    """annotations.xml beside `images/`. Carries boxes, verdict, the image's class and who labelled."""

    def __init__(self, folder: Path, classes: list[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._count = folder, 0
        self._file = (folder / "annotations.xml").open("w", encoding="utf-8")
        labels = "".join(f"<label><name>{escape(c)}</name></label>" for c in classes)
        self._file.write(
            f'<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version><meta><labels>{labels}</labels></meta>\n'
        )

    def add(self, entry: Entry, image: Path) -> None:
        """Raises OSError: cannot be written."""
        place_image(image, self.folder / "images" / entry.name)
        who = f" assignee={quoteattr(entry.lineage.who)}" if entry.lineage.who else ""
        size = f'width="{entry.width}" height="{entry.height}"'
        self._file.write(f'<image id="{self._count}" name={quoteattr(entry.name)} {size}{who}>')
        for b in entry.labels:
            place = f'xtl="{b.x1:.12g}" ytl="{b.y1:.12g}" xbr="{b.x2:.12g}" ybr="{b.y2:.12g}"'
            self._file.write(f'<box label={quoteattr(b.kind)} source="manual" occluded="0" {place} z_order="0"/>')
        for tag in (entry.verdict, entry.tag):
            if tag:
                self._file.write(f'<tag label={quoteattr(tag)} source="manual"/>')
        self._file.write("</image>\n")
        self._count += 1

    def close(self) -> None:
        self._file.write("</annotations>\n")
        self._file.close()
