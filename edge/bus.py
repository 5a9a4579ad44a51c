"""ZeroMQ: publish without ever waiting, subscribe and know what was missed and who is alive."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import msgspec
import zmq

from edge.errors import BusError
from edge.messages import NAME_CHARACTERS, TOPICS, AnyMessage, Heartbeat, Message, MessageError, Sender, decode, encode

LINGER_MS = 500


def context() -> zmq.Context[zmq.Socket[bytes]]:
    """The process's ZeroMQ context."""
    return zmq.Context.instance()


def _fit(value: Any) -> Any:
    """Texts cut to what readers take, so that a long file name or error text cannot cost the whole message."""
    if isinstance(value, str) and len(value) > NAME_CHARACTERS:
        return value[: NAME_CHARACTERS - 1] + "…"
    if isinstance(value, list) and value and isinstance(value[0], str):
        return [_fit(v) for v in value]
    return value


class Publisher:
    """One sender's end of the bus. `send` stamps sender, epoch, sequence and time and never waits."""

    def __init__(self, endpoint: str, station: str, sender: Sender, *, simulated: bool, queue: int = 200_000) -> None:
        """Bind.

        Raises:
            BusError: the endpoint is taken or impossible.
        """
        self.epoch = time.time_ns()
        self._stamp: dict[str, Any] = {"station": station, "sender": sender, "epoch": self.epoch, "simulated": simulated}
        self._counts: dict[type[Message], int] = {}
        self.last = b""  # the message sent last, as it went out
        self._socket = context().socket(zmq.PUB)
        self._socket.set(zmq.SNDHWM, queue)
        self._socket.set(zmq.LINGER, LINGER_MS)
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self._socket.close()
            raise BusError(
                f"bus endpoint {endpoint} of the {sender} cannot be opened ({error.strerror}); is another one running?"
            ) from error

    def send(self, kind: type[Message], **fields: Any) -> int:
        """Send a message of a kind; returns CLOCK_MONOTONIC at the moment it was handed over, ns."""
        seq = self._counts.get(kind, 0) + 1
        self._counts[kind] = seq
        now = time.monotonic_ns()
        fitting = {name: _fit(value) for name, value in fields.items()}
        message = kind(**self._stamp, seq=seq, mono_ns=now, wall_ns=time.time_ns(), **fitting)
        self.last = encode(message)
        self._socket.send_multipart((TOPICS[kind], self.last))  # PUB never blocks: a full queue drops, the reader sees the gap
        return now

    def count(self, kind: type[Message]) -> int:
        """How many of a kind were sent."""
        return self._counts.get(kind, 0)

    def close(self) -> None:
        self._socket.close()


class Gap(msgspec.Struct, frozen=True):
    """A reader missed messages: the numbers first..last of one type of one sender's epoch."""

    sender: str
    topic: str
    epoch: int
    first: int
    last: int


class Subscriber:
    """A reader's end: checks sequence and heartbeat of everything it reads."""

    def __init__(self, endpoints: Iterable[str], kinds: Iterable[type[Message]], queue: int = 200_000) -> None:
        self._socket = context().socket(zmq.SUB)
        self._socket.set(zmq.RCVHWM, queue)
        self._socket.set(zmq.LINGER, 0)
        self._socket.set(zmq.RECONNECT_IVL, 20)
        self._socket.set(zmq.RECONNECT_IVL_MAX, 200)
        # no MAXMSGSIZE: libzmq 4.3 ends a connection that breaks it for good and never connects again; `decode` refuses by length
        for kind in kinds:
            self._socket.subscribe(TOPICS[kind])
        for endpoint in endpoints:
            self._socket.connect(endpoint)
        self._seen: dict[tuple[str, str, str], tuple[int, int]] = {}
        self._past: set[tuple[str, str, str, int]] = set()
        self._beats: dict[str, tuple[int, float]] = {}
        self.gaps: list[Gap] = []
        self.refused = 0

    def get(self, timeout_s: float) -> AnyMessage | None:
        """The next valid message, or None if none came in time. Bytes that are no message are counted and skipped."""
        until = time.monotonic() + timeout_s
        while True:
            if not self._socket.poll(max(0, int((until - time.monotonic()) * 1000))):
                return None
            frames = self._socket.recv_multipart(zmq.NOBLOCK)
            if len(frames) != 2:
                self.refused += 1
                continue
            try:
                message = decode(frames[1])
            except MessageError:
                self.refused += 1
                continue
            if TOPICS[type(message)] != frames[0] or not self._fresh(message):
                self.refused += 1
                continue
            return message

    def _fresh(self, message: AnyMessage) -> bool:
        """Note gaps; refuse what has been read before (same or older number, or an epoch that has been replaced)."""
        topic = TOPICS[type(message)].decode()
        key = (message.station, message.sender, topic)
        epoch, last = self._seen.get(key, (0, 0))
        if message.epoch != epoch:
            if (*key, message.epoch) in self._past:
                return False  # an epoch that has been replaced never comes back: somebody repeats old messages
            if epoch:
                self._past.add((*key, epoch))
            first, last = epoch == 0, 0
        else:
            first = False
        if message.seq <= last:
            return False
        if message.seq > last + 1 and not first:  # a late joiner has not missed what was sent before it came
            self.gaps.append(Gap(message.sender, topic, message.epoch, last + 1, message.seq - 1))
        self._seen[key] = (message.epoch, message.seq)
        if isinstance(message, Heartbeat):
            self._beats[message.sender] = (time.monotonic_ns(), message.period_s)
        return True

    def alive(self, sender: Sender) -> bool:
        """Whether the sender's heartbeat came within three of its periods."""
        if sender not in self._beats:
            return False
        at_ns, period_s = self._beats[sender]
        return time.monotonic_ns() - at_ns < 3 * period_s * 1e9

    @property
    def socket(self) -> zmq.Socket[bytes]:
        """For a poller."""
        return self._socket

    def close(self) -> None:
        self._socket.close()
