"""The simulated line in virtual time: it ejects unless permitted, and every part ends as one of three things."""

from __future__ import annotations

from typing import Any

import pytest

from hardware.belt import Belt, BeltSettings, Fed
from hardware.plc import EjectorTiming, PlcEvent
from hardware.plc_program import HEARTBEAT_LOST_NS

MS = 1_000_000
ENDS = ("passed", "ejected", "missed")


class Run:
    """A belt, its clock and its story."""

    def __init__(self, *, ready: bool = True, **settings: Any) -> None:
        self.belt = Belt(BeltSettings(**{"rate_hz": 10.0, "jitter": 0.0, "ejector_delay_s": 0.25} | settings))
        self.now = 5_000_000_000
        self.beating = ready
        self.fed: list[Fed] = []
        self.events: list[PlcEvent] = []
        self.tick(0)

    def tick(self, ns: int = MS) -> None:
        self.now += ns
        if self.beating:
            self.belt.ready(True, self.now)
        self.fed += self.belt.advance(self.now)
        self.events += self.belt.events
        self.belt.events.clear()

    def wait(self, ms: int) -> None:
        for _ in range(ms):
            self.tick()

    def until_fed(self, count: int) -> None:
        for _ in range(100_000):
            if len(self.fed) >= count:
                return
            self.tick()
        raise AssertionError(f"only {len(self.fed)} parts were fed")

    def kinds(self, trigger_id: int) -> list[str]:
        return [e.kind for e in self.events if e.trigger_id == trigger_id]

    def books(self) -> None:
        ends = sum(e.kind in ENDS for e in self.events)
        assert self.belt.fed == ends + self.belt.on_belt
        assert sum(e.kind == "triggered" for e in self.events) == self.belt.fed


def test_without_a_word_every_part_is_ejected_and_says_so() -> None:
    run = Run(parts=5)
    run.wait(1500)
    for number in range(1, 6):
        assert run.kinds(number) == ["triggered", "ejected"]
    assert {e.reason for e in run.events if e.kind == "ejected"} == {"no verdict"}
    assert run.belt.on_belt == 0
    run.books()


def test_a_permit_in_time_lets_its_part_pass_and_no_other() -> None:
    run = Run(parts=3)
    run.until_fed(2)
    run.belt.answer(2, 1, run.now)
    run.wait(1000)
    assert [run.kinds(n)[-1] for n in (1, 2, 3)] == ["ejected", "passed", "ejected"]


def test_a_reject_ejects_with_a_verdict() -> None:
    run = Run(parts=1)
    run.until_fed(1)
    run.belt.answer(1, 2, run.now)
    run.wait(400)
    (end,) = [e for e in run.events if e.kind == "ejected"]
    assert end.reason == ""


@pytest.mark.parametrize(("after_ms", "passes"), [(0, True), (248, True), (252, False), (265, False), (400, False)])
def test_the_deadline_is_the_ejector(after_ms: int, passes: bool) -> None:
    run = Run(parts=1)
    run.until_fed(1)
    run.wait(after_ms)
    run.belt.answer(1, 1, run.now)
    run.wait(300)
    assert (run.kinds(1)[1] == "passed") == passes
    assert ("late" in run.kinds(1)) != passes
    assert ("ejected" in run.kinds(1)) != passes


@pytest.mark.parametrize(
    ("words", "end"),
    [
        ("p", "passed"), ("pp", "passed"), ("ppp", "passed"), ("pr", "ejected"), ("rp", "ejected"), ("prp", "ejected"), ("rpp", "ejected"),
        ("rrp", "ejected"), ("r", "ejected"), ("", "ejected"),
    ],
)  # fmt: skip
def test_a_reject_wins_whatever_else_is_said_and_a_repeated_permit_takes_nothing_back(words: str, end: str) -> None:
    run = Run(parts=1)
    run.until_fed(1)
    for word in words:
        run.wait(10)
        if word == "p":
            run.belt.answer(1, 1, run.now)
        else:
            run.belt.answer(1, 2, run.now)
    run.wait(400)
    assert run.kinds(1)[-1] == end


def test_words_about_parts_that_are_not_there_do_nothing() -> None:
    run = Run(parts=1)
    run.belt.answer(1, 1, run.now)  # before the sensor saw it: it must not count for the part that comes
    run.belt.answer(77, 2, run.now)
    run.until_fed(1)
    run.wait(400)
    assert run.kinds(1) == ["late", "triggered", "ejected"]


def test_nothing_moves_before_somebody_is_ready() -> None:
    run = Run(ready=False)
    run.wait(3000)
    assert run.events == []
    assert run.fed == []
    assert not run.belt.running
    assert run.belt.stop_reason


def test_a_lost_heartbeat_stops_the_belt_within_a_second_and_no_part_is_lost() -> None:
    run = Run()
    run.until_fed(3)
    run.beating, lost_at = False, run.now
    while run.belt.running:
        run.tick()
    assert run.now - lost_at <= HEARTBEAT_LOST_NS <= 1_000_000_000
    fed, on_belt, encoder = run.belt.fed, run.belt.on_belt, run.belt.encoder
    assert on_belt > 0
    run.wait(5000)
    assert (run.belt.fed, run.belt.on_belt, run.belt.encoder) == (fed, on_belt, encoder)
    run.beating = True
    run.wait(600)
    assert not run.belt.running, "only a person lets it run again"
    run.belt.acknowledge(run.now)
    run.wait(600)
    assert all(any(k in ENDS for k in run.kinds(n)) for n in range(1, fed + 1))
    run.books()
    assert [e.kind for e in run.events if e.trigger_id == 0] == ["started", "stopped", "started"]


def test_not_ready_stops_at_once() -> None:
    run = Run()
    run.until_fed(1)
    run.beating = False
    run.belt.ready(False, run.now)
    run.tick()
    assert not run.belt.running


def test_a_stop_holds_until_somebody_starts_whoever_is_ready() -> None:
    run = Run()
    run.until_fed(2)
    run.belt.stop("five parts without a verdict", run.now)
    stopped_with = run.belt.on_belt
    run.wait(3000)
    assert not run.belt.running
    assert run.belt.stop_reason == "five parts without a verdict"
    assert run.belt.on_belt == stopped_with
    run.belt.answer(2, 1, run.now)  # a verdict may come while the belt stands: the part has not reached the ejector
    run.belt.acknowledge(run.now)
    run.wait(400)
    assert run.kinds(2)[-1] == "passed"
    run.books()


def test_a_start_without_anybody_ready_moves_nothing() -> None:
    run = Run(ready=False)
    run.belt.acknowledge(run.now)
    run.wait(100)
    assert not run.belt.running


def test_while_nobody_runs_the_line_its_world_stands_still() -> None:
    """The process was stopped for 10 s: the belt of a simulated line has not moved meanwhile, and what was late says so."""
    run = Run(parts=1)
    run.until_fed(1)
    run.wait(249)
    run.tick(10_000 * MS)
    run.wait(100)
    assert run.kinds(1) == ["triggered", "ejected"]
    (end,) = [e for e in run.events if e.kind == "ejected"]
    assert end.offset_us == pytest.approx(9_999_000, abs=100)
    assert run.belt.running


def test_an_announced_part_is_due_from_the_moment_the_camera_saw_it() -> None:
    run = Run(sensor="camera", confirm_s=0.02)
    run.wait(200)
    run.belt.announce(1, run.now, run.now - 100 * MS)
    began = run.now
    run.wait(400)
    (end,) = [e for e in run.events if e.kind == "ejected"]
    assert (end.at_ns - began) / MS == pytest.approx(250 - 100 + 20, abs=3)


def test_with_the_handshake_the_next_part_waits_for_the_word_on_the_last() -> None:
    run = Run(rate_hz=0.0)
    run.until_fed(1)
    run.wait(100)
    assert len(run.fed) == 1
    run.belt.answer(1, 1, run.now)
    run.tick()
    assert len(run.fed) == 2
    run.belt.answer(2, 2, run.now)
    run.tick()
    assert len(run.fed) == 3
    run.wait(230)  # without a word it waits until the part has gone by the ejector
    assert len(run.fed) == 3
    run.wait(60)
    assert len(run.fed) == 4
    run.books()


def test_a_camera_that_sees_parts_itself() -> None:
    run = Run(sensor="camera")
    run.wait(1000)
    assert run.fed == []
    for number in (7, 8):
        run.belt.announce(number, run.now)
        run.belt.announce(number, run.now)  # said twice is one part
        run.wait(60)
    run.belt.answer(8, 1, run.now)
    run.wait(400)
    assert run.kinds(7) == ["triggered", "ejected"]
    assert run.kinds(8) == ["triggered", "passed"]
    run.books()


def test_a_part_that_a_camera_saw_as_the_belt_stopped_is_followed() -> None:
    run = Run(sensor="camera")
    run.wait(100)
    run.belt.stop("drill", run.now)
    run.tick()
    run.belt.announce(1, run.now)
    run.wait(1000)
    assert run.kinds(1) == ["triggered"]
    run.belt.acknowledge(run.now)
    run.wait(400)
    assert run.kinds(1) == ["triggered", "ejected"]
    run.books()


def test_a_line_with_a_sensor_does_not_listen_to_announcements() -> None:
    run = Run(parts=1)
    run.belt.announce(50, run.now)
    run.wait(1000)
    assert run.kinds(50) == []


def test_the_encoder_counts_while_the_belt_runs() -> None:
    run = Run(counts_per_s=1000.0)
    before = run.belt.encoder
    run.wait(500)
    assert run.belt.encoder - before == 500
    run.belt.stop("drill", run.now)
    run.wait(500)
    assert run.belt.encoder - before == 500
    triggered = [e for e in run.events if e.kind == "triggered"]
    assert [e.encoder for e in triggered] == sorted(e.encoder for e in triggered)


@pytest.mark.parametrize(
    ("delay_ms", "counts", "due_ms"), [(100.0, 0, 100), (100.0, 300, 300), (0.0, 0, 250), (-5.0, 0, 250), (1e9, 0, 250), (50.0, -7, 250)]
)
def test_the_ejector_is_where_the_recipe_says_and_nonsense_is_not_listened_to(delay_ms: float, counts: int, due_ms: int) -> None:
    run = Run(parts=1, counts_per_s=1000.0, confirm_s=0.02)
    run.belt.aim(EjectorTiming(delay_ms, counts))
    run.until_fed(1)
    run.wait(1000)
    (end,) = [e for e in run.events if e.kind == "ejected"]
    assert (end.at_ns - run.fed[0].at_ns) / MS == pytest.approx(due_ms + 20, abs=3)
    assert 0 <= end.offset_us < 2000


def test_how_long_the_line_may_sleep() -> None:
    run = Run()
    run.until_fed(1)
    for _ in range(500):
        wait = run.belt.next_due_ns(run.now)
        assert 0 <= wait <= 20 * MS
        run.tick(max(wait, 1))
    ends = [e for e in run.events if e.kind == "ejected"]
    assert ends
    assert max(e.offset_us for e in ends) < 1  # who sleeps just as long as told is never late


def test_another_part_under_a_number_that_is_on_the_belt_lets_neither_pass() -> None:
    run = Run(sensor="camera")
    run.wait(1000)
    run.belt.announce(1, run.now)
    run.belt.answer(1, 1, run.now)
    run.wait(100)
    run.belt.announce(1, run.now)
    run.belt.answer(1, 1, run.now)
    run.wait(500)
    assert run.kinds(1) == ["triggered", "ejected"]
    assert list(run.belt.ejector.went) == [(1, True), (1, True)]


@pytest.mark.parametrize("way", ["acknowledge", "reset"])
def test_a_full_bin_stops_the_line_until_somebody_has_emptied_it(way: str) -> None:
    run = Run(bin_parts=2)
    run.wait(1000)
    stopped = [e for e in run.events if e.kind == "stopped"]
    assert [e.code for e in stopped] == [4]
    assert sum(e.kind == "ejected" for e in run.events) == 2
    getattr(run.belt, way)(run.now)
    run.wait(1000)
    assert sum(e.kind == "ejected" for e in run.events) == 4


def test_a_jammed_bin_stops_the_line() -> None:
    run = Run()
    run.wait(100)
    run.belt.ejector.jammed = True
    run.tick()
    assert (run.belt.running, run.belt.program.code) == (False, 4)
    run.belt.reset(run.now)
    run.tick()
    assert run.belt.running


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_a_part_is_ejected_where_it_is_however_fast_the_belt(speed: float) -> None:
    run = Run(counts_per_s=1000.0)
    run.belt.aim(EjectorTiming(delay_counts=250))
    run.until_fed(3)
    run.belt.speed = speed
    run.wait(2000)
    assert all(fell for _, fell in run.belt.ejector.went)
    assert not run.belt.program.code
    run.books()


def test_a_request_of_the_operator_is_an_event() -> None:
    run = Run()
    run.belt.request_recipe(7, run.now)
    run.tick()
    assert [(e.kind, e.code) for e in run.events if e.kind == "recipe"] == [("recipe", 7)]


def test_a_part_announced_late_is_where_the_camera_saw_it_though_the_belt_has_stood_since() -> None:
    """The rejector was away, the belt stopped: a bad part on it still lies before the ejector and must fall when it goes on."""
    belt = Belt(BeltSettings(rate_hz=5, sensor="camera", ejector_delay_s=2.0))
    now = 0

    def let(ms: int, ready: bool) -> None:
        nonlocal now
        for _ in range(ms):
            now += 1_000_000
            if ready and now % 250_000_000 == 0:
                belt.ready(True, now)
            belt.advance(now)

    let(5_000, True)
    let(300, False)
    seen_ns = now
    let(12_000, False)
    assert not belt.running
    belt.events.clear()
    belt.announce(1, now, seen_ns)
    belt.answer(1, 2, now)
    let(500, True)
    belt.acknowledge(now)
    let(4_000, True)
    assert [(e.kind, e.trigger_id) for e in belt.events if e.kind in ("passed", "ejected", "missed")] == [("ejected", 1)]
