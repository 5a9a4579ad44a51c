"""Where files of the record lie, by what they are of."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path


def place(part_id: str, wall_ns: int) -> Path:
    """Where a part's image lies, relative to the record's folder; `wall_ns`: UTC of its trigger."""
    day = datetime.fromtimestamp(wall_ns // 1_000_000_000, UTC)
    return Path("images", f"{day:%Y}", f"{day:%m}", f"{day:%d}", f"{file_name(part_id)}.png")


def file_name(part_id: str) -> str:
    """A part_id as a file name without extension; ids with other signs than letters, digits, '.', '_' and '-' get a hash, to stay apart."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", part_id)[:100].lstrip(".")
    return plain if plain == part_id else f"{plain}~{hashlib.sha256(part_id.encode()).hexdigest()[:16]}"


def inside(folder: Path, name: str) -> Path | None:
    """The file of this name in a folder, links followed; None if there is none, or it lies elsewhere."""
    try:
        file, base = (folder / name).resolve(), folder.resolve()
    except (OSError, ValueError):  # a NUL, a circle of links
        return None
    return file if file.is_relative_to(base) and file.is_file() else None


def png_size(head: bytes) -> tuple[int, int]:
    """Width and height in px from the first 24 bytes of a PNG; 0, 0 if it is none."""
    if head[:8] != b"\x89PNG\r\n\x1a\n" or len(head) < 24:
        return 0, 0
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
