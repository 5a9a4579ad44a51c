"""Counts of run, shift and hour: of record and ear the larger, minute by minute."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.lately import MAX_MINUTES, Lately
from edge.config import Shifts
from edge.lately import Counts, Stretch, Told, tell
from edge.messages import CODES, Ejection, Timings, Verdict, VerdictWord
from edge.rows import Batch
from edge.shifts import Calendar
from edge.statistics import Band
from edge.store import FILE_NAME, open_store

MINUTE = 60 * 10**9
NOW = 1_790_000_000 * 10**9 // MINUTE * MINUTE + 30 * 10**9
NOBODY = Band(None, 1.0, 0, 0, 0)


def told(minutes: dict[tuple[int, str], Counts], before: Counts = (0, 0, 0, 0, 0, 0)) -> Told:
    since = NOW - 60 * MINUTE
    spans = {"shift": Stretch(since - MINUTE, "", before), "run": Stretch(NOW - 2 * MINUTE, "r2", (0, 0, 0, 0, 0, 0))}
    return Told(since, minutes, spans, NOBODY, NOW)


def test_without_a_record_only_the_hour_is_known() -> None:
    lately = Lately()
    lately.judged(NOW, "r", "OK")
    lately.judged(NOW, "r", "NG")
    lately.judged(NOW - 59 * MINUTE, "r", "UNDECIDED")
    lately.judged(NOW - 60 * MINUTE, "r", "OK")  # more than an hour ago
    hour = lately.hour(NOW)
    assert len(hour) == 60
    assert (hour[-1], hour[0]) == ((2, 1), (1, 1))
    assert sum(m.parts for m in hour) == 3
    assert lately.span("shift") == (0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("first", ["ear", "record"])
def test_of_each_minute_the_larger_count(first: str) -> None:
    """The ear came in the middle of the first minute; of the last one the record has not all yet."""
    lately, minute = Lately(), NOW // MINUTE

    def hear() -> None:
        for wall_ns, n in ((NOW - MINUTE, 2), (NOW, 5)):
            for _ in range(n):
                lately.judged(wall_ns, "r2", "OK")
        lately.gone(NOW, "r2", "passed")

    def read() -> None:
        lately.read(told({(minute - 1, "r2"): (9, 0, 0, 9, 0, 0), (minute, "r2"): (3, 0, 0, 3, 0, 0)}, (100, 1, 0, 100, 1, 0)), NOW)

    for step in (hear, read) if first == "ear" else (read, hear):
        step()
    assert lately.span("shift") == (114, 1, 0, 112, 1, 0)
    assert lately.span("run") == (14, 0, 0, 12, 0, 0)
    lately.judged(NOW + MINUTE, "r2", "NG")
    assert lately.span("run") == (14, 1, 0, 12, 0, 0), "a minute that has begun since counts too"


def test_a_run_counts_its_own_parts() -> None:
    lately, minute = Lately(), NOW // MINUTE
    lately.read(told({(minute - 1, "r1"): (5, 0, 0, 0, 0, 0), (minute - 1, "r2"): (1, 0, 0, 0, 0, 0)}), NOW)
    lately.judged(NOW, "r1", "NG")
    assert lately.span("run") == (1, 0, 0, 0, 0, 0)
    assert lately.span("shift") == (6, 1, 0, 0, 0, 0)


def test_memory_is_bounded() -> None:
    lately = Lately()
    for n in range(MAX_MINUTES + 500):
        lately.judged(n * MINUTE, str(n), "OK")
    assert len(lately._heard) == MAX_MINUTES
    assert min(lately._heard) == (500, "500"), "the oldest goes"


def _part(number: int, run: str, wall_ns: int, verdict: VerdictWord) -> list[Verdict | Ejection]:
    return [
        Verdict(
            station="S", sender="station", epoch=1, seq=number, wall_ns=wall_ns, run_id=run, part_id=f"p{number}", trigger_id=number, trigger_ns=1,
            trigger_wall_ns=wall_ns, verdict=verdict, code=CODES[verdict], reasons=[], defects=[], timings=Timings(total_us=1), recipe="r",
            recipe_hash="h", model_hash="m",
        ),
        Ejection(
            station="S", sender="rejector", epoch=1, seq=number, wall_ns=wall_ns + 10**9, trigger_id=number, part_id=f"p{number}", run_id=run,
            outcome="passed" if verdict == "OK" else "ejected", reason="", offset_us=0,
        ),
    ]  # fmt: skip


def test_the_record_tells_run_shift_and_minutes(tmp_path: Path) -> None:
    calendar = Calendar(Shifts(begin=["00:00"], zone="UTC"))
    shift = calendar.shift(NOW).since_ns
    walls = [shift - MINUTE, shift + MINUTE, NOW - 20 * MINUTE, NOW - MINUTE]
    messages = [m for n, wall_ns in enumerate(walls, 1) for m in _part(n, "a" if n < 3 else "b", wall_ns, "NG" if n == 2 else "OK")]
    with open_store(tmp_path / FILE_NAME) as store:
        store.write(Batch(messages=list(messages)))
        with store.reading() as db:
            first = tell(db, calendar, NOW, "b")
        store.write(Batch(messages=list(_part(5, "b", NOW, "UNDECIDED"))))
        with store.reading() as db:
            again = tell(db, calendar, NOW, "b", first)
            anew = tell(db, calendar, NOW, "a", again)
    lately = Lately()
    lately.read(first, NOW)
    assert lately.span("shift") == (2, 1, 0, 2, 1, 0)
    lately.read(again, NOW)
    assert again.counted_ns == first.counted_ns
    assert lately.span("shift") == (2, 1, 1, 2, 2, 0)
    assert sum(m.parts for m in lately.hour(NOW)) == 3
    assert anew.spans["run"].run_id == "a"
    assert anew.usual.rate is None, "of five parts nobody can say what is usual"
