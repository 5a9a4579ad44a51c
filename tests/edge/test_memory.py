"""A raw peer that begins a message and never ends it: libzmq keeps all of it, and the process ends in words instead of growing."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from edge import memory
from edge.bus import Publisher
from edge.config import Record, Station
from edge.memory import MemoryBound
from edge.processes import SETTINGS_WRONG
from edge.recorder import Recorder
from edge.rig import own_ports
from tests.edge.test_bus import free_endpoint

MB = 1_000_000
PART = b"\x03" + (900).to_bytes(8, "big") + b"x" * 900  # a long frame with MORE set


def read(peer: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = peer.recv(size - len(data))
        if not more:
            raise ConnectionError("hung up on")
        data += more
    return data


@contextlib.contextmanager
def raw(endpoint: str, kind: bytes) -> Iterator[socket.socket]:
    """A peer that speaks ZMTP 3.0 by hand, after the handshake."""
    host, port = endpoint.removeprefix("tcp://").split(":")
    with socket.create_connection((host, int(port)), 10) as peer:
        peer.sendall(b"\xff" + bytes(7) + b"\x01\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\x00") + bytes(32))
        read(peer, 64)
        ready = b"\x05READY\x0bSocket-Type" + len(kind).to_bytes(4, "big") + kind
        peer.sendall(bytes([4, len(ready)]) + ready)
        read(peer, read(peer, 2)[1])
        yield peer


def pump(peer: socket.socket, size: int) -> int:
    """Parts without end, up to a size; how much was taken."""
    sent, chunk = 0, PART * 1_000
    with contextlib.suppress(OSError):
        while sent < size:
            peer.sendall(chunk)
            sent += len(chunk)
    return sent


@pytest.mark.parametrize("socket_of", ["recorder", "recorder_replay"])
def test_a_recorder_that_is_made_to_keep_parts_without_end_ends_in_words(
    socket_of: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(memory.GROWTH_MB, "recorder", 40)
    monkeypatch.setattr(memory, "EVERY_S", 0.1)
    config = own_ports(Station(record=Record(folder=str(tmp_path / "data"), reserve_mb=0)))
    endpoint, kind = getattr(config.bus, socket_of), b"SUB" if socket_of == "recorder" else b"DEALER"
    recorder = Recorder(config)
    stop = threading.Event()

    def attack() -> None:
        with raw(endpoint, kind) as peer:
            pump(peer, 200 * MB)
            stop.wait(20)

    attacker = threading.Timer(0.5, attack)
    attacker.start()
    guard = threading.Timer(20, stop.set)
    guard.start()
    try:
        with pytest.raises(MemoryError, match=r"the recorder has come to need .* MB of memory"):
            recorder.run(stop)
    finally:
        stop.set()
        guard.cancel()
        attacker.join()


def test_its_process_ends_so_that_it_is_started_anew(tmp_path: Path) -> None:
    config = own_ports(Station(record=Record(folder=str(tmp_path / "data"), reserve_mb=0)))
    settings = tmp_path / "station.toml"
    settings.write_text(
        f'[record]\nfolder = "{tmp_path}/data"\nreserve_mb = 0\n[bus]\n'
        + "".join(f'{name} = "{endpoint}"\n' for name, endpoint in config.bus.model_dump().items() if isinstance(endpoint, str))
    )
    program = "from edge import cli, memory; memory.GROWTH_MB['recorder'] = 40; memory.EVERY_S = 0.1; cli.main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "recorder", "--config", str(settings)], stderr=subprocess.PIPE, text=True
    ) as process:
        until = time.monotonic() + 20
        while time.monotonic() < until and process.poll() is None:
            with contextlib.suppress(OSError), raw(config.bus.recorder_replay, b"DEALER") as peer:
                time.sleep(0.5)  # so that it has measured itself
                pump(peer, 200 * MB)
        process.kill()
        assert process.stderr is not None
        said = process.stderr.read()
    assert "the recorder has come to need" in said
    assert process.returncode not in (0, SETTINGS_WRONG), "that would not be started anew"
    assert process.returncode > 0


def test_a_frame_without_end_is_not_kept_by_a_publisher() -> None:
    """It claims to be of a gigabyte: the publisher hangs up on it."""
    endpoint = free_endpoint()
    publisher = Publisher(endpoint, "S1", "station", simulated=True)
    try:
        before = psutil.Process().memory_info().rss
        with raw(endpoint, b"SUB") as peer:
            peer.sendall(b"\x02" + (10**9).to_bytes(8, "big"))
            assert pump(peer, 200 * MB) < 50 * MB
        assert psutil.Process().memory_info().rss - before < 50 * MB
    finally:
        publisher.close()


def test_what_is_usual_is_no_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(memory.GROWTH_MB, "station", 30)
    monkeypatch.setattr(memory, "EVERY_S", 0.0)
    bound = MemoryBound("station")
    bound.check()
    kept = bytearray(b"x" * (10 * MB))
    bound.check()
    kept += b"x" * (60 * MB)
    with pytest.raises(MemoryError, match="the station has come to need"):
        bound.check()
    bound.begin()  # another model
    bound.check()
    assert len(kept) == 70 * MB
