"""The handshake case by case (stops: `test_handshake_stops`); `test_handshake_search` looks for what nobody thought of."""

from __future__ import annotations

import math

import pytest

from hardware.handshake import VisionSide
from hardware.handshake_plc import PlcSide
from hardware.plc import EjectorTiming, PlcEvent, Result
from hardware.signals import LAST_SEQUENCE, decode, encode
from tests.hardware.pair import Pair, linked_pair


@pytest.fixture
def pair() -> Pair:
    return linked_pair()


def test_nothing_counts_before_both_know_each_other() -> None:
    pair = Pair()
    pair.plc.heard(pair.vision.image())
    said = decode("from_plc", pair.plc.image()) | {"session_echo": 0}
    pair.vision.heard(encode("from_plc", said), 0)
    pair.vision.answer(Result(1, 1))
    pair.vision.acknowledge()
    assert pair.says["result_sequence"] == pair.says["acknowledge_sequence"] == 0
    pair.down()
    assert pair.told == []
    pair.up()
    assert pair.says["result_sequence"] == 1
    pair.plc.heard(pair.vision.image())
    orders = pair.plc.take()
    assert orders.results == [Result(1, 1)]
    assert orders.acknowledge


def test_what_is_said_before_the_plc_says_who_it_is_is_dropped_and_flagged() -> None:
    pair = Pair()
    pair.vision.answer(Result(9, 1))  # of which life of the PLC?
    pair.vision.acknowledge()
    pair.vision.answer(Result(8, 1))
    assert pair.says["overrun"] == 1
    for _ in range(4):
        pair.plc.heard(pair.vision.image())
        orders = pair.plc.take()
        assert not orders.acknowledge
        assert orders.results == []
        pair.up()
    pair.vision.answer(Result(9, 1))
    pair.cycles()
    assert pair.told == []


def test_each_life_of_the_plc_has_another_number() -> None:
    pair = Pair()
    seen = [0]
    for retained in (True, False, True, False, False):
        pair.plc = PlcSide(last_session=pair.plc.session if retained else 0)
        pair.cycles()
        assert pair.plc.session != seen[-1]
        seen.append(pair.plc.session)


def test_a_result_stands_until_it_is_acknowledged_and_the_toggle_turns(pair: Pair) -> None:
    for part in (1, 2):
        pair.vision.answer(Result(part, 2, defect=part, encoder=-part))
    first = pair.says
    assert (first["result_part"], first["result_valid"], first["results_waiting"], first["result_toggle"]) == (1, 1, 2, 1)
    for _ in range(5):  # however often it is read
        pair.plc.heard(pair.vision.image())
    assert pair.says["result_part"] == 1
    pair.cycles(1)
    second = pair.says
    assert (second["result_part"], second["result_toggle"], second["results_waiting"]) == (2, 0, 1)
    pair.cycles()
    assert pair.told == [Result(1, 2, 1, -1), Result(2, 2, 2, -2)]
    assert pair.says["result_valid"] == 0


def test_the_same_answer_again_changes_nothing(pair: Pair) -> None:
    for verdict in (2, 2, 1, 3, 1):
        pair.vision.answer(Result(5, verdict))
    pair.cycles()
    pair.vision.answer(Result(5, 1))
    pair.cycles()
    assert pair.told == [Result(5, 2)]


def test_an_ok_that_is_taken_back_while_it_waits_never_leaves(pair: Pair) -> None:
    for part in (1, 2):
        pair.vision.answer(Result(part, 1))
    pair.vision.answer(Result(2, 3))
    pair.cycles()
    assert pair.told == [Result(1, 1), Result(2, 3)]


def test_an_ok_that_is_taken_back_after_it_left_is_followed_by_the_truth(pair: Pair) -> None:
    pair.vision.answer(Result(1, 1))
    pair.vision.answer(Result(1, 2))
    pair.cycles()
    assert pair.told == [Result(1, 1), Result(1, 2)]


def test_overrun_drops_what_does_not_fit_and_says_so_until_acknowledged(pair: Pair) -> None:
    for part in range(1, 11):
        pair.vision.answer(Result(part, 1))
    assert (pair.says["overrun"], pair.says["overruns"], pair.says["results_waiting"]) == (1, 2, 8)
    pair.vision.answer(Result(9, 1))  # said again when there is room: its part has been given up
    pair.cycles(12)
    pair.vision.answer(Result(10, 1))
    pair.cycles()
    assert [r.trigger_id for r in pair.told] == list(range(1, 9))
    assert pair.says["overrun"] == 1
    pair.vision.acknowledge()
    assert pair.says["overrun"] == 0
    assert pair.says["overruns"] == 2


def test_the_word_that_takes_an_ok_back_finds_room_in_a_full_queue(pair: Pair) -> None:
    for part in range(1, 9):
        pair.vision.answer(Result(part, 1))
    pair.vision.answer(Result(1, 2))  # 1 is shown and may have been read
    pair.cycles(12)
    assert pair.told == [Result(1, 1), Result(1, 2), *(Result(part, 1) for part in range(2, 8))], "before all that wait"
    assert pair.says["overruns"] == 1


def test_a_word_that_takes_an_ok_back_waits_for_nothing_but_the_result_that_is_shown() -> None:
    pair = linked_pair()
    pair.vision.answer(Result(1, 1))
    pair.cycles()
    pair.plc.heard(pair.vision.image())
    for part in (2, 3, 4):
        pair.vision.answer(Result(part, 1))
    pair.vision.answer(Result(1, 2))
    pair.cycles(8)
    assert pair.told == [Result(1, 1), Result(2, 1), Result(1, 2), Result(3, 1), Result(4, 1)]


def test_an_event_is_acknowledged_when_more_is_asked_for() -> None:
    """Whoever takes it and dies before it is used has not taken it: the next life gets it."""
    pair = linked_pair()
    pair.plc.happened(PlcEvent("ejected", 1, 0))
    pair.down()
    for _ in range(3):
        pair.vision.heard(pair.plc.image(), 1)
    assert [e.trigger_id for e in pair.vision.take()] == [1]
    for _ in range(3):
        pair.vision.heard(pair.plc.image(), 1)
        pair.down()
        assert pair.plc.waiting == 1
    pair.vision = VisionSide(8)
    pair.cycles()
    assert [(e.kind, e.trigger_id) for e in pair.events if e.trigger_id] == [("ejected", 1)]
    assert pair.plc.waiting == 0


def test_more_corrections_than_fit_stop_the_line(pair: Pair) -> None:
    for part in range(1, 21):
        pair.vision.answer(Result(part, 1))
        pair.cycles(2)
    for part in range(1, 9):
        pair.vision.answer(Result(part, 2))
    assert pair.says["stop_request"] == 0
    pair.vision.answer(Result(9, 2))
    assert pair.says["stop_request"] == 1
    for part in range(10, 21):
        pair.vision.answer(Result(part, 2))
    pair.told.clear()
    pair.cycles(40)
    assert sorted(r.trigger_id for r in pair.told if r.verdict == 2) == list(range(1, 21))  # no OK stays with the PLC


def test_the_plc_restarts(pair: Pair) -> None:
    """What was said of parts of its life before is not said to the new one, and an old acknowledgement starts nothing."""
    pair.vision.acknowledge()
    pair.cycles()
    for part in (1, 2, 3):
        pair.vision.answer(Result(part, 1))
    pair.cycles(1)
    pair.told.clear()
    pair.plc = PlcSide()
    acknowledged = False
    for _ in range(4):
        pair.plc.heard(pair.vision.image())
        orders = pair.plc.take()
        pair.told += orders.results
        acknowledged |= orders.acknowledge
        pair.up()
    assert pair.vision.linked
    assert pair.told == []
    assert not acknowledged
    assert pair.says["overruns"] == 2
    for part in (1, 2):  # 2 was waiting when the PLC went: given up, perhaps for the new life
        pair.vision.answer(Result(part, 1))
    pair.cycles()
    assert pair.told == [Result(1, 1)]


def test_we_restart_and_what_was_not_acknowledged_comes_again(pair: Pair) -> None:
    for part in (1, 2, 3):
        pair.plc.happened(PlcEvent("triggered", part, 0, 10 * part))
    pair.cycles(1)
    assert [e.trigger_id for e in pair.events] == [1]
    pair.vision = VisionSide(8)
    pair.events.clear()
    pair.up()
    pair.vision.answer(Result(2, 1))
    pair.cycles(6)
    assert [e.trigger_id for e in pair.events if e.kind == "triggered"] == [1, 2, 3]
    assert [e.encoder for e in pair.events if e.kind == "triggered"] == [10, 20, 30]
    assert pair.told == [Result(2, 1)]


def test_events_come_in_order_once_with_their_numbers(pair: Pair) -> None:
    said = [
        PlcEvent("triggered", 1, 0, -5),
        PlcEvent("passed", 1, 0, 0, "", 120.0),
        PlcEvent("ejected", 2, 0, 0, "", -30.0),
        PlcEvent("missed", 3, 0),
        PlcEvent("late", 4, 0),
        PlcEvent("recipe", 0, 0, code=12),
    ]
    for event in said:
        pair.plc.happened(event)
    for _ in range(12):
        pair.down()
        pair.up()
        pair.up()
    got = [(e.kind, e.trigger_id, e.encoder, e.offset_us, e.code) for e in pair.events]
    assert sorted(got) == sorted((e.kind, e.trigger_id, e.encoder, e.offset_us, e.code) for e in said)
    outcomes = [e.trigger_id for e in pair.events if e.kind in ("passed", "ejected", "missed", "late")]
    assert outcomes == [1, 2, 3, 4]
    assert pair.plc.waiting == 0


def test_busy_while_a_part_has_no_verdict(pair: Pair) -> None:
    pair.plc.happened(PlcEvent("triggered", 3, 0))
    pair.cycles()
    assert pair.says["busy"] == 1
    pair.vision.answer(Result(3, 2))
    assert pair.says["busy"] == 0


def test_recipe_request_and_echo(pair: Pair) -> None:
    assert pair.says["recipe_ok"] == 1  # none was asked for, and it may have no number
    pair.vision.recipe(4)
    assert pair.says["recipe_ok"] == 1
    pair.plc.happened(PlcEvent("recipe", 0, 0, code=5))
    pair.cycles()
    assert [(e.kind, e.code) for e in pair.events] == [("recipe", 5)]
    assert pair.says["recipe_ok"] == 0
    pair.plc.heard(pair.vision.image())
    assert pair.plc.take().hold
    pair.vision.recipe(5)
    pair.down()
    assert not pair.plc.take().hold
    assert (pair.says["recipe_ok"], pair.says["recipe_active"], pair.says["recipe_ack"]) == (1, 5, 1)


def test_the_timing_is_taken_once_and_again_after_either_restarts(pair: Pair) -> None:
    timing = EjectorTiming(412.3, 4000, 12.5, 30.0, 80.0, 250.0)

    def taken() -> EjectorTiming | None:
        pair.plc.heard(pair.vision.image())
        return pair.plc.take().timing

    pair.vision.ejector(timing)
    assert taken() == timing
    pair.vision.ejector(timing)
    assert taken() is None
    pair.plc = PlcSide()
    assert taken() == timing
    pair.vision = VisionSide(9)
    pair.vision.ejector(timing)
    assert taken() == timing
    pair.vision.ejector(EjectorTiming(math.nan, -3, -1.0, math.inf, 1e9, 0.04))
    assert taken() == EjectorTiming(0.0, 0, 0.0, 0.0, 6553.5, 0.0)


def test_a_beat_is_a_change_after_the_first_look(pair: Pair) -> None:
    pair.plc.heard(pair.vision.image())
    assert pair.plc.take().beat is None
    pair.vision.ready(True, fault=3)
    pair.plc.heard(pair.vision.image())
    orders = pair.plc.take()
    assert (orders.beat, orders.fault, pair.says["fault"]) == (True, 3, 1)
    for _ in range(3):  # stuck at the last value
        pair.plc.heard(pair.vision.image())
        assert pair.plc.take().beat is None
    late = PlcSide()
    late.heard(pair.vision.image())
    assert late.take().beat is None  # what it reads first may have stood there for years


def test_another_version_of_the_map_is_not_looked_at(pair: Pair) -> None:
    pair.vision.answer(Result(1, 1))
    image = pair.vision.image()
    image[0] = 2
    pair.plc.heard(image)
    assert pair.plc.take().results == []
    theirs = pair.plc.image()
    theirs[0] = 2
    pair.plc.happened(PlcEvent("triggered", 1, 0))
    pair.vision.heard(theirs, 0)
    assert not pair.vision.linked
    assert pair.vision.take() == []


@pytest.mark.parametrize("verdict", [0, 4, 65_535])
def test_a_verdict_that_there_is_not_lets_nothing_pass(pair: Pair, verdict: int) -> None:
    pair.vision.answer(Result(1, verdict))
    pair.cycles()
    assert pair.told == [Result(1, 3)]
    said = decode("to_plc", pair.vision.image()) | {"result_sequence": 9, "result_check": 9, "result_verdict": verdict}
    pair.plc.heard(encode("to_plc", said))
    assert pair.plc.take().results == [Result(1, 3)]


@pytest.mark.parametrize("group", ["trigger", "outcome", "recipe"])
def test_a_torn_group_has_not_been_read(pair: Pair, group: str) -> None:
    said = decode("from_plc", pair.plc.image()) | {f"{group}_sequence": 3, f"{group}_check": 2}
    pair.vision.heard(encode("from_plc", said), 0)
    assert pair.vision.take() == []
    assert pair.says["outcome_ack"] == pair.says["trigger_ack"] == pair.says["recipe_ack"] == 0


def test_an_outcome_that_there_is_not_does_not_block_the_next(pair: Pair) -> None:
    said = decode("from_plc", pair.plc.image()) | {"outcome_sequence": 3, "outcome_check": 3, "outcome_code": 99}
    pair.vision.heard(encode("from_plc", said), 0)
    assert pair.vision.take() == pair.vision.take() == []
    assert pair.says["outcome_ack"] == 3


@pytest.mark.parametrize("part", [0, -1, 1 << 32])
def test_a_part_that_does_not_fit_the_table_is_flagged(pair: Pair, part: int) -> None:
    pair.vision.answer(Result(part, 1))
    pair.cycles()
    assert pair.told == []
    assert pair.says["overrun"] == 1


def test_memory_is_bounded(pair: Pair) -> None:
    for part in range(1, 20_000):
        pair.vision.answer(Result(part, 1 + part % 3))
        said = {"map_version": 1, "plc_session": 1, "session_echo": 7, "stop_count": part, "trigger_part": part}
        said["trigger_sequence"] = said["trigger_check"] = part
        pair.vision.heard(encode("from_plc", said), 0)
    assert len(pair.vision.take()) < 20
    assert len(pair.vision._said) <= 4096
    assert len(pair.vision._open) <= 4096
    assert len(pair.vision._queue) <= 8


@pytest.mark.parametrize("session", [0, -1, LAST_SEQUENCE + 1])
def test_a_session_that_cannot_be_said_is_refused(session: int) -> None:
    with pytest.raises(ValueError, match="session"):
        VisionSide(session)
