"""The PLC side's contract, on the simulated line: a real line in a thread, real sockets, real time."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest
import zmq

from hardware.belt import BeltSettings
from hardware.errors import DeviceGone, DeviceSettings, DeviceTimeout
from hardware.line import Command, run_line
from hardware.plc import EjectorTiming, Plc, PlcEvent, Result, make_plc
from hardware.plcs.simulator import SimulatorPlc
from hardware.wire import WireIn
from tests.hardware.lines import Line, a_line, free_port

PATIENCE_S = 10.0


@contextlib.contextmanager
def owner(line: Line, *, own: bool = True) -> Iterator[SimulatorPlc]:
    plc = SimulatorPlc(line.control, timeout_s=PATIENCE_S)
    plc.open(own=own)
    try:
        yield plc
    finally:
        plc.close()


def collect(
    plc: Plc, enough: Callable[[list[PlcEvent]], bool], *, ready: bool = True, each: Callable[[PlcEvent], None] = lambda e: None
) -> list[PlcEvent]:
    """Events until there are enough, with the heartbeat going on."""
    events: list[PlcEvent] = []
    until, beat = time.monotonic() + PATIENCE_S, 0.0
    while not enough(events):
        assert time.monotonic() < until, f"only {events[-5:]}"
        if time.monotonic() > beat:
            beat = time.monotonic() + 0.2
            plc.ready(ready)
        for event in plc.poll(0.02):
            events.append(event)
            each(event)
    return events


def ends(events: list[PlcEvent]) -> list[PlcEvent]:
    return [e for e in events if e.kind in ("passed", "ejected", "missed")]


def test_the_contract_from_ready_to_the_last_part() -> None:
    with a_line(parts=9, rate_hz=10.0) as line, owner(line) as plc:
        assert plc.simulated
        plc.ejector(EjectorTiming(delay_ms=100, pulse_ms=5))

        def judge(event: PlcEvent) -> None:
            if event.kind == "triggered" and event.trigger_id % 3 == 1:
                plc.answer(Result(event.trigger_id, 1))
            elif event.kind == "triggered" and event.trigger_id % 3 == 2:
                plc.answer(Result(event.trigger_id, 2))

        events = collect(plc, lambda e: len(ends(e)) == 9, each=judge)
        assert events[0].kind == "started"
        assert [e.trigger_id for e in events if e.kind == "triggered"] == list(range(1, 10))
        assert sorted((e.trigger_id, e.kind) for e in ends(events)) == [(n, "passed" if n % 3 == 1 else "ejected") for n in range(1, 10)]
        assert {e.trigger_id: e.reason for e in ends(events)} == {n: "no verdict" if n % 3 == 0 else "" for n in range(1, 10)}
        assert [e.at_ns for e in events] == sorted(e.at_ns for e in events)
        assert [e.encoder for e in events] == sorted(e.encoder for e in events)
        assert all(0 <= e.offset_us < 50_000 for e in ends(events))
        assert plc.poll(0.1) == []


def test_not_ready_stop_and_start() -> None:
    with a_line() as line, owner(line) as plc:
        collect(plc, lambda e: any(x.kind == "triggered" for x in e))
        plc.ready(False)
        events = collect(plc, lambda e: any(x.kind == "stopped" for x in e), ready=False)
        plc.stop_line("five parts without a verdict")
        for _ in range(5):
            plc.ready(True)
            time.sleep(0.05)
            events += plc.poll(0)
        assert not any(e.kind == "started" for e in events)
        plc.acknowledge()
        assert collect(plc, lambda e: any(x.kind == "started" for x in e))


def test_the_belt_stops_a_second_after_the_last_word() -> None:
    with a_line() as line, owner(line) as plc:
        collect(plc, lambda e: any(x.kind == "started" for x in e))
        plc.ready(True)
        said = time.monotonic_ns()
        stopped: list[PlcEvent] = []
        while not stopped:
            stopped = [e for e in plc.poll(0.05) if e.kind == "stopped"]
        assert stopped[0].at_ns - said < 1.15e9
        assert stopped[0].reason


def test_the_ejector_is_where_the_recipe_says() -> None:
    with a_line(parts=1, counts_per_s=1000.0) as line, owner(line) as plc:
        plc.ejector(EjectorTiming(delay_ms=50.0, delay_counts=300))
        events = collect(plc, lambda e: len(ends(e)) == 1)
        (triggered,) = [e for e in events if e.kind == "triggered"]
        assert 0.3e9 <= ends(events)[0].at_ns - triggered.at_ns < 0.45e9


def test_announced_parts() -> None:
    with a_line(sensor="camera") as line, owner(line) as plc:
        collect(plc, lambda e: any(x.kind == "started" for x in e))
        time.sleep(0.3)  # what lay on the belt when the line started is swept off
        plc.announce(41, time.monotonic_ns())
        plc.answer(Result(41, 1))
        assert [(e.kind, e.trigger_id) for e in collect(plc, lambda e: len(ends(e)) == 1)] == [("triggered", 41), ("passed", 41)]


def test_the_wire_carries_every_edge_with_the_number_of_its_part() -> None:
    line = Line({"parts": 5})
    camera = WireIn(line.wire)
    line.start()
    try:
        with owner(line) as plc:
            collect(plc, lambda e: len(ends(e)) == 5)
            edges = [camera.wait(1.0) for _ in range(5)]
            assert [(e.trigger_id, e.item) for e in edges] == [(n, n - 1) for n in range(1, 6)]
            with pytest.raises(DeviceTimeout):
                camera.wait(0.05)
    finally:
        line.stop()
        camera.close()


def test_events_come_again_until_acknowledged_when_the_owner_starts_anew() -> None:
    """More of them than a queue holds by itself: none is dropped and the order stays."""
    many = 5000
    with a_line() as line:
        with owner(line) as first:
            for number in range(1, many + 1):
                first.answer(Result(number, 1))  # no such part: each is noted as late
                if number % 500 == 0:
                    time.sleep(0.02)
            time.sleep(0.3)  # all of it lies at a reader that never reads
        with owner(line) as second:
            events = collect(second, lambda e: sum(x.kind == "late" for x in e) >= many)
            assert [e.trigger_id for e in events if e.kind == "late"] == list(range(1, many + 1))
            second.poll(0.1)
        with owner(line) as third:
            time.sleep(0.2)
            assert [e for e in third.poll(0.2) if e.kind == "late"] == []


def test_a_slow_owner_gets_everything_in_order() -> None:
    many = 4000
    with a_line() as line, owner(line) as plc:
        for number in range(1, many + 1):
            plc.answer(Result(number, 1))
            if number % 500 == 0:
                time.sleep(0.02)
        time.sleep(0.5)
        events = collect(plc, lambda e: sum(x.kind == "late" for x in e) >= many)
        assert [e.trigger_id for e in events if e.kind == "late"] == list(range(1, many + 1))


def test_only_the_owner_gets_events_and_others_may_command() -> None:
    with a_line() as line, owner(line) as plc, owner(line, own=False) as guest:
        guest.hold(True)
        collect(plc, lambda e: any(x.kind == "started" for x in e))
        assert not any(e.kind == "triggered" for e in plc.poll(0.3))
        guest.hold(False)
        assert collect(plc, lambda e: any(x.kind == "triggered" for x in e))
        assert guest.poll(0.1) == []


def test_a_line_that_starts_anew_finds_its_owner_again() -> None:
    """Quicker than the owner would notice: the events of the new line must come all the same, counted from 1."""
    with a_line() as line, owner(line) as plc:
        collect(plc, lambda e: sum(x.kind == "triggered" for x in e) >= 3)
        line.stop()
        plc.poll(0.2)
        line.settings = {"parts": 4}
        line.start()
        events = collect(plc, lambda e: len(ends(e)) >= 4)
        assert [e.trigger_id for e in events if e.kind == "triggered"] == [1, 2, 3, 4]


def test_a_dead_line_is_noticed_and_may_be_opened_again() -> None:
    with a_line() as line, owner(line) as plc:
        collect(plc, lambda e: any(x.kind == "started" for x in e))
        line.stop()
        began = time.monotonic()
        with pytest.raises(DeviceGone):
            collect(plc, lambda _: False)
        assert 1.5 < time.monotonic() - began < 3.5
        line.start()
        plc.open()
        assert collect(plc, lambda e: any(x.kind == "started" for x in e))


def test_nobody_there() -> None:
    plc = SimulatorPlc(f"tcp://127.0.0.1:{free_port()}", timeout_s=0.2)
    with pytest.raises(DeviceGone, match="gutteil line"):
        plc.open()
    for use in (lambda: plc.poll(0), lambda: plc.answer(Result(1, 1)), lambda: plc.ready(True)):
        with pytest.raises(DeviceGone):
            use()
    plc.close()
    plc.close()


def hostile() -> list[list[bytes]]:
    good = msgspec.json.encode(Command("answer", id=3, code=1))
    texts = [
        b"", b"\0", b"\xff" * 40, b"{", b"null", b"[]", b"[" * 20_000, b"7", b'"state"', b'{"op":"explode"}', b'{"op":1}', b'{"op":"answer","id":"x"}',
        b'{"op":"answer","id":-1}', b'{"op":"answer","id":1e400}', b'{"op":"answer","id":' + b"9" * 300 + b"}", b'{"op":"stop","reason":"\xff\xfe"}',
        b'{"op":"stop","reason":"' + b"x" * 5000 + b'"}', b'{"op":"ejector","delay_ms":NaN}', b'{"op":"ejector","delay_ms":-1e300}',
        b'{"op":"ejector","delay_ms":1e308}', b'{"op":"ejector","id":9223372036854775807}', b'{"op":"ejector","id":' + b"9" * 400 + b"}",
        b'{"op":"announce","at_ns":-' + b"9" * 400 + b"}", b'{"op":"ack","id":' + b"9" * 30 + b"}", b'{"op":"answer","more":1}', b'{"op":"answer"} trailing', good[:-1], b"x" * 60_000, b"x" * 100_000,
    ]  # fmt: skip
    return [[t] for t in texts] + [[b"", good], [good, good], [b""] * 5]


def test_hostile_bytes_do_no_harm() -> None:
    with a_line(parts=3) as line, owner(line) as plc:
        bad: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        bad.set(zmq.LINGER, 200)
        bad.connect(line.control)
        for frames in hostile():
            bad.send_multipart(frames)
        bad.close()
        with socket.create_connection(("127.0.0.1", int(line.control.rpartition(":")[2]))) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n" + b"\xff" * 1000)
        time.sleep(0.3)
        assert line.failed == []
        assert line.thread.is_alive()
        events = collect(plc, lambda e: len(ends(e)) == 3)
        assert [e.trigger_id for e in events if e.kind == "triggered"] == [1, 2, 3]
        assert all(e.kind == "ejected" for e in ends(events))


def test_hostile_answers_do_no_harm_to_the_owner() -> None:
    port = free_port()
    router: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    router.set(zmq.LINGER, 0)
    router.bind(f"tcp://127.0.0.1:{port}")
    plc = SimulatorPlc(f"tcp://127.0.0.1:{port}", timeout_s=5)
    opener = threading.Thread(target=plc.open)
    opener.start()
    client, _ = router.recv_multipart()
    try:
        for answer in (
            b"",
            b"{",
            b"\xff",
            b'{"seq":1,"epoch":1,"kind":"explode"}',
            b'{"seq":1,"epoch":1,"kind":"late","reason":"\xff"}',
            b"[" * 5000,
        ):
            router.send_multipart((client, answer))
        router.send_multipart((client, b'{"seq":1,"epoch":1,"kind":"late","id":9}'))
        opener.join(5)
        events: list[PlcEvent] = []
        until = time.monotonic() + 5
        while not events and time.monotonic() < until:
            events += plc.poll(0.1)
        assert [(e.kind, e.trigger_id) for e in events] == [("late", 9)]
    finally:
        plc.close()
        router.close()


def test_impossible_addresses_are_named() -> None:
    stop = threading.Event()
    stop.set()
    with a_line() as line:
        with owner(line):
            pass
        with pytest.raises(DeviceSettings, match=r"line\.control"):
            run_line(BeltSettings(), line.control, line.wire, stop)
    for control, wire in (
        ("tcp://127.999.0.1:5581", "127.0.0.1:5580"),
        ("nonsense", "127.0.0.1:5580"),
        (line.control, "10.0.0.1:99"),
        (line.control, "x"),
    ):
        with pytest.raises(DeviceSettings):
            run_line(BeltSettings(), control, wire, stop)
    until = time.monotonic() + 10
    while True:  # and nothing of those attempts still holds the address; ZeroMQ closes sockets in its own time
        try:
            run_line(BeltSettings(), line.control, line.wire, stop)
            return
        except DeviceSettings:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_the_table_of_backends() -> None:
    assert isinstance(make_plc("simulator", {"control": "tcp://127.0.0.1:1"}), SimulatorPlc)
    with pytest.raises(DeviceSettings, match="'nonsense' is unknown"):
        make_plc("nonsense", {})
    with pytest.raises(DeviceSettings, match="colour"):
        make_plc("simulator", {"colour": 1})
