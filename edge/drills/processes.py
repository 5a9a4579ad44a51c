"""Drills on the processes themselves: killed, frozen, frozen for good."""

from __future__ import annotations

from collections.abc import Callable

from edge.drill import PROCESSES, Drill
from edge.drills.ground import Ground

FROZEN_S = 5.0
WATCHDOG_S = 8.0
_WITH_PAGE = (*PROCESSES, "dashboard")


def _kill(name: str) -> Callable[[Ground], None]:
    def fault(ground: Ground) -> None:
        ground.kill(name)

    return fault


def _freeze(name: str) -> Callable[[Ground], None]:
    def fault(ground: Ground) -> None:
        ground.freeze(name)
        ground.let(FROZEN_S)
        ground.thaw(name)

    return fault


def _freeze_for_good(name: str) -> Callable[[Ground], None]:
    def fault(ground: Ground) -> None:
        """The watchdog of the process's unit ends what does not say that it lives; here the drill plays it."""
        pid = ground.pid(name)
        ground.freeze(name)
        ground.let(WATCHDOG_S, lambda: ground.pid(name) != pid)
        if ground.pid(name) == pid:
            ground.kill(name)

    return fault


def process_drills() -> list[Drill]:
    """Every process in turn; the line's process stands for the PLC."""
    drills = []
    for name in ("station", "rejector", "recorder", "dashboard", "line"):
        who = "line (the PLC)" if name == "line" else name
        names = _WITH_PAGE if name == "dashboard" else PROCESSES
        drills += [
            Drill(f"kill-{name}", f"kill -9 of the {who}", _kill(name), names),
            Drill(f"freeze-{name}", f"SIGSTOP of the {who} for {FROZEN_S:g} s, then SIGCONT", _freeze(name), names),
            Drill(
                f"hang-{name}",
                f"SIGSTOP of the {who} for good; its watchdog ends it after {WATCHDOG_S:g} s",
                _freeze_for_good(name),
                names,
                long=True,
            ),
        ]
    return drills
