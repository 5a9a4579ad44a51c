"""Files into the safe: found, compared, read, kept; a bad one is refused by name and the rest goes on."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from dashboard.assistant.documents import About
from dashboard.assistant.errors import Refused
from dashboard.assistant.parse import parse
from dashboard.assistant.reading.kinds import kind_of
from dashboard.assistant.reading.limits import MAX_BYTES
from dashboard.assistant.safe import Safe

_MAX_NAME = 1000


@dataclass(frozen=True)
class Outcome:
    """What became of one file.

    Attributes:
        chunks: passages that were kept.
        why: of a refusal.
        unread: pages that are pictures and could not be read.
    """

    name: str
    what: Literal["added", "replaced", "unchanged", "refused"]
    chunks: int = 0
    why: str = ""
    unread: tuple[int, ...] = ()


@dataclass(frozen=True)
class Step:
    """How far it has come: file `number` of `of`, page `page` of `pages` in it."""

    number: int
    of: int
    name: str
    page: int = 0
    pages: int = 0


def files(paths: Sequence[Path]) -> list[Path]:
    """Every file under these, folders with all that is in them; no hidden ones, and no link is followed out of a folder."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            for folder, inner, names in os.walk(path):
                inner[:] = sorted(name for name in inner if not name.startswith("."))
                for name in sorted(names):
                    if not name.startswith((".", "~$")) and not (Path(folder) / name).is_symlink():
                        found[Path(folder) / name] = None
        else:
            found[path] = None
    return list(found)


def add(
    safe: Safe,
    collection: str,
    paths: Sequence[Path],
    about: About = About(),  # noqa: B008  frozen
    say: Callable[[Step], None] = lambda step: None,
) -> Iterator[Outcome]:
    """Take files in, one outcome each; a file is a document by its absolute path.

    A file whose size and times are those of last time is not even opened; one that was only touched is read once and not parsed.

    Args:
        say: told of each file and page.

    Raises:
        SafeError: the safe is locked, there is no such collection, or a date is none.
    """
    safe.collection(collection)
    check_about(about)
    found = files(paths)
    for number, path in enumerate(found, 1):
        name = str(path.absolute())
        step = Step(number, len(found), name)
        say(step)
        try:
            yield _add(safe, collection, path, name, about, lambda page, pages, at=step: say(Step(at.number, at.of, at.name, page, pages)))  # type: ignore[misc]
        except Refused as error:
            yield Outcome(name, "refused", why=str(error))


def _add(safe: Safe, collection: str, path: Path, name: str, about: About, say: Callable[[int, int], None]) -> Outcome:
    kind = kind_of(path.name)
    if len(name) > _MAX_NAME:
        raise Refused("its path is too long")
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        raise Refused(f"cannot be opened ({getattr(error, 'strerror', None) or error})") from error
    with open(handle, "rb") as file:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            raise Refused("is not a file")
        stamp = f"{info.st_size} {info.st_mtime_ns} {info.st_ctime_ns} {info.st_ino}"
        known = safe.known(collection, name)
        if known is not None and known[0] == stamp:
            return Outcome(name, "unchanged")
        if info.st_size > MAX_BYTES:
            raise Refused(f"larger than {MAX_BYTES // 1_000_000} MB; divide it")
        data = file.read(MAX_BYTES + 1)
        if known is not None and known[1] == hashlib.sha256(data).hexdigest():
            safe.restamp(collection, name, stamp)
            return Outcome(name, "unchanged")
        file.seek(0)
        parsed = parse(file, kind, say)
        file.seek(0)
        if file.read(MAX_BYTES + 1) != data:
            raise Refused("was changed while it was read; add it again")
    kept = safe.keep(collection, name, data, parsed.pieces, kind, parsed.pages, about, stamp)
    return Outcome(name, "replaced" if kept.version > 1 else "added", len(parsed.pieces), unread=tuple(parsed.unread))


def check_about(about: About) -> None:
    """Refuse what no filter could find again.

    Raises:
        Refused: the date is none, or a word is too long.
    """
    if about.date:
        try:
            if not re.fullmatch(r"\d{4}-\d\d-\d\d", about.date):
                raise ValueError
            date.fromisoformat(about.date)
        except ValueError as error:
            raise Refused(f"date = {about.date!r}: is no date; write it as 2024-03-15") from error
    if max(len(about.supplier), len(about.type)) > 200:
        raise Refused("supplier and type take at most 200 characters")
