"""The simulated line's stops, and what the machine's own people do: on a real line in a thread, over real sockets."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from hardware.line import Report
from hardware.plc import EjectorTiming, Result
from hardware.plcs.simulator import SimulatorPlc
from tests.hardware.lines import a_line
from tests.hardware.test_line import PATIENCE_S, collect, ends, owner


def state(plc: SimulatorPlc, until: Callable[[Report], bool]) -> Report:
    """The line's state, as soon as it is as expected."""
    end = time.monotonic() + PATIENCE_S
    while plc.state is None or not until(plc.state):
        assert time.monotonic() < end, plc.state
        plc.ask()
        plc.poll(0.02)
    return plc.state


def test_the_line_shows_what_the_vision_system_has_said_of_itself() -> None:
    timing = EjectorTiming(delay_ms=123.0, delay_counts=4567, lead_ms=8.0, pulse_ms=21.0, spacing_ms=33.0, confirm_ms=144.0)
    with a_line() as line, owner(line) as plc:
        plc.ejector(timing)
        plc.recipe(12)
        plc.ready(True, fault=77)
        shown = state(plc, lambda s: s.fault == 77)
        assert shown.recipe == 12
        assert (
            EjectorTiming(shown.delay_ms, shown.delay_counts, shown.lead_ms, shown.pulse_ms, shown.spacing_ms, shown.confirm_ms) == timing
        )


@pytest.mark.parametrize(
    ("cause", "code"),
    [("stop_line", 2), ("machine_stop", 5), ("jam", 4), ("silence", 1), ("miss", 3)],
)
@pytest.mark.parametrize("way", ["acknowledge", "reset"])
def test_a_stop_says_why_and_lasts_until_a_person_acknowledges(cause: str, code: int, way: str) -> None:
    with a_line(miss_share=float(cause == "miss")) as line, owner(line) as plc, owner(line, own=False) as guest:
        if cause == "miss":
            plc.ejector(EjectorTiming(delay_ms=50, confirm_ms=30))
        events = collect(plc, lambda e: any(x.kind == "started" for x in e))
        if cause == "stop_line":
            plc.stop_line("a reason of ours")
        elif cause in ("machine_stop", "jam"):
            getattr(guest, cause)()
        if cause == "silence":
            events = []
            while not any(e.kind == "stopped" for e in events):
                events += plc.poll(0.1)
        else:
            events = collect(plc, lambda e: any(x.kind == "stopped" for x in e))
        (stopped,) = [e for e in events if e.kind == "stopped"]
        assert stopped.code == code
        assert stopped.reason
        if cause == "stop_line":
            assert stopped.reason == "a reason of ours"
        for _ in range(5):
            plc.ready(True)
            assert not any(e.kind == "started" for e in plc.poll(0.05))
        assert state(plc, lambda s: s.code == code).running is False
        getattr(guest if way == "reset" else plc, way)()
        events = collect(plc, lambda e: any(x.kind == "started" for x in e))
        assert any(e.kind == "reset" for e in events) == (way == "reset")


def test_a_recipe_request_of_the_operator() -> None:
    with a_line() as line, owner(line) as plc, owner(line, own=False) as guest:
        guest.request_recipe(3)
        events = collect(plc, lambda e: any(x.kind == "recipe" for x in e))
        assert [e.code for e in events if e.kind == "recipe"] == [3]


def test_a_stop_that_waits_for_a_person_is_told_to_a_rejector_that_starts_anew() -> None:
    with a_line() as line:
        with owner(line) as first:
            first.stop_line("look at it")
            collect(first, lambda e: any(x.kind == "stopped" for x in e))
            first.poll(0.1)
        with owner(line) as second:
            events = collect(second, lambda e: any(x.kind == "stopped" for x in e))
            assert [(e.code, e.reason) for e in events if e.kind == "stopped"] == [(2, "look at it")]


def test_a_slow_belt_takes_longer_to_the_ejector() -> None:
    with a_line(parts=1) as line, owner(line) as plc, owner(line, own=False) as guest:
        guest.speed(0.25)
        events = collect(plc, lambda e: len(ends(e)) == 1)
        (triggered,) = [e for e in events if e.kind == "triggered"]
        assert ends(events)[0].at_ns - triggered.at_ns > 0.4e9
        assert ends(events)[0].kind == "ejected"


def test_a_not_ready_pauses_and_needs_no_person() -> None:
    with a_line() as line, owner(line) as plc:
        collect(plc, lambda e: any(x.kind == "started" for x in e))
        plc.ready(False)
        events = collect(plc, lambda e: any(x.kind == "stopped" for x in e), ready=False)
        assert [e.code for e in events if e.kind == "stopped"] == [0]
        collect(plc, lambda e: any(x.kind == "started" for x in e))


def test_the_first_rule() -> None:
    """Whatever anybody on this machine says of parts: only an OK for the very part, and nothing else, lets it pass."""
    said = {1: [1], 2: [2, 1], 3: [1, 3], 4: [0], 5: [], 6: [1, 1]}
    with a_line(parts=6, rate_hz=10.0) as line, owner(line) as plc:
        plc.ejector(EjectorTiming(delay_ms=100, pulse_ms=5))

        def judge(number: int) -> None:
            for verdict in said[number]:
                plc.answer(Result(number, verdict))

        events = collect(plc, lambda e: len(ends(e)) == 6, each=lambda e: judge(e.trigger_id) if e.kind == "triggered" else None)
        assert sorted(e.trigger_id for e in ends(events) if e.kind == "passed") == [1, 6]
