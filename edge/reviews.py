"""Reviews: what a person says a part really was. Append only; the newest one of a part counts, all are kept.

Verdicts come from the network, reviews from people; escape, overkill and the next training set rest on them. As with holds
(`edge.holds`) a review goes straight into the file, so that it is durable when the call returns.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec

from edge.errors import StoreError
from edge.holds import said
from edge.tallies import Changes, part_before

Truth = Literal["good", "bad", "unsure", "withdrawn"]
How = Literal["queue", "sample", "report", "other"]
TRUTHS: Final[tuple[str, ...]] = get_args(Truth)
HOWS: Final[tuple[str, ...]] = get_args(How)
MAX_BOXES = 500


class ReviewBox(msgspec.Struct, frozen=True):
    """A defect as a person drew or confirmed it: class, box in px of the recorded image."""

    kind: str
    x1: float
    y1: float
    x2: float
    y2: float


class Review(msgspec.Struct, frozen=True):
    """What one person said of one part; `reviewed_at` is UTC, ISO 8601.

    Attributes:
        who: wrote this row; where it takes back a review `note` says whose words it brings back.
        truth: `withdrawn` undoes what was said before: the part counts as not reviewed.
        boxes: the defects; None where the person said nothing of them, an empty list where there is none.
        how: why the person looked at this part: it was next in the queue of rejects and doubts, it was drawn as a `sample` of parts
            that passed, somebody came to `report` it, or for any `other` reason. Bounds for escapes rest on samples alone.
    """

    number: int
    part_id: str
    who: str
    truth: Truth
    note: str
    reviewed_at: str
    boxes: list[ReviewBox] | None
    how: How = "other"


def add(
    db: sqlite3.Connection,
    part_id: str,
    who: str,
    truth: Truth,
    now_ns: int,
    boxes: Sequence[ReviewBox] | None = None,
    note: str = "",
    how: How = "other",
    folder: Path | None = None,
) -> Review:
    """Within the caller's transaction, which holds the write lock. `folder`: the record's; with it boxes are compared with the image that is kept.

    Raises:
        StoreError: no such part, no name, an unknown word, or boxes that cannot be: without area, or beyond an image that is kept.
    """
    who = said(who, "who")
    if truth not in TRUTHS:
        raise StoreError(f"truth = {truth!r} is not known; choose one of: {', '.join(TRUTHS)}")
    if boxes and truth != "bad":
        raise StoreError(f"truth = {truth!r} with {len(boxes)} defects: only a part that is 'bad' has defects")
    if len(boxes or ()) > MAX_BOXES:
        raise StoreError(f"{len(boxes or ())} defects on one part; at most {MAX_BOXES} are recorded")
    for box in boxes or ():
        if not box.kind.strip() or not (0 <= box.x1 < box.x2 < 1e6 and 0 <= box.y1 < box.y2 < 1e6):
            raise StoreError(f"defect {_in_words(box)}: needs a class, and a box with 0 <= x1 < x2 and 0 <= y1 < y2")
    if how not in HOWS:
        raise StoreError(f"how = {how!r} is not known; choose one of: {', '.join(HOWS)}")
    before = part_before(db, part_id)
    if before is None:
        raise StoreError(f"there is no part {part_id!r} in the record; check the id")
    kept = db.execute("SELECT image_path FROM inspections WHERE part_id = ?", (part_id,)).fetchone()[0]
    size = _size(folder / kept) if folder is not None and boxes and kept else None
    for box in boxes or ():
        if size is not None and (box.x2 > size[0] or box.y2 > size[1]):
            raise StoreError(f"defect {_in_words(box)}: reaches beyond the image of {part_id}, which has {size[0]}x{size[1]} px")
    number = db.execute("SELECT coalesce(max(number), 0) + 1 FROM reviews").fetchone()[0]
    row = (number, part_id, who, truth, note.strip()[:200], boxes is not None, now_ns, how)
    db.execute("INSERT INTO reviews (number, part_id, who, truth, note, boxed, wall_ns, how) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    for i, b in enumerate(boxes or ()):
        db.execute("INSERT INTO review_boxes VALUES (?, ?, ?, ?, ?, ?, ?)", (number, i, b.kind.strip()[:80], b.x1, b.y1, b.x2, b.y2))
    key, defects = before
    counts = Changes()
    if truth == "withdrawn":
        after = key._replace(truth="", sampled=0)
    else:  # drawn is drawn: a sample that lost those that are later brought back as bad would lose just the escapes
        after = key._replace(truth=truth, sampled=int(key.sampled or how == "sample"))
    for at, by in ((key, -1), (after, 1)):
        counts.part(at, by)
        counts.defects(at, defects, by)
    counts.write(db)
    return reviews(db, part_id)[-1]


def undo(db: sqlite3.Connection, number: int, who: str, now_ns: int) -> Review:
    """Take back one's own review, as long as it is the one that counts: a row more, nothing is deleted. The row says what counted
    before, of whomever it was, with its defects; where nothing did, it is `withdrawn`, and the part comes into the queue again.
    Within the caller's transaction, as `add`.

    Raises:
        StoreError: no such review, somebody else's, taken back before, or a newer one counts.
    """
    row = db.execute("SELECT part_id, who, truth FROM reviews WHERE number = ?", (number,)).fetchone()
    if row is None:
        raise StoreError(f"there is no review {number}; check the number")
    part_id, author, truth = row
    if author != who:
        raise StoreError(f"review {number} is by {author}: only they can take it back; say what you see instead, the newest review counts")
    newest = db.execute("SELECT max(number) FROM reviews WHERE part_id = ?", (part_id,)).fetchone()[0]
    if newest != number or truth == "withdrawn":
        raise StoreError(f"review {number} of part {part_id!r} does not count any more: review {newest} does; look at the part again")
    note = f"takes back review {number}"
    last = next((r for r in reversed(reviews(db, part_id)) if r.number < number), None)
    if last is None or last.truth == "withdrawn":
        return add(db, part_id, who, "withdrawn", now_ns, note=note)
    note += f"; as {last.who} said in review {last.number}" + (f": {last.note}" if last.note else "")
    return add(db, part_id, who, last.truth, now_ns, last.boxes, note, last.how)


def _in_words(box: ReviewBox) -> str:
    return f"{box.kind!r} [{box.x1:g}, {box.y1:g}, {box.x2:g}, {box.y2:g}]"


def _size(image: Path) -> tuple[int, int] | None:
    """Width and height, px, by a PNG's header; None where the image has been deleted or says nothing of it."""
    try:
        with image.open("rb") as file:
            head = file.read(24)
    except OSError:
        return None
    return struct.unpack(">II", head[16:]) if len(head) == 24 and head[12:16] == b"IHDR" else None


def reviews(db: sqlite3.Connection, part_id: str | None = None, *, newest: bool = False) -> list[Review]:
    """Reviews of one part or of all, oldest first; with `newest` only the one of each part that counts, none where it was withdrawn."""
    where = "WHERE (? IS NULL OR r.part_id = ?)"
    if newest:
        where += " AND r.truth != 'withdrawn' AND r.number = (SELECT max(n.number) FROM reviews n WHERE n.part_id = r.part_id)"
    rows = db.execute(
        f"SELECT r.number, r.part_id, r.who, r.truth, r.note, r.reviewed_at, r.how, r.boxed FROM reviews r {where} ORDER BY r.number",
        (part_id, part_id),
    ).fetchall()
    return [Review(n, p, who, truth, note, at, _boxes(db, n) if boxed else None, how) for n, p, who, truth, note, at, how, boxed in rows]


def _boxes(db: sqlite3.Connection, number: int) -> list[ReviewBox]:
    found = db.execute("SELECT kind, x1, y1, x2, y2 FROM review_boxes WHERE review = ? ORDER BY number", (number,))
    return [ReviewBox(*row) for row in found]
