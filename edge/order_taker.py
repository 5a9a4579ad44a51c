"""The rejector's end of the way of a verdict (`edge.orders`)."""

from __future__ import annotations

import math
import os
import struct
import time
from collections import OrderedDict
from dataclasses import dataclass

import zmq

from edge.bus import context
from edge.config import Station, near
from edge.errors import KeysError
from edge.keys import secure_client
from edge.messages import MAX_BYTES, AnyMessage, Heartbeat, MessageError, Run, Trigger, Verdict, decode
from edge.orders import ACK, ACK_KIND, HEAD, HELLO, HELLO_KIND, HELLO_S, KNOWN_KIND, MAX_WAITING, ORDER_KIND, RECIPE, RECIPE_KIND

QUIET_NS = 100_000_000  # the station says old orders again in quick succession
OLD_NS = 200_000_000


@dataclass(frozen=True, slots=True)
class Order:
    """What has come from the station.

    Attributes:
        known: the PLC has been told of it once; an OK is not said to it again.
        deadline_ns: CLOCK_MONOTONIC at which the part reaches the ejector; 0 where only the encoder tells.
    """

    message: AnyMessage
    deadline_ns: int = 0
    known: bool = False


class OrderTaker:
    """The rejector's end: takes each order once, acknowledges it, and knows whether the station is alive."""

    def __init__(self, config: Station) -> None:
        self._station = config.name
        self._number = int.from_bytes(os.urandom(7), "big") + 1
        self._epoch = 0
        self._past: OrderedDict[int, None] = OrderedDict()
        self._taken: set[int] = set()
        self._base = 0  # every number up to it has been taken
        self._newest: dict[type, int] = {}
        self._beat: tuple[int, float] | None = None
        self._hello_at = 0.0
        self._old_ns = 0  # when something was heard last that had been said before
        self._done = b""  # to be acknowledged
        self.refused = self.repeated = 0
        self._socket: zmq.Socket[bytes] = context().socket(zmq.DEALER)
        self._socket.set(zmq.LINGER, 0)
        self._socket.set(zmq.RECONNECT_IVL, 20)
        self._socket.set(zmq.RECONNECT_IVL_MAX, 200)
        self._socket.set(zmq.SNDHWM, 10_000)
        try:
            secure_client(self._socket, config, "reject")
        except KeysError:
            self._socket.close()
            raise
        self._socket.connect(near(config.bus.orders))

    @property
    def epoch(self) -> int:
        """Which start of the station is heard; 0 before the first."""
        return self._epoch

    @property
    def open_numbers(self) -> int:
        """How many numbers below the newest one have not come yet."""
        return (max(self._taken) - self._base - len(self._taken)) if self._taken else 0

    def get(self, timeout_s: float) -> Order | None:
        """The next thing the station says, or None if nothing came in time. Asking for it acknowledges the one before: by then
        the PLC has been told, and what a rejector was killed over is said again to the next."""
        if self._done:
            self._say(ACK_KIND, self._done)
            self._done = b""
        until = time.monotonic() + timeout_s
        while True:
            now = time.monotonic()
            if now >= self._hello_at:
                self._hello_at = now + HELLO_S
                self._say(HELLO_KIND, HELLO.pack(self._number))
            # rounded up: rounded down it would spin through the last millisecond
            if not self._socket.poll(max(0, math.ceil((min(until, self._hello_at) - now) * 1000))):
                if time.monotonic() >= until:
                    return None
                continue
            order = self._take(self._socket.recv_multipart(zmq.NOBLOCK))
            if order is not None:
                return order

    def caught_up(self) -> bool:
        """Whether everything has come that the station had to say of the time before."""
        return self._beat is not None and not self.open_numbers and time.monotonic_ns() - self._old_ns > QUIET_NS

    def want_recipe(self, number: int) -> None:
        """Tell the station that the PLC asks for a recipe."""
        self._say(RECIPE_KIND, RECIPE.pack(number))

    def alive(self) -> bool:
        """Whether the station's heartbeat came within three of its periods."""
        return self._beat is not None and time.monotonic_ns() - self._beat[0] < 3 * self._beat[1] * 1e9

    def close(self) -> None:
        self._socket.close()

    def _say(self, kind: bytes, data: bytes) -> None:
        try:
            self._socket.send_multipart((kind, data), zmq.NOBLOCK)
        except zmq.Again:
            return  # nobody there: an acknowledgement that is lost brings the order again

    def _take(self, frames: list[bytes]) -> Order | None:
        try:
            kind, head, data = frames
            epoch, number, deadline_ns = HEAD.unpack(head)
            if kind not in (ORDER_KIND, KNOWN_KIND) or len(data) > MAX_BYTES:
                raise MessageError("not an order")
            message = decode(data)
        except (ValueError, struct.error, MessageError):
            self.refused += 1
            return None
        if message.epoch != epoch or message.station != self._station or not self._current(epoch):
            self.refused += 1
            return None
        if isinstance(message, Run | Heartbeat) and number == 0:
            self._advance(deadline_ns - 1)
            if message.seq <= self._newest.get(type(message), 0):
                self.repeated += 1
                return None
            self._newest[type(message)] = message.seq
            if isinstance(message, Heartbeat):
                now = time.monotonic_ns()
                self._old_ns = self._old_ns or now
                self._beat = (now, message.period_s)
            return Order(message)
        if not isinstance(message, Trigger | Verdict) or number == 0:
            self.refused += 1
            return None
        if number <= self._base or number in self._taken:
            self._say(ACK_KIND, ACK.pack(epoch, number))
            self.repeated += 1
            return None
        now = time.monotonic_ns()
        if kind == KNOWN_KIND or now - message.mono_ns > OLD_NS:
            self._old_ns = now
        self._done = ACK.pack(epoch, number)
        self._taken.add(number)
        self._advance(self._base)
        if len(self._taken) > MAX_WAITING:  # the station keeps no more than that: what is older will not come
            self._advance(min(self._taken))
        return Order(message, deadline_ns, kind == KNOWN_KIND)

    def _advance(self, base: int) -> None:
        """Every number up to `base` has come, or never will."""
        if base > self._base:
            self._base = base
            self._taken = {number for number in self._taken if number > base}
        while self._base + 1 in self._taken:
            self._base += 1
            self._taken.discard(self._base)

    def _current(self, epoch: int) -> bool:
        """Whether the epoch is the station's present one; an epoch that has been replaced never comes back."""
        if epoch != self._epoch:
            if epoch in self._past:
                return False
            if self._epoch:
                self._past[self._epoch] = None
                while len(self._past) > 1_000:
                    self._past.popitem(last=False)
            self._epoch, self._base = epoch, 0
            self._taken.clear()
            self._newest.clear()
        return True
