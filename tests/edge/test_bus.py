"""The bus over real sockets: nothing is missed silently, nothing old is taken for new, and the dead are known."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
import zmq

from edge.bus import Publisher, Subscriber, context
from edge.errors import BusError
from edge.messages import NAME_CHARACTERS, STREAMS, TOPICS, Alarm, AnyMessage, Heartbeat, Message, Verdict, encode
from edge.sequences import Gap
from scripts.examples import EXAMPLES

KINDS = [s.message for s in STREAMS]


def alarm(number: int) -> dict[str, Any]:
    return {"code": str(number), "severity": "info", "active": True, "text": "x"}


def free_endpoint() -> str:
    with socket.socket() as probe:  # not ZeroMQ's own: that lets a port go some time after it is closed
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def until(ready: Callable[[], bool], timeout_s: float = 10) -> None:
    end = time.monotonic() + timeout_s
    while not ready():
        assert time.monotonic() < end, "did not come about in time"
        time.sleep(0.005)


class Raw:
    """A socket that says whatever it is told, as a faulty or hostile sender would. Waits until its reader listens."""

    def __init__(self, endpoint: str) -> None:
        self.socket = context().socket(zmq.XPUB)
        self.socket.set(zmq.LINGER, 0)
        end = time.monotonic() + 10
        while True:
            try:
                self.socket.bind(endpoint)
                return
            except zmq.ZMQError:  # the one before has not quite gone
                assert time.monotonic() < end
                time.sleep(0.02)

    def wait_for(self, subscriptions: int, reader: Subscriber | None = None) -> None:
        end = time.monotonic() + 10
        while subscriptions:
            assert time.monotonic() < end, "nobody subscribed"
            if reader is not None:
                assert reader.get(0) is None  # ZeroMQ subscribes anew only when the reader next asks
            if self.socket.poll(10):
                subscriptions -= self.socket.recv()[0]  # 1: subscribed; 0: the connection has gone

    def send(self, message: Message | bytes, topic: bytes | None = None) -> None:
        data = message if isinstance(message, bytes) else encode(message)
        assert topic is not None or not isinstance(message, bytes)
        self.socket.send_multipart([topic or TOPICS[type(message)], data])  # type: ignore[index]

    def alarm(self, seq: int, epoch: int = 1, station: str = "S1") -> None:
        self.send(Alarm(station=station, epoch=epoch, seq=seq, **alarm(seq)))


@pytest.fixture
def pair() -> Iterator[tuple[Raw, Subscriber]]:
    endpoint = free_endpoint()
    raw, reader = Raw(endpoint), Subscriber([endpoint], KINDS)
    raw.wait_for(len(KINDS))
    yield raw, reader
    reader.close()
    raw.socket.close()


def read(reader: Subscriber, count: int) -> list[AnyMessage]:
    got = [reader.get(10) for _ in range(count)]
    assert None not in got
    return [m for m in got if m is not None]


def numbers(messages: list[AnyMessage]) -> list[tuple[int, int]]:
    return [(m.epoch, m.seq) for m in messages]


def test_a_publisher_stamps_and_a_subscriber_reads() -> None:
    endpoint = free_endpoint()
    with closing(Publisher(endpoint, "S1", "station", simulated=True)) as sender, closing(Subscriber([endpoint], [Alarm])) as reader:
        first = None
        while first is None:  # until the subscription has arrived
            sender.send(Alarm, **alarm(0))
            first = reader.get(0.05)
        start = sender.count(Alarm)
        before = time.monotonic_ns()
        sent = [sender.send(Alarm, **alarm(n)) for n in range(100)]
        got = [m for m in read(reader, 100 + start - first.seq) if m.seq > start]
        assert [m.seq for m in got] == list(range(start + 1, start + 101))
        assert [m.mono_ns for m in got] == sent
        assert all(m.epoch == sender.epoch and m.station == "S1" and m.sender == "station" and m.simulated for m in got)
        assert before <= got[0].mono_ns <= got[-1].mono_ns
        assert abs(got[0].wall_ns - time.time_ns()) < 60e9
        assert reader.gaps == []
        assert reader.refused == 0


def test_every_kind_goes_over_the_wire(pair: tuple[Raw, Subscriber]) -> None:
    raw, reader = pair
    for example in EXAMPLES:
        raw.send(example)
    assert read(reader, len(EXAMPLES)) == list(EXAMPLES)


def test_a_gap_is_named_exactly(pair: tuple[Raw, Subscriber]) -> None:
    raw, reader = pair
    for seq in (1, 2, 6, 7, 9):
        raw.alarm(seq)
    read(reader, 5)
    topic = "gutteil.alarm"
    assert reader.gaps == [Gap("S1", "station", topic, 1, 3, 5), Gap("S1", "station", topic, 1, 8, 8)]


def test_a_late_joiner_has_missed_nothing_of_what_was_before(pair: tuple[Raw, Subscriber]) -> None:
    raw, reader = pair
    raw.alarm(5000)
    raw.alarm(5001)
    read(reader, 2)
    assert reader.gaps == []


def test_a_restarted_sender_counts_anew_and_its_lost_first_messages_are_a_gap(pair: tuple[Raw, Subscriber]) -> None:
    raw, reader = pair
    for epoch, seq in ((1, 1), (1, 2), (2, 1), (2, 2), (3, 4)):
        raw.alarm(seq, epoch)
    assert numbers(read(reader, 5)) == [(1, 1), (1, 2), (2, 1), (2, 2), (3, 4)]
    assert reader.gaps == [Gap("S1", "station", "gutteil.alarm", 3, 1, 3)]


def test_old_messages_played_again_are_refused(pair: tuple[Raw, Subscriber]) -> None:
    raw, reader = pair
    said = [(1, 1), (1, 2), (1, 2), (1, 1), (2, 1), (1, 3), (1, 2), (2, 1), (2, 2)]
    for epoch, seq in said:
        raw.alarm(seq, epoch)
    assert numbers(read(reader, 4)) == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert reader.refused == 5
    assert reader.gaps == []


def test_stations_are_counted_apart(pair: tuple[Raw, Subscriber]) -> None:
    raw, reader = pair
    raw.alarm(1, station="S1")
    raw.alarm(1, station="S2")
    raw.alarm(2, station="S1")
    read(reader, 3)
    assert reader.gaps == []


def test_what_is_no_message_is_counted_and_skipped(pair: tuple[Raw, Subscriber]) -> None:
    raw, reader = pair
    raw.send(b"", b"gutteil.alarm")
    raw.send(b"\xff\xc8", b"gutteil.alarm")
    raw.send(b'{"type":"alarm","sta\xc8ion":1}', b"gutteil.alarm")
    raw.send(json.dumps(json.loads(encode(EXAMPLES[0])) | {"v": 2}).encode(), b"gutteil.run")
    raw.send(encode(EXAMPLES[0]), b"gutteil.verdict")  # one kind under another's topic
    raw.socket.send_multipart([b"gutteil.alarm"])
    raw.socket.send_multipart([b"gutteil.alarm", b"{}", b"more"])
    raw.alarm(1)
    assert numbers(read(reader, 1)) == [(1, 1)]
    assert reader.refused == 7


def test_a_giant_message_does_not_make_the_reader_deaf(pair: tuple[Raw, Subscriber]) -> None:
    raw, reader = pair
    raw.send(b"x" * 3_000_000, b"gutteil.alarm")
    raw.alarm(1)
    assert numbers(read(reader, 1)) == [(1, 1)]
    assert reader.refused == 1


def test_a_text_too_long_is_cut_and_does_not_cost_the_message() -> None:
    endpoint = free_endpoint()
    with closing(Publisher(endpoint, "S1", "station", simulated=True)) as sender, closing(Subscriber([endpoint], [Verdict])) as reader:
        verdict = next(e for e in EXAMPLES if isinstance(e, Verdict))
        own = {f: getattr(verdict, f) for f in Verdict.__struct_fields__ if f not in Message.__struct_fields__}
        got = None
        while got is None:
            sender.send(Verdict, **own | {"source": "f" * 5000, "reasons": ["r" * 5000, "short"]})
            got = reader.get(0.05)
        assert isinstance(got, Verdict)
        assert got.source == "f" * (NAME_CHARACTERS - 1) + "…"
        assert got.reasons == ["r" * (NAME_CHARACTERS - 1) + "…", "short"]
        assert reader.refused == 0


def test_the_dead_are_known(pair: tuple[Raw, Subscriber]) -> None:
    raw, reader = pair
    assert not reader.alive("station")
    raw.send(Heartbeat(station="S1", epoch=1, seq=1, state="ready", period_s=0.1))
    read(reader, 1)
    assert reader.alive("station")
    assert not reader.alive("rejector")
    until(lambda: not reader.alive("station"), 2)
    raw.send(Heartbeat(station="S1", epoch=1, seq=1, state="ready", period_s=0.1))  # a repeat is no sign of life
    assert reader.get(0.2) is None
    assert not reader.alive("station")
    raw.send(Heartbeat(station="S1", epoch=1, seq=2, state="ready", period_s=0.1))
    read(reader, 1)
    assert reader.alive("station")


def test_nothing_in_time_is_none(pair: tuple[Raw, Subscriber]) -> None:
    _, reader = pair
    start = time.monotonic()
    assert reader.get(0.05) is None
    assert 0.03 < time.monotonic() - start < 5


def test_a_sender_comes_back_at_the_same_endpoint() -> None:
    endpoint = free_endpoint()
    with ExitStack() as stack:
        reader = Subscriber([endpoint], [Alarm])
        stack.callback(reader.close)
        for epoch in (1, 2):
            raw = Raw(endpoint)
            raw.wait_for(1, reader)
            raw.alarm(1, epoch)
            assert numbers(read(reader, 1)) == [(epoch, 1)]
            raw.socket.close()


def test_a_stalled_reader_never_holds_up_the_sender() -> None:
    endpoint = free_endpoint()
    with (
        closing(Publisher(endpoint, "S1", "station", simulated=True, queue=1000)) as sender,
        closing(Subscriber([endpoint], [Alarm], queue=1000)) as reader,
    ):
        while reader.get(0.05) is None:
            sender.send(Alarm, **alarm(0))
        start = time.monotonic()
        for n in range(20_000):
            sender.send(Alarm, **alarm(n))
        assert time.monotonic() - start < 20
        last = 0
        while (message := reader.get(0.3)) is not None:
            last = message.seq
        sender.send(Alarm, **alarm(0))
        final = read(reader, 1)[0]
        missed = sum(gap.last - gap.first + 1 for gap in reader.gaps)
        assert final.seq == sender.count(Alarm)
        assert missed > 0, "the queue held everything; the test proves nothing"
        assert reader.gaps[-1].last <= final.seq - 1
        assert last <= final.seq - 1


def test_an_endpoint_in_use_is_said_in_words() -> None:
    endpoint = free_endpoint()
    taken = rf"{endpoint} of the station cannot be opened.*another one running"
    with closing(Publisher(endpoint, "S1", "station", simulated=True)), pytest.raises(BusError, match=taken):
        Publisher(endpoint, "S1", "station", simulated=True)
    with pytest.raises(BusError, match="cannot be opened"):
        Publisher("nonsense", "S1", "station", simulated=True)
