"""The signals between us and the PLC, read over Modbus beside the rejector: one connection for all who look, at most once a second."""

from __future__ import annotations

import threading
import time

import msgspec

from edge.config import Station
from hardware.errors import DeviceError
from hardware.modbus_watch import Watcher, modbus_settings
from hardware.signals import Direction, signals

FRESH_S = 0.9
WIRED = ("modbus-server", "modbus-client")


class SignalView(msgspec.Struct, frozen=True):
    """One signal and its value."""

    name: str
    value: int
    unit: str
    english: str
    german: str


class SignalBlock(msgspec.Struct, frozen=True):
    """What one side says; `beat_age_s`: for how long its heartbeat has not moved."""

    beat_age_s: float
    signals: list[SignalView]


class SignalsView(msgspec.Struct, frozen=True):
    """Both sides, or why nothing is known of them."""

    to_plc: SignalBlock
    from_plc: SignalBlock
    error: str


_NOTHING = SignalBlock(0.0, [])


class Signals:
    """May be called from any thread."""

    def __init__(self, config: Station) -> None:
        self.wired = config.plc.backend in WIRED
        self._config = config
        self._watcher: Watcher | None = None
        self._lock = threading.Lock()
        self._found, self._at = SignalsView(_NOTHING, _NOTHING, ""), 0.0

    def look(self) -> SignalsView:
        """The signals, not older than a second."""
        with self._lock:
            if self.wired and time.monotonic() - self._at > FRESH_S:
                self._found, self._at = self._read(), time.monotonic()
            return self._found

    def _read(self) -> SignalsView:
        try:
            if self._watcher is None:
                self._watcher = Watcher(modbus_settings(self._config.plc.backend, self._config.plc.settings))
            look = self._watcher.look()
        except DeviceError as error:
            return SignalsView(_NOTHING, _NOTHING, str(error))
        return SignalsView(_block("to_plc", look.to_plc, look.beat_age_s), _block("from_plc", look.from_plc, look.beat_age_s), "")


def _block(direction: Direction, values: dict[str, int], ages: dict[Direction, float]) -> SignalBlock:
    found = [SignalView(s.name, values[s.name], s.unit, s.meaning, s.german) for s in signals(direction)]
    return SignalBlock(ages.get(direction, 0.0), found)
