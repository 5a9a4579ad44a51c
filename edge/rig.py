"""A whole appliance on this machine for a while: own ports, own folder, own processes. `demo`, `replay` and `bench` use it."""

from __future__ import annotations

import contextlib
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import tomli_w

from edge.bus import Subscriber, watch
from edge.commands import Command, send_command
from edge.config import Station
from edge.errors import GutteilError
from edge.messages import STREAMS, AnyMessage, Heartbeat
from edge.processes import Processes, running
from hardware.plcs.simulator import SimulatorPlc

START_S = 60.0
_PORTS = (12_000, 32_000)


def free_ports(count: int) -> list[int]:
    """So many free TCP and UDP ports on loopback, below those that the system gives to outgoing connections: one of these could
    take a port while the process that is to have it starts anew."""
    with contextlib.ExitStack() as stack:
        ports: list[int] = []
        while len(ports) < count:
            port = random.randrange(*_PORTS)
            taken = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            with contextlib.suppress(OSError):
                taken.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
                ports.append(port)
        return ports


def own_ports(config: Station) -> Station:
    """The same settings on ports nobody else uses."""
    names = [name for name, field in type(config.bus).model_fields.items() if field.annotation is str]
    d, e, f, *ports = free_ports(3 + len(names))
    bus = config.bus.model_copy(update={name: f"tcp://127.0.0.1:{port}" for name, port in zip(names, ports, strict=True)})
    line = config.line.model_copy(update={"control": f"tcp://127.0.0.1:{d}", "wire": f"127.0.0.1:{e}"})
    return config.model_copy(update={"bus": bus, "line": line, "dashboard": config.dashboard.model_copy(update={"port": f})})


def write_config(config: Station, folder: Path) -> Path:
    """Write settings as TOML; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "station.toml"
    path.write_bytes(tomli_w.dumps(config.model_dump(mode="json", exclude_none=True)).encode())
    return path


class Rig:
    """The running appliance.

    Attributes:
        processes: its processes by name.
        bus: reads everything that is published.
        line: the simulated line's control.
    """

    def __init__(self, config: Station, processes: Processes, bus: Subscriber, line: SimulatorPlc) -> None:
        self.config, self.processes, self.bus, self.line = config, processes, bus, line
        self.beats: dict[str, Heartbeat] = {}

    def next(self, timeout_s: float) -> AnyMessage | None:
        """The next message; heartbeats are also kept in `beats`. Dead processes are restarted on the way.

        Raises:
            GutteilError: a process cannot run.
        """
        message = self.bus.get(timeout_s)
        if isinstance(message, Heartbeat):
            self.beats[message.sender] = message
            self.processes.watch()
            for child in self.processes.children:
                if child.failed:
                    raise GutteilError(f"{child.name} cannot run: {child.failed}")
        return message

    def acknowledge(self, who: str = "operator", patience_s: float = 15.0) -> None:
        """Acknowledge every stop as a person does, as soon as the line takes it.

        Raises:
            GutteilError: it does not within the patience; says why.
        """
        until, why = time.monotonic() + patience_s, ""
        while time.monotonic() < until:
            try:
                reply = send_command(self.config, Command("acknowledge", who=who), timeout_s=1.0)
            except GutteilError as error:
                why = str(error)
            else:
                if reply.accepted:
                    return
                why = reply.text
            self.next(0.2)
        raise GutteilError(f"the line takes no acknowledgement within {patience_s:g} s: {why}")

    def memory_mb(self) -> dict[str, float]:
        """Unique memory (USS) of every process, without what is shared with others such as the frame ring."""
        out = {}
        for child in self.processes.children:
            with contextlib.suppress(psutil.Error):
                out[child.name] = psutil.Process(child.pid).memory_full_info().uss / 1e6
        return out

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds that every process has used so far."""
        out = {}
        for child in self.processes.children:
            with contextlib.suppress(psutil.Error):
                times = psutil.Process(child.pid).cpu_times()
                out[child.name] = times.user + times.system
        return out


@contextlib.contextmanager
def rig(config: Station, folder: Path, names: list[str]) -> Iterator[Rig]:
    """Start an appliance on the simulated line with the feed held, until station, rejector and recorder are ready.

    Raises:
        GutteilError: it does not get ready in time, or a process cannot run; says which and shows its last words.
    """
    path = write_config(config, folder)
    bus = watch(config, [s.message for s in STREAMS])
    with contextlib.closing(bus), running(["line"], path, folder / "logs") as processes:
        control = SimulatorPlc(config.line.control, timeout_s=START_S)
        with contextlib.closing(control):
            control.open(own=False)
            control.hold(True)  # before there is anybody for whom it would feed
            processes.start(names, path, folder / "logs")
            appliance = Rig(config, processes, bus, control)
            _wait_ready(appliance, [n for n in names if n in ("station", "rejector", "recorder")])
            yield appliance


def _wait_ready(appliance: Rig, names: list[str]) -> None:
    until = time.monotonic() + START_S
    settled = 0.0
    while time.monotonic() < until:
        appliance.next(0.1)
        states: dict[str, Any] = {n: appliance.beats[n].state for n in names if n in appliance.beats}
        if all(states.get(n) == "ready" for n in names):
            settled = settled or time.monotonic()
            if time.monotonic() - settled > 1.0:  # late subscribers of the station have joined by now
                return
        else:
            settled = 0.0
    silent = [n for n in names if n not in appliance.beats or appliance.beats[n].state != "ready"]
    words = "\n".join(f"{n}: {appliance.processes.child(n).last_words() or 'said nothing'}" for n in silent)
    raise GutteilError(f"not ready within {START_S:g} s: {', '.join(silent)}\n{words}")
