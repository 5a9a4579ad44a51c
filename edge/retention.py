"""What is deleted to keep the record within its bounds, and in which order. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

DAY_NS = 86_400 * 10**9
ORPHAN_DAYS = 7  # time for people to bring back a database that knows the file


class Limits(msgspec.Struct, frozen=True):
    """The bounds of the images. 0 = none.

    Attributes:
        keep_ns: how old an image may become.
        quota_bytes: how much all of them may take.
        min_free_bytes: how much of the disk is to stay free.
    """

    keep_ns: int = 0
    quota_bytes: int = 0
    min_free_bytes: int = 0


class Kept(msgspec.Struct, frozen=True):
    """An image that is kept.

    Attributes:
        wall_ns: UTC of the part's trigger.
        worth: the lower, the sooner it goes when room is needed.
        size: bytes that its deletion frees.
        held: somebody has forbidden to delete it.
    """

    part_id: str
    wall_ns: int
    worth: int
    size: int
    held: bool = False


class Choice(msgspec.Struct, frozen=True):
    """What is to go now.

    Attributes:
        delete: in this order.
        missing: bytes that are over the bounds even then.
    """

    delete: list[Kept]
    missing: int


def choose(kept: Iterable[Kept], limits: Limits, *, now_ns: int, used: int, free: int, at_most: int) -> Choice:
    """What is too old goes, oldest first; then, as long as room is missing, the least worth goes, of that the oldest first.

    A held image never goes. No image goes for room once there is enough: without the last one it would not be.

    Args:
        now_ns: UTC.
        used: bytes of all images.
        free: bytes free on the disk.
        at_most: how many may go at once.
    """
    free_to_go = [k for k in kept if not k.held]
    delete: list[Kept] = []
    missing = max(
        used - limits.quota_bytes if limits.quota_bytes else 0,
        limits.min_free_bytes - free if limits.min_free_bytes else 0,
        0,
    )
    if limits.keep_ns:
        old = [k for k in free_to_go if k.wall_ns < now_ns - limits.keep_ns]
        delete = sorted(old, key=lambda k: (k.wall_ns, k.part_id))[:at_most]
        missing -= sum(k.size for k in delete)
    gone = {k.part_id for k in delete}
    for k in sorted(free_to_go, key=lambda k: (k.worth, k.wall_ns, k.part_id)):
        if missing <= 0 or len(delete) >= at_most:
            break
        if k.part_id not in gone:
            delete.append(k)
            missing -= k.size
    return Choice(delete, max(missing, 0))


class Claim(msgspec.Struct, frozen=True):
    """What the rows say of a file: that it is there (`expired` false) or was deleted, and whether a hold forbids that."""

    expired: bool
    held: bool = False


def fate(claim: Claim | None, *, mtime_ns: int, born_ns: int, now_ns: int) -> Literal["stays", "goes", "comes back"]:
    """What to do with a file that is there.

    Its row says it was deleted: we died between row and file, and it goes; unless a hold came meanwhile, then the row is
    mended. No row: we died between file and row, or the database is not the one that knows it. So it goes only after a
    week, and never if it is older than the database: then another one knew it.
    """
    if claim is not None:
        return "stays" if not claim.expired else "comes back" if claim.held else "goes"
    return "goes" if born_ns <= mtime_ns < now_ns - ORPHAN_DAYS * DAY_NS else "stays"
