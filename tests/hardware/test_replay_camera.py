"""The replay camera: the right picture for the right edge, bounded memory, hostile sets."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from hardware.cameras.replay import ReplayCamera
from hardware.errors import DeviceError, DeviceGone, DeviceTimeout
from tests.hardware.peers import TriggerLine, coco_file, free_wire, image_folder, number_of, picture, video_file


@pytest.fixture
def line() -> Iterator[TriggerLine]:
    line = TriggerLine(free_wire())
    yield line
    line.close()


def numbers(camera: ReplayCamera, line: TriggerLine, items: list[int]) -> list[int]:
    out = []
    for item in items:
        line.fire(item)
        out.append(number_of(camera.grab(5.0).image))
    return out


@pytest.mark.parametrize("kind", ["folder", "coco", "video"])
def test_the_item_is_the_picture(kind: str, tmp_path: Path, line: TriggerLine) -> None:
    source = {"folder": lambda: image_folder(tmp_path / "set", 12), "coco": lambda: coco_file(tmp_path, 12), "video": lambda: video_file(tmp_path / "v.avi", 12)}[kind]()  # fmt: skip
    camera = ReplayCamera(str(source), wire=line.address, gray=True)
    assert camera.open().noiseless
    assert numbers(camera, line, [0, 1, 2, 5, 4, 11, 0, 10]) == [0, 1, 2, 5, 4, 11, 0, 10]
    line.fire(12)
    with pytest.raises(DeviceGone, match="13 was asked for and there are 12"):
        camera.grab(5.0)
    camera.close()
    looped = ReplayCamera(str(source), wire=line.address, loop=True, gray=True)
    looped.open()
    assert numbers(looped, line, [11, 12, 13, 24]) == [11, 0, 1, 0]
    looped.close()


def test_labels_and_references_come_with_the_frame(tmp_path: Path, line: TriggerLine) -> None:
    camera = ReplayCamera(str(coco_file(tmp_path)), wire=line.address)
    camera.open()
    line.fire(0)
    good = camera.grab(5.0)
    line.fire(1)
    bad = camera.grab(5.0)
    camera.close()
    assert good.label == {"verdict": "OK", "defects": []}
    assert bad.label == {"verdict": "NG", "defects": [{"kind": "spur", "box": [5.0, 6.0, 15.0, 18.0]}]}
    assert bad.source == "images/part1.png"
    assert bad.reference is not None
    assert np.array_equal(bad.reference, picture(9))


def test_free_and_once_then_over_for_good(tmp_path: Path) -> None:
    camera = ReplayCamera(str(image_folder(tmp_path / "set", 3)), mode="free", rate_hz=500)
    camera.open()
    assert [number_of(camera.grab(5.0).image) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(DeviceGone, match="at its end"):
        camera.grab(5.0)
    with pytest.raises(DeviceGone, match="at its end"):
        camera.open()  # reopening what is finished must not begin it anew


def test_rate(tmp_path: Path) -> None:
    camera = ReplayCamera(str(image_folder(tmp_path / "set", 3)), mode="free", rate_hz=50, loop=True)
    camera.open()
    camera.grab(1.0)
    begun = time.monotonic()
    for _ in range(10):
        camera.grab(1.0)
    assert 0.17 < time.monotonic() - begun < 1.0
    with pytest.raises(DeviceTimeout):
        camera.grab(0.001)
    camera.close()


def test_memory_is_bounded_and_the_order_is_kept(tmp_path: Path, line: TriggerLine) -> None:
    folder = tmp_path / "big"
    folder.mkdir()
    for i in range(12):
        cv2.imwrite(str(folder / f"{i}.png"), picture(i, 500, 400))  # 200 kB each, 1 MB for all
    camera = ReplayCamera(str(folder), wire=line.address, loop=True, cache_mb=1)
    camera.open()
    assert camera._ahead is not None
    camera._ahead._limit = 900_000
    items = [*range(24), 3, 9, *range(10, 22)]
    for item in items:
        line.fire(item)
        assert number_of(camera.grab(5.0).image) == item % 12
        assert camera._ahead._bytes <= 900_000 + 3 * 200_000
        assert camera._ahead._bytes == sum(p.nbytes for p in camera._ahead._cache.values() if not isinstance(p, DeviceError))
    camera.close()


def test_pictures_are_ready_before_the_edge(tmp_path: Path, line: TriggerLine) -> None:
    """Each picture is decoded without being asked for; when the edge comes only the frame is made (CPU time, so a busy machine does not matter)."""
    folder = tmp_path / "large"
    folder.mkdir()
    data = np.random.default_rng(0).integers(0, 255, (1500, 1500), np.uint8)
    for i in range(5):
        cv2.imwrite(str(folder / f"{i}.jpg"), data)
    camera = ReplayCamera(str(folder), wire=line.address, cache_mb=7)  # three of them
    camera.open()
    assert camera._ahead is not None
    for item in range(5):
        until = time.monotonic() + 20
        while item not in camera._ahead._cache:
            assert time.monotonic() < until, f"picture {item} was not decoded ahead"
            time.sleep(0.005)
        line.fire()
        begun = time.thread_time()
        camera.grab(5.0)
        assert (time.thread_time() - begun) * 1e3 < 1.0
    camera.close()


def test_one_bad_picture_does_not_end_the_set(tmp_path: Path, line: TriggerLine) -> None:
    folder = image_folder(tmp_path / "set")
    (folder / "part2.png").write_bytes(b"\x89PNG\r\n\x1a\n not an image")
    camera = ReplayCamera(str(folder), wire=line.address)
    camera.open()
    assert numbers(camera, line, [0, 1]) == [0, 1]
    line.fire(2)
    with pytest.raises(DeviceError, match=r"part2\.png"):
        camera.grab(5.0)
    assert numbers(camera, line, [3, 4]) == [3, 4]
    camera.close()


def _coco(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [], "categories": []}
    return {**base, **changes}


@pytest.mark.parametrize(
    ("document", "named"),
    [
        (_coco(images=[]), "names no images"),
        (_coco(images=[{"id": 1, "file_name": "../secret.png"}]), r"\.\./secret\.png"),
        (_coco(images=[{"id": 1, "file_name": "/etc/passwd"}]), "/etc/passwd"),
        (_coco(images=[{"id": 1, "file_name": "a.png", "reference": "../../x.png"}]), r"\.\./x\.png"),
        (_coco(images=[{"id": 1, "file_name": "missing.png"}]), r"missing\.png"),
        (_coco(images=[{"id": 1, "file_name": "set.json"}]), r"set\.json"),
        (_coco(images=[{"id": 1, "file_name": "a\u0000b.png"}]), "file_name"),
        (_coco(images=[{"id": 1, "file_name": "a.png", "verdict": "MAYBE"}]), "MAYBE"),
        (_coco(images=[{"file_name": "a.png"}]), "id"),
        (_coco(annotations=[{"id": 1, "image_id": 1, "category_id": 9, "bbox": [0, 0, 1, 1]}]), "not a COCO file"),
        (_coco(annotations=[{"id": 1, "image_id": 1, "category_id": 9, "bbox": [0, 0]}]), "not a COCO file"),
        (["no", "dict"], "not a COCO file"),
        ({}, "images"),
    ],
)
def test_hostile_sets_are_refused_by_name(document: Any, named: str, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), picture(1))
    path = tmp_path / "set.json"
    path.write_text(json.dumps(document))
    camera = ReplayCamera(str(path), mode="free")
    with pytest.raises(DeviceError, match=named):
        camera.open()
    assert not camera.alive()


@pytest.mark.parametrize(
    ("name", "data", "named"),
    [
        ("set.json", b"\xff\xfe{", "not a COCO file"),
        ("set.json", b"[" * 100_000, "not a COCO file"),
        ("v.avi", b"RIFF nonsense", "not a video"),
        ("v.avi", b"", "not a video"),
        ("note.txt", b"hello", "neither a folder"),
        ("empty", None, "no images here"),
    ],
)
def test_files_of_no_use_are_refused_by_name(name: str, data: bytes | None, named: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if data is None:
        path.mkdir()
    else:
        path.write_bytes(data)
    with pytest.raises(DeviceError, match=named):
        ReplayCamera(str(path), mode="free").open()


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "set"
    inside.mkdir()
    cv2.imwrite(str(tmp_path / "outside.png"), picture(1))
    (inside / "a.png").symlink_to(tmp_path / "outside.png")
    (inside / "set.json").write_text(json.dumps(_coco()))
    with pytest.raises(DeviceError, match="leads out"):
        ReplayCamera(str(inside / "set.json"), mode="free").open()


def test_with_noise_no_two_frames_are_the_same_and_a_frozen_camera_is(tmp_path: Path, line: TriggerLine) -> None:
    """The switch of the drills: one word in a file."""
    switch = tmp_path / "fault"
    camera = ReplayCamera(str(image_folder(tmp_path / "set", 3)), wire=line.address, loop=True, gray=True, noise=2, fault_file=str(switch))

    def say(word: str) -> None:
        (tmp_path / "new").write_text(word)
        (tmp_path / "new").replace(switch)

    def frame(item: int) -> np.ndarray[Any, Any]:
        line.fire(item)
        return camera.grab(5.0).image

    assert not camera.open().noiseless
    first, again = frame(0), frame(0)
    assert not np.array_equal(first, again)
    assert np.abs(first.astype(int) - again).max() <= 4
    say("frozen")
    last = frame(1)
    assert np.array_equal(last, again)
    assert np.array_equal(frame(2), last)
    say("black")
    assert frame(0).max() <= 2
    say("stalled")
    line.fire(1)
    with pytest.raises(DeviceTimeout):
        camera.grab(0.2)
    assert not camera.alive()
    say("unplugged")
    with pytest.raises(DeviceGone, match="unplugged"):
        camera.grab(1.0)
    with pytest.raises(DeviceGone, match="unplugged"):
        camera.open()
    say("")
    camera.open()
    assert number_of(frame(2)) == 2
    camera.close()
