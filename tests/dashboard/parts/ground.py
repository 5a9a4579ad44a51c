"""The record that the pages of this folder are tested on: some parts really judged, and a hundred thousand more without pictures."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

from edge.reviews import ReviewBox
from edge.tallies import due, recount
from tests.edge.judged_record import T0, JudgedRecord, board

MANY = 100_000
STEP_S = 30
KINDS = ("open", "short", "spur")
ODD = "P 1/ü?#%2f&\"'<img src=x onerror=document.title='hacked'>"  # an id as a hostile or careless scanner might give it

_PARTS = f"""WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY})
INSERT INTO inspections (part_id, run_id, station, trigger_id, trigger_wall_ns, simulated, verdict, reasons, recipe, recipe_hash, model_hash,
    prepare_us, infer_us, total_us, outcome)
SELECT printf('M-%06d', i), 'M', 'S1', i, {T0} - i * {STEP_S} * 1000000000, 1, CASE i % 10 WHEN 0 THEN 'NG' WHEN 5 THEN 'UNDECIDED' ELSE 'OK' END,
    '[]', CASE WHEN i < 50000 THEN 'board-b' ELSE 'board-a' END, 'x', 'y', 500, 5000, 9000, CASE WHEN i % 5 = 0 THEN 'ejected' ELSE 'passed' END FROM n"""
_DEFECTS = """INSERT INTO defects (part_id, number, kind, score, x1, y1, x2, y2, verdict, wall_ns)
SELECT part_id, 1, CASE trigger_id % 3 WHEN 0 THEN 'open' WHEN 1 THEN 'short' ELSE 'spur' END, 0.9, 1, 2, 30, 40, verdict, trigger_wall_ns
FROM inspections WHERE run_id = 'M' AND verdict != 'OK'"""


@dataclass
class Ground:
    """The record; part ids of the judged parts, newest last."""

    record: JudgedRecord
    judged: list[str] = field(default_factory=list)
    odd: str = ODD
    gone: str = "picture-gone"

    @property
    def folder(self) -> Path:
        return self.record.folder


def lay(folder: Path) -> Ground:
    """Make the record in `folder / "record"`: the parts of run M are older than the judged ones, one every 30 s, M-000001 the newest."""
    ground = Ground(JudgedRecord(folder))
    ground.judged = [ground.record.part(board(n % 4, seed=n)) for n in range(8)]
    ground.record.part(board(1), part_id=ODD)
    ground.record.part(board(2), part_id=ground.gone)
    with ground.record.open() as store:
        with store.writing() as db:
            db.execute(
                "INSERT INTO runs (run_id, station, begin_wall_ns, product, recipe, model, model_hash, classes, simulated)"
                " VALUES ('M', 'S1', ?, 'p', 'board-b', 'old', 'y', '[\"open\", \"short\", \"spur\"]', 1)",
                (T0 - MANY * STEP_S * 10**9,),
            )
            db.execute(_PARTS)
            db.execute(_DEFECTS)
            db.execute(
                "INSERT INTO tally_due SELECT DISTINCT trigger_wall_ns / 3600000000000 FROM inspections WHERE true ON CONFLICT DO NOTHING"
            )
            for hour in due(db, 10_000):
                recount(db, hour)
        store.review(ground.judged[1], "Anna <b>Beck</b>", "bad", [ReviewBox("short", 200, 200, 214, 214)], "a hole")
        store.review(ground.judged[0], "Ben", "good")
        store.review(ground.judged[2], "Ben", "bad")
        store.review(ground.judged[2], "Ben", "withdrawn")
        gone = store.inspection(ground.gone)
    assert gone is not None
    with contextlib.suppress(FileNotFoundError):
        (ground.folder / (gone.image_path or "")).unlink()
    return ground
