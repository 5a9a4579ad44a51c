"""What the replay camera shows: a folder of images, a COCO file or a video, each as a list of pictures by number."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.errors import DeviceError, DeviceGone, DeviceSettings

Image = NDArray[np.uint8]
IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
VIDEO_ENDINGS = (".mp4", ".avi", ".mkv", ".mov", ".m4v", ".webm", ".mjpeg", ".ts")
_MAX_JSON_BYTES = 500_000_000
_MAX_PIXELS = 200_000_000


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a set.

    Attributes:
        image: (H, W) gray or (H, W, 3) BGR uint8, read-only: many frames may share it.
        reference: the defect-free image where the set names one.
        label: as `Frame.label`.
    """

    image: Image
    name: str
    reference: Image | None = None
    label: dict[str, Any] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        return self.image.nbytes + (0 if self.reference is None else self.reference.nbytes)


class ImageSet(Protocol):
    """Pictures by number, from 0. Used by one thread at a time."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> Picture:
        """Raises `DeviceError` naming the file that cannot be read."""
        ...

    def close(self) -> None: ...


def open_set(source: str, *, gray: bool) -> ImageSet:
    """The set behind a path: folder, `.json` (COCO) or video file.

    Raises:
        DeviceGone: nothing is there (it may come back, as a share or a stick does).
        DeviceError: it is there but of no use; names the file and why.
    """
    path = Path(source)
    if path.is_dir():
        return _Folder(path, gray)
    if not path.is_file():
        raise DeviceGone(f"{source}: no such file or folder; check camera.settings.source")
    if path.suffix.lower() == ".json":
        return _Coco(path, gray)
    if path.suffix.lower() in VIDEO_ENDINGS:
        return _Video(path, gray)
    raise DeviceSettings(f"source = {source!r} is neither a folder, nor a COCO file (.json), nor a video ({', '.join(VIDEO_ENDINGS)})")


def read_image(path: Path, *, gray: bool) -> Image:
    """An image file as it is: gray as (H, W), colour as (H, W, 3) BGR; read-only.

    A gray picture that was saved with three equal channels is gray: sets mix both kinds, and a camera has one pixel format.

    Raises:
        DeviceError: missing, no image, or too large; names the file.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DeviceError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    try:
        image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_ANYCOLOR) if data.size else None
    except cv2.error as error:
        raise DeviceError(f"{path}: not an image that can be read: {error.err}") from error
    if image is None or image.size == 0:
        raise DeviceError(f"{path}: not an image that can be read; it may be damaged or of an unknown format")
    if image.shape[0] * image.shape[1] > _MAX_PIXELS:
        raise DeviceError(f"{path}: {image.shape[1]}×{image.shape[0]} px is more than {_MAX_PIXELS // 1_000_000} megapixels")
    if image.ndim == 3 and np.array_equal(image[:, :, 0], image[:, :, 1]) and np.array_equal(image[:, :, 0], image[:, :, 2]):
        image = image[:, :, 0]
    return _sealed(image)


def _sealed(image: Any) -> Image:
    out: Image = np.ascontiguousarray(image, np.uint8)
    out.setflags(write=False)
    return out


def _natural(path: Path) -> list[Any]:
    """board2 before board10."""
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in re.split(r"(\d+)", path.name.lower())]


class _Folder:
    def __init__(self, path: Path, gray: bool) -> None:
        self._gray = gray
        try:
            self._files = sorted((f for f in path.iterdir() if f.suffix.lower() in IMAGE_ENDINGS and f.is_file()), key=_natural)
        except OSError as error:
            raise DeviceError(f"{path}: cannot be listed ({error.strerror})") from error
        if not self._files:
            raise DeviceError(f"{path}: no images here ({', '.join(IMAGE_ENDINGS)})")

    def __len__(self) -> int:
        return len(self._files)

    def read(self, index: int) -> Picture:
        return Picture(read_image(self._files[index], gray=self._gray), self._files[index].name)

    def close(self) -> None:
        """Nothing is held open."""


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    file: Path
    reference: Path | None
    label: dict[str, Any]


class _Coco:
    """A COCO file whose entries may carry `reference` and `verdict`; paths must stay in its folder."""

    def __init__(self, path: Path, gray: bool) -> None:
        self._gray = gray
        try:
            if path.stat().st_size > _MAX_JSON_BYTES:
                raise DeviceError(f"{path}: larger than {_MAX_JSON_BYTES // 1_000_000} MB; split the set")
            data = json.loads(path.read_text("utf-8"))
            kinds = {int(c["id"]): str(c["name"]) for c in data.get("categories", [])}
            marks: dict[int, list[dict[str, Any]]] = {}
            for a in data.get("annotations", []):
                x, y, w, h = (float(v) for v in a["bbox"])
                marks.setdefault(int(a["image_id"]), []).append({"kind": kinds[int(a["category_id"])], "box": [x, y, x + w, y + h]})
            self._entries = [self._entry(e, marks, path) for e in data["images"]]
        except OSError as error:
            raise DeviceError(f"{path}: cannot be read ({error.strerror})") from error
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise DeviceError(f"{path}: not a COCO file: {type(error).__name__}: {error}") from error
        if not self._entries:
            raise DeviceError(f"{path}: names no images")

    @staticmethod
    def _entry(entry: dict[str, Any], marks: dict[int, list[dict[str, Any]]], path: Path) -> _Entry:
        name, reference, verdict = str(entry["file_name"]), entry.get("reference"), entry.get("verdict")
        if verdict not in (None, "", "OK", "NG"):
            raise DeviceError(f"{path}: image {name!r}: verdict = {verdict!r} is neither OK nor NG")
        label: dict[str, Any] = {"verdict": verdict} if verdict else {}
        if verdict or int(entry["id"]) in marks:
            label["defects"] = marks.get(int(entry["id"]), [])
        return _Entry(name, _inside(path, name), _inside(path, str(reference)) if reference else None, label)

    def __len__(self) -> int:
        return len(self._entries)

    def read(self, index: int) -> Picture:
        entry = self._entries[index]
        reference = read_image(entry.reference, gray=self._gray) if entry.reference else None
        return Picture(read_image(entry.file, gray=self._gray), entry.name, reference, entry.label)

    def close(self) -> None:
        """Nothing is held open."""


def _inside(path: Path, name: str) -> Path:
    folder = path.parent.resolve()
    try:
        file = (folder / name).resolve()
    except (OSError, ValueError) as error:
        raise DeviceError(f"{path}: file_name {name!r} is no path: {error}") from error
    if not file.is_relative_to(folder):
        raise DeviceError(f"{path}: file_name {name!r} leads out of the set's folder")
    return file


class _Video:
    """A video file; pictures are decoded one after the other, jumping back starts anew."""

    def __init__(self, path: Path, gray: bool) -> None:
        self._path, self._gray = path, gray
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        self._next = 0
        self._count = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)) if self._capture.isOpened() else 0
        if self._count <= 0:
            self._capture.release()
            raise DeviceError(f"{path}: not a video that can be read; it may be damaged or of an unknown format")

    def __len__(self) -> int:
        return self._count

    def read(self, index: int) -> Picture:
        if index < self._next:
            self._capture.release()
            self._capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
            self._next = 0
        while self._next < index and self._capture.grab():
            self._next += 1
        done, image = self._capture.read()
        if self._next != index or not done:
            raise DeviceError(f"{self._path}: frame {index} of {self._count} cannot be decoded; the file may be cut short")
        self._next += 1
        if self._gray and image.ndim == 3:
            image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        return Picture(_sealed(image), f"{self._path.name}#{index}")

    def close(self) -> None:
        self._capture.release()
