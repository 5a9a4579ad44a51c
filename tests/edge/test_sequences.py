"""A reader proves what it has not seen: delivered, to come and lost are everything that was sent, each number once."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from edge.messages import STREAMS, Alarm, AnyMessage, Heartbeat, Trigger
from edge.sequences import MAX_OPEN, MAX_SENDERS, Gap, Seen, Sequences, Who

KINDS = [s.message for s in STREAMS]
ALARM, BEAT = "gutteil.alarm", "gutteil.heartbeat"
S1 = Who("S1", "station")


def alarm(seq: int, epoch: int = 1, station: str = "S1") -> Alarm:
    return Alarm(station=station, epoch=epoch, seq=seq, code=str(seq), severity="info", active=True, text="x")


def beat(seq: int, epoch: int = 1, **sent: int) -> Heartbeat:
    return Heartbeat(station="S1", epoch=epoch, seq=seq, state="ready", period_s=1, sent={"heartbeat": seq, **sent})


def gap(first: int, last: int, topic: str = ALARM, epoch: int = 1) -> Gap:
    return Gap("S1", "station", topic, epoch, first, last)


def taken(reader: Sequences, messages: Iterable[AnyMessage]) -> list[bool | None]:
    return [reader.take(m) for m in messages]


def asking() -> Sequences:
    return Sequences(KINDS, ["station"])


def test_without_replay_a_hole_is_lost_at_once() -> None:
    reader = Sequences(KINDS)
    assert taken(reader, map(alarm, (1, 2, 6))) == [True] * 3
    assert reader.gaps == list(reader.noticed) == [gap(3, 5)]
    assert reader.open == []
    assert not reader.take_again(alarm(4))


def test_what_comes_again_is_delivered_once_and_no_longer_missed() -> None:
    reader = asking()
    taken(reader, map(alarm, (1, 7)))
    assert reader.missing
    assert (reader.gaps, reader.open, list(reader.noticed)) == ([], [gap(2, 6)], [gap(2, 6)])
    assert reader.wanted("station") == gap(2, 6)
    assert reader.wanted("rejector") is None
    assert [reader.take_again(alarm(n)) for n in (4, 4, 1, 7, 8, 2)] == [True, False, False, False, False, True]
    assert reader.open == [gap(3, 3), gap(5, 6)]
    assert reader.take(alarm(5))  # it may also come by the other way
    reader.lost(gap(2, 6), 4)
    assert (reader.gaps, reader.open) == ([gap(3, 3)], [gap(6, 6)])
    reader.lost(gap(6, 6), 6)
    assert (reader.gaps, reader.open) == ([gap(3, 3), gap(6, 6)], [])
    assert reader.wanted("station") is None


def test_the_heartbeat_tells_of_the_newest_ones() -> None:
    reader = asking()
    taken(reader, [alarm(1), beat(1, alarm=1), beat(2, alarm=4)])
    assert reader.open == [gap(2, 4)]
    assert reader.take(alarm(5))
    assert reader.open == [gap(2, 4)]


def test_a_late_joiner_has_missed_what_comes_after_its_first_heartbeat_only() -> None:
    reader = asking()
    taken(reader, [beat(70, alarm=500), beat(71, alarm=502)])
    assert reader.open == [gap(501, 502)]


def test_a_new_epoch_ends_the_old_one_and_begins_at_one() -> None:
    reader = asking()
    taken(reader, [alarm(1), alarm(4), beat(3, 2, alarm=2)])
    assert reader.gaps == [gap(2, 3)]
    assert set(reader.open) == {gap(1, 2, epoch=2), gap(1, 2, BEAT, 2)}
    assert not reader.take(alarm(5, 1))
    assert not reader.take_again(alarm(2, 1))
    assert reader.began == {"station"}


def test_who_is_gone_will_not_say_it() -> None:
    reader = Sequences(KINDS, ["station", "rejector"])
    taken(reader, map(alarm, (1, 3, 5)))
    reader.gone("rejector")
    assert reader.gaps == []
    reader.gone("station", "S2")
    assert reader.gaps == []
    reader.gone("station")
    assert reader.gaps == [gap(2, 2), gap(4, 4)]
    assert reader.open == []


def test_the_state_of_a_sender_is_delivered_once_to_one_who_has_just_come() -> None:
    reader = asking()
    assert reader.joined(S1, 1, {"alarm": 10, "heartbeat": 3})
    assert [reader.take_state(alarm(n)) for n in (4, 10, 4, 11)] == [True, True, False, False]
    # 9 to 11 were on their way to us while the sender said how far it was
    assert taken(reader, map(alarm, (9, 10, 11, 9))) == [True, None, True, False]
    assert (reader.gaps, reader.open) == ([], [])


def test_what_was_on_its_way_and_got_lost_is_missed_all_the_same() -> None:
    reader = asking()
    reader.joined(S1, 1, {"alarm": 10})
    taken(reader, [alarm(7)])
    assert reader.open == [gap(8, 10)]
    reader = asking()
    reader.joined(S1, 1, {"alarm": 10})
    taken(reader, [alarm(13)])
    assert reader.open == [gap(11, 12)]


def test_the_state_of_an_epoch_that_was_replaced_is_refused() -> None:
    reader = asking()
    taken(reader, [alarm(1, 1), alarm(1, 2)])
    assert not reader.joined(S1, 1, {"alarm": 5})
    assert not reader.take_state(alarm(1, 1))
    assert not asking().take_state(alarm(1))


def test_a_reader_that_has_started_anew_goes_on_where_it_ended() -> None:
    reader = asking()
    stream = Seen("S1", "station", ALARM, 1)
    reader.resume({stream: 10}, [gap(3, 4), gap(12, 13), gap(1, 1, "other")], [Trigger])
    assert not reader.take(alarm(10))
    assert reader.open == [gap(3, 4)]
    assert reader.missing
    taken(reader, [alarm(12)])
    assert reader.open == [gap(3, 4), gap(11, 11)]
    reader.joined(S1, 1, {"trigger": 5, "alarm": 12})
    assert reader.open == [gap(3, 4), gap(11, 11), gap(1, 5, "gutteil.trigger")]
    taken(reader, [beat(1, trigger=6, alarm=12)])
    assert reader.open == [gap(3, 4), gap(11, 11), gap(1, 5, "gutteil.trigger"), gap(6, 6, "gutteil.trigger")]


def test_all_of_it_is_bounded() -> None:
    reader = asking()
    for n in range(1, 4 * MAX_OPEN, 2):
        reader.take(alarm(n))
    assert len(reader.open) == MAX_OPEN
    assert len(reader.gaps) == MAX_OPEN - 1
    accepted = [reader.take(alarm(1, station=f"X{n}")) for n in range(2 * MAX_SENDERS)]
    assert accepted.count(True) == MAX_SENDERS - 1


@given(
    arrives=st.lists(st.booleans(), min_size=1, max_size=60),
    beats=st.sets(st.integers(0, 59)),
    answers=st.lists(st.tuples(st.integers(1, 7), st.integers(0, 30)), max_size=12),
    joined=st.none() | st.integers(0, 59),
)
def test_every_number_is_delivered_to_come_or_lost(
    arrives: list[bool], beats: set[int], answers: list[tuple[int, int]], joined: int | None
) -> None:
    """Some messages are dropped, heartbeats tell, answers come in pieces and with a history that has forgotten its beginning."""
    reader, had, asked = asking(), list[int](), iter(answers)
    for at, comes in enumerate(arrives):
        number = at + 1
        if joined == at:
            reader.joined(S1, 1, {"alarm": at})
        if comes and reader.take(alarm(number)):
            had.append(number)
        if at in beats:
            reader.take(beat(len([b for b in beats if b <= at]), alarm=number))
        if at % 5 == 0 and (wanted := reader.wanted("station")) is not None and wanted.topic == ALARM:
            count, oldest = next(asked, (3, 0))
            first = max(wanted.first, oldest)
            for n in range(first, min(first + count, wanted.last + 1)):
                if reader.take_again(alarm(n)):
                    had.append(n)
            reader.lost(wanted, first + count - 1)
    stream = reader._streams.get((S1, ALARM))
    if stream is None:
        return
    missed = [n for g in [*reader.gaps, *reader.open] if g.topic == ALARM for n in range(g.first, g.last + 1)]
    assert sorted([*had, *missed]) == list(range(stream.base + 1, stream.last + 1))
