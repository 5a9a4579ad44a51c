"""Pictures of parts for the browser: encoded when one is asked for, once, and kept in a small cache."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dashboard.history import stored_picture
from dashboard.line import Part
from edge.messages import ImageRef
from edge.ring import RingReader

FULL_PX = 1280
THUMB_PX = 320
QUALITY = 85
CACHE_BYTES = 24_000_000


class Pictures:
    """JPEG of parts, at most `FULL_PX` or `THUMB_PX` on the longer side. May be called from any thread."""

    def __init__(self, ring_folder: str, record_folder: str) -> None:
        self._folder, self._record = ring_folder, Path(record_folder).resolve()
        self._reader = RingReader(ring_folder)
        self._ring = ""
        self._cache: OrderedDict[tuple[int, bool], bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._painter = ThreadPoolExecutor(1, "pictures")
        self._asked: dict[tuple[int, bool], asyncio.Future[bytes | None]] = {}

    async def ask(self, part: Part, thumb: bool) -> bytes | None:
        """As `get`, in the server's event loop: of fifty viewers that ask for the same part, one waits for a thread."""
        key = (part.number, thumb)
        known = self._cache.get(key)
        if known is not None:
            return known
        if key not in self._asked:
            work = asyncio.get_running_loop().run_in_executor(self._painter, self.get, part, thumb)
            work.add_done_callback(lambda _: self._asked.pop(key, None))
            self._asked[key] = work
        return await asyncio.shield(self._asked[key])  # one who goes away takes nothing from the others

    def get(self, part: Part, thumb: bool) -> bytes | None:
        """The picture, or None if it has been overwritten and is not in the record (yet)."""
        key = (part.number, thumb)
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
            image = self._from_ring(part.image) if part.image is not None else None
            if image is None and part.verdict != "OK" and not part.file:
                part.file = stored_picture(str(self._record), part.part_id)  # the recorder has it by now, so the slot was used again
            if image is None and part.file:
                image = self._from_record(part.file)
            data = to_jpeg(image, THUMB_PX if thumb else FULL_PX) if image is not None else None
            if data is not None:
                self._cache[key] = data
                self._bytes += len(data)
                while self._bytes > CACHE_BYTES:
                    self._bytes -= len(self._cache.popitem(last=False)[1])
            return data

    def _from_ring(self, ref: ImageRef) -> NDArray[np.uint8] | None:
        if ref.ring != self._ring:  # an open ring of an ended station would hold its shared memory
            self._reader.close()
            self._ring = ref.ring
        try:
            return self._reader.get(ref)
        except (OSError, ValueError):
            return None

    def _from_record(self, name: str) -> NDArray[np.uint8] | None:
        file = inside(self._record, name)
        if file is None:
            return None
        try:
            raw = np.fromfile(file, np.uint8)
            return np.asarray(cv2.imdecode(raw, cv2.IMREAD_COLOR), np.uint8) if raw.size else None
        except (OSError, ValueError, TypeError, cv2.error):
            return None


def inside(folder: Path, name: str) -> Path | None:
    """The file of this name, links followed, or None if it is not inside the (resolved) folder."""
    try:
        file = (folder / name).resolve()
    except (OSError, ValueError):  # a NUL, a circle of links
        return None
    return file if file.is_relative_to(folder) else None


def to_jpeg(image: NDArray[np.uint8], longest_px: int) -> bytes | None:
    """An (H, W) gray or (H, W, 3) BGR image as JPEG, made smaller if its longer side exceeds `longest_px`."""
    if image.ndim not in (2, 3) or 0 in image.shape:
        return None
    scale = longest_px / max(image.shape[:2])
    try:
        if scale < 1:
            size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        done, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))
    except cv2.error:
        return None
    return data.tobytes() if done else None
