"""What the record still knows when the dashboard starts: the last rejects, and what people have said, until newer things come."""

from __future__ import annotations

import logging
from pathlib import Path

from dashboard.line import MAX_DEFECTS, MAX_REJECTS, Part, Said
from edge.errors import StoreError
from edge.messages import Defect
from edge.store import FILE_NAME, Inspection, open_store

SEEN = "alarm seen"  # in the audit; its text begins with sender and code
_SEEN_NS = 30 * 86_400 * 10**9
_ENDED = """SELECT 1 FROM alarm_events WHERE sender = ? AND code = ? AND wall_ns > ? AND NOT active
    UNION ALL SELECT 1 FROM processes WHERE sender = ? AND epoch > ? LIMIT 1"""  # who starts anew raises its alarms anew

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


def said_before(folder: str, now_ns: int) -> tuple[dict[tuple[str, str], Said], Said | None]:
    """Who has seen alarms that have not ended or come anew since, by sender and code; and who let the line run last."""
    path = Path(folder) / FILE_NAME
    if not path.is_file():
        return {}, None
    try:
        with open_store(path, read_only=True) as store, store.reading() as db:
            rows = db.execute(
                "SELECT who, wall_ns, text FROM audit WHERE op = ? AND accepted AND wall_ns > ? ORDER BY number DESC LIMIT 500",
                (SEEN, now_ns - _SEEN_NS),
            )
            seen: dict[tuple[str, str], Said] = {}
            for who, wall_ns, text in rows.fetchall():
                sender, _, rest = str(text).partition(" ")
                code = rest.partition(" ")[0]
                if (sender, code) not in seen and not db.execute(_ENDED, (sender, code, wall_ns, sender, wall_ns)).fetchone():
                    seen[sender, code] = Said(who, wall_ns)
            last = db.execute("SELECT who, wall_ns, text FROM audit WHERE op = 'acknowledge' AND accepted ORDER BY number DESC LIMIT 1")
            found = last.fetchone()
            return seen, Said(*found) if found else None
    except StoreError as error:
        log.warning("who has seen which alarm is not known any more: %s", error)
        return {}, None


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
