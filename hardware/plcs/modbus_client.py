"""PLC over Modbus TCP, we are the client: both blocks are holding registers of the PLC, we write one and read the other."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from hardware.modbus import Block, ClientLink, Link
from hardware.plcs.modbus import ModbusPlc, ModbusSettings
from hardware.signals import FROM_PLC_LENGTH, TO_PLC_LENGTH


class ModbusClientSettings(ModbusSettings):
    """Settings of `modbus-client`."""

    from_plc_base: int = Field(100, ge=0, le=65_000, description="address of the first register of from_plc, from 0")
    poll_s: float = Field(0.01, ge=0.001, le=10, description="s from one exchange of both blocks to the next")
    timeout_s: float = Field(0.3, ge=0.01, le=10, description="s to wait for an answer before the connection is made anew")

    @model_validator(mode="after")
    def _apart(self) -> Self:
        to, back = self.to_plc_base, self.from_plc_base
        if to < back + FROM_PLC_LENGTH and back < to + TO_PLC_LENGTH:
            raise ValueError(
                f"to_plc_base = {to} ({TO_PLC_LENGTH} registers) and from_plc_base = {back} ({FROM_PLC_LENGTH}) overlap in the PLC's holding registers"
            )
        return self


class ModbusClientPlc(ModbusPlc):
    """Polls the PLC. Settings: `ModbusClientSettings`."""

    peer = "the PLC does not answer"

    def __init__(self, **settings: Any) -> None:
        self._own = ModbusClientSettings.checked(settings)
        super().__init__(self._own)

    def _make_link(self) -> Link:
        own = self._own
        says, hears = Block("holding", own.to_plc_base, TO_PLC_LENGTH), Block("holding", own.from_plc_base, FROM_PLC_LENGTH)
        return ClientLink(
            self._side.image, self._heard, says, hears, own.host, own.port, own.unit, poll_s=own.poll_s, timeout_s=own.timeout_s
        )
