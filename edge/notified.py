"""The other end of `edge.alive`, for `gutteil run` and the like, which keep their processes as systemd would."""

from __future__ import annotations

import socket
import struct
import time

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid; see unix(7)
_MAX_BYTES = 4096


class Notified:
    """What one child has said of itself.

    Attributes:
        ready: it has said that it does its work.
        heard_s: CLOCK_MONOTONIC, s, of its last sign of progress; of its start until there is one.
        status: what it does, in its own words.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self._socket.bind("")  # the kernel chooses an abstract name: no file to clean up, no path too long
        # only the child itself is believed, as with NotifyAccess=main: anybody on the machine can write to an abstract name
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.begin(0)

    @property
    def address(self) -> str:
        """For the child's `$NOTIFY_SOCKET`."""
        name: bytes = self._socket.getsockname()
        return "@" + name[1:].decode()

    def begin(self, pid: int) -> None:
        """From now on believe this process; what its predecessor said counts no more."""
        self._pid = pid
        self.ready, self.heard_s, self.status = False, time.monotonic(), ""

    def listen(self) -> None:
        """Read what has come. It counts from now: a keeper that was held up itself blames nobody for it."""
        while True:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(_MAX_BYTES, socket.CMSG_SPACE(_CREDENTIALS.size))
            except BlockingIOError:
                return
            if _sender(ancillary) != self._pid:
                continue
            for line in data.decode("utf-8", "replace").splitlines():
                key, _, value = line.partition("=")
                if key == "READY":
                    self.ready, self.heard_s = True, time.monotonic()
                elif key == "WATCHDOG":
                    self.heard_s = time.monotonic()
                elif key == "STATUS":
                    self.status = value

    def close(self) -> None:
        self._socket.close()


def _sender(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS) and len(data) >= _CREDENTIALS.size:
            return int(_CREDENTIALS.unpack_from(data)[0])
    return -1
