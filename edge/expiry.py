"""Deleting images: the rows' side. The row is changed first, durably, then the file goes.

So a crash in between leaves a file whose row says 'expired', which the sweep finds; never a row that claims a file that
is gone. Functions that write run within the caller's transaction, which holds the write lock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from edge.migrations import FREE, KEPT
from edge.retention import Claim, Kept

# a reference that belongs to this image alone goes with it
_SIZE = f"""coalesce(i.image_bytes, 0) + coalesce((
    SELECT r.bytes FROM reference_images r WHERE r.pixels_sha256 = i.reference_pixels_sha256 AND r.expired_ns IS NULL AND NOT EXISTS (
        SELECT 1 FROM inspections j WHERE {KEPT.replace("image_path", "j.image_path").replace("evidence_expired", "j.evidence_expired")}
        AND j.reference_pixels_sha256 = r.pixels_sha256 AND j.part_id != i.part_id)), 0)"""


def candidates(db: sqlite3.Connection, n: int) -> list[Kept]:
    """The n oldest images and the n of least worth, oldest first; none that is held."""
    columns = f"SELECT i.part_id, i.trigger_wall_ns, i.worth, {_SIZE}, i.held FROM inspections i WHERE {FREE} ORDER BY"
    found: dict[str, Kept] = {}
    for order in ("i.trigger_wall_ns", "i.worth, i.trigger_wall_ns"):
        for part_id, wall_ns, worth, size, held in db.execute(f"{columns} {order} LIMIT ?", (n,)):
            found[part_id] = Kept(part_id, wall_ns, worth, size, bool(held))
    return list(found.values())


def expire(db: sqlite3.Connection, part_ids: Sequence[str], now_ns: int) -> tuple[int, list[str]]:
    """Mark images as deleted unless somebody has put a hold on them; references go with the last image that has need of them.

    Returns: how many images, and the paths of all files to delete.
    """
    paths, references = [], set()
    for part_id in part_ids:
        mark = f"UPDATE inspections SET evidence_expired_ns = ? WHERE part_id = ? AND {FREE} RETURNING image_path, reference_pixels_sha256"
        for path, reference in db.execute(mark, (now_ns, part_id)).fetchall():
            paths.append(path)
            references.add(reference)
    count = len(paths)
    for reference in references - {None}:
        needed = f"SELECT 1 FROM inspections WHERE {KEPT} AND reference_pixels_sha256 = ?"
        held = "SELECT 1 FROM inspections WHERE held = 1 AND reference_pixels_sha256 = ?"
        query = f"""UPDATE reference_images SET expired_ns = ? WHERE pixels_sha256 = ? AND expired_ns IS NULL
            AND NOT EXISTS ({needed}) AND NOT EXISTS ({held}) RETURNING path"""
        paths += [r[0] for r in db.execute(query, (now_ns, reference, reference, reference)).fetchall()]
    return count, paths


def claims(db: sqlite3.Connection, paths: Sequence[str]) -> dict[str, Claim]:
    """What the rows say of these files; those that no row knows are missing."""
    found = {}
    for path in paths:
        row = db.execute("SELECT evidence_expired_ns, held FROM inspections WHERE image_path = ?", (path,)).fetchall()
        row += db.execute("SELECT expired_ns, 0 FROM reference_images WHERE pixels_sha256 = ? AND path = ?", (_stem(path), path)).fetchall()
        if row:
            found[path] = Claim(expired=all(r[0] is not None for r in row), held=any(r[1] for r in row))
    return found


def come_back(db: sqlite3.Connection, path: str) -> None:
    """The file is there after all, and its part is held."""
    db.execute("UPDATE inspections SET evidence_expired_ns = NULL WHERE image_path = ? AND held = 1", (path,))


def unmeasured(db: sqlite3.Connection, n: int) -> list[str]:
    """Files whose size an older release did not record."""
    rows = db.execute(
        f"SELECT image_path FROM inspections INDEXED BY inspections_unmeasured WHERE {KEPT} AND image_bytes IS NULL LIMIT ?", (n,)
    ).fetchall()
    rows += db.execute("SELECT path FROM reference_images WHERE bytes IS NULL LIMIT ?", (n,)).fetchall()
    return [r[0] for r in rows]


def measure(db: sqlite3.Connection, sizes: dict[str, int]) -> None:
    """Note sizes, by path."""
    for path, size in sizes.items():
        db.execute("UPDATE inspections SET image_bytes = ? WHERE image_path = ? AND image_bytes IS NULL", (size, path))
        db.execute("UPDATE reference_images SET bytes = ? WHERE pixels_sha256 = ? AND bytes IS NULL", (size, _stem(path)))


def used(db: sqlite3.Connection) -> int:
    """Bytes of all files that are kept."""
    return int(db.execute("SELECT sum(bytes) FROM kept_bytes").fetchone()[0])


def born_ns(db: sqlite3.Connection) -> int:
    """When this database was made, UTC; files that are older were not written under it."""
    query = "SELECT min(unixepoch(applied_at)) FROM _sqlite_migrations WHERE migration_set = 'gutteil'"
    return int(db.execute(query).fetchone()[0] or 0) * 10**9


def _stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".png")
