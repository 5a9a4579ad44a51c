"""Corrupt and hostile sources: refused one by one with name and reason, and the sound ones beside them are taken."""

from __future__ import annotations

import contextlib
import io
import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("defusedxml", reason="extra training is not installed")

from PIL import Image as Pillow

from edge.errors import SettingsError
from tests.training.datasets.sets import coco, rows, taken, texture, write
from training.datasets.draft import open_draft
from training.datasets.entry import make_label, make_name
from training.datasets.found import Source
from training.datasets.intake import Rules
from training.datasets.picture import decode, read_picture

LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/hostname">]>'


def bomb() -> bytes:
    """A PNG whose header promises 60,000 x 60,000 pixels, in a hundred bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def turned() -> bytes:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    Pillow.fromarray(texture(1)).save(out, "JPEG", exif=exif)
    return out.getvalue()


def saved(kind: str, **how: Any) -> bytes:
    out = io.BytesIO()
    Pillow.fromarray(texture(1)).save(out, kind, **how)
    return out.getvalue()


IMAGES: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "not a whole image"),
    "text": (lambda: b"<svg/>", "not a whole image"),
    "cut-png": (lambda: saved("PNG")[:-200], "not a whole image"),
    "cut-jpg": (lambda: saved("JPEG")[:-200], "not a whole image"),
    "bomb": (bomb, "more than 100 million"),
    "gif": (lambda: saved("GIF"), "not a whole image"),
    "pages": (lambda: saved("TIFF", save_all=True, append_images=[Pillow.fromarray(texture(2))]), "several pages"),
    "turned": (turned, "to be turned"),
}


@pytest.mark.parametrize("what", IMAGES)
def test_images_that_are_none(what: str, tmp_path: Path) -> None:
    make, words = IMAGES[what]
    (tmp_path / "s/images").mkdir(parents=True)
    (tmp_path / "s/images/bad.png").write_bytes(make())
    source = coco(tmp_path / "s", [{"file_name": "images/bad.png"}, {"file_name": "images/good.png"}], {0: [[0, 1, 2, 3, 4]]})
    report = taken(tmp_path, "t", Source(source), "coco")
    assert report.added == 1
    assert [r.entry.name for r in rows(tmp_path, "t")] == ["good.png"]
    (refused,) = report.refused
    assert refused.name == "bad.png"
    assert words in refused.reason
    assert len(list((tmp_path / "images").rglob("*.*"))) == 1, "nothing of it is kept"
    with open_draft(tmp_path, "t") as draft:
        assert [(name, reason) for _, name, reason in draft.refusals()] == [("bad.png", refused.reason)]


@given(cut=st.integers(0, 4000), flip=st.integers(0, 4000), bits=st.integers(1, 255))
def test_damaged_bytes_are_an_image_or_refused(cut: int, flip: int, bits: int) -> None:
    data = bytearray(saved("PNG"))
    data[flip % len(data)] ^= bits
    with contextlib.suppress(ValueError):
        assert decode(bytes(data[: len(data) - cut])).shape == (64, 96)


def test_sixteen_bits_and_alpha_are_taken() -> None:
    deep = io.BytesIO()
    Pillow.fromarray((np.arange(64 * 64).reshape(64, 64) * 16).astype(np.uint16)).save(deep, "PNG")
    assert decode(deep.getvalue()).max() == 255
    clear = io.BytesIO()
    Pillow.fromarray(np.full((8, 8, 4), 9, np.uint8)).save(clear, "PNG")
    assert decode(clear.getvalue()).shape == (8, 8, 3)


ENTRIES: list[tuple[dict[str, Any], list[Any], str]] = [
    ({"file_name": "../secret.png"}, [], "leads out"),
    ({"file_name": "/etc/passwd.png"}, [], "leads out"),
    ({"file_name": "a\\..\\..\\secret.png"}, [], "leads out"),
    ({"file_name": "C:/secret.png"}, [], "leads out"),
    ({"file_name": "link.png"}, [], "leads out"),
    ({"file_name": "pipe.png"}, [], "no regular file"),
    ({"file_name": "folder.png"}, [], "no regular file"),
    ({"file_name": "missing.png"}, [], "there is no file missing.png"),
    ({"file_name": "images/x\u0000.png"}, [], "control characters"),
    ({"file_name": "notes.txt"}, [], "does not end in"),
    ({"file_name": ["x"]}, [], "no text"),
    ({}, [], "has no 'file_name'"),
    ({"file_name": "x.png", "reference": "../secret.png"}, [], "leads out"),
    ({"file_name": "x.png", "reference": "other.png"}, [], "its reference has 50x64"),
    ({"file_name": "x.png", "width": 97, "height": 64}, [], "97x64"),
    ({"file_name": "x.png", "verdict": "perhaps"}, [], "neither OK nor NG"),
    ({"file_name": "x.png", "part": {"a": 1}}, [], "part is no text"),
    ({"file_name": "x.png", "lineage": {"who": 7}}, [], "who"),
    ({"file_name": "x.png"}, [[0, "NaN", 1, 2, 3]], "no box"),
    ({"file_name": "x.png"}, [[0, "Infinity", 1, 2, 3]], "no box"),
    ({"file_name": "x.png"}, [[0, 1, 1, -2, 3]], "no box"),
    ({"file_name": "x.png"}, [[0, 1, 1, 2e6, 3]], "no box"),
    ({"file_name": "x.png"}, [[0, 1, 1, None, 3]], ""),
    ({"file_name": "x.png"}, [[0, 1, 1, 3]], "not enough values"),
    ({"file_name": "x.png"}, [[7, 1, 1, 2, 3]], "category_id 7 is not among"),
]


@pytest.mark.parametrize(("entry", "boxes", "words"), ENTRIES)
def test_entries_that_cannot_be(entry: dict[str, Any], boxes: list[Any], words: str, tmp_path: Path) -> None:
    """Beside a sound one, which is taken."""
    folder = tmp_path / "s"
    for name in ("x.png", "good.png"):
        write(folder / name, texture(len(name)))
    write(folder / "other.png", texture(1, 50))
    write(tmp_path / "secret.png", texture(2))
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    os.mkfifo(folder / "pipe.png")
    (folder / "folder.png").mkdir()
    document = {
        "categories": [{"id": 0, "name": "scratch"}],
        "images": [{"id": 0, **entry}, {"id": 1, "file_name": "good.png"}],
        "annotations": [{"image_id": 0, "category_id": b[0], "bbox": b[1:]} for b in boxes] + [{"image_id": 9, "category_id": 0, "bbox": [1, 1, 1, 1]}],
    }  # fmt: skip
    text = json.dumps(document).replace('"NaN"', "NaN").replace('"Infinity"', "Infinity")
    (folder / "set.json").write_text(text)
    report = taken(tmp_path, "t", Source(folder / "set.json"), "coco")
    assert [r.entry.name for r in rows(tmp_path, "t")] == ["good.png"]
    assert len(report.refused) == 2, "and the annotation of an image that is not there"
    assert any(words in r.reason for r in report.refused), report.refused
    assert "secret" not in {p.stem for p in (tmp_path / "images").rglob("*")}


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"images": 3}', '{"images": [], "annotations": []}', "[" * 100_000, '{"categories": [{"id": 0}]}']
)
def test_files_that_are_no_coco(content: str, tmp_path: Path) -> None:
    (tmp_path / "set.json").write_text(content)
    with pytest.raises(SettingsError, match=r"set\.json"):
        taken(tmp_path, "t", Source(tmp_path / "set.json"), "coco")


@pytest.mark.parametrize("head", [LAUGHS, OUTSIDE])
def test_xml_with_entities_is_refused(head: str, tmp_path: Path) -> None:
    voc = tmp_path / "voc"
    for name in ("a", "b"):
        write(voc / f"{name}.png", texture(ord(name)))
        text = f"<annotation><object><name>scratch{'&a;' if name == 'a' else ''}</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"
        (voc / f"{name}.xml").write_text((head if name == "a" else "") + text)
    report = taken(tmp_path, "t", Source(voc), "voc")
    assert [r.name for r in report.refused] == ["a.xml"]
    assert "DTD" in report.refused[0].reason
    assert [r.entry.name for r in rows(tmp_path, "t")] == ["b.png"]
    (voc / "annotations.xml").write_text(head + "<annotations><image name='b.png'><tag label='&a;'/></image></annotations>")
    with pytest.raises(SettingsError, match="DTD"):
        taken(tmp_path, "c", Source(voc), "cvat")


def test_xml_that_breaks_off_keeps_what_was_whole(tmp_path: Path) -> None:
    write(tmp_path / "s/a.png", texture(1))
    (tmp_path / "s/annotations.xml").write_text("<annotations><image name='a.png'/><image name='b.png'><box label='x'")
    report = taken(tmp_path, "t", Source(tmp_path / "s"), "cvat")
    assert [r.entry.name for r in rows(tmp_path, "t")] == ["a.png"]
    assert "what follows is not read" in report.refused[0].reason or "not XML" in report.refused[0].reason


VOC = ["<annotation><object><name>x</name></object></annotation>", "<other/>", "<annotation", "<annotation><filename>../../secret.png</filename></annotation>",
       "<annotation><size><width>nan</width><height>64</height></size></annotation>",
       "<annotation><object><name>x</name><bndbox><xmin>nan</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>",
       "<annotation><object><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"]  # fmt: skip
YOLO = [
    "2 0.5 0.5 0.1 0.1",
    "x 0.5 0.5 0.1 0.1",
    "-1 0.5 0.5 0.1 0.1",
    "0 nan 0.5 0.1 0.1",
    "0 0.5 0.5 0.1",
    "0 5 5 1 1",
    "0 0.5 0.5 -0.1 0.1",
    "0 a b c d",
    "\ufffd",
]
STUDIO: list[Any] = [
    {}, {"data": {"image": 3}}, {"data": {"image": "https://example/x.png"}}, {"data": {"image": "/data/upload/../../secret.png"}},
    {"data": {"image": "x.png"}}, {"data": {"image": "x.png"}, "annotations": [{"result": [{"type": "brushlabels", "value": {}}]}]},
    {"data": {"image": "x.png"}, "annotations": [{"result": []}, {"result": [{"type": "choices", "value": {"choices": ["OK"]}}]}]},
    {"data": {"image": "x.png"}, "annotations": [{"result": [{"type": "choices", "value": {"choices": ["OK", "NG"]}}]}]},
    7,
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "content"), [*(("voc", c) for c in VOC), *(("yolo", c) for c in YOLO), *(("labelstudio", c) for c in STUDIO)]
)
def test_label_files_that_cannot_be(kind: str, content: Any, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    write(folder / "images/x.png", texture(1))
    write(tmp_path / "secret.png", texture(2))
    path = folder
    if kind == "voc":
        (folder / "images/x.xml").write_text(content)
        path = folder / "images"
    elif kind == "yolo":
        (folder / "labels").mkdir()
        (folder / "labels/x.txt").write_bytes(content.encode() if content != "\ufffd" else b"\xff\xfe")
        (folder / "data.yaml").write_text("names: [scratch, dent]")
    else:
        path = folder / "tasks.json"
        path.write_text(json.dumps([content]))
    report = taken(tmp_path, "t", Source(path), kind)
    assert report.added == 0
    assert len(report.refused) == 1
    assert report.refused[0].reason
    assert rows(tmp_path, "t") == []


def test_classes_that_are_not_wanted(tmp_path: Path) -> None:
    write(tmp_path / "s/images/x.png", texture(1))
    source = coco(tmp_path / "s", [{"file_name": "images/x.png"}], {0: [[1, 1, 1, 2, 2]]})
    report = taken(tmp_path, "t", Source(source), "coco", Rules(classes=("scratch",)))
    assert "class dent is not one of those that are taken: scratch" in report.refused[0].reason
    assert taken(tmp_path, "u", Source(coco(tmp_path / "s", [{"file_name": "images/x.png"}])), "coco", Rules(empty="refuse")).added == 0


@pytest.mark.parametrize(
    "names",
    ["", "names: 3", "names: {0: a, 2: b}", "a: &a [x, x]\nb: &b [*a, *a]\nnames: [*b, *b]", "!!python/object/apply:os.system [true]"],
)
def test_class_lists_that_cannot_be(names: str, tmp_path: Path) -> None:
    write(tmp_path / "s/images/x.png", texture(1))
    (tmp_path / "s/data.yaml").write_text(names)
    with pytest.raises(SettingsError, match="names no classes"):
        taken(tmp_path, "t", Source(tmp_path / "s"), "yolo")


def test_two_sources_with_the_same_names(tmp_path: Path) -> None:
    first, second = (coco(tmp_path / f, [{"file_name": "x.png", "seed": n}]) for n, f in enumerate("ab"))
    assert taken(tmp_path, "t", Source(first), "coco").added == 1
    assert "another image of this name" in taken(tmp_path, "t", Source(second), "coco").refused[0].reason
    assert taken(tmp_path, "t", Source(second, prefix="b"), "coco").added == 1
    again = coco(tmp_path / "a", [{"file_name": "x.png", "seed": 1}], {0: [[0, 1, 1, 2, 2]]})
    assert "other labels; --replace" in taken(tmp_path, "t", Source(again), "coco").refused[0].reason
    assert taken(tmp_path, "t", Source(again), "coco", Rules(replace=True)).changed == 1


def test_what_is_stored_is_never_changed(tmp_path: Path) -> None:
    write(tmp_path / "a/x.png", texture(0))
    taken(tmp_path, "t", Source(coco(tmp_path / "a", [{"file_name": "x.png"}])), "coco")
    (stored,) = (tmp_path / "images").rglob("*.png")
    assert stored.stat().st_mode & 0o222 == 0
    assert stored.stat().st_nlink == 1, "no link to the source, which its owner may change"
    assert read_picture(stored, tmp_path).sha256 == stored.stem


@given(st.text(max_size=40))
def test_names_stay_inside(name: str) -> None:
    try:
        found = make_name(name + ".png")
    except ValueError:
        return
    assert (Path("/x") / found).resolve().is_relative_to("/x")
    assert make_name(found) == found or found.startswith("images/")


@given(st.lists(st.one_of(st.floats(), st.integers(), st.text(max_size=5), st.none(), st.booleans()), min_size=4, max_size=4))
def test_labels_are_boxes_or_refused(values: list[Any]) -> None:
    try:
        found = make_label("x", *values)
    except ValueError:
        return
    assert found.x1 <= found.x2
    assert found.y1 <= found.y2
    assert make_label("x", found.x1, found.y1, found.x2, found.y2) == found
