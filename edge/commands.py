"""Orders of people to the line: acknowledge, stop, eject the next part. A ROUTER in the rejector; every order is checked, bounded and audited."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Final, Literal

import msgspec
import zmq
from msgspec import Meta

from edge.bus import LINGER_MS, context
from edge.config import Station, near
from edge.errors import BusError, KeysError
from edge.keys import admitted, secure_client, secure_server
from edge.refusals import Refusals

VERSION: Final = 1
MAX_BYTES = 2_048
EJECT_NEXT_S: Final = 60.0  # an ejector test that no part has come for is over
TEST_REASON: Final = "ejector test"
AT_ONCE = 8
PER_S = 20  # orders of one peer, and as many questions how things stand; more is a program that has run wild
ALL_PER_S = 200  # questions of all peers: who comes with many connections is one that has run wild, too
Operation = Literal["status", "acknowledge", "stop", "eject-next"]


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked for.

    Attributes:
        who: the person's name; needed for everything but `status`.
        number: comes back in the reply.
    """

    op: Operation
    who: Annotated[str, Meta(max_length=100)] = ""
    reason: Annotated[str, Meta(max_length=200)] = ""
    number: Annotated[int, Meta(ge=0, le=2**53)] = 0
    v: Literal[1] = VERSION


class Reply(msgspec.Struct, frozen=True):
    """What became of it.

    Attributes:
        state: `runs`, or why the line stands.
        stops: the stops that are not acknowledged, in words.
    """

    accepted: bool
    text: str
    state: str = ""
    stops: list[str] = []
    number: int = 0
    v: Literal[1] = VERSION


Obey = Callable[[Command, str], Reply]


class CommandDesk:
    """The rejector's end. Never waits.

    Attributes:
        refusals: what was refused here, for the audit.
    """

    def __init__(self, endpoint: str, keys: Station | None = None) -> None:
        """Bind. `keys`: the settings that say where the keys are; None = no keys.

        Raises:
            BusError: the endpoint is taken or impossible.
            KeysError: the keys cannot be used.
        """
        self._keys = keys
        self._decoder = msgspec.json.Decoder(Command)
        self._encoder = msgspec.json.Encoder()
        self._second = 0
        self._counts: dict[tuple[bytes, bool], int] = {}  # of this second: peer, whether it asked how things stand
        self.refused = 0
        self.refusals = Refusals()
        self._socket: zmq.Socket[bytes] = context().socket(zmq.ROUTER)
        self._socket.set(zmq.LINGER, LINGER_MS)
        self._socket.set(zmq.MAXMSGSIZE, MAX_BYTES)
        self._socket.set(zmq.SNDHWM, 100)
        try:
            if keys is not None:
                secure_server(self._socket, keys, "commands")
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self._socket.close()
            raise BusError(f"bus.commands = {endpoint!r} cannot be opened ({error.strerror}); is another rejector running?") from error
        except KeysError:
            self._socket.close()
            raise

    def service(self, obey: Obey) -> None:
        """Let `obey` (command, name of the key) answer what has come; bounded work."""
        for _ in range(AT_ONCE):
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            try:
                peer, data = frames
                command = self._decoder.decode(data.bytes)
            except (ValueError, msgspec.MsgspecError):
                self.refused += 1
                self._audit("it is no order", frames[-1])
                continue
            refused = self.refused
            reply = self._answer(command, peer.bytes, _key(data), obey)
            if self.refused > refused:
                self._audit(reply.text, data, command.op, command.who)
            self._reply(peer.bytes, command, reply)

    def _audit(self, why: str, frame: zmq.Frame, op: str = "refused", who: str = "") -> None:
        self.refusals.note(time.monotonic(), why, _key(frame), _property(frame, "Peer-Address"), op, who)

    def _answer(self, command: Command, peer: bytes, key: str, obey: Obey) -> Reply:
        if command.op != "stop" and self._too_many(peer, command.op == "status"):  # nobody may be kept from stopping the line
            self.refused += 1
            return Reply(False, f"more than {PER_S} orders in a second; wait a moment")
        if command.op != "status" and not command.who.strip():
            self.refused += 1
            return Reply(False, "who = '' is missing: an order to the line needs the name of the person who gives it")
        if self._keys is not None and not admitted(self._keys, key, "commands"):
            self.refused += 1
            return Reply(False, f"the key {key!r} has been revoked")
        return obey(command, key)

    def _too_many(self, peer: bytes, asks: bool) -> bool:
        """Whether a peer has said too much in this second. Questions do not count against orders, nor one peer's against another's:
        no flood keeps a person from acknowledging."""
        second = int(time.monotonic())
        if second != self._second:
            self._second = second
            self._counts.clear()
        own = (peer, asks)
        self._counts[own] = self._counts.get(own, 0) + 1
        if self._counts[own] > PER_S:
            return True
        everybody = (b"", True)
        if asks:
            self._counts[everybody] = self._counts.get(everybody, 0) + 1
        return asks and self._counts[everybody] > ALL_PER_S

    def _reply(self, peer: bytes, command: Command, reply: Reply) -> None:
        try:
            self._socket.send_multipart((peer, self._encoder.encode(msgspec.structs.replace(reply, number=command.number))), zmq.NOBLOCK)
        except zmq.ZMQError:
            self.refused += 1  # who asked has gone or does not read

    def close(self) -> None:
        self._socket.close()


def _key(frame: zmq.Frame) -> str:
    """The name of the key that the sender has shown; `none` without keys."""
    return _property(frame, "User-Id") or "none"


def _property(frame: zmq.Frame, name: str) -> str:
    """What the connection that a frame came over is known by; empty where it has none such."""
    try:
        return str(frame.get(name))
    except zmq.ZMQError:
        return ""


def send_command(config: Station, command: Command, timeout_s: float = 3.0) -> Reply:
    """Give an order and wait for the answer.

    Raises:
        BusError: nobody answers in time.
        KeysError: the keys cannot be used.
    """
    number = time.monotonic_ns() % 2**53
    with context().socket(zmq.DEALER) as socket:
        socket.set(zmq.LINGER, 0)
        secure_client(socket, config, "command")
        socket.connect(near(config.bus.commands))
        socket.send(msgspec.json.encode(msgspec.structs.replace(command, number=number)))
        until = time.monotonic() + timeout_s
        while (left := until - time.monotonic()) > 0 and socket.poll(int(left * 1000) + 1):
            try:
                reply = msgspec.json.decode(socket.recv(), type=Reply)
            except (ValueError, msgspec.MsgspecError):
                continue
            if reply.number == number:
                return reply
    raise BusError(
        f"nobody answers at bus.commands = {config.bus.commands!r}; is the line's rejector running, and is this its settings file?"
    )
