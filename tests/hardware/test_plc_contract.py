"""One contract for every PLC backend, each against a live simulated line: what passes, what is ejected, who may die when."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hardware.errors import DeviceError, DeviceGone, DeviceSettings
from hardware.plc import BACKENDS, EjectorTiming, Plc, PlcEvent, Result, make_plc
from tests.hardware.lines import free_port
from tests.hardware.plc_bench import PATIENCE_S, Bench, benches

Make = Callable[..., Bench]


@pytest.fixture(params=BACKENDS)
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    with contextlib.ExitStack() as stack:

        def one(**line: Any) -> Bench:
            return stack.enter_context(contextlib.contextmanager(benches)(request.param, **line))

        yield one


def ends(events: list[PlcEvent]) -> dict[int, str]:
    return {e.trigger_id: e.kind for e in events if e.kind in ("passed", "ejected", "missed")}


def kinds(events: list[PlcEvent]) -> list[str]:
    return [e.kind for e in events]


def test_a_permit_passes_and_everything_else_is_ejected(make: Make) -> None:
    bench = make(parts=12)
    plc = bench.connect()
    assert plc.simulated

    def judge(event: PlcEvent) -> None:
        if event.kind == "triggered" and event.trigger_id % 4:
            plc.answer(Result(event.trigger_id, event.trigger_id % 4, defect=3, encoder=event.encoder))

    events = bench.collect(lambda e: len(ends(e)) == 12, each=judge)
    assert "started" in kinds(events)
    assert ends(events) == {n: "passed" if n % 4 == 1 else "ejected" for n in range(1, 13)}
    assert [e.trigger_id for e in events if e.kind == "triggered"] == list(range(1, 13))
    assert len([e for e in events if e.trigger_id and e.kind != "triggered"]) == 12  # each once
    encoders = [e.encoder for e in events if e.kind == "triggered"]
    assert encoders == sorted(encoders)
    assert encoders[-1] > 0
    assert all(e.offset_us >= 0 for e in events)


def test_an_ok_after_the_deadline_is_late(make: Make) -> None:
    bench = make(parts=1)
    plc = bench.connect()
    events = bench.collect(lambda e: len(ends(e)) == 1)
    assert ends(events) == {1: "ejected"}
    plc.answer(Result(1, 1))
    events = bench.collect(lambda e: "late" in kinds(e))
    assert [e.trigger_id for e in events if e.kind == "late"] == [1]
    assert ends(events) == {}


def test_duplicates_change_nothing_and_a_reject_is_never_taken_back(make: Make) -> None:
    bench = make(parts=4)
    plc = bench.connect()
    words = {1: [1, 1, 1], 2: [2, 1, 1], 3: [1, 2], 4: [3, 1]}

    def judge(event: PlcEvent) -> None:
        if event.kind == "triggered":
            for verdict in words[event.trigger_id]:
                plc.answer(Result(event.trigger_id, verdict))

    events = bench.collect(lambda e: len(ends(e)) == 4, each=judge)
    assert ends(events) == {1: "passed", 2: "ejected", 3: "ejected", 4: "ejected"}


def test_the_ejector_is_where_the_recipe_says(make: Make) -> None:
    bench = make(parts=1, counts_per_s=1000.0)
    plc = bench.connect()
    timing = EjectorTiming(delay_ms=50.0, delay_counts=700)
    events: list[PlcEvent] = []
    while not ends(events):
        plc.ejector(timing)
        plc.ready(True)
        events += plc.poll(0.05)
    first, last = (next(e.at_ns for e in events if e.kind == kind) for kind in ("triggered", "ejected"))
    assert last - first >= 0.6e9


def test_the_belt_stops_when_nobody_says_ready(make: Make) -> None:
    bench = make()
    bench.connect()
    bench.collect(lambda e: "triggered" in kinds(e))
    events = bench.collect(lambda e: "stopped" in kinds(e), ready=False)
    assert events[-1].reason
    assert bench.plc is not None


def test_the_belt_stops_when_our_heart_does(make: Make) -> None:
    bench = make()
    bench.connect()
    bench.collect(lambda e: "triggered" in kinds(e))
    assert "stopped" in kinds(bench.collect(lambda e: "stopped" in kinds(e), ready=None))


def test_a_stop_lasts_until_it_is_acknowledged(make: Make) -> None:
    bench = make()
    plc = bench.connect()
    bench.collect(lambda e: "triggered" in kinds(e))
    plc.stop_line("five parts without a verdict")
    bench.collect(lambda e: "stopped" in kinds(e))
    until, events = time.monotonic() + 1.0, list[PlcEvent]()
    while time.monotonic() < until:
        bench.beat()
        events += plc.poll(0.02)
    assert "started" not in kinds(events)
    plc.acknowledge()
    bench.collect(lambda e: "started" in kinds(e))


def test_we_restart_with_parts_on_the_belt(make: Make) -> None:
    """Nothing that the first life has not taken is lost to the second, and the parts are judged as before."""
    bench = make(parts=12)
    plc = bench.connect()
    before = bench.collect(lambda e: kinds(e).count("triggered") >= 3)
    for part in (1, 2, 3):
        plc.answer(Result(part, 1))
    before += plc.poll(0.3)
    plc = bench.connect()

    def judge(event: PlcEvent) -> None:
        if event.kind == "triggered":
            plc.answer(Result(event.trigger_id, 2 - event.trigger_id % 2))

    after: list[PlcEvent] = []
    until = time.monotonic() + PATIENCE_S
    while len(ends(before + after)) < 12:
        assert time.monotonic() < until, after[-8:]
        if "stopped" in kinds(after) and after[-1].kind == "stopped":
            plc.acknowledge()  # the pause was long enough for the PLC to stop for good
        bench.beat()
        for event in plc.poll(0.02):
            after.append(event)
            judge(event)
    assert len(after) == len({(e.kind, e.trigger_id) for e in after if e.trigger_id}) + len([e for e in after if not e.trigger_id])
    assert {e.trigger_id for e in before + after if e.kind == "triggered"} == set(range(1, 13))
    fates = ends(before + after)
    assert all(fates[n] == "ejected" for n in range(4, 13) if n % 2 == 0)
    assert [fates[n] for n in (7, 9, 11)] == ["passed"] * 3


def test_the_plc_restarts(make: Make) -> None:
    """An OK that was said to its life before lets no part of its new life pass, and everything goes on by itself."""
    bench = make(parts=3)
    plc = bench.connect()
    bench.collect(lambda e: "triggered" in kinds(e))
    for part in (1, 2, 3):
        plc.answer(Result(part, 1))
    with contextlib.suppress(DeviceGone):
        plc.poll(0.1)
    bench.stop()
    bench.start()
    events: list[PlcEvent] = []
    until = time.monotonic() + PATIENCE_S
    while len(ends(events)) < 3:
        assert time.monotonic() < until, events
        try:
            bench.beat()
            events += plc.poll(0.02)
        except DeviceGone:
            plc.open() if bench.backend == "simulator" else bench.reopen()
    assert ends(events) == {1: "ejected", 2: "ejected", 3: "ejected"}


def test_a_plc_that_is_gone_is_noticed_and_comes_back(make: Make) -> None:
    bench = make()
    plc = bench.connect()
    bench.collect(lambda e: "triggered" in kinds(e))
    bench.stop()
    with pytest.raises(DeviceGone):
        bench.collect(lambda e: False)
    with pytest.raises(DeviceGone):
        plc.open()
    bench.start()
    bench.reopen()
    bench.collect(lambda e: "triggered" in kinds(e))


def test_what_is_not_open_is_gone(make: Make) -> None:
    bench = make()
    plc = make_plc(bench.backend, bench.settings)
    uses: list[Callable[[], object]] = [
        lambda: plc.poll(0),
        lambda: plc.answer(Result(1, 1)),
        lambda: plc.ready(True),
        lambda: plc.stop_line("x"),
        plc.acknowledge,
        lambda: plc.ejector(EjectorTiming()),
    ]
    for use in uses:
        with pytest.raises(DeviceGone):
            use()
    plc.close()
    plc.close()


def test_nothing_waits_for_a_plc_that_is_gone(make: Make) -> None:
    """The rejector's loop goes on, whatever the PLC does."""
    bench = make()
    plc = bench.connect()
    bench.stop()
    began = time.monotonic()
    with contextlib.suppress(DeviceError):
        for part in range(1, 1001):
            plc.answer(Result(part, 1 + part % 3))
            plc.ready(True)
    assert time.monotonic() - began < 5


def test_recipe_request(make: Make) -> None:
    bench = make()
    plc = bench.connect()
    plc.recipe(3)
    with bench.operator() as operator:
        operator.request_recipe(7)
    events = bench.collect(lambda e: "recipe" in kinds(e))
    assert [e.code for e in events if e.kind == "recipe"] == [7]
    plc.recipe(7)
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        bench.beat()
        assert "recipe" not in kinds(plc.poll(0.02))  # asked once, told once


@pytest.mark.parametrize("backend", ["modbus-server", "modbus-client"])
def test_the_recipe_is_echoed(backend: str) -> None:
    for bench in benches(backend):
        plc = bench.connect()
        assert bench.bridge is not None
        with bench.operator() as operator:
            operator.request_recipe(7)
        bench.collect(lambda e: "recipe" in kinds(e))
        plc.recipe(7)
        until = time.monotonic() + PATIENCE_S
        while not all(bench.bridge.vision.get(name) == said for name, said in (("recipe_active", 7), ("recipe_ok", 1), ("recipe_ack", 1))):
            assert time.monotonic() < until
            bench.beat()
            plc.poll(0.02)


def test_the_key_at_the_machine_acknowledges(make: Make) -> None:
    bench = make()
    plc = bench.connect()
    bench.collect(lambda e: "triggered" in kinds(e))
    plc.stop_line("five parts without a verdict")
    bench.collect(lambda e: "stopped" in kinds(e))
    with bench.operator() as operator:
        operator.reset()
    events = bench.collect(lambda e: "started" in kinds(e))
    assert kinds(events).count("reset") == 1
    plc.stop_line("again")  # the next stop is a stop
    bench.collect(lambda e: "stopped" in kinds(e))


@pytest.mark.parametrize("backend", ["modbus-server", "modbus-client"])
def test_a_part_that_only_a_camera_saw_stops_the_line(backend: str) -> None:
    for bench in benches(backend):
        plc = bench.connect()
        bench.collect(lambda e: "started" in kinds(e))
        plc.announce(41, time.monotonic_ns())
        bench.collect(lambda e: "stopped" in kinds(e))


@pytest.mark.parametrize("backend", ["modbus-server", "modbus-client"])
def test_a_simulated_plc_is_not_taken_for_a_real_one(backend: str) -> None:
    for bench in benches(backend):
        plc: Plc = make_plc(backend, {**bench.settings, "simulated": False, "open_s": 0.2})
        try:
            until, said = time.monotonic() + PATIENCE_S, ""
            while "simulated" not in said and time.monotonic() < until:
                with pytest.raises(DeviceGone) as gone:
                    plc.open()
                said = str(gone.value)
            assert "says that it is simulated" in said
        finally:
            plc.close()


@pytest.mark.parametrize(
    ("backend", "settings", "named"),
    [
        ("nonsense", {}, "'nonsense' is unknown"),
        ("modbus-server", {"colour": 1}, "colour"),
        ("modbus-server", {"port": "502"}, "port"),
        ("modbus-server", {"port": 99_999}, "port"),
        ("modbus-server", {"host": "0.0.0.0"}, "host"),
        ("modbus-server", {"host": "plc.example"}, "host"),
        ("modbus-server", {"host": "192.168.0.10"}, "clients"),
        ("modbus-server", {"clients": ["somebody"]}, "clients"),
        ("modbus-client", {"to_plc_base": 80}, "overlap"),
        ("modbus-client", {"poll_s": float("nan")}, "poll_s"),
        ("modbus-client", {"clients": []}, "clients"),
    ],
)
def test_impossible_settings_are_named(backend: str, settings: dict[str, Any], named: str) -> None:
    with pytest.raises(DeviceSettings, match=named):
        make_plc(backend, settings)


def test_a_port_that_is_taken_is_named_and_tried_again() -> None:
    port = free_port()
    first, second = (make_plc("modbus-server", {"port": port, "open_s": 0.3}) for _ in range(2))
    with pytest.raises(DeviceGone, match="heartbeat"):
        first.open()
    with pytest.raises(DeviceGone, match="cannot listen"):
        second.open()
    first.close()
    until, said = time.monotonic() + PATIENCE_S, ""
    while "heartbeat" not in said and time.monotonic() < until:
        with pytest.raises(DeviceGone) as gone:
            second.open()
        said = str(gone.value)
    second.close()
    assert "heartbeat" in said
