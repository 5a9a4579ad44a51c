"""Pictures of pages, read by tesseract where it is installed. Its numbers are never taken for certain.

Tesseract gets the picture by a pipe and answers by a pipe, in the same confinement as the parsers: nothing is written anywhere.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

from dashboard.assistant.documents import Piece
from dashboard.assistant.errors import Refused
from dashboard.assistant.reading.plain import read_text
from dashboard.assistant.reading.writer import Writer

INSTALL = "apt-get install tesseract-ocr tesseract-ocr-deu"
_ROOT = Path(__file__).resolve().parents[2]
_LANGUAGES = ("deu", "eng")


@functools.cache
def program() -> str | None:
    """Where tesseract is, or None."""
    found = shutil.which("tesseract", path="/usr/bin:/usr/local/bin")
    return os.path.realpath(found) if found else None


@functools.cache
def languages() -> str:
    """Those of German and English that are installed, as tesseract wants them named.

    Raises:
        Refused: neither is.
    """
    said = subprocess.run([str(program()), "--list-langs"], capture_output=True, text=True, check=False, timeout=30).stdout.split()
    found = [one for one in _LANGUAGES if one in said]
    if not found:
        raise Refused(f"tesseract is here without German and English; install them: {INSTALL}")
    return "+".join(found)


def read(picture: bytes, limit_s: float) -> str | None:
    """The text of a picture (PNG, JPEG, TIFF or PGM), None where there is no tesseract.

    Raises:
        Refused: tesseract cannot read it, or takes too long.
    """
    if program() is None:
        return None
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-B", "-m", "dashboard.assistant.jail", str(program()), "stdin", "stdout", "-l", languages()],
            input=picture, capture_output=True, check=False, timeout=limit_s, cwd="/",
            env={"PYTHONPATH": str(_ROOT), "OMP_THREAD_LIMIT": "1", "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise Refused(f"took OCR longer than {limit_s:.0f} s") from error
    if done.returncode:
        raise Refused("its picture cannot be read by OCR: damaged, or too large")
    return done.stdout.decode("utf-8", errors="replace")


def pieces(text: str, page: int) -> list[Piece]:
    """The passages of an OCR text, marked as unverified."""
    writer = Writer(verified=False)
    writer.page = page
    read_text(text.encode(), writer)
    return writer.pieces()
