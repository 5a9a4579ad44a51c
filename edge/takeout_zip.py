"""Pictures of parts as a ZIP archive, streamed: nothing of it is held but one picture, and lists that are spooled to disk.

`SHA256SUMS` is for `sha256sum -c`; `parts.csv` says what each picture shows; `manifest.json` what was asked for, by whom, and what
is not in it and why. The COCO archive (`edge.labelled` reads it, and so does `gutteil data import`) holds reviewed parts alone: a label
is what a person said, never what the station thinks of itself.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from edge.places import file_name, inside
from edge.takeout import Taken
from edge.takeout_csv import Table

_SPOOL: Final = 4_000_000
_MAX_MISSING: Final = 1_000


class Request(msgspec.Struct, frozen=True):
    """What was asked for; goes into the manifest."""

    station: str
    who: str
    asked_at: str
    filters: str


class Sink(io.RawIOBase):
    """Takes what the archive writes and gives it on; cannot seek, so the archive needs none."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._blocks.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._blocks)
        self._blocks.clear()
        return data


class Archive:
    """The archive on its way, and its lists."""

    def __init__(self) -> None:
        self.sink = Sink()
        self.zip = zipfile.ZipFile(self.sink, "w", zipfile.ZIP_STORED, allowZip64=True)
        self.sums = io.BytesIO()  # a hundred bytes a picture
        self.pictures = 0
        self.missing: list[dict[str, str]] = []
        self.missing_count = 0

    def picture(self, folder: Path, path: str | None, sha256: str | None, name: str, part_id: str) -> bytes:
        """Put a picture in; returns its bytes, empty if it is not to be had."""
        file = inside(folder, path or "")
        try:
            data = file.read_bytes() if file is not None else b""
        except OSError:
            data = b""
        if not data or (sha256 and hashlib.sha256(data).hexdigest() != sha256):
            self.leave_out(part_id, "its file has been deleted" if not data else "its file is not the recorded one")
            return b""
        self.put(name, data)
        self.pictures += 1
        return data

    def leave_out(self, part_id: str, why: str) -> None:
        self.missing_count += 1
        if len(self.missing) < _MAX_MISSING:
            self.missing.append({"part_id": part_id, "why": why})

    def put(self, name: str, data: bytes) -> None:
        self.zip.writestr(zipfile.ZipInfo(name), data)
        self.sums.write(f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode())

    def put_file(self, name: str, file: IO[bytes]) -> Iterator[bytes]:
        """Put a spooled list in, compressed."""
        file.seek(0)
        digest = hashlib.sha256()
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED
        with self.zip.open(info, "w", force_zip64=True) as entry:
            while block := file.read(1_000_000):
                digest.update(block)
                entry.write(block)
                yield self.sink.take()
        self.sums.write(f"{digest.hexdigest()}  {name}\n".encode())

    def finish(self, request: Request) -> Iterator[bytes]:
        """Manifest and sums, and the archive's own list."""
        manifest = {
            **msgspec.to_builtins(request), "pictures": self.pictures, "left_out": self.missing_count, "left_out_parts": self.missing,
        }  # fmt: skip
        self.put("manifest.json", json.dumps(manifest, ensure_ascii=False, indent=1).encode("utf-8", "replace"))
        self.zip.writestr(zipfile.ZipInfo("SHA256SUMS"), self.sums.getvalue())
        self.zip.close()
        yield self.sink.take()


def images(taken: Iterable[Taken], folder: Path, request: Request) -> Iterator[bytes]:
    """An archive of the parts' pictures, in pieces; `folder` is the record's."""
    archive, made = Archive(), Table()
    with tempfile.SpooledTemporaryFile(_SPOOL) as listed:
        for one in taken:
            part = one.part
            archive.picture(folder, part.image_path, part.image_sha256, f"images/{file_name(part.part_id)}.png", part.part_id)
            made.row(one)
            listed.write(made.take())
            yield archive.sink.take()
        listed.write(made.take())
        yield from archive.put_file("parts.csv", listed)
    yield from archive.finish(request)
