"""A PLC over Modbus TCP: our half of the handshake over a link, whoever of the two asks."""

from __future__ import annotations

import ipaddress
import secrets
import time
from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from hardware.errors import DeviceGone, DeviceSettings
from hardware.handshake import VisionSide
from hardware.modbus import Link
from hardware.plc import EjectorTiming, PlcEvent, Result
from hardware.signals import LAST_SEQUENCE, MAP_VERSION


def _one_address(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError as error:
        raise ValueError(f"{host!r} is no IP address; give one such as 192.168.0.10") from error
    if address.is_unspecified:
        raise ValueError("every address of this machine at once is too many; give the one of the network that the PLC is in")
    return host


Address = Annotated[str, AfterValidator(_one_address)]


class ModbusSettings(BaseModel):
    """Settings of both Modbus backends."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    host: Address = Field("127.0.0.1", description="IP address: where we listen, or the PLC's")
    port: int = Field(502, ge=1, le=65_535, description="TCP port; below 1024 a server needs the right to bind it")
    unit: int = Field(1, ge=0, le=255, description="unit id (slave address)")
    to_plc_base: int = Field(0, ge=0, le=65_000, description="address of the first register of to_plc, from 0")
    from_plc_base: int = Field(0, ge=0, le=65_000, description="address of the first register of from_plc, from 0")
    plc_heartbeat_s: float = Field(
        1.0, ge=0.05, le=60, description="s without a change of the PLC's heartbeat after which the PLC counts as gone"
    )
    open_s: float = Field(0.5, ge=0, le=60, description="s to wait for the PLC's first heartbeat before it is reported as gone")
    simulated: bool = Field(False, description="the peer is `gutteil plc simulate`; must be what the PLC says of itself")

    @classmethod
    def checked(cls, settings: dict[str, Any]) -> Self:
        """Settings from a file.

        Raises:
            DeviceSettings: names the key, its value and what is wrong.
        """
        try:
            return cls.model_validate(settings)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            told = first["msg"].removeprefix("Value error, ")
            place = f"plc.settings.{key} = {first['input']!r}: " if key else "plc.settings: "
            raise DeviceSettings(place + told) from error


class ModbusPlc(ABC):
    """Keeps the `hardware.plc.Plc` protocol; its thread goes on trying from `open` to `close`."""

    peer: ClassVar[str]  # who should be there, for people

    def __init__(self, settings: ModbusSettings) -> None:
        self._settings = settings
        self.simulated = settings.simulated
        self._side = VisionSide(secrets.randbelow(LAST_SEQUENCE) + 1)
        self._link: Link | None = None
        self._heartbeat = -1
        self._alive_s = float("-inf")  # when the PLC's heart last moved

    @abstractmethod
    def _make_link(self) -> Link:
        """The link, not yet started."""

    def open(self) -> None:
        """Start listening or asking, and wait a moment for the PLC. Raises `DeviceGone` if its heart does not beat; the next call goes on."""
        if self._link is None:
            self._link = self._make_link()
            self._link.start()
        until = time.monotonic() + self._settings.open_s
        while (gone := self._gone()) and time.monotonic() < until:
            self._link.news.wait(0.02)
            self._link.news.clear()
        if gone:
            raise DeviceGone(gone)

    def close(self) -> None:
        """Let go; may be called twice."""
        if self._link is not None:
            self._link.stop()
            self._link = None

    def _heard(self, registers: list[int]) -> None:
        """On the link's thread, with its lock."""
        self._side.heard(registers, time.monotonic_ns())
        beat = self._side.plc["heartbeat"]
        if beat != self._heartbeat and self._side.plc["map_version"] == MAP_VERSION:
            if self._heartbeat >= 0:  # the first value that is read may have stood there for years
                self._alive_s = time.monotonic()
            self._heartbeat = beat

    def _gone(self) -> str:
        """Why the PLC counts as gone, in words; empty when it does not."""
        link, settings = self._running(), self._settings
        with link.lock:
            plc, alive_s = self._side.plc, self._alive_s
        place = f"{settings.host}:{settings.port}"
        if plc and plc["map_version"] not in (0, MAP_VERSION):
            return f"the PLC at {place} is programmed for version {plc['map_version']} of the signal table, and this is version {MAP_VERSION}; put the function block of this version into it"
        if time.monotonic() - alive_s > settings.plc_heartbeat_s:
            return f"{self.peer} ({place}): " + (link.trouble or f"the PLC's heartbeat has not moved for {settings.plc_heartbeat_s:g} s")
        if bool(plc["simulated"]) != settings.simulated:
            said = "says that it is simulated" if plc["simulated"] else "does not say that it is simulated"
            return f"the PLC at {place} {said}, and plc.settings.simulated is {str(settings.simulated).lower()}"
        return ""

    def _running(self) -> Link:
        if self._link is None:
            raise DeviceGone("the PLC is not open")
        return self._link

    def poll(self, timeout_s: float) -> list[PlcEvent]:
        """What happened since the last call; waits up to `timeout_s` for the first. Raises `DeviceGone`."""
        link = self._running()
        until = time.monotonic() + timeout_s
        while True:
            link.news.clear()
            with link.lock:
                events = self._side.take()
            if events:
                return events  # also of a PLC that has just gone: they have happened
            if gone := self._gone():
                raise DeviceGone(gone)
            if (left := until - time.monotonic()) <= 0:
                return []
            link.news.wait(min(left, 0.05))

    def ejector(self, timing: EjectorTiming) -> None:
        """Show the ejector's timing."""
        with self._running().lock:
            self._side.ejector(timing)

    def announce(self, trigger_id: int, at_ns: int) -> None:
        """A part that only the camera has seen: the table has no place for it, and a part that the PLC does not know would pass."""
        self.stop_line(f"a camera announced part {trigger_id}; a PLC over Modbus needs a part sensor of its own")

    def answer(self, result: Result) -> None:
        """Queue the verdict on one part."""
        with self._running().lock:
            self._side.answer(result)

    def ready(self, is_ready: bool, *, fault: int = 0) -> None:
        """One beat of our heart; our thread has none of its own, so it ends with the loop that calls this."""
        with self._running().lock:
            self._side.ready(is_ready, fault)

    def recipe(self, number: int) -> None:
        """The recipe that judges."""
        with self._running().lock:
            self._side.recipe(number)

    def stop_line(self, reason: str) -> None:
        """Ask for a stop until a person acknowledges."""
        with self._running().lock:
            self._side.stop()

    def acknowledge(self) -> None:
        """A person has acknowledged every stop."""
        with self._running().lock:
            self._side.acknowledge()
