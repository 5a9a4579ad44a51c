"""The rejector: follows parts to the ejector. It lets the PLC pass a part only on an OK verdict for that very part, in time.

The PLC ejects by default, so everything that can go wrong here (a lost verdict, a dead station, this process gone)
costs at worst a good part. The belt runs only while this process says `ready`; `edge.supervisor` decides when it does.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time

import msgspec

from edge.alarms import Alarms
from edge.alive import keeper
from edge.bus import publisher
from edge.commands import EJECT_NEXT_S, TEST_REASON, Command, CommandDesk, Reply
from edge.config import Station
from edge.ledger import Answer, Ledger
from edge.memory import MemoryBound
from edge.messages import CODES, Audit, Ejection, Heartbeat, Run, Trigger, Verdict
from edge.order_taker import Order, OrderTaker
from edge.pairing import Doubt, Pairing
from edge.processes import REJECTOR_PRIORITY, step_forward
from edge.supervisor import REMEDIES, Supervisor
from hardware.errors import DeviceError
from hardware.plc import EjectorTiming, Plc, PlcEvent, Result, make_plc

HEARTBEAT_S = 0.5
READY_S = 0.25
ASK_S = 2.0
SETTLE_NS = 700_000_000  # what happened at the line waits for so long, at most, for what the station has to say of the time before
EARLY_NS = 3_000_000_000
_LARGEST_RECIPE = 65_535  # two bytes in the order; no settings know a larger one, so it is refused as unknown
_WAIT_S = 0.004


class Rejector:
    """One station's rejector."""

    def __init__(self, config: Station, plc: Plc) -> None:
        self._plc = plc
        self._publisher = publisher(config, "rejector", simulated=plc.simulated)
        self._orders = OrderTaker(config)
        self._commands = CommandDesk(config.bus.commands, config)
        self._alarms = Alarms(self._publisher)
        self._memory = MemoryBound("rejector")
        self._ledger = Ledger()
        self._pairing = Pairing()
        self._supervisor = Supervisor(config.plc.no_verdicts_stop)
        self._run: Run | None = None
        self._timing: EjectorTiming | None = None
        self._station_ready = False
        self._recipe_wanted: int | None = None  # what the PLC has asked for last
        self._ask_at = 0.0
        self._connected = False
        self._began_ns, self._settled = time.monotonic_ns(), False
        self._stood_ns, self._stands_since_ns = 0, 0
        self._next_beat = self._next_ready = 0.0
        self._eject_next: tuple[float, str] | None = None  # until when, and what is said of the part

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; on the way out the PLC is told that nobody judges any more."""
        try:
            while not stop.is_set():
                self._step()
                self._memory.check()
            if self._connected:
                with contextlib.suppress(DeviceError):  # a PLC that is gone stops by itself
                    self._plc.ready(False)
        finally:
            self._say_refusals(math.inf)
            self._plc.close()
            self._publisher.close()
            self._orders.close()
            self._commands.close()

    def _step(self) -> None:
        try:
            if not self._connected:
                self._plc.open()
                self._connected = True
                self._alarms.set("plc-gone", False)
                self._tell_again()
            self._listen()
            self._settled = self._settled or self._orders.caught_up() or time.monotonic_ns() - self._began_ns > SETTLE_NS
            for event in self._plc.poll(0) if self._settled else ():
                self._happened(event)
            self._commands.service(self._obey)
            self._say_ready()
        except DeviceError as error:
            self._connected = False
            self._alarms.set("plc-gone", True, "fault", str(error), "check the PLC and its cable; the line stands until it answers")
            self._listen()
            self._commands.service(self._obey)
        self._say_refusals(time.monotonic())
        self._beat()
        if len(self._alarms) or (
            self._connected and self._supervisor.judging
        ):  # it hears the PLC and the station, or has said what is wrong
            keeper.progress("the PLC and the station are heard" if self._connected and self._supervisor.judging else "the line may not run")

    def _listen(self) -> None:
        """Read what the station says, first come first served; waits a moment for the first."""
        wait_s = _WAIT_S
        for _ in range(200):
            order = self._orders.get(wait_s)
            if order is None:
                return
            wait_s = 0
            message = order.message
            if isinstance(message, Verdict):
                answer = self._ledger.judged(
                    message,
                    in_time=order.known or (self._in_time(order, message.trigger_id) and not self._other_recipe()),
                    early=self._is_early(message.mono_ns),
                )
                if order.known and not self._ledger.barred(message.trigger_id):
                    continue  # the PLC has it, if this is still the part; if it is another by now, it must not get it
                self._answer(message.trigger_id, answer, self._defect(message))
                self._ledger.told(message.trigger_id, (time.monotonic_ns() - message.mono_ns) / 1e3)
            elif isinstance(message, Trigger):
                answer = self._ledger.announced(message, self._stood(), early=self._is_early(message.mono_ns), known=order.known)
                if message.sensor == "camera" and self._connected and not order.known:
                    self._plc.announce(message.trigger_id, message.trigger_ns)
                self._answer(message.trigger_id, answer, 0)
                if not order.known:  # else an earlier rejector has compared it; what the PLC counts now may be others under these numbers
                    self._doubted(self._pairing.announced(message))
            elif isinstance(message, Run):
                self._run, self._timing = message, EjectorTiming(**msgspec.structs.asdict(message.ejector))
                if self._connected:
                    self._plc.ejector(self._timing)
                    self._plc.recipe(message.recipe_number)
            elif isinstance(message, Heartbeat):
                self._station_ready = message.state == "ready"

    def _is_early(self, said_ns: int) -> bool:
        """Whether it was said to an earlier rejector, if there was one."""
        return said_ns < self._began_ns

    def _tell_again(self) -> None:
        """The PLC is there (again): what it may not have heard. The words that were on their way when it went were not repeated."""
        for trigger_id, announced_ns, code in self._ledger.open_parts():
            if announced_ns:
                self._plc.announce(trigger_id, announced_ns)
            if code:
                self._plc.answer(Result(trigger_id, code, 0, self._ledger.encoder(trigger_id)))

    def _in_time(self, order: Order, trigger_id: int) -> bool:
        """Whether the part has not reached the ejector yet; while the belt stands its time stands. The PLC has the last word."""
        if not order.deadline_ns:
            return True
        return time.monotonic_ns() < order.deadline_ns + self._ledger.stood_ns(trigger_id, self._stood())

    def _stood(self) -> int:
        """For how long the belt has stood in all, ns."""
        return self._stood_ns + (time.monotonic_ns() - self._stands_since_ns if self._stands_since_ns else 0)

    def _defect(self, verdict: Verdict) -> int:
        """The number, from 1, of the class of the worst defect."""
        if not verdict.defects or self._run is None:
            return 0
        worst = max(verdict.defects, key=lambda d: (d.verdict == "NG", d.score)).kind
        return self._run.classes.index(worst) + 1 if worst in self._run.classes else 0

    def _answer(self, trigger_id: int, answer: tuple[Answer, int] | None, defect: int) -> None:
        if answer is not None and self._connected:
            self._plc.answer(Result(trigger_id, answer[1], defect, self._ledger.encoder(trigger_id)))

    def _doubted(self, doubt: Doubt | None) -> None:
        """Picture and part do not belong together: this one is rejected; where it is proof, so is everything on the belt, which stops."""
        if doubt is None:
            return
        if doubt.stop:  # first of all: the link may break while the PLC is told of the parts
            self._supervisor.stop("parts-mixed-up", doubt.text, time.monotonic_ns())
        self._reject(self._ledger.condemn_all() if doubt.stop else self._ledger.condemn(doubt.trigger_id))

    def _reject(self, trigger_ids: list[int]) -> None:
        for trigger_id in trigger_ids:
            self._answer(trigger_id, ("reject", CODES["UNDECIDED"]), 0)

    def _other_recipe(self) -> bool:
        """Whether the PLC has asked for another recipe than the one that judges: what comes then is not for that one."""
        return bool(self._recipe_wanted) and (self._run is None or self._run.recipe_number != self._recipe_wanted)

    def _happened(self, event: PlcEvent) -> None:
        if event.kind == "triggered":
            self._ledger.triggered(event.trigger_id, early=time.monotonic_ns() - self._began_ns < EARLY_NS)
            self._doubted(self._pairing.triggered(event))
            if self._other_recipe():
                self._reject(self._ledger.condemn(event.trigger_id, "it came after another recipe had been asked for"))
            if self._eject_next is not None:
                until, why = self._eject_next
                self._eject_next = None  # one part, and never a mode that somebody could leave on
                if time.monotonic() < until:
                    self._reject(self._ledger.condemn(event.trigger_id, why))
        elif event.kind in ("passed", "ejected", "missed"):
            gone = self._ledger.gone(event.trigger_id, event.kind, event.reason)
            if gone is None:
                return
            self._publisher.send(Ejection, trigger_id=event.trigger_id, offset_us=event.offset_us, answer_us=gone.answer_us, **gone.fields)
            reason, in_row = gone.fields["reason"], self._ledger.no_verdicts_in_row
            self._supervisor.part_gone(event.trigger_id, event.kind, reason, wrong=gone.wrong, no_verdicts_in_row=in_row, at_ns=event.at_ns)
        elif event.kind == "late":
            self._ledger.counts["late"] += 1
        elif event.kind == "recipe":
            self._recipe_wanted, self._ask_at = min(event.code, _LARGEST_RECIPE), 0.0
            self._next_ready = 0.0  # the station is asked, and the belt stands, without waiting for the next heartbeat
        else:
            self._belt(event)

    def _belt(self, event: PlcEvent) -> None:
        """The belt stopped or started, or a person turned the key at the machine."""
        if event.kind == "stopped" and not self._stands_since_ns:
            self._stands_since_ns = event.at_ns
        elif event.kind == "started" and self._stands_since_ns:
            self._stood_ns += max(0, event.at_ns - self._stands_since_ns)
            self._stands_since_ns = 0
        elif event.kind == "reset":
            self._ledger.excuse()
            self._publisher.send(Audit, op="acknowledge", who="key at the machine", key="plc", accepted=True)
        self._supervisor.happened(event)

    def _obey(self, command: Command, key: str) -> Reply:
        """An order of a person."""
        supervisor, refusal = self._supervisor, ""
        if command.op == "stop":
            supervisor.stop(
                "stopped-by-person", f"stopped by {command.who}" + (f": {command.reason}" if command.reason else ""), time.monotonic_ns()
            )
        elif command.op == "eject-next":
            self._eject_next = time.monotonic() + EJECT_NEXT_S, f"{TEST_REASON} by {command.who}"
        elif command.op == "acknowledge":
            refusal = supervisor.acknowledge()
            if not refusal:
                self._ledger.excuse()
        if command.op != "status":
            self._publisher.send(Audit, op=command.op, who=command.who, key=key, accepted=not refusal, text=refusal or command.reason)
            self._next_ready = 0.0
            self._say_stops()
        state = "runs" if supervisor.ready and not supervisor.standing and self._connected else supervisor.standing or "not ready"
        return Reply(not refusal, refusal, state, list(supervisor.stops.values()))

    def _say_refusals(self, now: float) -> None:
        """Orders that never came so far as to be obeyed or not."""
        for refusal in self._commands.refusals.tell(now):
            self._publisher.send(Audit, op=refusal.op, who=refusal.who, key=refusal.key, accepted=False, text=refusal.text)

    def _say_stops(self) -> None:
        for code, remedy in REMEDIES.items():
            text = self._supervisor.stops.get(code, "")
            self._alarms.set(code, bool(text), "fault", text, remedy)

    def _say_ready(self) -> None:
        now = time.monotonic()
        supervisor = self._supervisor
        if now < self._next_ready and not supervisor.to_plc:
            return
        self._next_ready = now + READY_S
        alive = self._orders.alive()
        right = self._recipe_is_right(now)
        supervisor.station(alive=alive, judging=self._station_ready and right, timed=self._timing is not None, now_ns=time.monotonic_ns())
        while supervisor.to_plc:
            word, reason = supervisor.to_plc[0]
            if word == "stop":
                self._plc.stop_line(reason)
            else:
                self._plc.acknowledge()
            supervisor.to_plc.pop(0)
        if self._timing is not None and self._run is not None:
            self._plc.ejector(self._timing)  # said again with every ready: a PLC that has started anew must not guess it
            self._plc.recipe(self._run.recipe_number if self._station_ready and right else 0)
        self._plc.ready(supervisor.ready, fault=1 + list(REMEDIES).index(next(iter(supervisor.stops))) if supervisor.stops else 0)
        text = "the station is silent" if not alive else "the station is not ready"
        self._alarms.set("station-lost", not supervisor.judging, "fault", text, "see the station's own alarm, or its log")
        standing = bool(supervisor.standing) and not supervisor.stops  # a stop says by itself that the belt stands
        self._alarms.set("line-stopped", standing, "warning", f"the belt stands: {supervisor.standing}", "")
        self._say_stops()

    def _recipe_is_right(self, now: float) -> bool:
        """Whether the station judges by the recipe that the PLC has asked for. One that has started anew begins with the settings' own
        and is asked again, as is one that did not hear the first time; until it has changed the line stands."""
        wanted = self._recipe_wanted
        if wanted is None or (self._run is not None and self._run.recipe_number == wanted and self._ask_at):
            return True
        if now >= self._ask_at and (self._station_ready or not self._ask_at):  # one that loads, or could not, has heard it
            self._ask_at = now + ASK_S
            self._orders.want_recipe(wanted)
        return self._run is not None and self._run.recipe_number == wanted

    def _beat(self) -> None:
        now = time.monotonic()
        if now < self._next_beat:
            return
        self._next_beat = now + HEARTBEAT_S
        supervisor, orders = self._supervisor, self._orders
        state = "ready" if self._connected and supervisor.judging and not supervisor.stops else "fault"
        counts = {
            **self._ledger.counts,
            "gaps": orders.open_numbers,
            "refused": orders.refused + self._commands.refused,
            "repeated": orders.repeated,
            "recipe_wanted": self._recipe_wanted or 0,
        }
        run_id = self._run.run_id if self._run is not None else ""
        self._publisher.send(
            Heartbeat, state=state, period_s=HEARTBEAT_S, run_id=run_id, detail="; ".join(supervisor.stops.values())[:200], counts=counts
        )
        self._alarms.repeat()


def run_rejector(config: Station, stop: threading.Event) -> None:
    """The rejector's process.

    Raises:
        DeviceSettings: the PLC's settings are impossible.
        BusError: its endpoint is taken.
    """
    step_forward(REJECTOR_PRIORITY)
    settings = config.plc.settings
    if config.plc.backend == "simulator":  # a short wait: heartbeats must go on while the line is away
        settings = {"control": config.line.control, "timeout_s": 0.5, **settings}
    Rejector(config, make_plc(config.plc.backend, settings)).run(stop)
