"""What only repeats what a recorder knows."""

from __future__ import annotations

from edge.continuity import Continuity
from edge.messages import Alarm, Heartbeat, Trigger
from tests.edge.story import run_of, stamp, trigger_of


def alarm(seq: int, *, active: bool = True, text: str = "gone", code: str = "camera") -> Alarm:
    return Alarm(**stamp(seq), code=code, severity="fault", active=active, text=text)


def test_repetitions_are_no_news() -> None:
    seen = Continuity()
    assert not seen.news(Heartbeat(**stamp(1), state="ready", period_s=0.5))
    assert seen.news(run_of(seq=1))
    assert not seen.news(run_of(seq=2))
    assert seen.news(run_of("R2", seq=3))
    said = [
        alarm(1),
        alarm(2),
        alarm(3, code="other"),
        alarm(4, text="still gone"),
        alarm(5, active=False),
        alarm(6, active=False),
        alarm(7),
    ]
    assert [seen.news(a) for a in said] == [True, False, True, True, True, False, True]
    trigger: Trigger = trigger_of(1)
    assert seen.news(trigger)
    assert seen.news(trigger)  # the store sees to repeated parts


def test_what_comes_late_does_not_take_the_place_of_what_is_newer() -> None:
    seen = Continuity()
    assert seen.news(alarm(1))
    assert seen.news(alarm(5, active=False))
    assert seen.news(alarm(3, text="still gone"))  # missed at first: it belongs into the record
    assert not seen.news(alarm(6, active=False))
    assert seen.news(run_of("R2", seq=9))
    assert seen.news(run_of("R1", seq=2))
    assert not seen.news(run_of("R2", seq=10))
