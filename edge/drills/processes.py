"""Drills on the processes themselves: killed, frozen, frozen for good."""

from __future__ import annotations

from collections.abc import Callable

from edge.drill import PROCESSES, Drill
from edge.drills.ground import Ground
from edge.processes import ABORT_S, MAX_RESTART_S, WATCHDOG_S

FROZEN_S = 3.0  # shorter than any watchdog
_WITH_PAGE = (*PROCESSES, "dashboard")


def kill(name: str) -> Callable[[Ground], None]:
    """kill -9."""

    def fault(ground: Ground) -> None:
        ground.kill(name)

    return fault


def _freeze(name: str) -> Callable[[Ground], None]:
    def fault(ground: Ground) -> None:
        ground.freeze(name)
        ground.let(FROZEN_S)
        ground.thaw(name)

    return fault


def _hang(name: str) -> Callable[[Ground], None]:
    def fault(ground: Ground) -> None:
        pid = ground.pid(name)
        ground.freeze(name)
        if not ground.let(WATCHDOG_S[name] + ABORT_S + MAX_RESTART_S, lambda: ground.pid(name) != pid):
            ground.wrong.append(f"the watchdog has not replaced the {name}")

    return fault


def process_drills() -> list[Drill]:
    """Every process in turn; the line's process stands for the PLC."""
    drills = []
    for name in ("station", "rejector", "recorder", "dashboard", "line"):
        who = "line (the PLC)" if name == "line" else name
        names = _WITH_PAGE if name == "dashboard" else PROCESSES
        hangs = f"SIGSTOP of the {who} for good; its watchdog replaces it after {WATCHDOG_S[name]:g} s"
        drills += [
            Drill(f"kill-{name}", f"kill -9 of the {who}", kill(name), names),
            Drill(f"freeze-{name}", f"SIGSTOP of the {who} for {FROZEN_S:g} s, then SIGCONT", _freeze(name), names),
            Drill(f"hang-{name}", hangs, _hang(name), names, long=True),
        ]
    return drills
