"""Around a real rejector: a real simulated line, a station made up of its messages, and a reader of what the rejector says."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from edge.bus import Publisher, Subscriber
from edge.commands import Command, Reply, send_command
from edge.config import Plc, Station
from edge.errors import BusError
from edge.messages import CODES, Alarm, AnyMessage, Ejection, Ejector, Heartbeat, Run, Timings, Trigger, Verdict, encode
from edge.order_desk import OrderDesk
from edge.orders import HEAD
from edge.rejector import run_rejector
from edge.rig import own_ports
from hardware.errors import DeviceTimeout
from hardware.wire import Edge, WireIn
from tests.hardware.lines import Line

PATIENCE_S = 15.0
Plan = Callable[["FakeStation", Edge], None]


@dataclass
class FakeStation:
    """Says what a plan makes of every edge on the wire; heartbeats as long as it is to live."""

    config: Station
    plan: Plan
    sensor: str = "line"
    state: str = "ready"
    silent: bool = False
    says_run: bool = True
    run_id: str = "run-1"
    delay_ms: float = 400.0  # patient: the machine may be busy
    edges: list[Edge] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.publisher = Publisher(self.config.bus.station, "S1", "station", simulated=True)
        self.desk = OrderDesk(self.config.bus.orders, self.publisher.epoch)
        self.camera = WireIn(self.config.line.wire)
        self.stopping, self.lock = threading.Event(), threading.Lock()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        due = 0.0
        while not self.stopping.is_set():
            if time.monotonic() >= due:
                due = time.monotonic() + 0.2
                if not self.silent and self.says_run:
                    self.send(
                        Run, run_id=self.run_id, product="p", recipe="r", recipe_hash="", model="m", model_hash="", classes=["a"], camera="c", provider="cpu",
                        ejector=Ejector(delay_ms=self.delay_ms, pulse_ms=10),
                    )  # fmt: skip
                if not self.silent:
                    self.send(Heartbeat, state=self.state, period_s=0.2)
            with self.lock:
                self.desk.service()
            with contextlib.suppress(DeviceTimeout):
                edge = self.camera.wait(0.01)
                self.edges.append(edge)
                self.plan(self, edge)

    def send(self, kind: Any, **fields: Any) -> None:
        with self.lock:  # the plan, timers and the test itself speak for the station
            if self.stopping.is_set():
                return
            self.publisher.send(kind, **fields)
            if kind in (Run, Heartbeat):
                self.desk.state(kind, self.publisher.last)
            else:
                self.desk.order(self.publisher.last, fields["trigger_ns"] + int(self.delay_ms * 1e6))

    def part(self, edge: Edge) -> str:
        return f"{self.run_id}-{edge.trigger_id}"

    def announce(self, edge: Edge, part: str = "") -> None:
        self.send(
            Trigger, run_id=self.run_id, part_id=part or self.part(edge), trigger_id=edge.trigger_id, trigger_ns=edge.at_ns, sensor=self.sensor
        )  # fmt: skip

    def fields(self, edge: Edge, word: str, part: str = "") -> dict[str, Any]:
        return {
            "run_id": self.run_id, "part_id": part or self.part(edge), "trigger_id": edge.trigger_id, "trigger_ns": edge.at_ns, "trigger_wall_ns": 0,
            "verdict": word, "code": CODES[word], "reasons": [] if word == "OK" else ["scratch x1"], "defects": [], "timings": Timings(), "recipe": "r",
            "recipe_hash": "", "model_hash": "",
        }  # fmt: skip

    def judge(self, edge: Edge, word: str, part: str = "") -> None:
        self.send(Verdict, **self.fields(edge, word, part))

    def forge(self, seq: int, edge: Edge, word: str, epoch: int | None = None) -> None:
        """A verdict with a number of one's choice: what somebody who repeats old bytes sends."""
        epoch = self.publisher.epoch if epoch is None else epoch
        message = Verdict(station="S1", sender="station", epoch=epoch, seq=seq, **self.fields(edge, word))
        with self.lock:
            self.desk._send(HEAD.pack(epoch, seq, edge.at_ns + 10**9), encode(message))

    def close(self) -> None:
        with self.lock:
            self.stopping.set()
        self.thread.join(5)
        self.desk.close()
        self.publisher.close()
        self.camera.close()


def all_ok(station: FakeStation, edge: Edge) -> None:
    station.announce(edge)
    station.judge(edge, "OK")


def blind(station: FakeStation, edge: Edge) -> None:
    """The station lives and sees nothing."""


class Floor:
    """Line, station and rejector, and a reader of what the rejector says."""

    def __init__(self, plan: Plan, *, no_verdicts_stop: int = 1000, **belt: Any) -> None:
        self.config = own_ports(Station(plc=Plc(no_verdicts_stop=no_verdicts_stop)))
        self.line = Line({"rate_hz": 20.0, **belt}, self.config.line.control, self.config.line.wire)
        self.reader = Subscriber([self.config.bus.rejector], [Ejection, Alarm, Heartbeat])
        self.station = FakeStation(self.config, plan, sensor=belt.get("sensor", "line"))
        self.failed: list[BaseException] = []
        self.ejections: list[Ejection] = []
        self.alarms: dict[str, Alarm] = {}
        self.beat: Heartbeat | None = None
        self.line.start()
        self.start_rejector()

    def start_rejector(self) -> None:
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        until = time.monotonic() + 5
        while True:
            try:
                run_rejector(self.config, self.stopping)
                return
            except BusError as error:  # within one process the endpoint of the one before takes a moment to be free
                if time.monotonic() > until:
                    self.failed.append(error)
                    return
                time.sleep(0.02)
            except BaseException as error:
                self.failed.append(error)
                return

    def stop_rejector(self) -> None:
        self.stopping.set()
        self.thread.join(5)
        assert not self.thread.is_alive()

    def until(self, enough: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        end = time.monotonic() + seconds
        while not enough():
            assert time.monotonic() < end, f"{len(self.ejections)} ejections, alarms {list(self.alarms)}, {self.beat}"
            self.take(self.reader.get(0.05))

    def listen(self, seconds: float) -> list[Ejection]:
        """The ejections of the next seconds."""
        before, end = len(self.ejections), time.monotonic() + seconds
        while time.monotonic() < end:
            self.take(self.reader.get(0.05))
        return self.ejections[before:]

    def acknowledge(self) -> Reply:
        """As a person does it."""
        return send_command(self.config, Command("acknowledge", who="tester"))

    def take(self, message: AnyMessage | None) -> None:
        if isinstance(message, Ejection):
            self.ejections.append(message)
        elif isinstance(message, Heartbeat):
            self.beat = message
        elif isinstance(message, Alarm) and message.active:
            self.alarms[message.code] = message
        elif isinstance(message, Alarm):
            self.alarms.pop(message.code, None)

    def outcomes(self) -> dict[int, str]:
        return {e.trigger_id: e.outcome for e in self.ejections}

    def close(self) -> None:
        self.stop_rejector()
        self.station.close()
        self.line.stop()
        self.reader.close()
        assert self.failed == []
        assert self.line.failed == []


@contextlib.contextmanager
def floor(plan: Plan, **how: Any) -> Iterator[Floor]:
    made = Floor(plan, **how)
    try:
        yield made
    finally:
        made.close()
