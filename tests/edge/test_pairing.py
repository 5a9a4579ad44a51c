"""Picture and part: whatever one of the two misses is noticed, and nothing that happens at a line that runs well is."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import pytest

from edge.messages import Trigger
from edge.pairing import EARLY_IN_ROW, LATE_IN_ROW, Doubt, Pairing
from hardware.plc import PlcEvent
from hardware.wire import Edge
from tests.edge.floor import FakeStation, floor

MS = 1_000_000


@dataclass
class Both:
    """A belt with two that look at it; each may have an encoder, is late by something, and misses what it is told to."""

    plc_encoder: bool = True
    station_encoder: bool = True
    step_ms: float = 50.0
    jitter_ms: float = 10.0
    plc_late_ms: float = 0.0
    station_late_ms: float = 0.0
    zero: int = 0
    seed: int = 1
    pairing: Pairing = field(default_factory=Pairing)
    now_ns: int = 10**12
    plc_number: int = 0
    station_number: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def part(self, missed_by: str = "", *, plc_late_ms: float = 0.0, station_late_ms: float = 0.0, pictured: bool = True) -> list[Doubt]:
        self.now_ns += int((self.step_ms + self.random.uniform(-1, 1) * self.jitter_ms) * MS)
        counts = self.now_ns // 100_000
        said: list[Doubt | None] = []
        if missed_by != "plc":
            self.plc_number += 1
            late = self.plc_late_ms * self.random.random() + plc_late_ms
            said.append(
                self.pairing.triggered(
                    PlcEvent("triggered", self.plc_number, self.now_ns + int(late * MS), counts % 2**32 if self.plc_encoder else 0)
                )
            )
        if missed_by != "station":
            self.station_number += 1
            late = self.station_late_ms * self.random.random() + station_late_ms
            encoder = counts + self.zero if self.station_encoder else None
            said.append(self.pairing.announced(trigger(self.station_number, self.now_ns + int(late * MS), encoder, pictured=pictured)))
        return [doubt for doubt in said if doubt is not None]

    def parts(self, count: int, **how: float) -> list[Doubt]:
        return [doubt for _ in range(count) for doubt in self.part(**how)]  # type: ignore[arg-type]


def trigger(number: int, at_ns: int, encoder: int | None = None, *, pictured: bool = True) -> Trigger:
    return Trigger(
        run_id="R",
        part_id=f"P{number}-{at_ns}",
        trigger_id=number,
        trigger_ns=at_ns,
        encoder=encoder if pictured else None,
        pictured=pictured,
    )


WAYS = {
    "exact": Both(),
    "other zero": Both(zero=123_456),
    "PLC without encoder": Both(plc_encoder=False),
    "camera without encoder": Both(station_encoder=False),
    "field bus": Both(plc_encoder=False, plc_late_ms=12.0),
    "field bus with encoders": Both(plc_late_ms=300.0),
    "slow line": Both(step_ms=500.0, jitter_ms=200.0, plc_encoder=False, plc_late_ms=60.0, station_late_ms=30.0),
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("way", WAYS)
def test_a_line_that_runs_well_is_never_doubted(way: str, seed: int) -> None:
    both = replace(WAYS[way], seed=seed, pairing=Pairing())
    assert both.parts(500) == []


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("who", ["plc", "station"])
@pytest.mark.parametrize("way", WAYS)
def test_one_that_is_missed_by_one_of_the_two_stops_the_line(way: str, who: str, seed: int) -> None:
    both = replace(WAYS[way], seed=seed, pairing=Pairing())
    assert both.parts(30) == []
    both.part(who)
    row = 1 if both.plc_encoder and both.station_encoder else EARLY_IN_ROW if who == "station" else LATE_IN_ROW
    doubts = both.parts(row + 1)
    assert any(d.stop for d in doubts)
    assert len({d.trigger_id for d in doubts}) >= row  # and until then each of them is rejected
    assert any(d.stop for d in both.parts(1)), "an acknowledgement alone brings them together again"


def test_a_slow_line_shows_it_also_to_a_rejector_that_starts_anew() -> None:
    both = Both(step_ms=500.0, jitter_ms=100.0, plc_late_ms=30.0)
    both.parts(20)
    both.part("station")
    both.pairing = Pairing()
    assert any(d.stop for d in both.parts(8))


def test_parts_of_which_no_picture_came_say_nothing() -> None:
    both = Both(plc_encoder=False)
    both.parts(20)
    assert [d for n in range(60) for d in both.part(pictured=n % 3 > 0, station_late_ms=0 if n % 3 else 49)] == []


def test_one_late_frame_costs_that_part_only() -> None:
    both = Both(plc_encoder=False)
    both.parts(20)
    assert [d.stop for d in both.part(station_late_ms=40)] == [False]
    assert both.parts(50) == []


def test_a_link_that_was_held_up_stops_nothing() -> None:
    both = Both(plc_encoder=False, plc_late_ms=5.0)
    both.parts(20)
    assert not [d for late in range(300, 0, -25) for d in both.part(plc_late_ms=late) if d.stop]
    assert both.parts(50) == []


def test_one_word_may_come_long_before_the_other() -> None:
    pairing, at_ns = Pairing(), 10**12
    for n in range(1, 40):
        assert pairing.announced(trigger(n, at_ns + n * 50 * MS, n * 500)) is None
    for n in range(1, 40):
        assert pairing.triggered(PlcEvent("triggered", n, at_ns + n * 50 * MS, n * 500)) is None


def test_a_repeated_announcement_is_none_of_another_part() -> None:
    both = Both()
    both.parts(10)
    old = trigger(5, both.now_ns - 200 * MS, 0)
    assert both.pairing.announced(old) is None
    assert both.pairing.announced(trigger(both.station_number, both.now_ns, 0)) is None
    assert both.parts(20) == []


@pytest.mark.parametrize("first", ["plc", "station"])
def test_a_line_that_counts_anew_is_learnt_anew(first: str) -> None:
    both = Both()
    both.parts(20)
    both.part("plc")  # it dies here: what was announced last is never triggered
    both.now_ns += 2_000 * MS
    both.plc_number = both.station_number = 0
    both.zero = -(both.now_ns // 100_000)
    if first == "station":
        both.pairing.announced(trigger(1, both.now_ns + 50 * MS, 500))
        both.pairing.triggered(PlcEvent("triggered", 1, both.now_ns + 50 * MS, both.now_ns // 100_000 + 500))
        both.plc_number = both.station_number = 1
        both.now_ns += 50 * MS
    assert both.parts(30) == []
    both.part("station")
    assert any(d.stop for d in both.parts(2))


def test_the_book_of_pairs_does_not_grow() -> None:
    pairing = Pairing()
    for n in range(1, 5_000):
        pairing.triggered(PlcEvent("triggered", n, n * MS, n))
        pairing.announced(trigger(n + 10_000, n * MS, n))
    assert len(pairing._plc) <= 2_048 >= len(pairing._station)


def test_a_camera_that_misses_one_edge_stops_the_real_line_and_no_neighbours_verdict_counts() -> None:
    """Parts are good and bad in turn. After the camera has missed one, every number bears its neighbour's picture."""

    def plan(station: FakeStation, edge: Edge) -> None:
        if edge.trigger_id == 12:
            return
        shown = edge if edge.trigger_id < 12 else replace(edge, trigger_id=edge.trigger_id - 1)
        station.announce(shown)
        station.judge(shown, "OK" if edge.trigger_id % 2 else "NG")

    with floor(plan, rate_hz=10.0, parts=60) as f:
        f.until(lambda: "parts-mixed-up" in f.alarms)
        f.until(lambda: f.beat is not None and f.beat.state == "fault")
        assert f.alarms["parts-mixed-up"].severity == "fault"
        assert f.acknowledge().accepted  # whoever does nothing else
        f.ejections.clear()
        f.listen(1.5)
        f.until(lambda: f.beat is not None and "picture" in f.beat.detail)
        for _ in range(3):
            f.acknowledge()
            f.listen(0.7)
        passed = [e.trigger_id for e in f.ejections if e.outcome == "passed"]
        assert not [n for n in passed if n % 2 == 0], "a bad part has passed on its neighbour's verdict"
        assert all(n < 12 for n in passed)
