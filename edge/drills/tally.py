"""What a drill hears on the bus with its own ears: when each part was triggered, and which were judged OK."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.messages import Alarm, Ejection, Trigger, Verdict
from edge.rows import key_of


@dataclass
class Tally:
    """
    Attributes:
        parts: key of the record's row → (trigger_id, CLOCK_MONOTONIC of the trigger in ns).
        gone: the same for ejections of parts that the rejector knew no name of; the time is that of the ejection's message.
        good: (trigger_id, trigger_ns) of every part that was judged OK.
        alarms: codes of every alarm that was raised.
        passed_ns: trigger time of the newest part that the rejector said has passed.
    """

    parts: dict[str, tuple[int, int]] = field(default_factory=dict)
    gone: dict[str, tuple[int, int]] = field(default_factory=dict)
    good: set[tuple[int, int]] = field(default_factory=set)
    alarms: set[str] = field(default_factory=set)
    passed_ns: int = 0
    verdicts: int = 0
    outcomes: int = 0

    def take(self, message: object) -> None:
        if isinstance(message, Trigger | Verdict):
            self.parts[message.part_id] = (message.trigger_id, message.trigger_ns)
            if isinstance(message, Verdict):
                self.verdicts += 1
                if message.verdict == "OK":
                    self.good.add((message.trigger_id, message.trigger_ns))
        elif isinstance(message, Alarm):
            if message.active:
                self.alarms.add(message.code)
        elif isinstance(message, Ejection):
            self.outcomes += 1
            if not message.part_id:
                self.gone[key_of(message)] = (message.trigger_id, message.mono_ns)
            elif message.outcome == "passed" and message.part_id in self.parts:
                self.passed_ns = max(self.passed_ns, self.parts[message.part_id][1])
