"""Reads one file in a process of its own, which is confined and may die without hurting anything."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import msgspec

from dashboard.assistant import ocr
from dashboard.assistant.documents import Piece
from dashboard.assistant.errors import Refused
from dashboard.assistant.reading.limits import MAX_BYTES, MAX_TEXT

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 600.0
_MAX_LINE = 8 * MAX_TEXT
_MAX_PICTURE = 50_000_000
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Parsed:
    """What a file holds.

    Attributes:
        unread: pages that are pictures and could not be read, since there is no OCR.
    """

    pieces: list[Piece]
    pages: int
    unread: list[int]


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    page: int = 0
    of: int = 0
    picture: int = 0
    bytes: int = 0
    pages: int = 0
    pieces: list[Piece] = []
    refused: str = ""


def parse(file: IO[bytes], kind: str, progress: Progress = lambda page, of: None, limit_s: float = LIMIT_S) -> Parsed:
    """Read an open file, whose place is never told to the process that reads it.

    Raises:
        Refused: says why; the caller knows the name.
    """
    if os.fstat(file.fileno()).st_size > MAX_BYTES:
        raise Refused(f"larger than {MAX_BYTES // 1_000_000} MB; divide it")
    with _child(file, kind) as process:
        lines = _Lines(process, limit_s)
        found, unread = list[Piece](), list[int]()
        while True:
            line = lines.read()
            if line.refused:
                raise Refused(line.refused[:500])
            if line.picture:
                text = ocr.read(lines.data(line.bytes), limit_s)
                if text is None:
                    unread.append(line.picture)
                else:
                    found += ocr.pieces(text, line.picture)
            elif line.of:
                progress(line.page, line.of)
            else:
                pieces = sorted([*line.pieces, *found], key=lambda piece: piece.page)  # stable: the order within a page stays
                if not pieces and unread:
                    raise Refused(f"holds pictures only, and there is no OCR here; install it: {ocr.INSTALL}")
                if not pieces:
                    raise Refused("holds no text")
                return Parsed([replace(p, heading=p.heading[:1000]) for p in pieces], line.pages, unread)


@contextmanager
def _child(file: IO[bytes], kind: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {"PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(
        [sys.executable, "-P", "-B", "-m", "dashboard.assistant.reading.child", kind],
        stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/", env=environment, close_fds=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


class _Lines:
    """The child's answers, none of them trusted: bounded in size and time."""

    def __init__(self, process: subprocess.Popen[bytes], limit_s: float) -> None:
        assert process.stdout is not None
        self._process, self._out = process, process.stdout
        self._end, self._limit_s = time.monotonic() + limit_s, limit_s
        self._rest = bytearray()

    def _more(self, most: int) -> None:
        if len(self._rest) > most:
            raise Refused("its reader answered with more than any real document holds")
        left = self._end - time.monotonic()
        if left <= 0 or not select.select([self._out], [], [], left)[0]:
            raise Refused(f"took longer than {self._limit_s:.0f} s to read; divide it")
        data = os.read(self._out.fileno(), 1 << 20)
        if not data:
            code = self._process.wait()
            raise Refused(f"made its reader die (status {code}): damaged, made to harm, or too large for the memory a file may need")
        self._rest += data

    def read(self) -> _Line:
        begin = 0
        while (end := self._rest.find(b"\n", begin)) < 0:
            begin = len(self._rest)
            self._more(_MAX_LINE)
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        try:
            return msgspec.json.decode(line, type=_Line)
        except (msgspec.MsgspecError, ValueError) as error:
            raise Refused("its reader answered nonsense: the file may have been made to harm") from error

    def data(self, size: int) -> bytes:
        if not 0 < size <= max(_MAX_PICTURE, MAX_BYTES):
            raise Refused("its reader answered with a picture larger than any real one")
        while len(self._rest) < size:
            self._more(size)
        data = bytes(self._rest[:size])
        del self._rest[:size]
        return data
