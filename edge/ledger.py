"""The rejector's book: what is known of every part between trigger and ejector. Pure: no clock, no socket.

A verdict is an answer to the PLC only if it is fresh and names a part of the station that is known to run; everything
else leaves the part to the PLC's default, which is to eject it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal

from edge.messages import CODES, Trigger, Verdict

MAX_PARTS = 20_000
MAX_ON_BELT = 1_024  # more no PLC program follows
_TOO_LATE = "verdict OK came too late"
_TWO_PARTS = "two parts came under this number"
_APART = "picture and part do not belong together"
Answer = Literal["permit", "reject"]


@dataclass(slots=True)
class _Entry:
    part_id: str = ""
    run_id: str = ""
    verdict: str = ""
    reason: str = ""
    closed: bool = False
    barred: str = ""  # why it may not pass whatever is said of it
    early: bool = False  # something was said of it before this book was opened, maybe also to the PLC
    good: bool = False  # the station's word on it is OK, in time or not
    excused: bool = False  # it lay on the belt while the station was away
    encoder: int = 0
    answer_us: float = 0.0
    announced_ns: int = 0  # CLOCK_MONOTONIC, where a camera saw it and not the PLC
    stood_ns: int = 0  # for how long the belt had stood in all when it was announced

    def bar(self, why: str) -> None:
        self.barred, self.good = self.barred or why, False
        if self.verdict == "OK":
            self.verdict, self.reason = "UNDECIDED", why


@dataclass(frozen=True, slots=True)
class Gone:
    """A part that has gone by the ejector.

    Attributes:
        fields: of its `Ejection`.
        answer_us: as in `Ejection`.
        wrong: it passed, and what was said of it here was not OK.
    """

    fields: dict[str, str]
    answer_us: float
    wrong: bool


@dataclass
class Ledger:
    """Parts by trigger id, oldest first, and the totals of what became of them."""

    no_verdicts_in_row: int = 0
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("triggers", "verdicts", "passed", "ejected", "missed", "no_verdict", "late"), 0)
    )
    _newest: int = 0
    _parts: OrderedDict[int, _Entry] = field(default_factory=OrderedDict)

    def _entry(self, trigger_id: int) -> _Entry:
        entry = self._parts.get(trigger_id)
        if entry is None:
            entry = self._parts[trigger_id] = _Entry()
            while len(self._parts) > MAX_PARTS:
                self._parts.popitem(last=False)
        return entry

    def announced(self, trigger: Trigger, stood_ns: int = 0, *, early: bool = False, known: bool = False) -> tuple[Answer, int] | None:
        """The station says that a part is there; returns what to tell the PLC, or None if there is nothing to tell.

        Args:
            stood_ns: for how long the belt has stood in all; what it stands from now on is not counted against the part.
            early: it was said before this book was opened.
            known: the PLC was told of it then; what has gone by since must not be announced as if it came.
        """
        entry = self._entry(trigger.trigger_id)
        if entry.part_id and entry.part_id != trigger.part_id:
            # the line or the station counts anew; an old part of this number that has gone is history, one that has not may lie there
            self._parts[trigger.trigger_id] = entry = _Entry(barred="" if entry.closed else _TWO_PARTS)
        entry.part_id, entry.run_id = trigger.part_id, trigger.run_id
        entry.early |= early
        entry.encoder, entry.stood_ns = trigger.encoder or 0, stood_ns
        entry.announced_ns = trigger.trigger_ns if trigger.sensor == "camera" and not known else 0
        return ("reject", CODES["UNDECIDED"]) if entry.barred else None

    def triggered(self, trigger_id: int, *, early: bool = False) -> None:
        """The PLC's sensor saw a part; `early`: maybe before this book was opened."""
        self.counts["triggers"] += 1
        if trigger_id <= self._newest:
            for old in self._parts.values():  # the line counts anew: of what an earlier book had, nothing comes any more
                old.closed |= old.early
        self._newest = trigger_id
        entry = self._parts.get(trigger_id)
        if entry is not None and entry.closed:
            del self._parts[trigger_id]
        self._entry(trigger_id).early |= early

    def stood_ns(self, trigger_id: int, now_ns: int) -> int:
        """For how long the belt has stood since a part was announced, given how long it has stood in all."""
        entry = self._parts.get(trigger_id)
        return now_ns - entry.stood_ns if entry is not None and entry.part_id else 0

    def told(self, trigger_id: int, after_us: float) -> None:
        """The PLC has been told of a verdict, so long after that had left the station; the first time counts."""
        entry = self._parts.get(trigger_id)
        if entry is not None and not entry.answer_us:
            entry.answer_us = after_us

    def open_parts(self) -> list[tuple[int, int, int]]:
        """What a PLC that was away must hear again of parts that have not gone: number, when a camera announced it (0: the PLC saw it by
        itself), and the code of a verdict that is not OK (0: none). An OK is not said again: behind the number may be another part by now."""
        return [
            (
                number,
                entry.announced_ns,
                CODES["UNDECIDED"] if entry.barred else CODES.get(entry.verdict, 0) if entry.verdict != "OK" else 0,
            )
            for number, entry in self._parts.items()
            if not entry.closed and (entry.announced_ns or entry.barred or entry.verdict not in ("", "OK"))
        ]

    def encoder(self, trigger_id: int) -> int:
        """Belt position at which a part was announced, counts; 0 where it is not known."""
        entry = self._parts.get(trigger_id)
        return entry.encoder if entry is not None else 0

    def barred(self, trigger_id: int) -> bool:
        """Whether a part may not pass whatever is said of it."""
        entry = self._parts.get(trigger_id)
        return entry is not None and bool(entry.barred)

    def judged(self, verdict: Verdict, *, in_time: bool = True, early: bool = False) -> tuple[Answer, int] | None:
        """The station's verdict; returns what to tell the PLC and the code, or None if there is nothing to tell.

        A second verdict for a part is only listened to if it is no permit; one after the deadline is no permit.
        """
        entry = self._entry(verdict.trigger_id)
        if entry.part_id and entry.part_id != verdict.part_id:
            entry.bar(_TWO_PARTS)
            return "reject", CODES["UNDECIDED"]
        if entry.closed:
            return None
        entry.part_id, entry.run_id = verdict.part_id, verdict.run_id
        entry.early |= early
        said_ok = verdict.verdict == "OK" and verdict.code == CODES["OK"] and not verdict.reasons and not entry.barred
        entry.good = said_ok and (entry.good or not entry.verdict)
        good = said_ok and in_time
        if not entry.verdict:
            self.counts["verdicts"] += 1
        elif good:
            return None
        entry.verdict = verdict.verdict if good or verdict.verdict != "OK" else "UNDECIDED"
        words = "; ".join((verdict.verdict, *verdict.reasons))[:180] if in_time or verdict.verdict != "OK" else _TOO_LATE
        entry.reason = "" if good else entry.barred or words
        self.counts["late"] += not in_time
        return ("permit", CODES["OK"]) if good else ("reject", CODES[entry.verdict])

    def condemn(self, trigger_id: int, why: str = _APART) -> list[int]:
        """A part may not pass whatever is said of it; returns the numbers of which the PLC has to be told, see `condemn_all`."""
        entry = self._entry(trigger_id)
        return self._condemn([(trigger_id, entry)], why)

    def condemn_all(self) -> list[int]:
        """The counts have come apart: nothing that lies on the belt may pass; returns the parts that the PLC was told to let go."""
        return self._condemn(list(self._parts.items()))

    def _condemn(self, parts: list[tuple[int, _Entry]], why: str = _APART) -> list[int]:
        # the newest first: what an earlier rejector's book had may have gone long ago, and a PLC on a field bus takes few words at once
        told = [number for number, entry in reversed(parts) if not entry.closed and entry.verdict == "OK"][:MAX_ON_BELT]
        for _, entry in parts:
            if not entry.closed:
                entry.bar(why)
        return told

    def excuse(self) -> None:
        """The station is back: parts that it could not see while it was away say nothing about it."""
        self.no_verdicts_in_row = 0
        for entry in self._parts.values():
            entry.excused = True

    def gone(self, trigger_id: int, outcome: Literal["passed", "ejected", "missed"], reason: str) -> Gone | None:
        """The PLC says what became of a part; None if that was said before."""
        unknown = trigger_id not in self._parts
        entry = self._entry(trigger_id)
        if entry.closed:
            return None
        entry.closed = True
        entry.excused |= unknown  # it came by while no rejector was there to hear its verdict
        self.counts[outcome] += 1
        if not entry.verdict:
            self.counts["no_verdict"] += 1
            self.no_verdicts_in_row += not entry.excused
        else:
            self.no_verdicts_in_row = 0
        # an earlier rejector may have told the PLC what is unknown here, or came too late
        earlier = unknown or (entry.early and entry.verdict != "OK" and (entry.good or not entry.verdict) and not entry.barred)
        wrong = outcome == "passed" and entry.verdict != "OK" and not earlier
        if wrong:
            reason = f"passed although the verdict is {entry.verdict or 'missing'}"
        elif outcome == "passed" and earlier:
            reason = "passed on what an earlier rejector said"
        elif outcome != "passed":
            reason = entry.reason or (_TOO_LATE if entry.verdict else reason or "no verdict")
        return Gone({"part_id": entry.part_id, "run_id": entry.run_id, "outcome": outcome, "reason": reason[:180]}, entry.answer_us, wrong)
