"""The PLC program moment by moment: valve, belt, confirmation, bounds."""

from __future__ import annotations

import pytest

from hardware.part import Part, PartState
from hardware.plc import EjectorTiming
from hardware.plc_program import HEARTBEAT_LOST_NS, MAX_PARTS, NOT_SURE, SWEPT, TOO_MANY, LineState
from tests.hardware.test_plc_program import DUE, MS, START, Desk, desk_with, line_in


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
    assert [v for v in desk.valve if v[0] < 300][-1] == (200 - 20 + 30, False)  # as long as for a part that stood at the sensor


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
    assert desk.program.code == 3
    assert desk.now - begin <= (5 * gap + 200 + 100) * MS, "within the fifth's own time"
    desk.wait(400)
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


def test_an_encoder_that_stands_while_the_belt_should_run_stops_it_and_what_lies_there_is_swept_off() -> None:
    desk = Desk()
    desk.seen(1)
    desk.answer(1, 1)
    desk.wait(10)
    for _ in range(299):
        desk.now += MS
        desk.program.ready(desk.at, True)
    assert desk.program.running
    desk.now += MS
    desk.program.ready(desk.at, True)
    assert (desk.program.running, desk.program.code) == (False, 5)
    desk.wait(1000)  # now it stands because it should
    desk.program.acknowledge(desk.at)
    desk.wait(25)
    assert (desk.program.running, desk.program.valve) == (True, True)
    desk.go(DUE + 5)
    desk.wait(1, 1)
    assert desk.fate() == "ejected"
