"""PLC over Modbus TCP, we are the server: the PLC reads our block (input registers) and writes its own (holding registers)."""

from __future__ import annotations

import ipaddress
from typing import Any, Self

from pydantic import Field, model_validator

from hardware.modbus import Block, Link, ServerLink
from hardware.plcs.modbus import Address, ModbusPlc, ModbusSettings
from hardware.signals import FROM_PLC_LENGTH, TO_PLC_LENGTH


class ModbusServerSettings(ModbusSettings):
    """Settings of `modbus-server`."""

    clients: list[Address] = Field(
        default_factory=list,
        description="IP addresses that may connect; empty = all, and then only on loopback: Modbus knows no passwords",
    )

    @model_validator(mode="after")
    def _strangers(self) -> Self:
        if not self.clients and not ipaddress.ip_address(self.host).is_loopback:
            raise ValueError(
                f'host = {self.host!r} can be reached from outside, and Modbus knows no passwords; name the PLC: clients = ["192.168.0.20"]'
            )
        return self


class ModbusServerPlc(ModbusPlc):
    """Waits to be polled. Settings: `ModbusServerSettings`."""

    peer = "no PLC polls us"

    def __init__(self, **settings: Any) -> None:
        self._own = ModbusServerSettings.checked(settings)
        super().__init__(self._own)

    def _make_link(self) -> Link:
        own = self._own
        says, hears = Block("input", own.to_plc_base, TO_PLC_LENGTH), Block("holding", own.from_plc_base, FROM_PLC_LENGTH)
        return ServerLink(self._side.image, self._heard, says, hears, own.host, own.port, own.unit, clients=own.clients)
