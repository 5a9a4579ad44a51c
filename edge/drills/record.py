"""What the record says of every part, and whether it has kept what it once had."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

_COLUMNS = "part_id, trigger_id, trigger_wall_ns, trigger_seq IS NOT NULL, evidence_expired_ns IS NOT NULL, verdict, outcome, image_path, image_sha256"


@dataclass(frozen=True, slots=True)
class Row:
    """A part's row; `expired`: its image was deleted on purpose, by age or for room."""

    part_id: str
    trigger_id: int
    wall_ns: int
    announced: bool
    expired: bool
    verdict: str | None
    outcome: str | None
    image_path: str | None
    image_sha256: str | None


def read_rows(database: Path, newest: int = -1) -> dict[str, Row]:
    """Every part by its key, or only the newest ones; empty where there is no record yet."""
    if not database.is_file():
        return {}
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as db:
        made = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'inspections'").fetchone()[0]
        rows = db.execute(f"SELECT {_COLUMNS} FROM inspections ORDER BY rowid DESC LIMIT ?", (newest,)).fetchall() if made else []
    return {r[0]: Row(r[0], r[1], r[2], bool(r[3]), bool(r[4]), *r[5:]) for r in rows}


def lost(before: dict[str, Row], after: dict[str, Row]) -> list[str]:
    """Parts whose row said more before than it says now."""
    found = []
    for key, row in before.items():
        now = after.get(key)
        if now is None or any(
            old is not None and old != new
            for old, new in ((row.verdict, now.verdict), (row.outcome, now.outcome), (row.image_path, now.image_path))
        ):
            found.append(key)
    return found


def missing_images(folder: Path, rows: dict[str, Row]) -> list[str]:
    """Parts whose image is not there, or is not the one that the row names."""
    found = []
    for row in rows.values():
        if row.image_path is None or row.expired:
            continue
        try:
            if hashlib.sha256((folder / row.image_path).read_bytes()).hexdigest() != row.image_sha256:
                found.append(row.part_id)
        except OSError:
            found.append(row.part_id)
    return found
