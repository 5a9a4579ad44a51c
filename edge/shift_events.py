"""What happened in a stretch of the record beside the counts: stops and alarms, changes of recipe and model, parts that need a word.

All functions take an open connection of the record (`Store.reading`) and write nothing. Times are UTC ns, from, to before.
"""

from __future__ import annotations

import sqlite3

import msgspec

from edge.migrations import ODD
from edge.tally_sums import Span

STOPPED = "line-stopped"
MAX_LISTED = 50


class Lasted(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm of a span, all its times together.

    Attributes:
        times: how often it was on; lasted_ns: how long within the span; first_ns: when first, perhaps before the span.
        ended: it is over; False: it was on at the span's end.
    """

    code: str
    severity: str
    text: str
    times: int
    lasted_ns: int
    first_ns: int
    ended: bool


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """With what was judged from a moment on.

    Attributes:
        recipe_hash, model_hash: SHA-256 of the recipe's text and of the model's file.
        simulated: no real parts.
    """

    since_ns: int
    product: str
    recipe: str
    recipe_hash: str
    model: str
    model_hash: str
    simulated: bool


class PartAt(msgspec.Struct, frozen=True):
    """A part by its id, and when it was triggered."""

    part_id: str
    wall_ns: int


def alarms(db: sqlite3.Connection, span: Span) -> list[Lasted]:
    """Every alarm that was on in a span, those that lasted longest first. One that never ended lasts on."""
    query = """SELECT code, severity, text, begin_wall_ns, end_wall_ns FROM alarms
        WHERE begin_wall_ns < ? AND (end_wall_ns IS NULL OR end_wall_ns > ?) ORDER BY begin_wall_ns"""
    found: dict[str, Lasted] = {}
    for code, severity, text, begin, end in db.execute(query, (span[1], span[0])):
        lasted = min(end or span[1], span[1]) - max(begin, span[0])
        before = found.get(code)
        found[code] = Lasted(
            code=code,
            severity=severity,
            text=text,
            times=1 + (before.times if before else 0),
            lasted_ns=lasted + (before.lasted_ns if before else 0),
            first_ns=before.first_ns if before else begin,
            ended=(end is not None and end <= span[1]) and (before is None or before.ended),
        )
    return sorted(found.values(), key=lambda a: (-a.lasted_ns, a.code))


def made_with(db: sqlite3.Connection, station: str, span: Span) -> list[Made]:
    """Product, recipe and model: as the span began, then each change. A start of the station that changed nothing is none."""
    query = """SELECT begin_wall_ns, coalesce(product, ''), coalesce(recipe, ''), coalesce(recipe_hash, ''), coalesce(model, ''),
        coalesce(model_hash, ''), simulated FROM runs WHERE station = ? AND begin_wall_ns < ? AND begin_wall_ns >= coalesce(
            (SELECT max(begin_wall_ns) FROM runs WHERE station = ? AND begin_wall_ns <= ?), 0) ORDER BY begin_wall_ns"""
    found: list[Made] = []
    for begin, product, recipe, recipe_hash, model, model_hash, simulated in db.execute(query, (station, span[1], station, span[0])):
        made = Made(
            since_ns=max(begin, span[0]),
            product=product,
            recipe=recipe,
            recipe_hash=recipe_hash,
            model=model,
            model_hash=model_hash,
            simulated=bool(simulated),
        )
        if not found or msgspec.structs.replace(made, since_ns=found[-1].since_ns) != found[-1]:
            found.append(made)
    return found


def unconfirmed(db: sqlite3.Connection, span: Span) -> list[PartAt]:
    """Parts that were to be ejected and that nobody saw fall, oldest first, at most 50."""
    query = f"""SELECT part_id, trigger_wall_ns FROM inspections WHERE {ODD} AND outcome = 'missed'
        AND trigger_wall_ns >= ? AND trigger_wall_ns < ? ORDER BY trigger_wall_ns LIMIT ?"""
    return [PartAt(*row) for row in db.execute(query, (*span, MAX_LISTED))]


def escapes(db: sqlite3.Connection, span: Span) -> list[PartAt]:
    """Parts of a span that passed and that a person found bad, whenever they found it; oldest first, at most 50."""
    query = """SELECT part_id, trigger_wall_ns FROM inspections WHERE truth IS NOT NULL AND truth = 'bad' AND outcome = 'passed'
        AND trigger_wall_ns >= ? AND trigger_wall_ns < ? ORDER BY trigger_wall_ns LIMIT ?"""
    return [PartAt(*row) for row in db.execute(query, (*span, MAX_LISTED))]


def escapes_found(db: sqlite3.Connection, span: Span) -> list[PartAt]:
    """Parts from before a span that had passed and that somebody found bad in it; oldest first, at most 50."""
    # the cross join keeps SQLite from walking all parts to find the few that were reviewed
    query = """SELECT i.part_id, i.trigger_wall_ns FROM (
            SELECT DISTINCT part_id FROM reviews WHERE wall_ns >= ? AND wall_ns < ? AND truth = 'bad'
        ) r CROSS JOIN inspections i ON i.part_id = r.part_id
        WHERE i.truth = 'bad' AND i.outcome = 'passed' AND i.trigger_wall_ns < ? ORDER BY i.trigger_wall_ns LIMIT ?"""
    return [PartAt(*row) for row in db.execute(query, (*span, span[0], MAX_LISTED))]
