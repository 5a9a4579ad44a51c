"""Tell whoever started this process that it is alive: systemd's notification protocol, sd_notify(3), without its library.

Each process says `progress` where its loop turns, and nowhere else: no timer and no second thread says it on the loop's
behalf, so that a loop which hangs is a silence, and a silence gets the process replaced. Where nobody listens
(`$NOTIFY_SOCKET` is not set) all of this does nothing.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time

REPEAT_S = 0.5  # a loop may turn a thousand times a second; its keeper waits for seconds


class Alive:
    """This process's word to its keeper: systemd, or `edge.processes` in its place."""

    def __init__(self, address: str | None) -> None:
        """`address` as in `$NOTIFY_SOCKET`: a path, or an abstract name that begins with @; None or empty: nobody listens."""
        self._to = "\0" + address[1:] if address and address[0] == "@" else address
        # its own socket, never waited for: a keeper that hangs must not hold up the line
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) if address else None
        self._ready = False
        self._next_s = 0.0

    def ready(self) -> None:
        """The process does its work from now on. Implied by the first `progress`; said before it where a loop's first turn may take long."""
        if self._socket is not None and not self._ready:
            self._ready = self._say("READY=1")

    def progress(self, *status: str) -> None:
        """The loop has turned; `status` is what `systemctl status` shows of it. Cheap enough for every turn."""
        if self._socket is None or (now := time.monotonic()) < self._next_s:
            return
        self.ready()
        self._next_s = now + REPEAT_S
        text = " ".join(filter(None, status)).replace("\n", " ")
        self._say("WATCHDOG=1" + (f"\nSTATUS={text}" if text else ""))

    def stopping(self) -> None:
        """The process was told to stop and does."""
        self._say("STOPPING=1")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _say(self, words: str) -> bool:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # the keeper is gone or slow: not our business
                self._socket.sendto(words.encode("utf-8", "replace"), self._to or "")
                return True
        return False


keeper = Alive(os.environ.get("NOTIFY_SOCKET"))
