"""A PLC of every backend with a live simulated line behind it, which may be stopped and started."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hardware.errors import DeviceGone
from hardware.modbus_line import ModbusLine
from hardware.plc import EjectorTiming, Plc, PlcEvent, make_plc
from hardware.plcs.modbus import ModbusSettings
from hardware.plcs.modbus_client import ModbusClientSettings
from hardware.plcs.modbus_server import ModbusServerSettings
from hardware.plcs.simulator import SimulatorPlc
from tests.hardware.lines import Line, free_port

PATIENCE_S = 30.0
BEAT_S = 0.2
TIMING = EjectorTiming(delay_ms=1000.0, confirm_ms=200.0)
SETTINGS: dict[str, type[ModbusSettings]] = {"modbus-server": ModbusServerSettings, "modbus-client": ModbusClientSettings}


def is_free(port: int) -> bool:
    """Whether somebody may listen at this port of loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@dataclass
class Bench:
    """One backend and its line.

    Attributes:
        line: the simulated line; its settings may be changed before `start`.
        plc: the backend, once `connect` has opened it.
    """

    backend: str
    line: Line
    settings: dict[str, Any] = field(default_factory=dict)
    plc: Plc | None = None
    bridge: ModbusLine | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _beat_s: float = 0.0

    def __post_init__(self) -> None:
        self.settings = (
            {"control": self.line.control}
            if self.backend == "simulator"
            else {"port": free_port(), "simulated": True, "plc_heartbeat_s": 4.0}
        )

    def start(self) -> None:
        """The line, and before it the PLC where the backend has one of its own."""
        until = time.monotonic() + PATIENCE_S
        while not is_free(int(self.line.control.rpartition(":")[2])):  # ZeroMQ lets go of an address a moment after it says so
            assert time.monotonic() < until
            time.sleep(0.01)
        self.line.start()
        if self.backend in SETTINGS:
            self.bridge = ModbusLine(self.line.control, SETTINGS[self.backend].checked(self.settings))
            self._stopping = threading.Event()
            self._thread = threading.Thread(target=self.bridge.run, args=(self._stopping,), daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Power off: PLC and line."""
        if self._thread is not None:
            self._stopping.set()
            self._thread.join(10)
            assert not self._thread.is_alive()
            self._thread = None
        self.line.stop()

    @contextlib.contextmanager
    def operator(self) -> Iterator[SimulatorPlc]:
        """The people at the machine."""
        operator = SimulatorPlc(self.line.control, timeout_s=PATIENCE_S)
        operator.open(own=False)
        try:
            yield operator
            operator.poll(0.1)
        finally:
            operator.close()

    def connect(self) -> Plc:
        """A new life of ours."""
        if self.plc is not None:
            self.plc.close()
        self.plc = make_plc(self.backend, self.settings)
        self.reopen()
        return self.plc

    def reopen(self) -> None:
        """Open until the PLC is there."""
        assert self.plc is not None
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.plc.open()
                return
            except DeviceGone:
                assert time.monotonic() < until

    def beat(self, is_ready: bool = True) -> None:
        """What a rejector says again and again."""
        assert self.plc is not None
        if time.monotonic() > self._beat_s:
            self._beat_s = time.monotonic() + BEAT_S
            self.plc.ejector(TIMING)
            self.plc.ready(is_ready)

    def collect(
        self, enough: Callable[[list[PlcEvent]], bool], *, ready: bool | None = True, each: Callable[[PlcEvent], None] = lambda e: None
    ) -> list[PlcEvent]:
        """Events until there are enough; `ready` None: without a heartbeat."""
        assert self.plc is not None
        events: list[PlcEvent] = []
        until = time.monotonic() + PATIENCE_S
        while not enough(events):
            assert time.monotonic() < until, f"only {events[-8:]}"
            if ready is not None:
                self.beat(ready)
            for event in self.plc.poll(0.02):
                events.append(event)
                each(event)
        return events


def benches(backend: str, **line: Any) -> Iterator[Bench]:
    """A bench whose line stands ready; everything is closed behind it."""
    bench = Bench(backend, Line({"rate_hz": 10.0, "ejector_delay_s": 1.0} | line))
    bench.start()
    try:
        yield bench
    finally:
        if bench.plc is not None:
            bench.plc.close()
            bench.plc.close()
        if bench._thread is not None or bench.line.thread.is_alive():
            bench.stop()
        assert bench.line.failed == []
