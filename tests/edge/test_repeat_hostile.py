"""The protocol of replay as it is written down, and peers that do not keep to it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import psutil
import pytest
import zmq

from edge.bus import Publisher, Subscriber, context
from edge.messages import Alarm, Heartbeat
from edge.repeat import MAX_PEERS, MAX_QUESTION_BYTES
from edge.sequences import Gap
from tests.edge.test_bus import alarm, free_endpoint, until
from tests.edge.way import KINDS, Way, alarms, listen


@pytest.fixture
def way() -> Iterator[Way]:
    made = Way()
    with made.stack:
        yield made


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
