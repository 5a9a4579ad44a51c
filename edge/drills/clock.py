"""Drills on the wall clock: a library of our own is preloaded, so that no clock but the drill's is touched."""

from __future__ import annotations

import contextlib
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from edge.config import Station
from edge.drill import Drill, environment
from edge.drills.ground import Ground

BACK_S = 3_600
_SOURCE = Path(__file__).with_name("clock.c")


def _compilable() -> str:
    # libfaketime will not do: its 0.9.10 refuses the absolute waits on CLOCK_MONOTONIC that Python's sleep makes
    if sys.platform != "linux" or shutil.which("cc") is None:
        return "needs Linux and a C compiler, for the clock that is preloaded: apt-get install gcc libc6-dev"
    return ""


def _clock(folder: Path) -> Path:
    return folder / "clock"


def _set(folder: Path, offset_s: int) -> None:
    with _clock(folder).open("r+b") as file:
        file.write(struct.pack("=q", offset_s))


@contextlib.contextmanager
def _settable(_config: Station, folder: Path) -> Iterator[None]:
    """The processes that are started meanwhile have a wall clock that `_set` sets."""
    library = folder / "clock.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(library), str(_SOURCE)], check=True, capture_output=True)
    _clock(folder).write_bytes(bytes(8))
    with environment(LD_PRELOAD=str(library), GUTTEIL_CLOCK=str(_clock(folder))):
        yield


def _back(ground: Ground) -> None:
    """Set back; then every process that counts epochs by it starts anew under the older time."""
    _set(ground.folder, -BACK_S)
    ground.let(3.0)
    for name in ("station", "rejector", "recorder"):
        ground.kill(name)
        ground.let(2.5)


def clock_drills() -> list[Drill]:
    what = f"the wall clock is set back {BACK_S // 60} minutes, and station, rejector and recorder are killed after that"
    return [Drill("clock-back", what, _back, around=_settable, needs=_compilable)]
