"""Who gave which order: append only, and every row is chained to the one before it by SHA-256.

The chain shows a row that was changed, taken out or put in between. Whoever may write the file can also make the whole
chain anew or cut off its end: so note the newest hash elsewhere from time to time, and have it checked with `expect`.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from typing import Any

import msgspec

from edge.messages import Audit

GENESIS = "0" * 64
# in this order they are hashed
COLUMNS = ("number", "wall_ns", "station", "sender", "epoch", "seq", "op", "who", "key", "accepted", "text", "simulated")


class AuditRow(msgspec.Struct, frozen=True):
    """An order as it was recorded; `at` is UTC, ISO 8601."""

    number: int
    wall_ns: int
    station: str
    sender: str
    epoch: int
    seq: int
    op: str
    who: str
    key: str
    accepted: bool
    text: str
    simulated: bool
    hash: str
    at: str


class AuditCheck(msgspec.Struct, frozen=True):
    """Whether the chain holds.

    Attributes:
        rows: how many were checked.
        head: hash of the newest row; that of no row is 64 zeros.
        broken: number of the first row that does not fit, or None; rows after it prove nothing.
        why: what is wrong, empty if nothing is.
    """

    rows: int
    head: str
    broken: int | None = None
    why: str = ""

    @property
    def holds(self) -> bool:
        return not self.why


def chained(before: str, content: tuple[Any, ...]) -> str:
    """SHA-256 in hex over the hash of the row before and the row's columns as a JSON array without blanks, UTF-8."""
    text = json.dumps([int(c) if isinstance(c, bool) else c for c in content], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{before}{text}".encode("utf-8", "surrogatepass")).hexdigest()


def append_message(db: sqlite3.Connection, m: Audit) -> None:
    """Record an order within the caller's transaction, which holds the write lock: the end of the chain is read.

    The same message again (station, sender, epoch, number) changes nothing.
    """
    known = "SELECT 1 FROM audit WHERE station = ? AND sender = ? AND epoch = ? AND seq = ?"
    if db.execute(known, (m.station, m.sender, m.epoch, m.seq)).fetchone() is None:
        append(db, (m.wall_ns, m.station, m.sender, m.epoch, m.seq, m.op, m.who, m.key, m.accepted, m.text, m.simulated))


def append(db: sqlite3.Connection, content: tuple[Any, ...]) -> None:
    """Chain a row to the end; `content` is `COLUMNS` without the number. As `append_message`, but the row must be new."""
    number, before = db.execute("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1").fetchone() or (0, GENESIS)
    row = (number + 1, *content)
    marks = ", ".join("?" * (len(row) + 1))
    db.execute(f"INSERT INTO audit ({', '.join(COLUMNS)}, hash) VALUES ({marks})", (*row, chained(before, row)))


def last_rows(db: sqlite3.Connection, n: int) -> list[AuditRow]:
    """The last n orders, newest first."""
    names = AuditRow.__struct_fields__
    rows = db.execute(f"SELECT {', '.join(names)} FROM audit ORDER BY number DESC LIMIT ?", (max(0, n),)).fetchall()
    return [msgspec.convert(dict(zip(names, row, strict=True)), AuditRow, strict=False) for row in rows]


def verify(db: sqlite3.Connection, expect: str = "") -> AuditCheck:
    """Go through the whole chain; `expect` is a hash noted earlier, which must be one of its links."""
    count, before, found = 0, GENESIS, expect in ("", GENESIS)
    for *content, said in db.execute(f"SELECT {', '.join(COLUMNS)}, hash FROM audit ORDER BY number"):
        number = content[0]
        if number != count + 1:
            return AuditCheck(count, before, number, f"row {count + 1} is missing")
        if chained(before, tuple(content)) != said:
            return AuditCheck(count, before, number, f"row {number} is not what was recorded, or does not belong there")
        count, before, found = number, said, found or said == expect
    if not found:
        return AuditCheck(count, before, None, f"no row has the hash {expect}: the end was cut off, or the chain made anew")
    return AuditCheck(count, before)
