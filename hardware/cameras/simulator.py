"""The simulated camera: a conveyor carries circuit boards or machined rings past it.

What part an item is, where it lies and which defects it has is a pure function of the settings and the item's number;
only the noise differs from frame to frame. Same contract as a real camera, with these promises less: no optics, no
exposure, and triggers come over the simulated wire (`hardware.wire`).
"""

from __future__ import annotations

import time
from collections import deque

import numpy as np

from hardware.camera import CameraInfo, Frame, TriggerMode
from hardware.cameras.conveyor import Conveyor, View
from hardware.cameras.faults import FaultSwitch
from hardware.cameras.golden import BOARD_LAYOUT
from hardware.cameras.parts import PRODUCTS, Product
from hardware.cameras.scene import Scene
from hardware.errors import DeviceGone, DeviceSettings, DeviceTimeout
from hardware.wire import Edge, WireIn, parse_address

_MODES: tuple[TriggerMode, ...] = ("hardware", "software", "free")
_BACKLOG = 4  # frames of a free-running camera that wait for a slow reader; older ones are lost


class SimulatorCamera:
    """A camera above a simulated conveyor."""

    def __init__(
        self,
        product: Product = "board",
        seed: int = 1,
        layout: int = BOARD_LAYOUT,
        ng_share: float = 0.3,
        width_px: int = 640,
        height_px: int = 640,
        wire: str = "127.0.0.1:5580",
        mode: TriggerMode = "hardware",
        rate_hz: float = 30.0,
        speed_px: float = 24.0,
        spacing_jitter: float = 0.2,
        carousel: int = 24,
        noise: float = 2.0,
        blur_px: float = 0.5,
        light: float = 0.1,
        shift_px: int = 3,
        fault: str = "",
        fault_file: str = "",
    ) -> None:
        """Nothing is drawn yet; docs/cameras.md explains the settings.

        Raises:
            DeviceSettings: a value that is impossible; names it.
        """
        limits = {
            "ng_share": (ng_share, 0, 1), "width_px": (width_px, 128, 4096), "height_px": (height_px, 128, 4096),
            "rate_hz": (rate_hz, 0.1, 1000), "speed_px": (speed_px, 0.1, width_px / 3), "spacing_jitter": (spacing_jitter, 0, 0.3),
            "carousel": (carousel, 4, 256), "noise": (noise, 0, 20), "blur_px": (blur_px, 0, 20), "light": (light, 0, 0.5),
            "shift_px": (shift_px, 0, 40), "seed": (seed, 0, 2**31), "layout": (layout, 0, 2**31),
        }  # fmt: skip
        for key, (value, low, high) in limits.items():
            if not low <= value <= high:
                raise DeviceSettings(f"{key} = {value!r} is out of bounds; choose {low:g} to {high:g}")
        if product not in PRODUCTS:
            raise DeviceSettings(f"product = {product!r} is unknown; choose one of {', '.join(PRODUCTS)}")
        if mode not in _MODES:
            raise DeviceSettings(f"mode = {mode!r} is unknown; choose one of {', '.join(_MODES)}")
        if mode == "hardware":
            parse_address(wire)
        self._view = View(product, layout, seed, ng_share, width_px, height_px, blur_px, shift_px, speed_px, spacing_jitter, carousel)
        self._noise, self._light = noise, light
        self._mode: TriggerMode = mode
        self._wire_address, self._period_ns = wire, int(1e9 / rate_hz)
        self._fault = FaultSwitch(fault, fault_file)
        self._scene: Scene | None = None
        self._conveyor: Conveyor | None = None
        self._wire: WireIn | None = None
        self._next: Frame | None = None
        self._last: Frame | None = None
        self._item = self._frame_id = self._triggers = 0
        self._prepared = -1
        self._is_open = False
        self._due_ns = 0
        self._pending: deque[tuple[int, int]] = deque()

    def open(self) -> CameraInfo:
        """See `hardware.camera.Camera`. Draws the first parts (about a second)."""
        self._check_plugged()
        self.close()
        view = self._view
        if self._scene is None:
            self._scene = Scene(view.width_px, view.height_px, view.seed, self._noise, self._light)
            self._conveyor = Conveyor(view)
        if self._mode == "hardware":
            self._wire = WireIn(self._wire_address)
        self._next, self._prepared = None, -1
        self._pending.clear()
        self._due_ns = time.monotonic_ns() + self._period_ns
        self._is_open = True
        self._prepare(self._item)
        name = f"simulated {view.product}s, seed {view.seed}"
        return CameraInfo(name, view.width_px, view.height_px, 1, self._mode, simulated=True)

    def close(self) -> None:
        """See `hardware.camera.Camera`."""
        self._is_open = False
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def set_fault(self, name: str) -> None:
        """Break the camera, or heal it with ''; takes effect at the next frame. Words: `hardware.cameras.faults.FAULTS`."""
        self._fault.set(name)

    def alive(self) -> bool:
        """See `hardware.camera.Camera`."""
        return self._is_open and self._fault.poll() not in ("stalled", "unplugged")

    def trigger(self) -> None:
        """See `hardware.camera.Camera`."""
        if self._mode != "software":
            raise DeviceSettings(f"trigger() needs mode = 'software'; this camera is in mode {self._mode!r}")
        self._check_plugged()
        self._triggers += 1
        self._pending.append((self._triggers, time.monotonic_ns()))

    def grab(self, timeout_s: float) -> Frame:
        """See `hardware.camera.Camera`. The picture is drawn before the wait, so that the edge finds it ready."""
        self._check_plugged()
        if not self._is_open:
            raise DeviceGone("the simulated camera is not open; call open() first")
        until = time.monotonic() + timeout_s
        if self._prepared != self._item:
            self._prepare(self._item)
        edge = self._wait(until)
        while self._fault.poll() == "stalled":  # parts go by unseen
            edge = self._wait(until)
        self._check_plugged()
        if edge.item != self._prepared:
            self._prepare(edge.item)
        return self._finish(edge)

    def _wait(self, until: float) -> Edge:
        left = until - time.monotonic()
        if self._mode == "hardware":
            assert self._wire is not None
            return self._wire.wait(max(left, 1e-4))
        if self._mode == "software":
            if not self._pending:
                time.sleep(max(0.0, left))
                raise DeviceTimeout("no frame: nobody called trigger()")
            trigger_id, at_ns = self._pending.popleft()
            return Edge(trigger_id, at_ns, 0, self._item)
        wait_s = (self._due_ns - time.monotonic_ns()) / 1e9
        if wait_s > left:
            time.sleep(max(0.0, left))
            raise DeviceTimeout(f"no frame within the time asked for; the camera runs at {1e9 / self._period_ns:g} Hz")
        if wait_s > 0:
            time.sleep(wait_s)
        behind = (time.monotonic_ns() - self._due_ns) // self._period_ns
        lost = behind if behind > _BACKLOG else 0
        edge = Edge(0, self._due_ns + lost * self._period_ns, 0, self._item + lost)
        self._due_ns += (lost + 1) * self._period_ns
        self._frame_id += lost
        return edge

    def _prepare(self, item: int) -> None:
        """Draw the picture of an item (of a moment of the belt, when running free)."""
        assert self._scene is not None
        assert self._conveyor is not None
        sight = self._conveyor.passing(item) if self._mode == "free" else self._conveyor.stopped(item)
        brightness = float(np.sin(item / 97) * 0.5 + np.sin(item / 11.3) * 0.1)
        image = self._scene.frame(sight.belt_px, list(sight.parts), brightness, self._frame_id + 1)
        self._next = Frame(image, 0, 0, 0, 0, source=f"simulated:{self._view.seed}:{sight.item}", label=sight.label)
        self._next.encoder = sight.belt_px if self._mode == "free" else None
        self._prepared = item

    def _finish(self, edge: Edge) -> Frame:
        """The prepared frame, stamped."""
        frame = self._next
        assert frame is not None
        self._frame_id += 1
        self._item = edge.item + 1
        self._next, self._prepared = None, -1
        frame.frame_id, frame.trigger_id, frame.trigger_ns = self._frame_id, edge.trigger_id, edge.at_ns
        if self._mode == "hardware":
            frame.encoder = edge.encoder
        frame.wall_ns = time.time_ns() - (time.monotonic_ns() - edge.at_ns)
        fault = self._fault.name
        if fault == "frozen" and self._last is not None:
            frame.image = self._last.image
        elif fault == "black":
            frame.image = np.random.default_rng(self._frame_id).integers(0, 4, frame.image.shape, np.uint8)
        self._last = frame
        return frame

    def _check_plugged(self) -> None:
        if self._fault.poll() == "unplugged":
            raise DeviceGone("the simulated camera is unplugged (fault = 'unplugged'); clear the fault to plug it in")
