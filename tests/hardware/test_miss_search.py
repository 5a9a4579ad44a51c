"""A search for a row of rejects in which one that did not fall is not noticed: however close they come, however long the window."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hardware.belt import Belt, BeltSettings
from hardware.plc import EjectorTiming
from hardware.plc_code import gutteil_fb
from hardware.plc_program import UNCONFIRMED, UNKNOWN_FALL
from tests.hardware.structured_text import FunctionBlock
from tests.hardware.test_plc_code import CYCLE_MS, Pair

MS = 1_000_000
BLOCK = FunctionBlock(gutteil_fb.function_block("st"))


@settings(max_examples=120, deadline=None)
@given(
    gap_ms=st.integers(2, 120),
    fall_ms=st.integers(3, 150),
    confirm_ms=st.sampled_from([60, 200, 400, 1000]),
    lead_ms=st.sampled_from([0.0, 20.0]),
    missing=st.integers(3, 40),
    jitter=st.sampled_from([0.0, 0.3]),
)
def test_of_rejects_in_a_row_one_does_not_fall(
    gap_ms: int, fall_ms: int, confirm_ms: int, lead_ms: float, missing: int, jitter: float
) -> None:
    assume(fall_ms + 10 < confirm_ms)  # else every reject stops the line
    belt = Belt(BeltSettings(rate_hz=1000 / gap_ms, jitter=jitter, parts=missing + 1200, confirm_s=fall_ms / 1000))
    belt.aim(EjectorTiming(delay_ms=300.0, lead_ms=lead_ms, pulse_ms=10.0, confirm_ms=float(confirm_ms)))
    now = 10**12
    stood = False
    while belt.fed < missing + 1100:
        now += max(1, min(belt.next_due_ns(now), 5 * MS))
        belt.ready(True, now)
        belt.advance(now)
        for body in belt.ejector._bodies:
            body.firm = body.trigger_id == missing
        there = next((b for b in belt.ejector._bodies if b.trigger_id == missing), None)
        if belt.program.code:
            assert belt.program.code == UNCONFIRMED
            if belt.fed >= missing and (there is None or belt._belt_ns >= there.at):
                stood = True
                break
            belt.acknowledge(now)  # too close to tell: the line has stopped before, and somebody sends it on
        part = next((p for p in belt.program.parts if p.trigger_id == missing), None)
        times = 1 if belt.program._fall_ns else UNKNOWN_FALL
        bound_ns = times * confirm_ms * MS + 25 * MS  # its own window, and a turn of the line's loop
        gone_ns = belt._world_ns - part.arrived_ns if part is not None and part.arrived_ns else 0
        assert gone_ns <= bound_ns, "the part has gone by, and the line runs on"
        assert all(e.kind != "ejected" for e in belt.events if e.trigger_id == missing), "it counts as confirmed"
        belt.events.clear()
    assert stood, "nothing has stopped the line"


@pytest.mark.parametrize("seed", range(8))
def test_the_block_notices_it_as_the_reference_does(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Gap and fall in cycles."""
    monkeypatch.setattr("hardware.plc_program.MAX_PARTS", gutteil_fb.MAX_PARTS)
    rng = random.Random(seed)
    gap, fall, confirm_ms = rng.randint(4, 25), rng.randint(2, 30), rng.choice([60, 200])
    missing = rng.randint(2, 12) if seed % 4 else None
    pair = Pair(BLOCK, EjectorTiming(delay_counts=200, pulse_ms=10, confirm_ms=confirm_ms), 1)
    falls: set[int] = set()
    arrived: set[int] = set()
    gone = row = 0
    for step in range(900):
        if step % 50 == 0:
            pair.vision.ejector(pair.timing)
            pair.vision.ready(True)
        row = row + 1 if pair.program.running else 0
        sensor = row > 150 and (row == 151 or (row > 300 and row % gap == 0))  # the first alone, to see how long a fall takes
        pair.scan(sensor=sensor and not pair.before["sensor"], confirm=step in falls and not pair.before["confirm"])
        pair.exchange()
        for part in pair.program.parts:
            if part.arrived_ns and part.trigger_id not in arrived:
                arrived.add(part.trigger_id)
                if part.trigger_id != missing:
                    falls.add(step + fall)
                else:
                    gone = step
        if pair.program.code:
            break
        assert not gone or (step - gone) * CYCLE_MS <= confirm_ms, "the part has gone by, and the line runs on"
    if missing is not None:
        assert pair.program.code == UNCONFIRMED
    elif gap > math.ceil(0.25 * fall) + 1 and fall * CYCLE_MS < confirm_ms:
        assert not pair.program.code, "rejects that can be told apart do not stop the line"
