"""The simulated PLC as the rejector sees it: a client of `hardware.line`.

Promises what a real PLC link promises: commands may get lost while the line is away, events are numbered and repeated
until acknowledged, nothing here ever waits for an answer.
"""

from __future__ import annotations

import time

import msgspec
import zmq

from hardware.errors import DeviceGone
from hardware.line import Command, Report
from hardware.plc import EjectorTiming, PlcEvent, Result

_SILENT_S = 2.0


class SimulatorPlc:
    """Client of the simulated line; keeps the `hardware.plc.Plc` protocol."""

    simulated = True

    def __init__(self, control: str = "tcp://127.0.0.1:5581", timeout_s: float = 5.0) -> None:
        self._control, self._timeout_s = control, timeout_s
        self._socket: zmq.Socket[bytes] | None = None
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(Report)
        self._seq, self._acknowledged, self._epoch = 0, 0, 0
        self._heard = 0.0
        self._own = False
        self.state: Report | None = None  # the latest that the line has said of itself; asked for with every `ready`

    def open(self, *, own: bool = True) -> None:
        """Connect; the owner gets the events, others only command. Raises `DeviceGone` if no line answers in time."""
        self.close()
        self._socket = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.set(zmq.LINGER, 0)
        self._socket.set(zmq.SNDHWM, 10_000)
        self._socket.connect(self._control)
        self._send(Command("state"))
        if not self._socket.poll(int(self._timeout_s * 1000)):
            self.close()
            raise DeviceGone(f"the simulated line does not answer at {self._control}; start it with: gutteil line")
        self._heard = time.monotonic()
        self._own, self._acknowledged = own, 0  # what was acknowledged last may not have been heard
        if own:
            self._send(Command("hello"))

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def poll(self, timeout_s: float) -> list[PlcEvent]:
        """Events since the last call, each once and in order; those of that call are acknowledged now, as they have been used."""
        if self._socket is None:
            raise DeviceGone("the simulated line is not open")
        if self._seq > self._acknowledged:
            self._send(Command("ack", id=self._seq))
            self._acknowledged = self._seq
        events: list[PlcEvent] = []
        if self._socket.poll(int(timeout_s * 1000)):
            while len(events) < 1000:
                try:
                    report = self._decoder.decode(self._socket.recv(zmq.NOBLOCK))
                except zmq.Again:
                    break
                except (msgspec.MsgspecError, ValueError):
                    continue
                self._heard = time.monotonic()
                if report.epoch != self._epoch:
                    if self._epoch and self._own:
                        self._send(Command("hello"))  # the line has started anew and does not know its owner
                    self._seq, self._acknowledged, self._epoch = 0, 0, report.epoch
                if report.kind == "state":
                    self.state = report
                    continue
                if report.seq <= self._seq:
                    continue
                self._seq = report.seq
                events.append(PlcEvent(report.kind, report.id, report.at_ns, report.encoder, report.reason, report.offset_us, report.code))
        if time.monotonic() - self._heard > _SILENT_S:
            raise DeviceGone(f"the simulated line at {self._control} has been silent for {_SILENT_S:g} s")
        return events

    def ejector(self, timing: EjectorTiming) -> None:
        self._send(
            Command(
                "ejector", id=timing.delay_counts, delay_ms=timing.delay_ms, lead_ms=timing.lead_ms, pulse_ms=timing.pulse_ms,
                spacing_ms=timing.spacing_ms, confirm_ms=timing.confirm_ms,
            )
        )  # fmt: skip

    def announce(self, trigger_id: int, at_ns: int) -> None:
        self._send(Command("announce", id=trigger_id, at_ns=at_ns))

    def answer(self, result: Result) -> None:
        self._send(Command("answer", id=result.trigger_id, code=result.verdict))

    def recipe(self, number: int) -> None:
        self._send(Command("recipe", id=number))

    def ready(self, is_ready: bool, *, fault: int = 0) -> None:
        self._send(Command("ready", on=is_ready, fault=fault))
        self._send(Command("state"))  # its answer shows that the line is alive

    def stop_line(self, reason: str) -> None:
        self._send(Command("stop", reason=reason[:500]))

    def acknowledge(self) -> None:
        self._send(Command("acknowledge"))

    # what follows stands for the people at the machine and for drills; a real PLC has no such commands

    def reset(self) -> None:
        """The key at the machine: acknowledges every stop."""
        self._send(Command("reset"))

    def request_recipe(self, number: int) -> None:
        """The machine's operator chooses a product."""
        self._send(Command("request-recipe", id=number))

    def machine_stop(self) -> None:
        """The stop button at the machine."""
        self._send(Command("machine-stop"))

    def speed(self, share: float) -> None:
        """The belt's speed as a share of nominal, 0.01 to 10."""
        self._send(Command("speed", share=share))

    def jam(self) -> None:
        """The bin is full until somebody acknowledges."""
        self._send(Command("jam"))

    def ask(self) -> None:
        """Have the line say its state; `poll` puts it into `state`."""
        self._send(Command("state"))

    def hold(self, on: bool) -> None:
        """Pause or resume the feed; parts on the belt go on."""
        self._send(Command("hold", on=on))

    def _send(self, command: Command) -> None:
        if self._socket is None:
            raise DeviceGone("the simulated line is not open")
        try:
            self._socket.send(self._encoder.encode(command), zmq.NOBLOCK)
        except zmq.Again as error:
            raise DeviceGone("the simulated line takes no commands any more") from error
