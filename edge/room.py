"""How long the disk of a record lasts at the pace of the last hour."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import NamedTuple

from edge.config import Record
from edge.expiry import used
from edge.migrations import FREE
from edge.upkeep import least_free

HOUR_NS = 3_600 * 10**9


class Room(NamedTuple):
    """Bytes.

    Attributes:
        free, total: of the disk.
        left: until the bounds of [record] are reached: then the least worth goes, where there are bounds, else the disk is full.
        per_hour: of images that were kept in the last hour.
        bounded: there are bounds.
    """

    free: int
    total: int
    left: int
    per_hour: int
    bounded: bool

    @property
    def hours(self) -> float | None:
        """Until nothing is left; None where nothing grows."""
        return self.left / self.per_hour if self.per_hour else None


def room(db: sqlite3.Connection, folder: Path, settings: Record, now_ns: int) -> Room:
    """As of now.

    Raises:
        OSError: the folder cannot be looked at.
    """
    disk = shutil.disk_usage(folder)
    floor, quota = least_free(settings, disk.total), int(settings.quota_gb * 1e9)
    left = disk.free - floor
    if quota:
        left = min(left, quota - used(db))
    grown = db.execute(f"SELECT coalesce(sum(image_bytes), 0) FROM inspections WHERE {FREE} AND trigger_wall_ns >= ?", (now_ns - HOUR_NS,))
    return Room(disk.free, disk.total, max(0, left), int(grown.fetchone()[0]), bool(floor or quota))
