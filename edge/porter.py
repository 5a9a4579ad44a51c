"""Who may come in: answers ZeroMQ's question about every connection to a socket with keys (RFC 27, ZAP), in one small thread.

pyzmq's own authenticator lets in connections without keys and ends for good on an error inside; this one knows one mechanism
and denies whenever it is in doubt. Sockets set ZAP_ENFORCE_DOMAIN: with no porter nobody comes in.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import zmq
from zmq.utils import z85

from edge.attendant import Attendant

ZAP_ENDPOINT = "inproc://zeromq.zap.01"
ZAP_VERSION = b"1.0"
SAY_S = 10.0
Admit = Callable[[str, str], str | None]  # domain of the socket, the client's public key (Z85) → the key's name

log = logging.getLogger("gutteil.keys")


class Porter:
    """The one at the door of a context's sockets."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], admit: Admit) -> None:
        """Begin; `admit` is called from the porter's thread.

        Raises:
            zmq.ZMQError: the context has a porter already.
        """
        self._admit = admit
        self._refused, self._say_at = 0, 0.0
        socket = context.socket(zmq.REP)
        socket.set(zmq.LINGER, 0)
        try:
            socket.bind(ZAP_ENDPOINT)
        except zmq.ZMQError:
            socket.close()
            raise
        self._attendant = Attendant(context, socket, self._serve, "keys")

    def _serve(self, socket: zmq.Socket[bytes]) -> None:
        frames = socket.recv_multipart(zmq.NOBLOCK)
        request_id = frames[1] if len(frames) > 1 else b""
        name = None
        try:
            name = self._name(frames)
        except Exception:  # whatever it is: who cannot be checked does not come in, and the next one is checked again
            log.exception("a connection to the bus could not be checked and is refused")
        status = (b"200", b"OK", name.encode()) if name is not None else (b"400", b"no access", b"")
        socket.send_multipart((ZAP_VERSION, request_id, *status, b""))

    def _name(self, frames: list[bytes]) -> str | None:
        if len(frames) != 7 or frames[0] != ZAP_VERSION or frames[5] != b"CURVE" or len(frames[6]) != 32:
            return None
        domain, address = frames[2].decode("ascii", "replace"), frames[3].decode("ascii", "replace")
        name = self._admit(domain, z85.encode(frames[6]).decode("ascii"))
        if name is None:
            self._refused += 1
            if time.monotonic() >= self._say_at:  # a stranger who knocks all day must not fill the disk
                self._say_at = time.monotonic() + SAY_S
                words = "refused a connection from %s to %s: its key is not listed for that (%d so far)"
                log.warning(words, address[:64], domain.partition("@")[0], self._refused)
        return name

    @property
    def closed(self) -> bool:
        return self._attendant.closed

    def close(self) -> None:
        """End the thread; may be called twice."""
        self._attendant.close()
