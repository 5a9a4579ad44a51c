"""Looks at both blocks of signals over Modbus TCP and writes nothing, for people who set up a line."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException

from hardware.errors import DeviceGone, DeviceSettings
from hardware.plcs.modbus import ModbusSettings
from hardware.plcs.modbus_client import ModbusClientSettings
from hardware.plcs.modbus_server import ModbusServerSettings
from hardware.signals import LENGTHS, Direction, decode

_SETTINGS: dict[str, type[ModbusSettings]] = {"modbus-server": ModbusServerSettings, "modbus-client": ModbusClientSettings}


def modbus_settings(backend: str, settings: dict[str, object]) -> ModbusSettings:
    """The settings of one of the Modbus backends.

    Raises:
        DeviceSettings: the backend is none of them, or a setting is impossible.
    """
    if backend not in _SETTINGS:
        raise DeviceSettings(f"plc.backend = {backend!r} has no signals on a wire; choose one of {', '.join(_SETTINGS)}")
    return _SETTINGS[backend].checked(settings)


@dataclass(slots=True)
class Look:
    """What stood there at one moment.

    Attributes:
        to_plc, from_plc: every signal by name.
        beat_age_s: for how long each side's heartbeat has not moved, as far as we have watched.
    """

    to_plc: dict[str, int]
    from_plc: dict[str, int]
    beat_age_s: dict[Direction, float] = field(default_factory=dict)


class Watcher:
    """A Modbus client beside the one that does the work: of our server, or of the PLC."""

    def __init__(self, settings: ModbusSettings) -> None:
        self._settings = settings
        self._ours = isinstance(settings, ModbusServerSettings)
        self._client = ModbusTcpClient(settings.host, port=settings.port, timeout=1.0, retries=0)
        self._beats: dict[Direction, tuple[int, float]] = {}

    def close(self) -> None:
        """Let go; may be called twice."""
        self._client.close()

    def look(self) -> Look:
        """Read both blocks. Raises `DeviceGone` if nobody answers, or not as asked; says what to do."""
        settings = self._settings
        to_plc = self._read("to_plc", settings.to_plc_base, inputs=self._ours)
        return Look(to_plc, self._read("from_plc", settings.from_plc_base, inputs=False), {d: self._age(d) for d in self._beats})

    def _read(self, direction: Direction, base: int, *, inputs: bool) -> dict[str, int]:
        read = self._client.read_input_registers if inputs else self._client.read_holding_registers
        place = f"{self._settings.host}:{self._settings.port}"
        try:
            answer = read(base, count=LENGTHS[direction], device_id=self._settings.unit)
            if answer.isError():
                raise DeviceGone(f"{place} refuses to have {direction} read from register {base} on ({answer}); see plc.settings")
            values = decode(direction, answer.registers)
        except (ModbusException, OSError, ValueError) as error:
            self._client.close()
            who = "our Modbus server" if self._ours else "the PLC"
            todo = (
                "start the station (gutteil run), or the rejector alone"
                if self._ours
                else "check address, cable and the PLC's Modbus server"
            )
            raise DeviceGone(f"{who} does not answer at {place}; {todo}") from error
        beat, now = values["heartbeat"], time.monotonic()
        if self._beats.get(direction, (-1, 0.0))[0] != beat:
            self._beats[direction] = beat, now
        return values

    def _age(self, direction: Direction) -> float:
        return time.monotonic() - self._beats[direction][1]
