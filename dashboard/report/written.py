"""Reports as files: made from the record, written whole or not at all, listed, and each shift's once, as it has ended.

In the folder, for every shift: the PDF in each language and the figures as JSON, whose SHA-256 the PDF carries. Which shifts are
done says `written.json`, not the files: one that was taken away, or a clock set back, makes no report twice.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import re
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from dashboard.numbers import Numbers
from dashboard.report.build import document
from dashboard.report.pdf import pdf
from dashboard.report.thumbs import thumbs
from dashboard.texts import Language
from edge.config import Station
from edge.errors import StoreError
from edge.shift_report import find_shift, shift_report
from edge.shifts import Calendar, Shift
from edge.store import FILE_NAME, Store, open_store

SETTLE_NS: Final = 90 * 10**9  # parts that were on the belt as the shift ended come to the ejector, and the recorder writes them
CATCH_UP_NS: Final = 31 * 86_400 * 10**9
_DAY_NS: Final = 86_400 * 10**9
_NAME: Final = re.compile(r"([A-Za-z0-9_-]{1,32})_([0-9]{4}-[0-9]{2}-[0-9]{2})_([0-9]{1,2})_(de|en)\.pdf")
log = logging.getLogger(__name__)


class Done(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every shift up to this moment (UTC ns) has its reports."""

    until_ns: int


class File(NamedTuple):
    """A report that was written."""

    name: str
    day: str
    number: int
    language: Language
    bytes: int


def name_of(station: str, shift: Shift, language: Language) -> str:
    return f"{station}_{shift.day}_{shift.number}_{language}.pdf"


def shift_called(config: Station, name: str, now_ns: int) -> Shift:
    """The shift called `this`, `last` or DAY/NUMBER.

    Raises:
        StoreError: there is none called so.
    """
    calendar = Calendar(config.shifts)
    this = calendar.shift(now_ns)
    return this if name == "this" else calendar.shift(this.since_ns - 1) if name == "last" else find_shift(calendar, name)


def make(store: Store, config: Station, shift: Shift, language: Language, now_ns: int) -> tuple[bytes, bytes]:
    """The PDF and its figures as JSON.

    Raises:
        StoreError: the record cannot be read.
    """
    calendar = Calendar(config.shifts)
    figures = shift_report(store, config.name, calendar, shift, now_ns)
    made = document(figures, Numbers(language, calendar), thumbs(store, figures), now_ns)
    return pdf(made, calendar.local(now_ns).astimezone(UTC)), figures.encoded()


def listed(folder: Path, station: str) -> list[File]:
    """The reports in a folder, newest first; files with other names are none."""
    found = []
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            fits = _NAME.fullmatch(entry.name)
            if fits and fits[1] == station and entry.is_file(follow_symlinks=False):
                found.append(File(entry.name, fits[2], int(fits[3]), "de" if fits[4] == "de" else "en", entry.stat().st_size))
    return sorted(found, key=lambda f: (f.day, f.number, f.language), reverse=True)


def write_due(config: Station, now_ns: int) -> list[Path]:
    """Write what is due and delete what is too old; returns what was written. A second process that comes meanwhile does nothing.

    Raises:
        StoreError: the folder cannot be written, or the record cannot be read; what was written before stays.
    """
    folder, settings = Path(config.report.folder), config.report
    record = Path(config.record.folder) / FILE_NAME
    if not settings.languages or not record.is_file():
        return []
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder) as free:
            if not free:
                return []
            shifts = _due(config, _done(folder), now_ns)
            if shifts:
                with open_store(record, read_only=True) as store:
                    for shift in shifts:
                        try:
                            written += _write(store, config, folder, shift, now_ns)
                        except RuntimeError:  # of the layout: one that cannot be drawn must not keep the following ones away
                            log.exception("the report of shift %s/%s cannot be drawn; its figures are beside it", shift.day, shift.number)
                        _put(folder / "written.json", msgspec.json.encode(Done(shift.until_ns)))
                _expire(folder, config, now_ns)
    except OSError as error:
        raise StoreError(f"report.folder = {str(folder)!r}: cannot be written ({error.strerror}); check rights and room") from error
    return written


def _due(config: Station, done_ns: int | None, now_ns: int) -> list[Shift]:
    """Shifts that have ended since the last report, oldest first. In a new folder only the last one: nobody asked for those before."""
    calendar = Calendar(config.shifts)
    ended = now_ns - SETTLE_NS
    last = calendar.shift(calendar.shift(ended).since_ns - 1)
    since = last.since_ns if done_ns is None else max(done_ns, now_ns - CATCH_UP_NS)
    return [s for s in calendar.shifts(since, ended) if s.until_ns <= ended and s.since_ns >= since]


def _write(store: Store, config: Station, folder: Path, shift: Shift, now_ns: int) -> list[Path]:
    """The files of one shift; none of one before the first part there ever was, or of a day off on which none came."""
    with store.reading() as db:
        query = "SELECT trigger_wall_ns FROM inspections WHERE trigger_wall_ns >= ? ORDER BY trigger_wall_ns LIMIT 1"
        came = [db.execute(query, (since,)).fetchone() for since in (0, shift.since_ns)]
    if came[0] is None or came[0][0] >= shift.until_ns or (shift.off and (came[1] is None or came[1][0] >= shift.until_ns)):
        return []
    paths = []
    for language in config.report.languages:
        data, figures = make(store, config, shift, language, now_ns)
        path = folder / name_of(config.name, shift, language)
        _put(path.with_name(f"{config.name}_{shift.day}_{shift.number}.json"), figures)
        _put(path, data)
        paths.append(path)
    return paths


def _expire(folder: Path, config: Station, now_ns: int) -> None:
    if not config.report.keep_days:
        return
    oldest = Calendar(config.shifts).local(now_ns - config.report.keep_days * _DAY_NS).date().isoformat()
    for file in listed(folder, config.name):
        if file.day < oldest:
            (folder / file.name).unlink(missing_ok=True)
            (folder / f"{config.name}_{file.day}_{file.number}.json").unlink(missing_ok=True)


def _done(folder: Path) -> int | None:
    path = folder / "written.json"
    try:
        return msgspec.json.decode(path.read_bytes()[:1_000], type=Done).until_ns
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        log.warning("%s cannot be read (%s): reports begin anew with the last shift", path, error)
        return None


def _put(path: Path, data: bytes) -> None:
    """Whole or not at all, also when the power goes."""
    draft = path.with_name(f".{path.name}.new")
    with open(draft, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether nobody else writes here; if so, nobody else will meanwhile."""
    with open(folder / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
