"""The Modbus link under people who do not keep to the rules, and `plc watch` beside it."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pymodbus.client import ModbusTcpClient

from hardware.errors import DeviceGone, DeviceSettings
from hardware.modbus import MAX_CONNECTIONS, Block, ClientLink, ServerLink
from hardware.modbus_watch import Watcher, modbus_settings
from hardware.plc import Result
from hardware.plcs.modbus_server import ModbusServerPlc
from tests.hardware.lines import free_port
from tests.hardware.plc_bench import PATIENCE_S, benches


@contextlib.contextmanager
def served(**settings: Any) -> Iterator[tuple[ModbusServerPlc, int]]:
    port = free_port()
    plc = ModbusServerPlc(port=port, open_s=0.0, **settings)
    with contextlib.suppress(DeviceGone):
        plc.open()
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            break
    try:
        yield plc, port
    finally:
        plc.close()


def ask(port: int, pdu: bytes, unit: int = 1, length: int | None = None, source: str = "127.0.0.1") -> bytes:
    """One request; what comes back, if anything."""
    with socket.create_connection(("127.0.0.1", port), 5, source_address=(source, 0)) as wire:
        wire.settimeout(0.5)
        wire.sendall(struct.pack(">HHHB", 7, 0, (len(pdu) + 1) if length is None else length, unit) + pdu)
        try:
            return wire.recv(1000)[7:]
        except (TimeoutError, ConnectionError):
            return b""


def alive(port: int) -> bool:
    """Whether the block is read as ever."""
    return ask(port, struct.pack(">BHH", 4, 0, 48))[:2] == b"\x04\x60"


HOSTILE = [
    b"", b"\0", b"\x04", b"\x04\0\0", b"\x04\0\0\0\0", b"\x04\0\0\xff\xff", b"\x04\xff\xff\0\x30", b"\x04\0\x30\0\1", b"\x03\0\0\0\x7e",
    b"\x10\0\0\0\x20\x40", b"\x10\0\0\0\x20\xff" + b"\0" * 255, b"\x10\0\x1f\0\2\4\0\1\0\1", b"\x10\xff\xff\0\1\2\0\1", b"\x06\0\x20\0\1", b"\x06\0",
    b"\x01\0\0\0\1", b"\x02\0\0\0\1", b"\x05\0\0\xff\0", b"\x0f\0\0\0\x08\1\xff", b"\x16\0\0\xff\xff\0\0", b"\x17\0\0\0\x7d\0\0\0\1\2\0\1",
    b"\x07", b"\x08\0\0\x12\x34", b"\x08\0\1\0\0", b"\x08\0\4\0\0", b"\x0b", b"\x0c", b"\x11", b"\x14\7\6\0\4\0\1\0\2", b"\x15\7\6\0\4\0\1\0\2", b"\x18\0\0",
    b"\x2b\x0e\1\0", b"\x2b\x0e\xff\xff", b"\x83\1", b"\xff" * 200, b"\x5a" * 250, bytes(range(250)),
]  # fmt: skip


def test_hostile_requests_do_no_harm() -> None:
    with served() as (plc, port):
        for pdu in HOSTILE:
            ask(port, pdu)
        for unit in (0, 2, 255):
            assert ask(port, struct.pack(">BHH", 4, 0, 48), unit)[:1] != b"\x04"
        for length in (0, 1, 2, 300, 65_535):
            ask(port, b"\x04\0\0\0\x30", length=length)
        with socket.create_connection(("127.0.0.1", port)) as wire, contextlib.suppress(OSError):
            wire.sendall(b"GET / HTTP/1.1\r\n\r\n" + b"\xff" * 200_000)
        assert alive(port)
        plc.ready(True)
        with pytest.raises(DeviceGone):  # nothing of all that was taken for a PLC
            plc.poll(0)


def test_writes_outside_the_block_are_refused_and_inside_read_back() -> None:
    with served() as (_, port):
        assert ask(port, struct.pack(">BHH", 6, 31, 4711)) == struct.pack(">BHH", 6, 31, 4711)
        assert ask(port, struct.pack(">BHH", 3, 31, 1)) == struct.pack(">BBH", 3, 2, 4711)
        for register in (32, 47, 65_535):
            assert ask(port, struct.pack(">BHH", 6, register, 1)) == b"\x86\x02"
        assert ask(port, struct.pack(">BHHB", 16, 31, 2, 4) + b"\0" * 4) == b"\x90\x02"
        assert ask(port, struct.pack(">BHH", 4, 0, 49)) == b"\x84\x02"


def test_only_listed_clients_and_our_own_machine_connect() -> None:
    with served(clients=["127.0.0.7"]) as (_, port):
        request = struct.pack(">BHH", 4, 0, 48)
        assert ask(port, request, source="127.0.0.7")[:1] == b"\x04"
        assert ask(port, request, source="127.0.0.1")[:1] == b"\x04"
        assert ask(port, request, source="127.0.0.9") == b""


def test_dead_connections_make_room() -> None:
    """A PLC that loses its power leaves its connection open; the next ones must not shut it out."""
    with served() as (_, port), contextlib.ExitStack() as stack:
        for _ in range(5 * MAX_CONNECTIONS):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert alive(port)


def test_a_read_is_whole_while_results_come_and_go() -> None:
    """Two who poll, one who answers: no read shows the part of one result with the verdict of another."""
    with served() as (plc, port):
        client = ModbusTcpClient("127.0.0.1", port=port)
        stop, part = threading.Event(), 0
        session = client.read_input_registers(2, count=1).registers[0]
        client.write_registers(0, [1, 1, 5, session])

        def answers() -> None:
            nonlocal part
            while not stop.is_set():
                part += 1
                plc.answer(Result(part * 65_537 % (1 << 32) or 1, 1 + part % 3, encoder=part))
                time.sleep(0.0005)

        speaker = threading.Thread(target=answers)
        speaker.start()
        seen = 0
        try:
            until = time.monotonic() + 2
            while time.monotonic() < until:
                group = client.read_input_registers(16, count=8).registers
                assert group[0] == group[7]
                if group[0]:
                    number = group[3] << 16 | group[4]
                    assert group[1] << 16 | group[2] == number * 65_537 % (1 << 32)
                    assert group[5] == 1 + number % 3
                    seen += 1
                client.write_registers(8, [group[0]])
        finally:
            stop.set()
            speaker.join()
            client.close()
        assert seen > 10


def test_a_client_goes_on_when_the_server_comes_back() -> None:
    port, heard = free_port(), list[list[int]]()
    blocks = Block("holding", 0, 4), Block("holding", 100, 4)
    client = ClientLink(lambda: [9, 8, 7, 6], heard.append, *blocks, "127.0.0.1", port, 1, poll_s=0.01, timeout_s=0.2)
    client.start()
    try:
        for _ in range(2):
            until = time.monotonic() + PATIENCE_S
            while "no Modbus server answers" not in client.trouble:
                assert time.monotonic() < until
                time.sleep(0.02)
            got: list[list[int]] = []
            server = ServerLink(lambda: [1, 2, 3, 4], got.append, blocks[1], blocks[0], "127.0.0.1", port, 1, clients=())
            server.start()
            while [9, 8, 7, 6] not in got or [1, 2, 3, 4] not in heard:
                assert time.monotonic() < until
                time.sleep(0.02)
            server.stop()
            server.stop()
            heard.clear()
    finally:
        client.stop()
        client.stop()


@pytest.mark.parametrize("backend", ["modbus-server", "modbus-client"])
def test_watching_sees_both_blocks_and_changes_nothing(backend: str) -> None:
    for bench in benches(backend):
        plc = bench.connect()
        plc.recipe(4)
        watcher = Watcher(modbus_settings(backend, bench.settings))
        try:
            until = time.monotonic() + PATIENCE_S
            while (look := watcher.look()).to_plc["recipe_active"] != 4:
                assert time.monotonic() < until
            assert look.from_plc["simulated"] == 1
            time.sleep(0.2)
            look = watcher.look()
            assert look.beat_age_s["to_plc"] >= 0.2  # nobody says ready
            assert look.beat_age_s["from_plc"] < look.beat_age_s["to_plc"]
        finally:
            watcher.close()
            watcher.close()


def test_nobody_to_watch() -> None:
    watcher = Watcher(modbus_settings("modbus-server", {"port": free_port()}))
    with pytest.raises(DeviceGone, match="gutteil run"):
        watcher.look()
    watcher.close()
    with pytest.raises(DeviceSettings, match="no signals on a wire"):
        modbus_settings("simulator", {})
