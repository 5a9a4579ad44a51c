"""Pictures of recorded parts by part id: `/api/parts/{part_id}/picture?size=thumb|full|original&of=part|reference`."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import cv2
import msgspec
import numpy as np
from fastapi import APIRouter, Request, Response

from dashboard.desk import Desk
from dashboard.golden import golden_file
from dashboard.pictures import FULL_PX, THUMB_PX, inside, to_jpeg
from edge.errors import GutteilError, StoreError
from edge.store import Inspection

SIZES: Final = {"thumb": THUMB_PX, "full": FULL_PX, "original": 0}
KINDS: Final = ("part", "reference")
CACHE_BYTES: Final = 32_000_000
MAX_FILE_BYTES: Final = 200_000_000
KEEP_S: Final = 60  # a browser asks again after this long, since a picture may have been deleted; its tag makes that cheap


class PictureError(GutteilError):
    """There is no such picture; `status` of HTTP, and the text for a person."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class PartPictures:
    """Files of the record, made smaller on demand, by at most two threads, since the station has priority."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder).resolve()
        self._pool = ThreadPoolExecutor(2, "part-picture")
        self._cache: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    async def get(self, name: str, sha256: str, size: str, folder: Path | None = None) -> bytes:
        """As `read`, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self.read, name, sha256, size, folder)

    def read(self, name: str, sha256: str, size: str, folder: Path | None = None) -> bytes:
        """The stored PNG, or a JPEG of it.

        Args:
            name: path relative to the folder.
            sha256: of the file, as recorded.
            size: of `SIZES`.
            folder: another than the record's, resolved.

        Raises:
            PictureError: the file is gone, outside of the folder, damaged, or not the one that was recorded.
        """
        with self._lock:
            if data := self._cache.get((sha256, size)):
                self._cache.move_to_end((sha256, size))
                return data
        file = inside(folder or self._folder, name)
        try:
            if file is None or not file.is_file() or file.stat().st_size > MAX_FILE_BYTES:
                raise PictureError(410, f"the file of this picture is missing: {name}")
            raw = file.read_bytes()
        except OSError as error:
            raise PictureError(410, f"the file of this picture cannot be read: {name} ({error.strerror})") from error
        if hashlib.sha256(raw).hexdigest() != sha256:
            raise PictureError(409, f"{name} is not the file that was recorded: its SHA-256 is another one")
        if size == "original":
            return raw
        image = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_ANYCOLOR)
        data = to_jpeg(np.asarray(image, np.uint8), SIZES[size]) if image is not None else None
        if data is None:
            raise PictureError(409, f"{name} is no picture")
        with self._lock:
            if (sha256, size) not in self._cache:
                self._cache[sha256, size] = data
                self._bytes += len(data)
            while self._bytes > CACHE_BYTES:
                self._bytes -= len(self._cache.popitem(last=False)[1])
        return data


def add_part_pictures(router: APIRouter, desk: Desk) -> None:
    """The address; the door asks for the permission 'history'."""
    pictures = PartPictures(desk.config.record.folder)

    @router.get("/api/parts/{part_id:path}/picture")
    async def picture(request: Request, part_id: str, size: str = "full", of: str = "part") -> Response:
        """The picture of a recorded part: thumbnail, full (JPEG) or original (the stored bytes); `of`: part or reference."""
        try:
            for key, value, known in (("size", size, tuple(SIZES)), ("of", of, KINDS)):
                if value not in known:
                    raise PictureError(400, f"{key} = {value[:40]!r} is not known; choose one of: {', '.join(known)}")
            part = await desk.record.ask(lambda store: store.inspection(part_id))
            folder = golden = None
            if part is not None and of == "reference" and part.reference_path is None:
                judged = part
                golden = await desk.record.ask(lambda store: golden_file(store, desk.config, judged))
            if golden is not None:
                folder, name, sha256 = golden[0].parent, golden[0].name, golden[1]
            else:
                name, sha256 = _file(part, part_id, of)
            tag = f'"{sha256}-{size}"'
            headers = {"ETag": tag, "Cache-Control": f"private, max-age={KEEP_S}"}
            if tag in request.headers.get("if-none-match", ""):
                return Response(status_code=304, headers=headers)
            data = await pictures.get(name, sha256, size, folder)
        except PictureError as error:
            return _no(error.status, str(error))
        except StoreError as error:
            return _no(503, str(error))
        return Response(data, 200, headers, "image/png" if size == "original" else "image/jpeg")


def _no(status: int, text: str) -> Response:
    return Response(msgspec.json.encode({"accepted": False, "text": text}), status, {"Cache-Control": "no-store"}, "application/json")


def _file(part: Inspection | None, part_id: str, of: str) -> tuple[str, str]:
    """Path and SHA-256 of the file, both as recorded.

    Raises:
        PictureError: 404 where there never was one, 410 where it is gone.
    """
    if part is None:
        raise PictureError(404, f"there is no part {part_id[:100]!r} in the record (yet); check the id")
    path, sha256, state = (
        (part.image_path, part.image_sha256, part.evidence)
        if of == "part"
        else (part.reference_path, part.reference_sha256, part.reference_evidence)
    )
    if path is not None and sha256 is not None:
        return path, sha256
    if state == "expired":
        raise PictureError(410, "the picture has been deleted: its time was over, or the room was needed")
    if state == "lost":
        raise PictureError(410, "the picture was lost before it could be written")
    raise PictureError(404, "no picture of this part was kept" if of == "part" else "this part has no reference picture")
