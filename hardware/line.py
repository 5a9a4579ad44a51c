"""The simulated line as a process: `hardware.belt` with a control socket (ZeroMQ ROUTER) and the trigger wire.

One rejector owns the line: it gets every event, numbered, again and again until it acknowledges, so that a restarted
rejector misses nothing. Anybody on this machine may hold or release the feed (`gutteil replay` does).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
import zmq
from msgspec import Meta

from hardware.belt import Belt, BeltSettings
from hardware.errors import DeviceSettings
from hardware.plc import EventKind, PlcEvent
from hardware.wire import Edge, WireOut

MAX_UNACKNOWLEDGED = 200_000


class Command(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What is said to the line."""

    op: Literal["hello", "ack", "permit", "reject", "ready", "stop", "start", "hold", "state", "ejector", "announce"]
    id: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    on: bool = False
    code: Annotated[int, Meta(ge=0, le=255)] = 0
    delay_ms: float = 0.0
    at_ns: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    reason: Annotated[str, Meta(max_length=500)] = ""


class Report(msgspec.Struct, omit_defaults=True):
    """What the line says: an event with its number, or (seq 0) its state. A new epoch: the line has started anew."""

    seq: int
    epoch: int
    kind: EventKind | Literal["state"]
    id: int = 0
    at_ns: int = 0
    encoder: int = 0
    reason: str = ""
    offset_us: float = 0.0
    fed: int = 0
    on_belt: int = 0
    running: bool = False


def run_line(settings: BeltSettings, control: str, wire: str, stop: threading.Event, turned: Callable[[], None] = lambda: None) -> None:
    """Run the simulated line until told to stop; `turned` is called whenever its loop has turned.

    Raises:
        DeviceSettings: an address is taken or impossible.
    """
    wire_out = WireOut(wire)
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    socket.set(zmq.LINGER, 0)
    socket.set(zmq.SNDHWM, 0)  # a full queue to the owner would drop events without a word; what it has not read is bounded below
    socket.set(zmq.MAXMSGSIZE, 65_536)
    try:
        socket.bind(control)
    except zmq.ZMQError as error:
        socket.close()
        wire_out.close()
        raise DeviceSettings(f"line.control = {control!r} cannot be opened ({error.strerror}); is another line running?") from error
    try:
        _Line(Belt(settings), socket, wire_out).run(stop, turned)
    finally:
        wire_out.close()
        socket.close()


class _Line:
    def __init__(self, belt: Belt, socket: zmq.Socket[bytes], wire: WireOut) -> None:
        self._belt, self._socket, self._wire = belt, socket, wire
        self._decoder = msgspec.json.Decoder(Command)
        self._encoder = msgspec.json.Encoder()
        self._owner: bytes | None = None
        self._seq, self._epoch = 0, time.time_ns()
        self._unacknowledged: deque[Report] = deque(maxlen=MAX_UNACKNOWLEDGED)

    def run(self, stop: threading.Event, turned: Callable[[], None]) -> None:
        while not stop.is_set():
            wait_ns = self._belt.next_due_ns(time.monotonic_ns())
            if self._socket.poll(wait_ns // 1_000_000):
                self._listen()
            elif wait_ns % 1_000_000:
                time.sleep((wait_ns % 1_000_000) / 1e9)
            for fed in self._belt.advance(time.monotonic_ns()):
                if fed.wired:
                    self._wire.send(Edge(fed.trigger_id, fed.at_ns, fed.encoder, fed.trigger_id - 1))
            self._tell()
            turned()

    def _listen(self) -> None:
        for _ in range(200):  # bounded, so that a flood of commands cannot hold the ejector up
            try:
                client, data = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            except ValueError:
                continue  # not two frames: not ours
            try:
                command = self._decoder.decode(data)
            except (msgspec.MsgspecError, ValueError):  # damaged UTF-8 comes as a bare UnicodeDecodeError
                continue
            self._obey(client, command)

    def _obey(self, client: bytes, command: Command) -> None:
        now = time.monotonic_ns()
        belt = self._belt
        if command.op == "permit":
            belt.permit(command.id, now)
        elif command.op == "reject":
            belt.reject(command.id)
        elif command.op == "ready":
            belt.ready(command.on, now)
        elif command.op == "ack":
            while self._unacknowledged and self._unacknowledged[0].seq <= command.id:
                self._unacknowledged.popleft()
        elif command.op == "hello":
            self._owner = client
            for report in self._unacknowledged:
                self._send(client, report)
        elif command.op == "stop":
            belt.stop(command.reason, now)
        elif command.op == "start":
            belt.start(now)
        elif command.op == "ejector":
            belt.ejector(command.delay_ms, command.id)
        elif command.op == "announce":
            belt.announce(command.id, now, min(command.at_ns, now))
        elif command.op == "hold":
            belt.hold = command.on
        else:
            state = Report(
                0,
                self._epoch,
                "state",
                fed=belt.fed,
                on_belt=belt.on_belt,
                running=belt.running,
                reason=belt.stop_reason,
                encoder=belt.encoder,
            )
            self._send(client, state)

    def _tell(self) -> None:
        for event in self._belt.events:
            self._seq += 1
            report = _report(self._seq, self._epoch, event)
            self._unacknowledged.append(report)
            if self._owner is not None:
                self._send(self._owner, report)
        self._belt.events.clear()

    def _send(self, client: bytes, report: Report) -> None:
        self._socket.send_multipart((client, self._encoder.encode(report)), zmq.NOBLOCK)


def _report(seq: int, epoch: int, event: PlcEvent) -> Report:
    return Report(seq, epoch, event.kind, event.trigger_id, event.at_ns, event.encoder, event.reason, event.offset_us)
