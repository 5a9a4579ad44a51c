"""The PLC side: the protocol every backend keeps, and the table of backends.

The PLC owns the belt, the part sensor, the ejector and the confirmation sensor. It *ejects by default*: a part passes
only if a `Result` with verdict OK for that very trigger reached it before the part reached the ejector. It also stops the
belt by itself and keeps it stopped until a person acknowledges: when nobody says `ready` any more, when an ejection is not
confirmed, when the bin is full. So nothing that happens on our side, our death included, lets a bad part pass.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from hardware.errors import DeviceSettings

EventKind = Literal["triggered", "passed", "ejected", "missed", "late", "stopped", "started", "reset", "recipe"]

# why a PLC keeps the belt stopped (`PlcEvent.code` of `stopped`), in words for people
STOPS: dict[int, str] = {
    0: "the belt stands",
    1: "no ready from the vision system",
    2: "stopped by the vision system",
    3: "an ejection was not confirmed",
    4: "the reject bin is full",
    5: "stopped at the machine",
}


@dataclass(frozen=True, slots=True)
class PlcEvent:
    """Something that happened at the line.

    Attributes:
        kind: `triggered` the sensor saw a part; `passed` it went by the ejector on a permit; `ejected` the ejector
            fired and the sensor behind it confirmed; `missed` it fired and nothing confirmed; `late` a permit came
            after the deadline and was refused; `stopped`, `started` the belt; `reset` a person turned the key at the
            machine: stops are acknowledged; `recipe` the PLC asks for the recipe with the number in `code`.
        trigger_id: which part; 0 for the belt's own events.
        at_ns: CLOCK_MONOTONIC when it happened.
        encoder: belt position in counts.
        reason: in words, where there is one.
        offset_us: for passed, ejected, missed: how long after the ideal moment it was done.
        code: of `stopped` a key of `STOPS`; of `recipe` the number asked for.
    """

    kind: EventKind
    trigger_id: int
    at_ns: int
    encoder: int = 0
    reason: str = ""
    offset_us: float = 0.0
    code: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What is said of one part.

    Attributes:
        verdict: 1 OK, 2 NG, 3 UNDECIDED; only 1 lets the part pass. 0 is never sent.
        defect: number of the worst defect's class, from 1; 0 where there is none.
        encoder: belt position at capture, counts; 0 without encoder.
    """

    trigger_id: int
    verdict: int
    defect: int = 0
    encoder: int = 0


@dataclass(frozen=True, slots=True)
class EjectorTiming:
    """From the recipe: where the ejector is and how it is fired.

    Attributes:
        delay_ms: sensor to ejector at constant speed.
        delay_counts: the same in encoder counts; goes before the time where it is not 0.
        lead_ms: valve and cylinder take so long: the shot is fired earlier by it.
        pulse_ms: how long the valve is held.
        spacing_ms: the valve needs so long between two shots; for parts closer than that it is held until the last has gone by.
        confirm_ms: the confirmation sensor must see the part within this time after the ideal moment.
    """

    delay_ms: float = 400.0
    delay_counts: int = 0
    lead_ms: float = 0.0
    pulse_ms: float = 30.0
    spacing_ms: float = 0.0
    confirm_ms: float = 200.0


class Plc(Protocol):
    """One PLC. Used by one thread. Nothing here waits for an answer: outcomes come as events."""

    simulated: bool

    def open(self) -> None:
        """Connect. Raises `DeviceGone` if nobody answers."""
        ...

    def close(self) -> None:
        """Let go; may be called twice."""
        ...

    def poll(self, timeout_s: float) -> list[PlcEvent]:
        """What happened since the last call; waits up to `timeout_s` for the first. Raises `DeviceGone`."""
        ...

    def ejector(self, timing: EjectorTiming) -> None:
        """From the recipe; said again and again, so that a PLC that has started anew need not guess it."""
        ...

    def announce(self, trigger_id: int, at_ns: int) -> None:
        """A free-running camera saw a part at `at_ns` (CLOCK_MONOTONIC); at a line without a part sensor the PLC learns of it this way."""
        ...

    def answer(self, result: Result) -> None:
        """The verdict on one part. The same again changes nothing; after anything but OK a later OK is not listened to."""
        ...

    def ready(self, is_ready: bool, *, fault: int = 0) -> None:
        """Whether parts are judged; repeated as heartbeat. The PLC feeds no parts while it is not, and stops for good (until a
        person acknowledges) when these calls end. `fault`: what is wrong, for the PLC's display; 0 nothing."""
        ...

    def recipe(self, number: int) -> None:
        """The number of the recipe that judges from now on; 0 where it has none."""
        ...

    def stop_line(self, reason: str) -> None:
        """Stop the belt until a person acknowledges."""
        ...

    def acknowledge(self) -> None:
        """A person has acknowledged every stop: the belt may run again as soon as `ready` says so."""
        ...


BACKENDS: dict[str, tuple[str, str]] = {
    "simulator": ("hardware.plcs.simulator", "SimulatorPlc"),
    "modbus-server": ("hardware.plcs.modbus_server", "ModbusServerPlc"),
    "modbus-client": ("hardware.plcs.modbus_client", "ModbusClientPlc"),
}


def make_plc(backend: str, settings: dict[str, Any]) -> Plc:
    """The PLC of a backend, not yet open.

    Raises:
        DeviceSettings: unknown backend, unknown setting, or the backend's library is not installed.
    """
    if backend not in BACKENDS:
        raise DeviceSettings(f"plc.backend = {backend!r} is unknown; choose one of {', '.join(BACKENDS)}")
    module, name = BACKENDS[backend]
    try:
        plc: Plc = getattr(importlib.import_module(module), name)(**settings)
    except ImportError as error:
        raise DeviceSettings(f"plc.backend = {backend!r} needs a package that is not installed: {error.name}") from error
    except TypeError as error:
        raise DeviceSettings(f"plc settings for {backend!r}: {error}") from error
    return plc
