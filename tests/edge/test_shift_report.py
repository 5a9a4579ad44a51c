"""The figures of a shift: what happened in it and nothing else, the same bytes for the same record."""

from __future__ import annotations

import hashlib
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from edge.config import Shifts
from edge.errors import StoreError
from edge.messages import Alarm, AnyMessage, Run
from edge.rows import Batch
from edge.shift_events import alarms, escapes, escapes_found, made_with, unconfirmed
from edge.shift_report import POINT_NS, find_shift, shift_report
from edge.shifts import Calendar
from edge.store import FILE_NAME, open_store
from tests.edge.story import T0, ejection_of, run_of, stamp, trigger_of, verdict_of

CALENDAR = Calendar(Shifts(zone="Europe/Berlin"))
SHIFT = CALENDAR.shift(T0)
S = 10**9


def _alarm(seq: int, at_s: float, active: bool, code: str = "line-stopped") -> Alarm:
    return Alarm(**stamp(seq, "rejector", at_s), code=code, severity="warning", active=active, text="the belt stands")


def _told(tmp_path: Path, *messages: AnyMessage) -> Path:
    path = tmp_path / FILE_NAME
    with open_store(path) as store:
        store.write(Batch(list(messages)))
    return path


def _parts(numbers: range, bad: set[int] = frozenset()) -> list[AnyMessage]:  # type: ignore[assignment]
    told: list[AnyMessage] = [run_of()]
    for n in numbers:
        told += [trigger_of(n), verdict_of(n, "NG" if n in bad else "OK"), ejection_of(n, "ejected" if n in bad else "passed")]
    return told


def test_alarms_last_within_the_span_and_are_summed_by_code(tmp_path: Path) -> None:
    told = [_alarm(1, 10, True), _alarm(2, 20, False), _alarm(3, 90, True), _alarm(4, 130, False), _alarm(5, 95, True, "bin-full")]
    with open_store(_told(tmp_path, *told)) as store, store.reading() as db:
        found = {a.code: a for a in alarms(db, (T0, T0 + 100 * S))}
        assert found["line-stopped"].times == 2
        assert found["line-stopped"].lasted_ns == 20 * S
        assert not found["line-stopped"].ended
        assert (found["bin-full"].lasted_ns, found["bin-full"].ended) == (5 * S, False)
        assert alarms(db, (T0 + 25 * S, T0 + 80 * S)) == []
        (late,) = [a for a in alarms(db, (T0 + 125 * S, T0 + 200 * S)) if a.code == "line-stopped"]
        assert (late.lasted_ns, late.first_ns, late.ended) == (5 * S, T0 + 90 * S, True)


def test_changes_begin_with_what_was_on_and_starts_that_change_nothing_are_none(tmp_path: Path) -> None:
    def run(n: int, at_s: float, recipe: str) -> Run:
        fields: dict[str, Any] = {name: name for name in ("product", "recipe_hash", "model", "model_hash", "camera", "provider")}
        return Run(**stamp(n, at_s=at_s), run_id=f"R{n}", classes=[], ejector=run_of().ejector, recipe=recipe, **fields)

    told = [run(1, 0, "a"), run(2, 100, "b"), run(3, 200, "b"), run(4, 300, "a"), run(5, 900, "c")]
    with open_store(_told(tmp_path, *told)) as store, store.reading() as db:
        found = made_with(db, "S1", (T0 + 150 * S, T0 + 500 * S))
        assert [(m.since_ns, m.recipe) for m in found] == [(T0 + 150 * S, "b"), (T0 + 300 * S, "a")]
        assert made_with(db, "another", (T0, T0 + 500 * S)) == []


def test_escapes_count_for_the_shift_of_the_part_and_for_the_one_in_which_they_were_found(tmp_path: Path) -> None:
    path = _told(tmp_path, *_parts(range(1, 6), {4}), trigger_of(9), verdict_of(9, "NG"), ejection_of(9, "missed"))
    now = time.time_ns()
    with open_store(path) as store:
        store.review("P2", "Anna", "bad", how="sample")
        store.review("P3", "Anna", "bad")
        store.review("P3", "Anna", "good")  # on second thought
        store.review("P4", "Anna", "bad")
        with store.reading() as db:
            of_the_shift = (SHIFT.since_ns, SHIFT.until_ns)
            assert [p.part_id for p in escapes(db, of_the_shift)] == ["P2"]
            assert escapes_found(db, of_the_shift) == [], "a part of the shift itself"
            assert [p.part_id for p in escapes_found(db, (now - 60 * S, now + 60 * S))] == ["P2"]
            assert [p.part_id for p in unconfirmed(db, of_the_shift)] == ["P9"]
            assert unconfirmed(db, (T0 + 60 * S, SHIFT.until_ns)) == []


def test_a_report_adds_up_and_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    path = _told(tmp_path, *_parts(range(1, 41), {7, 8, 9}))
    with open_store(path) as store:
        one, again = (shift_report(store, "S1", CALENDAR, SHIFT, SHIFT.until_ns + n) for n in (1, 10**15))
        assert one.encoded() == again.encoded()
        assert one.sha256() == hashlib.sha256(one.encoded()).hexdigest()
        assert (one.counts.parts, one.counts.rejects, one.counts.passed, one.counts.ejected) == (40, 3, 37, 3)
        assert one.closes
        assert (one.over, one.simulated) == (True, True)
        assert one.rejected.value == pytest.approx(3 / 40)
        assert one.rejected.low < 3 / 40 < one.rejected.high
        assert sum(p.of for p in one.control.chart.points) == 40
        assert len(one.control.slots) * POINT_NS == SHIFT.until_ns - SHIFT.since_ns
        assert one.control.base_parts == 0, "nothing is known from before"
        assert not shift_report(store, "S1", CALENDAR, SHIFT, T0 + 100 * S).over
        store.review("P1", "Anna", "bad")
        assert shift_report(store, "S1", CALENDAR, SHIFT, SHIFT.until_ns).sha256() != one.sha256()


def test_counts_that_do_not_close_are_named(tmp_path: Path) -> None:
    path = _told(tmp_path, *_parts(range(1, 4)), trigger_of(5), ejection_of(5, "ejected"), trigger_of(6), verdict_of(6))
    with open_store(path) as store:
        report = shift_report(store, "S1", CALENDAR, SHIFT, SHIFT.until_ns)
    assert not report.closes
    assert ("P5", "no verdict") in [(m.part_id, m.why) for m in report.books.misfits]
    assert report.books.waiting == ["P6"]


def test_a_shift_of_the_night_of_the_clock_change_has_an_hour_more() -> None:
    night = find_shift(CALENDAR, "2026-10-24/3")
    assert night.until_ns - night.since_ns == 9 * 3600 * S
    assert night.day == date(2026, 10, 24).isoformat()


@pytest.mark.parametrize(
    "name", ["", "2026-10-24", "2026-10-24/4", "2026-10-24/0", "24.10.2026/1", "9999-12-31/3", "x" * 10_000, "../../etc/1"]
)
def test_a_shift_that_is_none_is_refused_by_name(name: str) -> None:
    with pytest.raises(StoreError, match="there is none called so"):
        find_shift(CALENDAR, name)
