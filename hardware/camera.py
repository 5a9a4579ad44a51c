"""Cameras: the frame, the protocol every backend keeps, and the table of backends.

A backend is imported only when it is opened, so that no vendor library is needed that is not used.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hardware.errors import DeviceSettings

Image = NDArray[np.uint8]
TriggerMode = Literal["hardware", "software", "free"]


@dataclass(slots=True)
class Frame:
    """One image and what belongs to it.

    Attributes:
        image: (H, W) gray or (H, W, 3) BGR, uint8, C-contiguous; owned by the frame, never written again by the camera.
        frame_id: the camera's own frame count, from 1; a gap means frames were lost.
        trigger_id: count of trigger edges since the line started, from 1; a gap means a part was not seen.
            0 where no trigger exists (free-running).
        trigger_ns: CLOCK_MONOTONIC at the trigger edge, or at arrival where the camera cannot tell.
        wall_ns: UTC at the same moment, ns since 1970.
        exposure_us: exposure time, 0 if unknown.
        encoder: belt position in counts at the trigger, None without encoder.
        reference: defect-free image of the same part where the source brings one (labelled sets), else None.
        source: where the image came from: a file name, `simulated:SEED`, a device name.
        label: what is known about the part beforehand (labelled sets, simulator): `verdict` and `defects`; else empty.
    """

    image: Image
    frame_id: int
    trigger_id: int
    trigger_ns: int
    wall_ns: int
    exposure_us: float = 0.0
    encoder: int | None = None
    reference: Image | None = None
    source: str = ""
    label: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """What a camera says about itself once open.

    Attributes:
        noiseless: two parts may give the very same bytes (files), so repeated bytes are no sign of a frozen camera.
        simulated: shown on every screen and written into every record.
    """

    name: str
    width_px: int
    height_px: int
    channels: int
    mode: TriggerMode
    simulated: bool = False
    noiseless: bool = False


class Camera(Protocol):
    """One camera. Used by one thread; every method may raise `DeviceError`.

    `open` cleans up after itself when it fails and may be called again; `close` may be called twice.
    """

    def open(self) -> CameraInfo:
        """Connect, apply the settings, read them back.

        Raises:
            DeviceGone: not reachable.
            DeviceSettings: a setting was refused.
        """
        ...

    def close(self) -> None:
        """Let the device go."""
        ...

    def grab(self, timeout_s: float) -> Frame:
        """The next frame, oldest first.

        Raises:
            DeviceTimeout: none came in time.
            DeviceGone: the camera has gone, or its source is at its end.
        """
        ...

    def trigger(self) -> None:
        """Take one image now (mode `software`).

        Raises:
            DeviceSettings: the camera is in another mode.
        """
        ...

    def alive(self) -> bool:
        """Whether the camera still answers; asked when no frame came for a while, never on the way of a part."""
        ...


BACKENDS: dict[str, tuple[str, str]] = {
    "simulator": ("hardware.cameras.simulator", "SimulatorCamera"),
    "replay": ("hardware.cameras.replay", "ReplayCamera"),
    "opencv": ("hardware.cameras.opencv", "OpenCVCamera"),
}


def make_camera(backend: str, settings: dict[str, Any]) -> Camera:
    """The camera of a backend, not yet open.

    Args:
        backend: a key of `BACKENDS`.
        settings: keyword arguments of the backend's class.

    Raises:
        DeviceSettings: unknown backend, unknown setting, or the backend's library is not installed.
    """
    if backend not in BACKENDS:
        raise DeviceSettings(f"camera.backend = {backend!r} is unknown; choose one of {', '.join(BACKENDS)}")
    module, name = BACKENDS[backend]
    try:
        cls = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise DeviceSettings(f"camera.backend = {backend!r} needs a package that is not installed: {error.name}") from error
    try:
        camera: Camera = cls(**settings)
    except TypeError as error:
        raise DeviceSettings(f"camera settings for {backend!r}: {error}") from error
    return camera
