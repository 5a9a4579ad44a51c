"""Stops, acknowledgements and the key at the machine over the handshake."""

from __future__ import annotations

import pytest

from hardware.handshake_plc import PlcSide
from hardware.plc import PlcEvent
from tests.hardware.pair import Pair, linked_pair


@pytest.fixture
def pair() -> Pair:
    return linked_pair()


def test_stop_and_acknowledge(pair: Pair) -> None:
    pair.vision.stop()
    pair.plc.heard(pair.vision.image())
    orders = pair.plc.take()
    assert orders.stop
    assert orders.hold
    pair.plc.heard(pair.vision.image())
    assert not pair.plc.take().stop  # once
    pair.vision.acknowledge()
    pair.plc.heard(pair.vision.image())
    orders = pair.plc.take()
    assert (orders.acknowledge, orders.stop, orders.hold) == (True, False, False)
    pair.up()
    assert pair.vision.plc["acknowledge_echo"] == 1
    pair.plc.heard(pair.vision.image())
    assert not pair.plc.take().acknowledge


def test_the_key_at_the_machine_ends_the_stops_that_the_plc_had_read(pair: Pair) -> None:
    pair.vision.stop()
    pair.cycles(1)
    pair.plc.happened(PlcEvent("reset", 0, 0))
    pair.up()
    assert [e.kind for e in pair.events if e.kind == "reset"] == ["reset"]
    assert pair.says["stop_request"] == 0
    pair.cycles()
    pair.vision.stop()
    pair.plc.happened(PlcEvent("reset", 0, 0))  # the PLC has not read this stop yet
    pair.up()
    assert pair.says["stop_request"] == 1
    pair.plc.heard(pair.vision.image())
    assert pair.plc.take().stop


@pytest.mark.parametrize("last", ["stop", "acknowledge"])
def test_of_stop_and_acknowledge_the_last_word_holds(pair: Pair, last: str) -> None:
    """However few of the words in between the PLC has seen."""
    pair.vision.stop()
    pair.plc.heard(pair.vision.image())
    pair.vision.acknowledge()
    if last == "stop":
        pair.vision.stop()
    pair.plc.heard(pair.vision.image())
    orders = pair.plc.take()
    assert orders.acknowledge
    assert orders.stop is (last == "stop")
    assert orders.hold is (last == "stop")


def test_a_stop_is_asked_of_the_plcs_next_life_too(pair: Pair) -> None:
    pair.vision.stop()
    pair.cycles()
    pair.plc = PlcSide(last_session=pair.plc.session)
    stopped = False
    for _ in range(4):
        pair.plc.heard(pair.vision.image())
        orders = pair.plc.take()
        assert orders.hold
        stopped |= orders.stop
        pair.up()
    assert stopped


def test_the_next_stop_is_seen_though_nobody_read_the_time_between(pair: Pair) -> None:
    pair.vision.stop()
    pair.cycles()
    pair.plc.happened(PlcEvent("reset", 0, 0))
    pair.up()
    pair.vision.stop()
    pair.plc.heard(pair.vision.image())
    assert pair.plc.take().stop
    assert pair.says["stop_sequence"] == 2


def test_stops_and_resets_between_two_reads_are_seen(pair: Pair) -> None:
    pair.plc.happened(PlcEvent("started", 0, 0))
    pair.up()
    for kind, code in (("stopped", 4), ("started", 0), ("reset", 0)):
        pair.plc.happened(PlcEvent(kind, 0, 0, code=code))  # type: ignore[arg-type]
    pair.up()
    assert [e.kind for e in pair.events] == ["started", "stopped", "started", "reset"]
    pair.plc.happened(PlcEvent("stopped", 0, 0, code=4))
    pair.up()
    assert (pair.events[-1].kind, pair.events[-1].code, pair.events[-1].reason) == ("stopped", 4, "the reject bin is full")
