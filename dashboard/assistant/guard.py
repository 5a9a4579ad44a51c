"""What keeps this process's memory, which holds the documents in the clear, from reaching a disk."""

from __future__ import annotations

import ctypes
import os
import resource
from dataclasses import dataclass
from pathlib import Path

_PR_SET_DUMPABLE = 4
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4


@dataclass(frozen=True)
class Guarded:
    """What was reached.

    Attributes:
        dumps: no core dump can be written, and no other process of the same user can read the memory.
        locked: no page can be swapped.
        words: the same for people, with what to do about what was not reached.
    """

    dumps: bool
    locked: bool
    words: str


def guard_memory(swaps: Path = Path("/proc/swaps")) -> Guarded:
    """Forbid core dumps and swapping for this process, as far as the system lets it.

    Pages are locked when they are first used (MCL_ONFAULT), so that what is only reserved costs nothing. Without the right to lock
    without bound nothing is locked: with a bound, an allocation beyond it would fail and take the process with it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # also where core_pattern pipes to a program, which RLIMIT_CORE = 0 alone does not stop
    dumps = libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0
    locked, why = False, ""
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY or _may_lock():
        locked = libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0
        why = "" if locked else os.strerror(ctypes.get_errno())
    else:
        why = "the process may not lock memory without bound"
    words = "no core dumps" if dumps else "core dumps could not be forbidden"
    if locked:
        words += "; memory locked, nothing is swapped"
    elif not _swap(swaps):
        words += f"; memory not locked ({why}), but this machine has no swap"
    else:
        words += f"; MEMORY MAY BE SWAPPED ({why}): set LimitMEMLOCK=infinity in the unit, or turn swap off or encrypt it"
    return Guarded(dumps, locked, words)


def _may_lock() -> bool:
    cap_ipc_lock = 14
    status = Path("/proc/self/status").read_text("ascii", errors="replace")
    effective = next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), "0")
    return bool(int(effective, 16) >> cap_ipc_lock & 1)


def _swap(swaps: Path) -> bool:
    try:
        return len(swaps.read_text("utf-8").splitlines()) > 1
    except OSError:
        return True  # not known: say the worse
