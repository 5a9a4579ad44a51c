"""The thread that sees to a socket: a fault does not end it, and closing always does."""

from __future__ import annotations

import threading

import zmq

from edge.attendant import Attendant
from edge.bus import context
from tests.edge.test_bus import until


def test_a_fault_does_not_end_it_and_closing_does() -> None:
    made = context().socket(zmq.PULL)
    port = made.bind_to_random_port("tcp://127.0.0.1")
    got: list[bytes] = []

    def serve(socket: zmq.Socket[bytes]) -> None:
        data = socket.recv(zmq.NOBLOCK)
        if data == b"bad":
            raise ValueError(data)
        got.append(data)

    attendant = Attendant(context(), made, serve, "test")
    with context().socket(zmq.PUSH) as push:
        push.set(zmq.LINGER, 0)
        push.connect(f"tcp://127.0.0.1:{port}")
        for data in (b"a", b"bad", b"b"):
            push.send(data)
        until(lambda: got == [b"a", b"b"])
    for _ in range(2):
        attendant.close()
    assert attendant.closed
    assert made.closed
    assert "bus-test" not in [t.name for t in threading.enumerate()]


def test_it_can_be_closed_after_its_context_has_gone() -> None:
    own: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    made = own.socket(zmq.PULL)
    attendant = Attendant(own, made, lambda socket: None, "test")
    ended = threading.Thread(target=own.term)
    ended.start()
    until(lambda: made.closed)
    attendant.close()
    ended.join(10)
    assert not ended.is_alive()
