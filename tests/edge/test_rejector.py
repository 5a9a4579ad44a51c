"""The rejector between a real simulated line and a station made up of its messages: only a fresh OK for the very part lets it pass."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from edge.bus import Publisher, Subscriber
from edge.config import Plc, Station
from edge.errors import BusError
from edge.messages import CODES, TOPICS, Alarm, AnyMessage, Ejection, Heartbeat, Run, Timings, Trigger, Verdict, encode
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
    run_id: str = "run-1"
    delay_ms: float = 200.0
    edges: list[Edge] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.publisher = Publisher(self.config.bus.station, "S1", "station", simulated=True)
        self.camera = WireIn(self.config.line.wire)
        self.stopping, self.lock = threading.Event(), threading.Lock()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        due = 0.0
        while not self.stopping.is_set():
            if time.monotonic() >= due:
                due = time.monotonic() + 0.2
                if not self.silent:
                    self.send(
                        Run, run_id=self.run_id, product="p", recipe="r", recipe_hash="", model="m", model_hash="", classes=["a"], camera="c", provider="cpu",
                        ejector_delay_ms=self.delay_ms, ejector_delay_counts=0,
                    )  # fmt: skip
                    self.send(Heartbeat, state=self.state, period_s=0.2)
            with contextlib.suppress(DeviceTimeout):
                edge = self.camera.wait(0.02)
                self.edges.append(edge)
                self.plan(self, edge)

    def send(self, kind: Any, **fields: Any) -> None:
        with self.lock:  # the plan, timers and the test itself speak for the station
            if not self.stopping.is_set():
                self.publisher.send(kind, **fields)

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
            self.publisher._socket.send_multipart((TOPICS[Verdict], encode(message)))

    def close(self) -> None:
        with self.lock:
            self.stopping.set()
        self.thread.join(5)
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


def test_every_word_and_its_end() -> None:
    words = ["OK", "NG", "UNDECIDED", ""]

    def plan(station: FakeStation, edge: Edge) -> None:
        station.announce(edge)
        if word := words[edge.trigger_id % 4]:
            station.judge(edge, word)

    with floor(plan, parts=16) as f:
        f.until(lambda: len(f.ejections) == 16)
        assert f.outcomes() == {n: "passed" if n % 4 == 0 else "ejected" for n in range(1, 17)}
        for e in f.ejections:
            assert e.part_id == f"run-1-{e.trigger_id}"
            assert e.run_id == "run-1"
            assert e.sender == "rejector"
            assert e.simulated
            assert e.reason == ["", "NG; scratch x1", "UNDECIDED; scratch x1", "no verdict"][e.trigger_id % 4]
        f.until(lambda: f.beat is not None and f.beat.counts["ejected"] == 12)
        assert f.beat is not None
        want = {
            "triggers": 16,
            "verdicts": 12,
            "passed": 4,
            "ejected": 12,
            "missed": 0,
            "no_verdict": 4,
            "late": 0,
            "gaps": 0,
            "refused": 0,
        }
        assert f.beat.counts == want
        assert f.beat.state == "ready"


def test_the_ejector_stands_where_the_first_part_needs_it() -> None:
    """The line believes 100 ms at its start; the recipe says 450. No part may be fed before the line knows."""

    def plan(station: FakeStation, edge: Edge) -> None:
        station.announce(edge)
        threading.Timer(0.3, station.judge, (edge, "OK")).start()

    with floor(plan, parts=3, rate_hz=5.0) as f:
        f.station.delay_ms = 450.0
        f.until(lambda: len(f.ejections) == 3)
        assert set(f.outcomes().values()) == {"passed"}


def test_a_station_that_sees_nothing_stops_the_line_until_it_is_back() -> None:
    with floor(all_ok, no_verdicts_stop=4) as f:
        f.until(lambda: len(f.ejections) >= 3)
        f.station.plan = blind
        f.until(lambda: "no-verdicts" in f.alarms)
        stopped = f.alarms["no-verdicts"]
        assert stopped.severity == "fault"
        assert "4 parts in a row had no verdict" in stopped.text
        assert stopped.remedy
        f.until(lambda: f.beat is not None and f.beat.state == "fault")
        f.until(lambda: "line-stopped" in f.alarms)
        f.listen(0.3)
        assert f.listen(1.5) == [], "the station is alive but blind: the line must stand, not stutter"
        assert all(e.outcome == "ejected" for e in f.ejections[-4:])
        f.station.plan = all_ok
        f.station.run_id = "run-2"  # it has been started anew
        f.until(lambda: any(e.part_id.startswith("run-2") and e.outcome == "passed" for e in f.ejections))
        f.until(lambda: f.alarms == {})
        f.listen(0.5)
        assert "no-verdicts" not in f.alarms


def test_a_verdict_after_the_stop_shows_that_the_station_judges_again() -> None:
    with floor(blind, no_verdicts_stop=3) as f:
        f.until(lambda: "no-verdicts" in f.alarms)
        f.listen(0.5)
        f.station.plan = all_ok
        f.station.announce(f.station.edges[-1])
        f.station.judge(f.station.edges[-1], "OK")
        f.until(lambda: "passed" in f.outcomes().values())


def test_a_silent_station_stops_the_belt_and_one_that_is_back_starts_it() -> None:
    with floor(all_ok) as f:
        f.until(lambda: len(f.ejections) >= 3)
        f.station.silent, began = True, time.monotonic()
        f.until(lambda: "station-lost" in f.alarms and "line-stopped" in f.alarms)
        assert time.monotonic() - began < 2.0  # three heartbeats of 0.2 s and a moment
        f.listen(0.2)
        assert f.listen(0.8) == []
        f.until(lambda: f.beat is not None and f.beat.state == "fault")
        f.station.silent = False
        before = len(f.ejections)
        f.until(lambda: len(f.ejections) > before + 3)
        f.until(lambda: f.alarms == {})


@pytest.mark.parametrize("state", ["fault", "starting", "stopped"])
def test_a_station_that_is_not_ready_stops_the_belt_at_once(state: str) -> None:
    with floor(all_ok) as f:
        f.until(lambda: len(f.ejections) >= 2)
        f.station.state, began = state, time.monotonic()
        f.until(lambda: "line-stopped" in f.alarms)
        assert time.monotonic() - began < 1.2


def test_repeated_and_replayed_verdicts_let_nothing_pass() -> None:
    """Parts get NG; then bytes of earlier OK verdicts come again under their number, in this epoch and in one long gone."""

    def plan(station: FakeStation, edge: Edge) -> None:
        station.announce(edge)
        if edge.trigger_id <= 2:
            station.judge(edge, "OK")
        elif edge.trigger_id % 2:
            station.judge(edge, "NG")
            station.forge(1, edge, "OK")
            station.forge(2, edge, "OK")
        else:
            station.forge(1, edge, "OK")  # nothing but the replay
            station.forge(0, edge, "OK")

    with floor(plan, parts=10) as f:
        f.until(lambda: len(f.ejections) == 10)
        assert f.outcomes() == {n: "passed" if n <= 2 else "ejected" for n in range(1, 11)}
        f.until(lambda: f.beat is not None and f.beat.counts["refused"] >= 16)


def test_the_second_word_on_a_part_may_only_make_it_worse() -> None:
    orders = [("OK", "NG"), ("NG", "OK"), ("OK", "OK"), ("UNDECIDED", "OK"), ("OK", "UNDECIDED")]

    def plan(station: FakeStation, edge: Edge) -> None:
        station.announce(edge)
        for word in orders[edge.trigger_id % 5]:
            station.judge(edge, word)

    with floor(plan, parts=10) as f:
        f.until(lambda: len(f.ejections) == 10)
        assert f.outcomes() == {n: "passed" if n % 5 == 2 else "ejected" for n in range(1, 11)}


def test_a_verdict_for_another_part_under_the_number_lets_nothing_pass() -> None:
    def plan(station: FakeStation, edge: Edge) -> None:
        station.announce(edge)
        station.judge(edge, "OK", part="run-0-99")
        if edge.trigger_id % 2:
            station.judge(edge, "OK")

    with floor(plan, parts=6) as f:
        f.until(lambda: len(f.ejections) == 6)
        assert set(f.outcomes().values()) == {"ejected"}
        assert all("two parts" in e.reason for e in f.ejections if e.trigger_id % 2)


def test_a_late_ok_lets_nothing_pass() -> None:
    def plan(station: FakeStation, edge: Edge) -> None:
        station.announce(edge)
        threading.Timer(0.45, station.judge, (edge, "OK")).start()

    with floor(plan, parts=5) as f:
        f.until(lambda: len(f.ejections) == 5)
        assert {e.outcome for e in f.ejections} == {"ejected"}
        assert {e.reason for e in f.ejections} == {"no verdict"}


def test_parts_that_a_camera_announces() -> None:
    with floor(blind, sensor="camera") as f:
        f.until(lambda: f.beat is not None and f.beat.state == "ready")
        f.listen(0.5)
        for number in range(1, 7):
            edge = Edge(number, time.monotonic_ns(), 0, 0)
            f.station.announce(edge)
            if number % 3:
                f.station.judge(edge, "OK" if number % 3 == 1 else "NG")
        f.until(lambda: len(f.ejections) == 6)
        assert f.outcomes() == {n: "passed" if n % 3 == 1 else "ejected" for n in range(1, 7)}


def test_a_free_running_station_that_starts_anew_cannot_let_an_old_part_pass() -> None:
    """Its count begins at 1 again while the old part 1, which it never judged, is still on the belt."""
    with floor(blind, sensor="camera", rate_hz=1.0) as f:
        f.station.delay_ms = 800.0
        f.until(lambda: f.beat is not None and f.beat.state == "ready")
        f.listen(0.8)
        edge = Edge(1, time.monotonic_ns(), 0, 0)
        f.station.announce(edge, "old-1")
        time.sleep(0.1)
        f.station.run_id = "run-2"
        f.station.announce(edge, "run-2-1")
        f.station.judge(edge, "OK", "run-2-1")
        f.until(lambda: len(f.ejections) == 1)
        assert f.ejections[0].outcome == "ejected"


def test_an_ejection_that_nothing_confirms_is_a_fault() -> None:
    with floor(blind, parts=2, miss_share=1.0) as f:
        f.until(lambda: len(f.ejections) == 2)
        assert set(f.outcomes().values()) == {"missed"}
        f.until(lambda: "ejection-missed" in f.alarms)
