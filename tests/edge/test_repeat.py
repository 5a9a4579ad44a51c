"""Replay of what was missed, over real sockets: nothing is lost that the sender still has, and what is lost is named."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from edge.bus import Publisher, Subscriber
from edge.errors import BusError
from edge.messages import Alarm, AnyMessage, Ejector, Heartbeat, Run
from edge.recall import GIVE_UP_S
from edge.sequences import Gap
from tests.edge.test_bus import alarm, free_endpoint
from tests.edge.way import KINDS, Way, alarms, connected, listen

RUN: dict[str, Any] = dict.fromkeys(("run_id", "product", "recipe", "recipe_hash", "model", "model_hash", "camera", "provider"), "x")


@pytest.fixture
def way() -> Iterator[Way]:
    made = Way()
    with made.stack:
        yield made


def test_a_hole_is_filled(way: Way) -> None:
    reader = way.reader()
    connected(way, reader)
    way.say(1, 3)
    way.lose(4, 9)
    way.say(10, 11)
    got = listen(reader, lambda got: len(alarms(got)) == 11)
    assert alarms(got)[:5] == [1, 2, 3, 10, 11]
    assert alarms(got)[5:] == [4, 5, 6, 7, 8, 9]
    assert [m.code for m in got if isinstance(m, Alarm)][5:] == ["4", "5", "6", "7", "8", "9"]
    assert (reader.gaps, reader.open, reader.refused) == ([], [], 0)
    assert list(reader.noticed) == [Gap("S1", "station", "gutteil.alarm", way.sender.epoch, 4, 9)]


def test_the_loss_of_the_newest_shows_with_the_next_heartbeat(way: Way) -> None:
    reader = way.reader()
    connected(way, reader)
    way.say(1, 2)
    way.lose(3, 5)
    way.beat()
    assert sorted(alarms(listen(reader, lambda got: len(alarms(got)) == 5))) == [1, 2, 3, 4, 5]
    assert (reader.gaps, reader.open) == ([], [])


def test_a_slow_joiner_gets_the_state_and_misses_nothing_from_then_on(way: Way) -> None:
    way.sender.send(Run, classes=[], ejector=Ejector(), **RUN)
    way.say(1, 1)
    way.sender.send(Alarm, **alarm(2))
    way.sender.send(Alarm, **alarm(2) | {"active": False})
    way.beat()
    reader = way.reader()
    got = listen(reader, lambda got: any(isinstance(m, Run) for m in got) and any(isinstance(m, Heartbeat) for m in got))
    assert alarms(got) == [1]
    assert not reader.alive("station")  # only what is published now is a sign of life
    # from its state on nothing is missed, whenever the subscription arrives
    way.say(4, 50)
    got = listen(reader, lambda got: len(alarms(got)) >= 47, way.beat)
    assert sorted(alarms(got)) == list(range(4, 51))
    listen(reader, lambda _: reader.open == [])
    assert reader.gaps == []


def test_a_reader_before_its_sender_gets_everything(way: Way) -> None:
    way.sender.close()
    reader = way.reader()
    assert reader.get(0.3) is None
    way.open_sender()
    way.say(1, 5)
    connected_at = listen(reader, lambda got: reader.alive("station"), way.beat)
    way.say(6, 8)
    got = connected_at + listen(reader, lambda got: 8 in alarms(got))
    assert 8 in alarms(got)
    got += listen(reader, lambda _: reader.open == [])
    assert reader.gaps == []
    assert len(alarms(got)) == len(set(alarms(got)))


def test_a_restarted_sender_is_read_from_its_first_message(way: Way) -> None:
    reader = way.reader()
    connected(way, reader)
    way.say(1, 3)
    assert alarms(listen(reader, lambda got: len(alarms(got)) == 3)) == [1, 2, 3]
    way.sender.close()
    way.open_sender()
    way.say(1, 20)  # nobody is connected yet
    got = listen(reader, lambda got: len(alarms(got)) == 20, way.beat)
    assert sorted(alarms(got)) == list(range(1, 21))
    assert all(m.epoch == way.sender.epoch for m in got)
    listen(reader, lambda _: reader.open == [])
    assert reader.gaps == []


def test_what_the_old_start_of_a_sender_took_with_it_is_named(way: Way) -> None:
    reader = way.reader()
    connected(way, reader)
    old = way.sender.epoch
    assert way.sender.repeater is not None
    way.say(1, 1)
    way.lose(2, 3)
    way.say(4, 4)
    way.sender.repeater.close()  # before anybody could ask
    listen(reader, lambda got: 4 in alarms(got))
    way.sender.close()
    way.open_sender()
    listen(reader, lambda _: bool(reader.gaps), way.beat)
    assert reader.gaps == [Gap("S1", "station", "gutteil.alarm", old, 2, 3)]


def test_a_reader_that_slept_through_a_flood_is_healed() -> None:
    """Small queues on both sides, so that libzmq drops."""
    way = Way()
    with way.stack:
        way.sender.close()
        count = 15_000
        way.open_sender(history=count, queue=100)
        reader = way.reader(queue=100)
        connected(way, reader)
        for n in range(count):
            way.sender.send(Alarm, **alarm(n) | {"text": "x" * 200, "remedy": "y" * 200})  # more than the kernel's buffers hold, too
        got, end = list[AnyMessage](), time.monotonic() + 60
        while len(got) < count or reader.open:
            assert time.monotonic() < end
            if (message := reader.get(0.1)) is None:
                way.beat()
            elif isinstance(message, Alarm):
                got.append(message)
        noticed = sum(g.last - g.first + 1 for g in reader.noticed if g.topic == "gutteil.alarm")
        assert noticed > 0, "the queues held everything; the test proves nothing"
        assert sorted(alarms(got)) == list(range(1, count + 1))
        assert reader.gaps == []


def test_what_the_history_no_longer_has_is_the_gap() -> None:
    way = Way()
    with way.stack:
        way.sender.close()
        way.open_sender(history=100)
        reader = way.reader()
        connected(way, reader)
        way.say(1, 10)
        way.lose(11, 250)
        way.say(251, 255)
        got = listen(reader, lambda got: len(alarms(got)) == 110 and not reader.open)
        assert sorted(alarms(got)) == [*range(1, 11), *range(156, 256)]
        assert reader.gaps == [Gap("S1", "station", "gutteil.alarm", way.sender.epoch, 11, 155)]


def test_a_sender_that_never_answers_is_given_up(way: Way) -> None:
    reader = way.reader()
    connected(way, reader)
    assert way.sender.repeater is not None
    way.sender.repeater.close()
    way.say(1, 1)
    way.lose(2, 3)
    way.say(4, 4)
    start = time.monotonic()
    listen(reader, lambda _: bool(reader.gaps), way.beat)
    assert time.monotonic() - start > GIVE_UP_S / 2
    assert reader.gaps == [Gap("S1", "station", "gutteil.alarm", way.sender.epoch, 2, 3)]
    assert reader.open == []


def test_without_replay_the_hole_stays(way: Way) -> None:
    with closing(Subscriber([way.endpoint], KINDS)) as reader:
        listen(reader, lambda got: reader.alive("station"), way.beat)
        way.say(1, 1)
        way.lose(2, 3)
        way.say(4, 4)
        listen(reader, lambda got: 4 in alarms(got))
        assert reader.gaps == [Gap("S1", "station", "gutteil.alarm", way.sender.epoch, 2, 3)]


def test_a_replay_endpoint_in_use_is_said_in_words_and_nothing_is_left_open(way: Way) -> None:
    endpoint = free_endpoint()
    with pytest.raises(BusError, match=rf"replay endpoint {way.replay} of the recorder cannot be opened.*another one running"):
        Publisher(endpoint, "S1", "recorder", simulated=True, replay=way.replay)
    deadline = time.monotonic() + 10
    while True:
        try:
            Publisher(endpoint, "S1", "recorder", simulated=True).close()
            return
        except BusError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_closing_twice_is_safe(way: Way) -> None:
    reader = way.reader()
    for _ in range(2):
        way.sender.close()
        reader.close()
