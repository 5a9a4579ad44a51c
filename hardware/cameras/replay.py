"""The replay camera: shows a labelled set, a folder or a video as if it came from the line.

A thread decodes ahead of the line, as far as the cache allows, so that an edge finds its picture ready.
"""

from __future__ import annotations

import threading
import time
from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.camera import CameraInfo, Frame, Image, TriggerMode
from hardware.cameras.faults import FaultSwitch
from hardware.cameras.image_sets import ImageSet, Picture, open_set
from hardware.errors import DeviceError, DeviceGone, DeviceSettings, DeviceTimeout
from hardware.wire import Edge, WireIn, parse_address

_DECODE_S = 30.0  # longest wait for one picture before the source counts as gone
_NOISE_SHIFTS_PX = 64  # the noise is one plane, laid under every frame at another place: drawing it anew would cost milliseconds
_NEAR = 2  # pictures after the next that are decoded even if others must leave the cache


class ReplayCamera:
    """Files as a camera. `Edge.item` is the number of the picture, from 0."""

    def __init__(
        self,
        source: str,
        wire: str = "127.0.0.1:5580",
        mode: TriggerMode = "hardware",
        rate_hz: float = 10.0,
        loop: bool = False,
        gray: bool = False,
        cache_mb: int = 512,
        noise: int = 0,
        fault_file: str = "",
    ) -> None:
        """Nothing is opened yet.

        Args:
            source: folder of images, COCO file or video.
            loop: begin again after the last picture; else the camera is gone then.
            gray: read colour images as gray.
            cache_mb: decoded pictures kept, in MB.
            noise: gray levels of noise, up or down; with it no two frames are the same, and a frozen camera shows as one.
            fault_file: one word of `hardware.cameras.faults.FAULTS` in it breaks the camera, for drills.

        Raises:
            DeviceSettings: a value that is impossible.
        """
        if not source:
            raise DeviceSettings("source is empty; name a folder of images, a COCO file or a video")
        if mode not in ("hardware", "software", "free"):
            raise DeviceSettings(f"mode = {mode!r} is unknown; choose one of hardware, software, free")
        if not 0.01 <= rate_hz <= 10_000:
            raise DeviceSettings(f"rate_hz = {rate_hz!r} is out of bounds; choose 0.01 to 10000")
        if not 1 <= cache_mb <= 1_000_000:
            raise DeviceSettings(f"cache_mb = {cache_mb!r} is out of bounds; choose 1 to 1000000")
        if not 0 <= noise <= 20:
            raise DeviceSettings(f"noise = {noise!r} is out of bounds; choose 0 to 20")
        if mode == "hardware":
            parse_address(wire)
        self._source, self._wire_address, self._loop, self._gray = source, wire, loop, gray
        self._mode: TriggerMode = mode
        self._period_ns = int(1e9 / rate_hz)
        self._cache_bytes = cache_mb * 1_000_000
        self._noise, self._fault = noise, FaultSwitch("", fault_file)
        self._grain: NDArray[np.int16] | None = None
        self._last: Image | None = None
        self._ahead: _Ahead | None = None
        self._wire: WireIn | None = None
        self._pending: deque[tuple[int, int]] = deque()
        self._item = self._frame_id = self._triggers = 0
        self._due_ns = 0

    def open(self) -> CameraInfo:
        """See `hardware.camera.Camera`. Goes on where it was; a set that has been shown to its end stays at its end."""
        self.close()
        self._check_plugged()
        pictures = open_set(self._source, gray=self._gray)
        try:
            if not self._loop and self._item >= len(pictures):
                raise self._ended(len(pictures), self._item)
            first = pictures.read(self._item % len(pictures))
            if self._mode == "hardware":
                self._wire = WireIn(self._wire_address)
        except DeviceError:
            pictures.close()
            raise
        self._ahead = _Ahead(pictures, self._cache_bytes, loop=self._loop, start=self._item)
        self._pending.clear()
        self._due_ns = time.monotonic_ns() + self._period_ns
        height, width = first.image.shape[:2]
        channels = 1 if first.image.ndim == 2 else 3
        return CameraInfo(f"replay of {self._source}"[:200], width, height, channels, self._mode, noiseless=not self._noise)

    def close(self) -> None:
        """See `hardware.camera.Camera`."""
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def alive(self) -> bool:
        """See `hardware.camera.Camera`."""
        return self._ahead is not None and self._fault.poll() not in ("stalled", "unplugged")

    def trigger(self) -> None:
        """See `hardware.camera.Camera`."""
        if self._mode != "software":
            raise DeviceSettings(f"trigger() needs mode = 'software'; this camera is in mode {self._mode!r}")
        self._triggers += 1
        self._pending.append((self._triggers, time.monotonic_ns()))

    def grab(self, timeout_s: float) -> Frame:
        """See `hardware.camera.Camera`.

        Raises:
            DeviceError: a file cannot be read; names it. The next grab goes on with the next picture.
        """
        ahead = self._ahead
        if ahead is None:
            raise DeviceGone(f"{self._source}: the replay camera is not open; call open() first")
        self._check_plugged()
        until = time.monotonic() + timeout_s
        edge = self._wait(until)
        while self._fault.poll() == "stalled":  # parts go by unseen
            edge = self._wait(until)
        self._check_plugged()
        if not self._loop and edge.item >= len(ahead):
            raise self._ended(len(ahead), edge.item)
        self._item = edge.item + 1
        picture = ahead.get(edge.item % len(ahead))
        self._frame_id += 1
        wall_ns = time.time_ns() - (time.monotonic_ns() - edge.at_ns)
        encoder = edge.encoder if self._mode == "hardware" else None
        return Frame(
            self._seen(picture.image),
            self._frame_id,
            edge.trigger_id,
            edge.at_ns,
            wall_ns,
            0.0,
            encoder,
            picture.reference,
            picture.name,
            picture.label,
        )

    def _seen(self, image: Image) -> Image:
        """The picture with what the sensor adds to it, or what a broken camera makes of it."""
        fault = self._fault.name
        if fault == "frozen" and self._last is not None:
            return self._last
        if fault == "black":
            image = np.zeros_like(image)
        if self._noise:
            height, width = image.shape[0], image.shape[1]
            shape = (height + _NOISE_SHIFTS_PX, width + _NOISE_SHIFTS_PX, *image.shape[2:])
            if self._grain is None or self._grain.shape != shape:
                self._grain = np.random.default_rng(1).integers(-self._noise, self._noise, shape, np.int16, endpoint=True)
            down, right = divmod(self._frame_id % _NOISE_SHIFTS_PX**2, _NOISE_SHIFTS_PX)
            image = np.asarray(cv2.add(image, self._grain[down : down + height, right : right + width], dtype=cv2.CV_8U), np.uint8)
        self._last = image
        return image

    def _check_plugged(self) -> None:
        if self._fault.poll() == "unplugged":
            raise DeviceGone("the replay camera is unplugged (fault = 'unplugged'); clear the fault to plug it in")

    def _ended(self, count: int, item: int) -> DeviceGone:
        return DeviceGone(
            f"{self._source}: picture {item + 1} was asked for and there are {count}; it is at its end (loop = true begins again)"
        )

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
            raise DeviceTimeout(f"no frame within the time asked for; the replay runs at {1e9 / self._period_ns:g} Hz")
        if wait_s > 0:
            time.sleep(wait_s)
        at_ns, self._due_ns = self._due_ns, max(self._due_ns + self._period_ns, time.monotonic_ns())
        return Edge(0, at_ns, 0, self._item)


class _Ahead:
    """Pictures decoded before they are asked for, by one thread, in a cache bounded in bytes."""

    def __init__(self, pictures: ImageSet, limit_bytes: int, *, loop: bool, start: int) -> None:
        self._pictures, self._limit, self._loop = pictures, limit_bytes, loop
        self._cache: dict[int, Picture | DeviceError] = {}
        self._bytes = 0
        self._want = start % len(pictures)  # what will be asked for next
        self._changed = threading.Condition()
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="replay-decode", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._pictures)

    def get(self, index: int) -> Picture:
        """The picture; waits for it only if it was not foreseen."""
        with self._changed:
            if index not in self._cache:
                self._want = index
                self._changed.notify_all()
                if not self._changed.wait_for(lambda: index in self._cache or self._stop, _DECODE_S) or self._stop:
                    raise DeviceGone(f"picture {index} could not be decoded within {_DECODE_S:g} s")
            found = self._cache[index]
            self._want = (index + 1) % len(self._pictures)
            self._changed.notify_all()
        if isinstance(found, DeviceError):
            raise type(found)(str(found)) from found
        return found

    def close(self) -> None:
        with self._changed:
            self._stop = True
            self._changed.notify_all()
        self._thread.join()
        self._pictures.close()

    def _run(self) -> None:
        while True:
            with self._changed:
                index = self._next()
                while index is None and not self._stop:
                    self._changed.wait()
                    index = self._next()
                if self._stop or index is None:
                    return
            try:
                found: Picture | DeviceError = self._pictures.read(index)
            except DeviceError as error:
                found = error
            except Exception as error:  # whatever a decoder raises must reach the reader, not end this thread
                found = DeviceError(f"picture {index} cannot be decoded: {type(error).__name__}: {error}")
            with self._changed:
                self._put(index, found)
                self._changed.notify_all()

    def _next(self) -> int | None:
        """Which picture to decode now: the nearest one ahead that is missing, while there is room or a farther one to give up for it."""
        count = len(self._pictures)
        if len(self._cache) >= count:
            return None
        steps = count if self._loop else count - self._want
        missing = next((step for step in range(steps) if (self._want + step) % count not in self._cache), None)
        if missing is None or (missing > _NEAR and self._bytes >= self._limit and self._farthest()[0] <= missing):
            return None
        return (self._want + missing) % count

    def _farthest(self) -> tuple[int, int]:
        """How far ahead the last needed of the cached pictures is, and its index; what has just been shown is farthest."""
        count = len(self._pictures)
        return max(((index - self._want) % count, index) for index in self._cache)

    def _put(self, index: int, found: Picture | DeviceError) -> None:
        self._cache[index] = found
        self._bytes += _size(found)
        while self._bytes > self._limit:
            distance, old = self._farthest()
            if distance <= _NEAR:
                return
            self._bytes -= _size(self._cache.pop(old))


def _size(found: Picture | DeviceError) -> int:
    return 0 if isinstance(found, DeviceError) else found.nbytes
