"""The function block for PLC programmers: made from the signal table, parsed, and run against the program that it repeats."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hardware.handshake import VisionSide
from hardware.handshake_plc import PlcSide
from hardware.part import PartState
from hardware.plc import EjectorTiming, PlcEvent, Result
from hardware.plc_code import gutteil_fb
from hardware.plc_program import AT_MACHINE, BIN_FULL, Moment, Program
from hardware.signals import FROM_PLC_LENGTH, LAST_SEQUENCE, SIGNALS, decode, signals
from tests.hardware.structured_text import FunctionBlock

FOLDER = Path(gutteil_fb.__file__).parent
CYCLE_MS = 2
NOMINAL = 1000
# what a person sees at the PLC; the program itself does not need it
FOR_DISPLAY = {
    "busy",
    "overrun",
    "fault",
    "fault_code",
    "recipe_ack",
    "results_waiting",
    "overruns",
    "result_encoder",
    "result_defect",
}
# set by the block from its inputs, or not at all by the reference
OWN = {"heartbeat", "latched_stop", "bin_full", "low_air", "reset_key", "simulated"}


@pytest.fixture(scope="module")
def source() -> str:
    return (FOLDER / "GutteilReject.st").read_text("utf-8")


@pytest.fixture(scope="module")
def parsed(source: str) -> FunctionBlock:
    return FunctionBlock(source)


def test_the_committed_files_are_what_the_generator_makes() -> None:
    for path, text in gutteil_fb.files().items():
        assert path.read_text("utf-8") == text, "run: python -m hardware.plc_code.gutteil_fb"
        assert text.isascii()


def test_every_signal_of_the_table_is_read_or_written_at_its_place(parsed: FunctionBlock, source: str) -> None:
    body = source.partition("// ---- 1. ")[2]
    for s in SIGNALS:
        name = f"{'in' if s.direction == 'to_plc' else 'out'}_{s.name}"
        assert parsed.types[name] == gutteil_fb.TYPES[s.type]
        words = [f"words{'In' if s.direction == 'to_plc' else 'Out'}[{s.register + i}]" for i in range(s.words)]
        assert all(word in source for word in words)
        if s.direction == "from_plc":
            assert re.search(rf"\b{name} := ", body), f"{name} is never set"
        elif s.name not in FOR_DISPLAY:
            assert re.search(rf"\b{name}\b", body), f"{name} is never looked at"


def test_what_is_read_and_written_is_what_the_table_says(source: str) -> None:
    """Against the table's own encoder and decoder."""
    block = FunctionBlock(source.partition("// ---- 1. ")[0] + "// ---- 1. \n" + source[source.index("wordsOut[4] := 0;") :])
    rng = random.Random(4)
    for _ in range(50):
        words = [rng.choice([0, 1, 0xFFFF, 0x8000, rng.randrange(65_536)]) for _ in block.values["wordsIn"]]
        block.values["wordsIn"] = words
        wanted = {}
        for s in signals("from_plc"):
            span = {"bit": (0, 1), "u16": (0, 65_535), "u32": (0, 2**32 - 1), "i32": (-(2**31), 2**31 - 1)}[s.type]
            wanted[s.name] = rng.choice([*span, rng.randint(*span)])
            block.values[f"out_{s.name}"] = bool(wanted[s.name]) if s.type == "bit" else wanted[s.name]
        block.scan()
        assert {name: int(block.values[f"in_{name}"]) for name in decode("to_plc", words)} == decode("to_plc", words)
        assert decode("from_plc", block.values["wordsOut"]) == wanted


def test_the_block_for_tia_portal_says_the_same() -> None:
    st, scl = (gutteil_fb.function_block(dialect) for dialect in ("st", "scl"))
    body = scl[scl.index("BEGIN\n") + 6 : scl.index("END_FUNCTION_BLOCK")]
    assert body.replace("#", "").strip() in st
    code = re.sub(r"//.*", "", body)
    words = set(re.findall(r"(?<![#\w.])[A-Za-z_]\w*", code))
    keywords = {
        "IF",
        "THEN",
        "ELSE",
        "ELSIF",
        "END_IF",
        "FOR",
        "TO",
        "DO",
        "END_FOR",
        "WHILE",
        "END_WHILE",
        "EXIT",
        "AND",
        "OR",
        "NOT",
        "MOD",
        "TRUE",
        "FALSE",
    }
    assert {w for w in words if "_TO_" not in w} <= keywords, "every variable is marked as local"
    assert scl.count("VAR") == st.count("VAR")


@dataclass
class Pair:
    """The block and its reference, told the same."""

    block: FunctionBlock
    timing: EjectorTiming
    seed: int
    session: int = 1
    dead_encoder: bool = False
    kept: int = 0  # the stop that was latched when the power went
    standing: bool = False  # a part stands at the sensor at the start, and the key is turned
    attended: bool = True  # somebody turns the key after the start
    asked: int = 0  # the recipe that was asked for when the power went
    outcomes: dict[str, list[tuple[int, str, int]]] = field(default_factory=lambda: {"block": [], "reference": []})

    def __post_init__(self) -> None:
        for name, kind in self.block.types.items():
            if name not in {v.name for v in gutteil_fb.CONSTANTS}:
                zero = {"BOOL": False, "LREAL": 0.0}.get(kind, 0)
                old = self.block.values[name]
                self.block.values[name] = [zero] * len(old) if isinstance(old, list) else zero
        self.rng = random.Random(self.seed)
        self.vision = VisionSide(self.session)
        self.block.values.update(keptCode=self.kept, recipeAsked=self.asked)
        self.program, self.side = Program(NOMINAL, self.timing, kept=self.kept), PlcSide(asked=self.asked)
        self.now, self.position, self.speed, self.parts = 10**12, 0, NOMINAL, 0
        self.before = dict.fromkeys(("sensor", "confirm", "reset"), self.standing)
        self.words = [0] * FROM_PLC_LENGTH
        self.image = self.vision.image()
        self.scan(sensor=self.standing, confirm=self.standing, key=self.standing)
        assert self.program.code == (self.kept or AT_MACHINE)
        if self.attended:
            self.scan()
            self.scan(key=True)

    def scan(
        self, *, sensor: bool = False, confirm: bool = False, bin_full: bool = False, button: bool = False, key: bool = False, ask: int = 0
    ) -> None:
        """One cycle of both; `ask`: for one cycle, the recipe that is asked for."""
        self.now += CYCLE_MS * 1_000_000
        speed = self.speed if self.program.running and not self.dead_encoder else 0
        self.position += speed * CYCLE_MS // 1000
        block = self.block.values
        block.update(
            wordsIn=list(self.image), cycleUs=CYCLE_MS * 1000, position=self.position, speed=speed, nominalSpeed=NOMINAL, partSensor=sensor,
            confirmSensor=confirm, binFull=bin_full, stopButton=button, resetKey=key,
            askRecipe=ask > 0, recipeNumber=ask,
        )  # fmt: skip
        self.block.scan()
        at = Moment(self.now, self.position, float(speed))
        program = self.program
        program._look(at, int(confirm and not self.before["confirm"]))  # belt and valve come once a cycle, after all that is said
        if bin_full:
            program._latch(at, BIN_FULL, "the bin is full")
        if key and not self.before["reset"]:
            program.reset(at)
        if ask:
            self.side.happened(PlcEvent("recipe", 0, self.now, code=ask))
        self.side.heard(self.image)
        orders = self.side.take()
        if orders.timing is not None:
            program.timing(orders.timing)
        for result in orders.results:
            program.answer(at, result.trigger_id, result.verdict)
        if orders.acknowledge:
            program.acknowledge(at)
        if button:
            program.stop(at, "button", AT_MACHINE)
        if orders.stop:
            program.stop(at, "asked for")
        if orders.beat is not None:
            program.ready(at, orders.beat and not orders.hold)
        program._ready &= not orders.hold
        if sensor and not self.before["sensor"]:
            self.parts += 1
            program.seen(at, self.parts)
        program.scan(at)
        for event in program.events:
            self.side.happened(event)
            if event.kind in ("passed", "ejected", "missed", "late"):
                self.outcomes["reference"].append((event.trigger_id, event.kind, round(event.offset_us / 10)))
        program.events.clear()
        self.before = {"sensor": sensor, "confirm": confirm, "reset": key}
        self.words = block["wordsOut"]
        self.compare(decode("from_plc", self.words), decode("from_plc", self.side.image()))

    def compare(self, ours: dict[str, int], theirs: dict[str, int]) -> None:
        block = self.block.values
        assert (block["run"], block["valve"], block["code"]) == (self.program.running, self.program.valve, self.program.code), self.now
        for name, value in theirs.items():
            if name not in OWN and not name.startswith("outcome_"):
                assert ours[name] == value, (name, self.now)
        assert ours["outcome_sequence"] == theirs["outcome_sequence"]

    def exchange(self) -> None:
        """The vision system reads and writes."""
        self.vision.heard(self.words, self.now)
        for event in self.vision.take():
            if event.kind in ("passed", "ejected", "missed", "late"):
                self.outcomes["block"].append((event.trigger_id, event.kind, round(event.offset_us / 10)))
        self.image = self.vision.image()


TIMINGS = [
    EjectorTiming(delay_counts=200, lead_ms=20, pulse_ms=30, confirm_ms=60),
    EjectorTiming(delay_counts=300, pulse_ms=10, spacing_ms=120, confirm_ms=100),
    EjectorTiming(delay_ms=210, lead_ms=50, pulse_ms=20, spacing_ms=40, confirm_ms=60),
]


@pytest.fixture(autouse=True)
def as_many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference follows more parts than a small PLC."""
    monkeypatch.setattr("hardware.plc_program.MAX_PARTS", gutteil_fb.MAX_PARTS)


@pytest.mark.parametrize("seed", range(9))
def test_the_block_does_what_the_reference_does(parsed: FunctionBlock, seed: int) -> None:
    pair = Pair(parsed, TIMINGS[seed % 3], seed)
    rng, vision, program = pair.rng, pair.vision, pair.program
    vision.ejector(pair.timing)
    falls: dict[int, int] = {}
    fallen: set[int] = set()
    ready, silent_until, bin_full, button, key_until, ask = True, 0, False, False, 0, 0
    gap = rng.choice([30, 60, 140])
    next_part = 0
    for step in range(3000):
        if rng.random() < 0.004:
            trouble = rng.choice(["silent", "unready", "stop", "button", "bin", "speed", "speed", "gap", "encoder", "recipe"])
            if trouble == "silent":
                silent_until = step + rng.choice([100, 700])
            elif trouble == "unready":
                ready = not ready
            elif trouble == "stop":
                vision.stop()
            elif trouble == "speed":
                pair.speed = rng.choice([500, 1000, 1500, 2000, 3000])
            elif trouble == "gap":
                gap = rng.choice([12, 30, 60, 140])
            ask = rng.randint(1, 3) if trouble == "recipe" else 0
            pair.dead_encoder = trouble == "encoder"
            button, bin_full = trouble == "button", trouble == "bin"
        if program.code and rng.random() < 0.02:
            button = bin_full = pair.dead_encoder = False
            if rng.random() < 0.5:
                vision.acknowledge()
            else:
                key_until = step + 3
        if rng.random() < 0.02:
            vision.recipe(rng.choice([0, 3] + 8 * [vision.plc.get("recipe_request", 0)]))
        if not ready and rng.random() < 0.01:
            ready = True
        if step > silent_until and step % 60 == 0:
            vision.ready(ready)
        for part in program.parts:
            if rng.random() < 0.03:
                vision.answer(Result(part.trigger_id, rng.choice([1, 1, 1, 1, 2, 3])))
            if part.state is PartState.FALLING and part.trigger_id not in fallen:
                fallen.add(part.trigger_id)
                if rng.random() < 0.97:
                    falls[step + rng.randint(3, 12)] = part.trigger_id
        if rng.random() < 0.002:
            vision.answer(Result(rng.randint(1, pair.parts + 2), 1))
        sensor = program.running and pair.position >= next_part
        if sensor:
            next_part = pair.position + max(gap, 2 * pair.speed * CYCLE_MS // 1000 + 1)
        confirm = falls.pop(step, 0) > 0 and not pair.before["confirm"]
        pair.scan(
            sensor=sensor and not pair.before["sensor"], confirm=confirm, bin_full=bin_full, button=button, key=step < key_until, ask=ask
        )
        ask = 0
        if rng.random() < 0.5:
            pair.exchange()
    vision.stop()
    for _ in range(1000):
        pair.scan()
        pair.exchange()
    assert sorted(pair.outcomes["block"]) == sorted(pair.outcomes["reference"])
    kinds = {kind for _, kind, _ in pair.outcomes["block"]}
    assert len(pair.outcomes["block"]) > 10
    assert {"passed", "ejected"} <= kinds


def test_a_torn_or_forged_result_lets_nothing_pass(parsed: FunctionBlock) -> None:
    pair = Pair(parsed, TIMINGS[0], 1)
    pair.vision.ejector(pair.timing)
    for step in range(300):
        if step % 50 == 0:
            pair.vision.ready(True)
        pair.scan()
        pair.exchange()
    pair.scan(sensor=True)
    for _ in range(4):
        pair.scan()
        pair.exchange()
    pair.vision.answer(Result(1, 1))
    good = pair.vision.image()
    position = {s.name: s.register for s in signals("to_plc")}
    assert decode("to_plc", good)["result_verdict"] == 1
    for name, value in [
        ("result_check", 9), ("result_sequence", 0), ("result_sequence", LAST_SEQUENCE + 1), ("result_verdict", 0), ("map_version", 2),
        ("session", 0), ("plc_session_echo", 7), ("result_part", 1), ("result_verdict", 2),
    ]:  # fmt: skip
        words = list(good)
        words[position[name]] = value
        block = parsed.values
        before = {n: list(v) if isinstance(v, list) else v for n, v in block.items()}
        block["wordsIn"] = words
        parsed.scan()
        assert block["partState"][0] != 2, name
        block.update(before)
    parsed.values["wordsIn"] = good
    parsed.scan()
    assert parsed.values["partState"][0] == 2


def test_an_encoder_that_is_set_back_stops_the_line_and_what_lies_there_is_swept_off(parsed: FunctionBlock) -> None:
    pair = Pair(parsed, TIMINGS[0], 3)
    pair.vision.ejector(pair.timing)
    for step in range(300):
        if step % 50 == 0:
            pair.vision.ready(True)
        pair.scan()
        pair.exchange()
    block = parsed.values
    assert (block["run"], block["valve"]) == (True, False)
    for back, stops in ((1, False), (NOMINAL, True)):
        block.update(wordsIn=pair.vision.image(), position=pair.position - back)
        parsed.scan()
        assert block["run"] != stops
    assert (block["code"], block["purgeLeft"]) == (5, 200)


def test_more_parts_than_it_can_follow_are_swept_off(parsed: FunctionBlock) -> None:
    pair = Pair(parsed, EjectorTiming(delay_counts=5000, confirm_ms=60), 2)
    pair.vision.ejector(pair.timing)
    block, most = parsed.values, 0
    for step in range(3000):
        if step % 50 == 0:
            pair.vision.ready(True)
        block.update(
            wordsIn=pair.vision.image(), cycleUs=2000, nominalSpeed=NOMINAL, speed=NOMINAL if block["run"] else 0, partSensor=step % 10 == 0
        )
        block["position"] += 2 if block["run"] else 0
        parsed.scan()
        pair.vision.heard(block["wordsOut"], step)
        pair.vision.take()
        most = max(most, block["count"])
        if block["code"]:
            break
    assert most == gutteil_fb.MAX_PARTS
    assert (block["code"], block["run"]) == (3, False)
    assert block["purgeLeft"] == 5000
