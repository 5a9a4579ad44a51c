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
