"""Images on their way from the frame ring to the disk, and those that must wait there because the disk takes none."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.evidence import ImageFolder
from edge.messages import AnyMessage, ImageRef, Verdict
from edge.ring import RingReader
from edge.rows import Evidence, StoredFile, key_of
from edge.store import Store

_PNG_AT_WORST = 1.02  # of the pixels: noise grows a little
_FILE_BYTES = 8_192  # and every file has a name and a rest of a block

log = logging.getLogger("gutteil.recorder")
Kept = list[tuple[Verdict, Evidence]]


class Gallery:
    """One recorder's images.

    Attributes:
        owed: verdicts whose rows say 'lost' and whose images are still in the ring, oldest first.
    """

    def __init__(self, folder: Path, ring_folder: str) -> None:
        self._ring = RingReader(ring_folder)
        self._images = ImageFolder(folder)
        self._last_ring = ""
        self.owed: deque[Verdict] = deque()

    def clear(self) -> None:
        """Remove what an earlier recorder left unfinished. Raises OSError."""
        self._images.clear()

    def keep(self, store: Store, verdicts: Iterable[Verdict], progress: Callable[[], None]) -> Kept:
        """Write the images that are to be kept, durably; what has been overwritten in the ring is lost.

        Raises:
            OSError: the disk does not take them; then none of them is kept, and all are still in the ring.
        """
        kept: dict[str, tuple[Verdict, Evidence]] = {}
        try:
            for verdict in verdicts:
                key = key_of(verdict)
                if key in kept or not wanted(verdict):
                    continue
                image = self._file(verdict.image, partial(self._images.add, key, verdict.trigger_wall_ns))
                reference = self._file(verdict.reference, partial(self._images.add_reference, store.reference))
                kept[key] = (verdict, Evidence(image, reference))
                progress()
            self._images.commit(progress)
        except OSError:
            self._images.abandon()
            raise
        return list(kept.values())

    def probe(self, size: int) -> None:
        """See whether the disk takes so many bytes. Raises OSError if not."""
        self._images.probe(size)

    def let_go(self, messages: Iterable[AnyMessage], kept: Kept, older_may_come: Callable[[ImageRef], bool]) -> int:
        """Free the ring's slots, also those of verdicts that never reached us; returns how many images those were.

        Args:
            older_may_come: whether verdicts with images older than this one are still on their way.
        """
        newest: ImageRef | None = None
        evidence = {key_of(verdict): found for verdict, found in kept}
        for message in messages:
            if isinstance(message, Verdict):
                for ref in _refs(message):
                    self._ring.release(ref)
                if message.image is not None and evidence.get(key_of(message), Evidence()).image is not None:
                    newest = message.image
        if newest is None:
            return 0
        lost = 0 if older_may_come(newest) else self._ring.release_before(newest)
        if self._last_ring not in ("", newest.ring) and not self.owed:
            self._ring.close()  # the station started anew: the old ring's memory is freed when nobody has it open
        self._last_ring = newest.ring
        return lost

    def owe(self, messages: Iterable[AnyMessage]) -> None:
        """The rows are written without these images; they stay in the ring as long as it can hold them."""
        self.owed.extend(m for m in messages if isinstance(m, Verdict) and wanted(m))

    def give_up_overwritten(self) -> int:
        """Forget the owed images that the ring had no more room for; returns how many those are."""
        there: deque[Verdict] = deque()
        lost = 0
        for verdict in self.owed:
            if any(ref.keep and self._ring.held(ref) for ref in _refs(verdict)):
                there.append(verdict)
            else:
                lost += wanted(verdict)
        self.owed = there
        return lost

    def in_ring(self, messages: Iterable[AnyMessage]) -> tuple[int, int]:
        """How many of the images that are to be kept are still in the ring, and how many have been overwritten there."""
        there = [self._ring.held(ref) for m in messages if isinstance(m, Verdict) for ref in _refs(m) if ref.keep]
        return sum(there), len(there) - sum(there)

    def next_owed(self, at_most: int, room: int) -> list[Verdict]:
        """The oldest owed ones, of which the images surely fit into so many bytes."""
        found: list[Verdict] = []
        for verdict in self.owed:
            room -= sum(int(math.prod(ref.shape) * _PNG_AT_WORST) + _FILE_BYTES for ref in _refs(verdict) if ref.keep)
            if room < 0 or len(found) >= at_most:
                break
            found.append(verdict)
        return found

    def paid(self, count: int) -> None:
        """The oldest owed ones have been seen to."""
        for _ in range(count):
            self.owed.popleft()

    def close(self) -> None:
        self._ring.close()

    def _file(self, ref: ImageRef | None, add: Callable[[NDArray[np.uint8]], StoredFile]) -> StoredFile | None:
        pixels = self._ring.get(ref) if ref is not None and ref.keep else None
        if pixels is None:
            return None
        try:
            return add(pixels)
        except ValueError as error:
            log.warning("%s", error)
            return None


def wanted(message: AnyMessage) -> int:
    """How many images of a message are to be kept."""
    return sum(ref.keep for ref in _refs(message)) if isinstance(message, Verdict) else 0


def stored(kept: Kept) -> int:
    """How many images were kept."""
    return sum((e.image is not None) + (e.reference is not None) for _, e in kept)


def _refs(verdict: Verdict) -> list[ImageRef]:
    return [ref for ref in (verdict.image, verdict.reference) if ref is not None]
