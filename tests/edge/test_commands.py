"""Orders of people over the command socket of a real rejector: obeyed, bounded, audited."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import msgspec
import pytest
import zmq

from edge.bus import Subscriber, context
from edge.commands import MAX_BYTES, PER_S, Command, Reply, send_command
from edge.config import Bus, Station
from edge.errors import BusError
from edge.messages import Audit
from tests.edge.floor import Floor, all_ok, floor


@pytest.fixture
def running() -> Iterator[Floor]:
    with floor(all_ok) as f:
        f.until(lambda: len(f.ejections) >= 3)
        yield f


def audits(f: Floor) -> Subscriber:
    """A reader of the audit, joined."""
    reader = Subscriber([f.config.bus.rejector], [Audit])
    time.sleep(0.3)
    return reader


def test_a_person_stops_the_line_and_lets_it_run_again(running: Floor) -> None:
    reader = audits(running)
    stopped = send_command(running.config, Command("stop", who="M. Weber", reason="jam"))
    assert stopped.accepted
    assert stopped.stops == ["stopped by M. Weber: jam"]
    running.until(lambda: "stopped-by-person" in running.alarms)
    running.listen(0.5)
    assert running.listen(1.0) == []
    assert send_command(running.config, Command("status")).stops == stopped.stops
    assert running.acknowledge().accepted
    before = len(running.ejections)
    running.until(lambda: len(running.ejections) > before + 3)
    running.until(lambda: "stopped-by-person" not in running.alarms)
    assert send_command(running.config, Command("status")).state == "runs"
    said = [m for _ in range(2) if isinstance(m := reader.get(5.0), Audit)]
    assert [(m.op, m.who, m.key, m.accepted) for m in said] == [("stop", "M. Weber", "none", True), ("acknowledge", "tester", "none", True)]
    assert reader.get(0.2) is None  # to look is no order
    reader.close()


def test_the_ejector_is_tested_with_one_part_and_no_more(running: Floor) -> None:
    reader = audits(running)
    reply = send_command(running.config, Command("eject-next", who="M. Weber"))
    assert reply.accepted
    tested = [e for e in running.listen(3.0) if e.reason.startswith("ejector test")]
    running.until(lambda: any(e.reason == "ejector test by M. Weber" for e in running.ejections))
    assert len(tested) <= 1
    running.listen(1.5)
    tested = [e for e in running.ejections if e.reason.startswith("ejector test")]
    assert [e.outcome for e in tested] == ["ejected"], "one part, ejected and confirmed"
    assert running.ejections[-1].outcome == "passed", "good parts pass again"
    said = reader.get(5.0)
    assert isinstance(said, Audit)
    assert (said.op, said.who, said.accepted) == ("eject-next", "M. Weber", True)
    reader.close()


def test_an_order_needs_a_name(running: Floor) -> None:
    reply = send_command(running.config, Command("acknowledge", who="  "))
    assert not reply.accepted
    assert "who" in reply.text


def test_what_is_no_order_is_counted_and_hurts_nobody(running: Floor) -> None:
    with context().socket(zmq.DEALER) as stranger:
        stranger.set(zmq.LINGER, 0)
        stranger.connect(running.config.bus.commands)
        for data in (b"", b"\xff\xfe", b"{}", b'{"op":"fire"}', b'{"op":"stop","who":1}', b'{"op":"stop","who":"x","more":1}', b"[" * 1000):
            stranger.send(data)
        stranger.send_multipart((b"a", b"b", b"c"))
        running.until(lambda: running.beat is not None and running.beat.counts["refused"] >= 8)
        assert not stranger.poll(50)
    with context().socket(zmq.DEALER) as large:  # libzmq hangs up on it
        large.set(zmq.LINGER, 0)
        large.connect(running.config.bus.commands)
        large.send(b"x" * (MAX_BYTES + 1))
    before = len(running.ejections)
    running.until(lambda: len(running.ejections) > before + 3)
    assert running.alarms == {}


def test_a_flood_of_orders_is_refused_and_the_line_goes_on(running: Floor) -> None:
    with context().socket(zmq.DEALER) as wild:
        wild.set(zmq.LINGER, 0)
        wild.connect(running.config.bus.commands)
        for number in range(20 * PER_S):
            wild.send(msgspec.json.encode(Command("status", number=number)))
        replies: list[Reply] = []
        end = time.monotonic() + 15
        while len(replies) < 3 * PER_S and time.monotonic() < end:
            if wild.poll(100):
                replies.append(msgspec.json.decode(wild.recv(), type=Reply))
        assert any("orders in a second" in r.text for r in replies)
        wild.send(msgspec.json.encode(Command("status")))
        assert send_command(running.config, Command("stop", who="M. Weber"), timeout_s=10).accepted  # that one always gets through
    running.until(lambda: running.acknowledge().accepted)  # the flood ebbs away
    before = len(running.ejections)
    running.until(lambda: len(running.ejections) > before + 3)
    assert all(outcome == "passed" for outcome in running.outcomes().values())


@pytest.mark.parametrize("peers", [1, 30])
def test_a_flood_of_questions_keeps_nobody_from_acknowledging(running: Floor, peers: int) -> None:
    assert send_command(running.config, Command("stop", who="M. Weber")).accepted
    ask = msgspec.json.encode(Command("status"))
    with contextlib.ExitStack() as stack:
        wild = [stack.enter_context(context().socket(zmq.DEALER)) for _ in range(peers)]
        for socket in wild:
            socket.set(zmq.LINGER, 0)
            socket.connect(running.config.bus.commands)
        stopping = threading.Event()

        def flood() -> None:
            while not stopping.wait(0.01):
                for socket in wild:
                    for _ in range(60 // peers):
                        with contextlib.suppress(zmq.ZMQError):
                            socket.send(ask, zmq.NOBLOCK)

        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        try:
            running.until(lambda: running.beat is not None and running.beat.counts["refused"] > 100)
            for _ in range(3):
                assert running.acknowledge().accepted
        finally:
            stopping.set()
            thread.join()
    before = len(running.ejections)
    running.until(lambda: len(running.ejections) > before + 3)


def test_orders_of_one_peer_are_bounded_and_count_against_no_other(running: Floor) -> None:
    order = msgspec.json.encode(Command("acknowledge", who="program"))
    with context().socket(zmq.DEALER) as wild:
        wild.set(zmq.LINGER, 0)
        wild.connect(running.config.bus.commands)
        replies: list[Reply] = []
        end = time.monotonic() + 10
        while not any("orders in a second" in r.text for r in replies):
            assert time.monotonic() < end
            for _ in range(2 * PER_S):
                wild.send(order)
            assert running.acknowledge().accepted
            while wild.poll(50):
                replies.append(msgspec.json.decode(wild.recv(), type=Reply))
        assert any(r.accepted for r in replies)


def test_nobody_there_is_an_error_with_a_remedy() -> None:
    config = Station(bus=Bus.model_validate({"commands": "tcp://127.0.0.1:9"}))
    with pytest.raises(BusError, match="is the line's rejector running"):
        send_command(config, Command("status"), timeout_s=0.2)
