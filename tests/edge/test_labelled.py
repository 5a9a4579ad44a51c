"""Labelled sets from strangers: whatever is in them, nothing but SettingsError comes out."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import SettingsError
from edge.inspect import images_of, recipe_for
from edge.labelled import read_coco, read_image

GOOD: dict[str, Any] = {
    "images": [
        {"id": 7, "file_name": "a.png", "verdict": "NG", "reference": "ref/a.png"},
        {"id": 8, "file_name": "sub/b.png", "verdict": "OK"},
        {"id": 9, "file_name": "c.png"},
    ],
    "annotations": [{"image_id": 7, "bbox": [1, 2, 10, 20], "category_id": 5}, {"image_id": 7, "bbox": [0.5, 0, 3, 4], "category_id": 2}],
    "categories": [{"id": 5, "name": "dent"}, {"id": 2, "name": "scratch"}],
}


def with_change(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """GOOD with one place changed; Ellipsis removes it."""
    data: dict[str, Any] = json.loads(json.dumps(GOOD))
    place: Any = data
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return data


def written(folder: Path, data: Any) -> Path:
    path = folder / "set.json"
    path.write_text(json.dumps(data))
    return path


def test_a_good_set(tmp_path: Path) -> None:
    labelled = read_coco(written(tmp_path, GOOD))
    assert labelled.classes == ["scratch", "dent"]
    first, second, third = labelled.images
    assert (first.name, first.file, first.reference) == ("a.png", tmp_path / "a.png", tmp_path / "ref/a.png")
    assert first.boxes.tolist() == [[1, 2, 11, 22], [0.5, 0, 3.5, 4]]
    assert first.kinds == ("dent", "scratch")
    assert (first.expected, second.expected, third.expected) == ("NG", "OK", "")
    assert second.reference is None
    assert second.boxes.shape == (0, 4)


HUGE = 10**400
CHANGES: list[tuple[tuple[Any, ...], Any]] = [
    (("images",), ...), (("annotations",), ...), (("categories",), ...), (("images",), []), (("images",), {}), (("images",), "abc"), (("images",), 5),
    (("images",), None), (("images", 0), "a.png"), (("images", 0), None), (("images", 0), []), (("images", 0, "id"), ...), (("images", 0, "id"), "x"),
    (("images", 0, "id"), None), (("images", 0, "id"), float("nan")), (("images", 0, "id"), float("inf")), (("images", 0, "file_name"), ...),
    (("images", 0, "file_name"), "../a.png"), (("images", 0, "file_name"), "/etc/passwd"), (("images", 0, "file_name"), "sub/../../a.png"),
    (("images", 0, "file_name"), "~/../../a.png/../../.."), (("images", 0, "file_name"), "a\0b"), (("images", 0, "file_name"), "\ud800"),
    (("images", 0, "reference"), "../a.png"), (("images", 0, "reference"), "/etc/passwd"), (("images", 0, "reference"), "a\0b"),
    (("images", 0, "verdict"), "GOOD"), (("images", 0, "verdict"), 5), (("images", 0, "verdict"), None), (("images", 0, "verdict"), ["OK"]),
    (("annotations",), {}), (("annotations",), [5]), (("annotations",), 5), (("annotations", 0), None), (("annotations", 0, "bbox"), ...),
    (("annotations", 0, "image_id"), ...), (("annotations", 0, "image_id"), {}), (("annotations", 0, "image_id"), float("inf")),
    (("annotations", 0, "category_id"), ...), (("annotations", 0, "category_id"), 77), (("annotations", 0, "category_id"), None),
    (("annotations", 0, "bbox"), []), (("annotations", 0, "bbox"), [1, 2]), (("annotations", 0, "bbox"), [1, 2, 3]), (("annotations", 0, "bbox"), [1, 2, 3, 4, 5]),
    (("annotations", 0, "bbox"), [1, 2, 3, 4] * 2), (("annotations", 0, "bbox"), "1234"[:3]), (("annotations", 0, "bbox"), None), (("annotations", 0, "bbox"), 5),
    (("annotations", 0, "bbox"), [float("nan"), 1, 2, 3]), (("annotations", 0, "bbox"), [1, 1, float("inf"), 3]), (("annotations", 0, "bbox"), [1, 1, -5, 3]),
    (("annotations", 0, "bbox"), [1, 1, 5, -3]), (("annotations", 0, "bbox"), [HUGE, 1, 2, 3]), (("annotations", 0, "bbox"), [1e300, 1, 2, 3]),
    (("annotations", 0, "bbox"), ["nan", 1, 2, 3]), (("annotations", 0, "bbox"), [None, 1, 2, 3]), (("annotations", 0, "bbox"), [[1], 1, 2, 3]),
    (("categories",), {}), (("categories",), [1]), (("categories", 0, "id"), ...), (("categories", 0, "name"), ...), (("categories", 0, "id"), float("inf")),
    (("categories", 0, "id"), "x"), (("categories", 0, "id"), None),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value"), [c for c in CHANGES if c != (("annotations",), {})], ids=lambda v: str(v)[:40])
def test_every_mistake_is_refused_and_named(path: tuple[Any, ...], value: Any, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"set\.json"):
        read_coco(written(tmp_path, with_change(path, value)))


@pytest.mark.parametrize("bbox", [[1, 2], [3, 4]])
def test_halves_of_boxes_do_not_make_a_whole_one(bbox: list[int], tmp_path: Path) -> None:
    data = with_change(("annotations", 0, "bbox"), bbox)
    data["annotations"][1]["bbox"] = bbox
    with pytest.raises(SettingsError):
        read_coco(written(tmp_path, data))


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b"5", b'"x"', b"\xff\xfe\x00", b"[" * 200_000, b'{"images":' * 50_000, b'{"images":' + b"9" * 10_000 + b"}", b"\0" * 100],
)  # fmt: skip
def test_what_is_no_coco_file_is_refused(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    path.write_bytes(text)
    with pytest.raises(SettingsError, match=r"set\.json"):
        read_coco(path)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(SettingsError, match="cannot be read"):
            read_coco(path)


def test_a_link_out_of_the_folder_leads_out_of_it(tmp_path: Path) -> None:
    inside = tmp_path / "set"
    inside.mkdir()
    (tmp_path / "secret.png").write_bytes(b"x")
    (inside / "a.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(SettingsError, match="leads out"):
        read_coco(written(inside, GOOD))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([HUGE, "../x", "\ud800", "a\0"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "bbox", "name", "file_name", "image_id", "category_id"]), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@given(st.sampled_from([c[0] for c in CHANGES]), json_values)
def test_nothing_but_settings_errors_comes_out(tmp_path_factory: pytest.TempPathFactory, path: tuple[Any, ...], value: Any) -> None:
    folder = tmp_path_factory.mktemp("x")
    try:
        labelled = read_coco(written(folder, with_change(path, value)))
    except SettingsError:
        return
    for image in labelled.images:
        assert image.file.is_relative_to(folder)
        assert image.boxes.shape == (len(image.kinds), 4)
        assert np.isfinite(image.boxes).all()
        assert (image.boxes[:, :2] <= image.boxes[:, 2:]).all()


def png_that_promises(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + b"\0" * 30


def test_images(tmp_path: Path) -> None:
    gray, colour, deep, clear = (np.full(s, v, d) for s, v, d in (((4, 6), 9, np.uint8), ((4, 6, 3), 9, np.uint8), ((4, 6), 999, np.uint16), ((4, 6, 4), 9, np.uint8)))  # fmt: skip
    for name, image in (("gray", gray), ("colour", colour), ("deep", deep), ("clear", clear)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), image)
    assert read_image(tmp_path / "gray.png").shape == (4, 6)
    assert read_image(tmp_path / "colour.png").shape == (4, 6, 3)
    assert read_image(tmp_path / "colour.png", gray=True).shape == (4, 6)
    assert read_image(tmp_path / "deep.png").dtype == np.uint8
    assert read_image(tmp_path / "clear.png").shape == (4, 6, 3)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no image",
        b"\x89PNG\r\n\x1a\n",
        png_that_promises(2**31 - 1, 2**31 - 1),
        png_that_promises(60_000, 60_000),
        b"\xff\xd8\xff" + b"\0" * 50,
    ],
)
def test_what_is_no_image_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(data)
    for gray in (False, True):
        with pytest.raises(SettingsError, match=r"a\.png"):
            read_image(path, gray=gray)


@pytest.mark.parametrize("name", ["none.png", ".", "x" * 300 + ".png", "a\0b", "d/" * 3000 + "a.png"])
def test_paths_to_nothing(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        read_image(tmp_path / name)


def test_inspect_takes_either_files_or_a_set(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    assert [i.name for i in images_of([], path, None)] == ["a.png", "sub/b.png", "c.png"]
    (only,) = images_of([tmp_path / "a.png"], None, tmp_path / "r.png")
    assert (only.file, only.reference, only.expected) == (tmp_path / "a.png", tmp_path / "r.png", "")
    for files, data in (([], None), ([tmp_path / "a.png"], path)):
        with pytest.raises(SettingsError, match="either"):
            images_of(files, data, None)


def test_a_model_alone_gets_a_recipe_of_defaults(tmp_path: Path) -> None:
    loaded = recipe_for(None, tmp_path / "m.onnx")
    assert loaded.model_file == tmp_path / "m.onnx"
    assert loaded.recipe.default.ng_score == 0.5
    with pytest.raises(SettingsError):
        recipe_for(tmp_path / "none.toml", None)
