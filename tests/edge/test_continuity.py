"""What a recorder missed, and what only repeats what it knows."""

from __future__ import annotations

from edge.bus import Gap
from edge.continuity import Continuity
from edge.messages import Alarm, Heartbeat, Trigger
from tests.edge.story import REJECTOR_EPOCH, STATION_EPOCH, ejection_of, run_of, stamp, trigger_of, verdict_of


def alarm(seq: int, *, active: bool = True, text: str = "gone", code: str = "camera") -> Alarm:
    return Alarm(**stamp(seq), code=code, severity="fault", active=active, text=text)


def test_the_first_recorder_has_missed_what_was_sent_before_it() -> None:
    seen = Continuity({})
    assert seen.missed(verdict_of(4), []) == [("S1", Gap("station", "gutteil.verdict", STATION_EPOCH, 1, 3))]
    assert seen.missed(verdict_of(5), []) == []
    assert seen.missed(ejection_of(1), []) == []
    assert seen.missed(run_of(seq=9), []) == []  # says itself again
    assert seen.missed(Heartbeat(**stamp(77), state="ready", period_s=0.5), []) == []


def test_a_later_recorder_goes_on_where_the_last_one_ended() -> None:
    before = {("S1", "station", "gutteil.trigger", STATION_EPOCH): 10, ("S1", "rejector", "gutteil.ejection", REJECTOR_EPOCH): 5}
    seen = Continuity(before)
    assert seen.missed(trigger_of(11), []) == []
    assert seen.missed(ejection_of(8), []) == [("S1", Gap("rejector", "gutteil.ejection", REJECTOR_EPOCH, 6, 7))]


def test_what_the_subscriber_noticed_is_said_once() -> None:
    gap = Gap("station", "gutteil.trigger", STATION_EPOCH, 1, 4)
    assert Continuity({}).missed(trigger_of(5), [gap]) == [("S1", gap)]


def test_repetitions_are_no_news() -> None:
    seen = Continuity({})
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
