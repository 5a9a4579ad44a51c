"""A sender and readers with replay, and a socket that loses what it is told to."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import zmq

from edge.bus import Publisher, Subscriber
from edge.errors import BusError
from edge.messages import Alarm, AnyMessage, Heartbeat, Message, Run
from tests.edge.test_bus import alarm, free_endpoint

KINDS = (Alarm, Heartbeat, Run)


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
