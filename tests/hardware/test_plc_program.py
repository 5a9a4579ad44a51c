"""The PLC program, state by state: what every event makes of a part in every state, and of the line in every state."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hardware.plc import EjectorTiming, PlcEvent
from hardware.plc_program import HEARTBEAT_LOST_NS, MAX_PARTS, NOT_SURE, SWEPT, TOO_MANY, LineState, Moment, Part, PartState, Program

MS = 1_000_000
TIMING = EjectorTiming(delay_counts=200, lead_ms=20, pulse_ms=30, confirm_ms=100)
ENDS = ("passed", "ejected", "missed")
START, DUE = 300, 500


class Desk:
    """A program, a belt of one count per ms, and a vision system that is ready."""

    def __init__(self, timing: EjectorTiming = TIMING, *, ready: bool = True, counts_per_s: float = 1000.0) -> None:
        self.program = Program(counts_per_s, timing)
        self.now, self.position, self.speed, self.beats = 10**15, 0, counts_per_s, ready
        self.valve: list[tuple[int, bool]] = []
        if ready:
            self.program.ready(self.at, True)
            self.go(START)
            self.events.clear()

    @property
    def at(self) -> Moment:
        return Moment(self.now, self.position, self.speed if self.program.running else 0.0)

    @property
    def events(self) -> list[PlcEvent]:
        return self.program.events

    def wait(self, ms: int, fell: int = 0) -> None:
        for _ in range(ms):
            self.now += MS
            if self.program.running:
                self.position += int(self.speed / 1000)
            if self.beats:
                self.program.ready(self.at, True)
            self.program.scan(self.at, fell)
            fell = 0
            if not self.valve or self.valve[-1][1] != self.program.valve:
                self.valve.append((self.position, self.program.valve))

    def go(self, position: int) -> None:
        for _ in range(10_000):
            if self.position >= position:
                return
            self.wait(1)
        raise AssertionError("the belt does not run")

    def seen(self, trigger_id: int) -> None:
        self.program.seen(self.at, trigger_id)

    def answer(self, trigger_id: int, verdict: int) -> None:
        self.program.answer(self.at, trigger_id, verdict)

    def kinds(self) -> list[tuple[str, int]]:
        return [(e.kind, e.trigger_id or e.code) for e in self.events]

    def fate(self, trigger_id: int = 1) -> str:
        ends = [e.kind for e in self.events if e.trigger_id == trigger_id and e.kind in ENDS]
        there = [p.state.name for p in self.program.parts if p.trigger_id == trigger_id and p.told]
        assert len(ends) + len(there) == 1
        return (ends + there)[0]


def desk_with(state: PartState) -> Desk:
    """Part 1 was seen at 300 and is at the ejector at 500; its deadline is at 480."""
    desk = Desk()
    desk.seen(1)
    if state in (PartState.GOOD, PartState.PASSING):
        desk.answer(1, 1)
    elif state is PartState.BAD:
        desk.answer(1, 2)
    if state in (PartState.PASSING, PartState.FIRED):
        desk.go(DUE - 15)
    elif state is PartState.FALLING:
        desk.go(DUE + 5)
    assert desk.fate() == state.name
    return desk


def silence(desk: Desk, ms: int) -> None:
    """Nothing is heard from the vision system."""
    desk.beats = False
    desk.wait(ms)


def second_part(desk: Desk) -> None:
    desk.now += MS
    desk.program.seen(desk.at, 1, desk.position)


def over(desk: Desk) -> None:
    desk.go(DUE + 5)
    desk.wait(150)


def stand(desk: Desk) -> None:
    desk.program.stop(desk.at, "drill")
    desk.wait(500)


def faster(desk: Desk) -> None:
    desk.speed *= 10
    desk.wait(1)


def recipe(desk: Desk) -> None:
    assert desk.program.timing(EjectorTiming(delay_counts=150, lead_ms=20))


PART_EVENTS: dict[str, tuple[Callable[[Desk], None], str]] = {
    # what happens: what it makes of a part that is     OPEN GOOD BAD PASSING FIRED FALLING
    "OK": (lambda d: d.answer(1, 1), "GOOD GOOD BAD PASSING FIRED FALLING"),
    "NG": (lambda d: d.answer(1, 2), "BAD BAD BAD PASSING FIRED FALLING"),
    "UNDECIDED": (lambda d: d.answer(1, 3), "BAD BAD BAD PASSING FIRED FALLING"),
    "no verdict (0)": (lambda d: d.answer(1, 0), "BAD BAD BAD PASSING FIRED FALLING"),
    "a verdict that does not exist": (lambda d: d.answer(1, 7), "BAD BAD BAD PASSING FIRED FALLING"),
    "OK for another part": (lambda d: d.answer(2, 1), "OPEN GOOD BAD PASSING FIRED FALLING"),
    "NG for another part": (lambda d: d.answer(2, 2), "OPEN GOOD BAD PASSING FIRED FALLING"),
    "another part under its number": (second_part, "BAD BAD BAD PASSING FIRED FALLING"),
    "another part after it": (lambda d: d.seen(2), "OPEN GOOD BAD PASSING FIRED FALLING"),
    "its deadline": (lambda d: d.go(DUE - 20), "FIRED PASSING FIRED PASSING FIRED FALLING"),
    "the ejector": (lambda d: d.go(DUE), "FALLING passed FALLING passed FALLING FALLING"),
    "something falls": (lambda d: d.program.scan(d.at, 1), "OPEN GOOD BAD PASSING FIRED ejected"),
    "its time is over": (over, "missed passed missed passed missed missed"),
    "the belt stands": (stand, "OPEN GOOD BAD PASSING FIRED missed"),
    "the belt becomes ten times faster": (faster, "FIRED PASSING FIRED PASSING FIRED FALLING"),
    "not ready": (lambda d: d.program.ready(d.at, False), "OPEN GOOD BAD PASSING FIRED FALLING"),
    "stop at the machine": (lambda d: d.program.stop(d.at, "x", 5), "OPEN GOOD BAD PASSING FIRED FALLING"),
    "acknowledge": (lambda d: d.program.acknowledge(d.at), "OPEN GOOD BAD PASSING FIRED FALLING"),
    "reset": (lambda d: d.program.reset(d.at), "OPEN GOOD BAD PASSING FIRED FALLING"),
    "the bin is full": (lambda d: d.program.scan(d.at, 0, True), "OPEN GOOD BAD PASSING FIRED FALLING"),
    "a recipe": (recipe, "OPEN GOOD BAD PASSING FIRED FALLING"),
}


@pytest.mark.parametrize("event", PART_EVENTS)
@pytest.mark.parametrize("state", PartState)
def test_every_event_at_every_state_of_a_part(state: PartState, event: str) -> None:
    happen, makes = PART_EVENTS[event]
    desk = desk_with(state)
    happen(desk)
    want = makes.split()[list(PartState).index(state)]
    assert desk.fate() == want
    late = (event == "OK" and state in (PartState.FIRED, PartState.FALLING)) or event == "OK for another part"
    assert ("late" in [e.kind for e in desk.events]) == late
    if desk.program.code:
        assert not desk.program.running


def unconfirmed(desk: Desk) -> None:
    desk.program.seen(desk.at, 99, desk.position - 200)
    desk.wait(101)


def line_in(state: LineState, code: int) -> Desk:
    desk = Desk(EjectorTiming(delay_counts=200, confirm_ms=100), ready=state is not LineState.IDLE)
    if state is LineState.PAUSED:
        desk.beats = False
        desk.program.ready(desk.at, False)
    elif code == 1:
        silence(desk, 1000)
    elif code == 3:
        unconfirmed(desk)
    elif code == 4:
        desk.program.scan(desk.at, 0, True)
    elif code:
        desk.program.stop(desk.at, "drill", code)
    desk.wait(1)
    assert (desk.program.state, desk.program.code) == (state, code)
    desk.events.clear()
    return desk


LINES = [(LineState.IDLE, 0), (LineState.RUNNING, 0), (LineState.PAUSED, 0), *((LineState.STOPPED, code) for code in (1, 2, 3, 4, 5))]
LINE_EVENTS: dict[str, tuple[Callable[[Desk], None], str]] = {
    # what happens: what the line does then, if it is       IDLE RUN PAUSED and stopped for 1 2 3 4 5
    "ready": (lambda d: d.program.ready(d.at, True), "RUNNING RUNNING RUNNING 1 2 3 4 5"),
    "not ready": (lambda d: d.program.ready(d.at, False), "IDLE PAUSED PAUSED 1 2 3 4 5"),
    "a second of silence": (lambda d: silence(d, 1000), "IDLE 1 1 1 2 3 4 5"),
    "almost a second of silence": (lambda d: silence(d, 997), "IDLE RUNNING PAUSED 1 2 3 4 5"),
    "stop": (lambda d: d.program.stop(d.at, "x"), "2 2 2 1 2 3 4 5"),
    "stop at the machine": (lambda d: d.program.stop(d.at, "x", 5), "5 5 5 1 2 3 4 5"),
    "a part that is not seen to fall": (unconfirmed, "3 3 3 1 2 3 4 5"),
    "the bin is full": (lambda d: d.program.scan(d.at, 0, True), "4 4 4 1 2 3 4 5"),
    "acknowledge": (lambda d: d.program.acknowledge(d.at), "IDLE RUNNING PAUSED IDLE RUNNING RUNNING RUNNING RUNNING"),
    "reset": (lambda d: d.program.reset(d.at), "IDLE RUNNING PAUSED IDLE RUNNING RUNNING RUNNING RUNNING"),
    "a part": (lambda d: d.seen(1), "IDLE RUNNING PAUSED 1 2 3 4 5"),
    "a verdict": (lambda d: d.answer(1, 1), "IDLE RUNNING PAUSED 1 2 3 4 5"),
    "something falls": (lambda d: d.program.scan(d.at, 1), "IDLE RUNNING PAUSED 1 2 3 4 5"),
}


@pytest.mark.parametrize("event", LINE_EVENTS)
@pytest.mark.parametrize(("state", "code"), LINES, ids=[f"{state.name}{code or ''}" for state, code in LINES])
def test_every_event_at_every_state_of_the_line(state: LineState, code: int, event: str) -> None:
    happen, makes = LINE_EVENTS[event]
    desk = line_in(state, code)
    happen(desk)
    want = makes.split()[LINES.index((state, code))]
    program = desk.program
    if event == "reset" and code == 1:
        program.scan(desk.at)  # a vision system that is still silent does not stop the line again: it was never ready since
    assert (str(program.code) if program.code else program.state.name) == want
    assert program.running == (want == "RUNNING")
    told = [e for e in desk.events if e.kind in ("stopped", "started")]
    assert [e.code for e in told if e.kind == "stopped"] == (
        [int(want)] if want.isdigit() and not code else [0] if (state, want) == (LineState.RUNNING, "PAUSED") else []
    )
    assert any(e.kind == "started" for e in told) == (want == "RUNNING" and state is not LineState.RUNNING)
    assert program.reason or program.running
    assert any(e.kind == "reset" for e in desk.events) == (event == "reset")


def shots(desk: Desk) -> list[tuple[int, int]]:
    """When the valve was open since the start, as positions."""
    flat = [position for position, _ in desk.valve[desk.valve.index(next(v for v in desk.valve if v[0] > START)) :]]
    return list(zip(flat[::2], flat[1::2], strict=False))


def parts(desk: Desk, words: str, gap: int) -> None:
    """Parts 1, 2, 3 … that many counts apart: + is OK, - is NG, ? nothing; what falls is seen 10 ms later."""
    for number, word in enumerate(words, 1):
        desk.seen(number)
        if word in "+-":
            desk.answer(number, 1 if word == "+" else 2)
        desk.wait(gap)
    for _ in range(600):
        due = [p for p in desk.program.parts if p.state is PartState.FALLING and not p.fell and desk.now - p.arrived_ns >= 10 * MS]
        desk.wait(1, len(due))


def test_the_valve_opens_before_the_ideal_moment_and_for_as_long_as_it_should() -> None:
    desk = Desk()
    parts(desk, "+-+", 100)
    assert shots(desk) == [(DUE + 100 - 20, DUE + 100 - 20 + 30)]
    assert [desk.fate(n) for n in (1, 2, 3)] == ["passed", "ejected", "passed"]


def test_parts_that_are_closer_than_the_valve_can_do_again_hold_it() -> None:
    desk = Desk(EjectorTiming(delay_counts=200, pulse_ms=10, spacing_ms=60, confirm_ms=50))
    parts(desk, "--", 50)
    assert shots(desk) == [(DUE, DUE + 60)]
    assert [desk.fate(n) for n in (1, 2)] == ["ejected"] * 2


def test_parts_that_are_not_closer_do_not_hold_it() -> None:
    desk = Desk(EjectorTiming(delay_counts=200, pulse_ms=10, spacing_ms=60, confirm_ms=50))
    parts(desk, "--", 60)
    assert shots(desk) == [(DUE, DUE + 10), (DUE + 60, DUE + 70)]


def test_a_good_part_between_two_shots_goes_with_them_and_is_not_called_passed() -> None:
    desk = Desk(EjectorTiming(delay_counts=200, pulse_ms=10, spacing_ms=100, confirm_ms=50))
    parts(desk, "-+-+", 40)
    assert [desk.fate(n) for n in (1, 2, 3, 4)] == ["ejected", "ejected", "ejected", "passed"]
    assert [e.reason for e in desk.events if e.trigger_id == 2 and e.kind == "ejected"] == [SWEPT]


def test_a_late_ok_frees_the_valve_that_was_held_for_its_part() -> None:
    desk = Desk(EjectorTiming(delay_counts=200, pulse_ms=10, spacing_ms=100, confirm_ms=50))
    for number, verdict in ((1, 2), (2, 0)):
        desk.seen(number)
        if verdict:
            desk.answer(number, verdict)
        desk.wait(80)
    desk.go(DUE + 40)
    assert desk.program.valve
    desk.answer(2, 1)
    desk.wait(1)
    assert not desk.program.valve


def test_what_lies_on_the_belt_when_the_program_starts_is_swept_off() -> None:
    desk = Desk()
    assert desk.valve[0][1]
    assert [v for v in desk.valve if v[0] < 300][-1] == (200 - 20, False)


def test_with_a_slow_valve_the_belt_waits_for_it_at_the_start() -> None:
    desk = Desk(ready=False)
    desk.beats = True
    desk.program.ready(desk.at, True)
    assert (desk.program.valve, desk.program.running) == (True, False)
    desk.wait(19)
    assert not desk.program.running
    desk.wait(1)
    assert desk.program.running


def test_a_stop_between_shot_and_ejector_is_made_up_for() -> None:
    desk = desk_with(PartState.FIRED)
    desk.program.stop(desk.at, "drill")
    assert not desk.program.valve, "no air for hours at a machine that stands"
    desk.wait(3000)
    desk.program.acknowledge(desk.at)
    assert (desk.program.valve, desk.program.running) == (True, False)
    desk.wait(20)
    assert (desk.program.valve, desk.program.running) == (True, True)
    desk.go(DUE + 5)
    desk.wait(10, 1)
    assert desk.fate() == "ejected"


def test_a_shot_that_comes_too_late_counts_as_missed_whatever_falls() -> None:
    desk = Desk()
    desk.seen(1)
    desk.now, desk.position = desk.now + 260 * MS, desk.position + 260
    desk.program.scan(desk.at)
    assert desk.program.code == 3
    desk.wait(1, 1)
    assert desk.fate() == "missed"
    (end,) = [e for e in desk.events if e.kind == "missed"]
    assert end.reason == "the ejector fired late"
    assert end.offset_us == pytest.approx(80_000)


def test_a_missing_one_of_parts_that_fall_close_together_may_be_any_of_them() -> None:
    desk = Desk()
    for number in (1, 2):
        desk.seen(number)
        desk.wait(50)
    desk.go(DUE + 60)
    desk.wait(1, 1)  # one falls: the first late, or the second early?
    assert [p.state for p in desk.program.parts] == [PartState.FALLING] * 2
    desk.wait(120)
    assert [desk.fate(n) for n in (1, 2)] == ["missed", "missed"]
    assert [e.reason for e in desk.events if e.kind == "missed"] == [NOT_SURE, "nothing was seen to fall"]
    assert desk.program.code == 3


def test_parts_that_fall_one_after_the_other_are_told_apart_by_how_long_a_fall_takes() -> None:
    """Each is still falling when the next one comes to the ejector; what fell cannot be that one, which has only just come."""
    desk = Desk(EjectorTiming(delay_counts=200, pulse_ms=10, confirm_ms=100))
    fall, gap = 20, 25
    desk.seen(99)
    desk.go(START + 200)
    desk.wait(fall)
    desk.wait(1, 1)
    assert desk.fate(99) == "ejected"
    begin = desk.now
    for number in range(1, 30):
        desk.seen(number)
        for _ in range(gap):
            step = (desk.now - begin) // MS
            late = step - 200 - fall
            desk.wait(1, int(late >= 0 and late % gap == 0 and late // gap != 4))  # the fifth does not fall
        if desk.program.code:
            break
    else:
        desk.wait(400)
    assert desk.program.code == 3
    assert desk.fate(5) == "missed"
    assert [desk.fate(n) for n in (1, 2, 3, 4)] == ["ejected"] * 4


def test_an_end_says_how_far_from_the_ideal_moment_it_was() -> None:
    desk = Desk()
    desk.seen(1)
    desk.go(DUE - 23)
    desk.now, desk.position = desk.now + 7 * MS, desk.position + 7
    desk.program.scan(desk.at)
    desk.go(DUE + 1)
    desk.wait(1, 1)
    (end,) = [e for e in desk.events if e.kind == "ejected"]
    assert end.offset_us == pytest.approx(4000)


def test_at_half_the_speed_the_shot_comes_at_the_same_place_less_the_way_of_the_lead() -> None:
    desk = Desk()
    desk.speed = 500.0
    desk.wait(2)
    desk.seen(1)
    due = desk.position + 200

    def half() -> None:
        desk.now += 2 * MS
        desk.position += 1
        desk.program.ready(desk.at, True)

    while not desk.program.valve:
        half()
    assert desk.position == due - 10


def test_more_parts_than_can_be_followed_stop_the_line_and_are_swept_off() -> None:
    desk = Desk(EjectorTiming(delay_counts=200, confirm_ms=50))
    for number in range(1, MAX_PARTS + 1):
        desk.program.seen(desk.at, number)
    assert desk.program.running
    desk.program.seen(desk.at, MAX_PARTS + 1)
    assert desk.program.state is LineState.STOPPED
    assert desk.kinds()[-3:] == [("triggered", MAX_PARTS + 1), ("missed", MAX_PARTS + 1), ("stopped", 3)]
    assert desk.events[-1].reason == TOO_MANY
    for part in desk.program.parts:
        desk.program.answer(desk.at, part.trigger_id, 1)
    desk.program.acknowledge(desk.at)
    desk.go(DUE - 1)
    assert desk.program.valve


def test_a_bin_that_is_still_full_stops_the_line_again() -> None:
    desk = line_in(LineState.STOPPED, 4)
    desk.program.acknowledge(desk.at)
    assert desk.program.running
    desk.program.scan(desk.at, 0, True)
    assert desk.program.code == 4


@pytest.mark.parametrize(
    "timing",
    [
        EjectorTiming(delay_ms=0), EjectorTiming(delay_ms=-1), EjectorTiming(delay_ms=float("nan")), EjectorTiming(delay_ms=float("inf")),
        EjectorTiming(delay_counts=-7), EjectorTiming(delay_counts=2**62), EjectorTiming(delay_ms=100, lead_ms=100), EjectorTiming(lead_ms=-1),
        EjectorTiming(pulse_ms=0), EjectorTiming(pulse_ms=float("inf")), EjectorTiming(spacing_ms=-1), EjectorTiming(confirm_ms=0),
    ],
)  # fmt: skip
def test_a_timing_that_cannot_be_is_not_listened_to(timing: EjectorTiming) -> None:
    desk = Desk()
    assert not desk.program.timing(timing)
    desk.seen(1)
    assert desk.program.parts == [Part(1, DUE, desk.now)]


def test_the_heartbeat_may_stay_away_for_just_under_a_second() -> None:
    desk = Desk()
    said = desk.now
    desk.beats = False
    while desk.program.running:
        desk.wait(1)
    assert desk.now - said == HEARTBEAT_LOST_NS
