"""Drills with the PLC behind Modbus TCP: the line's process plays it, as master that polls us or as slave that we write to."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from pathlib import Path

from edge.config import Station
from edge.drill import Drill
from edge.drills.ground import Ground
from edge.drills.processes import kill
from edge.rig import free_ports

RATE_HZ = 20.0  # what the handshake over Modbus is made for
STRANGER_S = 4.0


def _over(backend: str) -> Callable[[Station, Path], Station]:
    def settings(config: Station, _folder: Path) -> Station:
        place = {"host": "127.0.0.1", "port": free_ports(1)[0], "simulated": True}
        plc = config.plc.model_copy(update={"backend": backend, "settings": place})
        line = config.line.model_copy(update={"rate_hz": min(config.line.rate_hz, RATE_HZ)})
        return config.model_copy(update={"plc": plc, "line": line})

    return settings


def _garbage(ground: Ground) -> None:
    """What is no Modbus, and what is and must not be listened to: writes of every register by somebody else."""
    place = ("127.0.0.1", int(ground.rig.config.plc.settings["port"]))
    until = time.monotonic() + STRANGER_S
    sent = 0
    while time.monotonic() < until:
        body = ground.rng.choice((ground.rng.randbytes(ground.rng.randrange(1, 300)), b"\x00\x01\x00\x00\xff\xff\x01\x10", bytes(260)))
        with contextlib.suppress(OSError), socket.create_connection(place, timeout=0.2) as stranger:
            stranger.sendall(body)
            sent += 1
        ground.let(0.02)
    ground.notes.append(f"{sent} times bytes that are no Modbus")


def modbus_drills() -> list[Drill]:
    drills = []
    for backend, how in (("modbus-server", "the PLC polls us"), ("modbus-client", "we write to the PLC")):
        faults: tuple[tuple[str, str, Callable[[Ground], None]], ...] = (
            ("kill-rejector", "kill -9 of the rejector", kill("rejector")),
            ("kill-line", "kill -9 of the line and its PLC", kill("line")),
            ("malformed", "bytes that are no Modbus at its port", _garbage),
        )
        drills += [
            Drill(f"{backend}-{name}", f"over Modbus TCP ({how}): {what}", fault, settings=_over(backend)) for name, what, fault in faults
        ]
    return drills
