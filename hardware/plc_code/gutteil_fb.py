"""Makes the function block that a PLC programmer pastes, for CODESYS (`GutteilReject.st`) and TIA Portal (`GutteilReject.scl`).

Interface, reading and writing of the registers come from `hardware.signals`; the logic between them is `body.st`, which is
`hardware.plc_program` and `hardware.handshake_plc` over again in IEC 61131-3 Structured Text. Run this file to write both.

It keeps to what both tools understand alike: integers instead of bit strings, no methods, no timers, no edge blocks, and
counts and ages instead of clocks, so that nothing wraps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hardware.plc_program import ENCODER_LOST_NS, HEARTBEAT_LOST_NS, LATE_NS, TREMBLE_PER_S, UNKNOWN_FALL
from hardware.signals import FROM_PLC_LENGTH, LAST_SEQUENCE, MAP_VERSION, OUTCOMES, TO_PLC_LENGTH, VERDICTS, Signal, signals

HERE = Path(__file__).parent
NAME = "GutteilReject"
MAX_PARTS, MAX_TRIGGERS, MAX_OUTCOMES = 64, 64, 160
TYPES = {"bit": "BOOL", "u16": "UINT", "u32": "UDINT", "i32": "DINT"}
Dialect = Literal["st", "scl"]
_ASCII = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "µ": "u"}
)  # both tools guess at encodings


@dataclass(frozen=True, slots=True)
class Variable:
    """One declaration; `initial` of a constant is its value."""

    name: str
    type: str
    meaning: str = ""
    initial: str = ""


_OUTCOME = {word: code for code, word in OUTCOMES.items()}
CONSTANTS = [
    Variable("MAP_VERSION", "UINT", "of the signal table", str(MAP_VERSION)),
    Variable("LAST_SEQUENCE", "UINT", "", str(LAST_SEQUENCE)),
    Variable("MAX_PARTS", "INT", "between sensor and confirmation", str(MAX_PARTS)),
    Variable("MAX_TRIGGERS", "INT", "not yet acknowledged", str(MAX_TRIGGERS)),
    Variable("MAX_OUTCOMES", "INT", "not yet acknowledged", str(MAX_OUTCOMES)),
    Variable("HEARTBEAT_US", "DINT", "so long may the vision system be silent", str(HEARTBEAT_LOST_NS // 1000)),
    Variable("ENCODER_US", "DINT", "by then a belt that should run has moved", str(ENCODER_LOST_NS // 1000)),
    Variable("TREMBLE_PER_S", "DINT", "an encoder may tremble by that part of a second's travel", str(TREMBLE_PER_S)),
    Variable("UNKNOWN_FALL", "DINT", "times confirmUs until a part is certain while fallUs is not known", str(UNKNOWN_FALL)),
    Variable("LATE_S", "LREAL", "a shot later than this may hit the next part", str(LATE_NS / 1e9)),
    Variable("LONG_AGO", "DINT", "", "500000000"),
    Variable("V_OK", "UINT", "the only verdict that lets a part pass", str(next(k for k, v in VERDICTS.items() if v == "OK"))),
    Variable("S_OPEN", "INT", "nothing was said of the part", "1"),
    Variable("S_GOOD", "INT", "OK and nothing else", "2"),
    Variable("S_BAD", "INT", "anything but OK", "3"),
    Variable("S_PASSING", "INT", "after its deadline: it may pass", "4"),
    Variable("S_FIRED", "INT", "after its deadline: the valve is for it", "5"),
    Variable("S_FALLING", "INT", "it was at the ejector and has to be confirmed", "6"),
    Variable("E_PASSED", "INT", "", str(_OUTCOME["passed"])),
    Variable("E_EJECTED", "INT", "", str(_OUTCOME["ejected"])),
    Variable("E_MISSED", "INT", "", str(_OUTCOME["missed"])),
    Variable("E_LATE", "INT", "", str(_OUTCOME["late"])),
]
INPUTS = [
    Variable("wordsIn", f"ARRAY[0..{TO_PLC_LENGTH - 1}] OF UINT", "registers from the vision system, as read"),
    Variable("cycleUs", "DINT", "time since the last call, µs"),
    Variable("position", "DINT", "encoder counts; without encoder ms that the belt has run"),
    Variable("speed", "DINT", "counts per second as measured; without encoder 1000"),
    Variable("nominalSpeed", "DINT", "counts per second at nominal speed; without encoder 1000"),
    Variable("partSensor", "BOOL", "a part is at the sensor that also triggers the camera"),
    Variable("confirmSensor", "BOOL", "something falls behind the ejector"),
    Variable("binFull", "BOOL", "the reject bin is full"),
    Variable("lowAir", "BOOL", "too little compressed air"),
    Variable("stopButton", "BOOL", "stop at the machine"),
    Variable("resetKey", "BOOL", "the key: a person acknowledges"),
    Variable("askRecipe", "BOOL", "rising edge: ask for recipeNumber"),
    Variable("recipeNumber", "UINT", "number of the recipe to ask for"),
]
OUTPUTS = [
    Variable("run", "BOOL", "the belt may run"),
    Variable("valve", "BOOL", "the ejector's valve"),
    Variable("wordsOut", f"ARRAY[0..{FROM_PLC_LENGTH - 1}] OF UINT", "registers to the vision system, to be written"),
    Variable(
        "code",
        "UINT",
        "the latched stop: 0 none, 1 vision system silent, 2 asked for by it, 3 ejection not confirmed, 4 bin full, 5 machine",
    ),
    Variable("passedCount", "UDINT", "parts that passed"),
    Variable("ejectedCount", "UDINT", "parts ejected and confirmed"),
    Variable("missedCount", "UDINT", "parts ejected and not confirmed"),
    Variable("lateCount", "UDINT", "OKs that came after the deadline"),
]
RETAINED = [
    Variable("lastSession", "UINT", "plc_session of the life before"),
    Variable("lastPart", "UDINT", "trigger_part of the last part"),
    Variable("keptCode", "UINT", "the latched stop"),
    Variable("recipeAsked", "UINT", "number of the recipe asked for last"),
]
_PARTS, _TRIGGERS, _OUTCOMES = (f"ARRAY[0..{n - 1}] OF" for n in (MAX_PARTS, MAX_TRIGGERS, MAX_OUTCOMES))
LOCALS = [
    *(
        Variable(name, "BOOL")
        for name in ("alive", "linked", "beatKnown", "everReady", "visionReady", "haveTiming", "purgeKnown", "purging", "room")
    ),
    *(Variable(name, "BOOL") for name in ("confirmBefore", "resetBefore", "askBefore", "sensorBefore")),
    *(Variable(name, "BOOL") for name in ("fell", "doubt", "sure", "late", "encoderLost", "anyFired", "anyFalling", "soonAgain")),
    *(
        Variable(name, "INT")
        for name in (
            "i",
            "slot",
            "kept",
            "count",
            "falling",
            "fellCount",
            "old",
            "triggerHead",
            "triggerCount",
            "outcomeHead",
            "outcomeCount",
        )
    ),
    *(Variable(name, "UINT") for name in ("wantCode", "lastBeat", "timingTaken", "lead10", "pulse10", "spacing10")),
    *(Variable(name, "UINT") for name in ("triggerSequence", "lastTrigger", "outcomeSequence", "lastOutcome", "recipeSequence")),
    *(Variable(name, "DINT") for name in ("moved", "lastPosition", "beatAge", "shotAge", "openAge", "sinceShot", "purgeLeft", "delay")),
    *(Variable(name, "DINT") for name in ("leadUs", "pulseUs", "confirmUs", "fallUs", "standAge")),
    *(Variable(name, "LREAL") for name in ("runSpeed", "lead", "pulse", "closeLeft", "behind", "way")),
    Variable("partNumber", f"{_PARTS} UDINT", "the parts on the belt, the next at the ejector first"),
    Variable("partLeft", f"{_PARTS} DINT", "counts to the ejector"),
    Variable("partState", f"{_PARTS} INT"),
    Variable("partAge", f"{_PARTS} DINT", "µs since it was at the ejector"),
    Variable("partOffset", f"{_PARTS} DINT", "10 µs from the ideal moment"),
    Variable("partEnd", f"{_PARTS} INT"),
    Variable("partSwept", f"{_PARTS} BOOL", "it would have passed, but the valve is open"),
    Variable("partFell", f"{_PARTS} BOOL"),
    Variable("partDoubt", f"{_PARTS} BOOL"),
    Variable("triggerPart", f"{_TRIGGERS} UDINT"),
    Variable("triggerEncoder", f"{_TRIGGERS} DINT"),
    Variable("outcomePart", f"{_OUTCOMES} UDINT"),
    Variable("outcomeCode", f"{_OUTCOMES} INT"),
    Variable("outcomeOffset", f"{_OUTCOMES} DINT"),
]


def _signal(s: Signal) -> Variable:
    unit = f", {s.unit}" if s.unit else ""
    return Variable(f"{'in' if s.direction == 'to_plc' else 'out'}_{s.name}", TYPES[s.type], f"{s.german}{unit}")


def _declare(variables: Iterable[Variable], dialect: Dialect) -> list[str]:
    lines = []
    for v in variables:
        kind = v.type.replace("ARRAY", "Array").replace(" OF ", " of ") if dialect == "scl" else v.type
        value = f" := {v.initial}" if v.initial else ""
        lines.append(f"    {v.name} : {kind}{value};{' // ' + v.meaning if v.meaning else ''}")
    return lines


def _read(s: Signal) -> str:
    name, word = f"in_{s.name}", f"wordsIn[{s.register}]"
    if s.bit is not None:
        return f"{name} := ({word} / {1 << s.bit}) MOD 2 = 1;"
    if s.words == 1:
        return f"{name} := {word};"
    both = f"UINT_TO_UDINT({word}) * 65536 + UINT_TO_UDINT(wordsIn[{s.register + 1}])"
    return f"{name} := {both};" if s.type == "u32" else f"{name} := UDINT_TO_DINT({both});"


def _write(s: Signal) -> list[str]:
    name, word = f"out_{s.name}", f"wordsOut[{s.register}]"
    if s.bit is not None:
        return [f"IF {name} THEN", f"    {word} := {word} + {1 << s.bit};", "END_IF;"]
    if s.words == 1:
        return [f"{word} := {name};"]
    value = name if s.type == "u32" else f"DINT_TO_UDINT({name})"
    return [f"{word} := UDINT_TO_UINT({value} / 65536);", f"wordsOut[{s.register + 1}] := UDINT_TO_UINT({value} MOD 65536);"]


def _body() -> list[str]:
    bits = sorted({s.register for s in signals("from_plc") if s.bit is not None})
    return [
        "// ---- 0. the registers from the vision system -----------------------------------------------------------------",
        *(_read(s) for s in signals("to_plc")),
        "",
        *(HERE / "body.st").read_text("utf-8").rstrip().split("\n"),
        "",
        *(f"wordsOut[{register}] := 0;" for register in bits),
        *(line for s in signals("from_plc") for line in _write(s)),
    ]


def _prefixed(lines: list[str], names: set[str]) -> list[str]:
    """TIA Portal marks what is local with a #."""
    word = re.compile(rf"\b({'|'.join(sorted(names, key=len, reverse=True))})\b")
    out = []
    for line in lines:
        code, mark, comment = line.partition("//")
        out.append(word.sub(r"#\1", code) + mark + comment)
    return out


def function_block(dialect: Dialect) -> str:
    """The whole source file, in ASCII."""
    read, write = [_signal(s) for s in signals("to_plc")], [_signal(s) for s in signals("from_plc")]
    sections = [
        ("VAR_INPUT", INPUTS),
        ("VAR_OUTPUT", [*OUTPUTS, *read]),
        ("VAR RETAIN", RETAINED),
        ("VAR", [*write, *LOCALS]),
        ("VAR CONSTANT", CONSTANTS),
    ]
    declarations = [line for head, variables in sections for line in (head, *_declare(variables, dialect), "END_VAR")]
    body = _body()
    names = {v.name for _, variables in sections for v in variables}
    note = [
        f"// {NAME}: follows parts from the sensor to the ejector and lets pass only what the vision system has called OK in time.",
        f"// Signal table version {MAP_VERSION}. Made by hardware/plc_code/gutteil_fb.py; docs/plc-program.md says how to use it.",
    ]
    if dialect == "st":
        return "\n".join([*note, f"FUNCTION_BLOCK {NAME}", *declarations, "", *body, "", "END_FUNCTION_BLOCK", ""]).translate(_ASCII)
    head = [f'FUNCTION_BLOCK "{NAME}"', "{ S7_Optimized_Access := 'TRUE' }", "VERSION : 1.0"]
    return "\n".join([*note, *head, *declarations, "", "BEGIN", *_prefixed(body, names), "", "END_FUNCTION_BLOCK", ""]).translate(_ASCII)


def files() -> dict[Path, str]:
    """Every file that is made here, with its text."""
    return {HERE / f"{NAME}.st": function_block("st"), HERE / f"{NAME}.scl": function_block("scl")}


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, "utf-8")
