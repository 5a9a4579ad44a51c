"""The simulated line behind Modbus TCP: plays the PLC for `modbus-server` (as master) and `modbus-client` (as slave).

A bridge between two things that are there: the owner of the simulated line (`hardware.plcs.simulator`) and the PLC's half of
the handshake. The line keeps its own rules (it ejects by default, it stops when no ready comes); this only carries words.
"""

from __future__ import annotations

import threading
import time

from hardware.errors import DeviceGone
from hardware.handshake_plc import PlcSide
from hardware.modbus import Block, ClientLink, Link, ServerLink
from hardware.plcs.modbus import ModbusSettings
from hardware.plcs.modbus_client import ModbusClientSettings
from hardware.plcs.modbus_server import ModbusServerSettings
from hardware.plcs.simulator import SimulatorPlc
from hardware.signals import FROM_PLC_LENGTH, TO_PLC_LENGTH

MASTER_POLL_S = 0.01  # a PLC's cycle
_MASTER_TIMEOUT_S = 0.3
_STEP_S = 0.002


class ModbusLine:
    """One life of the simulated PLC.

    Args:
        control: the simulated line's control socket.
        settings: those of our backend; what kind they are says which part the PLC plays.
        poll_s: of the master: from one exchange to the next.
    """

    def __init__(self, control: str, settings: ModbusSettings, poll_s: float = MASTER_POLL_S) -> None:
        self._line = SimulatorPlc(control, timeout_s=1.0)
        self._side = PlcSide(simulated=True)
        self._link = self._make_link(settings, poll_s)

    def _make_link(self, settings: ModbusSettings, poll_s: float) -> Link:
        place = (settings.host, settings.port, settings.unit)
        to, back = settings.to_plc_base, settings.from_plc_base
        if isinstance(settings, ModbusClientSettings):
            blocks = (Block("holding", back, FROM_PLC_LENGTH), Block("holding", to, TO_PLC_LENGTH))
            return ServerLink(self._side.image, self._side.heard, *blocks, *place, clients=())
        if isinstance(settings, ModbusServerSettings):
            blocks = (Block("holding", back, FROM_PLC_LENGTH), Block("input", to, TO_PLC_LENGTH))
            return ClientLink(self._side.image, self._side.heard, *blocks, *place, poll_s=poll_s, timeout_s=_MASTER_TIMEOUT_S)
        raise TypeError(f"no part for {type(settings).__name__}")

    @property
    def vision(self) -> dict[str, int]:
        """What our side says, by name of signal."""
        return self._side.vision

    def run(self, stop: threading.Event) -> None:
        """Play until told to stop."""
        connected = False
        try:
            while not stop.is_set():
                try:
                    if not connected:
                        self._line.open()
                        connected = True
                        self._link.start()
                    self._obey()
                    for event in self._line.poll(_STEP_S):
                        with self._link.lock:
                            self._side.happened(event)
                except DeviceGone:  # the line is a process of its own and comes back
                    connected = False
                    time.sleep(_STEP_S)
        finally:
            self._link.stop()
            self._line.close()

    def _obey(self) -> None:
        with self._link.lock:
            orders = self._side.take()
        if orders.timing is not None:
            self._line.ejector(orders.timing)
        for result in orders.results:
            self._line.answer(result)
        if orders.acknowledge:
            self._line.acknowledge()
        if orders.stop:
            self._line.stop_line("stopped by the vision system")
        if orders.beat is not None:
            self._line.recipe(orders.recipe)
            self._line.ready(orders.beat and not orders.hold, fault=orders.fault)


def run_modbus_line(control: str, settings: ModbusSettings, stop: threading.Event) -> None:
    """Play the PLC over Modbus until told to stop; the simulated line runs beside it."""
    ModbusLine(control, settings).run(stop)
