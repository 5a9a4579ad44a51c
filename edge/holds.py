"""Holds: somebody forbids that the image of a part is deleted, until each hold on it has been released. History is kept.

A dispute over a part is a hold. The recorder deletes, people hold, so here a second process writes to the record. SQLite
allows that: one writer at a time, the other waits (ours for a few ms; the recorder a second before it says so and tries
again). A hold goes straight into the file and not over the bus to the recorder, so that it works, and is durable when the
command returns, also while the recorder is stopped, busy or dead. Who wins is decided by the lock: the recorder's
deletion asks for `held` in the very statement that marks the image as deleted, and only then deletes the file.
"""

from __future__ import annotations

import sqlite3

import msgspec

from edge.audit import append
from edge.errors import StoreError

MAX_TEXT = 200


class Hold(msgspec.Struct, frozen=True):
    """One hold and, if it has ended, its release. Times are UTC, ISO 8601.

    Attributes:
        evidence: what there is of the part's image.
    """

    number: int
    part_id: str
    who: str
    reason: str
    held_at: str
    evidence: str | None
    released_at: str | None = None
    released_by: str | None = None
    release_reason: str | None = None


_SELECT = """SELECT h.number, h.part_id, h.who, h.reason, h.held_at,
    CASE WHEN i.evidence_expired_ns IS NOT NULL THEN 'expired' ELSE i.evidence END, r.released_at, r.who, r.reason
    FROM holds h JOIN inspections i USING (part_id) LEFT JOIN hold_releases r ON r.hold = h.number"""


def holds(db: sqlite3.Connection, part_id: str | None = None, *, ended: bool = False) -> list[Hold]:
    """The holds in force, oldest first; with `ended` the released ones too."""
    terms = [*(["h.part_id = ?"] if part_id is not None else []), *([] if ended else ["r.hold IS NULL"])]
    where = f" WHERE {' AND '.join(terms)}" if terms else ""
    return [Hold(*row) for row in db.execute(f"{_SELECT}{where} ORDER BY h.number", (part_id,) if part_id is not None else ())]


def place(db: sqlite3.Connection, part_id: str, who: str, reason: str, now_ns: int) -> Hold:
    """Within the caller's transaction, which holds the write lock.

    Raises:
        StoreError: no such part, no name or no reason.
    """
    who, reason = said(who, "who"), said(reason, "reason")
    row = db.execute("SELECT station, simulated FROM inspections WHERE part_id = ?", (part_id,)).fetchone()
    if row is None:
        raise StoreError(f"there is no part {part_id!r} in the record; check the id, or name it by --run and --trigger")
    number = db.execute("SELECT coalesce(max(number), 0) + 1 FROM holds").fetchone()[0]
    db.execute("INSERT INTO holds (number, part_id, who, reason, wall_ns) VALUES (?, ?, ?, ?, ?)", (number, part_id, who, reason, now_ns))
    append(db, (now_ns, row[0], "command", now_ns, number, "hold", who, "none", True, f"{part_id}: {reason}", row[1]))
    return holds(db, part_id)[-1]


def release(db: sqlite3.Connection, part_id: str, who: str, reason: str, now_ns: int, number: int | None = None) -> Hold:
    """End one hold; where several are on the part its number says which. As `place`.

    Raises:
        StoreError: also: no such hold, or several and no number.
    """
    who, reason = said(who, "who"), said(reason, "reason")
    found = [h for h in holds(db, part_id) if number in (None, h.number)]
    if not found:
        raise StoreError(f"part {part_id!r} has no {'hold' if number is None else f'hold {number}'} in force; see: gutteil holds")
    if len(found) > 1:
        listed = "; ".join(f"--hold {h.number}: {h.who}, {h.reason}" for h in found)
        raise StoreError(f"part {part_id!r} is held {len(found)} times; say which hold ends: {listed}")
    hold = found[0]
    db.execute("INSERT INTO hold_releases (hold, who, reason, wall_ns) VALUES (?, ?, ?, ?)", (hold.number, who, reason, now_ns))
    station, simulated = db.execute("SELECT station, simulated FROM inspections WHERE part_id = ?", (part_id,)).fetchone()
    text = f"{part_id}, hold {hold.number} by {hold.who}: {reason}"
    append(db, (now_ns, station, "command", now_ns, hold.number, "release", who, "none", True, text, simulated))
    return next(h for h in holds(db, part_id, ended=True) if h.number == hold.number)


def part_of(db: sqlite3.Connection, run_id: str, trigger_id: int) -> str:
    """The part with this trigger number in a run.

    Raises:
        StoreError: none, or several (trigger numbers start anew with the line).
    """
    query = "SELECT part_id FROM inspections WHERE run_id = ? AND trigger_id = ? ORDER BY trigger_wall_ns LIMIT 10"
    found = [r[0] for r in db.execute(query, (run_id, trigger_id))]
    if len(found) != 1:
        what = f"several parts ({', '.join(found)}); name one by its id" if found else "no part; check both"
        raise StoreError(f"run {run_id!r}, trigger {trigger_id}: {what}")
    return str(found[0])


def said(text: str, what: str) -> str:
    text = text.strip()
    if not text or len(text) > MAX_TEXT or not text.isprintable():
        raise StoreError(f"--{what} {text[:40]!r}: 1 to {MAX_TEXT} printable characters are needed; it stays in the record for good")
    return text
