"""The reader of the bus: one thread that keeps the state of the line and tells the server when it has changed."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable

from dashboard.lately import Behind
from dashboard.line import ActiveAlarm, Line, Part, Said
from dashboard.standing import health, idle_ns, late_ns, standing
from dashboard.version import VERSION
from dashboard.view import AlarmView, Counts, DefectView, HealthView, HourView, PartView, Reason, SaidView, Snapshot, SpanView
from edge.bus import Subscriber, watch
from edge.config import Station
from edge.lately import Told
from edge.messages import Alarm, Audit, Ejection, Heartbeat, Run, Verdict
from edge.supervisor import REMEDIES

# triggers are left out: their totals come with the heartbeats, and reading them would cost as much as the verdicts
KINDS = (Run, Verdict, Ejection, Heartbeat, Alarm, Audit)
_WAIT_S = 0.2
_BATCH = 500
STUCK_NS = 1_500_000_000
RETRY_S = 1.0

log = logging.getLogger(__name__)


class Live:
    """The current state of one station, kept by a thread; every public method may be called from any thread."""

    def __init__(self, config: Station) -> None:
        self._config = config
        self.server = secrets.token_hex(4)
        self.line = Line(config.name, time.monotonic_ns())
        self.lock = threading.Lock()
        self._changed: Callable[[], None] = lambda: None
        self._stop = threading.Event()
        self._turn_ns = time.monotonic_ns()
        self._snapshots = 0
        self._thread = threading.Thread(target=self._run, name="bus", daemon=True)

    def start(self, changed: Callable[[], None]) -> None:
        """Begin to read; `changed` is called from the reader's thread after each batch of messages that changed something."""
        self._changed = changed
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2)

    @property
    def reading(self) -> bool:
        """Whether the reader makes progress."""
        return self._thread.is_alive() and time.monotonic_ns() - self._turn_ns < STUCK_NS

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._read()
            except Exception:  # a fault of the reader must not leave a page that looks alive: it shows as stuck, and reading begins anew
                log.exception("reading the bus failed; it is tried again")
                self._stop.wait(RETRY_S)

    def _read(self) -> None:
        subscriber = watch(self._config, KINDS)
        try:
            while not self._stop.is_set():
                self._turn(subscriber)
        finally:
            subscriber.close()

    def _turn(self, subscriber: Subscriber) -> None:
        """Everything that is there by now, under one lock, so that a fast line costs few wake-ups."""
        message = subscriber.get(_WAIT_S)
        with self.lock:
            now_ns = self._turn_ns = time.monotonic_ns()
            changed = message is not None
            for _ in range(_BATCH):
                if message is None:
                    break
                self.line.apply(message, now_ns)
                message = subscriber.get(0)
            self.line.missed(len(subscriber.gaps), subscriber.refused + self.line.foreign, now_ns)
            subscriber.gaps.clear()
            self.line.lapse(now_ns)
        if changed:
            self._changed()

    def restore(self, parts: list[Part], seen: dict[tuple[str, str], Said], acknowledged: Said | None) -> None:
        """Show what the record knows until newer things come: rejects, newest first, and what people have said."""
        with self.lock:
            self.line.restore(parts)
            self.line.remember(seen, acknowledged)

    def told(self, behind: Behind, counts: Told | None = None) -> None:
        """What record and disk say as of now; without counts those from before stay."""
        with self.lock:
            self.line.behind = behind
            if counts is not None:
                self.line.lately.read(counts, time.time_ns())

    def alarm(self, key: str) -> ActiveAlarm | None:
        """The alarm that a page means, if it still lasts."""
        number = self._number(key)
        with self.lock:
            return self.line.alarm(number) if number is not None else None

    def see(self, key: str, said: Said) -> bool:
        """Somebody has seen an alarm; False: it has ended meanwhile."""
        number = self._number(key)
        with self.lock:
            found = number is not None and self.line.see(number, said)
        self._changed()
        return found

    def _number(self, key: str) -> int | None:
        server, _, number = key.partition("-")
        return int(number) if server == self.server and number.isdecimal() and len(number) <= 18 else None

    def find(self, key: str) -> Part | None:
        """The part that a picture's address names, if it is still on the page."""
        number = self._number(key)
        with self.lock:
            return self.line.part(number) if number is not None else None

    def snapshot(self) -> Snapshot:
        """The state of this moment."""
        now_ns, wall_ns = time.monotonic_ns(), time.time_ns()
        stuck = not self.reading
        with self.lock:
            line = self.line
            self._snapshots += 1
            word, reason = standing(line, now_ns)
            if stuck:
                word, reason = "STOPPED", Reason("dashboard-stuck")
            run, judged = line.run, sum(line.verdicts.values())
            return Snapshot(
                server=self.server,
                number=self._snapshots,
                word=word,
                reason=reason,
                station=line.station,
                product=run.product if run else "",
                recipe=run.recipe if run else "",
                model=run.model if run else "",
                camera=run.camera if run else "",
                provider=run.provider if run else "",
                run_id=run.run_id if run else "",
                simulated=line.simulated,
                running=word != "STOPPED" and reason.code not in ("connecting", "starting"),
                part=self._part(line.last, now_ns) if line.last else None,
                late_ms=late_ns(line) // 1_000_000,
                idle_ms=idle_ns(line) // 1_000_000,
                counts=Counts.of((*line.verdicts.values(), *line.outcomes.values())),
                ok_share=line.verdicts["OK"] / judged if judged else None,
                per_minute=round(line.per_minute(now_ns), 1),
                rejects=[self._part(p, now_ns) for p in line.rejects],
                alarms=self._alarms(line, now_ns),
                health=[HealthView(h.name, "unknown", "no-word") if stuck else h for h in health(line, now_ns, wall_ns)],
                gaps=line.gaps,
                refused=line.refused,
                acknowledge=not stuck and any(sender == "rejector" and code in REMEDIES for sender, code in line.alarms),
                acknowledged=_said(line.acknowledged),
                spans=_spans(line),
                hour=_hour(line, wall_ns),
                version=VERSION,
            )

    def _alarms(self, line: Line, now_ns: int) -> list[AlarmView]:
        """Alarms of the line, worst first, of these what nobody has seen, of these the newest."""
        rank = {"fault": 0, "warning": 1, "info": 2}
        views = [
            AlarmView(
                key=f"{self.server}-{a.number}",
                sender=sender,
                code=code,
                severity=a.message.severity,
                text=a.message.text,
                remedy=a.message.remedy,
                age_ms=(now_ns - a.since_ns) // 1_000_000,
                stop=sender == "rejector" and code in REMEDIES,
                seen=_said(a.seen),
            )
            for (sender, code), a in line.alarms.items()
        ]
        return sorted(views, key=lambda v: (v.seen is not None, rank.get(v.severity, 0), v.age_ms))

    def _part(self, part: Part, now_ns: int) -> PartView:
        key = f"{self.server}-{part.number}"
        pictured = part.image is not None or bool(part.file)
        shape = part.image.shape if part.image is not None else ()
        return PartView(
            key=key,
            part_id=part.part_id,
            verdict=part.verdict,
            reasons=part.reasons,
            defects=[DefectView(d.kind, round(d.score, 4), tuple(round(v, 1) for v in d.box), d.verdict) for d in part.defects],  # type: ignore[arg-type]
            more_defects=part.more_defects,
            age_ms=(now_ns - part.heard_ns) // 1_000_000 if part.heard_ns else None,
            wall_ms=part.wall_ns // 1_000_000,
            total_ms=round(part.total_us / 1000, 1),
            width=shape[1] if len(shape) >= 2 else 0,
            height=shape[0] if len(shape) >= 2 else 0,
            picture=f"/api/live/pictures/{key}" if pictured else "",
            thumb=f"/api/live/pictures/{key}?size=thumb" if pictured else "",
            outcome=part.outcome,
            simulated=part.simulated,
        )


def _said(said: Said | None) -> SaidView | None:
    return SaidView(said.who, said.wall_ns // 1_000_000, said.text) if said is not None else None


def _spans(line: Line) -> dict[str, SpanView]:
    """Counts of run and shift; nothing while the record has not been read."""
    told = line.lately.told
    if told is None:
        return {}
    return {
        name: SpanView(span.since_ns // 1_000_000, line.behind.shift if name == "shift" else "", Counts.of(line.lately.span(name)))
        for name, span in told.spans.items()
    }


def _hour(line: Line, wall_ns: int) -> HourView:
    minutes = line.lately.hour(wall_ns)
    parts = sum(m.parts for m in minutes)
    usual = line.lately.told.usual.limits(parts) if line.lately.told is not None else None
    return HourView(minutes, parts, sum(m.rejected for m in minutes), usual)
