"""The OpenCV camera against a real stream over HTTP: newest frame, stalls, reopening, settings, no passwords in texts."""

from __future__ import annotations

import contextlib
import itertools
import socket
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hardware.cameras.opencv import OpenCVCamera
from hardware.cameras.opencv_reader import redact
from hardware.errors import DeviceGone, DeviceSettings, DeviceTimeout
from tests.hardware.peers import RtspCamera, http_camera, number_of, rtsp_available, video_file


def take_all(camera: OpenCVCamera, seen: list[int] | None = None) -> None:
    """Every frame until the camera is gone (at most 10 s)."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with contextlib.suppress(DeviceTimeout):
            number = number_of(camera.grab(0.3).image)
            if seen is not None:
                seen.append(number)


def test_a_slow_reader_gets_the_newest_frame() -> None:
    with http_camera() as peer:
        camera = OpenCVCamera(peer.url, read_timeout_s=1.0)
        camera.open()
        first = camera.grab(2.0)
        time.sleep(0.4)
        later = camera.grab(2.0)
        behind = (peer.sent - number_of(later.image)) % 10
        camera.close()
    assert later.frame_id - first.frame_id > 5
    assert behind in (0, 1, 2, 3)
    assert time.monotonic_ns() - later.trigger_ns < 1e9


def test_a_software_trigger_gives_a_picture_of_after() -> None:
    with http_camera() as peer:
        camera = OpenCVCamera(peer.url, mode="software", read_timeout_s=1.0)
        camera.open()
        time.sleep(0.2)
        for n in range(1, 4):
            sent = peer.sent
            camera.trigger()
            frame = camera.grab(2.0)
            assert frame.trigger_id == n
            assert (number_of(frame.image) - sent) % 10 in (1, 2, 3, 4, 5)  # sent after the trigger, never before
        sent = peer.sent
        camera.trigger()
        while peer.sent < sent + 17:  # taken late it still is the picture of then, not of another part
            time.sleep(0.01)
        assert (number_of(camera.grab(0.0).image) - sent) % 10 in (1, 2, 3, 4, 5)
        camera.trigger()
        camera.trigger()
        one, two = camera.grab(2.0), camera.grab(2.0)
        assert two.trigger_id == one.trigger_id + 1
        assert two.frame_id > one.frame_id
        camera.close()


def test_a_stalled_stream_is_noticed_and_comes_back() -> None:
    with http_camera() as peer:
        camera = OpenCVCamera(peer.url, read_timeout_s=0.6)
        camera.open()
        camera.grab(2.0)
        peer.stall()
        begun = time.monotonic()
        with pytest.raises(DeviceGone, match=r"stalled|no frames any more"):
            take_all(camera)
        assert time.monotonic() - begun < 4.0
        assert not camera.alive()
        peer.go_on()
        camera.open()
        assert camera.grab(2.0).frame_id >= 1
        assert camera.alive()
        camera.close()


@pytest.mark.skipif(not rtsp_available(), reason="GStreamer's RTSP server is not installed; tests/hardware/rtsp_peer.py names the packages")
def test_rtsp_comes_without_old_frames_and_survives_a_stall() -> None:
    peer = RtspCamera()
    try:
        camera = OpenCVCamera(peer.url, read_timeout_s=0.8)
        camera.open()
        frames = [camera.grab(2.0) for _ in range(12)]
        gaps_ms = [(b.trigger_ns - a.trigger_ns) / 1e6 for a, b in itertools.pairwise(frames)]
        assert 20 < statistics.median(gaps_ms) < 200  # 40 at 25 Hz; old frames would come at once
        peer.stall()
        begun = time.monotonic()
        with pytest.raises(DeviceGone, match=r"stalled|no frames any more"):
            take_all(camera)
        assert time.monotonic() - begun < 3.0
        assert not camera.alive()
        peer.go_on()
        camera.open()
        assert camera.grab(2.0).image.shape == (120, 160)
        camera.close()
    finally:
        peer.close()


def test_nobody_there_and_nobody_answering() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        with pytest.raises(DeviceGone, match="cannot be opened"):
            OpenCVCamera(f"http://127.0.0.1:{port}/x", open_timeout_s=1.0, read_timeout_s=0.5).open()
        silent.listen()  # accepts and says nothing
        begun = time.monotonic()
        with pytest.raises(DeviceGone):
            OpenCVCamera(f"rtsp://127.0.0.1:{port}/x", open_timeout_s=0.7, read_timeout_s=0.5).open()
        assert time.monotonic() - begun < 5.0


def test_passwords_appear_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    camera = OpenCVCamera(f"rtsp://admin:hunter2@127.0.0.1:{port}/stream?token=s3cret", open_timeout_s=0.5, read_timeout_s=0.5)
    with pytest.raises(DeviceGone) as caught:
        camera.open()
    with pytest.raises(DeviceGone) as unopened:
        camera.grab(0.1)
    out = capfd.readouterr()
    text = f"{caught.value!r} {caught.value.__cause__!r} {unopened.value!r} {out.out} {out.err}"
    assert "hunter2" not in text
    assert "s3cret" not in text
    assert str(port) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("rtsp://u:p@h/s", "rtsp://***@h/s"),
        ("rtsp://u:p@ss/w@h/s", "rtsp://***@h/s"),
        ("http://h/v?user=a&password=b&size=2", "http://h/v?user=***&password=***&size=2"),
        ("http://h:80/v", "http://h:80/v"),
        ("/dev/video0", "/dev/video0"),
    ],
)
def test_redact(text: str, safe: str) -> None:
    assert redact(text) == safe


def test_settings_are_read_back_and_refused(tmp_path: Path) -> None:
    source = str(video_file(tmp_path / "v.avi"))
    refused: list[tuple[dict[str, Any], str]] = [
        ({"width_px": 1280}, "width_px = 1280"),
        ({"height_px": 99}, "height_px = 99"),
        ({"exposure_us": 500}, "exposure_us"),
    ]
    for settings, named in refused:
        with pytest.raises(DeviceSettings, match=named):
            OpenCVCamera(source, **settings).open()
    camera = OpenCVCamera(source, width_px=64, height_px=48, gray=False)
    info = camera.open()
    assert (info.width_px, info.height_px, info.channels, info.noiseless) == (64, 48, 3, True)
    assert camera.grab(1.0).image.shape == (48, 64, 3)
    camera.close()


def test_a_video_is_over_at_its_end(tmp_path: Path) -> None:
    camera = OpenCVCamera(str(video_file(tmp_path / "v.avi", 6)), fps=200)
    camera.open()
    seen: list[int] = []
    with pytest.raises(DeviceGone, match="at its end"):
        take_all(camera, seen)
    assert seen
    assert seen == sorted(set(seen))
    assert not np.isin(seen, [6, 7, 8]).any()
    camera.close()


def test_no_such_device_is_said_with_a_remedy() -> None:
    with pytest.raises(DeviceGone, match="gutteil doctor"):
        OpenCVCamera(73).open()
