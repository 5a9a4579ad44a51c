"""The judgement of a drill: what the line saw, against the truth and against the record. Pure: no clock, socket or file."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field

from edge.drills.record import Row
from edge.drills.tally import Tally
from edge.drills.witness import Seen

NEAR_NS = 60 * 10**9  # a row without an exact time belongs to a part of its number at most so far away


@dataclass(frozen=True, slots=True)
class Window:
    """From a fault to the end of recovery, ns of CLOCK_MONOTONIC; what does not fit in it is explained by the fault."""

    begin_ns: int
    end_ns: int


class Windows:
    """Windows in order of time, none overlapping the next."""

    def __init__(self, windows: list[Window]) -> None:
        self._windows = windows
        self._begins = [w.begin_ns for w in windows]

    def touch(self, begin_ns: int, end_ns: int) -> bool:
        """Whether a stretch of time touches one of them."""
        last = bisect_right(self._begins, end_ns) - 1
        return last >= 0 and self._windows[last].end_ns >= begin_ns


@dataclass(kw_only=True)
class Counts:
    """What became of the parts at the line.

    Attributes:
        needless: good parts that were ejected; `needless_outside`, those of them that the fault does not explain.
        stopped_with: bad parts that lie before the ejector on a belt that stands.
        swept: parts that lay on the belt when the line's process ended, and were thrown out when it started anew.
    """

    parts: int = 0
    ng: int = 0
    passed: int = 0
    ejected: int = 0
    missed: int = 0
    stopped_with: int = 0
    swept: int = 0
    needless: int = 0
    needless_outside: int = 0


@dataclass
class Findings(Counts):
    """
    Attributes:
        escapes: bad parts that went by the ejector on a belt that ran on, each in words.
        unjudged: parts that passed although nobody judged that very part OK.
        misfits: parts of which line and record do not say the same, each in words; `unexplained`, those outside the window.
    """

    escapes: list[str] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)


def judge(parts: list[Seen], truth: list[str], tally: Tally, rows: dict[str, Row], wall_less_mono_ns: int, windows: Windows) -> Findings:
    """
    Args:
        truth: 'OK' or 'NG' by item, in turn.
        wall_less_mono_ns: what to take from a time of the record to have it in CLOCK_MONOTONIC.
    """
    found = Findings(parts=len(parts))
    belongs, strays = _match(parts, tally, rows, wall_less_mono_ns)
    for index, part in enumerate(parts):
        mine = belongs.get(index, [])
        bad = truth[part.item % len(truth)] == "NG"
        name = f"part {part.trigger_id} (item {part.item}, {'NG' if bad else 'OK'}; {', '.join(r.part_id for r in mine) or 'not in the record'})"
        found.ng += bad
        found.passed += part.outcome == "passed"
        found.ejected += part.outcome == "ejected"
        found.missed += part.outcome == "missed"
        found.swept += not part.outcome and part.fell is True
        found.stopped_with += bad and not part.outcome and part.fell is None
        explained = windows.touch(part.at_ns, part.gone_ns or part.at_ns)
        went_by = part.outcome == "passed" or part.fell is False
        if bad and went_by and not (part.outcome == "missed" and part.caught):
            found.escapes.append(f"{name} went by; the PLC program says {part.outcome or 'nothing'}")
        if not bad and (part.outcome in ("ejected", "missed") or part.fell):
            found.needless += 1
            found.needless_outside += not explained
        if (
            went_by
            and part.outcome != "missed"
            and (part.trigger_id, part.at_ns) not in tally.good
            and not any(r.verdict == "OK" for r in mine)
        ):
            found.unjudged.append(name)
        why = _misfit(part, mine)
        if why:
            found.misfits.append(f"{name}: {why}")
            if not explained:
                found.unexplained.append(found.misfits[-1])
    for row, at_ns in strays:
        found.misfits.append(f"{row.part_id}: in the record, and never at the line")
        if not windows.touch(at_ns, at_ns):
            found.unexplained.append(found.misfits[-1])
    return found


def _misfit(part: Seen, rows: list[Row]) -> str:
    """Why line and record do not say the same of a part; '' if they do. Two rows may be the two halves of one part."""
    verdicts = [r.verdict for r in rows if r.verdict is not None]
    outcomes = [r.outcome for r in rows if r.outcome is not None]
    if len(verdicts) > 1 or sum(r.announced for r in rows) > 1:
        return "was judged twice"
    if len(outcomes) > 1 or (outcomes and outcomes[0] != part.outcome):
        return f"the line says {part.outcome or 'on the belt'}, the record {', '.join(outcomes)}"
    if not any(r.announced for r in rows):
        return "never announced"
    if not verdicts:
        return "no verdict"
    if not outcomes:
        return "no outcome" if part.outcome else "on the belt when the line ended"
    return ""


def _match(
    parts: list[Seen], tally: Tally, rows: dict[str, Row], wall_less_mono_ns: int
) -> tuple[dict[int, list[Row]], list[tuple[Row, int]]]:
    """Which rows belong to which part (by its place in the list), and rows that belong to none, with their time."""
    exact = {(p.trigger_id, p.at_ns): i for i, p in enumerate(parts)}
    by_number: dict[int, list[int]] = defaultdict(list)
    for index, part in enumerate(parts):
        by_number[part.trigger_id].append(index)
    belongs: dict[int, list[Row]] = defaultdict(list)
    strays: list[tuple[Row, int]] = []
    for row in rows.values():
        heard = tally.parts.get(row.part_id) or tally.gone.get(row.part_id)
        at_ns = heard[1] if heard is not None else row.wall_ns - wall_less_mono_ns
        found = exact.get((row.trigger_id, at_ns))
        if found is None:  # its time is not that of its own trigger: no image came for it, or it is known from its ejection alone
            near = [(min(abs(at_ns - parts[i].at_ns), abs(at_ns - parts[i].gone_ns)), i) for i in by_number.get(row.trigger_id, [])]
            distance, found = min(near, default=(NEAR_NS + 1, None))
            found = found if distance <= NEAR_NS else None
        if found is None:
            strays.append((row, at_ns))
        else:
            belongs[found].append(row)
    return belongs, strays
