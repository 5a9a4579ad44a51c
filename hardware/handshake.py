"""The handshake over the signal table, our half; the PLC's is `hardware.handshake_plc`.

Both are pure: no clock, no socket, no thread. Each says its block with `image()` and is told the other's with `heard()`: whole
or torn, late, twice or not at all. The rules are in `hardware.signals`.

What our user takes (`take()`) is acknowledged when he asks for more: he has used it then, and if he dies before, his next life gets it.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import replace

from hardware.plc import STOPS, EjectorTiming, PlcEvent, Result
from hardware.signals import LAST_SEQUENCE, MAP_VERSION, OUTCOMES, RESULTS_DEEP, VERDICTS, decode, encode, following

OK, UNDECIDED = 1, 3
_REMEMBERED = 4096  # parts whose verdict, or lack of one, we keep in mind; many belts full
_U16, _U32 = 0xFFFF, 0xFFFF_FFFF


def whole(values: dict[str, int], group: str) -> int:
    """The sequence of a group that has been read whole, else 0."""
    sequence = values[f"{group}_sequence"]
    return sequence if sequence == values[f"{group}_check"] and 0 < sequence <= LAST_SEQUENCE else 0


def _tenths(ms: float, top: int = _U16) -> int:
    return min(max(round(ms * 10), 0), top) if math.isfinite(ms) else 0


class VisionSide:
    """Our half.

    Attributes:
        session: the number of this life; must differ from that of the life before.
        plc: what the PLC said last, by name of signal; empty before it has said anything.
        linked: both sides know each other's session, so sequences count.
    """

    def __init__(self, session: int) -> None:
        if not 0 < session <= LAST_SEQUENCE:
            raise ValueError(f"session {session} is not one of 1 to {LAST_SEQUENCE}")
        self.session = session
        self.plc: dict[str, int] = {}
        self.linked = False
        self._plc_session = 0
        self._says: dict[str, int] = {}  # bits and plain numbers
        self._queue: deque[Result] = deque()  # the one shown first
        self._shown: Result | None = None
        self._showing = False
        self._sequence = self._acknowledged = self._stops = 0
        self._overrun, self._overruns = False, 0
        self._said: OrderedDict[int, int] = OrderedDict()
        self._corrections: set[int] = set()
        self._open: OrderedDict[int, None] = OrderedDict()
        self._timing: dict[str, int] = {}
        self._taken = dict.fromkeys(("trigger", "outcome", "recipe"), 0)
        self._pending: dict[str, int] = {}  # heard and not taken
        self._given: dict[str, int] = {}  # taken, and perhaps not used yet
        self._events: list[PlcEvent] = []
        self._running: bool | None = None
        self._counts: dict[str, int] = {}
        self._asked = 0

    # what our user says

    def answer(self, result: Result) -> None:
        """Queue a result. The same part again changes nothing, but for a non-OK after an OK: that one goes through.

        Before the PLC has said who it is, a result may be about a part of another life of it, and is dropped.
        """
        if result.verdict not in VERDICTS or not result.verdict:
            result = replace(result, verdict=UNDECIDED)
        part = result.trigger_id
        before = self._said.get(part)
        if before is not None and (result.verdict == OK or before != OK):
            return
        self._remember(part, result.verdict)
        self._open.pop(part, None)
        if not self._plc_session or not 0 < part <= _U32 or (before is None and len(self._queue) >= RESULTS_DEEP):
            self._dropped(part)
        elif before is None:
            self._queue.append(result)
        else:
            self._correct(result)
        self._show()

    def _correct(self, result: Result) -> None:
        """A part was said to be OK and is not. The word must get through, whoever else has to make room for it."""
        for i, waiting in enumerate(self._queue):
            if waiting.trigger_id == result.trigger_id and not (i == 0 and self._showing):
                self._queue[i] = result
                return
        self._corrections.add(result.trigger_id)
        if len(self._queue) >= RESULTS_DEEP:
            for i in range(len(self._queue) - 1, 0, -1):
                if self._queue[i].trigger_id not in self._corrections:
                    self._dropped(self._queue[i].trigger_id)
                    del self._queue[i]
                    break
            else:
                # nothing left but corrections: one more is let in all the same, as a dropped one would leave the OK before it
                # with the PLC. There are at most as many as parts whose OK is remembered, and the belt stands until they are told
                self.stop()
        self._queue.insert(int(self._showing), result)  # before all that wait: its part may be at the ejector soon

    def _dropped(self, part: int) -> None:
        self._overrun, self._overruns = True, min(self._overruns + 1, _U16)
        self._remember(part, UNDECIDED)  # the PLC ejects it for want of an answer, and nobody says OK to it any more

    def _remember(self, part: int, verdict: int) -> None:
        self._said[part] = verdict
        self._said.move_to_end(part)
        if len(self._said) > _REMEMBERED:
            self._corrections.discard(self._said.popitem(last=False)[0])

    def ejector(self, timing: EjectorTiming) -> None:
        """Show the ejector's timing; numbers that do not fit the table are taken to its bounds."""
        values = {
            "ejector_delay": _tenths(timing.delay_ms, _U32),
            "ejector_delay_counts": min(max(timing.delay_counts, 0), _U32),
            "ejector_lead": _tenths(timing.lead_ms),
            "ejector_pulse": _tenths(timing.pulse_ms),
            "ejector_spacing": _tenths(timing.spacing_ms),
            "ejector_confirm": _tenths(timing.confirm_ms),
        }
        sequence = self._timing.get("timing_sequence", 0)
        if not sequence or any(self._timing[name] != value for name, value in values.items()):
            sequence = following(sequence)
        self._timing = {**values, "timing_sequence": sequence, "timing_check": sequence}

    def ready(self, is_ready: bool, fault: int = 0) -> None:
        """One beat of our heart."""
        beat = self._says.get("heartbeat", 0) + 1
        self._says.update(heartbeat=beat & _U16, ready=is_ready, fault=bool(fault), fault_code=min(max(fault, 0), _U16))

    def recipe(self, number: int) -> None:
        """The recipe that judges."""
        self._says["recipe_active"] = min(max(number, 0), _U16)

    def stop(self) -> None:
        """Ask for a stop until `acknowledge`, or until a person turns the key at the machine."""
        self._says["stop_request"] = 1
        if self._plc_session:
            self._stops = following(self._stops)

    def acknowledge(self) -> None:
        """A person has acknowledged every stop, and the overruns."""
        self._says["stop_request"] = 0
        self._overrun = False
        if self._plc_session:
            self._acknowledged = following(self._acknowledged)

    # the wire

    def image(self) -> list[int]:
        """Our block as it is now."""
        active, shown = self._says.get("recipe_active", 0), self._shown
        says = self._says | self._timing
        says.update(
            map_version=MAP_VERSION,
            session=self.session,
            plc_session_echo=self._plc_session,
            busy=any(part not in self._said for part in self._open),
            overrun=self._overrun,
            overruns=self._overruns,
            recipe_ok=self._asked in (0, active),
            results_waiting=len(self._queue),
            trigger_ack=self._taken["trigger"],
            outcome_ack=self._taken["outcome"],
            recipe_ack=self._taken["recipe"],
        )
        if self.linked:
            says.update(acknowledge_sequence=self._acknowledged, stop_sequence=self._stops)
            if shown is not None:
                says.update(
                    result_valid=self._showing,
                    result_toggle=self._sequence & 1,
                    result_sequence=self._sequence,
                    result_part=shown.trigger_id,
                    result_encoder=shown.encoder,
                    result_verdict=shown.verdict,
                    result_defect=min(max(shown.defect, 0), _U16),
                    result_check=self._sequence,
                )
        return encode("to_plc", says)

    def heard(self, registers: Sequence[int], now_ns: int) -> None:
        """The PLC's block, as read at `now_ns`. A block of another map version is not looked at.

        Raises:
            ValueError: these are not the registers of a block.
        """
        values = decode("from_plc", registers)
        self.plc = values
        if values["map_version"] != MAP_VERSION or not values["plc_session"]:
            self.linked = False
            return
        if values["plc_session"] != self._plc_session:
            self._new_plc(values)
        self.linked = values["session_echo"] == self.session
        if self.linked and self._showing and values["result_ack"] == self._sequence:
            taken = self._queue.popleft()
            if taken.verdict != OK:  # the OK that a correction follows must not take the correction's protection with it
                self._corrections.discard(taken.trigger_id)
            self._showing = False
        self._show()
        self._watch_belt(values, now_ns)
        for group in ("trigger", "outcome", "recipe"):
            sequence = whole(values, group)
            if sequence and sequence not in (self._taken[group], self._given.get(group)) and group not in self._pending:
                self._pending[group] = sequence
                self._happened(group, values, now_ns)

    def _new_plc(self, values: dict[str, int]) -> None:
        """The PLC's program has started anew, or we hear it for the first time."""
        if self._plc_session:  # what we have said so far is about parts of its life before
            self._said.clear()
            self._corrections.clear()
            for result in self._queue:
                self._dropped(result.trigger_id)
            self._queue.clear()
            self._open.clear()
            self._acknowledged = 0
        self._stops = self._says.get("stop_request", 0)  # a stop that is asked for is asked of the new life, too
        self._plc_session = values["plc_session"]
        self._sequence, self._showing, self._shown = 0, False, None
        self._taken = dict.fromkeys(self._taken, 0)
        self._pending.clear()
        self._given.clear()
        self._running = None
        self._counts = {name: values[name] for name in ("stop_count", "reset_count")}
        self._asked = 0

    def _show(self) -> None:
        if self.linked and self._queue and not self._showing:
            self._shown, self._showing = self._queue[0], True
            self._sequence = following(self._sequence)

    def _watch_belt(self, values: dict[str, int], now_ns: int) -> None:
        if len(self._events) > 8:  # nobody takes them; what is missed here shows in the counts later
            return
        running, code = bool(values["running"]), values["stop_code"]
        stopped = values["stop_count"] != self._counts["stop_count"] or (not running and self._running is not False)
        if stopped:
            self._events.append(PlcEvent("stopped", 0, now_ns, 0, STOPS.get(code, f"stop code {code}"), 0.0, code))
        if running and (stopped or not self._running):
            self._events.append(PlcEvent("started", 0, now_ns))
        if values["reset_count"] != self._counts["reset_count"]:
            self._events.append(PlcEvent("reset", 0, now_ns))
            self._overrun = False
            if values["stop_echo"] == self._stops:  # else the PLC had not read it yet, and the key was not meant for it
                self._says["stop_request"] = 0
        self._running = running
        self._counts = {name: values[name] for name in ("stop_count", "reset_count")}

    def _happened(self, group: str, values: dict[str, int], now_ns: int) -> None:
        if group == "trigger":
            part = values["trigger_part"]
            self._open[part] = None
            if len(self._open) > _REMEMBERED:
                self._open.popitem(last=False)
            self._events.append(PlcEvent("triggered", part, now_ns, values["trigger_encoder"]))
        elif group == "outcome":
            part, kind = values["outcome_part"], OUTCOMES.get(values["outcome_code"])
            if kind is None:
                return  # acknowledged, so that a wrong code does not block what follows
            if kind != "late":
                self._open.pop(part, None)
            self._events.append(PlcEvent(kind, part, now_ns, 0, "", values["outcome_offset"] * 10.0))
        else:
            self._asked = values["recipe_request"]
            self._events.append(PlcEvent("recipe", 0, now_ns, code=self._asked))

    def take(self) -> list[PlcEvent]:
        """What has happened since the last call, each once; what that one returned is acknowledged from now on."""
        events, self._events = self._events, []
        self._taken.update(self._given)
        self._given, self._pending = self._pending, {}
        return events
