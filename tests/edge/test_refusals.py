"""Refused orders in the audit: who tried is seen, and a flood makes a handful of rows."""

from __future__ import annotations

import math
import time

import msgspec
import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from edge.bus import Subscriber, context
from edge.commands import PER_S, Command, send_command
from edge.messages import Audit
from edge.refusals import EVERY_S, MAX_PEERS, OTHERS, Refusals
from tests.edge.floor import all_ok, floor


def test_the_first_at_once_and_then_a_count_a_minute_until_it_is_quiet() -> None:
    refusals = Refusals()
    refusals.note(0, "it is no order", "none", "10.0.0.7")
    assert [(r.op, r.key, r.text) for r in refusals.tell(0)] == [("refused", "none", "it is no order (from 10.0.0.7)")]
    for i in range(500):
        refusals.note(i / 10, "too many", "none", "10.0.0.7", "stop", "x")
    assert refusals.tell(59) == []
    assert [r.text for r in refusals.tell(60)] == ["500 more; the last: too many (from 10.0.0.7)"]
    assert refusals.tell(120) == []
    refusals.note(121, "too many", "none", "", "stop", "x")
    assert [(r.op, r.who, r.text) for r in refusals.tell(121)] == [("stop", "x", "too many")]
    refusals.note(122, "again", "none", "")
    assert [r.text for r in refusals.tell(math.inf)] == ["1 more; the last: again"]


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 40)), max_size=300))
def test_nothing_is_left_out_and_no_flood_makes_many_rows(tries: list[tuple[float, int]]) -> None:
    """However many peers take turns: all refusals are accounted for, in at most two rows a minute for each of nine."""
    refusals, told, now = Refusals(), [], 0.0
    for wait_s, peer in tries:
        now += wait_s
        refusals.note(now, "why", f"key-{peer}", "address")
        told += refusals.tell(now)
    told += refusals.tell(math.inf)
    assert sum(int(r.text.split()[0]) if " more; " in r.text else 1 for r in told) == len(tries)
    assert len(told) <= 2 * (MAX_PEERS + 1) * (now // EVERY_S + 1)
    assert len({r.key for r in told}) <= MAX_PEERS * (now // EVERY_S + 1) + 1
    assert all(r.key == OTHERS or r.key.startswith("key-") for r in told)


def test_the_rejector_audits_what_is_malformed_nameless_and_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.refusals.EVERY_S", 1.0)
    with floor(all_ok) as f, context().socket(zmq.DEALER) as wild:
        reader = Subscriber([f.config.bus.rejector], [Audit])
        f.until(lambda: len(f.ejections) >= 2)
        assert not send_command(f.config, Command("acknowledge", who=" ")).accepted
        first = reader.get(5.0)
        assert isinstance(first, Audit)
        assert (first.op, first.who, first.key, first.accepted) == ("acknowledge", " ", "none", False)
        assert "needs the name" in first.text
        wild.set(zmq.LINGER, 0)
        wild.connect(f.config.bus.commands)
        for number in range(10 * PER_S):
            wild.send(msgspec.json.encode(Command("acknowledge", who="wild", number=number)))
            wild.send(b"{")
        counted, rows, until = 0, 0, time.monotonic() + 20
        while counted < 10 * PER_S + 5 * PER_S and time.monotonic() < until:  # at least: the malformed ones, and most of the others
            message = reader.get(0.2)
            if isinstance(message, Audit) and " more; " in message.text:
                counted, rows = counted + int(message.text.split()[0]), rows + 1
        assert counted >= 15 * PER_S
        assert rows <= 20
        reader.close()
