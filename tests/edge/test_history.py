"""What a sender keeps: bounded in count and bytes, and readable while it is written."""

from __future__ import annotations

import threading
from typing import Any, get_args

import pytest

import edge.history
from edge.history import MAX_ALARMS, History
from edge.messages import STREAMS, Alarm, Ejector, Heartbeat, Run
from edge.repeat import TypeWord


def alarm(seq: int, code: str = "x", *, active: bool = True) -> Alarm:
    return Alarm(epoch=1, seq=seq, code=code, severity="info", active=active, text="t")


def filled(count: int, until: int) -> History:
    history = History(count)
    for seq in range(1, until + 1):
        history.add(alarm(seq), b"%d" % seq)
    return history


def test_every_type_of_message_can_be_asked_for() -> None:
    assert set(get_args(TypeWord)) == {s.name for s in STREAMS}


@pytest.mark.parametrize(
    ("first", "last", "start", "got"),
    [
        (3, 5, 3, [3, 4, 5]),
        (1, 99, 1, list(range(1, 9))),  # at most 8 at once
        (9, 99, 9, [9, 10]),
        (11, 20, 11, []),
        (5, 4, 5, []),
    ],
)
def test_what_is_asked_for_comes_without_holes(first: int, last: int, start: int, got: list[int]) -> None:
    assert filled(100, 10).read("alarm", first, last, 8, 10**6) == (start, [b"%d" % n for n in got])


def test_the_oldest_make_room() -> None:
    history = filled(5, 12)
    assert history.read("alarm", 1, 99, 99, 10**6) == (8, [b"%d" % n for n in range(8, 13)])
    assert history.read("alarm", 1, 7, 99, 10**6) == (8, [])
    assert history.sent() == {"alarm": 12}


def test_bytes_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.history, "MAX_TYPE_BYTES", 1_000)
    history = History(1_000)
    for seq in range(1, 101):
        history.add(alarm(seq), b"x" * 300)
    assert history.read("alarm", 1, 999, 999, 10**6) == (98, [b"x" * 300] * 3)
    history.add(alarm(101), b"y" * 5_000)  # one alone may be larger
    assert history.read("alarm", 1, 999, 999, 10**6) == (101, [b"y" * 5_000])


def test_an_answer_is_bounded_in_bytes_but_never_empty() -> None:
    history = History(10)
    for seq in range(1, 6):
        history.add(alarm(seq), b"x" * 100)
    assert history.read("alarm", 1, 5, 9, 250) == (1, [b"x" * 100] * 2)
    assert history.read("alarm", 1, 5, 9, 1) == (1, [b"x" * 100])


def test_a_type_that_was_never_sent() -> None:
    assert History(10).read("run", 1, 5, 9, 99) == (1, [])


def test_the_state_is_the_latest_run_what_is_active_and_the_latest_heartbeat() -> None:
    history = History(5)
    names: dict[str, Any] = dict.fromkeys(("run_id", "product", "recipe", "recipe_hash", "model", "model_hash", "camera", "provider"), "x")
    for seq in (1, 2):
        history.add(Run(seq=seq, classes=[], ejector=Ejector(), **names), b"run %d" % seq)
        history.add(Heartbeat(seq=seq, state="ready", period_s=1), b"beat %d" % seq)
    history.add(alarm(1, "a"), b"a1")
    history.add(alarm(2, "b"), b"b2")
    history.add(alarm(3, "a"), b"a3")
    history.add(alarm(4, "b", active=False), b"b4")
    for seq in range(5, 30):
        history.add(alarm(seq, "c"), b"c%d" % seq)  # older ones are no longer kept, but still the state
    assert history.state() == [b"run 2", b"a3", b"c29", b"beat 2"]
    for seq in range(30, 1_000):
        history.add(alarm(seq, str(seq)), b"x" * 10)
    assert len(history.state()) == MAX_ALARMS + 2


def test_a_reader_in_another_thread_never_gets_the_wrong_message() -> None:
    history, stop, wrong = History(50), threading.Event(), list[object]()

    def read() -> None:
        first = 1
        while not stop.is_set():
            start, found = history.read("alarm", first, first + 30, 30, 10**6)
            if [int(data) for data in found] != list(range(start, start + len(found))):
                wrong.append((start, found))
            newest = history.sent().get("alarm", 0)
            first = max(1, newest - 49)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for seq in range(1, 30_000):
        history.add(alarm(seq), b"%d" % seq)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
