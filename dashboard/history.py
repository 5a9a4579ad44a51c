"""What the record still knows when the dashboard starts: the last rejects, until newer ones come over the bus."""

from __future__ import annotations

import logging
from pathlib import Path

from dashboard.line import MAX_DEFECTS, MAX_REJECTS, Part
from edge.errors import StoreError
from edge.messages import Defect
from edge.store import FILE_NAME, Inspection, open_store

log = logging.getLogger(__name__)


def last_rejects(folder: str) -> list[Part]:
    """NG and UNDECIDED parts of the record, newest first; none where there is no record that can be read."""
    path = Path(folder) / FILE_NAME
    if not path.is_file():
        return []
    try:
        with open_store(path, read_only=True) as store:
            found = [*store.last(MAX_REJECTS, "NG"), *store.last(MAX_REJECTS, "UNDECIDED")]
    except StoreError as error:
        log.warning("the last rejects are not shown: %s", error)
        return []
    found.sort(key=lambda i: i.trigger_wall_ns, reverse=True)
    return [_part(i) for i in found[:MAX_REJECTS]]


def stored_picture(folder: str, part_id: str) -> str:
    """Where the record keeps the picture of a part, relative to its folder; '' if it does not (yet)."""
    path = Path(folder) / FILE_NAME
    if not path.is_file():
        return ""
    try:
        with open_store(path, read_only=True) as store:
            found = store.inspection(part_id)
    except StoreError:
        return ""
    return (found.image_path or "") if found is not None else ""


def _part(row: Inspection) -> Part:
    return Part(
        number=0,
        part_id=row.part_id,
        run_id=row.run_id or "",
        verdict=row.verdict or "UNDECIDED",
        reasons=row.reasons[:20],
        defects=[Defect(d.kind, d.score, (d.x1, d.y1, d.x2, d.y2), d.verdict) for d in row.defects[:MAX_DEFECTS]],
        more_defects=max(0, len(row.defects) - MAX_DEFECTS),
        wall_ns=row.trigger_wall_ns,
        total_us=row.total_us or 0.0,
        simulated=row.simulated,
        file=row.image_path or "",
        outcome=row.outcome or "",
    )
