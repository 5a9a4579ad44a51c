"""The golden reference of a part: the recorded one, or that of the recipe it was judged by, as long as that is still here."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

from dashboard.pictures import inside
from edge.config import Station
from edge.errors import SettingsError
from edge.recipe import load_recipe
from edge.store import Inspection

_PNG: Final = b"\x89PNG\r\n\x1a\n"


def golden_file(config: Station, part: Inspection) -> tuple[Path, str] | None:
    """The reference image in the recipe's folder and its SHA-256; None where the recipe has none, or is no longer the very one
    (by its hash) that judged the part."""
    for file in (config.recipe, *config.recipes.values()):
        found = _reference(file, _stamp(file))
        if found is not None and found[0] == part.recipe_hash:
            return found[1:]
    return None


def _stamp(file: str) -> int:
    try:
        return Path(file).stat().st_mtime_ns
    except OSError:
        return 0


@functools.lru_cache(32)
def _reference(file: str, _stamp: int) -> tuple[str, Path, str] | None:
    try:
        loaded = load_recipe(Path(file))
    except (SettingsError, OSError):
        return None
    return (loaded.hash, loaded.reference_file, loaded.reference_sha256) if loaded.reference_file and loaded.reference_sha256 else None


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
