"""The handshake over the signal table, the PLC's half: what the function block does, for the simulated PLC and as reference.

Pure, as `hardware.handshake` is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from hardware.handshake import UNDECIDED, whole
from hardware.plc import EjectorTiming, PlcEvent, Result
from hardware.signals import MAP_VERSION, OUTCOMES, VERDICTS, decode, encode, following

_CODES = {kind: code for code, kind in OUTCOMES.items()}


@dataclass(slots=True)
class Orders:
    """What the PLC's program is told.

    Attributes:
        results: verdicts on parts, in order.
        stop: a stop was asked for anew: latch it.
        hold: a stop is asked for and not acknowledged, or another recipe judges than was asked for: the belt must not run.
        acknowledge: clear the latched stop; comes before `stop`.
        timing: the ejector's, where it is new.
        beat: our heart has beaten, with this word on whether parts are judged; None: it has not.
        recipe: number of the recipe that judges.
    """

    results: list[Result] = field(default_factory=list)
    stop: bool = False
    hold: bool = False
    acknowledge: bool = False
    timing: EjectorTiming | None = None
    beat: bool | None = None
    fault: int = 0
    recipe: int = 0


class PlcSide:
    """The PLC's half.

    Attributes:
        vision: what we were told last, by name of signal; empty before.
        signals: bits and numbers that the program sets (`bin_full`, `low_air`, …).
        session: the number of this life, known from the first block heard on. A real PLC retains it.

    Args:
        last_session: that of the life before, if it was retained.
        asked: number of the recipe asked for last, if it was retained; 0 none.
    """

    def __init__(self, *, last_session: int = 0, asked: int = 0, simulated: bool = False) -> None:
        self.vision: dict[str, int] = {}
        self.signals: dict[str, int] = {"simulated": simulated}
        self.session = self._session_echo = 0
        self._last_session = last_session
        self._known = False  # the other side knows that we are who we are
        self._heartbeat = 0
        self._beat = -1
        self._taken = dict.fromkeys(("result", "acknowledge", "stop", "timing"), 0)
        self._pending: dict[str, int] = {}
        self._orders = Orders()
        self._lines: dict[str, deque[dict[str, int]]] = {group: deque() for group in ("trigger", "outcome")}
        self._asked, self._asked_sequence = asked, int(asked > 0)
        self._sequences = dict.fromkeys(self._lines, 0)

    @property
    def waiting(self) -> int:
        """Events that we have not acknowledged. A PLC with little memory stops its belt before it runs out of it."""
        return sum(map(len, self._lines.values()))

    # what the program says

    def happened(self, event: PlcEvent) -> None:
        """Something happened at the line: queued until acknowledged."""
        if event.kind == "triggered":
            self._queue("trigger", trigger_part=event.trigger_id, trigger_encoder=event.encoder)
        elif event.kind == "recipe":
            self._asked, self._asked_sequence = event.code, following(self._asked_sequence)
            self._orders.hold = True  # until the other side says by what it judges
        elif event.kind == "stopped":
            stops = self.signals.get("stop_count", 0) + 1
            self.signals.update(running=0, latched_stop=event.code != 0, stop_code=event.code, stop_count=stops)
        elif event.kind == "started":
            self.signals.update(running=1, latched_stop=0, stop_code=0)
        elif event.kind == "reset":
            self.signals.update(latched_stop=0, reset_count=self.signals.get("reset_count", 0) + 1)
        else:
            offset = min(max(round(event.offset_us / 10), -(1 << 31)), (1 << 31) - 1)
            self._queue("outcome", outcome_part=event.trigger_id, outcome_code=_CODES[event.kind], outcome_offset=offset)

    def _queue(self, group: str, **values: int) -> None:
        line = self._lines[group]
        line.append(values)
        if len(line) == 1:
            self._sequences[group] = following(self._sequences[group])

    # the wire

    def image(self) -> list[int]:
        """The PLC's block as it is now; one beat of its heart."""
        self._heartbeat = (self._heartbeat + 1) & 0xFFFF
        says = dict(self.signals)
        says.update(
            map_version=MAP_VERSION,
            heartbeat=self._heartbeat,
            plc_session=self.session,
            session_echo=self._session_echo,
            stop_echo=self._taken["stop"],
            result_ack=self._taken["result"],
            acknowledge_echo=self._taken["acknowledge"],
        )
        for group, line in self._lines.items():
            if line and self._known:
                says.update(line[0])
                says[f"{group}_sequence"] = says[f"{group}_check"] = self._sequences[group]
        if self._known and self._asked_sequence:  # stands for good: whoever judges next must be able to read it
            says.update(recipe_request=self._asked, recipe_sequence=self._asked_sequence, recipe_check=self._asked_sequence)
        return encode("from_plc", says)

    def heard(self, registers: Sequence[int]) -> None:
        """Our block. One of another map version is not looked at.

        Raises:
            ValueError: these are not the registers of a block.
        """
        values = decode("to_plc", registers)
        if values["map_version"] != MAP_VERSION or not values["session"]:
            return
        self.vision = values
        if not self.session:
            self.session = following(self._last_session)
            if self.session == values["plc_session_echo"]:  # nothing was retained, and the other side knows this number from before
                self.session = following(self.session)
        if values["session"] != self._session_echo:
            self._session_echo = values["session"]
            self._taken = dict.fromkeys(self._taken, 0)
            self._pending.clear()
            self._orders.results.clear()
        orders = self._orders
        if values["heartbeat"] != self._beat:
            if self._beat >= 0:
                orders.beat, orders.fault = bool(values["ready"]), values["fault_code"]
            self._beat = values["heartbeat"]
        right = values["recipe_ok"] and self._asked in (0, values["recipe_active"])
        orders.recipe, orders.hold = values["recipe_active"], bool(values["stop_request"]) or not right
        timing = whole(values, "timing")
        if timing and timing != self._taken["timing"]:
            self._taken["timing"] = timing
            tenths = (values[f"ejector_{name}"] / 10 for name in ("lead", "pulse", "spacing", "confirm"))
            orders.timing = EjectorTiming(values["ejector_delay"] / 10, values["ejector_delay_counts"], *tenths)
        self._known = values["plc_session_echo"] == self.session
        if self._known:
            self._believe(values, orders)

    def _believe(self, values: dict[str, int], orders: Orders) -> None:
        """Sequences and acknowledgements count."""
        for group, line in self._lines.items():
            if line and values[f"{group}_ack"] == self._sequences[group]:
                line.popleft()
                if line:
                    self._sequences[group] = following(self._sequences[group])
        if self._is_new("acknowledge", values["acknowledge_sequence"]):
            orders.acknowledge, orders.stop = True, False  # of the stops that we knew of; where both are new, the stop has the last word
        orders.stop |= self._is_new("stop", values["stop_sequence"])
        sequence = whole(values, "result")
        if sequence and sequence != self._taken["result"] and "result" not in self._pending:
            self._pending["result"] = sequence
            verdict = values["result_verdict"]
            if verdict not in VERDICTS or not verdict:
                verdict = UNDECIDED
            orders.results.append(Result(values["result_part"], verdict, values["result_defect"], values["result_encoder"]))

    def _is_new(self, word: str, sequence: int) -> bool:
        if sequence in (0, self._taken[word], self._pending.get(word)):
            return False
        self._pending[word] = sequence
        return True

    def take(self) -> Orders:
        """What the program is told since the last call; from now on it is acknowledged."""
        orders, self._orders = self._orders, Orders(hold=self._orders.hold, recipe=self._orders.recipe)
        self._taken.update(self._pending)
        self._pending.clear()
        return orders
