"""Cameras that OpenCV can open: USB (V4L2), RTSP and HTTP streams, and video files.

A thread owns the device and keeps only its newest frame, so that no frame is ever stale and no hanging driver can hold
the station up. OpenCV's own word on a stream is not trusted: `isOpened` stays true after a stall, a read may return an
old frame when its time is over, and right after opening an RTSP stream old frames come in a burst. Time tells.
"""

from __future__ import annotations

import math
import os
import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.camera import CameraInfo, Frame, TriggerMode
from hardware.errors import DeviceError, DeviceGone, DeviceSettings, DeviceTimeout

_BURST_S = 1.0  # at most so long are a stream's old frames thrown away after opening
_BURST_SHARE = 0.4  # frames that follow each other in less than this share of the period are old ones
_V4L2_EXPOSURE_US = 100.0  # the unit of V4L2's exposure_time_absolute

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # FFmpeg would print addresses, passwords and all


def redact(text: str) -> str:
    """The text with user names and passwords of addresses replaced by ***."""
    return re.sub(r"([a-zA-Z][\w+.-]*://)[^/\s]*@", r"\1***@", text)


@dataclass(frozen=True, slots=True)
class _Newest:
    image: NDArray[np.uint8]
    frame_id: int
    begun_ns: int  # when the read began that brought it
    at_ns: int
    wall_ns: int


class OpenCVCamera:
    """A USB camera, a network stream or a video file. Has no trigger wire: it runs free or is asked by software."""

    def __init__(
        self,
        source: str | int,
        width_px: int = 0,
        height_px: int = 0,
        fps: float = 0.0,
        gray: bool = True,
        exposure_us: float = 0.0,
        mode: TriggerMode = "free",
        noiseless: bool = False,
        open_timeout_s: float = 5.0,
        read_timeout_s: float = 2.0,
    ) -> None:
        """Nothing is opened yet; docs/cameras.md explains the settings.

        Raises:
            DeviceSettings: a value that is impossible; names it.
        """
        if mode not in ("free", "software"):
            raise DeviceSettings(f"mode = {mode!r}: a camera opened by OpenCV has no trigger input; choose free or software")
        limits = {
            "width_px": (width_px, 0, 65_536), "height_px": (height_px, 0, 65_536), "fps": (fps, 0, 10_000),
            "exposure_us": (exposure_us, 0, 60e6), "open_timeout_s": (open_timeout_s, 0.1, 120), "read_timeout_s": (read_timeout_s, 0.1, 120),
        }  # fmt: skip
        for key, (value, low, high) in limits.items():
            if not low <= value <= high:
                raise DeviceSettings(f"{key} = {value!r} is out of bounds; choose {low:g} to {high:g}")
        text = str(source).strip()
        if not text:
            raise DeviceSettings("source is empty; name a device (0 or /dev/video0), an rtsp:// or http:// address, or a video file")
        self._source, self._kind = text, _kind(text)
        self._size, self._fps, self._gray, self._exposure_us = (width_px, height_px), fps, gray, exposure_us
        self._mode: TriggerMode = mode
        self._noiseless = noiseless or self._kind == "file"
        self._open_timeout_s, self._read_timeout_s = open_timeout_s, read_timeout_s
        self._name = redact(text)
        self._reader: _Reader | None = None
        self._given = self._triggers = 0
        self._asked: list[tuple[int, int]] = []

    def open(self) -> CameraInfo:
        """See `hardware.camera.Camera`."""
        self.close()
        if self._kind == "device" and not Path(_device_path(self._source)).exists():
            raise DeviceGone(f"{self._name}: no such camera; plug it in (`gutteil doctor` lists the cameras it sees)")
        if self._kind == "file" and not Path(self._source).is_file():
            raise DeviceGone(f"{self._name}: no such file; check camera.settings.source")
        reader = _Reader(self._source, self._kind, self._name, self._size, self._fps, self._gray, self._exposure_us, self._open_timeout_s, self._read_timeout_s)  # fmt: skip
        try:
            first = reader.wait_open(self._open_timeout_s + self._read_timeout_s + _BURST_S)
        except DeviceError:
            reader.close()
            raise
        self._reader, self._given = reader, 0
        self._asked.clear()
        height, width = first.image.shape[:2]
        return CameraInfo(self._name, width, height, 1 if first.image.ndim == 2 else 3, self._mode, noiseless=self._noiseless)

    def close(self) -> None:
        """See `hardware.camera.Camera`."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def alive(self) -> bool:
        """See `hardware.camera.Camera`."""
        return self._reader is not None and self._reader.alive()

    def trigger(self) -> None:
        """See `hardware.camera.Camera`. The frame is the first one that was begun after this call."""
        if self._mode != "software":
            raise DeviceSettings(f"trigger() needs mode = 'software'; this camera is in mode {self._mode!r}")
        self._triggers += 1
        self._asked.append((self._triggers, time.monotonic_ns()))

    def grab(self, timeout_s: float) -> Frame:
        """See `hardware.camera.Camera`. Gives the newest frame; a gap in `frame_id` tells of frames nobody asked for in time."""
        if self._reader is None:
            raise DeviceGone(f"{self._name} is not open; call open() first")
        until = time.monotonic() + timeout_s
        if self._mode == "free":
            newest = self._reader.newest(self._given, 0, until)
            trigger_id, trigger_ns = 0, newest.at_ns
        else:
            if not self._asked:
                time.sleep(max(0.0, until - time.monotonic()))
                raise DeviceTimeout(f"{self._name}: no frame: nobody called trigger()")
            trigger_id, trigger_ns = self._asked[0]
            newest = self._reader.newest(self._given, trigger_ns, until)
            del self._asked[0]
        self._given = newest.frame_id
        wall_ns = newest.wall_ns - (newest.at_ns - trigger_ns)
        return Frame(newest.image, newest.frame_id, trigger_id, trigger_ns, wall_ns, self._exposure_us, source=self._name)


_Kind = Literal["device", "url", "file"]


def _kind(source: str) -> _Kind:
    if source.isdigit() or source.startswith("/dev/"):
        return "device"
    return "url" if re.match(r"[a-zA-Z][\w+.-]*://", source) else "file"


def _device_path(source: str) -> str:
    return f"/dev/video{source}" if source.isdigit() else source


class _Reader:
    """The thread that owns the device. Whatever hangs, hangs here."""

    def __init__(
        self,
        source: str,
        kind: _Kind,
        name: str,
        size: tuple[int, int],
        fps: float,
        gray: bool,
        exposure_us: float,
        open_s: float,
        read_s: float,
    ) -> None:
        self._source, self._kind, self._name, self._size, self._fps, self._gray = source, kind, name, size, fps, gray
        self._exposure_us, self._open_s, self._read_s = exposure_us, open_s, read_s
        self._changed = threading.Condition()
        self._newest: _Newest | None = None
        self._error: DeviceError | None = None
        self._stop = False
        self._frame_id = 0
        self._thread = threading.Thread(target=self._run, name="opencv-camera", daemon=True)
        self._thread.start()

    # called by the camera's thread ---------------------------------------------------------------------------------

    def wait_open(self, timeout_s: float) -> _Newest:
        """The first frame, once settings are applied and read back."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._error is not None, timeout_s)
            if self._error is not None:
                raise self._error
            if self._newest is None:
                raise DeviceGone(f"{self._name} cannot be opened: no frame within {timeout_s:g} s")
            return self._newest

    def newest(self, after: int, begun_ns: int, until: float) -> _Newest:
        """The newest frame that was not given before and was begun after a moment."""

        def ready() -> bool:
            return self._error is not None or (
                self._newest is not None and self._newest.frame_id > after and self._newest.begun_ns >= begun_ns
            )

        with self._changed:
            self._changed.wait_for(ready, max(0.0, until - time.monotonic()))
            newest = self._newest
            if newest is not None and newest.frame_id > after and newest.begun_ns >= begun_ns:
                return newest
            if self._error is not None:
                raise self._error
            raise DeviceTimeout(f"{self._name}: no new frame within the time asked for")

    def alive(self) -> bool:
        newest = self._newest
        return (
            self._error is None
            and self._thread.is_alive()
            and newest is not None
            and time.monotonic_ns() - newest.at_ns < self._read_s * 1e9
        )

    def close(self) -> None:
        with self._changed:
            self._stop = True
            self._changed.notify_all()
        self._thread.join(self._read_s + 0.5)  # a driver that hangs longer is left behind; the thread ends when it returns

    # the thread ----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        capture: cv2.VideoCapture | None = None
        try:
            capture = self._opened()
            self._apply(capture)
            self._pump(capture)
        except DeviceError as error:
            self._fail(error)
        except Exception as error:  # OpenCV raises what it likes; it must reach the reader of frames
            self._fail(DeviceGone(f"{self._name}: {redact(str(error))}"))
        finally:
            if capture is not None:
                capture.release()

    def _fail(self, error: DeviceError) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def _opened(self) -> cv2.VideoCapture:
        if self._kind == "device":
            target: Any = int(self._source) if self._source.isdigit() else self._source
            capture = cv2.VideoCapture(target, cv2.CAP_V4L2)
        else:
            limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(self._open_s * 1e3), cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(self._read_s * 1e3)]
            capture = cv2.VideoCapture(self._source, cv2.CAP_FFMPEG, limits)
        if not capture.isOpened():
            capture.release()
            remedy = {
                "device": "another program may hold it, or it is no camera",
                "url": "check address, name, password and network",
                "file": "it is no video, or of an unknown format",
            }
            raise DeviceGone(f"{self._name} cannot be opened; {remedy[self._kind]}")
        return capture

    def _apply(self, capture: cv2.VideoCapture) -> None:
        """Set what a device can be set to, read back, refuse what it did not take."""
        width, height = self._size
        if self._kind == "device":
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
            for prop, value in ((cv2.CAP_PROP_FRAME_WIDTH, width), (cv2.CAP_PROP_FRAME_HEIGHT, height), (cv2.CAP_PROP_FPS, self._fps)):
                if value:
                    capture.set(prop, value)
            if self._exposure_us:
                capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, 1)
                capture.set(cv2.CAP_PROP_EXPOSURE, self._exposure_us / _V4L2_EXPOSURE_US)
                given = capture.get(cv2.CAP_PROP_EXPOSURE) * _V4L2_EXPOSURE_US
                if abs(given - self._exposure_us) > max(_V4L2_EXPOSURE_US, 0.1 * self._exposure_us):
                    raise DeviceSettings(
                        f"exposure_us = {self._exposure_us:g} was refused by {self._name}: it is {given:g}; choose a value it has"
                    )
        elif self._exposure_us:
            raise DeviceSettings(
                f"exposure_us = {self._exposure_us:g} cannot be set at {self._name}; set it at the camera itself and here to 0"
            )
        fps = capture.get(cv2.CAP_PROP_FPS)
        if self._fps and self._kind != "file" and 0 < fps <= 1000 and abs(fps - self._fps) > 0.1 * self._fps:
            raise DeviceSettings(
                f"fps = {self._fps:g} was refused by {self._name}: it gives {fps:g}; set fps to that, or to 0 for whatever comes"
            )

    def _pump(self, capture: cv2.VideoCapture) -> None:
        fps = capture.get(cv2.CAP_PROP_FPS)
        period_s = 1 / (self._fps or fps) if (self._fps or 0 < fps <= 1000) else 1 / 30
        burst_until = time.monotonic() + _BURST_S if self._kind == "url" else 0.0
        due = time.monotonic()
        while not self._stop:
            begun_ns = time.monotonic_ns()
            done, image = capture.read()
            now_ns = time.monotonic_ns()
            took_s = (now_ns - begun_ns) / 1e9
            if not done or image is None:
                if self._kind == "file":
                    raise DeviceGone(f"{self._name} is at its end" if self._frame_id else f"{self._name} holds no frame that can be read")
                raise DeviceGone(f"{self._name} gives no frames any more ({took_s:.1f} s); check cable, power and network")
            if self._kind != "file" and self._frame_id and took_s > 0.9 * self._read_s:
                raise DeviceGone(f"{self._name} has stalled: {took_s:.1f} s without a frame")  # and this one may be an old one
            if took_s < period_s * _BURST_SHARE and now_ns / 1e9 < burst_until:
                continue
            burst_until = 0.0
            self._take(image, begun_ns, now_ns)
            if self._kind == "file":
                due += period_s
                with self._changed:
                    self._changed.wait_for(lambda: self._stop, max(0.0, due - time.monotonic()))

    def _take(self, image: Any, begun_ns: int, at_ns: int) -> None:
        if self._frame_id == 0:
            self._check_size(image)
        if self._gray and image.ndim == 3:
            image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        frame: NDArray[np.uint8] = np.ascontiguousarray(image, np.uint8)
        with self._changed:
            self._frame_id += 1
            self._newest = _Newest(frame, self._frame_id, begun_ns, at_ns, time.time_ns())
            self._changed.notify_all()

    def _check_size(self, image: Any) -> None:
        for key, asked, given in (("width_px", self._size[0], image.shape[1]), ("height_px", self._size[1], image.shape[0])):
            if asked and not math.isclose(asked, given):
                raise DeviceSettings(
                    f"{key} = {asked} was refused by {self._name}: its images have {given}; set {key} to that, or to 0 for whatever comes"
                )
