"""Drills on the record: the recorder away for long, the disk full."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from edge.config import Station
from edge.drill import Drill
from edge.drills.ground import Ground

AWAY_S = 30.0
FULL_S = 6.0
_DISK_MB = 400  # room for what comes in until the recorder has caught up


def _away(ground: Ground) -> None:
    ground.freeze("recorder")
    ground.let(AWAY_S)
    ground.thaw("recorder")


def _disk(folder: Path) -> Path:
    return folder / "disk"


def _mountable() -> str:
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a disk of its own for the record (tmpfs) can only be mounted on Linux by root"
    return ""


@contextlib.contextmanager
def _mounted(_config: Station, folder: Path) -> Iterator[None]:
    """A small disk of its own, in memory."""
    place = _disk(folder)
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "gutteil-drill", str(place)], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True, capture_output=True)


def _on_the_disk(config: Station, folder: Path) -> Station:
    return config.model_copy(update={"record": config.record.model_copy(update={"folder": str(_disk(folder) / "data")})})


def _fill(ground: Ground) -> None:
    filler = _disk(ground.folder) / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(65_536))
    ground.let(FULL_S)
    filler.unlink()


def record_drills() -> list[Drill]:
    return [
        Drill("recorder-away", f"the recorder stands still for {AWAY_S:g} s", _away, long=True),
        Drill("disk-full", f"the record's disk is full for {FULL_S:g} s", _fill, settings=_on_the_disk, around=_mounted, needs=_mountable),
    ]
