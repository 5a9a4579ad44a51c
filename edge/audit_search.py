"""The audit log by person, order and time; newest first, a page at a time, so that a page of a long log costs no more than of a short one."""

from __future__ import annotations

import sqlite3

import msgspec

from edge.audit import AuditRow

MAX_PAGE = 1_000
_NAMES = AuditRow.__struct_fields__


class AuditFilter(msgspec.Struct, frozen=True):
    """What is wanted; an empty field is no condition.

    Attributes:
        who: a name, exactly but for small and capital letters.
        op: the order, or what it begins with.
        since_ns, until_ns: Unix time, ns; from `since_ns` on, before `until_ns`.
    """

    who: str = ""
    op: str = ""
    since_ns: int | None = None
    until_ns: int | None = None


def search(db: sqlite3.Connection, wanted: AuditFilter, before: int | None = None, n: int = 100) -> list[AuditRow]:
    """At most n rows (and never more than `MAX_PAGE`), newest first, that are older than the row with the number `before`."""
    where = ["number < :before"]
    bound: dict[str, str | int] = {"before": before if before is not None else 2**62, "n": min(max(n, 0), MAX_PAGE)}
    for name, condition, value in (
        ("who", "who = :who COLLATE NOCASE", wanted.who),
        ("op", "substr(op, 1, length(:op)) = :op", wanted.op),
        ("since", "wall_ns >= :since", wanted.since_ns),
        ("until", "wall_ns < :until", wanted.until_ns),
    ):
        if value is not None and value != "":
            where.append(condition)
            bound[name] = value
    rows = db.execute(f"SELECT {', '.join(_NAMES)} FROM audit WHERE {' AND '.join(where)} ORDER BY number DESC LIMIT :n", bound)
    return [msgspec.convert(dict(zip(_NAMES, row, strict=True)), AuditRow, strict=False) for row in rows]
