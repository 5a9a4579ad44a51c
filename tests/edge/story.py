"""Made-up messages of a line, and the record's content read without any of our code."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from edge.messages import (
    Alarm,
    AnyMessage,
    Candidate,
    Candidates,
    Defect,
    Ejection,
    Ejector,
    Heartbeat,
    ImageRef,
    Outcome,
    Run,
    Timings,
    Trigger,
    Verdict,
    VerdictWord,
)
from edge.rows import Evidence, StoredFile
from edge.sequences import Gap

T0 = 1_790_000_000 * 10**9
STATION_EPOCH, REJECTOR_EPOCH = T0 - 10**9, T0 - 2 * 10**9


def stamp(seq: int, sender: str = "station", at_s: float = 0.0, **fields: Any) -> dict[str, Any]:
    epoch = STATION_EPOCH if sender == "station" else REJECTOR_EPOCH
    wall_ns = T0 + int(at_s * 1e9)
    return {
        "station": "S1",
        "sender": sender,
        "epoch": epoch,
        "seq": seq,
        "mono_ns": wall_ns - T0 + 10**12,
        "wall_ns": wall_ns,
        "simulated": True,
        **fields,
    }


def run_of(run_id: str = "R1", seq: int = 1, at_s: float = 0.0) -> Run:
    names: dict[str, Any] = {n: n for n in ("product", "recipe", "recipe_hash", "model", "model_hash", "camera", "provider")}
    return Run(**stamp(seq, at_s=at_s), run_id=run_id, classes=["open", "short"], ejector=Ejector(), **names)


def trigger_of(n: int, run_id: str = "R1") -> Trigger:
    return Trigger(
        **stamp(n, at_s=n), run_id=run_id, part_id=f"P{n}", trigger_id=n, trigger_ns=10**12 + n * 10**9 - 5_000_000, encoder=n * 100
    )


def verdict_of(n: int, word: VerdictWord = "OK", run_id: str = "R1", *, seq: int = 0, **fields: Any) -> Verdict:
    code = {"OK": 1, "NG": 2, "UNDECIDED": 3}[word]
    defects = [] if word == "OK" else [Defect("open", 0.9, (1, 2, 30, 40.5), "NG"), Defect("short", 0.4, (5, 5, 9, 9), "UNDECIDED")]
    given_fields: dict[str, Any] = {
        "reasons": [] if word == "OK" else ["open x1", "über"],
        "defects": defects,
        "timings": Timings(1, 2, 3, 4, 5, 15),
        "recipe": "board",
        "recipe_hash": "rh",
        "model_hash": "mh",
        "trigger_wall_ns": T0 + n * 10**9 - 5_000_000,
    }
    at = stamp(seq or n, at_s=n + 0.01)
    return Verdict(
        **at,
        run_id=run_id,
        part_id=f"P{n}",
        trigger_id=n,
        trigger_ns=n,
        verdict=word,
        code=code,
        **(given_fields | fields),
    )


def ejection_of(n: int, outcome: Outcome = "passed", *, part_id: str | None = None, run_id: str = "R1", seq: int = 0) -> Ejection:
    part = f"P{n}" if part_id is None else part_id
    return Ejection(
        **stamp(seq or n, "rejector", n + 0.4),
        trigger_id=n,
        part_id=part,
        run_id=run_id,
        outcome=outcome,
        reason="" if outcome == "passed" else "NG",
        offset_us=42.0,
    )


def image_ref(keep: bool = True) -> ImageRef:
    return ImageRef("gutteil-S1-1.ring", 0, 2, (4, 4), keep)


def query(path: Path, *statements: str) -> list[tuple[Any, ...]]:
    """The rows of the last statement, without any of our code."""
    with closing(sqlite3.connect(path)) as db:
        rows: list[tuple[Any, ...]] = []
        for statement in statements:
            rows = db.execute(statement).fetchall()
        db.commit()
        return rows


def dump(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    names = query(path, "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE '\\_sqlite%' ESCAPE '\\'")
    return {name: sorted(query(path, f"SELECT * FROM {name}"), key=repr) for (name,) in names}


STORY: list[AnyMessage] = [
    Candidates(**stamp(2, at_s=1), run_id="R1", part_id="P1", floor=0.1, found=[Candidate("open", 0.2, (1, 2, 3, 4))]),
    Candidates(**stamp(3, at_s=1), run_id="R1", part_id="P1", floor=0.2, found=[]),  # of two the lower number stands
    run_of(),
    run_of(seq=2, at_s=2),
    run_of("R2", seq=3, at_s=100),
    trigger_of(1),
    verdict_of(1, "NG", image=image_ref(), reference=image_ref(), expected="NG"),
    ejection_of(1, "ejected"),
    trigger_of(2),
    verdict_of(2, expected="NG", image=image_ref(False)),
    ejection_of(2),
    trigger_of(3),  # no verdict
    ejection_of(3, "missed"),
    trigger_of(4, "R2"),
    verdict_of(4, "UNDECIDED", "R2", image=image_ref()),  # no outcome yet; its image is lost
    verdict_of(5, expected="OK"),  # the trigger's announcement was lost
    ejection_of(5, "ejected"),
    ejection_of(77, "ejected", part_id="", run_id=""),  # a part the station never saw
    verdict_of(6, "NG"),
    verdict_of(6, "OK", seq=7),  # says the contrary later
    trigger_of(6),
    ejection_of(6, "passed"),
    Alarm(**stamp(1, at_s=5), code="camera-gone", severity="fault", active=True, text="gone"),
    Alarm(**stamp(2, at_s=7), code="camera-gone", severity="fault", active=True, text="gone"),
    Alarm(**stamp(3, at_s=9), code="camera-gone", severity="fault", active=False, text="gone"),
    Alarm(**stamp(4, at_s=11), code="camera-gone", severity="fault", active=True, text="gone again"),
    Heartbeat(**stamp(1), state="ready", period_s=0.5),
    Heartbeat(**stamp(9, "rejector", 30), state="ready", period_s=0.5),
]
EVIDENCE = {"P1": Evidence(StoredFile("images/a.png", "aa"), StoredFile("images/references/b.png", "bb", "pixels"))}
GAPS = [Gap("S1", "station", "gutteil.verdict", STATION_EPOCH, 8, 10)]
