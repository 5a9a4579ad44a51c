"""Parts of which nothing at all was heard: holes in the line's numbers, and a station whose end nobody saw.

The numbers of messages show what was missed of a process that lived on. They do not show the last words of one that died, which
nobody has received and nobody can say again. But the line counts its parts without a hole, so the next station's first part tells how
many came before it. Where the count begins anew as well, that is lost, and the books cannot close over it.
"""

from __future__ import annotations

import itertools
import sqlite3
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

MARGIN = 300  # parts around a scope; a station says at most 200 parts belatedly (`CameraWatch.missing`)
PAIR_NS = 900 * 10**9  # longer than any way to the ejector (600 s)

_COLUMNS = "station, trigger_epoch, trigger_seq, trigger_id, trigger_wall_ns, part_id, rowid AS came"
_AROUND = "trigger_seq IS NOT NULL AND trigger_wall_ns"
# Of the announced parts of a scope and some around it, in the order in which they were announced, the first and the last of each
# stretch of numbers that follow on each other. Epochs are in the order in which they came to the record, as a clock may be set back.
_STRETCHES = f"""WITH parts AS (
    SELECT {_COLUMNS} FROM inspections WHERE trigger_seq IS NOT NULL AND {{scope}}
    UNION SELECT * FROM (SELECT {_COLUMNS} FROM inspections WHERE {_AROUND} < ? ORDER BY trigger_wall_ns DESC LIMIT {MARGIN})
    UNION SELECT * FROM (SELECT {_COLUMNS} FROM inspections WHERE {_AROUND} > ? ORDER BY trigger_wall_ns LIMIT {MARGIN})
), epochs AS (
    SELECT station, trigger_epoch, min(came) AS began FROM parts GROUP BY station, trigger_epoch
), edges AS (
    SELECT station, trigger_epoch, trigger_id, trigger_wall_ns, part_id,
        lag(trigger_id) OVER w IS NOT trigger_id - 1 AS begins, lead(trigger_id) OVER w IS NOT trigger_id + 1 AS ends,
        began, trigger_seq
    FROM parts JOIN epochs USING (station, trigger_epoch) WINDOW w AS (PARTITION BY station, trigger_epoch ORDER BY trigger_seq)
)
SELECT station, trigger_epoch, trigger_id, trigger_wall_ns, part_id, begins, ends FROM edges WHERE begins OR ends
ORDER BY station, began, trigger_seq"""


class Hole(NamedTuple):
    """Numbers first..last of a station's line, of which nothing was heard between two parts. `last` 0: nobody knows how many."""

    station: str
    first: int
    last: int
    before: str
    after: str
    since_ns: int
    until_ns: int

    @property
    def parts(self) -> int:
        """How many at least."""
        return self.last - self.first + 1 if self.last else 1

    @property
    def why(self) -> str:
        if self.last:
            return f"nothing was heard of {'it' if self.last == self.first else 'them'}, between {self.before} and {self.after}"
        return "the station died after it, and whether it had seen more parts cannot be known"

    @property
    def name(self) -> str:
        """The parts, as far as they have a name."""
        if not self.last:
            return self.before
        return f"{self.station} trigger {self.first}" + (f" to {self.last}" if self.last > self.first else "")


def holes(db: sqlite3.Connection, scope: str, values: tuple[str | int, ...], span: tuple[int, int] | None) -> list[Hole]:
    """What is missing within a scope or at its edges.

    Args:
        scope, values: a condition on rows of `inspections`.
        span: UTC ns, from, to before; None: from the first to the last part of the scope.
    """
    if span is None:
        low, high = db.execute(f"SELECT min(trigger_wall_ns), max(trigger_wall_ns) FROM inspections WHERE {scope}", values).fetchone()
        if low is None:
            return []
    else:
        low, high = span[0], span[1] - 1
    found = [h for h in _leaps(db, scope, values, low, high) if h.until_ns >= low and h.since_ns <= high]
    found += _deaths(db, low, high)
    if not found:
        return []
    known = _known(db, found)
    return [rest for hole in found for rest in (_less(hole, known[hole.station]) if hole.last else [hole])]


class _Stretch(NamedTuple):
    """Parts whose numbers follow on each other."""

    station: str
    epoch: int
    first: int
    last: int
    begin_ns: int
    end_ns: int
    first_part: str
    last_part: str


def _stretches(db: sqlite3.Connection, scope: str, values: tuple[str | int, ...], low: int, high: int) -> Iterator[_Stretch]:
    begin: tuple[int, int, str] = (0, 0, "")
    for station, epoch, number, at_ns, part_id, begins, ends in db.execute(_STRETCHES.format(scope=scope), (*values, low, high)):
        if begins:
            begin = (number, at_ns, part_id)
        if ends:
            yield _Stretch(station, epoch, begin[0], number, begin[1], at_ns, begin[2], part_id)


def _leaps(db: sqlite3.Connection, scope: str, values: tuple[str | int, ...], low: int, high: int) -> list[Hole]:
    """Every leap in the numbers that no part has made up for."""
    done: list[Hole] = []
    now: list[Hole] = []  # since the count began last
    newest = 0
    before: _Stretch | None = None
    for here in list(_stretches(db, scope, values, low, high)):
        if before is None or before.station != here.station:
            before, newest = here, here.last
            continue
        new = here.epoch != before.epoch
        died = new and not _stopped(db, here.station, before.epoch, here.epoch)
        leap = Hole(here.station, newest + 1, here.first - 1, before.last_part, here.first_part, before.end_ns, here.begin_ns)
        if here.first > newest:
            if here.first > newest + 1 and (died or not new):
                now.append(leap)
            newest = here.last
        elif new or not _fill(now, here):  # the count has begun anew
            if died:
                now.append(leap._replace(last=0))
            done, now, newest = done + now, [], here.last
        before = here
    return done + now


def _fill(now: list[Hole], come: _Stretch) -> bool:
    """Whether parts are some of those that were missing; takes them out."""
    for index in range(len(now) - 1, -1, -1):
        hole = now[index]
        if hole.station == come.station and hole.first <= come.first and come.last <= hole.last:
            parts = (hole._replace(last=come.first - 1), hole._replace(first=come.last + 1))
            now[index : index + 1] = [part for part in parts if part.first <= part.last]
            return True
    return False


def _deaths(db: sqlite3.Connection, low: int, high: int) -> list[Hole]:
    """Stations that have been replaced, that nobody has heard stop, and after which no part has come yet."""
    found = []
    for station, newest in db.execute("SELECT station, max(epoch) FROM processes WHERE sender = 'station' GROUP BY station").fetchall():
        last = db.execute(
            "SELECT part_id, trigger_epoch, trigger_id, trigger_wall_ns FROM inspections WHERE station = ? AND trigger_seq IS NOT NULL"
            " ORDER BY trigger_wall_ns DESC LIMIT 1",
            (station,),
        ).fetchone()
        if last is not None and last[1] < newest and low <= last[3] <= high and not _stopped(db, station, last[1], newest):
            found.append(Hole(station, last[2] + 1, 0, last[0], "", last[3], last[3]))
    return found


def _stopped(db: sqlite3.Connection, station: str, epoch: int, following: int) -> bool:
    """Whether an epoch, and those before the one that followed, said at their end how much they had sent: what is missing of that is
    in the gaps, and what the line did until the next one began was not for a station to see."""
    where = "station = ? AND sender = 'station' AND (epoch = ? OR (epoch > ? AND epoch < ?)) AND NOT stopped"
    return db.execute(f"SELECT 1 FROM processes WHERE {where} LIMIT 1", (station, epoch, epoch, following)).fetchone() is None


def _known(db: sqlite3.Connection, found: list[Hole]) -> dict[str, list[tuple[int, int]]]:
    """Parts that nobody announced and that were heard of all the same, which makes them misfits of their own: number and time, in
    order, by station."""
    known: dict[str, list[tuple[int, int]]] = defaultdict(list)
    span = (min(h.since_ns for h in found) - PAIR_NS, min(max(h.until_ns for h in found) + PAIR_NS, 2**63 - 1))
    rows = db.execute(
        "SELECT station, trigger_id, trigger_wall_ns FROM inspections WHERE trigger_seq IS NULL AND trigger_wall_ns BETWEEN ? AND ?"
        " ORDER BY trigger_id",
        span,
    )
    for station, number, at_ns in rows:
        known[station].append((number, at_ns))
    return known


def _less(hole: Hole, known: list[tuple[int, int]]) -> list[Hole]:
    """What is left of a hole."""
    inside = known[bisect_left(known, (hole.first, 0)) : bisect_right(known, (hole.last, 2**63))]
    edges = [
        hole.first - 1,
        *sorted({n for n, at_ns in inside if hole.since_ns - PAIR_NS <= at_ns <= hole.until_ns + PAIR_NS}),
        hole.last + 1,
    ]
    return [hole._replace(first=a + 1, last=b - 1) for a, b in itertools.pairwise(edges) if a + 1 < b]
