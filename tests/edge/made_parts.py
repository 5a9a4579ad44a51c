"""Parts for tests of search and statistics: any mix of messages, in any order, and what a naive reader makes of their rows."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from typing import Any

from hypothesis import strategies as st

from edge.messages import AnyMessage, Defect, Outcome, Timings, VerdictWord
from edge.rows import Batch, Evidence, StoredFile
from edge.store import Store
from edge.tallies import BUCKET_NS, HOUR_NS, STAGES, bin_of
from tests.edge.story import T0, ejection_of, image_ref, run_of, trigger_of, verdict_of

KINDS = ("open", "short", "spur")
WORDS: tuple[VerdictWord, ...] = ("OK", "NG", "UNDECIDED")
OUTCOMES: tuple[Outcome, ...] = ("passed", "ejected", "missed")
RUNS = ("R1", "R2", "R3")


def messages_of(seed: int, parts: int, *, spread_s: int = 4_000) -> tuple[list[AnyMessage], dict[str, Evidence]]:
    """Messages of some parts in a random order, some of them twice, some missing, some contradicting; and the images kept."""
    rng = random.Random(seed)
    found: list[AnyMessage] = [run_of(run, n, at_s=n) for n, run in enumerate(RUNS, 1)]
    evidence: dict[str, Evidence] = {}
    for n in range(1, parts + 1):
        run, at_ns = rng.choice(RUNS), T0 + rng.randrange(spread_s) * 10**9
        given: dict[str, Any] = {
            "run_id": run,
            "trigger_wall_ns": at_ns,
            "timings": Timings(*(rng.choice((0, 1, 7.3, 950, 12_000)) for _ in STAGES)),
        }
        word = rng.choice(WORDS)
        if word != "OK" or rng.random() < 0.2:
            words: tuple[VerdictWord, ...] = ("NG", "UNDECIDED") if word != "OK" else ("OK",)
            given["defects"] = [
                Defect(rng.choice(KINDS), rng.random(), (1, 2, 30, 40), rng.choice(words)) for _ in range(rng.randint(1, 3))
            ]
        if rng.random() < 0.5:
            given["image"] = image_ref()
            evidence[f"P{n}"] = Evidence(StoredFile(f"images/{n}.png", "aa", size=3))
        chance = rng.random()
        if chance < 0.9:
            found.append(verdict_of(n, word, **given))
        if chance > 0.85:
            found.append(verdict_of(n, rng.choice(WORDS), seq=rng.choice((n, n + 100_000)), **given))
        if rng.random() < 0.9:
            found.append(trigger_of(n, run))
        if rng.random() < 0.9:
            found.append(ejection_of(n, rng.choice(OUTCOMES), run_id=run))
    found += rng.sample(found, len(found) // 5)
    rng.shuffle(found)
    return found, evidence


def write(store: Store, seed: int, parts: int) -> None:
    """The messages in batches of random sizes, with reviews and holds in between."""
    rng = random.Random(seed + 1)
    messages, evidence = messages_of(seed, parts)
    while messages:
        n = rng.randint(1, 40)
        store.write(Batch(messages[:n], [], evidence))
        del messages[:n]
        with store.reading() as db:
            ids = [r[0] for r in db.execute("SELECT part_id FROM inspections ORDER BY part_id")]
        for part_id in rng.choices(ids[:12], k=rng.randint(0, 4) if ids else 0):  # few, so that some are said several things of
            truth = rng.choice(("good", "bad", "unsure", "withdrawn"))
            said = store.review(part_id, rng.choice(("Anna", "Ben")), truth, how=rng.choice(("queue", "sample", "report", "other")))  # type: ignore[arg-type]
            if truth != "withdrawn" and rng.random() < 0.2:
                store.undo_review(said.number, said.who)
        if ids and rng.random() < 0.3:
            store.hold(rng.choice(ids), "Anna", "claim")


def rows(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """Every part as a dict, with its defects and the reviewer; read without any of our queries."""
    cursor = db.execute("SELECT * FROM inspections")
    names = [c[0] for c in cursor.description]
    found = [dict(zip(names, row, strict=True)) for row in cursor]
    for part in found:
        part["defects"] = db.execute("SELECT kind, verdict, score FROM defects WHERE part_id = ?", (part["part_id"],)).fetchall()
        said = db.execute("SELECT who, truth, how FROM reviews WHERE part_id = ? ORDER BY number", (part["part_id"],)).fetchall()
        part["who"] = said[-1][0] if said and said[-1][1] != "withdrawn" else None
        part["said"] = said[-1] if said and said[-1][1] != "withdrawn" else (None, None, None)
        since = max((n for n, (_, truth, _) in enumerate(said, 1) if truth == "withdrawn"), default=0)
        part["drawn"] = any(how == "sample" for _, _, how in said[since:])
    return found


def naive(db: sqlite3.Connection) -> dict[str, Counter[tuple[Any, ...]]]:
    """The tallies as they must be, counted part by part."""
    parts: Counter[tuple[Any, ...]] = Counter()
    kinds: Counter[tuple[Any, ...]] = Counter()
    defects: Counter[tuple[Any, ...]] = Counter()
    stages: Counter[tuple[Any, ...]] = Counter()
    for p in rows(db):
        bucket, run, truth = p["trigger_wall_ns"] // BUCKET_NS, p["run_id"] or "", p["said"][1] or ""
        parts[bucket, run, p["verdict"] or "", p["outcome"] or "", truth, int(p["drawn"])] += 1
        for key in {(bucket, run, kind, int(verdict != "OK"), truth) for kind, verdict, _ in p["defects"]}:
            kinds[key] += 1
        for kind, verdict, _ in p["defects"]:
            defects[bucket, run, kind, int(verdict != "OK"), truth] += 1
        for stage, name in enumerate(STAGES):
            if p[name]:
                stages[p["trigger_wall_ns"] // HOUR_NS, run, stage, bin_of(p[name])] += 1
    return {"tallies": parts, "tally_kinds": kinds, "defects": defects, "tally_stages": stages}


def kept(db: sqlite3.Connection) -> dict[str, Counter[tuple[Any, ...]]]:
    """The tallies as they are."""
    kinds = db.execute("SELECT bucket, run, kind, rejects, truth, parts, defects FROM tally_kinds").fetchall()
    return {
        "tallies": Counter({row[:-1]: row[-1] for row in db.execute("SELECT * FROM tallies")}),
        "tally_kinds": Counter({row[:5]: row[5] for row in kinds}),
        "defects": Counter({row[:5]: row[6] for row in kinds}),
        "tally_stages": Counter({row[:-1]: row[-1] for row in db.execute("SELECT * FROM tally_stages")}),
    }


seeds = st.integers(0, 2**32)
