"""The simulated wire from the part sensor to the camera: UDP on loopback, one datagram per trigger edge.

Like a real wire it has no memory and no acknowledgement: an edge that nobody catches is gone, and the edge counter tells.
"""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass

from hardware.errors import DeviceSettings, DeviceTimeout

_EDGE = struct.Struct("<4sQQqI")  # magic, trigger_id, monotonic ns, encoder counts, item
_MAGIC = b"GTW1"


@dataclass(frozen=True, slots=True)
class Edge:
    """One rising edge of the part sensor.

    Attributes:
        item: which physical thing lies on the belt (an index into the camera's set or the simulator's seed).
    """

    trigger_id: int
    at_ns: int
    encoder: int
    item: int


def parse_address(address: str) -> tuple[str, int]:
    """'127.0.0.1:5580' → ('127.0.0.1', 5580).

    Raises:
        DeviceSettings: not HOST:PORT, or not on loopback.
    """
    host, _, port = address.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise DeviceSettings(f"wire = {address!r} is not HOST:PORT, for example 127.0.0.1:5580")
    if not host.startswith("127."):
        raise DeviceSettings(f"wire = {address!r} is not on loopback; the simulated wire never leaves the machine")
    return host, int(port)


class WireOut:
    """The sensor's end."""

    def __init__(self, address: str) -> None:
        self._to = parse_address(address)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def send(self, edge: Edge) -> None:
        """Raise the line once. Never blocks; with nobody at the other end the edge is lost, as on a real wire."""
        try:
            self._socket.sendto(_EDGE.pack(_MAGIC, edge.trigger_id, edge.at_ns, edge.encoder, edge.item), self._to)
        except OSError:
            return  # a full buffer or nobody listening: the edge is lost and the counter will show it

    def close(self) -> None:
        self._socket.close()


class WireIn:
    """The camera's end."""

    def __init__(self, address: str) -> None:
        where = parse_address(address)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind(where)
        except OSError as error:
            self._socket.close()
            raise DeviceSettings(f"wire = {address!r} cannot be opened ({error.strerror}); is another line running?") from error

    def wait(self, timeout_s: float) -> Edge:
        """The next edge.

        Raises:
            DeviceTimeout: none came in time.
        """
        until = time.monotonic() + timeout_s
        while True:
            left = until - time.monotonic()
            if left <= 0:
                raise DeviceTimeout(f"no trigger within {timeout_s:g} s")
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(64)
            except TimeoutError:
                raise DeviceTimeout(f"no trigger within {timeout_s:g} s") from None
            if len(data) == _EDGE.size and data[:4] == _MAGIC:  # anything else is not ours
                return Edge(*_EDGE.unpack(data)[1:])

    def close(self) -> None:
        self._socket.close()
