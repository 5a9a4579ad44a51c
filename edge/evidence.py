"""Image files of the record: PNG, lossless, whole or not there at all.

A file is written under a temporary name; `commit` syncs the data of all files of a batch, gives them their names and
syncs the folders. So a name that exists after a power failure has all its bytes behind it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.places import place
from edge.rows import StoredFile

MAX_KNOWN_REFERENCES = 10_000
Lookup = Callable[[str], StoredFile | None]


class ImageFolder:
    """`<record.folder>/images`; used by one process, the recorder."""

    def __init__(self, folder: Path) -> None:
        """Nothing is touched until the first image."""
        self._folder = folder
        self._incoming = folder / "images" / ".incoming"
        self._waiting: list[tuple[Path, Path]] = []
        self._new_references: list[StoredFile] = []
        self._references: OrderedDict[str, StoredFile] = OrderedDict()
        self._folders: set[Path] = set()

    def clear(self) -> None:
        """Remove what an earlier recorder left unfinished.

        Raises:
            OSError: the folder cannot be made or read.
        """
        self._incoming.mkdir(parents=True, exist_ok=True)
        for left in self._incoming.iterdir():
            left.unlink()

    def add(self, part_id: str, wall_ns: int, image: NDArray[np.uint8]) -> StoredFile:
        """Write a part's image; it has its name only after `commit`. A file that is there is never replaced by other pixels.

        Args:
            wall_ns: UTC of the trigger, ns; gives the folder of the day.
            image: (H, W) gray or (H, W, 3) BGR, uint8.

        Raises:
            OSError: no room, no rights, a failing disk.
            ValueError: an array that is no image.
        """
        path = place(part_id, wall_ns)
        data = encode_png(image)
        sha256 = hashlib.sha256(data).hexdigest()
        if (self._folder / path).exists() and hashlib.sha256((self._folder / path).read_bytes()).hexdigest() != sha256:
            path = path.with_name(f"{path.stem}~{sha256[:16]}.png")
        self._write(path, data)
        return StoredFile(str(path), sha256, size=len(data))

    def add_reference(self, lookup: Lookup, image: NDArray[np.uint8]) -> StoredFile:
        """Write a reference image unless one with the same pixels is there; `lookup` asks the record for it.

        Raises:
            As `add`.
        """
        pixels = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()
        known = self._references.get(pixels) or lookup(pixels)
        if known is not None and (known in self._new_references or (self._folder / known.path).is_file()):
            self._remember(known)
            return known
        path = Path("images", "references", pixels[:2], f"{pixels}.png")
        data = encode_png(image)
        self._write(path, data)
        stored = StoredFile(str(path), hashlib.sha256(data).hexdigest(), pixels, len(data))
        self._new_references.append(stored)
        self._remember(stored)
        return stored

    def commit(self, progress: Callable[[], None] = lambda: None) -> None:
        """Make everything added since the last call durable.

        Raises:
            OSError: as `add`; call `abandon` then.
        """
        folders: set[Path] = set()
        for temporary, _ in self._waiting:
            handle = os.open(temporary, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
            progress()
        for temporary, path in self._waiting:
            temporary.rename(path)
            folders.add(path.parent)
        for folder in folders - self._folders:  # a new folder is an entry of its parent, which is to be synced as well
            folders |= {p for p in folder.parents if p.is_relative_to(self._folder)}
        for folder in folders:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        self._folders = {path.parent for _, path in self._waiting} or self._folders
        self._waiting.clear()
        self._new_references.clear()

    def abandon(self) -> None:
        """Drop what was added since the last `commit`; frees its room on the disk."""
        for temporary, _ in self._waiting:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        for stored in self._new_references:
            self._references.pop(stored.pixels_sha256, None)
        self._waiting.clear()
        self._new_references.clear()

    def probe(self, size: int) -> None:
        """See whether the disk takes so many bytes.

        Raises:
            OSError: it does not.
        """
        path = self._incoming / "probe"
        try:
            with path.open("wb") as file:
                file.write(bytes(size))
                file.flush()
                os.fsync(file.fileno())
        finally:
            path.unlink(missing_ok=True)

    def _write(self, path: Path, data: bytes) -> None:
        temporary = self._incoming / f"{len(self._waiting)}.png"
        self._incoming.mkdir(parents=True, exist_ok=True)
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self._waiting.append((temporary, target))  # before it is there, so that `abandon` also finds a half of it
        temporary.write_bytes(data)

    def _remember(self, stored: StoredFile) -> None:
        self._references[stored.pixels_sha256] = stored
        self._references.move_to_end(stored.pixels_sha256)
        while len(self._references) > MAX_KNOWN_REFERENCES:
            self._references.popitem(last=False)


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """A PNG that gives exactly these pixels back.

    OpenCV's defaults (zlib level 1, run lengths, filter 'sub') are its quickest setting: naming level 1 by itself turns
    the slower adaptive filters on.

    Raises:
        ValueError: OpenCV can make no image of the array.
    """
    if image.ndim != 2 and image.shape[2:] != (3,):
        raise ValueError(f"an array of shape {image.shape} is no image; H, W or H, W, 3 is")
    try:
        done, data = cv2.imencode(".png", image)
    except cv2.error as error:
        raise ValueError(f"an array of shape {image.shape} cannot be written as PNG: {error}") from error
    if not done:
        raise ValueError(f"an array of shape {image.shape} cannot be written as PNG")
    return data.tobytes()
