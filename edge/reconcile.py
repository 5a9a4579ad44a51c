"""Do the counts close? Triggers = verdicts = passed + ejections confirmed + ejections missed, and who does not fit."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from typing import Any

import msgspec

from edge.holes import PAIR_NS, holes

MAX_LISTED = 1_000


class Misfit(msgspec.Struct, frozen=True):
    """A part that does not fit, or a stretch of the line's numbers of which nothing was heard, and why."""

    part_id: str
    why: str


class Reconciliation(msgspec.Struct, frozen=True):
    """The books of a run, or of the whole record.

    Attributes:
        triggers: parts that the station announced.
        verdicts: how many of each word.
        passed, ejected, missed: what became of the parts; `ejected` is confirmed, `missed` fired and not confirmed.
        no_outcome: parts on their way to the ejector, or whose ejection was never heard of.
        unseen: parts that went by the ejector and that the station never announced.
        escapes: expected NG and passed.
        overkill: expected OK and not passed.
        expected_ng, expected_ok: parts with that label whose outcome is known.
        messages_missed: triggers, verdicts and ejections that the recorder missed on the bus.
        unheard: parts of which nothing was heard at all, at least; holes in the line's numbers (`edge.holes`).
        evidence_lost: images that were to be kept and could not be.
        misfits: at most 1000, oldest first of each kind; `misfit_count` counts the parts in all of them.
        waiting: the parts without outcome, at most 1000.
    """

    run_id: str | None
    triggers: int
    verdicts: dict[str, int]
    passed: int
    ejected: int
    missed: int
    no_outcome: int
    unseen: int
    escapes: int
    overkill: int
    expected_ng: int
    expected_ok: int
    messages_missed: int
    unheard: int
    evidence_lost: int
    misfit_count: int
    misfits: list[Misfit]
    waiting: list[str]

    @property
    def closes(self) -> bool:
        """Whether every part has exactly one trigger, one verdict and one outcome that go together."""
        judged = sum(self.verdicts.values())
        return self.misfit_count == 0 and self.messages_missed == 0 and self.triggers == judged == self.passed + self.ejected + self.missed

    def as_dict(self) -> dict[str, Any]:
        """For JSON, with `closes`."""
        return {"closes": self.closes, **msgspec.to_builtins(self)}


_COUNTS = """SELECT
    count(*) FILTER (WHERE trigger_seq IS NOT NULL OR verdict IS NOT NULL),
    count(*) FILTER (WHERE verdict = 'OK'), count(*) FILTER (WHERE verdict = 'NG'), count(*) FILTER (WHERE verdict = 'UNDECIDED'),
    count(*) FILTER (WHERE outcome = 'passed'), count(*) FILTER (WHERE outcome = 'ejected'), count(*) FILTER (WHERE outcome = 'missed'),
    count(*) FILTER (WHERE expected = 'NG' AND outcome = 'passed'), count(*) FILTER (WHERE expected = 'OK' AND outcome != 'passed'),
    count(*) FILTER (WHERE expected = 'NG' AND outcome IS NOT NULL), count(*) FILTER (WHERE expected = 'OK' AND outcome IS NOT NULL),
    count(*) FILTER (WHERE evidence = 'lost' OR reference_evidence = 'lost')
    FROM inspections WHERE """

_WHY = """CASE
    WHEN contradicted THEN 'two different messages of one kind'
    WHEN outcome = 'passed' AND verdict IS NOT 'OK' THEN 'passed without an OK verdict'
    WHEN verdict IS NULL AND outcome IS NOT NULL THEN 'no verdict'
    WHEN verdict IS NOT NULL AND trigger_seq IS NULL THEN 'no trigger announcement'
    END"""

_SEEN = "(trigger_seq IS NOT NULL OR verdict IS NOT NULL)"


def reconcile(db: sqlite3.Connection, run_id: str | None, span: tuple[int, int] | None = None) -> Reconciliation:
    """The books of a run, of everything, or of the parts that were triggered in a span (UTC ns, from, to before)."""
    scope, values = _scope(db, run_id)
    lives = span or _span_of(db, run_id)
    if span is not None:
        scope, values = f"{scope} AND trigger_wall_ns >= ? AND trigger_wall_ns < ?", (*values, *span)
    announced, ok, ng, undecided, passed, ejected, missed, escapes, overkill, expected_ng, expected_ok, lost = db.execute(
        _COUNTS + scope, values
    ).fetchone()
    paired = _pairs(db, scope, values)
    waiting = [
        r[0] for r in db.execute(f"SELECT part_id FROM inspections WHERE outcome IS NULL AND {scope} ORDER BY trigger_wall_ns", values)
    ]
    waiting = [part_id for part_id in waiting if part_id not in paired]
    unseen = [r[0] for r in db.execute(f"SELECT part_id FROM inspections WHERE NOT {_SEEN} AND {scope} ORDER BY trigger_wall_ns", values)]
    unseen = [part_id for part_id in unseen if part_id not in paired.values()]
    bad = f"FROM inspections WHERE {_SEEN} AND {_WHY} IS NOT NULL AND {scope}"
    misfits = [Misfit(part_id, "not announced by the station") for part_id in unseen]
    gone = holes(db, scope, values, span)
    unheard = sum(hole.parts for hole in gone)
    misfits += [Misfit(hole.name, hole.why) for hole in gone]
    misfits += [Misfit(*row) for row in db.execute(f"SELECT part_id, {_WHY} {bad} ORDER BY trigger_wall_ns LIMIT {MAX_LISTED}", values)]
    count = len(unseen) + unheard + db.execute(f"SELECT count(*) {bad}", values).fetchone()[0]
    return Reconciliation(
        run_id=run_id,
        triggers=announced,
        verdicts={"OK": ok, "NG": ng, "UNDECIDED": undecided},
        passed=passed,
        ejected=ejected,
        missed=missed,
        no_outcome=len(waiting),
        unseen=len(unseen),
        escapes=escapes,
        overkill=overkill,
        expected_ng=expected_ng,
        expected_ok=expected_ok,
        messages_missed=_missed(db, scope, values, lives),
        unheard=unheard,
        evidence_lost=lost,
        misfit_count=count,
        misfits=misfits[:MAX_LISTED],
        waiting=waiting[:MAX_LISTED],
    )


def _scope(db: sqlite3.Connection, run_id: str | None) -> tuple[str, tuple[str | int, ...]]:
    """The rows of a run. A part the station never saw names no run: it belongs to the one that was on at its time."""
    if run_id is None:
        return "1", ()
    lasted = _span_of(db, run_id)
    if lasted is None:
        return "run_id = ?", (run_id,)
    own = "run_id IS NULL AND station = (SELECT station FROM runs WHERE run_id = ?) AND trigger_wall_ns >= ? AND trigger_wall_ns < ?"
    return f"(run_id = ? OR ({own}))", (run_id, run_id, *lasted)


def _pairs(db: sqlite3.Connection, scope: str, values: tuple[str | int, ...]) -> dict[str, str]:
    """Parts announced only after they had gone by the ejector: part_id → the row that holds their ejection.

    A rejector then knew no part_id; one that has started anew may not know it of what passed on the word of the one before either. Station and trigger number are the same; trigger numbers start anew with the
    line, so the nearest in time is taken, each once.
    """
    waiting: dict[tuple[str, int], list[tuple[int, str, str | None]]] = defaultdict(list)
    columns = "SELECT station, trigger_id, trigger_wall_ns, part_id"
    gone = db.execute(f"{columns}, outcome FROM inspections WHERE NOT {_SEEN} AND outcome IS NOT NULL AND {scope}", values).fetchall()
    if not gone:
        return {}
    for station, trigger_id, at_ns, part_id, verdict in db.execute(
        f"{columns}, verdict FROM inspections WHERE outcome IS NULL AND {scope}", values
    ):
        waiting[station, trigger_id].append((at_ns, part_id, verdict))
    near = sorted(
        (abs(at_ns - gone_ns), part_id, gone_id)
        for station, trigger_id, gone_ns, gone_id, outcome in gone
        for at_ns, part_id, verdict in waiting[station, trigger_id]
        if abs(at_ns - gone_ns) <= PAIR_NS and (outcome != "passed" or verdict == "OK")
    )
    pairs: dict[str, str] = {}
    taken: set[str] = set()
    for _, part_id, gone_id in near:
        if part_id not in pairs and gone_id not in taken:
            pairs[part_id] = gone_id
            taken.add(gone_id)
    return pairs


def _span_of(db: sqlite3.Connection, run_id: str | None) -> tuple[int, int] | None:
    """From a run's announcement to the next one's, UTC ns; None for everything, and for a run whose announcement was missed."""
    if run_id is None:
        return None
    run = db.execute("SELECT station, begin_wall_ns FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    if run is None or run[1] is None:
        return None
    end = db.execute("SELECT min(begin_wall_ns) FROM runs WHERE station = ? AND begin_wall_ns > ?", run).fetchone()[0]
    return run[1], end or 2**63 - 1


_BOOKED = "topic IN ('gutteil.trigger', 'gutteil.verdict', 'gutteil.ejection')"
# a process has lived until it was heard last; one that was never heard itself, until the next one of its kind began
_LIVED = """(SELECT g.*, coalesce(
        (SELECT p.last_wall_ns FROM processes p WHERE p.station = g.station AND p.sender = g.sender AND p.epoch = g.epoch),
        (SELECT min(p.epoch) FROM processes p WHERE p.station = g.station AND p.sender = g.sender AND p.epoch > g.epoch),
        9223372036854775807
    ) AS until_ns FROM gaps g)"""


def missing_since(db: sqlite3.Connection) -> list[tuple[int, int]]:
    """From when to when (UTC ns) the processes lived of which messages were missed that the books need."""
    return db.execute(f"SELECT DISTINCT epoch, max(epoch, until_ns) FROM {_LIVED} WHERE {_BOOKED}").fetchall()


def _missed(db: sqlite3.Connection, scope: str, values: tuple[str | int, ...], lives: tuple[int, int] | None) -> int:
    """Messages missed on the bus; for a run or a span, those of every process that took part in it or lived then, whether or not a
    part of it was recorded: when they were missed is not known, so they count against all of it."""
    where, given = _BOOKED, tuple[str | int, ...]()
    if scope != "1":
        epochs = " UNION ".join(
            f"SELECT DISTINCT {kind}_epoch FROM inspections WHERE {scope}" for kind in ("trigger", "verdict", "ejection")
        )
        where, given = f"{where} AND (epoch IN ({epochs})", values * 3
        if lives is not None:
            where, given = f"{where} OR (epoch < ? AND until_ns >= ?)", (*given, lives[1], lives[0])
        where += ")"
    row = db.execute(f"SELECT total(last_seq - first_seq + 1) FROM {_LIVED} WHERE {where}", given).fetchone()
    return int(row[0])
