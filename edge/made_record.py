"""A record made up for benchmarks: as many parts as one likes, over a year of shifts, as a line might have left it. Without pictures.

Several recipes take turns within a shift, four models follow each other, wear lets the reject rate drift and a bad lot makes
it jump, ejections and verdicts come late now and then, people review what they get round to, and old images have expired.
Rows go in by bulk, without indexes and triggers, which are put back afterwards; the tallies are then counted by the recorder's
own code (`edge.tallies.recount`). Everything is marked as simulated.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from itertools import pairwise, repeat
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from edge.config import Shifts
from edge.places import place
from edge.shifts import Calendar, Shift
from edge.store import FILE_NAME, open_store
from edge.tallies import recount

KINDS: Final = ("open", "short", "mousebite", "spur", "spurious-copper", "pin-hole", "scratch", "dent")
PEOPLE: Final = ("Anna Beck", "Jonas Vogt", "Mira Yilmaz", "Piotr Nowak", "Lea Brandt")
SHIFTS: Final = Shifts(zone="Europe/Berlin", days_off=["sunday"])
DAY_NS: Final = 86_400 * 10**9
KEPT_DAYS = 90
OK_SHARE = 0.02
Told = Callable[[str, int, int], None]  # what is being done, how far, of how much


class _Recipe(NamedTuple):
    name: str
    hash: str
    reject_share: float
    kinds: tuple[float, ...]  # shares of `KINDS`


class _Run(NamedTuple):
    run_id: str
    begin_ns: int
    end_ns: int
    recipe: _Recipe
    model: int


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


MODELS: Final = tuple(_sha(f"model {n}") for n in range(4))
_INFER_US: Final = (5200.0, 4100.0, 4300.0, 2900.0)
_UNDECIDED: Final = (0.35, 0.25, 0.2, 0.15)  # of the rejects


def make_record(folder: Path, parts: int, *, until_ns: int, days: int = 365, seed: int = 1, told: Told = lambda *_: None) -> Path:
    """Make `folder/gutteil.db`; takes about 25 s and half a gigabyte per million parts.

    Args:
        parts: about so many, as evenly as shifts and days off allow.
        until_ns: the record ends here, UTC.
        days: over which they are spread.
        told: is told how far it is.

    Raises:
        StoreError: the folder cannot be written.
        FileExistsError: there is a record already.
    """
    path = folder / FILE_NAME
    if path.exists():
        raise FileExistsError(f"{path} is there already; choose an empty folder")
    open_store(path).close()
    rng = np.random.default_rng(seed)
    runs = _runs(until_ns, days, rng)
    worked_ns = sum(r.end_ns - r.begin_ns for r in runs)
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -200000", "threads = 2", "locking_mode = EXCLUSIVE"):
        db.execute(f"PRAGMA {pragma}")
    put_back = _strip(db)
    db.execute("BEGIN")
    done = 0
    for run in runs:
        count = round(parts * (run.end_ns - run.begin_ns) / worked_ns)
        _write_run(db, run)
        done += _write_parts(db, run, count, until_ns, rng)
        told("parts", done, parts)
    db.execute("COMMIT")
    for number, statement in enumerate(put_back):
        told("indexes", number, len(put_back))
        db.execute(statement)
    db.execute("""UPDATE kept_bytes SET (files, bytes) = (SELECT count(*), coalesce(sum(image_bytes), 0) FROM inspections
        WHERE image_path IS NOT NULL AND evidence_expired_ns IS NULL) WHERE what = 'images'""")
    db.execute("PRAGMA journal_mode = WAL")
    db.close()
    _count(path, told)
    return path


def _count(path: Path, told: Told) -> None:
    with open_store(path) as store:
        with store.writing() as db:
            db.execute("INSERT OR IGNORE INTO tally_due SELECT DISTINCT trigger_wall_ns / 3600000000000 FROM inspections")
        hours = store.hours_due(2**31)
        for first in range(0, len(hours), 200):
            with store.writing() as db:
                for hour in hours[first : first + 200]:
                    recount(db, hour)
            told("tallies", first, len(hours))


def _strip(db: sqlite3.Connection) -> list[str]:
    """Take away what slows down writing; returns the statements that bring it back."""
    found = db.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
        " AND tbl_name IN ('inspections', 'defects', 'reviews')"
    ).fetchall()
    for kind, name, _ in found:
        db.execute(f"DROP {kind} {name}")
    return [sql for _, _, sql in found]


def _runs(until_ns: int, days: int, rng: np.random.Generator) -> list[_Run]:
    recipes = [
        _Recipe(f"board-{'ABCDE'[n]}", _sha(f"recipe {n}"), share, tuple(rng.dirichlet(np.linspace(4, 0.5, len(KINDS))).tolist()))
        for n, share in enumerate((0.012, 0.02, 0.028, 0.04, 0.008))
    ]
    found: list[_Run] = []
    since_ns = until_ns - days * DAY_NS
    for shift in _worked(since_ns, until_ns):
        begin, end = max(shift.since_ns, since_ns), min(shift.until_ns, until_ns)
        cuts = sorted({begin, end, *(begin + (end - begin) * rng.random(int(rng.integers(0, 3)))).astype(int).tolist()})
        for a, b in pairwise(cuts):
            recipe = recipes[int(rng.choice(5, p=(0.35, 0.25, 0.2, 0.15, 0.05)))]
            model = min(3, int(4 * (a - since_ns) / (until_ns - since_ns)))
            found.append(_Run(f"S1-{a // 1_000_000:x}", a, b, recipe, model))
    return found


def _worked(since_ns: int, until_ns: int) -> Iterator[Shift]:
    return (s for s in Calendar(SHIFTS).shifts(since_ns, until_ns) if not s.off)


def _wear(at_ns: int) -> float:
    """By which factor the reject rate is off: a saw tooth of wear over eleven days, and a bad lot of a day every two months."""
    day = at_ns / DAY_NS
    return 0.7 + 0.6 * (day % 11) / 11 + (2.5 if day % 61 < 1 else 0.0)


def _write_run(db: sqlite3.Connection, run: _Run) -> None:
    db.execute(
        "INSERT OR IGNORE INTO runs (run_id, station, begin_wall_ns, product, recipe, recipe_hash, model, model_hash, classes, camera,"
        " provider, simulated) VALUES (?, 'S1', ?, ?, ?, ?, ?, ?, ?, 'made up', 'CPUExecutionProvider', 1)",
        (
            run.run_id, run.begin_ns, run.recipe.name, run.recipe.name, run.recipe.hash, f"model-{run.model}.onnx", MODELS[run.model],
            json.dumps(KINDS),
        ),
    )  # fmt: skip


_PARTS = (
    "part_id, run_id, station, trigger_id, trigger_wall_ns, simulated, verdict, reasons, recipe, recipe_hash, model_hash, source,"
    " capture_us, prepare_us, infer_us, decode_us, decide_us, total_us, evidence, image_path, image_sha256, image_bytes, evidence_expired_ns,"
    " outcome, ejection_reason, ejection_offset_us, ejection_wall_ns, trigger_epoch, trigger_seq, verdict_epoch, verdict_seq,"
    " ejection_epoch, ejection_seq, contradicted, truth, sampled"
)
_INSERT_PART = f"INSERT INTO inspections ({_PARTS}) VALUES ({', '.join('?' * (_PARTS.count(',') + 1))})"
_INSERT_DEFECT = (
    "INSERT INTO defects (part_id, number, kind, score, x1, y1, x2, y2, verdict, wall_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_REVIEW = "INSERT INTO reviews (part_id, who, truth, note, boxed, wall_ns, how) VALUES (?, ?, ?, '', 0, ?, ?)"


def _write_parts(db: sqlite3.Connection, run: _Run, count: int, until_ns: int, rng: np.random.Generator) -> int:
    if count == 0:
        return 0
    gaps = rng.uniform(0.6, 1.4, count)
    times = (run.begin_ns + np.cumsum(gaps) / gaps.sum() * (run.end_ns - run.begin_ns - 10**9)).astype(np.int64)
    share = run.recipe.reject_share * _wear(run.begin_ns)
    chance = rng.random((6, count))
    bad = chance[0] < share * 0.85
    verdict = np.where(chance[1] < 0.0002, 3, 0)  # 0 OK, 1 NG, 2 UNDECIDED, 3 none
    rejected = (bad & (chance[2] > 0.004)) | (~bad & (chance[2] < share * 0.15))
    verdict[(verdict == 0) & rejected] = 1
    verdict[(verdict == 1) & (chance[3] < _UNDECIDED[run.model])] = 2
    late = chance[4] < 0.0003
    missed = (chance[4] > 0.9997) & (verdict != 0)
    kept = (verdict == 1) | (verdict == 2) | ((verdict == 0) & (chance[5] < OK_SHARE))
    infer = rng.lognormal(np.log(_INFER_US[run.model]), 0.08, count)
    others = [rng.lognormal(np.log(us), 0.15, count) for us in (2100.0, 640.0, 180.0, 45.0)]
    stages = np.column_stack([others[0], others[1], infer, others[2], others[3], sum(others) + infer])
    stages[verdict == 3] = 0  # it never came to them
    numbers = range(1, count + 1)
    ids = [f"{run.run_id}-{n}" for n in numbers]
    at = times.tolist()
    verdicts: list[str | None] = np.array(["OK", "NG", "UNDECIDED", None], object)[verdict].tolist()
    outcome = np.where(missed, 2, np.where((verdict == 0) & ~late, 0, 1))
    outcomes = np.array(["passed", "ejected", "missed"], object)[outcome].tolist()
    paths: list[str | None] = [None] * count
    expired: list[int | None] = [None] * count
    truths: list[str | None] = [None] * count
    reasons, sampled = ["[]"] * count, [0] * count
    evidence = np.array(["sampled out", "stored", None], object)[np.where(verdict == 3, 2, kept)].tolist()
    defects, reviews = [], []
    for i in np.flatnonzero(kept).tolist():
        paths[i] = str(place(ids[i], at[i]))
        if at[i] < until_ns - KEPT_DAYS * DAY_NS:
            expired[i] = at[i] + KEPT_DAYS * DAY_NS
        if verdicts[i] != "OK":
            kinds = rng.choice(KINDS, 1 + int(rng.random() < 0.15), p=run.recipe.kinds).tolist()
            reasons[i] = json.dumps([f"{kind} x1" for kind in kinds])
            x, y = rng.uniform(50, 500, 2).tolist()
            score = float(rng.uniform(0.65, 0.99) if verdicts[i] == "NG" else rng.uniform(0.55, 0.65))
            defects += [(ids[i], n, kind, score, x, y, x + 30, y + 20, verdicts[i], at[i]) for n, kind in enumerate(kinds, 1)]
        if rng.random() < {"OK": 0.02, "NG": 0.2, "UNDECIDED": 0.6}[verdicts[i] or "OK"]:
            truths[i] = "unsure" if rng.random() < 0.03 else "bad" if bad[i] else "good"
            sampled[i] = int(verdicts[i] == "OK")
            how = "sample" if sampled[i] else "queue"
            reviews.append((ids[i], PEOPLE[int(rng.integers(0, 5))], truths[i], at[i] + 3 * 3600 * 10**9, how))
    durations = stages.round(1).T.tolist()
    ejected = np.where(outcome == 0, "", np.array(verdicts, object)).tolist()
    same, begin, images = repeat, repeat(run.begin_ns), kept.tolist()
    rows = zip(
        ids, same(run.run_id), same("S1"), numbers, at, same(1), verdicts, reasons, same(run.recipe.name), same(run.recipe.hash),
        same(MODELS[run.model]), same("made up"), *durations, evidence, paths, ("00" * 32 if k else None for k in images),
        (300_000 if k else None for k in images), expired, outcomes, ejected, rng.uniform(-90, 90, count).round(1).tolist(),
        (times + 400_000_000).tolist(), begin, numbers, begin, numbers, begin, numbers, (int(n % 50_000 == 49_999) for n in numbers),
        truths, sampled, strict=False,  # what repeats has no end
    )  # fmt: skip
    db.executemany(_INSERT_PART, rows)
    db.executemany(_INSERT_DEFECT, defects)
    db.executemany(_INSERT_REVIEW, reviews)
    return count


def describe(path: Path) -> dict[str, Any]:
    """What is in a record: parts, defects, reviews, bytes."""
    with open_store(path, read_only=True) as store, store.reading() as db:
        counts = {n: db.execute(q).fetchone()[0] for n, q in (
            ("parts", "SELECT sum(parts) FROM tallies"), ("rejects", "SELECT sum(parts) FROM tallies WHERE verdict IN ('NG', 'UNDECIDED')"),
            ("reviews", "SELECT max(number) FROM reviews"), ("runs", "SELECT count(*) FROM runs"), ("tallies", "SELECT count(*) FROM tallies"),
            ("latency_bins", "SELECT count(*) FROM tally_stages"),
        )}  # fmt: skip
    return counts | {"bytes": path.stat().st_size}
