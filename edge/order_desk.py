"""The station's end of the way of a verdict to the rejector (`edge.orders`)."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass

import zmq

from edge.bus import LINGER_MS, context
from edge.config import Station
from edge.errors import BusError, KeysError
from edge.keys import secure_server
from edge.orders import ACK, ACK_KIND, HEAD, HELLO, HELLO_KIND, KNOWN_KIND, MAX_WAITING, ORDER_KIND, RECIPE, RECIPE_KIND

PEER_GONE_S = 1.0
RESEND_S = (0.02, 0.04, 0.08, 0.16, 0.32)  # after each try; the last one goes on
RESEND_AT_ONCE = 32  # so that a rejector that has frozen costs the station nothing that it would notice
GIVE_UP_S = 30.0  # after the deadline; the belt may have stood meanwhile
ENCODER_WAY_S = 60.0  # where the encoder tells when a part is due, nobody knows here: it is taken for so long
KEEP_S = 2.0  # after the deadline: what has been acknowledged is said again to a rejector that has started anew meanwhile
KEEP = 512  # so many in any case: the belt may have stood for hours, with that many words said of what lies on it
GREET_S = 0.1
MAX_FRAMES = 64


@dataclass(slots=True)
class _Waiting:
    head: bytes
    data: bytes
    give_up_ns: int
    due_ns: int
    tries: int = 0
    known: bool = False  # it was acknowledged once: the PLC has been told


class OrderDesk:
    """The station's end. Every method returns at once."""

    def __init__(self, endpoint: str, epoch: int, keys: Station | None = None) -> None:
        """Bind. `keys`: the settings that say where the keys are; None = no keys.

        Raises:
            BusError: the endpoint is taken or impossible.
            KeysError: the keys cannot be used.
        """
        self._epoch = epoch
        self._number = 0
        self._waiting: OrderedDict[int, _Waiting] = OrderedDict()
        self._kept: OrderedDict[int, _Waiting] = OrderedDict()  # acknowledged, not yet due
        self._states: dict[type, bytes] = {}
        self._peer, self._peer_number, self._heard_ns = b"", 0, 0
        self._greeted_ns = 0
        self.recipe_wanted: int | None = None
        self.given_up = 0
        self.refused = 0
        self._socket: zmq.Socket[bytes] = context().socket(zmq.ROUTER)
        self._socket.set(zmq.LINGER, LINGER_MS)
        self._socket.set(zmq.SNDHWM, 2_000)  # what does not fit is dropped here and said again later
        self._socket.set(zmq.MAXMSGSIZE, 1_024)
        try:
            if keys is not None:
                secure_server(self._socket, keys, "orders")
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self._socket.close()
            raise BusError(f"bus.orders = {endpoint!r} cannot be opened ({error.strerror}); is another station running?") from error
        except KeysError:
            self._socket.close()
            raise

    def state(self, kind: type, data: bytes) -> None:
        """Say something that the next of its kind replaces (run, heartbeat): not acknowledged, kept for a rejector that comes later."""
        self._states[kind] = data
        self._send(self._state_head(), data)

    def forget(self) -> None:
        """The line counts its parts anew: behind the numbers of everything said so far there may be other parts by now."""
        self.given_up += len(self._waiting)
        self._waiting.clear()
        self._kept.clear()

    def order(self, data: bytes, deadline_ns: int) -> None:
        """Say something that must arrive; `deadline_ns` (CLOCK_MONOTONIC): when the part reaches the ejector."""
        self._number += 1
        now = time.monotonic_ns()
        head = HEAD.pack(self._epoch, self._number, deadline_ns)
        due_ns = deadline_ns or now + int(ENCODER_WAY_S * 1e9)
        self._waiting[self._number] = _Waiting(head, data, due_ns + int(GIVE_UP_S * 1e9), now + int(RESEND_S[0] * 1e9))
        if len(self._waiting) > MAX_WAITING:
            self._waiting.popitem(last=False)
            self.given_up += 1
        self._send(head, data)

    def service(self) -> None:
        """Read acknowledgements and say again what is due; bounded work."""
        for _ in range(MAX_FRAMES):
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            self._hear(frames)
        now = time.monotonic_ns()
        if self._waiting:
            self._repeat(now)
        for _ in range(MAX_FRAMES):
            number, kept = next(iter(self._kept.items()), (0, None))
            if kept is None or len(self._kept) <= KEEP or now < kept.give_up_ns + int((KEEP_S - GIVE_UP_S) * 1e9):
                return
            del self._kept[number]

    @property
    def wait_s(self) -> float:
        """How long the station may sleep before it calls `service` again."""
        return 0.01 if self._waiting and self._present(time.monotonic_ns()) else 0.1

    @property
    def waiting(self) -> int:
        """Orders without acknowledgement."""
        return len(self._waiting)

    def close(self) -> None:
        self._socket.close()

    def _present(self, now_ns: int) -> bool:
        return bool(self._peer) and now_ns - self._heard_ns < PEER_GONE_S * 1e9

    def _state_head(self) -> bytes:
        oldest = min(next(iter(numbers), self._number + 1) for numbers in (self._waiting, self._kept))
        return HEAD.pack(self._epoch, 0, oldest)

    def _send(self, head: bytes, data: bytes, kind: bytes = ORDER_KIND) -> None:
        if self._peer:
            try:
                self._socket.send_multipart((self._peer, kind, head, data), zmq.NOBLOCK)
            except zmq.ZMQError:  # its queue is full, or it has gone this moment: it is said again
                return

    def _hear(self, frames: list[bytes]) -> None:
        if len(frames) != 3:
            self.refused += 1
            return
        peer, kind, data = frames
        if kind == HELLO_KIND and len(data) == HELLO.size:
            (number,) = HELLO.unpack(data)
            now = time.monotonic_ns()
            new = peer != self._peer or number != self._peer_number or not self._present(now)
            if new and now - self._greeted_ns < GREET_S * 1e9:
                return  # it says it again; somebody who comes anew all the time must not keep the station busy
            self._peer, self._peer_number, self._heard_ns = peer, number, now
            if new:
                self._greeted_ns = now
                self._greet()
        elif peer != self._peer:
            self.refused += 1
        elif kind == ACK_KIND and len(data) == ACK.size:
            epoch, number = ACK.unpack(data)
            self._heard_ns = time.monotonic_ns()
            if epoch == self._epoch and (done := self._waiting.pop(number, None)) is not None:
                done.known = True
                self._kept[number] = done
                if len(self._kept) > MAX_WAITING:
                    self._kept.popitem(last=False)
        elif kind == RECIPE_KIND and len(data) == RECIPE.size:
            self.recipe_wanted = RECIPE.unpack(data)[0]
        else:
            self.refused += 1

    def _greet(self) -> None:
        """A rejector has come: the current state first, then everything that it may not have, oldest first."""
        for data in self._states.values():
            self._send(self._state_head(), data)
        now = time.monotonic_ns()
        self._waiting = OrderedDict(sorted((self._kept | self._waiting).items()))
        self._kept.clear()
        for waiting in self._waiting.values():
            waiting.due_ns, waiting.tries = now, 0
            if waiting.known:
                waiting.give_up_ns = max(waiting.give_up_ns, now + int(GIVE_UP_S * 1e9))

    def _repeat(self, now_ns: int) -> None:
        present, said = self._present(now_ns), 0
        over = []
        for number, waiting in self._waiting.items():
            if now_ns > waiting.give_up_ns:
                over.append(number)
            elif present and now_ns >= waiting.due_ns:
                waiting.due_ns = now_ns + int(RESEND_S[min(waiting.tries, len(RESEND_S) - 1)] * 1e9)
                waiting.tries += 1
                self._send(waiting.head, waiting.data, KNOWN_KIND if waiting.known else ORDER_KIND)
                said += 1
            if said >= RESEND_AT_ONCE or len(over) >= RESEND_AT_ONCE:
                break
        for number in over:
            del self._waiting[number]
            self.given_up += 1
