"""When the line may run: every stop times everything that may happen, and nothing but a person's word ends a stop."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.supervisor import REMEDIES, Supervisor
from hardware.plc import PlcEvent


def running() -> Supervisor:
    supervisor = Supervisor(no_verdicts_stop=3)
    supervisor.station(alive=True, judging=True, timed=True)
    assert supervisor.ready
    return supervisor


def event(kind: Any, code: int = 0) -> PlcEvent:
    return PlcEvent(kind, 0, 0, code=code)


CAUSES: dict[str, Any] = {
    "heartbeat-lost": lambda s: s.station(alive=False, judging=True, timed=True),
    "no-verdicts": lambda s: s.part_gone(1, "ejected", "no verdict", wrong=False, no_verdicts_in_row=3),
    "ejection-missed": lambda s: s.part_gone(1, "missed", "NG", wrong=False, no_verdicts_in_row=0),
    "passed-without-ok": lambda s: s.part_gone(1, "passed", "passed although", wrong=True, no_verdicts_in_row=0),
    "bin-full": lambda s: s.happened(event("stopped", 4)),
    "machine-stop": lambda s: s.happened(event("stopped", 5)),
    "stopped-by-person": lambda s: s.stop("stopped-by-person", "stopped by X"),
    "parts-mixed-up": lambda s: s.stop("parts-mixed-up", "part 7 lies elsewhere"),
    "vision-stop": lambda s: s.happened(event("stopped", 2)),
}
HARMLESS: dict[str, Any] = {
    "station is back": lambda s: s.station(alive=True, judging=True, timed=True),
    "station loads": lambda s: s.station(alive=True, judging=False, timed=True),
    "belt starts": lambda s: s.happened(event("started")),
    "belt pauses": lambda s: s.happened(event("stopped", 0)),
    "own stop comes back": lambda s: s.happened(event("stopped", 2)),
    "part passes": lambda s: s.part_gone(2, "passed", "", wrong=False, no_verdicts_in_row=0),
    "part is ejected": lambda s: s.part_gone(2, "ejected", "NG", wrong=False, no_verdicts_in_row=0),
    "two without verdict": lambda s: s.part_gone(2, "ejected", "no verdict", wrong=False, no_verdicts_in_row=2),
}


def test_every_stop_has_a_remedy() -> None:
    assert set(CAUSES) == set(REMEDIES)


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_stops_and_only_a_person_ends_it(cause: str) -> None:
    supervisor = running()
    CAUSES[cause](supervisor)
    assert list(supervisor.stops) == [cause]
    assert not supervisor.ready
    for what in HARMLESS.values():
        what(supervisor)
        assert not supervisor.ready
        assert cause in supervisor.stops
    supervisor.station(alive=True, judging=True, timed=True)
    assert supervisor.acknowledge() == ""
    assert supervisor.ready
    assert supervisor.to_plc[-1] == ("acknowledge", "")


@pytest.mark.parametrize("cause", CAUSES)
def test_the_key_at_the_machine_is_a_person_too(cause: str) -> None:
    supervisor = running()
    CAUSES[cause](supervisor)
    supervisor.station(alive=True, judging=True, timed=True)
    supervisor.happened(event("reset"))
    assert supervisor.ready


@pytest.mark.parametrize("what", HARMLESS)
def test_what_is_no_cause_stops_nothing_for_good(what: str) -> None:
    supervisor = running()
    HARMLESS[what](supervisor)
    supervisor.station(alive=True, judging=True, timed=True)
    if what == "own stop comes back":  # a stop by command that this rejector does not know of: an earlier one gave it
        assert list(supervisor.stops) == ["vision-stop"]
    else:
        assert supervisor.ready


@pytest.mark.parametrize(("alive", "judging", "timed"), [(a, j, t) for a in (0, 1) for j in (0, 1) for t in (0, 1)])
def test_ready_needs_everything(alive: int, judging: int, timed: int) -> None:
    supervisor = Supervisor()
    supervisor.station(alive=bool(alive), judging=bool(judging), timed=bool(timed))
    assert supervisor.ready == bool(alive and judging and timed)
    assert supervisor.stops == {}  # a station that has not been heard of yet is no loss


def test_a_silent_station_cannot_be_acknowledged_away() -> None:
    supervisor = running()
    supervisor.station(alive=False, judging=True, timed=True)
    assert "still silent" in supervisor.acknowledge()
    assert "heartbeat-lost" in supervisor.stops
    assert ("acknowledge", "") not in supervisor.to_plc


@given(st.lists(st.sampled_from([*CAUSES, *HARMLESS, "acknowledge", "reset"]), max_size=30))
def test_nothing_but_a_person_ends_a_stop(words: list[str]) -> None:
    supervisor = running()
    stopped = False
    for word in words:
        before = set(supervisor.stops)
        if word == "acknowledge":
            if supervisor.acknowledge() == "":
                stopped = False
        elif word == "reset":
            supervisor.happened(event("reset"))
            stopped = False
        else:
            (CAUSES | HARMLESS)[word](supervisor)
            assert before <= set(supervisor.stops)
            stopped |= word in CAUSES and bool(supervisor.stops)
        assert not (stopped and supervisor.ready)


@pytest.mark.parametrize(("turned_ns", "ends"), [(99, False), (100, True), (101, True)])
def test_a_key_that_was_turned_before_the_stop_does_not_end_it(turned_ns: int, ends: bool) -> None:
    """The word of the key may be heard after that of a stop which came later: nobody has looked at that one."""
    supervisor = running()
    supervisor.stop("passed-without-ok", "part 7", 100)
    supervisor.happened(PlcEvent("reset", 0, turned_ns))
    assert supervisor.ready == ends


SECOND = 1_000_000_000


@pytest.mark.parametrize("stands_again", [False, True])
def test_a_belt_that_runs_while_nobody_hears_the_station_is_stopped(stands_again: bool) -> None:
    """Rejector and station died together; the new rejector has never heard the station and cannot miss it."""
    supervisor = Supervisor()
    supervisor.happened(PlcEvent("started", 0, SECOND // 2))  # how long ago it was is no matter: it may be heard any moment
    if stands_again:
        supervisor.happened(event("stopped", 0))
    for now_ns in (10 * SECOND, 10 * SECOND + 1_499_000_000):
        supervisor.station(alive=False, judging=False, timed=False, now_ns=now_ns)
        assert supervisor.stops == {}
    supervisor.station(alive=False, judging=False, timed=False, now_ns=10 * SECOND + 1_500_000_000)
    assert list(supervisor.stops) == ["heartbeat-lost"]
    assert supervisor.to_plc == [("stop", "the belt ran, and no station is heard")]
    supervisor.station(alive=True, judging=True, timed=True, now_ns=20 * SECOND)
    assert not supervisor.ready


def test_a_belt_that_stands_when_everything_is_switched_on_did_not_run() -> None:
    supervisor = Supervisor()
    supervisor.happened(event("stopped", 0))
    for now_ns in range(SECOND, 60 * SECOND, SECOND // 4):
        supervisor.station(alive=False, judging=False, timed=False, now_ns=now_ns)
    assert supervisor.stops == {}


def test_a_stop_of_an_earlier_rejector_is_not_said_to_be_a_persons() -> None:
    supervisor = Supervisor()
    supervisor.happened(PlcEvent("stopped", 0, 0, reason="3 parts in a row had no verdict", code=2))
    assert supervisor.stops == {"vision-stop": "3 parts in a row had no verdict"}
