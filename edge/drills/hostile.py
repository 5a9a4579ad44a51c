"""Drills with strangers on this machine: bytes that are no messages, too many of them, and true messages said again."""

from __future__ import annotations

import contextlib
import random
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import msgspec
import zmq

from edge.bus import context
from edge.drill import Drill
from edge.drills.ground import Ground
from edge.messages import encode
from hardware.line import Command
from hardware.wire import Edge, WireOut, parse_address

ATTACK_S = 5.0
PAUSE_S = 0.02
OVERSIZED = 20_000_000
_NESTED = b'{"op":' + b"[" * 60_000


def endpoints(ground: Ground) -> list[str]:
    """Every TCP endpoint that the appliance may listen at."""
    config = ground.rig.config
    found = [*config.bus.model_dump().values(), config.line.control]
    return [e for e in found if isinstance(e, str) and e.startswith("tcp://")]


def _garbage(rng: random.Random) -> Iterator[list[bytes]]:
    """Messages that are none, without end."""
    while True:
        yield [b""]
        yield [rng.randbytes(rng.randrange(1, 4_000))]
        yield [rng.randbytes(8) for _ in range(rng.randrange(2, 30))]
        yield [b'{"op":"answer","id":-1}']
        yield [b'{"op":"answer","id":1e400}', b"", b"x"]
        yield [b'{"type":"verdict","v":1,"verdict":"OK","trigger_id":' + b"9" * 500 + b"}"]
        yield [b"\xff\xfe" + bytes(64)]
        yield [_NESTED]
        yield [b"\x01", b"gutteil", b"\x00"]


def _raw_bytes(ground: Ground) -> None:
    """What is not ZeroMQ at all, at every port, the dashboard's too."""
    board = ground.rig.config.dashboard
    places = [parse_address(e.removeprefix("tcp://")) for e in endpoints(ground)] + [(board.host, board.port)]
    for place in places:
        with contextlib.suppress(OSError), socket.create_connection(place, timeout=0.2) as stranger:
            stranger.sendall(ground.rng.choice((b"GET / HTTP/1.0\r\n\r\n", ground.rng.randbytes(3_000), b"\xff" + bytes(63) + b"\x7f")))


def _malformed(ground: Ground) -> None:
    wire = parse_address(ground.rig.config.line.wire)
    garbage = _garbage(ground.rng)
    sent = 0
    with contextlib.ExitStack() as stack:
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        strangers: list[zmq.Socket[bytes]] = []
        for endpoint in endpoints(ground):
            for kind in (zmq.DEALER, zmq.XSUB):
                stranger = stack.enter_context(closing(context().socket(kind)))
                stranger.set(zmq.LINGER, 0)
                stranger.set(zmq.SNDHWM, 100)
                stranger.connect(endpoint)
                strangers.append(stranger)
        until = time.monotonic() + ATTACK_S
        while time.monotonic() < until:
            for stranger in strangers:
                with contextlib.suppress(zmq.ZMQError):
                    stranger.send_multipart(next(garbage), zmq.NOBLOCK)
                    sent += 1
            with contextlib.suppress(OSError):
                udp.sendto(ground.rng.randbytes(ground.rng.choice((0, 1, 31, 32, 33, 1_400))), wire)
            if ground.rng.random() < 0.2:
                _raw_bytes(ground)
            ground.let(PAUSE_S)
    ground.notes.append(f"{sent} malformed messages sent")


def _oversized(ground: Ground) -> None:
    big = bytes(OVERSIZED)
    sent = 0
    for endpoint in endpoints(ground):
        for kind in (zmq.DEALER, zmq.XSUB):
            with closing(context().socket(kind)) as stranger:
                stranger.set(zmq.LINGER, 0)
                stranger.connect(endpoint)
                with contextlib.suppress(zmq.ZMQError):
                    stranger.send(big, zmq.NOBLOCK)
                    sent += 1
                ground.let(0.2)
    ground.notes.append(f"{sent} messages of {OVERSIZED // 1_000_000} MB sent")


def _replayed(ground: Ground) -> None:
    """Everything that was said before, to everybody who listens: edges on the wire, answers, whole messages of the bus."""
    wire = WireOut(ground.rig.config.line.wire)
    heard: list[bytes] = []
    strangers: list[zmq.Socket[bytes]] = []
    with contextlib.ExitStack() as stack:
        stack.callback(wire.close)
        for endpoint in endpoints(ground):
            stranger = stack.enter_context(closing(context().socket(zmq.DEALER)))
            stranger.set(zmq.LINGER, 0)
            stranger.set(zmq.SNDHWM, 100)
            stranger.connect(endpoint)
            strangers.append(stranger)
        ground.ears.append(lambda message: heard.append(encode(message)))
        until = time.monotonic() + ATTACK_S
        while time.monotonic() < until:
            gone = [p for p in ground.witness.parts[-200:] if p.outcome]
            if gone:
                old = ground.rng.choice(gone)
                ground.reach_ns = min(ground.reach_ns, old.at_ns)  # it and those after it come into the record once more
                wire.send(Edge(old.trigger_id, old.at_ns, 0, old.item))
                _say(strangers, msgspec.json.encode(Command("answer", id=old.trigger_id, code=1)))
            here = [p for p in ground.witness.parts[-5:] if not p.outcome]
            if here and ground.rng.random() < 0.2:  # and one that lies on the belt: it is there twice then
                wire.send(Edge(here[-1].trigger_id, here[-1].at_ns, 0, here[-1].item))
            if heard:
                _say(strangers, ground.rng.choice(heard[-2_000:]))
            ground.let(PAUSE_S)
        ground.ears.clear()


def _say(strangers: list[zmq.Socket[bytes]], data: bytes) -> None:
    for stranger in strangers:
        with contextlib.suppress(zmq.ZMQError):
            stranger.send(data, zmq.NOBLOCK)


def _deaf(ground: Ground) -> None:
    """Readers of everything that never read."""
    with contextlib.ExitStack() as stack:
        for endpoint in endpoints(ground):
            deaf: Any = stack.enter_context(closing(context().socket(zmq.SUB)))
            deaf.set(zmq.RCVHWM, 1)
            deaf.set(zmq.RCVBUF, 1_024)
            deaf.subscribe(b"")
            deaf.connect(endpoint)
        ground.let(ATTACK_S)


def hostile_drills() -> list[Drill]:
    return [
        Drill("malformed", f"bytes that are no messages at every socket, for {ATTACK_S:g} s", _malformed),
        Drill("oversized", f"messages of {OVERSIZED // 1_000_000} MB at every socket", _oversized),
        Drill("replayed", f"edges, answers and messages said again by a stranger, for {ATTACK_S:g} s", _replayed),
        Drill("deaf-reader", f"a subscriber at every socket that never reads, for {ATTACK_S:g} s", _deaf),
    ]
