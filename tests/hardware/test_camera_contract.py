"""What every camera promises, asked of every backend. A real one joins in with GUTTEIL_TEST_CAMERA=SOURCE (0, /dev/video0, rtsp://…)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hardware.camera import BACKENDS, Camera, Frame, make_camera
from hardware.errors import DeviceGone, DeviceSettings, DeviceTimeout
from tests.hardware.peers import HttpCamera, RtspCamera, TriggerLine, coco_file, free_wire, image_folder, rtsp_available, video_file

SMALL: dict[str, Any] = {"width_px": 160, "height_px": 160, "carousel": 4}


@dataclass
class Rig:
    """A camera with what makes it take a picture."""

    camera: Camera
    mode: str
    fire: Callable[[], object]

    def frame(self) -> Frame:
        self.fire()
        return self.camera.grab(5.0)


def simulator(mode: str, product: str = "board") -> Callable[[Path, ExitStack], Rig]:
    def build(folder: Path, stack: ExitStack) -> Rig:
        return _rig("simulator", {"product": product, "mode": mode, "rate_hz": 100.0, **SMALL}, stack)

    return build


def replay(mode: str, source: Callable[[Path], Path]) -> Callable[[Path, ExitStack], Rig]:
    def build(folder: Path, stack: ExitStack) -> Rig:
        return _rig("replay", {"source": str(source(folder)), "mode": mode, "rate_hz": 100.0}, stack)

    return build


def opencv_file(mode: str) -> Callable[[Path, ExitStack], Rig]:
    def build(folder: Path, stack: ExitStack) -> Rig:
        return _rig("opencv", {"source": str(video_file(folder / "v.avi", 300)), "mode": mode}, stack)

    return build


def opencv_http(mode: str) -> Callable[[Path, ExitStack], Rig]:
    def build(folder: Path, stack: ExitStack) -> Rig:
        peer = HttpCamera()
        stack.callback(peer.close)
        return _rig("opencv", {"source": peer.url, "mode": mode, "read_timeout_s": 1.0}, stack)

    return build


def opencv_rtsp(folder: Path, stack: ExitStack) -> Rig:
    if not rtsp_available():
        pytest.skip("GStreamer's RTSP server is not installed; tests/hardware/rtsp_peer.py names the packages")
    peer = RtspCamera()
    stack.callback(peer.close)
    return _rig("opencv", {"source": peer.url, "mode": "free"}, stack)


def real(folder: Path, stack: ExitStack) -> Rig:
    return _rig("opencv", {"source": os.environ["GUTTEIL_TEST_CAMERA"], "mode": "free"}, stack)


def _rig(backend: str, settings: dict[str, Any], stack: ExitStack) -> Rig:
    mode = settings["mode"]
    fire: Callable[[], object] = lambda: None  # noqa: E731
    if mode == "hardware":
        line = TriggerLine(free_wire())
        stack.callback(line.close)
        settings["wire"] = line.address
        fire = line.fire
    camera = make_camera(backend, settings)
    stack.callback(camera.close)
    if mode == "software":
        fire = camera.trigger
    return Rig(camera, mode, fire)


RIGS: dict[str, Callable[[Path, ExitStack], Rig]] = {
    "simulator-hardware": simulator("hardware"),
    "simulator-software": simulator("software", "ring"),
    "simulator-free": simulator("free"),
    "replay-folder-hardware": replay("hardware", lambda f: image_folder(f / "set")),
    "replay-coco-software": replay("software", coco_file),
    "replay-video-free": replay("free", lambda f: video_file(f / "v.avi")),
    "opencv-file-free": opencv_file("free"),
    "opencv-file-software": opencv_file("software"),
    "opencv-http-free": opencv_http("free"),
    "opencv-http-software": opencv_http("software"),
    "opencv-rtsp-free": opencv_rtsp,
}
if "GUTTEIL_TEST_CAMERA" in os.environ:
    RIGS["real"] = real


@pytest.fixture(params=RIGS)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    with ExitStack() as stack:
        yield RIGS[request.param](tmp_path, stack)


def test_every_backend_is_in_this_suite() -> None:
    assert {name.split("-")[0] for name in RIGS} - {"real"} == set(BACKENDS)


def test_frames_are_what_the_camera_says_they_are(rig: Rig) -> None:
    info = rig.camera.open()
    assert info.name
    assert info.mode == rig.mode
    begun_ns = time.monotonic_ns()
    frames = [rig.frame() for _ in range(4)]
    for frame in frames:
        assert frame.image.shape == ((info.height_px, info.width_px) if info.channels == 1 else (info.height_px, info.width_px, 3))
        assert frame.image.dtype == np.uint8
        assert frame.image.flags.c_contiguous
        assert frame.source
        assert begun_ns - 1e9 < frame.trigger_ns <= time.monotonic_ns()
        assert abs(time.time_ns() - time.monotonic_ns() - (frame.wall_ns - frame.trigger_ns)) < 50e6
    ids = [f.frame_id for f in frames]
    assert ids[0] >= 1
    assert ids == sorted(set(ids))
    assert [f.trigger_id for f in frames] == ([0] * 4 if rig.mode == "free" else [1, 2, 3, 4])
    assert [f.trigger_ns for f in frames] == sorted(f.trigger_ns for f in frames)
    assert all((f.encoder is not None) == (rig.mode == "hardware") for f in frames if not f.source.startswith("simulated"))


def test_frames_belong_to_whoever_has_them(rig: Rig) -> None:
    rig.camera.open()
    first = rig.frame()
    before = first.image.copy()
    for _ in range(3):
        assert not np.shares_memory(rig.frame().image, first.image)
    assert np.array_equal(first.image, before)


def test_nothing_to_see_is_a_timeout_in_time(rig: Rig) -> None:
    rig.camera.open()
    if rig.mode == "free":
        rig.camera.grab(5.0)
        with pytest.raises(DeviceTimeout):
            asked_again_at_once(rig.camera)
        return
    begun = time.monotonic()
    with pytest.raises(DeviceTimeout):
        rig.camera.grab(0.15)
    assert 0.1 < time.monotonic() - begun < 1.5
    assert rig.frame().trigger_id == 1  # a timeout costs nothing


def asked_again_at_once(camera: Camera) -> None:
    for _ in range(500):
        camera.grab(0.0)


def test_open_close_open(rig: Rig) -> None:
    with pytest.raises(DeviceGone):
        rig.camera.grab(0.1)
    rig.camera.close()
    assert not rig.camera.alive()
    first = rig.camera.open()
    assert rig.camera.alive()
    rig.frame()
    rig.camera.close()
    rig.camera.close()
    assert not rig.camera.alive()
    with pytest.raises(DeviceGone):
        rig.camera.grab(0.1)
    assert rig.camera.open() == first
    rig.frame()
    assert rig.camera.open() == first  # open while open begins anew
    rig.frame()


def test_trigger_belongs_to_mode_software(rig: Rig) -> None:
    rig.camera.open()
    if rig.mode == "software":
        rig.camera.trigger()
        assert rig.camera.grab(5.0).trigger_id == 1
        return
    with pytest.raises(DeviceSettings, match="software"):
        rig.camera.trigger()


@pytest.mark.parametrize(
    ("backend", "settings", "named"),
    [
        ("simulator", {"ng_share": 1.5}, "ng_share"),
        ("simulator", {"product": "cake"}, "cake"),
        ("simulator", {"mode": "sometimes"}, "sometimes"),
        ("simulator", {"width_px": 5}, "width_px"),
        ("simulator", {"fault": "sleepy"}, "sleepy"),
        ("simulator", {"wire": "10.0.0.1:5580"}, "loopback"),
        ("simulator", {"colour": "red"}, "colour"),
        ("replay", {}, "source"),
        ("replay", {"source": ""}, "source"),
        ("replay", {"source": "x", "rate_hz": 0}, "rate_hz"),
        ("replay", {"source": "x", "cache_mb": 0}, "cache_mb"),
        ("opencv", {"source": "0", "mode": "hardware"}, "trigger input"),
        ("opencv", {"source": "0", "read_timeout_s": 0}, "read_timeout_s"),
        ("opencv", {"source": " "}, "source"),
        ("aravis", {}, "aravis"),
    ],
)
def test_impossible_settings_are_named(backend: str, settings: dict[str, Any], named: str) -> None:
    with pytest.raises(DeviceSettings, match=named):
        make_camera(backend, settings)


@pytest.mark.parametrize(
    ("backend", "source"), [("replay", "later"), ("replay", "later.json"), ("replay", "later.avi"), ("opencv", "later.avi")]
)
def test_what_is_not_there_yet_can_be_opened_later(backend: str, source: str, tmp_path: Path) -> None:
    camera = make_camera(backend, {"source": str(tmp_path / source), "mode": "free"})
    with pytest.raises(DeviceGone, match="later"):
        camera.open()
    made = (
        coco_file(tmp_path)
        if source.endswith("json")
        else video_file(tmp_path / "v.avi")
        if source.endswith("avi")
        else image_folder(tmp_path / "x")
    )
    made.rename(tmp_path / source)
    camera.open()
    assert camera.grab(5.0).frame_id == 1
    camera.close()


@pytest.mark.parametrize("backend", ["simulator", "replay"])
def test_a_wire_that_is_taken_is_refused_and_free_again_later(backend: str, tmp_path: Path) -> None:
    wire = free_wire()
    settings: dict[str, Any] = {"simulator": SMALL, "replay": {"source": str(image_folder(tmp_path / "set"))}}[backend]
    first, second = make_camera(backend, {**settings, "wire": wire}), make_camera(backend, {**settings, "wire": wire})
    first.open()
    with pytest.raises(DeviceSettings, match=wire.split(":")[1]):
        second.open()
    first.close()
    second.open()
    second.close()
