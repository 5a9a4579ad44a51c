"""Figures over made-up records: they add up, they agree with each other, and with a count of the rows."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from edge.bench_dashboard import bench_dashboard, show_dashboard
from edge.filters import Filters
from edge.judge import Judge
from edge.labelled import read_image
from edge.made_record import DAY_NS, SHIFTS, make_record
from edge.made_shift import DEMO_RECIPE, make_shift
from edge.model import RuntimeOptions
from edge.recipe import load_recipe
from edge.search import count, find
from edge.shifts import HOUR_NS, Calendar
from edge.statistics import by_group, chart, latency, latency_of, pareto, quality_of, series, summary, trend, usual
from edge.store import Store, open_store
from edge.tallies import bin_of
from tests.edge.made_parts import kept, naive

UNTIL = 1_790_000_000 * 10**9  # a Monday afternoon
CALENDAR = Calendar(SHIFTS)
EVER = (UNTIL - 12 * DAY_NS, UNTIL + DAY_NS)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path = make_record(tmp_path_factory.mktemp("record"), 20_000, until_ns=UNTIL, days=10)
    with open_store(path, read_only=True) as made:
        yield made


def test_the_made_up_record_is_a_sound_one_like_those_of_the_recorder(store: Store) -> None:
    assert store.integrity() == []
    assert abs(store.reconcile().triggers - 20_000) < 100
    with store.reading() as db:
        assert kept(db) == naive(db)
        assert {r.how for r in store.reviews()} == {"queue", "sample"}
        days = {CALENDAR.local(p[0]).strftime("%A") for p in db.execute("SELECT trigger_wall_ns FROM inspections")}
    assert "Saturday" in days


def test_parts_add_up_whichever_way_they_are_divided(store: Store) -> None:
    with store.reading() as db:
        whole = summary(db, EVER)
        assert whole.parts == count(db, Filters()).parts
        assert whole.rejects == count(db, Filters(verdict="NG")).parts + count(db, Filters(verdict="UNDECIDED")).parts
        for by in ("hour", "shift", "day", "week", "month"):
            points = series(db, CALENDAR, by, EVER)
            assert sum(p.counts.parts for p in points) == whole.parts
            assert sum(p.counts.rejects for p in points) == whole.rejects
        for group in ("run", "recipe", "model"):
            assert sum(n.counts.parts for n in by_group(db, group, EVER)) == whole.parts
        assert whole.first_pass_yield is not None
        assert 0.9 < whole.first_pass_yield < 1


def test_the_pareto_s_bars_have_their_parts_and_examples(store: Store) -> None:
    with store.reading() as db:
        bars = pareto(db, EVER)
        found = Counter(kind for (kind,) in db.execute("SELECT DISTINCT kind || '' FROM defects GROUP BY part_id, kind"))
        assert {b.kind for b in bars} == set(found)
        for bar in bars:
            assert bar.parts == db.execute("SELECT count(DISTINCT part_id) FROM defects WHERE kind = ?", (bar.kind,)).fetchone()[0]
            assert 0 < len(bar.examples) <= 4
            assert all(bar.kind in r.kinds and r.image for r in find(db, Filters(part=bar.examples[0])).rows)
        assert [b.parts for b in bars] == sorted((b.parts for b in bars), reverse=True)
        assert bars[-1].cumulated == pytest.approx(1)


def test_the_chart_s_points_are_the_shifts(store: Store) -> None:
    with store.reading() as db:
        slots, drawn = chart(db, CALENDAR, "shift", EVER)
        assert sum(p.of for p in drawn.points) == summary(db, EVER).judged
        assert len(slots) == len(drawn.points)
        _, of_kind = chart(db, CALENDAR, "shift", EVER, kind="open")
        assert sum(p.count for p in of_kind.points) == next((b.parts for b in pareto(db, EVER) if b.kind == "open"), 0)


def test_what_is_usual_holds_the_hours_it_rests_on(store: Store) -> None:
    with store.reading() as db:
        band = usual(db, CALENDAR, UNTIL)
        assert band.rate is not None
        inside = []
        for point in series(db, CALENDAR, "hour", (band.since_ns, band.until_ns)):
            limits = band.limits(point.counts.judged)
            if limits is not None and point.counts.reject_rate is not None:
                inside.append(limits[0] <= point.counts.reject_rate <= limits[1])
        assert sum(inside) / len(inside) > 0.9
        assert usual(db, CALENDAR, UNTIL - 100 * DAY_NS).limits(100) is None  # nothing is known of that time


def test_estimates_hold_what_was_put_in(store: Store) -> None:
    with store.reading() as db:
        found = quality_of(db, EVER)
        assert found.strata[0].parts == count(db, Filters(outcome="passed")).parts
        assert (
            found.strata[0].reviewed
            == count(db, Filters(sampled=True, truth="good")).parts + count(db, Filters(sampled=True, truth="bad")).parts
        )
        assert found.false_share.value is not None
        assert found.false_share.low <= found.false_share.value <= found.false_share.high


def test_percentiles_are_those_of_the_rows_within_a_bin(store: Store) -> None:
    with store.reading() as db:
        found = latency(db, EVER)["infer_us"]
        rows = sorted(r[0] for r in db.execute("SELECT infer_us FROM inspections WHERE infer_us > 0"))
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        assert getattr(found, name) == pytest.approx(rows[int(share * len(rows))], rel=0.045)
    assert rows[-1] <= found.worst <= rows[-1] * 1.1
    assert found.parts == len(rows)


@given(st.lists(st.floats(0.1, 1e9), min_size=1, max_size=200))
def test_a_histogram_s_percentiles_are_within_a_bin_of_the_true_ones(values: list[float]) -> None:
    found = latency_of(Counter(map(bin_of, values)))
    ordered = sorted(values)
    assert found.p50 == pytest.approx(ordered[max(0, -(-len(ordered) // 2) - 1)], rel=0.0906)
    assert found.worst >= ordered[-1] * 0.9999


def test_a_trend_is_told_from_chance() -> None:
    rng = random.Random(2)
    level = [(sum(rng.random() < 0.02 for _ in range(2_000)), 2_000) for _ in range(30)]
    rising = [(sum(rng.random() < 0.02 + 0.001 * n for _ in range(2_000)), 2_000) for n in range(30)]
    assert abs(trend(level)[1]) < 3  # type: ignore[index]
    change, errors = trend(rising) or (0, 0)
    assert errors > 5
    assert change == pytest.approx(0.029, rel=0.3)
    assert trend([(0, 0), (1, 5), (2, 7)]) is None
    assert trend([(0, 10)] * 5) == (0.0, 0.0)


def test_a_demo_s_shift_replays_to_the_very_verdicts(tmp_path: Path) -> None:
    ids = make_shift(tmp_path, until_ns=UNTIL, parts=300, boards=8, reject_share=0.1)
    judge = Judge(load_recipe(DEMO_RECIPE), RuntimeOptions(providers=("cpu",)))
    with open_store(tmp_path / "gutteil.db", read_only=True) as store:
        assert store.integrity() == []
        assert store.reconcile().closes
        with store.reading() as db:
            assert summary(db, (UNTIL - 9 * HOUR_NS, UNTIL)).parts == len(ids) == 300
            shown = find(db, Filters(image=True), limit=30).rows
            assert {"OK", "NG"} <= {r.verdict for r in shown}
        assert store.reviews() != []
        for row in shown[:6]:
            part = store.inspection(row.part_id)
            assert part is not None
            seen = judge.judge(read_image(tmp_path / (part.image_path or "")), None).decision
            assert (seen.verdict, seen.reasons) == (part.verdict, part.reasons)
            assert [(d.kind, round(d.score, 4)) for d in seen.defects] == [(d.kind, round(d.score, 4)) for d in part.defects]


def test_the_bench_times_every_query_and_keeps_its_record(tmp_path: Path) -> None:
    document = bench_dashboard(tmp_path / "bench", parts=2_000, times=5, console=Console(quiet=True))
    assert document["made_s"] is not None
    assert len(document["queries"]) > 30
    assert all(row["p95"] >= row["p50"] > 0 for row in document["queries"].values())
    assert 0 < document["memory_mb"] < 500
    assert (tmp_path / "bench" / "gutteil.db").is_file()
    with pytest.raises(FileExistsError):
        make_record(tmp_path / "bench", 2_000, until_ns=UNTIL)
    shown = Console(record=True, quiet=True)
    show_dashboard(document, shown)
