"""When the line may run. Pure: what happened comes in, what is to be said to the PLC and to people comes out.

A *stop* is latched: it ends only when a person acknowledges it, here or with the key at the machine. A station that says that
it is not ready (its camera is being reopened, a recipe is being loaded) merely pauses the line.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hardware.plc import STOPS, PlcEvent

# alarm code of a stop → what a person does about it
REMEDIES: dict[str, str] = {
    "heartbeat-lost": "see that station and rejector run, look at the parts on the belt, then acknowledge",
    "no-verdicts": "check camera, trigger wire and station, then acknowledge",
    "ejection-missed": "find the part behind the ejector, check air and sensor, then acknowledge",
    "passed-without-ok": "find this part; have the PLC program checked before you acknowledge",
    "bin-full": "empty the reject bin, then acknowledge",
    "stopped-by-person": "acknowledge when the line may run again",
    "machine-stop": "see the machine, then acknowledge",
    "parts-mixed-up": "check part sensor, trigger wire and camera; take all parts off the belt, have PLC and camera count anew, then acknowledge",
    "vision-stop": "see what was alarmed before the rejector started anew, look at the parts on the belt, then acknowledge",
}
UNHEARD_NS = 1_500_000_000  # a station that lives is heard within this time
# by the PLC's code; 2 is a stop of our own: one that is not known here any more was an earlier rejector's
_PLC_STOPS = {1: "heartbeat-lost", 2: "vision-stop", 3: "ejection-missed", 4: "bin-full", 5: "machine-stop"}


@dataclass
class Supervisor:
    """The line's licence to run.

    Attributes:
        stops: what has stopped the line and is not acknowledged: alarm code → text.
        standing: why the belt stands, as the PLC says; empty while it runs.
        to_plc: what is to be said to the PLC, oldest first: ("stop", reason) or ("acknowledge", "").
    """

    no_verdicts_stop: int = 5
    stops: dict[str, str] = field(default_factory=dict)
    standing: str = ""
    to_plc: list[tuple[str, str]] = field(default_factory=list)
    _caused_ns: dict[str, int] = field(default_factory=dict)
    _ran_unheard: bool = False
    _silent_ns: int | None = None  # since when nobody has heard the station
    _alive: bool = False
    _judging: bool = False
    _timed: bool = False

    @property
    def ready(self) -> bool:
        """Whether the PLC may let parts come."""
        return self._alive and self._judging and self._timed and not self.stops

    @property
    def judging(self) -> bool:
        """Whether the station is alive and says that it judges."""
        return self._alive and self._judging

    def station(self, *, alive: bool, judging: bool, timed: bool, now_ns: int = 0) -> None:
        """What is known of the station: heartbeats come; it says ready; the ejector's place is known."""
        if self._alive and not alive:
            self.stop("heartbeat-lost", "the station has fallen silent", now_ns)
        if alive:
            self._ran_unheard, self._silent_ns = False, None
        elif self._silent_ns is None:
            self._silent_ns = now_ns
        elif self._ran_unheard and now_ns - self._silent_ns >= UNHEARD_NS:
            self.stop("heartbeat-lost", "the belt ran, and no station is heard", now_ns)
            self._ran_unheard = False
        self._alive, self._judging, self._timed = alive, judging, timed

    def stop(self, code: str, text: str, at_ns: int = 0) -> None:
        """Stop the line until a person acknowledges; the first text of a code stays. `at_ns`: CLOCK_MONOTONIC of its cause."""
        self._caused_ns[code] = max(at_ns, self._caused_ns.get(code, 0))
        if code not in self.stops:
            self.stops[code] = text
            self.to_plc.append(("stop", text))

    def happened(self, event: PlcEvent) -> None:
        """Something of the belt's own."""
        if event.kind == "stopped":
            self.standing = event.reason or STOPS.get(event.code, STOPS[0])
            code = _PLC_STOPS.get(event.code)
            if code is not None and code not in self.stops and not (event.code == 2 and self.stops):
                self.stops[code] = self.standing  # the PLC keeps it stopped by itself
            if code is not None and code in self.stops:
                self._caused_ns[code] = max(event.at_ns, self._caused_ns.get(code, 0))
        elif event.kind == "started":
            self.standing = ""
            self._ran_unheard |= not self._alive  # rejector and station died together: this rejector has never heard the station
        elif event.kind == "reset":
            # whoever turned the key cannot have seen what was stopped for after that
            for code in [c for c in self.stops if self._caused_ns.get(c, 0) <= event.at_ns]:
                del self.stops[code]

    def part_gone(self, trigger_id: int, outcome: str, reason: str, *, wrong: bool, no_verdicts_in_row: int, at_ns: int = 0) -> None:
        """A part has gone by the ejector; `wrong`: it passed and nobody had said OK."""
        if wrong:
            self.stop("passed-without-ok", f"part {trigger_id} {reason}", at_ns)
        if outcome == "missed":
            self.stop("ejection-missed", f"part {trigger_id} was ejected but not confirmed", at_ns)
        if no_verdicts_in_row >= self.no_verdicts_stop:
            self.stop("no-verdicts", f"{no_verdicts_in_row} parts in a row had no verdict", at_ns)

    def acknowledge(self) -> str:
        """A person has acknowledged every stop; returns why that is refused, or ''."""
        if not self._alive:
            return "the station is still silent; start it first"
        self.stops.clear()
        self.to_plc.append(("acknowledge", ""))
        return ""
