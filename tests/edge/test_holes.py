"""The last words of a process that died: nobody received them, and the books know all the same that something is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.messages import AnyMessage, Heartbeat
from edge.reconcile import Reconciliation
from edge.reconcile_command import books
from edge.rows import Batch
from edge.sequences import Gap
from edge.store import open_store
from tests.edge.story import REJECTOR_EPOCH, STATION_EPOCH, T0, ejection_of, query, run_of, stamp, trigger_of, verdict_of


def part(number: int, at_s: float, epoch: int = STATION_EPOCH, seq: int = 0, run_id: str = "R1") -> list[AnyMessage]:
    """A good part, whole."""
    wall_ns = T0 + int(at_s * 1e9)
    own: dict[str, Any] = {"part_id": f"{epoch}-{number}", "wall_ns": wall_ns, "mono_ns": 10**12 + wall_ns - T0}
    sent = {"epoch": epoch, "seq": seq or number}
    return [
        msgspec.structs.replace(trigger_of(number, run_id), trigger_ns=own["mono_ns"] - 5_000_000, **own, **sent),
        msgspec.structs.replace(verdict_of(number, run_id=run_id), trigger_wall_ns=wall_ns - 5_000_000, **own, **sent),
        msgspec.structs.replace(ejection_of(number, run_id=run_id, seq=int(at_s * 100) + 1), **own),
    ]


def parts(numbers: range, at_s: float = 0, epoch: int = STATION_EPOCH, run_id: str = "R1") -> list[AnyMessage]:
    return [m for i, n in enumerate(numbers, 1) for m in part(n, at_s + i, epoch, i, run_id)]


def alive(epoch: int, at_s: float, state: Any = "ready") -> Heartbeat:
    return msgspec.structs.replace(Heartbeat(**stamp(1, at_s=at_s), state=state, period_s=0.5), epoch=epoch)


def booked(path: Path, *messages: AnyMessage, run_id: str | None = None) -> Reconciliation:
    with open_store(path / "gutteil.db") as store:
        store.write(Batch([m for m in messages if not isinstance(m, Heartbeat)], [m for m in messages if isinstance(m, Heartbeat)]))
        return store.reconcile(run_id)


def missing(found: Reconciliation) -> list[str]:
    return [m.part_id for m in found.misfits]


SECOND = STATION_EPOCH + 100 * 10**9


def test_the_line_s_numbers_show_the_unseen_last_parts_of_a_station_that_died(tmp_path: Path) -> None:
    first, second = parts(range(1, 6)), parts(range(9, 12), 100, SECOND)
    found = booked(tmp_path, *first, *second)
    assert missing(found) == ["S1 trigger 6 to 8"]
    assert (found.unheard, found.misfit_count, found.closes) == (3, 3, False)
    assert f"between {STATION_EPOCH}-5 and {SECOND}-9" in found.misfits[0].why


def test_numbers_that_go_on_vouch_for_a_station_that_died(tmp_path: Path) -> None:
    assert booked(tmp_path, *parts(range(1, 6)), *parts(range(6, 12), 100, SECOND)).closes


def test_where_the_count_begins_anew_as_well_nobody_knows_how_many_there_were(tmp_path: Path) -> None:
    found = booked(tmp_path, *parts(range(1, 6)), *parts(range(1, 6), 100, SECOND))
    assert missing(found) == [f"{STATION_EPOCH}-5"]
    assert "whether it had seen more" in found.misfits[0].why
    assert not found.closes


@pytest.mark.parametrize("next_number", [1, 6, 500])
def test_a_station_that_was_heard_to_stop_leaves_nothing_open(tmp_path: Path, next_number: int) -> None:
    """Also where the line went on meanwhile, by hand."""
    stopped = alive(STATION_EPOCH, 50, "stopped")
    assert booked(tmp_path, *parts(range(1, 6)), stopped, *parts(range(next_number, next_number + 5), 100, SECOND)).closes


def test_one_that_died_between_them_before_any_part_of_it_was_recorded(tmp_path: Path) -> None:
    stopped, died = alive(STATION_EPOCH, 50, "stopped"), alive(SECOND - 1000, 60)
    found = booked(tmp_path, *parts(range(1, 6)), stopped, died, *parts(range(9, 12), 100, SECOND))
    assert missing(found) == ["S1 trigger 6 to 8"]


def test_until_a_part_comes_the_books_of_one_that_died_stay_open(tmp_path: Path) -> None:
    assert booked(tmp_path, *parts(range(1, 6)), alive(STATION_EPOCH, 20)).closes  # nothing says that it has died
    assert missing(booked(tmp_path, alive(SECOND, 100))) == [f"{STATION_EPOCH}-5"]
    assert booked(tmp_path, *parts(range(6, 9), 101, SECOND)).closes


def test_parts_that_only_the_rejector_knows_are_named_once(tmp_path: Path) -> None:
    unseen = msgspec.structs.replace(ejection_of(7, "ejected", part_id="", run_id=""), wall_ns=T0 + 8 * 10**9)
    found = booked(tmp_path, *parts(range(1, 6)), unseen, *parts(range(9, 12), 20, SECOND))
    assert missing(found) == [f"S1-unseen-rejector-{REJECTOR_EPOCH}-7", "S1 trigger 6", "S1 trigger 8"]
    assert found.misfit_count == 3


def test_parts_announced_belatedly_and_a_count_that_begins_anew_are_no_holes(tmp_path: Path) -> None:
    """The station says after part 7 that of 5 and 6 no image came; the line is started anew; so it is with a clock set back."""
    order = [1, 2, 3, 4, 7, 5, 6, 8, 1, 2, 4, 3, 5]
    told = [m for i, n in enumerate(order, 1) for m in part(n, i, STATION_EPOCH, i)]
    unique = [msgspec.structs.replace(m, part_id=f"P{i // 3}") for i, m in enumerate(told)]
    assert booked(tmp_path, *unique).closes
    assert booked(tmp_path, alive(STATION_EPOCH, 99, "stopped"), *parts(range(6, 9), -5000, STATION_EPOCH - 5000 * 10**9)).closes


def test_a_hole_at_the_edge_of_two_runs_opens_both(tmp_path: Path) -> None:
    told = [run_of(), *parts(range(1, 6)), run_of("R2", 2, 50), *parts(range(8, 12), 100, SECOND, "R2")]
    assert missing(booked(tmp_path, *told, run_id="R1")) == ["S1 trigger 6 to 7"]
    assert missing(booked(tmp_path, run_id="R2")) == ["S1 trigger 6 to 7"]
    assert booked(tmp_path, *parts(range(12, 15), 200, SECOND + 1, "R3"), run_id="R3").closes


def test_what_older_releases_wrote_is_not_doubted_afterwards(tmp_path: Path) -> None:
    old = open_store(tmp_path / "gutteil.db")
    old.write(Batch(parts(range(1, 6))))
    old.close()
    query(
        tmp_path / "gutteil.db", "ALTER TABLE processes DROP COLUMN stopped", "DELETE FROM _sqlite_migrations WHERE name = '0004_stopped'"
    )
    assert booked(tmp_path, *parts(range(1, 6), 100, SECOND)).closes


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 3)), min_size=1, max_size=5), st.booleans())
def test_every_number_that_nobody_said_is_named(
    tmp_path_factory: pytest.TempPathFactory, lives: list[tuple[int, int]], by_run: bool
) -> None:
    """Stations that die again and again, each after some parts and some that nobody heard of, at a line that goes on counting."""
    told: list[AnyMessage] = []
    number, silent = 0, 0
    for i, (seen, lost) in enumerate(lives):
        told += parts(range(number + 1, number + seen + 1), 20 * i, STATION_EPOCH + i)
        number += seen + lost
        silent += lost if i + 1 < len(lives) else 0
    found = booked(tmp_path_factory.mktemp("holes"), *told, run_id="R1" if by_run else None)
    assert (found.unheard, found.closes) == (silent, silent == 0)


SHIFT_S = 8 * 3600


@pytest.mark.parametrize(
    ("with_parts", "missed_in", "closes"),
    [((0, 2), 1, [True, False, True]), ((0,), 1, [True, False]), ((1,), 0, [False, True]), ((0,), 0, [False]), ((), 0, [False])],
)
def test_a_shift_in_which_messages_were_missed_does_not_close(
    tmp_path: Path, with_parts: tuple[int, ...], missed_in: int, closes: list[bool]
) -> None:
    """The process of which they were missed has no recorded part, and its shift perhaps none at all."""
    told: list[AnyMessage] = []
    for shift in with_parts:
        at_s, epoch = shift * SHIFT_S, STATION_EPOCH + shift * SHIFT_S * 10**9
        told += [*parts(range(1, 6), at_s, epoch, f"R{shift}"), alive(epoch, at_s + 10, "stopped")]
    lost = STATION_EPOCH + (missed_in * SHIFT_S + 60) * 10**9
    told += [alive(lost, missed_in * SHIFT_S + 61), alive(lost, missed_in * SHIFT_S + 70, "stopped")]
    with open_store(tmp_path / "gutteil.db") as store:
        store.write(Batch(told, gaps=[Gap("S1", "station", "gutteil.verdict", lost, 1, 3)]))
    found = books(None, tmp_path, "shift", "", "")
    assert [b["closes"] for b in found["books"]] == closes
    assert [b["messages_missed"] for b in found["books"]] == [0 if c else 3 for c in closes]
    assert not found["closes"]


def test_messages_missed_in_no_known_run_keep_the_books_of_the_runs_open(tmp_path: Path) -> None:
    with open_store(tmp_path / "gutteil.db") as store:
        store.write(Batch(parts(range(1, 6)), [alive(STATION_EPOCH, 10, "stopped")]))
        assert books(None, tmp_path, "run", "", "")["closes"]
        store.write(Batch(gaps=[Gap("S1", "station", "gutteil.trigger", STATION_EPOCH + 10**12, 1, 2)]))
    found = books(None, tmp_path, "run", "", "")
    assert [(b["name"], b["closes"]) for b in found["books"]] == [("R1", True), ("what is in no run", False)]
    assert not found["closes"]
