"""The state of the line, built from messages. Pure: no clock, socket or file; time is handed in. Memory is bounded."""

from __future__ import annotations

import statistics
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from dashboard.lately import Behind, Lately
from edge.commands import TEST_REASON
from edge.messages import Alarm, AnyMessage, Audit, Defect, Ejection, Heartbeat, ImageRef, Run, Sender, Verdict

MAX_DEFECTS = 100
MAX_REJECTS = 12
MAX_RECENT = 256  # a browser asks for a picture a moment after it was told of the part; a fast line has gone on by then
MAX_ALARMS = 50
MAX_CODES = 500
ALARM_LAPSE_NS = 7_000_000_000  # senders repeat an active alarm every 2 s: one that is silent this long has ended unheard
GAP_SHOWN_NS = 60_000_000_000
START_NS = 3_000_000_000  # a dashboard that has just begun to listen does not yet know who is silent
RESTORE_NS = 10_000_000_000  # within this time every alarm that lasts has been said to a reader that has just come
SENDERS: tuple[Sender, ...] = ("station", "rejector", "recorder")


@dataclass(slots=True)
class Part:
    """One judged part. `heard_ns` is 0 for a part read from the record, `file` its picture there, relative to the record."""

    number: int
    part_id: str
    run_id: str
    verdict: str
    reasons: list[str]
    defects: list[Defect]
    more_defects: int
    wall_ns: int
    total_us: float
    simulated: bool
    heard_ns: int = 0
    image: ImageRef | None = None
    file: str = ""
    outcome: str = ""


@dataclass(slots=True)
class Beat:
    """The last heartbeat of one sender."""

    state: str
    detail: str
    epoch: int
    period_ns: int
    heard_ns: int
    counts: dict[str, int]

    def age_periods(self, now_ns: int) -> float:
        return (now_ns - self.heard_ns) / self.period_ns


@dataclass(frozen=True, slots=True)
class Said:
    """What a person has said: that they have seen an alarm, or that the line may run again."""

    who: str
    wall_ns: int
    text: str = ""


@dataclass(slots=True)
class ActiveAlarm:
    """An alarm that has begun. `number` is another one when it has ended and comes anew; then nobody has `seen` it."""

    message: Alarm
    since_ns: int
    heard_ns: int
    number: int = 0
    seen: Said | None = None


@dataclass
class Line:
    """Everything the page shows of one station. Not locked: one thread applies, and whoever looks holds the owner's lock."""

    station: str
    started_ns: int
    run: Run | None = None
    last: Part | None = None
    rejects: deque[Part] = field(default_factory=lambda: deque(maxlen=MAX_REJECTS))
    recent: deque[Part] = field(default_factory=lambda: deque(maxlen=MAX_RECENT))
    beats: dict[str, Beat] = field(default_factory=dict)
    alarms: OrderedDict[tuple[str, str], ActiveAlarm] = field(default_factory=OrderedDict)
    verdicts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("OK", "NG", "UNDECIDED"), 0))
    outcomes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("passed", "ejected", "missed"), 0))
    gaps: int = 0
    gap_ns: int = 0
    refused: int = 0
    foreign: int = 0
    tested: Ejection | None = None
    acknowledged: Said | None = None
    lately: Lately = field(default_factory=Lately)
    behind: Behind = field(default_factory=Behind)
    _seen_before: dict[tuple[str, str], Said] = field(default_factory=dict)
    _number: int = 0
    _simulated: dict[str, bool] = field(default_factory=dict)
    _epochs: dict[str, int] = field(default_factory=dict)
    _seconds: deque[list[int]] = field(default_factory=lambda: deque(maxlen=62))
    _intervals: deque[int] = field(default_factory=lambda: deque(maxlen=15))
    _total_us: deque[float] = field(default_factory=lambda: deque(maxlen=101))
    _first_ns: int = 0
    _newest: dict[tuple[str, ...], int] = field(default_factory=dict)

    def apply(self, message: AnyMessage, now_ns: int) -> None:
        """Take one message in; `now_ns` is CLOCK_MONOTONIC when it was heard."""
        if message.station != self.station:
            self.foreign += 1
            return
        if message.epoch != self._epochs.get(message.sender):
            self._restarted(message.sender, message.epoch)
        self._simulated[message.sender] = message.simulated
        late = self._late(message)
        if isinstance(message, Verdict):
            self._judged(message, now_ns, late)
        elif isinstance(message, Ejection):
            self._gone(message, late)
        elif late:
            return  # the newer one says how it is
        elif isinstance(message, Heartbeat):
            self._beat(message, now_ns)
        elif isinstance(message, Alarm):
            self._alarm(message, now_ns)
        elif isinstance(message, Run):
            self.run = message
        elif isinstance(message, Audit):
            self._ordered(message)

    def _late(self, message: AnyMessage) -> bool:
        """Whether a newer message of its kind (an alarm: of its code) is known: this one was missed and has been said again."""
        key = (message.sender, type(message).__name__, message.code if isinstance(message, Alarm) else "")
        late = message.seq < self._newest.get(key, 0)
        if not late and (key in self._newest or len(self._newest) < MAX_CODES):
            self._newest[key] = message.seq
        return late

    def _restarted(self, sender: str, epoch: int) -> None:
        """A new start of a sender: its totals and alarms begin anew."""
        self._epochs[sender] = epoch
        for key in [k for k in self.alarms if k[0] == sender]:
            del self.alarms[key]
        self._newest = {k: seq for k, seq in self._newest.items() if k[0] != sender}
        if sender == "station":
            self.verdicts = dict.fromkeys(self.verdicts, 0)
            self._intervals.clear()
        elif sender == "rejector":
            self.outcomes = dict.fromkeys(self.outcomes, 0)

    def _judged(self, message: Verdict, now_ns: int, late: bool) -> None:
        self._number += 1
        part = Part(
            self._number,
            message.part_id,
            message.run_id,
            message.verdict,
            message.reasons[:20],
            message.defects[:MAX_DEFECTS],
            max(0, len(message.defects) - MAX_DEFECTS),
            message.trigger_wall_ns,
            message.timings.total_us,
            message.simulated,
            now_ns,
            message.image,
        )
        self.lately.judged(part.wall_ns, part.run_id, part.verdict)
        if late:  # it is no news of the line, and the sender's totals have counted it
            self.recent.append(part)
            if message.verdict != "OK":
                by_time = sorted([part, *self.rejects], key=lambda p: p.wall_ns, reverse=True)
                self.rejects = deque(by_time[:MAX_REJECTS], maxlen=MAX_REJECTS)
            return
        if self.last is not None and self.last.heard_ns:
            self._intervals.append(now_ns - self.last.heard_ns)
        self.last = part
        self.recent.append(part)
        if message.verdict != "OK":
            self.rejects.appendleft(part)
        self.verdicts[message.verdict] += 1
        self._total_us.append(message.timings.total_us)
        self._first_ns = self._first_ns or now_ns
        second = now_ns // 1_000_000_000
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1][1] += 1
        else:
            self._seconds.append([second, 1])

    def _gone(self, message: Ejection, late: bool) -> None:
        self.outcomes[message.outcome] += not late
        if message.reason.startswith(TEST_REASON):
            self.tested = message
        counted = False
        for part in (*self.recent, *self.rejects):
            if part.part_id == message.part_id:
                if not counted and part.heard_ns and not part.outcome:  # by the minute of its trigger, as the record does
                    self.lately.gone(part.wall_ns, part.run_id, message.outcome)
                counted = True
                part.outcome = message.outcome

    def _beat(self, message: Heartbeat, now_ns: int) -> None:
        period_ns = int(min(max(message.period_s, 0.1), 5.0) * 1e9)
        counts = dict(list(message.counts.items())[:40])
        self.beats[message.sender] = Beat(message.state, message.detail, message.epoch, period_ns, now_ns, counts)
        # the sender's own totals also cover what was sent before this reader came, and what it missed
        totals = {"station": self.verdicts, "rejector": self.outcomes}.get(message.sender, {})
        for name in totals.keys() & counts.keys():
            totals[name] = counts[name]

    def _alarm(self, message: Alarm, now_ns: int) -> None:
        key = (message.sender, message.code)
        if not message.active:
            self.alarms.pop(key, None)
            return
        known = self.alarms.get(key)
        if known is None:
            self._number += 1
            before = self._seen_before.pop(key, None) if now_ns - self.started_ns < RESTORE_NS else None
            self.alarms[key] = ActiveAlarm(message, now_ns, now_ns, self._number, before)
        else:
            seen = known.seen if known.message.severity == message.severity else None  # what has become worse has not been seen
            self.alarms[key] = ActiveAlarm(message, known.since_ns, now_ns, known.number, seen)
        while len(self.alarms) > MAX_ALARMS:
            self.alarms.popitem(last=False)

    def _ordered(self, message: Audit) -> None:
        if message.op == "acknowledge" and message.accepted:
            self.acknowledged = Said(message.who, message.wall_ns, message.text)

    def alarm(self, number: int) -> ActiveAlarm | None:
        """An alarm that lasts, by its number."""
        return next((a for a in self.alarms.values() if a.number == number), None)

    def see(self, number: int, said: Said) -> bool:
        """Somebody has seen an alarm; False: it has ended meanwhile."""
        found = self.alarm(number)
        if found is not None:
            found.seen = said
        return found is not None

    def remember(self, seen: dict[tuple[str, str], Said], acknowledged: Said | None) -> None:
        """What people said before this start of the dashboard."""
        self._seen_before = seen
        for key, said in seen.items():
            if key in self.alarms and self.alarms[key].seen is None:
                self.alarms[key].seen = said
        self.acknowledged = self.acknowledged or acknowledged

    def restore(self, parts: list[Part]) -> None:
        """Rejects of the record, newest first, behind those that were heard."""
        known = {p.part_id for p in self.rejects}
        for part in parts:
            if part.part_id not in known and len(self.rejects) < MAX_REJECTS:
                self._number += 1
                part.number = self._number
                self.rejects.append(part)

    def missed(self, gaps: int, refused: int, now_ns: int) -> None:
        """The reader's own losses: gaps found since the last call, and bytes refused in total."""
        if gaps:
            self.gaps, self.gap_ns = self.gaps + gaps, now_ns
        self.refused = refused

    def lapse(self, now_ns: int) -> None:
        """Forget alarms that nobody repeats any more, and raise the one that only a reader can know of: the recorder is silent."""
        if not self.alive("recorder", now_ns) and self.alive("station", now_ns) and now_ns - self.started_ns > START_NS:
            self._alarm(Alarm(sender="recorder", code="recorder-lost", severity="warning", active=True, text=""), now_ns)
        elif self.alive("recorder", now_ns):
            self.alarms.pop(("recorder", "recorder-lost"), None)
        for key in [k for k, a in self.alarms.items() if now_ns - a.heard_ns > ALARM_LAPSE_NS]:
            del self.alarms[key]

    def part(self, number: int) -> Part | None:
        """A part that is still known, by its number."""
        return next((p for p in (*self.recent, *self.rejects) if p.number == number), None)

    def alive(self, sender: Sender, now_ns: int) -> bool:
        """Whether a heartbeat came within three periods."""
        beat = self.beats.get(sender)
        return beat is not None and beat.age_periods(now_ns) < 3

    @property
    def simulated(self) -> bool:
        return any(self._simulated.values())

    @property
    def interval_ns(self) -> int:
        """The usual time between two parts; 0 while unknown."""
        return int(statistics.median(self._intervals)) if len(self._intervals) >= 3 else 0

    @property
    def total_us(self) -> float:
        """Trigger to verdict, median of the last parts; 0 while unknown."""
        return statistics.median(self._total_us) if self._total_us else 0.0

    def per_minute(self, now_ns: int) -> float:
        """Parts per minute over the last 60 s, or over as much of it as there has been."""
        second = now_ns // 1_000_000_000
        parts = sum(n for s, n in self._seconds if second - 60 < s <= second)
        seen_s = min(60.0, max(3.0, (now_ns - self._first_ns) / 1e9))
        return parts * 60 / seen_s if self._first_ns else 0.0
