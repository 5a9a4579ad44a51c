"""The whole line with real processes and keys: it runs, a recorder that is killed loses nothing, and strangers get nothing."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import zmq

from edge.bus import context, watch
from edge.config import Camera, Keys, Line, Record, Station
from edge.inspect import ROOT
from edge.keys import add, make
from edge.messages import STREAMS, Run, Verdict
from edge.rig import Rig, own_ports, rig
from edge.store import open_store

ENDPOINTS = ("station", "rejector", "recorder", "orders", "commands", "station_replay", "rejector_replay", "recorder_replay")


def let(appliance: Rig, seconds: float) -> int:
    verdicts, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        verdicts += isinstance(appliance.next(0.1), Verdict)
    return verdicts


def knock(config: Station) -> list[zmq.Socket[bytes]]:
    """A stranger without a key at every endpoint, and one with a key at those that its role does not allow."""
    sockets = []
    for name in ENDPOINTS:
        kind = zmq.SUB if name in ("station", "rejector", "recorder") else zmq.DEALER
        socket = context().socket(kind)
        socket.set(zmq.LINGER, 0)
        if kind == zmq.SUB:
            socket.subscribe(b"")
        socket.connect(getattr(config.bus, name))
        if kind == zmq.DEALER:
            socket.send(b'{"op":"stop","who":"stranger"}' if name == "commands" else b'{"v":1,"ask":"state","id":1}')
        sockets.append(socket)
    return sockets


def test_the_line_runs_with_keys(tmp_path: Path) -> None:
    make(tmp_path / "keys")
    add(tmp_path / "keys", "hmi", "watch")
    config = own_ports(
        Station(
            recipe=str(ROOT / "recipes" / "sim-board.toml"),
            camera=Camera(backend="simulator"),
            line=Line(rate_hz=6.0),
            record=Record(folder=str(tmp_path / "data")),
            keys=Keys(folder=str(tmp_path / "keys")),
        )
    )
    with rig(config, tmp_path, ["station", "rejector", "recorder"]) as appliance:
        strangers = knock(config)
        appliance.line.hold(False)
        assert let(appliance, 4.0) > 5
        os.kill(appliance.processes.child("recorder").pid, signal.SIGKILL)
        assert let(appliance, 6.0) > 5
        assert appliance.processes.child("recorder").restarts == 1
        appliance.acknowledge()  # our own command line has a key that may
        # who joins now is told what there is
        late = watch(config, [s.message for s in STREAMS])
        run, until = None, time.monotonic() + 10
        while run is None and time.monotonic() < until:
            message = late.get(0.2)
            run = message if isinstance(message, Run) else None
        late.close()
        assert run is not None
        appliance.line.hold(True)
        let(appliance, 4.0)
        assert not any(socket.poll(0) for socket in strangers)
        for socket in strangers:
            socket.close()
        sent = {name: beat.sent for name, beat in appliance.beats.items()}
        assert appliance.beats["rejector"].state == "ready"
        assert appliance.bus.gaps == appliance.bus.open == []
    with open_store(tmp_path / "data" / "gutteil.db", read_only=True) as store:
        assert store.integrity() == []
        assert [g for g in store.gaps() if g.topic.endswith(("trigger", "verdict", "ejection"))] == []
        books = store.reconcile()
        assert (books.triggers, sum(books.verdicts.values())) == (sent["station"]["trigger"], sent["station"]["verdict"])
        assert books.passed + books.ejected + books.missed == sent["rejector"]["ejection"]
        assert books.messages_missed == books.escapes == 0
    log = "".join((tmp_path / "logs" / f"{name}.log").read_text() for name in ("station", "rejector", "recorder"))
    assert "Traceback" not in log, log
