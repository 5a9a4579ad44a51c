"""The PLC program, state by state: what every event makes of a part in every state, and of the line in every state."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hardware.part import PartState
from hardware.plc import EjectorTiming, PlcEvent
from hardware.plc_program import LineState, Moment, Program

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
        self.program.acknowledge(self.at)  # of the start
        self.events.clear()
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
