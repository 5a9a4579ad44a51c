"""The signal table: no two signals in one place, and what is written is what is read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.plc import STOPS
from hardware.signals import LAST_SEQUENCE, LENGTHS, OUTCOMES, SIGNALS, VERDICTS, Direction, Signal, decode, encode, following, signals

BOUNDS = {"bit": (0, 1), "u16": (0, 0xFFFF), "u32": (0, 0xFFFF_FFFF), "i32": (-(1 << 31), (1 << 31) - 1)}
DIRECTIONS: tuple[Direction, ...] = ("to_plc", "from_plc")


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_no_two_signals_share_a_place(direction: Direction) -> None:
    taken: dict[tuple[int, int], str] = {}
    for s in signals(direction):
        bits = [(s.register, s.bit)] if s.bit is not None else [(s.register + w, b) for w in range(s.words) for b in range(16)]
        for place in bits:
            assert place not in taken, f"{s.name} lies on {taken.get(place)}"
            assert 0 <= place[0] < LENGTHS[direction]
            taken[place] = s.name
    assert len({s.name for s in signals(direction)}) == len(signals(direction))
    assert LENGTHS[direction] <= 123  # one request reads the block, and one writes it


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda s: f"{s.direction}.{s.name}")
def test_every_row_is_complete(signal: Signal) -> None:
    assert re.fullmatch(r"[a-z][a-z_]{2,23}", signal.name)
    assert (signal.bit is None) == (signal.type != "bit")
    assert signal.meaning
    assert 0 < len(signal.german) <= 40


@pytest.mark.parametrize("head", ["result", "timing", "trigger", "outcome", "recipe"])
def test_a_group_begins_with_its_sequence_and_ends_with_the_check(head: str) -> None:
    direction: Direction = "to_plc" if head in ("result", "timing") else "from_plc"
    rows = {s.name: s for s in signals(direction)}
    first, last = rows[f"{head}_sequence"].register, rows[f"{head}_check"].register
    assert first < last
    inside = [s for s in signals(direction) if first < s.register < last]
    assert sum(s.words for s in inside) == last - first - 1


def test_the_meanings_name_every_code() -> None:
    meaning = {s.name: s.meaning for s in SIGNALS}
    assert all(f"{code} " in meaning["stop_code"] for code in STOPS)
    assert all(f"{code} " in meaning["outcome_code"] for code in OUTCOMES)
    assert all(f"{code} {name}" in meaning["result_verdict"] for code, name in VERDICTS.items())


@given(st.data(), st.sampled_from(DIRECTIONS))
def test_what_is_written_is_read(data: st.DataObject, direction: Direction) -> None:
    values = {s.name: data.draw(st.integers(*BOUNDS[s.type]), s.name) for s in signals(direction)}
    registers = encode(direction, values)
    assert decode(direction, registers) == values
    assert all(0 <= r <= 0xFFFF for r in registers)


def test_the_high_word_comes_first() -> None:
    registers = encode("to_plc", {"result_part": 0x0001_0002, "result_encoder": -2, "overrun": 1})
    assert registers[17:21] == [1, 2, 0xFFFF, 0xFFFE]
    assert registers[4] == 1 << 4


def test_what_is_no_block_is_refused() -> None:
    for registers in ([], [0] * 47, [0] * 49, [-1] + [0] * 47, [0x10000] + [0] * 47):
        with pytest.raises(ValueError, match="48 registers"):
            decode("to_plc", registers)
    with pytest.raises(KeyError):
        encode("to_plc", {"colour": 1})


def test_sequences_skip_zero_and_toggle() -> None:
    sequence = 0
    for _ in range(3 * LAST_SEQUENCE):
        after = following(sequence)
        assert 1 <= after <= LAST_SEQUENCE
        assert after % 2 != sequence % 2
        sequence = after
