"""Alarms of one process: said once when they begin and end, and repeated while they last, for those who join late."""

from __future__ import annotations

import time

from edge.bus import Publisher
from edge.messages import Alarm, Severity

REPEAT_S = 2.0


class Alarms:
    """The active alarms of one sender."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._active: dict[str, tuple[Severity, str, str]] = {}
        self._repeated = 0.0

    def set(self, code: str, active: bool, severity: Severity = "fault", text: str = "", remedy: str = "") -> None:
        """Begin or end an alarm; saying the same again costs nothing."""
        if active and self._active.get(code) != (severity, text, remedy):
            self._active[code] = (severity, text, remedy)
            self._publisher.send(Alarm, code=code, severity=severity, active=True, text=text[:200], remedy=remedy[:200])
        elif not active and code in self._active:
            severity, text, remedy = self._active.pop(code)
            self._publisher.send(Alarm, code=code, severity=severity, active=False, text=text[:200], remedy=remedy[:200])

    def repeat(self) -> None:
        """Say the active ones again when it is time."""
        now = time.monotonic()
        if now - self._repeated >= REPEAT_S:
            self._repeated = now
            for code, (severity, text, remedy) in self._active.items():
                self._publisher.send(Alarm, code=code, severity=severity, active=True, text=text[:200], remedy=remedy[:200])

    def active(self, code: str) -> bool:
        return code in self._active

    def __len__(self) -> int:
        return len(self._active)
