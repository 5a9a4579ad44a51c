"""The review queue: parts that a person ought to look at, those first from which most is learned.

Four reasons, in this order: the books do not fit (`odd`), the station could not decide (`undecided`), a shadow model says
something else (`disagreement`), the part was rejected (`reject`). A fifth, `sample`, is asked for by itself: parts that passed,
drawn at random from the images that are kept of OK parts. Nobody can tell how many bad parts pass without looking at some
that did (docs/statistics.md); reviews of it are to be written with `how='sample'`, all others from here with `how='queue'`.

Only parts whose image is kept and that nobody has reviewed. Who has which one just now is for `edge.leases`.
"""

from __future__ import annotations

import hashlib
import sqlite3
from typing import Final, Literal

import msgspec

from edge.errors import StoreError
from edge.filters import Filters
from edge.migrations import FREE
from edge.search import MAX_ROWS, Row, find, rows_of
from edge.tallies import BUCKET_NS

Reason = Literal["odd", "undecided", "disagreement", "reject", "sample"]
REASONS: Final[tuple[Reason, ...]] = ("odd", "undecided", "disagreement", "reject")
_LOOK = 400  # newest of each reason; what is further back comes when these are done
_SAMPLES = 2_000


class Wanted(msgspec.Struct, frozen=True):
    """A part that is to be reviewed.

    Attributes:
        worth: the higher, the sooner; a reason's whole number, plus up to 1 for how unsure the model was.
        reasons: all that hold, the first of which put it here.
        shadow: what the shadow model says, '' where it says the same or nothing.
    """

    row: Row
    worth: float
    reasons: tuple[Reason, ...]
    shadow: str = ""


class Open(msgspec.Struct, frozen=True):
    """How many parts wait, of all times: from the tallies, whether their images are kept or not. `disagreements` counts at most 1,000."""

    undecided: int
    rejects: int
    disagreements: int


def queue(
    db: sqlite3.Connection, *, reasons: tuple[Reason, ...] = REASONS, since_ns: int = 0, model: str = "", limit: int = 50
) -> list[Wanted]:
    """The parts to be looked at next, the worthiest first; among equals the newest, as its image is there and the line remembers.

    Args:
        since_ns: nothing older, UTC.
        model: SHA-256 of the shadow model whose disagreements count; '': any.
        limit: at most so many, up to 500.

    Raises:
        StoreError: a reason that is none.
    """
    for reason in reasons:
        if reason not in (*REASONS, "sample"):
            raise StoreError(f"reason {reason!r} is not known; choose among {', '.join(REASONS)}, sample")
    found: dict[str, Wanted] = {}
    shadows = _shadows(db, model, since_ns) if "disagreement" in reasons else {}
    for reason in reasons:
        for row in _rows(db, reason, since_ns, shadows):
            before = found.get(row.part_id)
            if before is None:
                found[row.part_id] = Wanted(row, _worth(reason, row), (reason,), shadows.get(row.part_id, ""))
            elif reason not in before.reasons:
                found[row.part_id] = Wanted(
                    row, max(before.worth, _worth(reason, row)), (*before.reasons, reason), shadows.get(row.part_id, "")
                )
    ordered = sorted(found.values(), key=lambda w: (-w.worth, -w.row.wall_ns, w.row.part_id))
    return ordered[: max(1, min(limit, MAX_ROWS))]


def waiting(db: sqlite3.Connection, since_ns: int = 0) -> Open:
    """How much there is to do since a moment, to the quarter of an hour."""
    query = """SELECT coalesce(sum(parts) FILTER (WHERE verdict = 'UNDECIDED'), 0), coalesce(sum(parts) FILTER (WHERE verdict = 'NG'), 0)
        FROM tallies WHERE bucket >= ? AND truth = '' AND verdict IN ('NG', 'UNDECIDED')"""
    undecided, rejects = db.execute(query, (since_ns // BUCKET_NS,)).fetchone()
    differ = f"SELECT count(*) FROM (SELECT 1 {_DIFFER} AND i.trigger_wall_ns >= ? LIMIT 1000)"
    return Open(int(undecided), int(rejects), int(db.execute(differ, (since_ns,)).fetchone()[0]))


_WORTH: Final[dict[Reason, int]] = {"odd": 40, "undecided": 30, "disagreement": 20, "reject": 10, "sample": 0}


def _worth(reason: Reason, row: Row) -> float:
    """Within a reason the parts of which the model was least sure come first; a sample comes in the order of chance."""
    if reason == "sample":
        return int.from_bytes(hashlib.blake2b(row.part_id.encode(), digest_size=6).digest()) / 2**48
    return _WORTH[reason] + 1 - min(max(row.score or 0.0, 0.0), 1.0)


def _rows(db: sqlite3.Connection, reason: Reason, since_ns: int, shadows: dict[str, str]) -> list[Row]:
    match reason:
        case "undecided" | "reject":
            verdict: Literal["UNDECIDED", "NG"] = "UNDECIDED" if reason == "undecided" else "NG"
            return find(db, Filters(since_ns=since_ns, verdict=verdict, reviewed=False, image=True), limit=_LOOK).rows
        case "odd":
            missed = find(db, Filters(since_ns=since_ns, outcome="missed", reviewed=False, image=True), limit=_LOOK).rows
            return [*missed, *rows_of(db, _of_worth(db, 2, since_ns, _LOOK))]
        case "disagreement":
            return rows_of(db, list(shadows))
        case "sample":
            ids = _of_worth(db, 0, since_ns, _SAMPLES)
            ids.sort(key=lambda part_id: hashlib.blake2b(part_id.encode(), digest_size=6).digest(), reverse=True)
            return rows_of(db, ids[:MAX_ROWS])


def _of_worth(db: sqlite3.Connection, worth: int, since_ns: int, n: int) -> list[str]:
    """Parts of a worth as in retention (0: samples of OK parts, 2: what does not fit the books) whose image is kept and on no hold."""
    query = f"""SELECT part_id FROM inspections INDEXED BY inspections_by_worth WHERE {FREE} AND worth = ?
        AND truth IS NULL AND trigger_wall_ns >= ? ORDER BY trigger_wall_ns DESC LIMIT ?"""
    return [r[0] for r in db.execute(query, (worth, since_ns, n))]


# the index of disagreements leads, whichever shadow model found them
_DIFFER = """FROM models m CROSS JOIN shadow_results s INDEXED BY shadow_disagreements ON s.sha256 = m.sha256
    CROSS JOIN inspections i ON i.part_id = s.part_id
    WHERE s.verdict != s.active_verdict AND i.truth IS NULL AND i.image_path IS NOT NULL AND i.evidence_expired_ns IS NULL"""


def _shadows(db: sqlite3.Connection, model: str, since_ns: int) -> dict[str, str]:
    """What the shadow model says of the newest parts on which it differs, by part."""
    where = "AND m.sha256 = ?" if model else "AND ? = ''"
    query = f"SELECT s.part_id, s.verdict {_DIFFER} {where} AND i.trigger_wall_ns >= ? ORDER BY s.wall_ns DESC LIMIT ?"
    return dict(db.execute(query, (model, since_ns, _LOOK)).fetchall())
