"""How block and reference start, and what an encoder may do: what they cannot know they do not guess."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardware.belt import Belt, BeltSettings
from hardware.handshake import VisionSide
from hardware.journal import Journal
from hardware.plc import EjectorTiming, PlcEvent
from hardware.plc_code import gutteil_fb
from hardware.plc_program import AT_MACHINE, UNCONFIRMED, Moment, Program
from hardware.signals import decode, encode
from tests.hardware.structured_text import FunctionBlock
from tests.hardware.test_plc_code import NOMINAL, TIMINGS, Pair

MS = 1_000_000
SLOW_VALVE = EjectorTiming(delay_counts=300, lead_ms=50, pulse_ms=30, confirm_ms=60)


@pytest.fixture(scope="module")
def parsed() -> FunctionBlock:
    return FunctionBlock(gutteil_fb.function_block("st"))


def run(pair: Pair, cycles: int, *, sensor: bool = False) -> None:
    """Cycles of a vision system that is ready and hears."""
    for step in range(cycles):
        if step % 50 == 0:
            pair.vision.ejector(pair.timing)
            pair.vision.ready(True)
        pair.scan(sensor=sensor)
        pair.exchange()


def test_a_part_that_stands_in_the_light_barrier_at_the_start_is_no_trigger(parsed: FunctionBlock) -> None:
    """The camera had its edge before, or will never have it: a number for it would shift every verdict after it by one part."""
    pair = Pair(parsed, TIMINGS[0], 1, standing=True, attended=False)
    run(pair, 300, sensor=True)
    block = parsed.values
    assert (block["lastPart"], block["run"], block["code"]) == (0, False, AT_MACHINE)
    assert block["out_reset_count"] == 0, "a key that was turned before the start is no acknowledgement"
    pair.scan(sensor=True)
    pair.scan(sensor=True, key=True)
    run(pair, 100, sensor=True)
    assert (block["lastPart"], block["run"], block["valve"]) == (0, True, True)
    pair.scan()
    pair.parts = 0
    pair.scan(sensor=True)
    assert block["lastPart"] == 1


@pytest.mark.parametrize("kept", [0, 1, UNCONFIRMED, AT_MACHINE])
def test_it_starts_stopped_and_with_the_stop_that_it_had(parsed: FunctionBlock, kept: int) -> None:
    pair = Pair(parsed, TIMINGS[0], 1, kept=kept, attended=False)
    run(pair, 300)
    assert (parsed.values["run"], parsed.values["code"]) == (False, kept or AT_MACHINE)
    assert pair.vision.plc["stop_code"] == (kept or AT_MACHINE)
    pair.vision.acknowledge()
    run(pair, 20)
    assert (parsed.values["run"], parsed.values["code"], parsed.values["keptCode"]) == (True, 0, 0)
    pair.vision.stop()
    run(pair, 5)
    assert parsed.values["keptCode"] == 2, "kept over a power failure as soon as it is latched"


def test_the_recipe_that_was_asked_for_stands_there_and_the_belt_waits_for_it(parsed: FunctionBlock) -> None:
    """Also for a vision system that was not there when it was asked for, and after a power failure."""
    pair = Pair(parsed, TIMINGS[0], 1)
    run(pair, 60)
    assert parsed.values["run"], "with none asked for, any may judge"
    pair.scan(ask=5)
    run(pair, 60)
    assert (parsed.values["run"], parsed.values["code"]) == (False, 0)
    pair.vision.recipe(5)
    run(pair, 60)
    assert parsed.values["run"]
    for after in ("vision", "plc"):
        if after == "vision":
            pair.session, pair.vision = 2, VisionSide(2)
        else:
            pair = Pair(parsed, TIMINGS[0], 1, asked=parsed.values["recipeAsked"])
        pair.vision.recipe(4)
        heard: list[int] = []
        for _ in range(60):
            pair.scan()
            pair.vision.heard(pair.words, pair.now)
            heard += [e.code for e in pair.vision.take() if e.kind == "recipe"]
            pair.vision.ejector(pair.timing)
            pair.vision.ready(True)
            pair.image = pair.vision.image()
        assert heard == [5], "once to each of its lives"
        assert not parsed.values["run"]
        forged = decode("to_plc", pair.image) | {"recipe_ok": 1, "ready": 1}
        pair.image = encode("to_plc", forged | {"heartbeat": forged["heartbeat"] + 1})
        pair.scan()
        assert not parsed.values["visionReady"], "the block compares the numbers itself"
        pair.vision.recipe(5)
        run(pair, 120)
        assert parsed.values["run"]


def test_what_is_kept_over_a_power_failure_is_declared_so() -> None:
    for dialect in ("st", "scl"):
        text = gutteil_fb.function_block("st" if dialect == "st" else "scl")
        kept = text[text.index("VAR RETAIN") :]
        kept = kept[: kept.index("END_VAR")]
        assert all(name in kept for name in ("keptCode", "lastSession", "lastPart", "recipeAsked"))


@pytest.mark.parametrize(("timing", "over"), [(TIMINGS[0], 10), (SLOW_VALVE, -20)])
def test_the_sweep_at_the_start_ends_a_whole_pulse_after_the_last_unknown_part(
    parsed: FunctionBlock, timing: EjectorTiming, over: int
) -> None:
    """Also with no speed known yet: the lead is taken at nominal speed."""
    pair = Pair(parsed, timing, 1)
    begin = pair.position
    run(pair, 60)
    assert parsed.values["run"]
    while parsed.values["valve"]:
        run(pair, 1)
        assert pair.position < begin + 1000
    assert pair.position - begin == pytest.approx(timing.delay_counts + over, abs=2)


@pytest.mark.parametrize(("back", "stops"), [(1, False), (5, False), (7, True), (20, True), (90, True), (150, True)])
def test_an_encoder_that_is_set_back_by_more_than_it_trembles_stops_the_line(parsed: FunctionBlock, back: int, stops: bool) -> None:
    """Every count that it goes back is one by which a shot would come late."""
    pair = Pair(parsed, TIMINGS[0], 3)
    run(pair, 300)
    pair.scan(sensor=True)
    run(pair, 20)
    block = parsed.values
    assert (block["run"], block["valve"]) == (True, False)
    pair.position -= back + NOMINAL * 2 // 1000
    run(pair, 1)
    assert (block["run"], block["code"]) == ((False, AT_MACHINE) if stops else (True, 0))
    pair.scan(key=True)
    run(pair, 200)
    assert sorted(pair.outcomes["block"]) == sorted(pair.outcomes["reference"])
    assert len(pair.outcomes["block"]) == 1, "the part that lay there has come to its end all the same"


def test_the_simulated_line_keeps_its_stop_when_it_is_switched_off(tmp_path: Path) -> None:
    """Its operator turns the key at the start only where nothing was latched."""
    file = tmp_path / "line.jsonl"
    for said, stopped in (
        ([PlcEvent("started", 0, 1)], 0),
        ([PlcEvent("stopped", 0, 2, code=UNCONFIRMED)], UNCONFIRMED),
        ([], UNCONFIRMED),
        ([PlcEvent("reset", 0, 3)], 0),
        ([PlcEvent("stopped", 0, 4, code=1), PlcEvent("started", 0, 5), PlcEvent("stopped", 0, 6)], 0),
    ):
        journal = Journal(str(file))
        for event in said:
            journal.event(event)
        journal.close()
        assert Journal(str(file)).stopped == stopped
    for kept in (0, UNCONFIRMED):
        belt = Belt(BeltSettings(), kept=kept)
        for step in range(400):
            belt.ready(True, 10**12 + step * 5 * MS)
        assert (belt.running, belt.program.code) == (kept == 0, kept)
    belt.acknowledge(10**12 + 2001 * MS)
    belt.advance(10**12 + 2050 * MS)
    assert belt.running


def test_a_reference_that_nobody_has_acknowledged_never_runs() -> None:
    program = Program(NOMINAL, TIMINGS[0])
    for step in range(2000):
        program.ready(Moment(10**12 + step * MS, 0, 0.0), True)
    assert (program.running, program.code) == (False, AT_MACHINE)
