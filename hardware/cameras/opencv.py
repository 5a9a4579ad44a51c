"""Cameras that OpenCV can open: USB (V4L2), RTSP and HTTP streams, and video files.

No frame is ever stale and no hanging driver can hold the station up: `hardware.cameras.opencv_reader` sees to that.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

from hardware.camera import CameraInfo, Frame, TriggerMode
from hardware.cameras.opencv_reader import BURST_S, Kind, Reader, Wanted, redact
from hardware.errors import DeviceError, DeviceGone, DeviceSettings


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
        self._wanted = Wanted(width_px, height_px, fps, gray, exposure_us, open_timeout_s, read_timeout_s)
        self._mode: TriggerMode = mode
        self._noiseless = noiseless or self._kind == "file"
        self._name = redact(text)
        self._reader: Reader | None = None
        self._given = self._triggers = 0

    def open(self) -> CameraInfo:
        """See `hardware.camera.Camera`."""
        self.close()
        if self._kind == "device" and not Path(_device_path(self._source)).exists():
            raise DeviceGone(f"{self._name}: no such camera; plug it in (`gutteil doctor` lists the cameras it sees)")
        if self._kind == "file" and not Path(self._source).is_file():
            raise DeviceGone(f"{self._name}: no such file; check camera.settings.source")
        reader = Reader(self._source, self._kind, self._name, self._wanted)
        try:
            first = reader.wait_open(self._wanted.open_timeout_s + self._wanted.read_timeout_s + BURST_S)
        except DeviceError:
            reader.close()
            raise
        self._reader, self._given = reader, 0
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
        """See `hardware.camera.Camera`. The frame is the first one that was begun after this call, however late it is grabbed."""
        if self._mode != "software":
            raise DeviceSettings(f"trigger() needs mode = 'software'; this camera is in mode {self._mode!r}")
        if self._reader is None:
            raise DeviceGone(f"{self._name} is not open; call open() first")
        self._triggers += 1
        self._reader.ask(self._triggers, time.monotonic_ns())

    def grab(self, timeout_s: float) -> Frame:
        """See `hardware.camera.Camera`. Running free, gives the newest frame; a gap in `frame_id` tells of frames nobody took in time."""
        if self._reader is None:
            raise DeviceGone(f"{self._name} is not open; call open() first")
        until = time.monotonic() + timeout_s
        if self._mode == "free":
            newest = self._reader.newest(self._given, until)
            self._given = newest.frame_id
            trigger_id, trigger_ns = 0, newest.at_ns
        else:
            trigger_id, trigger_ns, newest = self._reader.answer(until)
        wall_ns = newest.wall_ns - (newest.at_ns - trigger_ns)
        return Frame(newest.image, newest.frame_id, trigger_id, trigger_ns, wall_ns, self._wanted.exposure_us, source=self._name)


def _kind(source: str) -> Kind:
    if source.isdigit() or source.startswith("/dev/"):
        return "device"
    return "url" if re.match(r"[a-zA-Z][\w+.-]*://", source) else "file"


def _device_path(source: str) -> str:
    return f"/dev/video{source}" if source.isdigit() else source
