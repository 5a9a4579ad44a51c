"""The book of reviews as the page keeps it: queue, leases, one part, and what somebody says. Every write asks what it may overwrite."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Final

import msgspec

from dashboard.desk import Desk
from dashboard.golden import picture_size
from dashboard.people.users import Person
from dashboard.review.said import ReviewError, Says
from dashboard.review.told import Item, PartView, Said, item_of, said_of, view_of
from edge import escapes
from edge.errors import StoreError
from edge.filters import Filters
from edge.leases import Leases
from edge.review_queue import REASONS, Reason, Wanted, queue
from edge.reviews import ReviewBox, reviews
from edge.search import Count, Cursor, find, rows_of
from edge.store import Store

SHOWS: Final[dict[str, tuple[Reason, ...]]] = {"all": REASONS, **{r: (r,) for r in REASONS}, "sample": ("sample",)}
MOST: Final = 500
COUNT_S: Final = 5.0  # as KEEP_S, for the number of escapes
KEEP_S: Final = 0.3  # a queue that was read is good for so long: several people ask for the same one


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """What waits.

    Attributes:
        left: how many; more: there are more than that.
        counts: by what put them there first; of the whole queue, whichever part of it is shown.
        escapes: parts that passed and are bad by the review that counts; exact: False: at least so many.
        mine: parts that this tab has.
    """

    show: str
    left: int
    more: bool
    counts: dict[str, int]
    escapes: int
    exact: bool
    mine: list[str]
    items: list[Item]


class Found(msgspec.Struct, frozen=True):
    """Parts that were looked for; `following`: where older ones begin, '' where there are none."""

    items: list[Item]
    following: str = ""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A review that has been written; `escape`: it is of a part that passed, and was bad."""

    review: Said
    escape: bool
    escapes: int


class Book:
    """For the routes; every method but `__init__` is called in a worker thread."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._folder = desk, Path(desk.config.record.folder).resolve()
        self.leases = Leases()
        self._read: dict[tuple[Reason, ...], tuple[float, list[Wanted]]] = {}
        self._counted: tuple[float, Count | None] = (0.0, None)
        self._lock = threading.Lock()

    def queue(self, store: Store, show: str, holder: str, limit: int) -> Queue:
        """The queue as this tab sees it; its leases last on.

        Raises:
            ReviewError: a wrong word.
        """
        if show not in SHOWS:
            raise ReviewError(400, f"show = {show[:40]!r} is not known; choose one of: {', '.join(SHOWS)}")
        if not 1 <= limit <= MOST:
            raise ReviewError(400, f"limit = {limit}: 1 to {MOST} parts can be shown")
        mine, others = self.leases.renew(holder), self.leases.others(holder)
        with store.reading() as db:
            wanted = self._wanted(db, SHOWS[show])
            whole = wanted if show == "all" else self._wanted(db, REASONS)
            items = [item_of(db, self._folder, w.row, others, w) for w in wanted[:limit]]
            count = self._escapes(db)
        counts = Counter(w.reasons[0] for w in whole)
        return Queue(
            show=show, left=len(wanted), more=len(wanted) >= MOST, counts={r: counts[r] for r in REASONS}, escapes=count.parts, exact=count.exact,
            mine=mine, items=items,
        )  # fmt: skip

    def _wanted(self, db: sqlite3.Connection, reasons: tuple[Reason, ...]) -> list[Wanted]:
        with self._lock:
            at, known = self._read.get(reasons, (0.0, []))
        if time.monotonic() - at < KEEP_S:
            return known
        found = queue(db, reasons=reasons, limit=MOST)
        with self._lock:
            self._read[reasons] = (time.monotonic(), found)
        return found

    def _escapes(self, db: sqlite3.Connection) -> Count:
        with self._lock:
            at, known = self._counted
        if known is None or time.monotonic() - at > COUNT_S:
            known = escapes.escapes(db)
            with self._lock:
                self._counted = (time.monotonic(), known)
        return known

    def _forget(self) -> None:
        with self._lock:
            self._read.clear()
            self._counted = (0.0, None)

    def part(self, store: Store, part_id: str, holder: str) -> PartView:
        """A part, whole.

        Raises:
            ReviewError: there is none.
        """
        found = store.inspection(part_id)
        if found is None:
            raise ReviewError(404, f"there is no part {part_id[:100]!r} in the record (yet); check the id")
        return view_of(store, self._desk.config, self._folder, found, self.leases.others(holder).get(part_id))

    def open(self, store: Store, part_id: str, holder: str, person: Person) -> PartView:
        """The part, leased to this tab unless somebody else has it; the tab's other leases end.

        Raises:
            ReviewError: as `part`.
        """
        found = self.part(store, part_id, holder)
        self.leases.give_back(holder)
        taken = self.leases.take([part_id], holder, person.name)
        return found if taken else msgspec.structs.replace(found, by=self._holder(part_id, holder))

    def _holder(self, part_id: str, holder: str) -> str:
        lease = self.leases.others(holder).get(part_id)
        return lease.who if lease else ""

    def say(self, store: Store, part_id: str, says: Says, person: Person) -> Done:
        """Write a review, unless there is one that the person has not seen.

        Raises:
            ReviewError: no such part, a newer review, boxes without the permission or beyond the picture.
        """
        says.check()
        part = store.inspection(part_id)
        if part is None:
            raise ReviewError(404, f"there is no part {part_id[:100]!r} in the record (yet); check the id")
        boxes = [ReviewBox(b.kind.strip(), *b.box) for b in says.boxes] if says.boxes is not None else None
        drawn = {(d.x1, d.y1, d.x2, d.y2) for d in part.defects}
        if not person.may("label") and any((b.x1, b.y1, b.x2, b.y2) not in drawn for b in boxes or ()):
            raise ReviewError(
                403, f"boxes: {person.name} may say of which class the model's boxes are, not draw others; 'label' is needed for that"
            )
        size = picture_size(self._folder, part.image_path) if part.image_path else None
        for i, box in enumerate(boxes or ()):
            if size is not None and (box.x2 > size[0] or box.y2 > size[1]) and (box.x1, box.y1, box.x2, box.y2) not in drawn:
                raise ReviewError(
                    400, f"boxes[{i}].box = {[box.x1, box.y1, box.x2, box.y2]}: reaches out of the picture of {size[0]} x {size[1]} px"
                )
        with store.writing() as db:
            went = escapes.passed(db, part_id)
            if says.how in ("sample", "report") and not went:
                raise ReviewError(
                    409,
                    f"how = {says.how!r}: part {part_id[:100]} has not passed (verdict {part.verdict}, {part.outcome or 'not at the ejector yet'})",
                )
            before = reviews(db, part_id)
            newest = before[-1] if before else None
            if (newest.number if newest else 0) != says.seen:
                by = f"{newest.who} has said '{newest.truth}'" if newest else "there is no such review"
                raise ReviewError(
                    409, f"seen = {says.seen}: {by} meanwhile; look at it, then say it again", newer=[said_of(r) for r in before]
                )
            made = escapes.say(db, part_id, person.name, says.truth, time.time_ns(), boxes, says.note, says.how)
            escape = went and says.truth == "bad"
            was = newest.truth if newest and newest.truth != "withdrawn" else "not reviewed"
            more = f", {len(boxes)} boxes" if boxes is not None else ""
            self._desk.record.note_in(
                db, "escape" if escape else "review", person.name, f"{part_id}: {was} -> {says.truth}{more}; review {made.number}"
            )
            total = escapes.escapes(db).parts
        self._forget()
        self.leases.give_back(f"{person.name}/{says.tab}", part_id)
        return Done(review=said_of(made), escape=escape, escapes=total)

    def undo(self, store: Store, number: int, person: Person) -> Done:
        """Take back one's own review; the answer is what counts now.

        Raises:
            StoreError: as `edge.reviews.undo`.
        """
        with store.writing() as db:
            made = escapes.take_back(db, number, person.name, time.time_ns())
            self._desk.record.note_in(
                db, "review", person.name, f"{made.part_id}: review {number} taken back -> {made.truth}; review {made.number}"
            )
            total = escapes.escapes(db).parts
        self._forget()
        return Done(review=said_of(made), escape=False, escapes=total)

    def find(self, store: Store, text: str, holder: str) -> Found:
        """The part with this id; else those whose id begins so or whose trigger has this number, newest first.

        Raises:
            ReviewError: nothing to look for.
        """
        text = text.strip()
        if not 1 <= len(text) <= 200 or not text.isprintable():
            raise ReviewError(400, f"text = {text[:40]!r}: 1 to 200 printable characters are needed; scan or type the id of a part")
        with store.reading() as db:
            rows = rows_of(db, [text])
            if not rows:
                rows = find(db, Filters(part=text, prefix=True), limit=24).rows
            if not rows:
                rows = rows_of(db, [r[0] for r in db.execute(_ENDING, (f"-{text}",))])
            others = self.leases.others(holder)
            return Found([item_of(db, self._folder, row, others) for row in rows])

    def passed(self, store: Store, before: str, limit: int, holder: str) -> Found:
        """The last parts that passed, newest first.

        Raises:
            ReviewError: a wrong bound or place.
        """
        if not 1 <= limit <= 100:
            raise ReviewError(400, f"limit = {limit}: 1 to 100 parts can be shown")
        try:
            cursor = Cursor.parse(before) if before else None
        except StoreError as error:
            raise ReviewError(400, f"before: {error}") from error
        with store.reading() as db:
            page = find(db, Filters(outcome="passed"), cursor=cursor, limit=limit)
            others = self.leases.others(holder)
            items = [item_of(db, self._folder, row, others) for row in page.rows]
        return Found(items, page.following.text() if page.following else "")


# the numbers that people read off a part or a list are the ends of ids; only among the newest, as no index leads there
_ENDING: Final = """SELECT part_id FROM (SELECT part_id FROM inspections ORDER BY trigger_wall_ns DESC LIMIT 20000)
    WHERE substr(part_id, -length(?1)) = ?1 LIMIT 24"""
