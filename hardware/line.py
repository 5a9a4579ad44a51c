"""The simulated line as a process: `hardware.belt` with a control socket (ZeroMQ ROUTER) and the trigger wire.

One rejector owns the line: it gets every event, numbered, again and again until it acknowledges, so that a restarted
rejector misses nothing. Anybody on this machine may hold or release the feed (`gutteil replay` does), stand for the
machine's operator (reset, recipe request, stop at the machine) and make drills (belt speed, jammed bin).
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
from hardware.journal import Journal, thing
from hardware.plc import EjectorTiming, EventKind, PlcEvent
from hardware.wire import Edge, WireOut

MAX_UNACKNOWLEDGED = 200_000
_SLEEP_NS, _WAKE_NS = 1_500_000, 100_000
_TIMES = ("delay_ms", "lead_ms", "pulse_ms", "spacing_ms", "confirm_ms")


Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Command(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What is said to the line.

    Attributes:
        id: of `answer`, `announce` the part, of `ack` the event, of `ejector` delay_counts, of `recipe`, `request-recipe` the recipe.
        code: of `answer` the verdict.
        share: of `speed` the belt's speed as a share of nominal.
    """

    op: Literal[
        "hello", "ack", "state", "answer", "announce", "ready", "ejector", "recipe", "stop", "acknowledge",
        "hold", "reset", "request-recipe", "machine-stop", "speed", "jam",
    ]  # fmt: skip
    id: Number = 0
    on: bool = False
    code: Annotated[int, Meta(ge=0, le=255)] = 0
    fault: Annotated[int, Meta(ge=0, le=65_535)] = 0
    share: Annotated[float, Meta(ge=0.01, le=10)] = 1.0
    delay_ms: float = 0.0
    lead_ms: float = 0.0
    pulse_ms: float = 30.0
    spacing_ms: float = 0.0
    confirm_ms: float = 200.0
    at_ns: Number = 0
    reason: Annotated[str, Meta(max_length=500)] = ""


class Report(msgspec.Struct, omit_defaults=True):
    """What the line says: an event with its number, or (seq 0) its state. A new epoch: the line has started anew.

    Attributes:
        code: of `stopped` and of the state why the belt stands, of `recipe` the number asked for.
        recipe: number that the vision system has said judges.
        fault: what it has said is wrong with it.
        delay_ms, delay_counts, lead_ms, pulse_ms, spacing_ms, confirm_ms: the ejector as it is set.
    """

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
    valve: bool = False
    code: int = 0
    recipe: int = 0
    fault: int = 0
    delay_ms: float = 0.0
    delay_counts: int = 0
    lead_ms: float = 0.0
    pulse_ms: float = 0.0
    spacing_ms: float = 0.0
    confirm_ms: float = 0.0


def run_line(
    settings: BeltSettings, control: str, wire: str, stop: threading.Event, turned: Callable[[], None] = lambda: None, journal: str = ""
) -> None:
    """Run the simulated line until told to stop.

    Args:
        turned: called whenever its loop has turned.
        journal: file in which the line writes down by itself what happens on the belt; empty = none.

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
    notes: Journal | None = None
    try:
        notes = Journal(journal)
        _Line(Belt(settings, kept=notes.stopped, asked=notes.asked), socket, wire_out, notes).run(stop, turned)
    finally:
        if notes is not None:
            notes.close()
        wire_out.close()
        socket.close()


class _Line:
    def __init__(self, belt: Belt, socket: zmq.Socket[bytes], wire: WireOut, journal: Journal) -> None:
        self._belt, self._socket, self._wire, self._journal = belt, socket, wire, journal
        self._decoder = msgspec.json.Decoder(Command)
        self._encoder = msgspec.json.Encoder()
        self._owner: bytes | None = None
        self._seq, self._epoch = 0, time.time_ns()
        self._unacknowledged: deque[Report] = deque(maxlen=MAX_UNACKNOWLEDGED)
        journal.begun(self._epoch, time.monotonic_ns())
        for item, counts in journal.lying:
            belt.lies(thing(item), counts)

    def run(self, stop: threading.Event, turned: Callable[[], None]) -> None:
        while not stop.is_set():
            due = time.monotonic_ns() + self._belt.next_due_ns(time.monotonic_ns())
            if self._wait(due):
                self._listen()
            for fed in self._belt.advance(time.monotonic_ns()):
                item = self._journal.fed(fed.trigger_id, fed.at_ns, fed.encoder, wired=fed.wired)
                if fed.wired:
                    self._wire.send(Edge(fed.trigger_id, fed.at_ns, fed.encoder, item))
            self._tell()
            turned()

    def _wait(self, due_ns: int) -> bool:
        """Until a command comes (True) or the moment: a poll knows whole ms only, so the last is slept (CLOCK_MONOTONIC) and the
        last of that, which a wake-up may take, waited for busily."""
        left_ns = due_ns - time.monotonic_ns()
        if left_ns > _SLEEP_NS and self._socket.poll((left_ns - _SLEEP_NS) // 1_000_000 + 1):
            return True
        left_ns = due_ns - time.monotonic_ns()
        if left_ns > _WAKE_NS:
            time.sleep((left_ns - _WAKE_NS) / 1e9)
        while time.monotonic_ns() < due_ns:
            pass
        return bool(self._socket.poll(0))

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
        match command.op:
            case "answer":
                belt.answer(command.id, command.code, now)
            case "ready":
                belt.ready(command.on, now, command.fault)
            case "ack":
                while self._unacknowledged and self._unacknowledged[0].seq <= command.id:
                    self._unacknowledged.popleft()
            case "hello":
                self._owner = client
                for report in self._unacknowledged:
                    self._send(client, report)
                belt.told_again(now)
            case "stop":
                belt.stop(command.reason, now)
            case "acknowledge":
                belt.acknowledge(now)
            case "ejector":
                times = {name: getattr(command, name) for name in _TIMES}
                belt.aim(EjectorTiming(delay_counts=command.id, **times))
            case "announce":
                belt.announce(command.id, now, min(command.at_ns, now) or now)
            case "recipe":
                belt.recipe = command.id
            case "hold":
                belt.hold = command.on
            case "reset":
                belt.reset(now)
            case "request-recipe":
                belt.request_recipe(command.id, now)
            case "machine-stop":
                belt.stop_at_machine(now)
            case "speed":
                belt.advance(now)
                belt.speed = command.share
            case "jam":
                belt.ejector.jammed = True
            case "state":
                self._send(client, self._state())

    def _state(self) -> Report:
        belt, timing = self._belt, self._belt.timing
        return Report(
            0, self._epoch, "state", fed=belt.fed, on_belt=belt.on_belt, running=belt.running, reason=belt.stop_reason, encoder=belt.encoder,
            valve=belt.program.valve, code=belt.program.code, recipe=belt.recipe, fault=belt.fault, delay_counts=timing.delay_counts,
            **{name: getattr(timing, name) for name in _TIMES},
        )  # fmt: skip

    def _tell(self) -> None:
        for event in self._belt.events:
            self._journal.event(event)
            self._seq += 1
            report = _report(self._seq, self._epoch, event)
            self._unacknowledged.append(report)
            if self._owner is not None:
                self._send(self._owner, report)
        self._belt.events.clear()
        while self._belt.ejector.went:
            number, fell = self._belt.ejector.went.popleft()
            self._journal.went(number, time.monotonic_ns(), self._belt.encoder, fell=fell)

    def _send(self, client: bytes, report: Report) -> None:
        self._socket.send_multipart((client, self._encoder.encode(report)), zmq.NOBLOCK)


def _report(seq: int, epoch: int, event: PlcEvent) -> Report:
    return Report(seq, epoch, event.kind, event.trigger_id, event.at_ns, event.encoder, event.reason, event.offset_us, code=event.code)
