"""The rejector: follows parts to the ejector. It lets the PLC pass a part only on a fresh OK verdict for that very part.

The PLC ejects by default, so everything that can go wrong here (a lost verdict, a dead station, this process gone)
costs at worst a good part. The belt runs only while this process says `ready`, and it says so only while the
station's heartbeat says the same.
"""

from __future__ import annotations

import contextlib
import threading
import time

import msgspec

from edge.alarms import Alarms
from edge.alive import keeper
from edge.bus import Publisher, Subscriber
from edge.config import Station
from edge.ledger import Answer, Ledger
from edge.messages import Ejection, Heartbeat, Run, Trigger, Verdict
from edge.processes import REJECTOR_PRIORITY, step_forward
from hardware.errors import DeviceError
from hardware.plc import EjectorTiming, Plc, PlcEvent, Result, make_plc

HEARTBEAT_S = 0.5
READY_S = 0.25
_WAIT_S = 0.004


class Rejector:
    """One station's rejector."""

    def __init__(self, config: Station, plc: Plc) -> None:
        self._config, self._plc = config, plc
        self._publisher = Publisher(config.bus.rejector, config.name, "rejector", simulated=plc.simulated, queue=config.bus.queue)
        self._subscriber = Subscriber([config.bus.station], [Run, Trigger, Verdict, Heartbeat], config.bus.queue)
        self._alarms = Alarms(self._publisher)
        self._ledger = Ledger()
        self._run_id = ""
        self._station_ready = False
        self._alive = False
        self._returned = True  # the station has shown anew that it judges: after a start, a silence, or a stop
        self._delay: EjectorTiming | None = None
        self._connected = False
        self._stopped = ""
        self._next_beat = self._next_ready = 0.0

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; on the way out the PLC is told that nobody judges any more."""
        try:
            while not stop.is_set():
                self._step()
            if self._connected:
                with contextlib.suppress(DeviceError):  # a PLC that is gone stops by itself
                    self._plc.ready(False)
        finally:
            self._plc.close()
            self._publisher.close()
            self._subscriber.close()

    def _step(self) -> None:
        try:
            if not self._connected:
                self._plc.open()
                self._connected = True
                self._alarms.set("plc-gone", False)
            self._listen()
            for event in self._plc.poll(0):
                self._happened(event)
            self._say_ready()
        except DeviceError as error:
            self._connected = False
            self._alarms.set("plc-gone", True, "fault", str(error), "check the PLC and its cable; the line stands until it answers")
            self._listen()
        self._beat()
        if len(self._alarms) or (self._connected and self._alive):  # it hears the PLC and the station, or has said what is wrong
            keeper.progress("the PLC and the station are heard" if self._connected and self._alive else "the line may not run")

    def _listen(self) -> None:
        """Read the station's messages, verdicts first come first served; waits a moment for the first."""
        wait_s = _WAIT_S
        for _ in range(200):
            message = self._subscriber.get(wait_s)
            if message is None:
                return
            wait_s = 0
            if isinstance(message, Verdict):
                self._answer(message.trigger_id, self._ledger.judged(message))
                self._returned |= bool(self._stopped)
            elif isinstance(message, Trigger):
                answer = self._ledger.announced(message)
                if message.sensor == "camera" and self._connected:
                    self._plc.announce(message.trigger_id, message.trigger_ns)
                self._answer(message.trigger_id, answer)
            elif isinstance(message, Run):
                self._returned |= message.run_id != self._run_id
                self._run_id, self._delay = message.run_id, EjectorTiming(**msgspec.structs.asdict(message.ejector))
                if self._connected:
                    self._plc.ejector(self._delay)
            elif isinstance(message, Heartbeat) and message.sender == "station":
                self._station_ready = message.state == "ready"

    def _answer(self, trigger_id: int, answer: tuple[Answer, int] | None) -> None:
        if answer is None or not self._connected:
            return
        self._plc.answer(Result(trigger_id, answer[1]))

    def _happened(self, event: PlcEvent) -> None:
        if event.kind == "triggered":
            self._ledger.triggered(event.trigger_id)
        elif event.kind in ("passed", "ejected", "missed"):
            fields = self._ledger.gone(event.trigger_id, event.kind, event.reason)
            if fields is not None:
                self._publisher.send(Ejection, trigger_id=event.trigger_id, offset_us=event.offset_us, **fields)
            if event.kind == "passed" and fields is not None and fields["reason"]:
                text = f"part {event.trigger_id} {fields['reason']}"
                self._alarms.set("passed-without-ok", True, "fault", text, "find this part; check the PLC program")
            if event.kind == "missed":
                self._alarms.set(
                    "ejection-missed",
                    True,
                    "fault",
                    f"part {event.trigger_id} was ejected but not confirmed",
                    "look for the part behind the ejector, then check air and sensor",
                )
            if self._ledger.no_verdicts_in_row >= self._config.plc.no_verdicts_stop and not self._stopped:
                self._stopped = f"{self._ledger.no_verdicts_in_row} parts in a row had no verdict"
                self._returned = False
                self._plc.stop_line(self._stopped)
                self._alarms.set(
                    "no-verdicts",
                    True,
                    "fault",
                    self._stopped + "; the line was stopped",
                    "check camera, trigger wire and station; the line runs again when the station judges again or is restarted",
                )
        elif event.kind == "late":
            self._ledger.counts["late"] += 1
        elif event.kind == "stopped":
            self._alarms.set("line-stopped", True, "warning", f"the belt stands: {event.reason}", "")
        elif event.kind == "started":
            self._alarms.set("line-stopped", False)

    def _say_ready(self) -> None:
        now = time.monotonic()
        if now < self._next_ready:
            return
        self._next_ready = now + READY_S
        self._alive = alive = self._subscriber.alive("station") and self._station_ready
        self._alarms.set(
            "station-lost",
            not alive,
            "fault",
            "the station is silent or not ready",
            "see the station's own alarm, or its log",
        )
        if not alive:
            self._returned = True
        elif self._returned:
            # until people can acknowledge at the dashboard, a station that shows anew that it judges acknowledges for them
            self._returned, self._stopped = False, ""
            self._ledger.excuse()
            self._plc.acknowledge()
            self._alarms.set("no-verdicts", False)
        if self._delay is not None:
            self._plc.ejector(self._delay)  # said again with every ready: a PLC that has started anew must not guess it
        self._plc.ready(alive and not self._stopped and self._delay is not None)

    def _beat(self) -> None:
        now = time.monotonic()
        if now < self._next_beat:
            return
        self._next_beat = now + HEARTBEAT_S
        state = "ready" if self._connected and self._alive and not self._stopped else "fault"
        counts = {**self._ledger.counts, "gaps": len(self._subscriber.gaps), "refused": self._subscriber.refused}
        self._publisher.send(Heartbeat, state=state, period_s=HEARTBEAT_S, run_id=self._run_id, detail=self._stopped, counts=counts)
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
