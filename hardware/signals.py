"""The one table of the signals between Gutteil and a PLC. The register map, its docs and the PLC's function block come from it.

Two blocks of 16-bit registers: *to_plc* (we say, the PLC reads) and *from_plc* (the PLC says, we read). Numbers of 32 bits
take two registers, the high word first. As Modbus server we offer *to_plc* as input registers (function code 4) and take
*from_plc* as holding registers (3, 6, 16, 23); as Modbus client both blocks are holding registers of the PLC, each from a base
address of its own. Register numbers here count from 0 within the block.

Rules of the link, for both sides (`hardware.handshake` is the reference):

1. **Sessions.** Each side numbers its life: a number from 1 to 65534 that differs from that of its life before (the PLC retains
   its own and adds one). The other copies it into its echo once it has forgotten the sequences of the life before. What a side says in sequences counts only
   while both echoes are right: until then it shows sequence 0 and believes no acknowledgement.
2. **Sequences** run from 1 to 65534, then from 1 again; 0 says that there is nothing. They are compared for equality only.
   Whatever stands under a sequence stays as it is until the other side has acknowledged that very sequence, so every write
   may be repeated and every read may be missed. But for the recipe request: it stands for good, and the newest takes its place.
3. **Whole or not at all.** A group (result, timing, trigger, outcome, recipe request) begins with its sequence and ends with
   the same number as check. Who writes in pieces writes the groups first, of each the check, then the data, then the
   sequence, and the sessions last of all; who reads in pieces reads upwards; a group whose two numbers differ has not been read.
4. **Heartbeats** are counters. Only a change is a sign of life: Modbus shows the last value for ever when a side has died.
5. **0 is never good.** Verdict 1 alone lets a part pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

MAP_VERSION = 1
TO_PLC_LENGTH = 48
FROM_PLC_LENGTH = 32
LAST_SEQUENCE = 65_534
RESULTS_DEEP = 8

VERDICTS: dict[int, str] = {0: "none", 1: "OK", 2: "NG", 3: "UNDECIDED"}
# `outcome_code`; `late` is no outcome of its own: an OK came after the deadline, the part was or will be ejected
OUTCOMES: dict[int, Literal["passed", "ejected", "missed", "late"]] = {1: "passed", 2: "ejected", 3: "missed", 4: "late"}

Direction = Literal["to_plc", "from_plc"]
Type = Literal["bit", "u16", "u32", "i32"]


@dataclass(frozen=True, slots=True)
class Signal:
    """One row of the table.

    Attributes:
        name: unique in its direction; the name in the function block, too.
        direction: who says it: `to_plc` we, `from_plc` the PLC.
        type: u32 and i32 take two registers, the high word first.
        register: from 0, within the block of its direction.
        bit: 0 is the lowest; None for numbers.
        unit: of the number; empty where it has none.
        meaning: for the integrator.
        german: short text for the PLC's comment column.
    """

    name: str
    direction: Direction
    type: Type
    register: int
    bit: int | None
    unit: str
    meaning: str
    german: str

    @property
    def words(self) -> int:
        """How many registers it takes."""
        return 2 if self.type in ("u32", "i32") else 1


def _to(name: str, kind: Type, register: int, meaning: str, german: str, *, bit: int | None = None, unit: str = "") -> Signal:
    return Signal(name, "to_plc", kind, register, bit, unit, meaning, german)


def _from(name: str, kind: Type, register: int, meaning: str, german: str, *, bit: int | None = None, unit: str = "") -> Signal:
    return Signal(name, "from_plc", kind, register, bit, unit, meaning, german)


SIGNALS: tuple[Signal, ...] = (
    _to("map_version", "u16", 0, "version of this map; the PLC must not run with another", "Version der Signaltabelle"),
    _to("heartbeat", "u16", 1, "counts up at least every 0.5 s while the rejector works; no change for 1 s: stop the belt, latched", "Lebenszeichen (Zähler)"),
    _to("session", "u16", 2, "number of our life; when it changes, forget the sequences of result, acknowledge, stop and timing, then copy it to session_echo", "Sitzungsnummer Prüfsystem"),
    _to("plc_session_echo", "u16", 3, "the PLC's session as we know it; until it equals plc_session no acknowledgement of ours counts", "Echo Sitzungsnummer SPS"),
    _to("ready", "bit", 4, "parts are judged; the belt may run only while this is 1 and the heartbeat moves", "Bereit", bit=0),
    _to("busy", "bit", 4, "a part that the PLC has announced has no verdict yet", "Prüfung läuft", bit=1),
    _to("result_valid", "bit", 4, "a result stands in the result group that has not been acknowledged", "Ergebnis gültig", bit=2),
    _to("result_toggle", "bit", 4, "changes with every result", "Ergebnis-Wechselbit", bit=3),
    _to("overrun", "bit", 4, "a result found no room and was dropped (its part is ejected); 1 until a person acknowledges", "Ergebnis-Überlauf", bit=4),
    _to("stop_request", "bit", 4, "a stop is asked for and not acknowledged, here or with the key; the belt must not run while it is 1", "Stoppanforderung", bit=5),
    _to("fault", "bit", 4, "fault_code is not 0", "Störung", bit=6),
    _to("recipe_ok", "bit", 4, "no recipe was asked for, or the one asked for last judges; the belt must not run while it is 0, nor while recipe_active is not the one asked for", "Rezept in Ordnung", bit=7),
    _to("fault_code", "u16", 5, "what is wrong, for the display; 0 nothing", "Störungsnummer"),
    _to("trigger_ack", "u16", 6, "the trigger_sequence taken last", "Quittung Trigger"),
    _to("outcome_ack", "u16", 7, "the outcome_sequence taken last", "Quittung Verbleib"),
    _to("acknowledge_sequence", "u16", 8, "changes when a person has acknowledged every stop (not to 0): clear the latched stop once, then copy it to acknowledge_echo", "Stopp quittieren (Folgenummer)"),
    _to("recipe_active", "u16", 9, "number of the recipe that judges; 0 none", "Aktives Rezept"),
    _to("recipe_ack", "u16", 10, "the recipe_sequence taken last", "Quittung Rezeptwunsch"),
    _to("results_waiting", "u16", 11, "results that have not been acknowledged, the one shown included; more than 8 only where OKs are taken back", "Wartende Ergebnisse"),
    _to("overruns", "u16", 12, "results dropped since the session began; stays at 65535", "Anzahl Überläufe"),
    _to("stop_sequence", "u16", 13, "changes with every stop asked for (not to 0): latch the stop, then copy it to stop_echo; where acknowledge_sequence has changed as well, carry that out first", "Stoppanforderung Folgenummer"),
    _to("result_sequence", "u16", 16, "changes with every result; 0 none", "Ergebnis Folgenummer"),
    _to("result_part", "u32", 17, "the trigger_part of the part it is about", "Ergebnis Teilnummer"),
    _to("result_encoder", "i32", 19, "belt position at capture; 0 without encoder", "Ergebnis Drehgeber bei Aufnahme", unit="counts"),
    _to("result_verdict", "u16", 21, "0 none, 1 OK, 2 NG, 3 UNDECIDED; only 1 lets the part pass", "Urteil"),
    _to("result_defect", "u16", 22, "class of the worst defect, from 1; 0 none", "Fehlerklasse"),
    _to("result_check", "u16", 23, "equals result_sequence when the group is whole", "Ergebnis Prüfnummer"),
    _to("timing_sequence", "u16", 32, "changes with the ejector's timing; 0: no timing known, do not run", "Auswurfzeiten Folgenummer"),
    _to("ejector_delay", "u32", 33, "part sensor to ejector at constant speed", "Verzögerung bis Auswerfer", unit="0.1 ms"),
    _to("ejector_delay_counts", "u32", 35, "the same by encoder; goes before ejector_delay where it is not 0", "Weg bis Auswerfer", unit="counts"),
    _to("ejector_lead", "u16", 37, "fire so much earlier: valve and cylinder take so long", "Vorhalt", unit="0.1 ms"),
    _to("ejector_pulse", "u16", 38, "how long the valve is held", "Impulsdauer", unit="0.1 ms"),
    _to("ejector_spacing", "u16", 39, "the valve needs so long between two shots", "Mindestabstand", unit="0.1 ms"),
    _to("ejector_confirm", "u16", 40, "the confirmation sensor must see the part within this time after the ideal moment", "Bestätigungszeit", unit="0.1 ms"),
    _to("timing_check", "u16", 41, "equals timing_sequence when the group is whole", "Auswurfzeiten Prüfnummer"),
    _from("map_version", "u16", 0, "version of the map that the PLC is programmed for", "Version der Signaltabelle"),
    _from("heartbeat", "u16", 1, "counts up with every cycle of the link", "Lebenszeichen (Zähler)"),
    _from("plc_session", "u16", 2, "number of the PLC program's life, retained: at its start, when the first block with the right map_version is read, one more (1 after 65534), and one more again if that equals plc_session_echo; 0 until then", "Sitzungsnummer SPS"),
    _from("session_echo", "u16", 3, "copy of session", "Echo Sitzungsnummer Prüfsystem"),
    _from("running", "bit", 4, "the belt runs", "Band läuft", bit=0),
    _from("latched_stop", "bit", 4, "the belt stands until a person acknowledges", "Stopp gespeichert", bit=1),
    _from("bin_full", "bit", 4, "the reject bin is full", "Ausschussbehälter voll", bit=2),
    _from("low_air", "bit", 4, "too little compressed air", "Druckluft zu niedrig", bit=3),
    _from("reset_key", "bit", 4, "the key at the machine is turned, as it is now", "Schlüssel Reset", bit=4),
    _from("simulated", "bit", 4, "the PLC is simulated; a real program leaves it 0", "Simulation", bit=5),
    _from("stop_code", "u16", 5, "why the belt stands: 0 it was not asked to run, 1 no ready or no heartbeat, 2 stop_request, 3 ejection not confirmed, 4 bin full, 5 stopped at the machine or the program has started", "Stoppgrund"),
    _from("stop_count", "u16", 6, "counts up with every stop of the belt", "Anzahl Stopps"),
    _from("reset_count", "u16", 7, "counts up when a person has turned the key and the stops are acknowledged", "Anzahl Resets"),
    _from("result_ack", "u16", 8, "the result_sequence taken last", "Quittung Ergebnis"),
    _from("acknowledge_echo", "u16", 9, "the acknowledge_sequence carried out last", "Echo Stopp quittieren"),
    _from("recipe_sequence", "u16", 10, "changes with every recipe request; 0 none", "Rezeptwunsch Folgenummer"),
    _from("recipe_request", "u16", 11, "number of the recipe asked for last; it stands there, retained, for a vision system that starts anew", "Rezeptwunsch Nummer"),
    _from("recipe_check", "u16", 12, "equals recipe_sequence when the group is whole", "Rezeptwunsch Prüfnummer"),
    _from("stop_echo", "u16", 13, "the stop_sequence carried out last; the key ends stops that were carried out before it was turned, and no other", "Echo Stoppanforderung"),
    _from("trigger_sequence", "u16", 16, "changes with every part at the part sensor; 0 none", "Trigger Folgenummer"),
    _from("trigger_part", "u32", 17, "number of the part: counts up with every trigger edge to the camera; retained when the PLC restarts", "Trigger Teilnummer"),
    _from("trigger_encoder", "i32", 19, "belt position at the part sensor", "Trigger Drehgeber", unit="counts"),
    _from("trigger_check", "u16", 21, "equals trigger_sequence when the group is whole", "Trigger Prüfnummer"),
    _from("outcome_sequence", "u16", 24, "changes with every outcome; 0 none", "Verbleib Folgenummer"),
    _from("outcome_part", "u32", 25, "which part", "Verbleib Teilnummer"),
    _from("outcome_code", "u16", 27, "1 passed, 2 ejected and confirmed, 3 ejected and not confirmed, 4 an OK came too late (the outcome follows or has been said)", "Verbleib"),
    _from("outcome_offset", "i32", 28, "how long after the ideal moment it was done", "Abweichung vom Sollzeitpunkt", unit="10 µs"),
    _from("outcome_check", "u16", 30, "equals outcome_sequence when the group is whole", "Verbleib Prüfnummer"),
)  # fmt: skip

LENGTHS: dict[Direction, int] = {"to_plc": TO_PLC_LENGTH, "from_plc": FROM_PLC_LENGTH}
_BY_NAME = {(s.direction, s.name): s for s in SIGNALS}


def signals(direction: Direction) -> tuple[Signal, ...]:
    """The rows of one block, by register and bit."""
    return tuple(s for s in SIGNALS if s.direction == direction)


def encode(direction: Direction, values: Mapping[str, int]) -> list[int]:
    """The registers of a block; what `values` does not name is 0. Numbers are taken modulo their width, as counters are.

    Raises:
        KeyError: a name that the table does not have.
    """
    registers = [0] * LENGTHS[direction]
    for name, value in values.items():
        s = _BY_NAME[direction, name]
        if s.bit is not None:
            registers[s.register] |= bool(value) << s.bit
        elif s.words == 2:
            registers[s.register : s.register + 2] = (value >> 16) & 0xFFFF, value & 0xFFFF
        else:
            registers[s.register] = value & 0xFFFF
    return registers


def decode(direction: Direction, registers: Sequence[int]) -> dict[str, int]:
    """Every signal of a block by name; bits are 0 or 1.

    Raises:
        ValueError: not as many registers as the block has, or one that is no 16-bit number.
    """
    if len(registers) != LENGTHS[direction] or not all(0 <= r <= 0xFFFF for r in registers):
        raise ValueError(f"{direction} has {LENGTHS[direction]} registers of 16 bits, not {len(registers)} like {list(registers)[:4]}")
    values = {}
    for s in signals(direction):
        value = registers[s.register]
        if s.bit is not None:
            value = value >> s.bit & 1
        elif s.words == 2:
            value = value << 16 | registers[s.register + 1]
            if s.type == "i32" and value >= 1 << 31:
                value -= 1 << 32
        values[s.name] = value
    return values


def following(sequence: int) -> int:
    """The sequence after this one: never 0, and odd after even, so that its lowest bit toggles."""
    return sequence % LAST_SEQUENCE + 1
