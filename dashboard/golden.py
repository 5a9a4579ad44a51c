"""The golden reference of a part: the recorded one, or that of the recipe it was judged by, as long as that is still here."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

from dashboard.pictures import inside
from edge.config import Station
from edge.errors import SettingsError
from edge.recipe import parse_recipe
from edge.recipe_texts import recipe_text
from edge.store import Inspection, Store

_PNG: Final = b"\x89PNG\r\n\x1a\n"


def golden_file(store: Store, config: Station, part: Inspection) -> tuple[Path, str] | None:
    """The reference image in the recipe's folder and its SHA-256; None where the recipe that judged the part has none, or where
    its very text (by its hash) is nowhere any more."""
    with store.reading() as db:
        found = recipe_text(db, config, part.recipe_hash or "")
    if found is None:
        return None
    text, file = found
    return _reference(text, file, _stamp(file))


def _stamp(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


@functools.lru_cache(32)
def _reference(text: bytes, file: Path, _stamp: int) -> tuple[Path, str] | None:
    try:
        loaded = parse_recipe(text, file)
    except SettingsError:
        return None
    return (loaded.reference_file, loaded.reference_sha256) if loaded.reference_file and loaded.reference_sha256 else None


def picture_size(folder: Path, name: str) -> tuple[int, int] | None:
    """Width and height in px of a recorded PNG, from its first bytes; None where there is no such file.

    Args:
        folder: of the record, resolved.
    """
    try:
        return _size(folder, name)
    except (OSError, ValueError):
        return None


@functools.lru_cache(4096)  # a recorded file never changes; that there is none is not remembered
def _size(folder: Path, name: str) -> tuple[int, int]:
    file = inside(folder, name)
    if file is None or not file.is_file():
        raise ValueError(name)
    with file.open("rb") as png:
        head = png.read(24)
    if len(head) < 24 or not head.startswith(_PNG):
        raise ValueError(name)
    return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])
