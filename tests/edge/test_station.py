"""The real station process with the simulated camera: what it does when the camera fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NoReturn

import pytest

from edge.appliance import DEMO_RECIPE
from edge.config import Camera, Line, Record, Station
from edge.decide import Decision
from edge.judge import Judge
from edge.messages import Alarm, AnyMessage, Ejection, Heartbeat, Trigger, Verdict
from edge.rig import Rig, own_ports, rig
from edge.station import Station as StationProcess
from hardware.wire import Edge, WireOut

NOTICED_S = 2.5  # stall_s of the tests plus what a loaded machine needs


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rig, Path]]:
    """A running line whose camera breaks as the file says."""
    folder = tmp_path_factory.mktemp("station")
    fault = folder / "fault"
    fault.write_text("")
    camera = Camera(backend="simulator", settings={"fault_file": str(fault), "carousel": 8}, stall_s=0.5, reopen_s=0.2)
    config = own_ports(
        Station(
            name="test",
            recipe=str(DEMO_RECIPE),
            camera=camera,
            line=Line(rate_hz=10),
            record=Record(folder=str(folder / "data"), ring_mb=40),
        )
    )
    with rig(config, folder, ["station", "rejector"]) as appliance:
        appliance.line.hold(False)
        yield appliance, fault


def wait_for(appliance: Rig, wanted: Callable[[AnyMessage], bool], seconds: float) -> AnyMessage:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        message = appliance.next(0.1)
        if message is not None and wanted(message):
            return message
    raise AssertionError(f"not seen within {seconds} s")


def is_good(message: AnyMessage) -> bool:
    return isinstance(message, Verdict) and message.verdict == "OK"


def says(state: str) -> Callable[[AnyMessage], bool]:
    return lambda m: isinstance(m, Heartbeat) and m.sender == "station" and m.state == state


@pytest.mark.parametrize(
    ("fault", "alarm", "words"),
    [
        ("frozen", "camera-blind", "frozen"),
        ("black", "camera-blind", "black"),
        ("stalled", "camera-gone", "stalled"),
        ("unplugged", "camera-gone", "unplugged"),
    ],
)
def test_a_failing_camera_is_noticed_stops_the_line_and_comes_back(broken: tuple[Rig, Path], fault: str, alarm: str, words: str) -> None:
    appliance, switch = broken
    wait_for(appliance, is_good, 10)
    switch.write_text(fault)
    started = time.monotonic()
    try:
        raised = wait_for(appliance, lambda m: isinstance(m, Alarm) and m.sender == "station" and m.code == alarm and m.active, NOTICED_S)
        assert isinstance(raised, Alarm)
        assert words in raised.text
        assert raised.remedy
        wait_for(appliance, says("fault"), 1.5)
        # from here on nothing is called good, and the rejector stops the belt
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            assert not is_good(appliance.next(0.1) or raised), f"an OK {time.monotonic() - started:.1f} s after the camera failed"
    finally:
        switch.write_text("")
    wait_for(appliance, says("ready"), 6)
    appliance.acknowledge()  # parts without a verdict may have stopped the line for good
    wait_for(appliance, is_good, 10)


def test_every_part_is_announced_before_its_verdict_and_every_reject_is_ejected(broken: tuple[Rig, Path]) -> None:
    appliance, _ = broken
    announced: dict[str, int] = {}
    verdicts: dict[int, Verdict] = {}
    outcomes: dict[int, str] = {}
    until = time.monotonic() + 4
    while time.monotonic() < until:
        message = appliance.next(0.1)
        if isinstance(message, Trigger):
            announced[message.part_id] = message.mono_ns
        elif isinstance(message, Verdict):
            verdicts[message.trigger_id] = message
            assert message.simulated
            if message.part_id in announced:
                assert announced[message.part_id] <= message.mono_ns
        elif isinstance(message, Ejection):
            outcomes[message.trigger_id] = message.outcome
    assert len(verdicts) > 20
    both = verdicts.keys() & outcomes.keys()
    assert len(both) > 15
    for trigger_id in both:
        assert (outcomes[trigger_id] == "passed") == (verdicts[trigger_id].verdict == "OK")
    # the model reads the simulator: what the simulator calls bad is rejected
    assert not [v.part_id for v in verdicts.values() if v.expected == "NG" and v.verdict == "OK"]


def test_a_picture_without_the_number_of_its_trigger_is_no_verdict_and_pauses_the_line(broken: tuple[Rig, Path]) -> None:
    """Which of the parts that the line's sensor counts it shows nobody knows."""
    appliance, _ = broken
    wait_for(appliance, is_good, 10)
    wire = WireOut(appliance.config.line.wire)
    at_ns = time.monotonic_ns()
    wire.send(Edge(0, at_ns, 0, 0))
    wire.close()
    heard: list[AnyMessage] = []

    def raised(message: AnyMessage) -> bool:
        heard.append(message)
        return isinstance(message, Alarm) and message.code == "trigger-unnumbered" and message.active

    wait_for(appliance, raised, 3)
    wait_for(appliance, says("fault"), 1.5)
    assert not [m for m in heard if isinstance(m, Trigger | Verdict) and m.trigger_ns == at_ns]
    wait_for(appliance, lambda m: isinstance(m, Alarm) and m.code == "trigger-unnumbered" and not m.active, 6)
    wait_for(appliance, is_good, 10)


@pytest.mark.parametrize("mode", ["software", "free"])
def test_other_ways_of_triggering(tmp_path: Path, mode: str) -> None:
    sensor: Literal["line", "camera"] = "camera" if mode == "free" else "line"
    camera = Camera(backend="simulator", settings={"mode": mode, "carousel": 8, "ng_share": 0.0, "shift_px": 2})
    config = own_ports(
        Station(
            name="test", recipe=str(DEMO_RECIPE), camera=camera, line=Line(rate_hz=4, sensor=sensor), record=Record(folder=str(tmp_path / "data"), ring_mb=40)
        )
    )  # fmt: skip
    with rig(config, tmp_path, ["station", "rejector"]) as appliance:
        appliance.line.hold(False)
        gone: dict[int, str] = {}
        until = time.monotonic() + 12
        while len(gone) < 3 and time.monotonic() < until:
            message = appliance.next(0.1)
            if isinstance(message, Ejection):
                gone[message.trigger_id] = message.outcome
    assert len(gone) >= 3


def test_evidence_that_fails_after_the_verdict_ends_no_line_and_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[float] = []

    def broken(_: Judge, __: Decision, floor: float) -> NoReturn:
        asked.append(floor)
        raise ValueError("the output cannot be read anew")

    monkeypatch.setattr(Judge, "uncounted", broken)
    decision = Decision("OK", [], [])
    for score, times in ((0.1, 2), (1.0, 0)):
        asked.clear()
        caplog.clear()
        config = own_ports(Station(recipe=str(DEMO_RECIPE), record=Record(folder=str(tmp_path / "data"), candidate_score=score)))
        station = StationProcess(config)
        try:
            for part in ("P1", "P2"):
                station._uncounted(part, decision)
        finally:
            station._desk.close()
            station._publisher.close()
        assert asked == [score] * times
        assert [("P1" in r.message, r.levelname) for r in caplog.records if r.name == "gutteil.station"] == [(True, "ERROR")] * bool(times)
