"""What recipes did not count, as rows of the record: of the newest parts, and of those that people have reviewed.

Every part that a model has looked at has one row, also where there was nothing. So a part without a row is one of which
nobody knows what lay below the thresholds.
"""

from __future__ import annotations

import json
import sqlite3

from edge.messages import Candidates

KEPT = 20_000


def write_candidates(db: sqlite3.Connection, m: Candidates) -> None:
    """Within the caller's transaction. Of two for one part the one with the lower number stands."""
    found = json.dumps([[c.kind, c.score, *c.box] for c in m.found], ensure_ascii=False, separators=(",", ":"))
    db.execute(
        "INSERT INTO candidates VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (part_id) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq,"
        " wall_ns = excluded.wall_ns, floor = excluded.floor, found = excluded.found WHERE (excluded.epoch, excluded.seq) < (epoch, seq)",
        (m.part_id, m.epoch, m.seq, m.wall_ns, m.floor, found),
    )


def forget_candidates(db: sqlite3.Connection) -> None:
    """Keep those of the newest parts, and of reviewed ones: what is known to be bad is asked for at every change of a recipe."""
    db.execute(
        "DELETE FROM candidates WHERE wall_ns < (SELECT wall_ns FROM candidates ORDER BY wall_ns DESC LIMIT 1 OFFSET ?)"
        " AND part_id NOT IN (SELECT part_id FROM reviews)",
        (KEPT - 1,),
    )
