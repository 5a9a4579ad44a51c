"""Every format from small files as its own tools write them, and what goes out comes in again unchanged."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("defusedxml", reason="extra training is not installed")

from edge.errors import SettingsError
from edge.labelled import read_coco
from tests.training.datasets.sets import coco, rows, taken, texture, write
from training.datasets.draft import Row, open_draft
from training.datasets.entry import Entry, Label, Lineage, Verdict
from training.datasets.export import export
from training.datasets.formats.table import FORMATS
from training.datasets.found import Source
from training.datasets.look import look_at
from training.datasets.picture import read_picture

A, B = Label("scratch", 10, 20, 40.5, 50.25), Label("dent", 0, 0, 96, 64)


def yolo(folder: Path) -> Path:
    write(folder / "images/train/a.png", texture(1))
    write(folder / "images/b.jpg", texture(2))
    (folder / "labels/train").mkdir(parents=True)
    (folder / "labels/train/a.txt").write_text("1 0.5 0.5 1 1\n0 0.104166667 0.3125 0.421875 0.3125 0.421875 0.78515625 0.2 0.5\n")
    (folder / "labels/b.txt").write_text("")
    (folder / "data.yaml").write_text("train: ../elsewhere\nnames:\n  0: scratch\n  1: dent\n")
    return folder


def voc(folder: Path) -> Path:
    write(folder / "JPEGImages/a.png", texture(1))
    write(folder / "JPEGImages/b.png", texture(2))
    (folder / "Annotations").mkdir()
    boxes = "".join(
        f"<object><name>{n}</name><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
        for n, x1, y1, x2, y2 in (("scratch", 11, 21, 40.5, 50.25), ("dent", 1, 1, 96, 64))
    )
    size = "<size><width>96</width><height>64</height><depth>1</depth></size>"
    (folder / "Annotations/a.xml").write_text(f"<annotation><filename>a.png</filename>{size}{boxes}</annotation>")
    (folder / "Annotations/b.xml").write_text(f"<annotation><filename>b.png</filename>{size}</annotation>")
    return folder


def cvat(folder: Path) -> Path:
    write(folder / "images/a.png", texture(1))
    write(folder / "images/b.png", texture(2))
    (folder / "annotations.xml").write_text(
        """<?xml version="1.0"?><annotations><version>1.1</version><meta><task><name>x</name></task></meta>
        <image id="0" name="a.png" width="96" height="64">
          <box label="scratch" occluded="0" xtl="10" ytl="20" xbr="40.5" ybr="50.25"><attribute name="deep">yes</attribute></box>
          <polygon label="dent" points="0,0;96,3;50,64"/>
        </image>
        <image id="1" name="b.png" width="96" height="64"><tag label="OK"/></image></annotations>"""
    )
    return folder


def labelstudio(folder: Path) -> Path:
    write(folder / "images/1f-a.png", texture(1))
    write(folder / "images/b.png", texture(2))
    drawn = {"type": "rectanglelabels", "original_width": 96, "original_height": 64, "image_rotation": 0}
    result = [
        drawn | {"value": {"x": 10 / 0.96, "y": 20 / 0.64, "width": 30.5 / 0.96, "height": 30.25 / 0.64, "rotation": 0, "rectanglelabels": ["scratch"]}},
        drawn | {"value": {"x": 0, "y": 100, "width": 100, "height": 100, "rotation": -90, "rectanglelabels": ["dent"]}},
    ]  # fmt: skip
    result[1]["value"]["width"], result[1]["value"]["height"] = 64 / 0.96, 96 / 0.64  # type: ignore[index]
    people = [
        {"result": result, "completed_by": {"email": "anna@example"}, "updated_at": "2026-01-02T03:04:05Z"},
        {"result": [], "was_cancelled": True},
    ]
    tasks: list[dict[str, Any]] = [
        {"data": {"image": "/data/upload/3/1f-a.png"}, "annotations": people, "predictions": [{"result": [{"type": "nonsense"}]}]},
        {"data": {"image": "b.png"}, "annotations": [{"result": [{"type": "choices", "value": {"choices": ["OK"]}}]}]},
    ]
    (folder / "tasks.json").write_text(json.dumps(tasks))
    return folder / "tasks.json"


def from_coco(folder: Path) -> Path:
    entries: list[dict[str, Any]] = [
        {"file_name": "images/a.png", "width": 96, "height": 64},
        {"file_name": "images/b.png", "verdict": "OK", "reference": "images/b.png"},
    ]
    return coco(folder, entries, {0: [[0, 10, 20, 30.5, 30.25], [1, 0, 0, 96, 64]]})


MAKERS: dict[str, Callable[[Path], Path]] = {"yolo": yolo, "voc": voc, "cvat": cvat, "labelstudio": labelstudio, "coco": from_coco}


@pytest.mark.parametrize("kind", MAKERS)
def test_boxes_as_the_tools_write_them(kind: str, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    path = MAKERS[kind](tmp_path / "source")
    report = taken(tmp_path, "t", Source(path), kind)
    assert (report.added, report.refused) == (2, [])
    first, second = (r.entry for r in sorted(rows(tmp_path, "t"), key=lambda r: not r.entry.labels))
    assert first.labels == (B, A)
    assert (first.verdict, first.width, first.height) == ("NG", 96, 64)
    assert second.labels == ()
    assert second.verdict == ("" if kind in ("yolo", "voc") else "OK")
    if kind == "labelstudio":
        assert (first.lineage.who, first.lineage.labelled_at) == ("anna@example", "2026-01-02T03:04:05Z")
    # the same again changes nothing
    again = taken(tmp_path, "t", Source(path), kind)
    assert (again.added, again.there, again.refused) == (0, 2, [])


def test_folders_of_classes(tmp_path: Path) -> None:
    for n, name in enumerate(("train/good/1.png", "test/good/1.png", "test/crack/1.png")):
        write(tmp_path / "s" / name, texture(n))
    assert taken(tmp_path, "t", Source(tmp_path / "s"), "classes").added == 3
    assert [(r.entry.name, r.entry.verdict, r.entry.tag) for r in rows(tmp_path, "t")] == [
        ("test/crack/1.png", "NG", "crack"),
        ("test/good/1.png", "OK", ""),
        ("train/good/1.png", "OK", ""),
    ]


def test_masks_become_boxes(tmp_path: Path) -> None:
    mask = np.zeros((64, 96), np.uint8)
    mask[10:20, 5:9] = 1
    mask[30:40, 50:60] = 2
    mask[30:32, 70:72] = 2
    for name, values in (("a", mask), ("b", np.zeros_like(mask))):
        write(tmp_path / f"s/images/{name}.jpg", texture(len(name)))
        write(tmp_path / f"s/masks/{name}.png", values)
    write(tmp_path / "s/images/c.jpg", texture(9))
    assert taken(tmp_path, "t", Source(tmp_path / "s", classes=("x", "y")), "masks").refused == []
    a, b, c = (r.entry for r in rows(tmp_path, "t"))
    assert a.labels == (Label("x", 5, 10, 9, 20), Label("y", 50, 30, 60, 40), Label("y", 70, 30, 72, 32))
    assert (b.verdict, c.verdict) == ("OK", "")
    write(tmp_path / "s/masks/a.png", mask * 2)
    report = taken(tmp_path, "v", Source(tmp_path / "s", classes=("x", "y")), "masks")
    assert "value 4, and 2 classes" in report.refused[0].reason


# --- what goes out comes in again --------------------------------------------------------------------------------------

names = st.lists(
    st.tuples(st.sampled_from(["", "x/", "ü ö/"]), st.text("abcß1_-. ", min_size=1, max_size=8).map(lambda t: f"i{t.strip()}"), st.sampled_from([".png", ".jpg"])),
    min_size=1, max_size=5, unique_by=lambda t: t[0] + t[1],
).map(lambda many: ["".join(t) for t in many])  # fmt: skip
words = st.sampled_from(["scratch", "dent & <b>", 'quote"s', "Kratzer äöü"])
thousandths = st.integers(0, 96_000).map(lambda n: n / 1000)


@st.composite
def labels(draw: st.DrawFn) -> tuple[Label, ...]:
    found = []
    for _ in range(draw(st.integers(0, 4))):
        (x1, x2), (y1, y2) = sorted(draw(st.tuples(thousandths, thousandths))), sorted(draw(st.tuples(thousandths, thousandths)))
        found.append(Label(draw(words), x1, y1, x2, min(y2, 64.0) if y1 <= 64 else y2))
    return tuple(sorted(found))


@st.composite
def cells(draw: st.DrawFn) -> tuple[Label, ...]:
    """Whole boxes that do not touch: what a mask can hold."""
    places = draw(st.lists(st.integers(0, 23), max_size=5, unique=True))
    return tuple(
        sorted(Label(draw(st.sampled_from(["a", "b", "c"])), p % 6 * 16, p // 6 * 16, p % 6 * 16 + 9, p // 6 * 16 + 12) for p in places)
    )


def drawn(draw: st.DataObject, kind: str, name: str, sha256: str) -> Entry:
    """An entry with all that the format can carry."""
    boxes = draw.draw(cells() if kind == "masks" else labels()) if kind != "classes" else ()
    verdict: Verdict = "NG" if boxes else ""
    tag = part = reference = ""
    lineage = Lineage()
    if kind in ("coco", "cvat", "labelstudio"):
        verdict = draw.draw(st.sampled_from(["OK", "NG", *([] if boxes else [""])]))
        tag = draw.draw(st.sampled_from(["", "fray"])) if verdict else ""
    if kind == "classes":
        tag = draw.draw(st.sampled_from(["", "crack", "dent ü"]))
        verdict = "NG" if tag else "OK"
    if kind == "masks" and not boxes:
        verdict = draw.draw(st.sampled_from(["OK", ""]))
    if kind == "coco":
        part, reference = draw.draw(st.sampled_from(["", "P 1"])), draw.draw(st.sampled_from(["", "ref/golden.png"]))
        lineage = Lineage(format="record", who="Anna", part_id="P1")
    if kind in ("voc", "cvat", "labelstudio"):
        lineage = Lineage(who=draw.draw(st.sampled_from(["", "Anna <a@b>"])))
    if kind == "classes":
        name = str(Path(name).parent / (tag or "good") / Path(name).name)
    return Entry(
        name=name, sha256=sha256, width=96, height=64, verdict=verdict, labels=boxes, tag=tag, part=part, reference=reference,
        reference_sha256=sha256 if reference else "", lineage=lineage,
    )  # fmt: skip


def carried(entry: Entry, kind: str) -> Entry:
    """Only COCO carries the lineage; of the others some carry who labelled."""
    return entry if kind == "coco" else msgspec.structs.replace(entry, lineage=Lineage(who=entry.lineage.who))


@pytest.mark.parametrize("kind", FORMATS)
@given(data=st.data())
@settings(max_examples=12)
def test_what_goes_out_comes_in_again(kind: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory(prefix="gt-") as place:
        folder = Path(place)
        png = write(folder / "p.png", texture(5))
        picture = read_picture(png, folder)
        jpg = folder / "p.jpg"  # what decides is the content; a PNG called .jpg is read as what it is
        shutil.copy(png, jpg)
        stored = folder / "images" / picture.sha256[:2] / f"{picture.sha256}.png"
        stored.parent.mkdir(parents=True)
        shutil.copy(png, stored)
        entries = sorted((drawn(data, kind, n, picture.sha256) for n in data.draw(names)), key=lambda e: e.name)
        out = folder / "out"
        assert export(lambda: (Row(e, "") for e in entries), folder, kind, out) == len(entries)
        path = {"coco": out / "coco.json", "labelstudio": out / "tasks.json"}.get(kind, out)
        report = taken(folder / "back", "t", Source(path), kind)
        assert report.refused == []
        back = [r.entry for r in rows(folder / "back", "t")]
        assert [carried(e, kind) for e in back] == [carried(e, kind) for e in entries]


def test_an_export_says_what_it_cannot_hold(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    entries = [{"file_name": "images/a.png", "verdict": "OK"}, {"file_name": "images/a.jpg", "verdict": ""}]
    taken(tmp_path, "t", Source(coco(tmp_path / "s", entries)), "coco")

    def all_rows() -> Iterator[Row]:
        with open_draft(tmp_path, "t") as draft:
            yield from draft.rows()

    with pytest.raises(SettingsError, match=r"cannot tell a\.jpg and a\.png apart"):
        export(all_rows, tmp_path, "yolo", tmp_path / "yolo")
    with pytest.raises(SettingsError, match=r"a\.jpg: has no single class"):
        export(all_rows, tmp_path, "classes", tmp_path / "classes")
    assert export(all_rows, tmp_path, "coco", tmp_path / "out") == 2
    with pytest.raises(SettingsError, match="not an empty folder"):
        export(all_rows, tmp_path, "coco", tmp_path / "out")
    assert [i.expected for i in read_coco(tmp_path / "out/coco.json").images] == ["", "OK"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["coco", "yolo", "voc"])
def test_a_peer_reads_what_we_write(kind: str, tmp_path: Path) -> None:
    """supervision finds the boxes where we have them; of VOC it takes 1 off the maxima too."""
    sv: Any = pytest.importorskip("supervision")
    (tmp_path / "s").mkdir()
    taken(tmp_path, "t", Source(from_coco(tmp_path / "s")), "coco")
    out = tmp_path / "out"
    with open_draft(tmp_path, "t") as draft:
        export(draft.rows, tmp_path, kind, out)
    if kind == "coco":
        found = sv.DetectionDataset.from_coco(str(out), str(out / "coco.json"))
    elif kind == "yolo":
        found = sv.DetectionDataset.from_yolo(str(out / "images"), str(out / "labels"), str(out / "data.yaml"))
    else:
        found = sv.DetectionDataset.from_pascal_voc(str(out / "JPEGImages"), str(out / "Annotations"))
    (boxes,) = [d for path, d in found.annotations.items() if path.endswith("a.png")]
    seen = {found.classes[int(c)]: b.tolist() for c, b in zip(boxes.class_id, boxes.xyxy, strict=True)}
    assert seen["scratch"] == pytest.approx([10, 20, 40.5, 50.25], abs=1.01)
    assert seen["dent"] == pytest.approx([0, 0, 96, 64], abs=1.01)


def test_looks_are_those_of_the_file(tmp_path: Path) -> None:
    picture = read_picture(write(tmp_path / "a.png", texture(3)), tmp_path)
    gray = np.asarray(cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_GRAYSCALE), np.uint8)
    assert (picture.gray == gray).all()
    assert look_at(gray).phash == look_at(picture.gray).phash
