"""The parts of a what-if question, read from the record: the newest ones of a recipe, and every one that people have confirmed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from edge.migrations import KEPT
from edge.recipe import Recipe
from edge.whatif import Corpus, Seen, predictions_of

MAX_PARTS = 3_000
MAX_REVIEWED = 2_000
_CHUNK = 500
SCANNED = 60_000  # newest parts among which those of the recipe are looked for: another product may have run since


@dataclass(frozen=True, slots=True)
class Asked:
    """The parts, and where they come from.

    Attributes:
        recent: how many of them are the newest; the others were confirmed by people earlier.
        since_ns: time of the oldest recent one, UTC; 0 where there is none.
        model_hash: all were judged by this model; empty where there are none.
        picture: the newest part whose picture is kept; empty where there is none.
    """

    corpus: Corpus
    recent: int
    since_ns: int
    model_hash: str
    picture: str


_READ = "i.part_id, i.trigger_wall_ns, i.verdict, i.recipe, i.recipe_hash, i.model_hash, i.infer_us, i.image_path, i.evidence_expired_ns, i.truth"
_COLUMNS = "i.part_id, i.trigger_wall_ns, i.verdict, i.recipe_hash, i.infer_us, i.image_path IS NOT NULL AND i.evidence_expired_ns IS NULL, i.truth"


def asked(db: sqlite3.Connection, recipe: str, recipes: dict[str, Recipe], *, parts: int = MAX_PARTS) -> Asked:
    """The newest parts of a recipe under the model that judges it now, and the confirmed ones before.

    Args:
        recipes: by hash, the versions that are known.
    """
    newest = "SELECT model_hash, classes FROM runs WHERE recipe = ? AND begin_wall_ns IS NOT NULL ORDER BY begin_wall_ns DESC LIMIT 1"
    model_hash, classes_text = db.execute(newest, (recipe,)).fetchone() or ("", None)
    classes: list[str] = json.loads(classes_text) if classes_text else []
    scanned = f"SELECT {_READ} FROM inspections i ORDER BY i.trigger_wall_ns DESC LIMIT {SCANNED}"
    recent = db.execute(
        f"SELECT {_COLUMNS} FROM ({scanned}) i WHERE i.recipe = ? AND i.model_hash = ? AND i.verdict IS NOT NULL LIMIT ?",
        (recipe, model_hash, parts if model_hash else 0),
    ).fetchall()
    have = {row[0] for row in recent}
    confirmed = db.execute(
        f"SELECT {_COLUMNS} FROM inspections i WHERE i.truth IN ('good', 'bad') AND i.recipe = ? AND i.model_hash = ? AND i.verdict IS NOT NULL"
        " ORDER BY i.trigger_wall_ns DESC LIMIT ?",
        (recipe, model_hash, MAX_REVIEWED),
    ).fetchall()
    earlier = [row for row in confirmed if row[0] not in have]
    rows = [*recent, *earlier]
    ids = [row[0] for row in rows]
    counted: dict[str, list[tuple[str, float, float, float, float, float]]] = {}
    for part_id, *one in _of(db, "SELECT part_id, kind, score, x1, y1, x2, y2 FROM defects", ids):
        counted.setdefault(part_id, []).append(tuple(one))
    below = {part_id: (floor, json.loads(found)) for part_id, floor, found in _of(db, "SELECT part_id, floor, found FROM candidates", ids)}
    seen = [_seen(row, counted.get(row[0], []), below.get(row[0]), classes) for row in rows]
    picture = next((p.part_id for p in seen if p.pictured), "") or _picture(db, recipe)
    return Asked(Corpus(seen, classes, recipes), len(recent), recent[-1][1] if recent else 0, model_hash, picture)


def _picture(db: sqlite3.Connection, recipe: str) -> str:
    """The newest part of a recipe with a picture, whichever model has judged it; empty where there is none."""
    pictured = f"SELECT part_id, recipe FROM inspections WHERE {KEPT} ORDER BY trigger_wall_ns DESC LIMIT {SCANNED}"
    row = db.execute(f"SELECT part_id FROM ({pictured}) WHERE recipe = ? LIMIT 1", (recipe,)).fetchone()
    return row[0] if row else ""


def _of(db: sqlite3.Connection, select: str, ids: Sequence[str]) -> Iterator[Any]:
    """The rows of these parts, a few hundred parts at a time."""
    for begin in range(0, len(ids), _CHUNK):
        some = ids[begin : begin + _CHUNK]
        yield from db.execute(f"{select} WHERE part_id IN ({', '.join('?' * len(some))})", some)


def _seen(row: Sequence[Any], counted: list[Any], below: tuple[float, list[Any]] | None, classes: list[str]) -> Seen:
    part_id, wall_ns, verdict, judged_by, infer_us, pictured, truth = row
    boxes, scores, kinds = predictions_of([*counted, *map(tuple, below[1])] if below else counted, classes)
    floor = below[0] if below else None
    return Seen(
        part_id,
        wall_ns,
        verdict,
        truth if truth in ("good", "bad") else "",
        judged_by or "",
        bool(infer_us),
        boxes,
        scores,
        kinds,
        floor,
        bool(pictured),
    )
