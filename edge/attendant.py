"""A thread that sleeps in a poll until its socket has something, sees to it, and ends when told."""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
from collections.abc import Callable

import zmq

PAUSE_S = 0.1  # after a fault, so that one that stays does not take a core

log = logging.getLogger("gutteil.bus")
_numbers = itertools.count()


class Attendant:
    """Owns a socket from now on: only its thread touches it, and closes it in the end."""

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], socket: zmq.Socket[bytes], serve: Callable[[zmq.Socket[bytes]], None], name: str
    ) -> None:
        """Begin. `serve` is called in the thread whenever the socket can be read; it must not wait.

        The thread inherits its maker's scheduling on purpose: were it to run behind other processes while it holds the
        interpreter's lock, its maker would wait with it.
        """
        self._socket, self._serve = socket, serve
        self._lock = threading.Lock()
        self.closed = False
        endpoint = f"inproc://attendant-{next(_numbers)}"
        self._bell = context.socket(zmq.PAIR)
        self._bell.bind(endpoint)
        self._heard = context.socket(zmq.PAIR)
        self._heard.connect(endpoint)
        self._thread = threading.Thread(target=self._run, name=f"bus-{name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._heard, zmq.POLLIN)
        try:
            while True:
                try:
                    ready = dict(poller.poll())
                    if self._heard in ready:
                        return
                    self._serve(self._socket)
                except zmq.Again:
                    continue
                except zmq.ContextTerminated:
                    return
                except Exception:
                    log.exception("a thread of the bus failed and goes on")
                    if self._heard.poll(int(PAUSE_S * 1000)):
                        return
        finally:
            self._socket.close(0)
            self._heard.close(0)

    def close(self) -> None:
        """End the thread; may be called twice, from any thread but its own."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            with contextlib.suppress(zmq.ZMQError):  # the thread has ended by itself
                self._bell.send(b"", zmq.NOBLOCK)
            self._thread.join()
            self._bell.close(0)
