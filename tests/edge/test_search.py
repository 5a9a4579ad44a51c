"""A search finds what a look at every row finds, in the same order, whatever the filters, page sizes and writers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import StoreError
from edge.filters import Filters
from edge.rows import Batch
from edge.search import Cursor, Order, Row, count, find, moment, neighbours, timeline
from edge.store import Store, open_store
from tests.edge.made_parts import KINDS, RUNS, rows, write
from tests.edge.story import T0, verdict_of


def maybe(values: Any) -> Any:
    return st.none() | st.sampled_from(values)


spans = st.tuples(st.integers(0, 4_000), st.integers(1, 4_000)).map(lambda s: (T0 + s[0] * 10**9, T0 + (s[0] + s[1]) * 10**9))
wanted = st.fixed_dictionaries(
    {},
    optional={
        "span": spans,
        "part": st.sampled_from(["P1", "P2", "P", "P1 ", "S1-unseen", "Ü"]),
        "prefix": st.booleans(),
        "kind": st.sampled_from(KINDS),
        "verdict": maybe(["OK", "NG", "UNDECIDED", "none"]),
        "outcome": maybe(["passed", "ejected", "missed", "none"]),
        "recipe": st.sampled_from(["recipe", "recipe_hash", "another"]),
        "model": st.sampled_from(["model_hash", "another"]),
        "run": st.sampled_from(RUNS),
        "reviewer": st.sampled_from(["Anna", "Ben", "nobody"]),
        "truth": maybe(["good", "bad", "unsure"]),
        "reviewed": maybe([True, False]),
        "sampled": maybe([True, False]),
        "contradicted": maybe([True, False]),
        "held": maybe([True, False]),
        "image": maybe([True, False]),
    },
)


def filters_of(given_: dict[str, Any]) -> Filters:
    given_ = dict(given_)
    since, until = given_.pop("span", (0, 2**62))
    return Filters(since_ns=since, until_ns=until, **given_)


def fits(f: Filters, p: dict[str, Any]) -> bool:
    """Each filter by itself, from the row."""
    named = p["run_id"] in RUNS  # the runs that were announced, all under the same recipe
    return all((
        f.since_ns <= p["trigger_wall_ns"] < f.until_ns,
        not f.part or (p["part_id"].startswith(f.part) if f.prefix else p["part_id"] == f.part),
        not f.kind or any(kind == f.kind for kind, _, _ in p["defects"]),
        f.verdict is None or p["verdict"] == (None if f.verdict == "none" else f.verdict),
        f.outcome is None or p["outcome"] == (None if f.outcome == "none" else f.outcome),
        not f.recipe or (named and f.recipe in ("recipe", "recipe_hash")),
        not f.model or (named and f.model == "model_hash"),
        not f.run or p["run_id"] == f.run,
        not f.reviewer or p["who"] == f.reviewer,
        f.truth is None or p["said"][1] == f.truth,
        f.reviewed is None or (p["said"][1] is not None) == f.reviewed,
        f.sampled is None or p["drawn"] == f.sampled,
        f.contradicted is None or bool(p["contradicted"]) == f.contradicted,
        f.held is None or bool(p["held"]) == f.held,
        f.image is None or (p["image_path"] is not None) == f.image,
    ))  # fmt: skip


def all_pages(store: Store, filters: Filters, order: Order, limit: int, seconds: float = 10.0) -> Iterator[Row]:
    cursor: Cursor | None = None
    for _ in range(2_000):
        with store.reading() as db:
            page = find(db, filters, cursor=cursor, order=order, limit=limit, seconds=seconds)
        assert len(page.rows) <= limit
        yield from page.rows
        if page.following is None:
            return
        cursor = Cursor.parse(page.following.text())
    raise AssertionError("it does not end")


@pytest.fixture(scope="module")
def stores() -> Iterator[list[Store]]:
    with tempfile.TemporaryDirectory() as folder:
        made = []
        for seed in (1, 2, 3):
            made.append(open_store(Path(folder) / f"{seed}" / "gutteil.db"))
            write(made[-1], seed, 120)
        yield made
        for store in made:
            store.close()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(which=st.integers(0, 2), asked=wanted, order=st.sampled_from(["newest", "oldest"]), limit=st.integers(1, 60), hurry=st.booleans())
def test_pages_together_are_what_a_look_at_every_row_finds(
    stores: list[Store], which: int, asked: dict[str, Any], order: Order, limit: int, hurry: bool
) -> None:
    store, filters = stores[which], filters_of(asked)
    with store.reading() as db:
        hits = [p for p in rows(db) if fits(filters, p)]
        hits.sort(key=lambda p: (p["trigger_wall_ns"], p["part_id"]), reverse=order == "newest")
        assert count(db, filters, seconds=10) == msgspec.convert({"parts": len(hits), "exact": True}, type(count(db, filters)))
        some = count(db, filters, at_most=3, seconds=10)
        assert some.parts == len(hits) if some.exact else len(hits) > some.parts == 3
        slots = timeline(db, filters, 50)
        if slots is not None and not filters.kind and filters.since_ns == 0:
            assert sum(s.parts for s in slots) == len(hits)
            for slot in slots:
                assert slot.parts == sum(slot.since_ns <= p["trigger_wall_ns"] < slot.until_ns for p in hits)
    # a page that ends as soon as its time is over still loses nothing
    found = list(all_pages(store, filters, order, limit, 0.0 if hurry else 10.0))
    assert [row.part_id for row in found] == [p["part_id"] for p in hits]
    for row, part in zip(found, hits, strict=True):
        assert (row.verdict, row.outcome, row.truth, row.reviewer) == (part["verdict"], part["outcome"], part["said"][1], part["who"])
        assert (row.held, row.contradicted, row.image) == (bool(part["held"]), bool(part["contradicted"]), part["image_path"] is not None)
        scores = [score for _, _, score in part["defects"]]
        assert (set(row.kinds), row.score) == ({k for k, _, _ in part["defects"]}, max(scores, default=None))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(which=st.integers(0, 2), position=st.integers(0, 150), verdict=maybe(["OK", "NG", "none"]))
def test_scrolling_to_a_place_shows_the_part_with_that_number(stores: list[Store], which: int, position: int, verdict: Any) -> None:
    with stores[which].reading() as db:
        hits = sorted(
            (
                (p["trigger_wall_ns"], p["part_id"])
                for p in rows(db)
                if verdict is None or p["verdict"] == (None if verdict == "none" else verdict)
            ),
            reverse=True,
        )
        place = moment(db, Filters(verdict=verdict), position)
        if position >= len(hits):
            assert place is None
        else:
            assert find(db, Filters(verdict=verdict), cursor=place, limit=1).rows[0].part_id == hits[position][1]


def test_a_jump_goes_to_the_moment_in_both_directions(stores: list[Store]) -> None:
    with stores[0].reading() as db:
        times = sorted((p["trigger_wall_ns"], p["part_id"]) for p in rows(db))
        middle = times[60]
        older = find(db, Filters(), cursor=Cursor(middle[0]), limit=1).rows[0]
        newer = find(db, Filters(), cursor=Cursor(middle[0]), order="oldest", limit=1).rows[0]
        assert older.wall_ns < middle[0] == newer.wall_ns
        before, after = neighbours(db, middle[1])
        assert before is not None
        assert after is not None
        assert (before.part_id, after.part_id) == (times[59][1], times[61][1])
        assert neighbours(db, times[0][1])[0] is None
        assert neighbours(db, times[-1][1])[1] is None
        with pytest.raises(StoreError, match="no part 'P999'"):
            neighbours(db, "P999")


def test_pages_are_steady_while_parts_come_in(tmp_path: Path) -> None:
    with open_store(tmp_path / "gutteil.db") as store:
        store.write(Batch([verdict_of(n) for n in range(1, 101)]))
        seen: list[str] = []
        cursor: Cursor | None = None
        for turn in range(100):
            with store.reading() as db:
                page = find(db, Filters(), cursor=cursor, limit=7)
            seen += [r.part_id for r in page.rows]
            store.write(Batch([verdict_of(200 + turn)]))  # newer ones, at the other end
            if (cursor := page.following) is None:
                break
        assert seen == [f"P{n}" for n in range(100, 0, -1)]


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        (Filters(since_ns=5, until_ns=5), "begins after it ends"),
        (Filters(since_ns=-1), "beyond what a clock can say"),
        (Filters(trigger_id=5), "say in which run"),
        (Filters(kind="x" * 201), "at most 200"),
        (Filters(part="a\0b"), "printable"),
    ],
)
def test_what_cannot_be_looked_for_is_said(stores: list[Store], filters: Filters, words: str) -> None:
    with stores[0].reading() as db:
        for search in (find, count, timeline):
            with pytest.raises(StoreError, match=words):
                search(db, filters)


@given(st.text(max_size=30))
def test_whatever_stands_in_an_address_is_a_place_or_an_error(text: str) -> None:
    try:
        place = Cursor.parse(text)
    except StoreError:
        return
    assert Cursor.parse(place.text()) == place


def test_every_way_is_led_by_an_index(tmp_path: Path) -> None:
    """No search reads the whole table: its plan names an index for the parts, or their key."""
    from edge.search_walk import walk_of

    asked: list[Filters] = [
        Filters(), Filters(kind="open"), Filters(verdict="NG"), Filters(run="R1"), Filters(truth="bad"), Filters(reviewer="Anna"), Filters(held=True),
        Filters(outcome="missed"), Filters(part="P1"), Filters(part="P", prefix=True), Filters(kind="open", reviewer="Anna"), Filters(recipe="x"),
    ]  # fmt: skip
    with open_store(tmp_path / "gutteil.db") as store, store.reading() as db:
        for filters in asked:
            text, values = walk_of(db, filters, newest=True).query("1", (0, 10), None)
            with closing(db.execute(f"EXPLAIN QUERY PLAN {text}", values)) as plan:
                steps = [step[3] for step in plan]
            assert not [s for s in steps if s.startswith(("SCAN i", "SCAN d"))], (filters, steps)
