"""The PLC side: the protocol every backend keeps, and the table of backends.

The PLC owns the belt, the part sensor, the ejector and the confirmation sensor. It *ejects by default*: a part passes
only if `permit` for that very trigger reached it before the part reached the ejector.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from hardware.errors import DeviceSettings

EventKind = Literal["triggered", "passed", "ejected", "missed", "late", "stopped", "started"]


@dataclass(frozen=True, slots=True)
class PlcEvent:
    """Something that happened at the line.

    Attributes:
        kind: `triggered` the sensor saw a part; `passed` it went by the ejector on a permit; `ejected` the ejector
            fired and the sensor behind it confirmed; `missed` it fired and nothing confirmed; `late` a permit came
            after the deadline and was refused; `stopped`, `started` the belt.
        trigger_id: which part; 0 for the belt's own events.
        at_ns: CLOCK_MONOTONIC when it happened.
        encoder: belt position in counts.
        reason: in words, where there is one.
        offset_us: for passed, ejected, missed: how long after the ideal moment it was done.
    """

    kind: EventKind
    trigger_id: int
    at_ns: int
    encoder: int = 0
    reason: str = ""
    offset_us: float = 0.0


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

    def ejector(self, delay_ms: float, delay_counts: int) -> None:
        """From the recipe: how far the ejector is behind the sensor, in ms, or in encoder counts if these are not 0."""
        ...

    def announce(self, trigger_id: int, at_ns: int) -> None:
        """A free-running camera saw a part at `at_ns` (CLOCK_MONOTONIC); at a line without a part sensor the PLC learns of it this way."""
        ...

    def permit(self, trigger_id: int) -> None:
        """This part is good and may pass."""
        ...

    def reject(self, trigger_id: int, code: int) -> None:
        """This part is to be ejected; the code says why (0 never means good)."""
        ...

    def ready(self, is_ready: bool) -> None:
        """Whether the station takes triggers; repeated as heartbeat. The PLC stops feeding while it is not."""
        ...

    def stop_line(self, reason: str) -> None:
        """Stop the belt until a person acknowledges."""
        ...

    def start_line(self) -> None:
        """A person has acknowledged: run again."""
        ...


BACKENDS: dict[str, tuple[str, str]] = {"simulator": ("hardware.plcs.simulator", "SimulatorPlc")}


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
