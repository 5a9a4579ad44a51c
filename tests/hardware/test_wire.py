"""The simulated trigger wire."""

from __future__ import annotations

import socket
import time

import pytest

from hardware.errors import DeviceSettings, DeviceTimeout
from hardware.wire import Edge, WireIn, WireOut, parse_address
from tests.hardware.peers import free_wire


def test_edges_arrive_whole_and_in_order() -> None:
    address = free_wire()
    inside, out = WireIn(address), WireOut(address)
    edges = [Edge(i, time.monotonic_ns(), -5 * i, 2**32 - i) for i in range(1, 6)]
    for edge in edges:
        out.send(edge)
    assert [inside.wait(1.0) for _ in edges] == edges
    inside.close()
    out.close()


def test_foreign_datagrams_are_ignored() -> None:
    address = free_wire()
    inside, out = WireIn(address), WireOut(address)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for data in (b"", b"GTW1", b"x" * 32, b"GTW0" + bytes(28), b"GTW1" + bytes(400)):
            stranger.sendto(data, parse_address(address))
    edge = Edge(7, 1, 2, 3)
    out.send(edge)
    assert inside.wait(1.0) == edge
    with pytest.raises(DeviceTimeout):
        inside.wait(0.05)
    inside.close()
    out.close()


def test_an_edge_that_nobody_catches_is_gone() -> None:
    address = free_wire()
    out = WireOut(address)
    for i in range(3):
        out.send(Edge(i + 1, 0, 0, i))
    inside = WireIn(address)
    out.send(Edge(4, 0, 0, 3))
    assert inside.wait(1.0).trigger_id == 4
    inside.close()
    out.close()


@pytest.mark.parametrize("address", ["", "5580", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:70000", "192.168.0.1:5580", "localhost:x"])
def test_bad_addresses_are_refused_by_name(address: str) -> None:
    with pytest.raises(DeviceSettings, match="wire"):
        WireIn(address)
