"""The tallies say what a count of every row says, whatever comes late, twice, out of order or is taken back."""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from edge.alarms import Alarms
from edge.bus import Publisher
from edge.config import Record
from edge.errors import StoreError
from edge.estimates import quality
from edge.migrations import MIGRATIONS
from edge.rows import Batch
from edge.store import open_store
from edge.tallies import BUCKET_NS, HOUR_NS
from edge.tally_sums import Counts, Kind, Scope, counts_of, kind_per_slot, per_kind, per_run, per_slot, stages, uncounted
from edge.upkeep import Upkeep
from tests.edge.made_parts import KINDS, RUNS, kept, naive, rows, seeds, write
from tests.edge.story import T0, ejection_of, query, trigger_of, verdict_of

slow = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@slow
@given(seed=seeds)
def test_they_equal_a_count_of_every_row_and_a_recount_changes_nothing(seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "gutteil.db") as store:
        write(store, seed, 40)
        with store.reading() as db:
            before = kept(db)
            assert before == naive(db)
            hours = [r[0] for r in db.execute(f"SELECT DISTINCT trigger_wall_ns / {HOUR_NS} FROM inspections")]
        for hour in hours:
            store.recount(hour)
        with store.reading() as db:
            assert kept(db) == before


@slow
@given(
    seed=seeds, cuts=st.lists(st.integers(-500, 5_000), min_size=2, max_size=6, unique=True).map(sorted), run=st.sampled_from(["", *RUNS])
)
def test_sums_over_any_stretches_equal_a_count_of_their_rows(seed: int, cuts: list[int], run: str) -> None:
    """Stretches begin and end anywhere: within a quarter of an hour, at its edge, in the middle of nothing."""
    edges = [T0 + s * 10**9 for s in cuts]
    slots = list(pairwise(edges))
    whole, scope = (edges[0], edges[-1]), Scope(run=run)
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "gutteil.db") as store:
        write(store, seed, 40)
        with store.reading() as db:
            parts = [p for p in rows(db) if run in ("", p["run_id"])]
            inside = [[p for p in parts if a <= p["trigger_wall_ns"] < b] for a, b in slots]
            assert [c.parts for c in map(counts_of, per_slot(db, slots, scope))] == [len(some) for some in inside]
            assert [counts_of(c).bad for c in per_slot(db, slots, scope)] == [sum(p["truth"] == "bad" for p in some) for some in inside]
            everything = counts_of(per_slot(db, [whole], scope)[0])
            flat = [p for some in inside for p in some]
            assert everything == counted(flat)
            assert {r: sum(c.values()) for r, c in per_run(db, whole, scope).items()} == Counter(p["run_id"] or "" for p in flat)
            for kind in KINDS:
                having = [p for p in flat if any(k == kind and v != "OK" for k, v, _ in p["defects"])]
                defects = sum(k == kind and v != "OK" for p in flat for k, v, _ in p["defects"])
                good, bad = (sum(p["truth"] == word for p in having) for word in ("good", "bad"))
                assert per_kind(db, whole, scope).get(kind, Kind(0, 0, 0, 0)) == (len(having), defects, good, bad)
                assert sum(kind_per_slot(db, slots, kind, scope)) == len(having)
            histogram = stages(db, whole, scope)
            assert sum(histogram.get(5, Counter()).values()) == sum(bool(p["total_us"]) for p in flat)


def counted(parts: list[dict[str, object]]) -> Counts:
    """Word by word from the rows."""

    def n(**wanted: object) -> int:
        return sum(all(p[k] == v for k, v in wanted.items()) for p in parts)

    passing = sum(p["verdict"] == "OK" and p["outcome"] in ("passed", None) for p in parts)
    overkills = sum(
        p["truth"] == "good" and (p["outcome"] in ("ejected", "missed") or (p["outcome"] is None and p["verdict"] != "OK")) for p in parts
    )
    return Counts(
        parts=len(parts), ok=n(verdict="OK"), ng=n(verdict="NG"), undecided=n(verdict="UNDECIDED"), unjudged=n(verdict=None),
        passed=n(outcome="passed"), ejected=n(outcome="ejected"), missed=n(outcome="missed"), open=n(outcome=None), first_pass=passing,
        good=n(truth="good"), bad=n(truth="bad"), unsure=n(truth="unsure"), escapes=n(truth="bad", outcome="passed"), overkills=overkills,
    )  # fmt: skip


def test_a_late_ejection_and_a_late_review_move_a_part_of_yesterday(tmp_path: Path) -> None:
    with open_store(tmp_path / "gutteil.db") as store:
        store.write(Batch([trigger_of(1), verdict_of(1, "NG")]))
        span = (T0, T0 + 10**12)

        def now() -> tuple[int, ...]:
            with store.reading() as db:
                c = counts_of(per_slot(db, [span])[0])
            return c.parts, c.ng, c.open, c.ejected, c.good, c.bad

        assert now() == (1, 1, 1, 0, 0, 0)
        store.write(Batch([ejection_of(1, "ejected")]))
        assert now() == (1, 1, 0, 1, 0, 0)
        number = store.review("P1", "Anna", "good", how="queue").number
        assert now() == (1, 1, 0, 1, 1, 0)
        store.review("P1", "Ben", "bad")
        assert now() == (1, 1, 0, 1, 0, 1)
        with pytest.raises(StoreError, match="does not count any more"):
            store.undo_review(number, "Anna")
        with pytest.raises(StoreError, match="only they can take it back"):
            store.undo_review(number + 1, "Anna")
        undone = store.undo_review(number + 1, "Ben")
        assert (undone.truth, undone.how, undone.note) == ("good", "queue", "takes back review 2; as Anna said in review 1")
        assert now() == (1, 1, 0, 1, 1, 0)
        with pytest.raises(StoreError, match="does not count any more"):
            store.undo_review(number + 1, "Ben")
        store.review("P1", "Anna", "withdrawn")
        last = store.undo_review(store.review("P1", "Ben", "unsure").number, "Ben")
        assert (last.truth, last.note) == ("withdrawn", "takes back review 5")
        assert now() == (1, 1, 0, 1, 0, 0)
        assert [r.truth for r in store.reviews("P1")] == ["good", "bad", "good", "withdrawn", "unsure", "withdrawn"]
        with pytest.raises(StoreError, match="does not count any more"):
            store.undo_review(last.number, "Ben")
        with pytest.raises(StoreError, match="no review 99"):
            store.undo_review(99, "Ben")


def test_a_sampled_part_that_is_reported_later_stays_in_the_sample(tmp_path: Path) -> None:
    """Else the sample would lose just the escapes that it missed."""
    with open_store(tmp_path / "gutteil.db") as store:
        store.write(Batch([m for n in (1, 2) for m in (trigger_of(n), verdict_of(n, "OK"), ejection_of(n, "passed"))]))

        def told() -> list[tuple[str, int, int]]:
            with store.reading() as db:
                assert kept(db) == naive(db)
                rows = db.execute("SELECT truth, sampled, sum(parts) FROM tallies GROUP BY 1, 2 ORDER BY 1, 2").fetchall()
                assert (
                    rows
                    == db.execute("SELECT coalesce(truth, ''), sampled, count(*) FROM inspections GROUP BY 1, 2 ORDER BY 1, 2").fetchall()
                )
            return rows

        store.review("P1", "Anna", "good", how="sample")
        store.review("P2", "Anna", "bad", how="report")
        assert told() == [("bad", 0, 1), ("good", 1, 1)]
        store.review("P1", "Ben", "bad", how="report")
        assert told() == [("bad", 0, 1), ("bad", 1, 1)]
        with store.reading() as db:
            passed = quality(per_slot(db, [(T0, T0 + 10**12)])[0]).strata[0]
        assert (passed.reviewed, passed.bad, passed.aside, passed.aside_bad) == (1, 1, 1, 1)
        store.review("P1", "Anna", "withdrawn")
        assert told() == [("", 0, 1), ("bad", 0, 1)]
        store.review("P1", "Ben", "bad", how="report")
        assert told() == [("bad", 0, 2)]


def test_two_who_write_at_once_lose_no_count(tmp_path: Path) -> None:
    path = tmp_path / "gutteil.db"
    open_store(path).close()
    parts = range(1, 151)
    with open_store(path) as recorder:
        recorder.write(Batch([verdict_of(n, "NG") for n in parts]))

    def people() -> None:
        with open_store(path, beside=True) as store:
            for n in parts:
                store.review(f"P{n}", "Anna", "bad" if n % 2 else "good")

    thread = threading.Thread(target=people)
    thread.start()
    with open_store(path, beside=True) as recorder:
        for n in parts:
            recorder.write(Batch([trigger_of(n), ejection_of(n, "ejected")]))
    thread.join()
    with open_store(path, read_only=True) as store, store.reading() as db:
        assert kept(db) == naive(db)
        assert counts_of(per_slot(db, [(T0, T0 + 10**12)])[0]).bad == 75


def test_a_record_from_before_is_brought_up_and_counted_beside_the_work(tmp_path: Path) -> None:
    path = tmp_path / "gutteil.db"
    old = Database(path)
    MIGRATIONS.apply(old, stop_before="0006_search")
    many = [(f"P{n}", "R1", n, T0 + n * 60 * 10**9, ("OK", "NG", "UNDECIDED")[n % 3], 1500.0) for n in range(1, 301)]
    old.conn.execute("INSERT INTO runs (run_id, station, simulated) VALUES ('R1', 'S1', 1)")
    insert = "INSERT INTO inspections (part_id, run_id, station, trigger_id, trigger_wall_ns, simulated, verdict, total_us)"
    old.conn.executemany(f"{insert} VALUES (?, ?, 'S1', ?, ?, 1, ?, ?)", many)
    old.conn.executemany("INSERT INTO defects VALUES (?, 1, 'open', 0.9, 1, 1, 5, 5, 'NG')", [(p[0],) for p in many if p[4] == "NG"])
    said = "INSERT INTO reviews (number, part_id, who, truth, note, boxed, wall_ns) VALUES (?, ?, 'Anna', ?, '', 0, 1)"
    old.conn.executemany(said, [(1, "P1", "good"), (2, "P1", "bad"), (3, "P2", "good"), (4, "P2", "withdrawn")])
    old.conn.commit()
    old.close()
    with open_store(path) as store, closing(Publisher(f"ipc://{tmp_path}/bus", "S1", "recorder", simulated=True)) as publisher:
        with store.reading() as db:
            assert uncounted(db, (0, 2**62)) == len(store.hours_due(99)) == 6
            assert db.execute("SELECT truth FROM inspections WHERE part_id IN ('P1', 'P2') ORDER BY 1").fetchall() == [(None,), ("bad",)]
            assert db.execute("SELECT count(*) FROM defects d JOIN inspections i USING (part_id) WHERE d.wall_ns = i.trigger_wall_ns").fetchone() == (100,)  # fmt: skip
        # what changes before its hour is counted is not counted twice
        store.write(Batch([ejection_of(4, "ejected", run_id="R1"), verdict_of(400, "NG")]))
        store.review("P5", "Anna", "good")
        upkeep = Upkeep(tmp_path, Record(folder=str(tmp_path), min_free_gb=0), Alarms(publisher))
        for _ in range(200):
            upkeep.next_at = 0.0
            upkeep.step(store)
        with store.reading() as db:
            assert uncounted(db, (0, 2**62)) == 0
            assert kept(db) == naive(db)
            assert sum(kept(db)["tallies"].values()) == 301


def test_tables_do_not_grow_by_what_is_gone(tmp_path: Path) -> None:
    """A part that moves from one count to another leaves no zero behind."""
    path = tmp_path / "gutteil.db"
    with open_store(path) as store:
        for message in (trigger_of(1), verdict_of(1, "NG"), ejection_of(1, "ejected")):
            store.write(Batch([message]))
    assert query(path, "SELECT * FROM tallies") == [((T0 + 995_000_000) // BUCKET_NS, "R1", "NG", "ejected", "", 0, 1)]
