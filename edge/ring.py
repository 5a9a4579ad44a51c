"""The frame ring: shared memory that carries images from the station to whoever looks, without the station waiting.

One writer (the station), any number of readers. A slot's generation is odd while it is written and even when its image
is whole. An image to be kept *holds* its slot until the recorder lets it go; the writer passes held slots by. With
every slot held the writer takes the oldest one all the same and counts it as lost evidence: the line goes on.
"""

from __future__ import annotations

import math
import mmap
import os
import struct
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import GutteilError
from edge.messages import ImageRef

_MAGIC = b"GTRING1\0"
_HEAD = struct.Struct("<8sQQ")  # magic, slots, slot bytes
_HEAD_BYTES = 64
_SLOT_HEAD_BYTES = 64  # u64 generation, u64 held generation (0 = free), then the pixels


class RingWriter:
    """The station's end: `put` copies an image in and never blocks."""

    def __init__(self, folder: str, station: str, epoch: int, slot_bytes: int, total_mb: int) -> None:
        """Make the ring file `gutteil-STATION-EPOCH.ring`; rings of earlier runs of the station are removed.

        Raises:
            GutteilError: the folder has not that much memory.
        """
        slot_bytes = -(-slot_bytes // 64) * 64  # keeps every slot's generation aligned, so that it is read and written in one piece
        slots = max(8, total_mb * 1_000_000 // (slot_bytes + _SLOT_HEAD_BYTES))
        for old in Path(folder).glob(f"gutteil-{station}-*.ring"):
            if not old.stem.removeprefix(f"gutteil-{station}-").isdigit():
                continue  # another station whose name begins alike
            old.unlink(missing_ok=True)  # readers that still have it open keep it until they let go
        self.path = Path(folder) / f"gutteil-{station}-{epoch}.ring"
        size = _HEAD_BYTES + slots * (slot_bytes + _SLOT_HEAD_BYTES)
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.posix_fallocate(handle, 0, size)  # a full /dev/shm fails here, not with SIGBUS in the middle of a run
                self._map = mmap.mmap(handle, size)
            finally:
                os.close(handle)
        except OSError as error:
            self.path.unlink(missing_ok=True)
            raise GutteilError(
                f"frame ring of {size // 1_000_000} MB in {folder}: {error.strerror}; lower record.ring_mb or free memory there"
            ) from error
        self._map[: _HEAD.size] = _HEAD.pack(_MAGIC, slots, slot_bytes)
        self.slots, self.slot_bytes = slots, slot_bytes
        raw = np.frombuffer(self._map, np.uint8, offset=_HEAD_BYTES).reshape(slots, slot_bytes + _SLOT_HEAD_BYTES)
        self._heads = raw[:, :16].view(np.uint64)
        self._pixels = raw[:, _SLOT_HEAD_BYTES:]
        self._next, self._generation = 0, 0
        self.lost = 0
        self.held = 0

    def reserve(self, image: NDArray[np.uint8], *, keep: bool) -> ImageRef:
        """Choose the slot for an image and say where it will be; `fill` copies it. Between the two the verdict is sent."""
        heads = self._heads
        slot = self._next
        for _ in range(self.slots):
            if heads[slot, 1] == 0:
                break
            slot = (slot + 1) % self.slots
        else:
            self.lost += 1
        self._next = (slot + 1) % self.slots
        self._generation += 2
        heads[slot, 0] = self._generation - 1
        heads[slot, 1] = self._generation if keep else 0
        return ImageRef(self.path.name, slot, self._generation, image.shape, keep)

    def fill(self, ref: ImageRef, image: NDArray[np.uint8]) -> None:
        """Copy an image into its reserved slot."""
        flat = self._pixels[ref.slot, : image.size]
        np.copyto(flat.reshape(image.shape), image)
        self._heads[ref.slot, 0] = ref.generation

    def count_held(self) -> int:
        """How many slots wait for the recorder."""
        return int(np.count_nonzero(self._heads[:, 1]))

    def close(self) -> None:
        """Remove the ring; what readers have open stays readable to them."""
        self.path.unlink(missing_ok=True)


class RingReader:
    """A reader's end: `get` copies an image out if it is still there. Keeps rings of earlier epochs open while asked for."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._open: dict[str, tuple[mmap.mmap, NDArray[np.uint8]]] = {}

    def _ring(self, name: str) -> NDArray[np.uint8] | None:
        if name in self._open:
            return self._open[name][1]
        if "/" in name or not name.startswith("gutteil-"):
            return None
        try:
            handle = os.open(self._folder / name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                memory = mmap.mmap(handle, 0)
            finally:
                os.close(handle)
            magic, slots, slot_bytes = _HEAD.unpack_from(memory)
        except (OSError, ValueError, struct.error):  # gone, no plain file, empty, or too short for a ring
            return None
        if magic != _MAGIC or slots < 1 or len(memory) != _HEAD_BYTES + slots * (slot_bytes + _SLOT_HEAD_BYTES):
            return None
        raw = np.frombuffer(memory, np.uint8, offset=_HEAD_BYTES).reshape(slots, slot_bytes + _SLOT_HEAD_BYTES)
        while len(self._open) > 3:
            self._open.pop(next(iter(self._open)))
        self._open[name] = (memory, raw)
        return raw

    def get(self, ref: ImageRef, wait_s: float = 0.05) -> NDArray[np.uint8] | None:
        """A copy of the image, or None if it has been overwritten or its ring is gone.

        The verdict goes out before the image is copied in, so a very quick reader waits up to `wait_s` for it.
        """
        raw = self._ring(ref.ring)
        size = math.prod(ref.shape) if len(ref.shape) in (2, 3) else 0  # Python integers: hostile shapes cannot overflow
        if (
            ref.generation == 0
            or ref.generation % 2
            or raw is None
            or ref.slot >= raw.shape[0]
            or not 0 < size <= raw.shape[1] - _SLOT_HEAD_BYTES
        ):
            return None
        head = raw[ref.slot, :8].view(np.uint64)
        until = time.monotonic() + wait_s
        while int(head[0]) < ref.generation:
            if time.monotonic() > until:
                return None
            time.sleep(0.0005)
        image = raw[ref.slot, _SLOT_HEAD_BYTES : _SLOT_HEAD_BYTES + size].copy().reshape(ref.shape)
        return image if int(head[0]) == ref.generation else None

    def release(self, ref: ImageRef) -> None:
        """The image is safe: its slot may be used again. Does nothing if the slot holds another one by now."""
        raw = self._ring(ref.ring)
        if raw is not None and ref.slot < raw.shape[0]:
            held = raw[ref.slot, 8:16].view(np.uint64)
            if int(held[0]) == ref.generation:
                held[0] = 0

    def release_before(self, ref: ImageRef) -> int:
        """Let go every slot that holds an older image than this one; returns how many.

        The station reserves slots in the order of its verdicts, so once everything up to this image is recorded, an
        older slot still held belongs to a verdict that the recorder never got: nobody else would ever free it.
        """
        raw = self._ring(ref.ring)
        if raw is None:
            return 0
        held = raw[:, 8:16].view(np.uint64)[:, 0]
        old = np.flatnonzero((held != 0) & (held < ref.generation))
        held[old] = 0
        return int(old.size)

    def held(self, ref: ImageRef) -> bool:
        """Whether the slot still waits for the recorder with this very image."""
        raw = self._ring(ref.ring)
        return raw is not None and ref.slot < raw.shape[0] and int(raw[ref.slot, 8:16].view(np.uint64)[0]) == ref.generation

    def close(self) -> None:
        self._open.clear()
