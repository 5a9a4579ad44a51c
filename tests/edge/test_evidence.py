"""Image files: the same pixels back, whole or not there, never another part's, never outside the folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.evidence import ImageFolder, encode_png
from edge.places import file_name
from edge.ring import RingReader, RingWriter
from tests.edge.line_of_one import picture, read_image

T_NS = 1_790_000_000 * 10**9


@pytest.mark.parametrize("shape", [(1, 1), (7, 13), (64, 48, 3), (640, 640)])
def test_pixels_come_back(shape: tuple[int, ...]) -> None:
    image = picture(3, shape)
    back = cv2.imdecode(np.frombuffer(encode_png(image), np.uint8), cv2.IMREAD_UNCHANGED)
    assert back is not None
    assert np.array_equal(back, image)


@pytest.mark.parametrize("shape", [(5,), (2, 2, 2, 2), (4, 4, 7)])
def test_what_is_no_image_is_said(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shape"):
        encode_png(picture(1, shape))


def test_names_exist_only_after_commit(tmp_path: Path) -> None:
    images = ImageFolder(tmp_path)
    images.clear()
    stored = images.add("P1", T_NS, picture(1))
    assert stored.path == "images/2026/09/21/P1.png"
    assert not (tmp_path / stored.path).exists()
    images.commit()
    assert hashlib.sha256((tmp_path / stored.path).read_bytes()).hexdigest() == stored.sha256
    dropped = images.add("P2", T_NS, picture(2))
    images.abandon()
    images.commit()
    assert not (tmp_path / dropped.path).exists()
    assert [p.name for p in tmp_path.rglob("*.png")] == ["P1.png"]


def test_a_file_is_never_replaced_by_other_pixels(tmp_path: Path) -> None:
    images = ImageFolder(tmp_path)
    first = images.add("P1", T_NS, picture(1))
    images.commit()
    assert images.add("P1", T_NS, picture(1)) == first
    images.commit()
    second = images.add("P1", T_NS, picture(2))
    images.commit()
    assert second.path != first.path
    for stored, seed in ((first, 1), (second, 2)):
        assert np.array_equal(read_image(tmp_path / stored.path), picture(seed))


def test_references_are_stored_once(tmp_path: Path) -> None:
    images = ImageFolder(tmp_path)
    first = images.add_reference(lambda _: None, picture(1))
    assert images.add_reference(lambda _: None, picture(1)) == first
    other = images.add_reference(lambda _: None, picture(1).reshape(160, 120))  # the same bytes in another shape are another image
    images.commit()
    assert other.path != first.path
    assert len(list(tmp_path.rglob("*.png"))) == 2
    asked: list[str] = []
    again = ImageFolder(tmp_path).add_reference(lambda pixels: asked.append(pixels) or first, picture(1))  # type: ignore[func-returns-value]
    assert again == first
    assert asked == [first.pixels_sha256]
    (tmp_path / first.path).unlink()  # somebody has cleared the folder: stored anew
    images.add_reference(lambda _: first, picture(1))
    images.commit()
    assert (tmp_path / first.path).is_file()


def test_what_a_killed_recorder_left_is_removed(tmp_path: Path) -> None:
    images = ImageFolder(tmp_path)
    images.add("P1", T_NS, picture(1))
    assert list(tmp_path.rglob("*.png"))
    ImageFolder(tmp_path).clear()
    assert list(tmp_path.rglob("*.png")) == []


@pytest.mark.parametrize("part_id", ["../../etc/passwd", "..", "", "a/b", "a\x00b", "x" * 300, ".hidden", "ä"])
def test_names_stay_in_the_folder_and_apart(tmp_path: Path, part_id: str) -> None:
    images = ImageFolder(tmp_path)
    stored = images.add(part_id, T_NS, picture(1))
    images.commit()
    assert (tmp_path / stored.path).resolve().parent == tmp_path / "images/2026/09/21"
    assert len(file_name(part_id)) < 200
    assert file_name(part_id) != file_name(part_id.replace("/", "_") + "_")


def test_real_part_ids_are_their_own_file_names() -> None:
    assert file_name("S1-19d1f2a3b4c-17") == "S1-19d1f2a3b4c-17"


def test_slots_nobody_will_ask_for_are_let_go(tmp_path: Path) -> None:
    ring = RingWriter(str(tmp_path), "S1", 1, 100, 8)
    reader = RingReader(str(tmp_path))
    refs = [ring.reserve(picture(n, (10, 10)), keep=n != 2) for n in range(5)]
    assert reader.release_before(refs[3]) == 2
    assert [reader.held(r) for r in refs] == [False, False, False, True, True]
    assert reader.release_before(refs[0]) == 0
    ring.close()
