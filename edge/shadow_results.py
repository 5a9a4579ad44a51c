"""What a shadow model said of parts, beside what the active one said: rows, disagreements, and who of the two was right."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from edge.bounds import share
from edge.messages import Defect, VerdictWord
from edge.reviews import Truth


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One part, judged by both.

    Attributes:
        active_score, score: of the surest defect, 0 without any.
        active_defects, defects: of disagreements alone, empty otherwise.
    """

    part_id: str
    recipe_hash: str
    active_sha256: str
    active_verdict: VerdictWord
    verdict: VerdictWord
    active_score: float
    score: float
    active_defects: list[Defect] = []
    defects: list[Defect] = []
    wall_ns: int = 0

    @property
    def differs(self) -> bool:
        return self.verdict != self.active_verdict


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """What the shadow process made of the parts of a stretch of time.

    Attributes:
        busy: skipped, as it was judging another part.
        gone: skipped, as the image had been overwritten, or there was none.
        missed: announced on the bus, and never read.
        failed: could not be judged.
    """

    judged: int = 0
    busy: int = 0
    gone: int = 0
    missed: int = 0
    failed: int = 0


def add(db: sqlite3.Connection, sha256: str, results: Iterable[Result], recipe_hash: str, span: Span, times_ns: tuple[int, int]) -> None:
    """Within the caller's transaction, which holds the write lock. A part that is there already (said again on the bus) stays as it is."""
    for r in results:
        if db.execute("SELECT 1 FROM shadow_results WHERE sha256 = ? AND part_id = ?", (sha256, r.part_id)).fetchone() is None:
            defects = [msgspec.json.encode(d).decode() if r.differs else None for d in (r.active_defects, r.defects)]
            scores = (r.active_verdict, r.verdict, r.active_score, r.score)
            columns = "sha256, part_id, recipe_hash, active_sha256, active_verdict, verdict, active_score, score, active_defects, defects, wall_ns"
            row = (sha256, r.part_id, r.recipe_hash, r.active_sha256, *scores, *defects, r.wall_ns)
            db.execute(f"INSERT INTO shadow_results ({columns}) VALUES ({', '.join('?' * len(row))})", row)
    number = db.execute("SELECT coalesce(max(number), 0) + 1 FROM shadow_spans").fetchone()[0]
    columns = "number, sha256, recipe_hash, judged, busy, gone, missed, failed, begin_wall_ns, end_wall_ns"
    counts = msgspec.structs.astuple(span)
    db.execute(f"INSERT INTO shadow_spans ({columns}) VALUES ({', '.join('?' * 10)})", (number, sha256, recipe_hash, *counts, *times_ns))


def hold_reason(sha256: str) -> str:
    """By which holds on images of a model's disagreements are known."""
    return f"the shadow model {sha256[:16]} disagrees"


def totals(db: sqlite3.Connection, sha256: str) -> Span:
    """Of a model, since it was first in shadow."""
    sums = ", ".join(f"coalesce(sum({n}), 0)" for n in Span.__struct_fields__)
    return Span(**dict(zip(Span.__struct_fields__, db.execute(f"SELECT {sums} FROM shadow_spans WHERE sha256 = ?", (sha256,)).fetchone(), strict=True)))  # fmt: skip


def parts(db: sqlite3.Connection, sha256: str, recipe_hash: str, active_sha256: str) -> int:
    """How many parts it has judged under this recipe beside this active model."""
    query = "SELECT count(*) FROM shadow_results WHERE sha256 = ? AND recipe_hash = ? AND active_sha256 = ?"
    return int(db.execute(query, (sha256, recipe_hash, active_sha256)).fetchone()[0])


_REVIEWED = "LEFT JOIN reviews r ON r.number = (SELECT max(n.number) FROM reviews n WHERE n.part_id = s.part_id) AND r.truth != 'withdrawn'"
_WHERE = "s.sha256 = ? AND s.verdict != s.active_verdict AND s.recipe_hash = ? AND s.active_sha256 = ?"


class Said(NamedTuple):
    """A part on which the two differ; `truth`: what people say of it, None where nobody has yet."""

    part_id: str
    active_verdict: VerdictWord
    verdict: VerdictWord
    truth: Truth | None


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """The same with all that is known of it; `image_path` is relative to the record's folder, None where no image is kept."""

    result: Result
    truth: Truth | None
    reviewer: str
    triggered_at: str | None
    image_path: str | None


def said(db: sqlite3.Connection, sha256: str, recipe_hash: str, active_sha256: str) -> Iterator[Said]:
    """The parts on which the two differ under this recipe, one at a time, as there may be many."""
    query = f"SELECT s.part_id, s.active_verdict, s.verdict, r.truth FROM shadow_results s {_REVIEWED} WHERE {_WHERE}"
    return (Said(*row) for row in db.execute(query, (sha256, recipe_hash, active_sha256)))


def disagreeing(db: sqlite3.Connection) -> frozenset[str]:
    """Every part on which a model in shadow and the active one of its time differed, whatever models they were."""
    return frozenset(row[0] for row in db.execute("SELECT DISTINCT part_id FROM shadow_results WHERE verdict != active_verdict"))


def disagreements(db: sqlite3.Connection, sha256: str, recipe_hash: str, active_sha256: str, most: int) -> list[Disagreement]:
    """The newest of them, newest first, at most so many."""
    names = Result.__struct_fields__
    rows = db.execute(
        f"""SELECT {", ".join(f"s.{n}" for n in names)}, r.truth, coalesce(r.who, ''), i.triggered_at,
            CASE WHEN i.evidence_expired_ns IS NULL THEN i.image_path END
        FROM shadow_results s LEFT JOIN inspections i USING (part_id) {_REVIEWED}
        WHERE {_WHERE} ORDER BY s.wall_ns DESC, s.part_id LIMIT ?""",
        (sha256, recipe_hash, active_sha256, most),
    ).fetchall()
    found = []
    for row in rows:
        fields = dict(zip(names, row[: len(names)], strict=True))
        fields |= {n: msgspec.convert(json.loads(fields[n] or "[]"), list[Defect]) for n in ("active_defects", "defects")}
        truth, reviewer, at, path = row[len(names) :]
        found.append(Disagreement(result=Result(**fields), truth=truth, reviewer=reviewer, triggered_at=at, image_path=path))
    return found


@dataclass(frozen=True, slots=True)
class Score:
    """Who was right where the two differ on whether a part may pass, by what people said of it.

    Attributes:
        differ: parts on which their verdicts differ.
        candidate, active: how often each was right.
        undecided: reviewed parts that say nothing of the two: both reject, or the person was unsure.
        open: not reviewed yet.
        new_escapes: bad parts that the candidate would pass and the active model does not.
        new_catches: bad parts that the active model passed and the candidate would not.
        passes, passes_reviewed: parts that the candidate would pass and the active model does not, and how many are reviewed.
    """

    differ: int
    candidate: int
    active: int
    undecided: int
    open: int
    new_escapes: tuple[str, ...]
    new_catches: tuple[str, ...]
    passes: int
    passes_reviewed: int

    def as_dict(self) -> dict[str, Any]:
        """With the share in which the candidate was right and its 95 % bounds."""
        right = share(self.candidate, self.candidate + self.active).as_dict()
        return {n: getattr(self, n) for n in self.__dataclass_fields__} | {"candidate_right": right}


def score(found: Iterable[Said]) -> Score:
    """Pure. A part that both reject, one as NG and one as UNDECIDED, is a disagreement in words alone."""
    differ = candidate = active = undecided = still_open = passes = passes_reviewed = 0
    escapes, catches = [], []
    for part in found:
        differ += 1
        would_pass, passed, telling = part.verdict == "OK", part.active_verdict == "OK", part.truth in ("good", "bad")
        passes += would_pass
        passes_reviewed += would_pass and telling
        if part.truth is None:
            still_open += 1
        elif not telling or would_pass == passed:
            undecided += 1
        elif (part.truth == "good") == would_pass:
            candidate += 1
        else:
            active += 1
        if part.truth == "bad" and would_pass:
            escapes.append(part.part_id)
        elif part.truth == "bad" and passed:
            catches.append(part.part_id)
    return Score(differ, candidate, active, undecided, still_open, tuple(escapes), tuple(catches), passes, passes_reviewed)
