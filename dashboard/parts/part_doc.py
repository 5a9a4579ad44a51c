"""Everything that the record knows about one part, for its page and for other programs: `/api/parts/{part_id}`."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path
from typing import Final

import msgspec

from dashboard.parts.search_api import RowView, view
from edge import search
from edge.holds import Hold
from edge.places import inside, png_size
from edge.recipes_kept import kept_run
from edge.reviews import Review
from edge.store import Inspection, Store

NEAR: Final = 25  # messages before and after those of a part in which gaps are shown
MAX_AUDIT: Final = 100
_AUDIT_LOOK: Final = 5_000
_MESSAGES: Final = ("trigger", "verdict", "ejection")


class AuditView(msgspec.Struct, frozen=True):
    """A row of the audit that names the part; `at` is UTC, ISO 8601."""

    number: int
    at: str
    op: str
    who: str
    accepted: bool
    text: str


class GapView(msgspec.Struct, frozen=True):
    """A stretch of messages nearby that nobody recorded; `before`: how many messages before the part's own its end is (negative: after)."""

    sender: str
    topic: str
    first: int
    last: int
    before: int


class ShadowView(msgspec.Struct, frozen=True):
    """What a shadow model said of the part."""

    sha256: str
    name: str
    verdict: str
    active_verdict: str
    score: float


class RunView(msgspec.Struct, frozen=True):
    """The run that the part belongs to, as it announced itself, and what is kept of it for a replay."""

    product: str = ""
    model: str = ""
    camera: str = ""
    provider: str = ""
    begin_at: str = ""
    software: str = ""
    recipe_kept: bool = False
    golden: bool = False


class PartDoc(msgspec.Struct, frozen=True):
    """A part with all that concerns it.

    Attributes:
        part: its row in full.
        wall_ms: UTC ms of its trigger.
        counts: number of the review that counts, None where none does.
        width, height: px of the recorded image, 0 where there is none.
        previous, following: its neighbours in time.
    """

    part: Inspection
    wall_ms: int
    width: int
    height: int
    run: RunView
    reviews: list[Review]
    counts: int | None
    holds: list[Hold]
    shadow: list[ShadowView]
    gaps: list[GapView]
    audit: list[AuditView]
    previous: RowView | None
    following: RowView | None


def part_doc(store: Store, part_id: str) -> PartDoc | None:
    """All about a part, None where there is none. Raises StoreError."""
    part = store.inspection(part_id)
    if part is None:
        return None
    said = store.reviews(part_id)
    holds = store.holds(part_id, ended=True)
    width, height = _size(store.folder, part.image_path)
    with store.reading() as db:
        before, after = search.neighbours(db, part_id)
        return PartDoc(
            part=part,
            wall_ms=part.trigger_wall_ns // 10**6,
            width=width,
            height=height,
            run=_run(db, part.run_id),
            reviews=said,
            counts=said[-1].number if said and said[-1].truth != "withdrawn" else None,
            holds=holds,
            shadow=_shadow(db, part_id),
            gaps=_gaps(db, part_id),
            audit=_audit(db, part_id),
            previous=view(before) if before is not None else None,
            following=view(after) if after is not None else None,
        )


def _size(folder: Path, name: str | None) -> tuple[int, int]:
    """Of the recorded image: boxes are in px of it, and a smaller picture does not tell."""
    file = inside(folder, name or "")
    try:
        with file.open("rb") if file is not None else contextlib.nullcontext() as opened:
            return png_size(opened.read(24)) if opened is not None else (0, 0)
    except OSError:
        return 0, 0


def _run(db: sqlite3.Connection, run_id: str | None) -> RunView:
    names = ("product", "model", "camera", "provider", "begin_at")
    row = db.execute(f"SELECT {', '.join(names)} FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    if row is None or run_id is None:
        return RunView()
    named = {name: str(value or "") for name, value in zip(names, row, strict=True)}
    kept = kept_run(db, run_id)
    said = {} if kept is None else {"software": kept.software, "recipe_kept": kept.recipe is not None, "golden": kept.reference is not None}
    return msgspec.convert({**named, **said}, RunView)


def _shadow(db: sqlite3.Connection, part_id: str) -> list[ShadowView]:
    rows = db.execute(
        "SELECT s.sha256, m.name, s.verdict, s.active_verdict, s.score FROM models m JOIN shadow_results s"
        " ON s.sha256 = m.sha256 AND s.part_id = ? ORDER BY s.wall_ns LIMIT 20",
        (part_id,),
    )
    return [ShadowView(*row) for row in rows]


def _gaps(db: sqlite3.Connection, part_id: str) -> list[GapView]:
    columns = ", ".join(f"{m}_epoch, {m}_seq" for m in _MESSAGES)
    station, *numbers = db.execute(f"SELECT station, {columns} FROM inspections WHERE part_id = ?", (part_id,)).fetchone()
    found = []
    for message, epoch, seq in zip(_MESSAGES, numbers[::2], numbers[1::2], strict=True):
        if seq is None:
            continue
        sender, topic = "rejector" if message == "ejection" else "station", f"gutteil.{message}"
        rows = db.execute(
            "SELECT first_seq, last_seq FROM gaps WHERE station = ? AND sender = ? AND epoch = ? AND topic = ?"
            " AND first_seq <= ? AND last_seq >= ? ORDER BY first_seq LIMIT 10",
            (station, sender, epoch, topic, seq + NEAR, seq - NEAR),
        )
        found += [GapView(sender, topic, first, last, seq - last) for first, last in rows]
    return found


def _audit(db: sqlite3.Connection, part_id: str) -> list[AuditView]:
    """Rows that name the part, newest first, among the newest that hold its id at all."""
    rows = db.execute(
        "SELECT number, at, op, who, accepted, text FROM audit WHERE instr(text, ?) > 0 ORDER BY number DESC LIMIT ?",
        (part_id, _AUDIT_LOOK),
    )
    whole = re.compile(rf"(?<![\w.-]){re.escape(part_id)}(?![\w-])")  # P1 is not P10
    found = [AuditView(n, at, op, who, bool(done), text) for n, at, op, who, done, text in rows if whole.search(text)]
    return found[:MAX_AUDIT]
