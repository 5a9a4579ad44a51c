"""What goes out: parts as the page shows them, times in ms since 1970 (UTC), boxes in px of the recorded picture."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from dashboard.golden import golden_file, picture_size
from edge.config import Station
from edge.escapes import passed
from edge.leases import Lease
from edge.messages import Defect
from edge.review_queue import Wanted
from edge.reviews import Review
from edge.search import Row
from edge.store import Inspection, Store

MAX_BOXES: Final = 3  # of a thumbnail
MAX_CLASSES: Final = 60


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A part in the grid.

    Attributes:
        why: reasons to look at it, see `edge.review_queue`; empty outside of the queue.
        shadow: what the shadow model says, '' where nothing else.
        boxes: of its surest defects. size: of the picture; None where it is not kept.
        by: who else has it before them just now.
    """

    part_id: str
    wall_ms: int
    verdict: str
    outcome: str
    kinds: list[str]
    truth: str
    reviewer: str
    held: bool
    simulated: bool
    why: list[str] = []
    shadow: str = ""
    boxes: list[list[float]] = []
    size: tuple[int, int] | None = None
    by: str = ""


class Mark(msgspec.Struct, frozen=True):
    """A defect, as a model or a person says; `score` 0 where it was a person."""

    kind: str
    box: tuple[float, float, float, float]
    score: float = 0.0
    verdict: str = ""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A review."""

    number: int
    who: str
    truth: str
    note: str
    wall_ms: int
    how: str
    boxes: list[Mark] | None


class PartView(msgspec.Struct, frozen=True, kw_only=True):
    """A part, whole.

    Attributes:
        picture: stored, expired, lost, 'sampled out', '' where there was none. size: None where it cannot be shown.
        reference: whether there is one to compare with.
        reviews: all, oldest first; newest: number of the last, 0 for none.
        classes: that a person can choose from, the model's first.
        passed: it went to the customer as far as the record knows.
        by: who else has it before them just now.
    """

    part_id: str
    station: str
    trigger_id: int
    run: str
    wall_ms: int
    verdict: str
    outcome: str
    passed: bool
    reasons: list[str]
    defects: list[Mark]
    shadow: str
    shadow_defects: list[Mark]
    recipe: str
    model: str
    total_ms: float
    simulated: bool
    held: bool
    contradicted: bool
    picture: str
    size: tuple[int, int] | None
    reference: bool
    reviews: list[Said]
    newest: int
    classes: list[str]
    by: str


def item_of(db: sqlite3.Connection, folder: Path, row: Row, others: dict[str, Lease], wanted: Wanted | None = None) -> Item:
    """A row of a search as an item."""
    boxes = db.execute("SELECT x1, y1, x2, y2 FROM defects WHERE part_id = ? ORDER BY score DESC LIMIT ?", (row.part_id, MAX_BOXES))
    path = db.execute("SELECT image_path FROM inspections WHERE part_id = ?", (row.part_id,)).fetchone() if row.image else None
    lease = others.get(row.part_id)
    return Item(
        part_id=row.part_id, wall_ms=row.wall_ns // 1_000_000, verdict=row.verdict or "", outcome=row.outcome or "", kinds=row.kinds[:MAX_BOXES],
        truth=row.truth or "", reviewer=row.reviewer or "", held=row.held, simulated=row.simulated, why=list(wanted.reasons) if wanted else [],
        shadow=wanted.shadow if wanted else "", boxes=[list(b) for b in boxes] if row.image else [],
        size=picture_size(folder, path[0]) if path else None, by=lease.who if lease else "",
    )  # fmt: skip


def said_of(review: Review) -> Said:
    """A review as it goes out."""
    marks = [Mark(b.kind, (b.x1, b.y1, b.x2, b.y2)) for b in review.boxes] if review.boxes is not None else None
    at = datetime.fromisoformat(review.reviewed_at).timestamp()
    return Said(
        number=review.number, who=review.who, truth=review.truth, note=review.note, wall_ms=round(at * 1000), how=review.how, boxes=marks
    )  # fmt: skip


def view_of(store: Store, config: Station, folder: Path, part: Inspection, lease: Lease | None) -> PartView:
    """Everything of a part that helps to judge it. What its source said of it beforehand (`expected`) is left out: it is for the
    reconciliation, and a person is to look with their own eyes."""
    reviews = store.reviews(part.part_id)
    with store.reading() as db:
        shadow, shadow_defects = _shadow(db, part.part_id)
        classes = classes_for(db, part)
        went = passed(db, part.part_id)
    reference = part.reference_path is not None or golden_file(store, config, part) is not None
    return PartView(
        part_id=part.part_id, station=part.station, trigger_id=part.trigger_id, run=part.run_id or "", wall_ms=part.trigger_wall_ns // 1_000_000,
        verdict=part.verdict or "", outcome=part.outcome or "", passed=went, reasons=part.reasons[:20],
        defects=[Mark(d.kind, (d.x1, d.y1, d.x2, d.y2), d.score, d.verdict) for d in part.defects], shadow=shadow, shadow_defects=shadow_defects,
        recipe=part.recipe or "", model=(part.model_hash or "")[:12], total_ms=(part.total_us or 0.0) / 1e3, simulated=part.simulated,
        held=part.held, contradicted=part.contradicted, picture=part.evidence or "",
        size=picture_size(folder, part.image_path) if part.image_path else None, reference=reference,
        reviews=[said_of(r) for r in reviews], newest=reviews[-1].number if reviews else 0, classes=classes, by=lease.who if lease else "",
    )  # fmt: skip


def _shadow(db: sqlite3.Connection, part_id: str) -> tuple[str, list[Mark]]:
    """What a shadow model says where it says something else than the active one; the newest model that does."""
    row = db.execute(
        "SELECT verdict, defects FROM shadow_results WHERE part_id = ? AND verdict != active_verdict ORDER BY wall_ns DESC LIMIT 1",
        (part_id,),
    ).fetchone()
    if row is None:
        return "", []
    found: list[Defect] = msgspec.convert(json.loads(row[1] or "[]"), list[Defect])
    return row[0], [Mark(d.kind, d.box, d.score, d.verdict) for d in found]


def classes_for(db: sqlite3.Connection, part: Inspection) -> list[str]:
    """Names of defects, each once: the model's own of this run (or the newest that is known), the part's, then what people have used
    besides."""
    query = "SELECT classes FROM runs WHERE classes IS NOT NULL ORDER BY run_id = ? DESC, begin_wall_ns DESC LIMIT 1"
    row = db.execute(query, (part.run_id or "",)).fetchone()
    known: list[Any] = json.loads(row[0]) if row is not None else []
    used = db.execute("SELECT kind FROM review_boxes GROUP BY kind ORDER BY count(*) DESC LIMIT ?", (MAX_CLASSES,))
    names = [*map(str, known), *(d.kind for d in part.defects), *(k for (k,) in used)]
    return list(dict.fromkeys(names))[:MAX_CLASSES]
