"""Parts of the record as a stream, for exports: page by page by key, so that memory is bounded and no reader holds the log of the
database open for as long as a download takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from edge import search
from edge.errors import StoreError
from edge.filters import Filters
from edge.reviews import Review
from edge.search import Cursor, Row
from edge.store import Inspection, Store

PAGE: Final = 200
MAX_PARTS: Final = 20_000_000  # in one table
MAX_PICTURES: Final = 20_000  # in one archive
MAX_BYTES: Final = 20_000_000_000


class Taken(msgspec.Struct, frozen=True):
    """One part with what counts of people's word on it (None: nothing does)."""

    part: Inspection
    review: Review | None


class Plan(msgspec.Struct, frozen=True):
    """How much an export is; `exact` False: at least so many parts. Pictures and bytes are those of archives, 0 for tables."""

    parts: int
    exact: bool
    pictures: int = 0
    bytes: int = 0


def parts_of(store: Store, filters: Filters) -> Iterator[Taken]:
    """Every part that a search finds, oldest first. Each page is of one moment; what comes meanwhile, later in time, is found too.

    Raises:
        StoreError: as `edge.search.find`.
    """
    for row in rows_of(store, filters):
        part = store.inspection(row.part_id)
        if part is None:
            continue
        said = store.reviews(row.part_id) if row.truth is not None else []
        yield Taken(part, said[-1] if said and said[-1].truth != "withdrawn" else None)


def rows_of(store: Store, filters: Filters) -> Iterator[Row]:
    """As `parts_of`, rows of a list only."""
    cursor: Cursor | None = None
    while True:
        with store.reading() as db:
            page = search.find(db, filters, cursor=cursor, order="oldest", limit=PAGE, seconds=1.0)
        yield from page.rows
        if page.following is None:
            return
        cursor = page.following


def plan_table(store: Store, filters: Filters) -> Plan:
    """How long a table would be.

    Raises:
        StoreError: longer than is allowed.
    """
    with store.reading() as db:
        count = search.count(db, filters)
    if count.parts > MAX_PARTS:
        raise StoreError(f"{count.parts:,} parts; at most {MAX_PARTS:,} go into one table: narrow the time or another filter")
    return Plan(count.parts, count.exact)


def plan_pictures(store: Store, filters: Filters, *, reviewed: bool) -> Plan:
    """How many pictures an archive would hold, and how large it would be. Looks at every one of them, up to the bound.

    Raises:
        StoreError: none, or more than is allowed; says how many there are and what to do.
    """
    wanted = pictured(filters, reviewed=reviewed)
    pictures = size = 0
    for row in rows_of(store, wanted):
        pictures += 1
        with store.reading() as db:
            size += db.execute("SELECT coalesce(image_bytes, 0) FROM inspections WHERE part_id = ?", (row.part_id,)).fetchone()[0]
        if pictures > MAX_PICTURES or size > MAX_BYTES:
            raise StoreError(
                f"more than {pictures - 1:,} pictures, {size / 1e9:.1f} GB; at most {MAX_PICTURES:,} and "
                f"{MAX_BYTES / 1e9:.0f} GB go into one archive: narrow the time or another filter"
            )
    if not pictures:
        raise StoreError("no picture is kept of any part that these filters find; choose others")
    return Plan(pictures, True, pictures, size)


def pictured(filters: Filters, *, reviewed: bool) -> Filters:
    """The same search, of parts with a picture only, and if `reviewed` of those that a review counts of."""
    wanted = msgspec.structs.replace(filters, image=True)
    return msgspec.structs.replace(wanted, reviewed=True) if reviewed else wanted
