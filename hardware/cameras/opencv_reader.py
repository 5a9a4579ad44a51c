"""The thread that owns a device opened by OpenCV and keeps only its newest frame. Whatever hangs, hangs here.

OpenCV's own word is not trusted: `isOpened` stays true after a stall, a read may return an old frame when its time is
over, and right after opening an RTSP stream old frames come in a burst. Time tells.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.errors import DeviceError, DeviceGone, DeviceSettings, DeviceTimeout

BURST_S = 1.0  # at most so long are a stream's old frames thrown away after opening
_BURST_SHARE = 0.4  # frames that follow each other in less than this share of the period are old ones
_ANSWERS = 8  # triggered frames that wait to be taken; older ones are lost
_V4L2_EXPOSURE_US = 100.0  # the unit of V4L2's exposure_time_absolute
Kind = Literal["device", "url", "file"]

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # FFmpeg would print addresses, passwords and all


def redact(text: str) -> str:
    """The text with user names and passwords of addresses replaced by ***."""
    text = re.sub(r"([a-zA-Z][\w+.-]*://)\S*@", r"\1***@", text)
    return re.sub(r"([?&](?:user|usr|login|pass|pwd|token|key|auth)\w*=)[^&\s]*", r"\1***", text, flags=re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Settings of the device; 0 leaves a value as the device has it."""

    width_px: int
    height_px: int
    fps: float
    gray: bool
    exposure_us: float
    open_timeout_s: float
    read_timeout_s: float


@dataclass(frozen=True, slots=True)
class Newest:
    """A frame."""

    image: NDArray[np.uint8]
    frame_id: int
    at_ns: int
    wall_ns: int


class Reader:
    """One device while it is open. `wait_open`, `newest`, `alive` and `close` are called from outside the thread."""

    def __init__(self, source: str, kind: Kind, name: str, wanted: Wanted) -> None:
        self._source, self._kind, self._name, self._wanted = source, kind, name, wanted
        self._changed = threading.Condition()
        self._newest: Newest | None = None
        self._error: DeviceError | None = None
        self._asked: deque[tuple[int, int]] = deque()
        self._answers: deque[tuple[int, int, Newest]] = deque(maxlen=_ANSWERS)
        self._stop = False
        self._frame_id = 0
        self._thread = threading.Thread(target=self._run, name="opencv-camera", daemon=True)
        self._thread.start()

    # called by the camera's thread ---------------------------------------------------------------------------------

    def wait_open(self, timeout_s: float) -> Newest:
        """The first frame, once settings are applied and read back."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._error is not None, timeout_s)
            if self._error is not None:
                raise self._error
            if self._newest is None:
                raise DeviceGone(f"{self._name} cannot be opened: no frame within {timeout_s:g} s")
            return self._newest

    def newest(self, after: int, until: float) -> Newest:
        """The newest frame, if it has not been given before."""
        with self._changed:
            self._changed.wait_for(lambda: self._error is not None or self._frame_id > after, max(0.0, until - time.monotonic()))
            if self._newest is not None and self._frame_id > after:
                return self._newest
            raise self._error or DeviceTimeout(f"{self._name}: no new frame within the time asked for")

    def ask(self, trigger_id: int, at_ns: int) -> None:
        """Keep the first frame that is begun from now on."""
        with self._changed:
            self._asked.append((trigger_id, at_ns))

    def answer(self, until: float) -> tuple[int, int, Newest]:
        """The oldest answer to `ask`: trigger_id, when it was asked, and its frame."""
        with self._changed:
            self._changed.wait_for(lambda: self._error is not None or bool(self._answers), max(0.0, until - time.monotonic()))
            if self._answers:
                return self._answers.popleft()
            nobody = "" if self._asked else ": nobody called trigger()"
            raise self._error or DeviceTimeout(f"{self._name}: no frame within the time asked for{nobody}")

    def alive(self) -> bool:
        newest = self._newest
        return (
            self._error is None
            and self._thread.is_alive()
            and newest is not None
            and time.monotonic_ns() - newest.at_ns < self._wanted.read_timeout_s * 1e9
        )

    def close(self) -> None:
        with self._changed:
            self._stop = True
            self._changed.notify_all()
        self._thread.join(self._wanted.read_timeout_s + 0.5)  # a driver that hangs longer is left behind; the thread ends when it returns

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
            limits = [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
                int(self._wanted.open_timeout_s * 1e3),
                cv2.CAP_PROP_READ_TIMEOUT_MSEC,
                int(self._wanted.read_timeout_s * 1e3),
            ]
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
        wanted = self._wanted
        if self._kind == "device":
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
            for prop, value in (
                (cv2.CAP_PROP_FRAME_WIDTH, wanted.width_px),
                (cv2.CAP_PROP_FRAME_HEIGHT, wanted.height_px),
                (cv2.CAP_PROP_FPS, wanted.fps),
            ):
                if value:
                    capture.set(prop, value)
            if wanted.exposure_us:
                capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, 1)
                capture.set(cv2.CAP_PROP_EXPOSURE, wanted.exposure_us / _V4L2_EXPOSURE_US)
                given = capture.get(cv2.CAP_PROP_EXPOSURE) * _V4L2_EXPOSURE_US
                if abs(given - wanted.exposure_us) > max(_V4L2_EXPOSURE_US, 0.1 * wanted.exposure_us):
                    raise DeviceSettings(
                        f"exposure_us = {wanted.exposure_us:g} was refused by {self._name}: it is {given:g}; choose a value it has"
                    )
        elif wanted.exposure_us:
            raise DeviceSettings(
                f"exposure_us = {wanted.exposure_us:g} cannot be set at {self._name}; set it at the camera itself and here to 0"
            )
        fps = capture.get(cv2.CAP_PROP_FPS)
        if wanted.fps and self._kind != "file" and 0 < fps <= 1000 and abs(fps - wanted.fps) > 0.1 * wanted.fps:
            raise DeviceSettings(
                f"fps = {wanted.fps:g} was refused by {self._name}: it gives {fps:g}; set fps to that, or to 0 for whatever comes"
            )

    def _pump(self, capture: cv2.VideoCapture) -> None:
        fps = capture.get(cv2.CAP_PROP_FPS)
        period_s = 1 / (self._wanted.fps or fps) if (self._wanted.fps or 0 < fps <= 1000) else 1 / 30
        burst_until = time.monotonic() + BURST_S if self._kind == "url" else 0.0
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
            if self._kind != "file" and self._frame_id and took_s > 0.9 * self._wanted.read_timeout_s:
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
        if self._wanted.gray and image.ndim == 3:
            image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        frame: NDArray[np.uint8] = np.ascontiguousarray(image, np.uint8)
        with self._changed:
            self._frame_id += 1
            self._newest = Newest(frame, self._frame_id, at_ns, time.time_ns())
            if self._asked and begun_ns >= self._asked[0][1]:
                self._answers.append((*self._asked.popleft(), self._newest))
            self._changed.notify_all()

    def _check_size(self, image: Any) -> None:
        for key, asked, given in (
            ("width_px", self._wanted.width_px, image.shape[1]),
            ("height_px", self._wanted.height_px, image.shape[0]),
        ):
            if asked not in (0, given):
                raise DeviceSettings(
                    f"{key} = {asked} was refused by {self._name}: its images have {given}; set {key} to that, or to 0 for whatever comes"
                )
