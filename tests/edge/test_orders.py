"""Station and rejector on a real connection: every order arrives once, however often the other side dies, freezes or lies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from edge.bus import context
from edge.config import Bus, Station
from edge.errors import BusError
from edge.messages import Heartbeat, Message, Run, Trigger, encode
from edge.order_desk import MAX_FRAMES, OrderDesk
from edge.order_taker import Order, OrderTaker
from edge.orders import ACK, ACK_KIND, HEAD, HELLO, HELLO_KIND, ORDER_KIND
from scripts.examples import EXAMPLES

EPOCH = 7
PATIENCE_S = 15.0


def trigger(number: int, epoch: int = EPOCH, station: str = "S1") -> bytes:
    return encode(Trigger(station=station, epoch=epoch, seq=number, run_id="r", part_id=f"P{number}", trigger_id=number, trigger_ns=1))


class Way:
    """A desk and its takers on one endpoint."""

    def __init__(self, folder: Path) -> None:
        self.config = Station(bus=Bus.model_validate({"orders": f"ipc://{folder}/orders"}))
        self.desk = OrderDesk(self.config.bus.orders, EPOCH)
        self.taker = OrderTaker(self.config)
        self.got: list[Order] = []

    def say(self, number: int) -> None:
        self.desk.order(trigger(number), time.monotonic_ns() + 5 * 10**9)

    def turn(self, enough: Callable[[], bool]) -> None:
        """Let both sides work until something is the case."""
        end = time.monotonic() + PATIENCE_S
        while not enough():
            assert time.monotonic() < end, f"{len(self.got)} orders, {self.desk.waiting} waiting"
            self.desk.service()
            if (order := self.taker.get(0.002)) is not None:
                self.got.append(order)

    def parts(self) -> list[int]:
        return [o.message.trigger_id for o in self.got if isinstance(o.message, Trigger)]

    def anew(self) -> None:
        """The rejector dies and another comes."""
        self.taker.close()
        self.taker = OrderTaker(self.config)
        self.got.clear()

    def close(self) -> None:
        self.taker.close()
        self.desk.close()


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Way]:
    made = Way(tmp_path)
    yield made
    made.close()


def test_what_was_said_before_anybody_listened_arrives_in_order(way: Way) -> None:
    for number in range(1, 101):
        way.say(number)
    way.turn(lambda: len(way.got) == 100)
    assert way.parts() == list(range(1, 101))
    way.turn(lambda: way.desk.waiting == 0)
    assert way.taker.open_numbers == 0


def test_each_order_is_taken_once_though_it_is_repeated(way: Way) -> None:
    way.turn(lambda: way.desk._peer != b"")
    for number in range(1, 31):
        way.say(number)
    time.sleep(0.1)
    for _ in range(3):  # the acknowledgements are late: everything is said again
        way.desk.service()
        time.sleep(0.1)
    way.turn(lambda: way.desk.waiting == 0)
    assert way.parts() == list(range(1, 31))
    assert way.taker.repeated > 0


def test_an_order_is_acknowledged_only_when_the_next_is_asked_for(way: Way) -> None:
    way.say(1)
    way.turn(lambda: len(way.got) == 1)
    assert way.desk.waiting == 1
    way.anew()  # the rejector was killed before the PLC had it
    way.turn(lambda: len(way.got) == 1)
    assert way.parts() == [1]


def test_a_new_rejector_hears_what_is_still_on_the_belt(way: Way) -> None:
    for number in range(1, 6):
        way.say(number)
    way.turn(lambda: way.desk.waiting == 0 and len(way.got) == 5)
    way.anew()
    way.turn(lambda: len(way.got) == 5)
    assert way.parts() == [1, 2, 3, 4, 5]


def test_a_new_rejector_hears_of_what_lies_on_a_belt_that_has_stood_for_long(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest words are kept whatever the time is; they say of themselves that the PLC has been told."""
    monkeypatch.setattr("edge.order_desk.KEEP", 20)
    monkeypatch.setattr("edge.order_desk.KEEP_S", 0.0)
    for number in range(1, 31):
        way.desk.order(trigger(number), time.monotonic_ns() - 3600 * 10**9)  # due an hour ago
        way.desk._waiting[number].give_up_ns = time.monotonic_ns() + 10**9
    way.turn(lambda: way.desk.waiting == 0 and len(way.desk._kept) == 20)
    for kept in way.desk._kept.values():
        kept.give_up_ns = 0
    assert not way.taker.caught_up()  # it has not heard how the station is
    for life in range(2):
        way.anew()
        way.desk.state(Heartbeat, encode(Heartbeat(station="S1", epoch=EPOCH, seq=life + 1, state="ready", period_s=0.5)))
        way.turn(lambda: len(way.parts()) == 20)
        assert way.parts() == list(range(11, 31))
        assert all(o.known for o in way.got if isinstance(o.message, Trigger))
        assert not way.taker.caught_up()
        way.turn(way.taker.caught_up)
    assert way.desk.given_up == 0


def test_what_is_past_is_not_kept(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.order_desk.KEEP_S", 0.0)
    monkeypatch.setattr("edge.order_desk.KEEP", 0)
    monkeypatch.setattr("edge.order_desk.GIVE_UP_S", 0.2)
    way.desk.order(trigger(1), time.monotonic_ns() - 10**9)  # nobody was there in time
    way.turn(lambda: way.desk.given_up == 1)
    way.desk.order(trigger(2), time.monotonic_ns() + 10**8)
    way.turn(lambda: way.parts() == [2] and way.desk.waiting == 0 and not way.desk._kept)
    way.anew()
    way.say(3)
    way.turn(lambda: len(way.got) == 1)
    assert way.parts() == [3]
    way.desk.state(Heartbeat, encode(Heartbeat(station="S1", epoch=EPOCH, seq=1, state="ready", period_s=0.5)))
    way.turn(lambda: len(way.got) == 2)
    assert way.taker.open_numbers == 0  # 1 and 2 will not come: that is no gap


def test_a_late_rejector_gets_the_state(way: Way) -> None:
    run = next(m for m in EXAMPLES if isinstance(m, Run))
    way.desk.state(Run, encode(run_in(run)))
    way.desk.state(Heartbeat, encode(Heartbeat(station="S1", epoch=EPOCH, seq=1, state="ready", period_s=0.5)))
    way.turn(lambda: len(way.got) == 2)
    assert {type(o.message) for o in way.got} == {Run, Heartbeat}
    assert way.taker.alive()
    way.anew()
    way.turn(lambda: len(way.got) == 2)


def run_in(run: Message, **changes: Any) -> Message:
    import msgspec

    return msgspec.structs.replace(run, **{"station": "S1", "epoch": EPOCH, "seq": 1, **changes})


def test_a_rejector_that_has_frozen_costs_the_station_no_time_and_catches_up(way: Way) -> None:
    way.turn(lambda: way.desk._peer != b"")
    for number in range(1, 3001):
        way.say(number)  # nobody takes them
        way.desk.service()
    way.turn(lambda: way.desk.waiting == 0)
    assert sorted(way.parts()) == list(range(1, 3001))


def test_a_new_epoch_is_a_new_station_and_an_old_one_never_comes_back(tmp_path: Path) -> None:
    way = Way(tmp_path)
    way.say(1)
    way.turn(lambda: len(way.got) == 1)
    way.desk.close()
    time.sleep(0.2)
    way.desk = OrderDesk(way.config.bus.orders, EPOCH + 1)
    way.desk.order(trigger(1, EPOCH + 1), time.monotonic_ns() + 10**10)
    way.turn(lambda: len(way.got) == 2)
    assert way.taker.epoch == EPOCH + 1
    way.desk._send(HEAD.pack(EPOCH, 2, 0), trigger(2))
    way.turn(lambda: way.taker.refused == 1)
    assert len(way.got) == 2
    way.close()


@pytest.mark.parametrize(
    "frames",
    [
        (ORDER_KIND, b"", b"{}"),
        (ORDER_KIND, HEAD.pack(EPOCH, 1, 0), b"not json"),
        (ORDER_KIND, HEAD.pack(EPOCH, 1, 0), b"{}" * 200_000),
        (ORDER_KIND, HEAD.pack(EPOCH, 1, 0), trigger(1, station="S2")),
        (ORDER_KIND, HEAD.pack(EPOCH + 5, 1, 0), trigger(1)),
        (ORDER_KIND, HEAD.pack(EPOCH, 0, 0), trigger(1)),
        (b"x", HEAD.pack(EPOCH, 1, 0), trigger(1)),
        (ORDER_KIND, HEAD.pack(EPOCH, 1, 0)),
        (b"",),
    ],
)
def test_the_taker_refuses_what_is_no_order(way: Way, frames: tuple[bytes, ...]) -> None:
    way.turn(lambda: way.desk._peer != b"")
    way.desk._socket.send_multipart((way.desk._peer, *frames))
    way.turn(lambda: way.taker.refused == 1)
    assert way.got == []
    way.say(1)
    way.turn(lambda: way.parts() == [1])


def test_strangers_at_the_desk_neither_take_orders_nor_acknowledge_them(way: Way) -> None:
    way.turn(lambda: way.desk._peer != b"")
    way.say(1)
    with context().socket(zmq.DEALER) as stranger:
        stranger.set(zmq.LINGER, 0)
        stranger.connect(way.config.bus.orders)
        for _ in range(MAX_FRAMES):
            stranger.send_multipart((ACK_KIND, ACK.pack(EPOCH, 1)))
            stranger.send_multipart((b"?", b"x" * 900))
            stranger.send(b"")
        stranger.send_multipart((HELLO_KIND, b"short"))
        end = time.monotonic() + PATIENCE_S
        while way.desk.refused < 3 * MAX_FRAMES + 1:
            assert time.monotonic() < end
            way.desk.service()
            time.sleep(0.01)
        assert way.desk.waiting == 1
        assert not stranger.poll(50)
    way.turn(lambda: way.parts() == [1])


def test_who_says_hello_last_gets_the_orders(way: Way) -> None:
    """One rejector at a time: a second one takes the place of the first, and the parts of both are ejected unless they have an OK."""
    way.turn(lambda: way.desk._peer != b"")
    with context().socket(zmq.DEALER) as other:
        other.set(zmq.LINGER, 0)
        other.connect(way.config.bus.orders)
        end = time.monotonic() + PATIENCE_S
        while way.desk._peer_number != 99:  # it says it again, as every rejector does
            assert time.monotonic() < end
            other.send_multipart((HELLO_KIND, HELLO.pack(99)))
            time.sleep(0.05)
            way.desk.service()
        way.say(1)
        assert other.poll(5000)
        assert other.recv_multipart()[2] == trigger(1)


def test_a_taken_endpoint_is_named(way: Way) -> None:
    taken = OrderDesk("tcp://127.0.0.1:*", EPOCH)
    endpoint = taken._socket.get(zmq.LAST_ENDPOINT)
    assert isinstance(endpoint, bytes)
    with pytest.raises(BusError, match="another station"):
        OrderDesk(endpoint.rstrip(b"\0").decode(), EPOCH)
    taken.close()


def test_an_order_whose_time_only_the_encoder_knows_waits_for_its_rejector(way: Way) -> None:
    way.desk.order(trigger(1), 0)
    for _ in range(5):
        way.desk.service()
    assert way.desk.waiting == 1
    way.turn(lambda: way.parts() == [1] and way.desk.waiting == 0)
    way.anew()
    way.turn(lambda: way.parts() == [1])


def test_what_was_acknowledged_is_marked_when_it_is_said_again(way: Way) -> None:
    """The PLC has it; behind the number there may be another part by now."""
    way.say(1)
    way.turn(lambda: way.parts() == [1] and way.desk.waiting == 0)
    assert not way.got[0].known
    way.anew()
    way.say(2)
    way.turn(lambda: sorted(way.parts()) == [1, 2])
    assert {o.message.trigger_id: o.known for o in way.got if isinstance(o.message, Trigger)} == {1: True, 2: False}


def test_a_line_that_counts_anew_ends_all_orders(way: Way) -> None:
    way.say(1)
    way.turn(lambda: way.parts() == [1] and way.desk.waiting == 0)
    way.say(2)
    way.desk.forget()
    way.anew()
    way.say(3)
    way.turn(lambda: way.parts() == [3])
    for _ in range(20):
        way.turn(lambda: True)
        assert (order := way.taker.get(0.005)) is None, order
        way.desk.service()
