"""ZeroMQ: publish without ever waiting, subscribe and know what was missed and who is alive."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import zmq

from edge.config import Station, near
from edge.errors import BusError
from edge.history import NAMES, History
from edge.keys import secure_client, secure_server
from edge.messages import NAME_CHARACTERS, TOPICS, AnyMessage, Heartbeat, Message, MessageError, Sender, decode, encode
from edge.recall import Recall
from edge.repeat import Repeater
from edge.sequences import Gap, Seen, Sequences, Who

LINGER_MS = 500
MAX_ASKED_BYTES = 1_024  # what a reader says to a publisher: which topics it wants
MAX_RUBBISH = 1_000


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
    """One sender's end of the bus. `send` stamps sender, epoch, sequence and time and never waits.

    With `replay` it keeps its last messages and says them again to who asks, in a thread of its own (`edge.repeat`).
    """

    def __init__(
        self,
        endpoint: str,
        station: str,
        sender: Sender,
        *,
        simulated: bool,
        queue: int = 200_000,
        replay: str = "",
        history: int = 10_000,
        keys: Station | None = None,
    ) -> None:
        """Bind.

        Args:
            queue: messages per reader that wait for it, then they are dropped.
            replay: the endpoint for those who have missed something; empty = none.
            history: messages of each type that are kept for them.
            keys: the settings that say where the keys are; None = no keys.

        Raises:
            BusError: an endpoint is taken or impossible.
            KeysError: the keys cannot be used.
        """
        self.epoch = time.time_ns()
        self._stamp: dict[str, Any] = {"station": station, "sender": sender, "epoch": self.epoch, "simulated": simulated}
        self._counts: dict[type[Message], int] = {}
        self.last = b""  # the message sent last, as it went out
        self._socket = context().socket(zmq.PUB)
        self._socket.set(zmq.SNDHWM, queue)
        self._socket.set(zmq.LINGER, LINGER_MS)
        self._socket.set(zmq.MAXMSGSIZE, MAX_ASKED_BYTES)
        self._history = History(history) if replay else None
        self._repeater: Repeater | None = None
        try:
            if keys is not None:
                secure_server(self._socket, keys, "watch")
            self._socket.bind(endpoint)
            if self._history is not None:
                self._repeater = Repeater(replay, self._history, station, sender, self.epoch, keys)
        except zmq.ZMQError as error:
            self._socket.close()
            raise BusError(
                f"bus endpoint {endpoint} of the {sender} cannot be opened ({error.strerror}); is another one running?"
            ) from error
        except BaseException:
            self._socket.close()
            raise

    def send(self, kind: type[Message], **fields: Any) -> int:
        """Send a message of a kind; returns CLOCK_MONOTONIC at the moment it was handed over, ns."""
        seq = self._counts.get(kind, 0) + 1
        self._counts[kind] = seq
        now = time.monotonic_ns()
        fitting = {name: _fit(value) for name, value in fields.items()}
        if kind is Heartbeat:
            fitting["sent"] = {NAMES[k]: n for k, n in self._counts.items()}
        message = kind(**self._stamp, seq=seq, mono_ns=now, wall_ns=time.time_ns(), **fitting)
        self.last = encode(message)
        self._socket.send_multipart((TOPICS[kind], self.last))  # PUB never blocks: a full queue drops, the reader sees the gap
        if self._history is not None:
            self._history.add(message, self.last)
        return now

    def count(self, kind: type[Message]) -> int:
        """How many of a kind were sent."""
        return self._counts.get(kind, 0)

    @property
    def repeater(self) -> Repeater | None:
        """The end that says again what was missed."""
        return self._repeater

    def close(self) -> None:
        """May be called twice."""
        if self._repeater is not None:
            self._repeater.close()
        self._socket.close()


class Subscriber:
    """A reader's end: checks sequence and heartbeat of everything it reads.

    With `replay` it asks for what it has missed. What comes so is older than what was delivered before it.

    Attributes:
        refused: what was read and was no message, or an old one.
    """

    def __init__(
        self,
        endpoints: Iterable[str],
        kinds: Iterable[type[Message]],
        queue: int = 200_000,
        *,
        replay: Mapping[Sender, str] | None = None,
        keys: Station | None = None,
    ) -> None:
        """Connect.

        Args:
            queue: messages that wait until they are read, then they are dropped.
            replay: where each sender says again what was missed; it also tells its state there to one that has just come.
            keys: the settings that say where the keys are; None = no keys.

        Raises:
            KeysError: the keys cannot be used.
        """
        self._kinds = tuple(kinds)
        self._sequences = Sequences(self._kinds, replay or ())
        self._recalls: list[Recall] = []
        self._ready: deque[AnyMessage] = deque()
        self._beats: dict[str, tuple[int, float]] = {}
        self.refused = 0
        self._socket = context().socket(zmq.SUB)
        self._socket.set(zmq.RCVHWM, queue)
        self._socket.set(zmq.LINGER, 0)
        self._socket.set(zmq.RECONNECT_IVL, 20)
        self._socket.set(zmq.RECONNECT_IVL_MAX, 200)
        # no MAXMSGSIZE: libzmq 4.3 ends a connection that breaks it for good and never connects again; `decode` refuses by length
        try:
            if keys is not None:
                secure_client(self._socket, keys, "watch")
            for kind in self._kinds:
                self._socket.subscribe(TOPICS[kind])
            for endpoint in endpoints:
                self._socket.connect(endpoint)
            for sender, endpoint in (replay or {}).items():
                self._recalls.append(Recall(context(), endpoint, sender, keys))
        except BaseException:
            self.close()
            raise
        self._poller = zmq.Poller()
        for socket in (self._socket, *(r.socket for r in self._recalls)):
            self._poller.register(socket, zmq.POLLIN)

    @property
    def gaps(self) -> list[Gap]:
        """What has not been read and will not be; the caller may clear it."""
        return self._sequences.gaps

    @property
    def noticed(self) -> deque[Gap]:
        """Everything that was missed at first, told at once, also what is still to come by replay; the caller may clear it."""
        return self._sequences.noticed

    @property
    def open(self) -> list[Gap]:
        """What has been missed and may still come."""
        return self._sequences.open

    def resume(self, last: Mapping[Seen, int], missing: Iterable[Gap] = (), whole: Iterable[type[Message]] = ()) -> None:
        """Before the first `get`: go on where an earlier reader ended, see `Sequences.resume`."""
        self._sequences.resume(last, missing, whole)

    def get(self, timeout_s: float) -> AnyMessage | None:
        """The next valid message, or None if none came in time. Bytes that are no message are counted and skipped."""
        now = time.monotonic()
        until, spare = now + timeout_s, MAX_RUBBISH
        while True:
            if self._ready:
                return self._ready.popleft()
            if self._wait(until, now):
                message = self._read()
                if message is not None:
                    return message
            now = time.monotonic()
            if now >= until and not self._ready:
                spare -= 1  # somebody who sends nothing but rubbish must not keep us here
                if spare < 0 or not self._socket.poll(0):
                    return None

    def _wait(self, until: float, now: float) -> bool:
        """Until something was published, or something is due; takes answers on the way. Whether something was published."""
        if not self._recalls:
            return bool(self._socket.poll(max(0, math.ceil((until - now) * 1000))))
        due = math.inf
        for recall in self._recalls:
            recall.tend(now, self._sequences)
            due = min(due, recall.due)
        events = dict(self._poller.poll(max(0, math.ceil((min(until, due) - now) * 1000))))
        for recall in self._recalls:
            if recall.socket in events:
                self._answered(recall)
        return self._socket in events

    def _read(self) -> AnyMessage | None:
        """One thing that was published, if it is to be delivered."""
        frames = self._socket.recv_multipart(zmq.NOBLOCK)
        message = self._decode(frames[1]) if len(frames) == 2 else None
        fresh = message is not None and TOPICS[type(message)] == frames[0] and self._sequences.take(message)
        if message is None or not fresh:
            self.refused += fresh is False
            return None
        if isinstance(message, Heartbeat):
            self._beats[message.sender] = (time.monotonic_ns(), message.period_s)
        sequences = self._sequences
        if sequences.missing or sequences.began:
            now = time.monotonic()
            for recall in self._recalls:
                if recall.sender in sequences.began:
                    recall.want_state(now)
                recall.poke(now)
            sequences.missing = False
            sequences.began.clear()
        return message

    def _answered(self, recall: Recall) -> None:
        """Take in what a sender has said again."""
        got = recall.read(time.monotonic())
        if got is None:
            self.refused += 1
            return
        answer, frames, asked = got
        if asked is None:
            if self._sequences.joined(Who(answer.station, answer.sender), answer.epoch, answer.sent):
                messages = [m for m in map(self._decode, frames) if isinstance(m, self._kinds)]
                self._ready += [m for m in messages if self._sequences.take_state(m)]
            self._sequences.began.discard(recall.sender)
        elif (answer.station, answer.epoch) != (asked.station, asked.epoch):
            self._sequences.gone(asked.sender, asked.station)
        else:
            for frame in frames:
                message = self._decode(frame)
                if message is not None and TOPICS[type(message)].decode() == asked.topic and self._sequences.take_again(message):
                    self._ready.append(message)
            self._sequences.lost(asked, answer.first + answer.count - 1 if answer.count else asked.last)

    def _decode(self, data: bytes) -> AnyMessage | None:
        try:
            return decode(data)
        except MessageError:
            return None

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
        """May be called twice."""
        for recall in self._recalls:
            recall.close()
        self._socket.close()


def publisher(config: Station, sender: Sender, *, simulated: bool) -> Publisher:
    """A sender's end by the settings, with replay and keys.

    Raises:
        BusError, KeysError: as `Publisher`.
    """
    bus = config.bus
    endpoint, replay = {
        "station": (bus.station, bus.station_replay),
        "rejector": (bus.rejector, bus.rejector_replay),
        "recorder": (bus.recorder, bus.recorder_replay),
    }[sender]
    return Publisher(
        endpoint, config.name, sender, simulated=simulated, queue=bus.queue, replay=replay, history=bus.history, keys=config
    )  # fmt: skip


def watch(config: Station, kinds: Iterable[type[Message]], queue: int = 0) -> Subscriber:
    """A reader of all three senders by the settings, with replay and keys.

    Raises:
        KeysError: as `Subscriber`.
    """
    bus = config.bus
    replay: dict[Sender, str] = {
        "station": near(bus.station_replay),
        "rejector": near(bus.rejector_replay),
        "recorder": near(bus.recorder_replay),
    }
    endpoints = [near(endpoint) for endpoint in (bus.station, bus.rejector, bus.recorder)]
    return Subscriber(endpoints, kinds, queue or bus.queue, replay=replay, keys=config)
