"""Escapes that people found: a part that passed, and was bad. What every threshold and every model is measured by.

A person who says 'bad' of a part that passed has found one, wherever they saw it: in a sample, or because it came back. Its
picture is held from then on, so that it is there for the next model, and for whoever asks how that could happen.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from edge import holds, reviews
from edge.filters import Filters
from edge.reviews import How, Review, ReviewBox, Truth
from edge.search import Count, count


def passed(db: sqlite3.Connection, part_id: str) -> bool:
    """Whether a part went on to the customer as far as the record knows: it was let pass, or judged OK and nobody saw it ejected."""
    row = db.execute("SELECT verdict, outcome FROM inspections WHERE part_id = ?", (part_id,)).fetchone()
    return row is not None and (row[1] == "passed" or (row[1] is None and row[0] == "OK"))


def say(
    db: sqlite3.Connection,
    part_id: str,
    who: str,
    truth: Truth,
    now_ns: int,
    boxes: Sequence[ReviewBox] | None = None,
    note: str = "",
    how: How = "other",
) -> Review:
    """A review, as `edge.reviews.add`; where it is an escape the picture is held too, both or neither. Within the caller's transaction.

    Raises:
        StoreError: as `edge.reviews.add`.
    """
    made = reviews.add(db, part_id, who, truth, now_ns, boxes, note, how)
    if truth == "bad" and passed(db, part_id):
        holds.place(db, part_id, who, f"{_named(made.number)} {note}".strip()[: holds.MAX_TEXT], now_ns)
    return made


def take_back(db: sqlite3.Connection, number: int, who: str, now_ns: int) -> Review:
    """As `edge.reviews.undo`; the hold that came with the review ends with it. Where the part is an escape by what counts again, and
    nothing else holds its picture, it is held anew. Within the caller's transaction.

    Raises:
        StoreError: as `edge.reviews.undo`.
    """
    made = reviews.undo(db, number, who, now_ns)
    for hold in holds.holds(db, made.part_id):
        if hold.who == who and hold.reason.startswith(_named(number)):
            holds.release(db, made.part_id, who, f"review {number} was taken back", now_ns, hold.number)
    if made.truth == "bad" and passed(db, made.part_id) and not holds.holds(db, made.part_id):
        holds.place(db, made.part_id, who, f"{_named(made.number)} As before review {number}.", now_ns)
    return made


def _named(number: int) -> str:
    return f"review {number}: passed, and was bad."


def escapes(db: sqlite3.Connection) -> Count:
    """How many parts passed and are bad by the review that counts."""
    return count(db, Filters(truth="bad", outcome="passed"))
