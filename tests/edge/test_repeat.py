"""Replay of what was missed, over real sockets: nothing is lost that the sender still has, and what is lost is named."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import psutil
import pytest
import zmq

from edge.bus import Publisher, Subscriber, context
from edge.errors import BusError
from edge.messages import Alarm, AnyMessage, Ejector, Heartbeat, Message, Run
from edge.recall import GIVE_UP_S
from edge.repeat import MAX_PEERS, MAX_QUESTION_BYTES
from edge.sequences import Gap
from tests.edge.test_bus import alarm, free_endpoint, until

KINDS = (Alarm, Heartbeat, Run)
RUN: dict[str, Any] = dict.fromkeys(("run_id", "product", "recipe", "recipe_hash", "model", "model_hash", "camera", "provider"), "x")


class Lossy:
    """Stands before a publisher's socket and loses what it is told to."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self.socket, self.lose = socket, False

    def send_multipart(self, frames: Any) -> None:
        if not self.lose:
            self.socket.send_multipart(frames)

    def close(self) -> None:
        self.socket.close()


class Way:
    """A sender and a reader; readers made later join late."""

    def __init__(self) -> None:
        self.endpoint, self.replay = free_endpoint(), free_endpoint()
        self.stack = ExitStack()
        self.open_sender()

    def open_sender(self, history: int = 10_000, queue: int = 200_000) -> None:
        end = time.monotonic() + 10
        while True:
            try:
                self.sender = Publisher(
                    self.endpoint, "S1", "station", simulated=True, replay=self.replay, history=history, queue=queue
                )  # fmt: skip
                break
            except BusError:  # the one before has not quite let go
                assert time.monotonic() < end
                time.sleep(0.02)
        self.stack.callback(self.sender.close)
        self.lossy = Lossy(self.sender._socket)
        self.sender._socket = self.lossy  # type: ignore[assignment]

    def reader(self, kinds: tuple[type[Message], ...] = KINDS, queue: int = 200_000) -> Subscriber:
        reader = Subscriber([self.endpoint], kinds, queue, replay={"station": self.replay})
        self.stack.callback(reader.close)
        return reader

    def say(self, first: int, last: int) -> None:
        for n in range(first, last + 1):
            self.sender.send(Alarm, **alarm(n))

    def beat(self) -> None:
        self.sender.send(Heartbeat, state="ready", period_s=1)

    def lose(self, first: int, last: int) -> None:
        self.lossy.lose = True
        self.say(first, last)
        self.lossy.lose = False


@pytest.fixture
def way() -> Iterator[Way]:
    made = Way()
    with made.stack:
        yield made


def listen(reader: Subscriber, enough: Callable[[list[AnyMessage]], bool], each: Callable[[], object] = lambda: None) -> list[AnyMessage]:
    got: list[AnyMessage] = []
    end = time.monotonic() + 30
    while not enough(got):
        assert time.monotonic() < end, (got[-20:], reader.open, reader.gaps)
        each()
        if (message := reader.get(0.05)) is not None:
            got.append(message)
    return got


def connected(way: Way, reader: Subscriber) -> None:
    """Until published heartbeats arrive."""
    listen(reader, lambda got: reader.alive("station"), way.beat)
    listen(reader, lambda _: reader.open == [] and reader.get(0.1) is None)
    assert reader.gaps == []


def alarms(messages: list[AnyMessage]) -> list[int]:
    return [m.seq for m in messages if isinstance(m, Alarm)]


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


# hostile peers


class Peer:
    """Asks whatever it likes."""

    def __init__(self, endpoint: str, hwm: int = 1_000) -> None:
        self.socket = context().socket(zmq.DEALER)
        self.socket.set(zmq.LINGER, 0)
        self.socket.set(zmq.SNDHWM, hwm)
        self.socket.set(zmq.RCVHWM, hwm)
        self.socket.connect(endpoint)

    def ask(self, question: dict[str, Any] | bytes) -> None:
        self.socket.send(question if isinstance(question, bytes) else json.dumps(question).encode(), zmq.NOBLOCK)

    def answer(self) -> tuple[dict[str, Any], list[bytes]]:
        assert self.socket.poll(10_000)
        head, *frames = self.socket.recv_multipart()
        return json.loads(head), frames


@pytest.fixture
def peer(way: Way) -> Iterator[Peer]:
    made = Peer(way.replay)
    yield made
    made.socket.close()


def again(way: Way, first: int, last: int, **other: Any) -> dict[str, Any]:
    return {"v": 1, "ask": "again", "id": 7, "epoch": way.sender.epoch, "type": "alarm", "first": first, "last": last, **other}


def test_the_protocol_as_it_is_written_down(way: Way, peer: Peer) -> None:
    way.say(1, 300)
    way.beat()
    peer.ask({"v": 1, "ask": "state", "id": 3})
    head, frames = peer.answer()
    who = {"v": 1, "station": "S1", "sender": "station", "epoch": way.sender.epoch}
    assert head == who | {"id": 3, "first": 0, "count": 201, "sent": {"alarm": 300, "heartbeat": 1}}
    assert [json.loads(f)["type"] for f in frames] == ["alarm"] * 200 + ["heartbeat"]
    peer.ask(again(way, 299, 999))
    head, frames = peer.answer()
    assert head == who | {"id": 7, "first": 299, "count": 2, "sent": {}}
    assert [json.loads(f)["seq"] for f in frames] == [299, 300]
    peer.ask(again(way, 1, 999))
    head, frames = peer.answer()
    assert (head["first"], head["count"], len(frames)) == (1, 200, 200)
    for nothing in (again(way, 301, 400), again(way, 9, 8), again(way, 1, 9, epoch=5), again(way, 1, 9, type="run")):
        peer.ask(nothing)
        head, frames = peer.answer()
        assert (head["epoch"], head["count"], frames) == (way.sender.epoch, 0, [])


def test_a_plain_request_socket_is_answered_too(way: Way) -> None:
    way.say(1, 2)
    with context().socket(zmq.REQ) as socket:
        socket.set(zmq.LINGER, 0)
        socket.connect(way.replay)
        for _ in range(3):
            socket.send_json(again(way, 1, 2))
            assert socket.poll(10_000)
            assert len(socket.recv_multipart()) == 3


def test_what_is_no_question_is_counted_and_costs_nothing(way: Way, peer: Peer) -> None:
    good = again(way, 1, 2)
    wrong: list[Any] = [
        b"", b"\xff", b"{", b"[]", b"null", b"[" * 900,
        good | {"v": 2}, good | {"ask": "all"}, good | {"type": "x"}, good | {"first": 0}, good | {"first": -1}, good | {"last": 2**70},
        good | {"first": "1"}, good | {"id": -1}, good | {"epoch": 1.5}, {"ask": "again"}, {"v": 1, "ask": "state"},
    ]  # fmt: skip
    way.say(1, 2)
    for question in wrong:
        peer.ask(question)
    peer.socket.send_multipart([b"a", b"b", b"c", json.dumps(good).encode()])
    peer.socket.send_multipart([b"not empty", json.dumps(good).encode()])
    peer.ask(good)
    head, frames = peer.answer()
    assert (head["id"], len(frames)) == (7, 2)
    repeater = way.sender.repeater
    assert repeater is not None
    until(lambda: (repeater.refused, repeater.answered) == (len(wrong) + 2, 1))


def test_a_giant_question_ends_the_connection_of_who_sent_it_and_nobody_elses(way: Way, peer: Peer) -> None:
    way.say(1, 2)
    with closing(Peer(way.replay).socket) as giant:
        for _ in range(5):
            giant.send(b"x" * (MAX_QUESTION_BYTES + 1))
            giant.send(b"x" * 10_000_000)
        peer.ask(again(way, 1, 2))
        assert peer.answer()[0]["count"] == 2


def test_who_asks_for_everything_and_never_reads_costs_nothing(way: Way, peer: Peer) -> None:
    """The sender goes on, others are answered, and what waits for the one who does not read is bounded."""
    way.sender.send(Alarm, **alarm(1))
    for n in range(2, 5_001):
        way.sender.send(Alarm, **alarm(n) | {"text": "x" * 200, "remedy": "y" * 200})
    repeater = way.sender.repeater
    assert repeater is not None
    greedy = [Peer(way.replay, hwm=1) for _ in range(3)]
    before = psutil.Process().memory_info().rss
    question = json.dumps(again(way, 1, 5_000)).encode()
    until_ = time.monotonic() + 30
    sent = 0
    while repeater.unread < 20 and time.monotonic() < until_:
        for one in greedy:
            try:
                one.socket.send(question, zmq.NOBLOCK)
                sent += 1
            except zmq.Again:
                continue
        way.sender.send(Alarm, **alarm(0))
        time.sleep(0.001)
    assert repeater.unread >= 20, sent
    assert way.sender.count(Alarm) > 5_000
    peer.ask(again(way, 1, 3))
    assert peer.answer()[0]["count"] == 3
    # three peers, a few answers of 128 KB each in our queues and in the kernel's
    assert psutil.Process().memory_info().rss - before < 60e6
    for one in greedy:
        one.socket.close()


def test_only_so_many_may_ask_at_once(way: Way) -> None:
    repeater = way.sender.repeater
    assert repeater is not None
    way.say(1, 1)
    with ExitStack() as stack:
        peers = [Peer(way.replay) for _ in range(MAX_PEERS + 5)]
        for one in peers:
            stack.callback(one.socket.close)
            one.ask(again(way, 1, 1))
        until(lambda: repeater.answered + repeater.refused == MAX_PEERS + 5)
        assert (repeater.answered, repeater.refused) == (MAX_PEERS, 5)


def test_answers_that_are_none_are_refused_and_asked_for_again() -> None:
    """A hostile or faulty replay endpoint cannot make a reader take what it did not miss."""
    endpoint, replay = free_endpoint(), free_endpoint()
    with ExitStack() as stack:
        router = stack.enter_context(context().socket(zmq.ROUTER))
        router.set(zmq.LINGER, 0)
        router.bind(replay)
        sender = stack.enter_context(closing(Publisher(endpoint, "S1", "station", simulated=True)))
        reader = stack.enter_context(closing(Subscriber([endpoint], KINDS, replay={"station": replay})))

        def question() -> tuple[bytes, dict[str, Any]]:
            end = time.monotonic() + 20
            while not router.poll(10):
                reader.get(0)
                assert time.monotonic() < end
            peer, data = router.recv_multipart()
            return peer, json.loads(data)

        def reply(peer: bytes, head: dict[str, Any], *frames: bytes) -> None:
            head = {"v": 1, "station": "S1", "sender": "station", "epoch": sender.epoch} | head
            router.send_multipart([peer, json.dumps(head).encode(), *frames])

        peer, asked = question()
        assert asked == {"v": 1, "ask": "state", "id": 1}
        refused = reader.refused
        router.send_multipart([peer, b"rubbish"])
        reply(peer, {"id": 9})
        reply(peer, {"id": 1, "sender": "rejector"})
        reply(peer, {"id": 1, "count": 5})
        end = time.monotonic() + 10
        while reader.refused < refused + 4:
            assert reader.get(0.02) is None
            assert time.monotonic() < end
        peer, asked = question()  # asked again, since that was no answer
        reply(peer, {"id": asked["id"]}, *())
        listen(reader, lambda _: reader.alive("station"), lambda: sender.send(Heartbeat, state="ready", period_s=5))
        sender.send(Alarm, **alarm(1))
        sender._counts[Alarm] = 3
        sender.send(Alarm, **alarm(4))
        while True:
            peer, asked = question()
            if asked["ask"] == "again":
                break
            reply(peer, {"id": asked["id"]})
        assert (asked["type"], asked["first"], asked["last"]) == ("alarm", 2, 3)
        forged = [
            json.dumps({"type": "alarm", "station": station, "epoch": epoch, "seq": seq, **alarm(seq)}).encode()
            for station, epoch, seq in (("S2", sender.epoch, 2), ("S1", 5, 2), ("S1", sender.epoch, 4), ("S1", sender.epoch, 9))
        ]
        reply(peer, {"id": asked["id"], "first": 2, "count": 5}, b"junk", *forged)
        got = listen(reader, lambda _: reader.open == [])
        assert alarms(got) in ([], [1, 4], [4])
        assert reader.gaps == [Gap("S1", "station", "gutteil.alarm", sender.epoch, 2, 3)]


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
