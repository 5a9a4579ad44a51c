"""The record: one SQLite file, written by the recorder alone (but for holds), read by whoever likes while it writes.

WAL mode: readers never wait for the writer nor it for them. `synchronous=NORMAL` leaves the log unsynced at commit, so
`write` syncs it itself, once per batch: what `write` has returned from survives a power failure too.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import msgspec
from sqlite_utils import Database

from edge import audit, expiry, holds, reviews, tallies
from edge.audit import AuditCheck, AuditRow
from edge.errors import StoreError
from edge.holds import Hold
from edge.messages import VerdictWord
from edge.migrations import APPLICATION_ID, bring_up
from edge.reconcile import Reconciliation, missing_since, reconcile
from edge.retention import Claim, Kept
from edge.reviews import How, Review, ReviewBox, Truth
from edge.rows import Batch, EvidenceState, StoredFile, write_rows
from edge.sequences import Gap, Seen
from edge.store_words import in_words

FILE_NAME = "gutteil.db"
BUSY_MS = 1_000
_PATIENT_MS = 15_000  # for those who write beside the recorder: it has the lock for a batch at a time
_LOG_BYTES = 64_000_000  # the log is cut to this size after a checkpoint


class DefectRow(msgspec.Struct, frozen=True):
    """A defect: class, score 0..1, box in px of the original image, what it alone makes of the part."""

    kind: str
    score: float
    x1: float
    y1: float
    x2: float
    y2: float
    verdict: VerdictWord


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """The whole record of a part. None: that message has not come.

    Attributes:
        triggered_at, ejected_at: UTC, ISO 8601.
        evidence: what became of the image; None where there was none.
        image_path, reference_path: relative to the record's folder; None where the file was lost or has been deleted.
        held: a hold forbids to delete the image.
        expected: what the source said of the part beforehand; empty or None where nothing is known.
    """

    part_id: str
    run_id: str | None
    station: str
    trigger_id: int
    trigger_wall_ns: int
    triggered_at: str
    encoder: int | None
    simulated: bool
    verdict: VerdictWord | None
    reasons: list[str]
    defects: list[DefectRow]
    recipe: str | None
    recipe_hash: str | None
    model_hash: str | None
    source: str | None
    expected: str | None
    capture_us: float | None
    prepare_us: float | None
    infer_us: float | None
    decode_us: float | None
    decide_us: float | None
    total_us: float | None
    evidence: EvidenceState | None
    image_path: str | None
    image_sha256: str | None
    reference_evidence: EvidenceState | None
    reference_path: str | None
    reference_sha256: str | None
    outcome: str | None
    ejection_reason: str | None
    ejection_offset_us: float | None
    ejected_at: str | None
    contradicted: bool
    held: bool = False


_WORDED = {
    "evidence": "CASE WHEN i.evidence_expired_ns IS NOT NULL THEN 'expired' ELSE i.evidence END",
    "image_path": "CASE WHEN i.evidence_expired_ns IS NULL THEN i.image_path END",
    "reference_evidence": "CASE WHEN r.expired_ns IS NOT NULL THEN 'expired' ELSE i.reference_evidence END",
    "reference_path": "CASE WHEN r.expired_ns IS NULL THEN r.path END",
    "reference_sha256": "r.sha256",
}
_COLUMNS = [f"{_WORDED.get(n, 'i.' + n)} AS {n}" for n in Inspection.__struct_fields__ if n != "defects"]
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM inspections i LEFT JOIN reference_images r ON r.pixels_sha256 = i.reference_pixels_sha256"


class Store:
    """An open record. Made by `open_store`; used by one thread at a time; closing twice is safe."""

    def __init__(self, path: Path, database: Database) -> None:
        self.path, self.folder = path, path.parent
        self._database = database
        self._db = database.conn

    def write(self, batch: Batch) -> None:
        """Write a batch in one transaction and sync it to disk. The same message twice changes nothing.

        Raises:
            StoreError: nothing of the batch was written; its cause says whether trying again may help.
        """
        with self.writing():
            write_rows(self._db, batch)

    def last(self, n: int, verdict: VerdictWord | None = None) -> list[Inspection]:
        """The last n parts by trigger time, newest first; of one verdict if given."""
        where = " WHERE i.verdict = ?" if verdict is not None else ""
        values = (verdict,) if verdict is not None else ()
        return self._inspections(f"{where} ORDER BY i.trigger_wall_ns DESC, i.part_id DESC LIMIT ?", (*values, max(0, n)))

    def inspection(self, part_id: str) -> Inspection | None:
        """The record of a part, or None if there is none."""
        found = self._inspections(" WHERE i.part_id = ?", (part_id,))
        return found[0] if found else None

    def reconcile(self, run_id: str | None = None, span: tuple[int, int] | None = None) -> Reconciliation:
        """The books of a run, of a span of time (UTC ns, from, to before), or of the whole record."""
        with in_words(self.path), self._database.atomic():  # one transaction: all counts of the same moment
            return reconcile(self._db, run_id, span)

    def runs(self) -> list[tuple[str, int]]:
        """Every run with the time of its first part, UTC ns, oldest first; a run without parts is left out."""
        with in_words(self.path):
            rows = self._db.execute(
                "SELECT run_id, min(trigger_wall_ns) FROM inspections WHERE run_id IS NOT NULL GROUP BY run_id ORDER BY 2"
            )
            return [(str(r[0]), int(r[1])) for r in rows]

    def period(self) -> tuple[int, int] | None:
        """The times of the first and the last part, UTC ns, and from when to when something may have been missed; None: nothing at all."""
        with in_words(self.path):
            found = [self._db.execute("SELECT min(trigger_wall_ns), max(trigger_wall_ns) FROM inspections").fetchone()]
            latest = self._db.execute("SELECT max(last_wall_ns) FROM processes").fetchone()[0] or 0
            found += [(since, max(since, min(until, latest))) for since, until in missing_since(self._db)]
        known = [(first, last) for first, last in found if first is not None]
        return (min(first for first, _ in known), max(last for _, last in known)) if known else None

    def integrity(self) -> list[str]:
        """What SQLite's own check finds wrong, at most 100 problems; empty if the file is sound."""
        with in_words(self.path):
            problems = [str(r[0]) for r in self._db.execute("PRAGMA integrity_check")]
            problems = [] if problems == ["ok"] else problems
            return problems + [
                f"row {r[1]} of {r[0]} points to a missing row of {r[2]}" for r in self._db.execute("PRAGMA foreign_key_check")
            ]

    def last_numbers(self) -> dict[Seen, int]:
        """The last recorded number by stream, for the newest 1000 streams."""
        with in_words(self.path):
            rows = self._db.execute("SELECT station, sender, topic, epoch, last_seq FROM streams ORDER BY epoch DESC LIMIT 1000").fetchall()
        return {Seen(*stream): last for *stream, last in rows}

    def gaps(self) -> list[Gap]:
        """What was missed on the bus and has not come since, the newest 1000 stretches."""
        with in_words(self.path):
            columns = "station, sender, topic, epoch, first_seq, last_seq"
            rows = self._db.execute(f"SELECT {columns} FROM gaps ORDER BY epoch DESC, first_seq DESC LIMIT 1000").fetchall()
        return [Gap(*row) for row in rows]

    def reference(self, pixels_sha256: str) -> StoredFile | None:
        """The stored reference image with these pixels, or None."""
        with in_words(self.path):
            row = self._db.execute("SELECT path, sha256 FROM reference_images WHERE pixels_sha256 = ?", (pixels_sha256,)).fetchone()
        return StoredFile(row[0], row[1], pixels_sha256) if row else None

    def candidates(self, n: int) -> list[Kept]:
        """Images that may be deleted: the n oldest and the n of least worth."""
        with in_words(self.path), self._database.atomic():
            return expiry.candidates(self._db, n)

    def expire(self, part_ids: Sequence[str]) -> tuple[int, list[str]]:
        """Mark images as deleted, those that are not held; durable on return. The files are the caller's to delete, now.

        Returns: how many images, and the paths of all files, references among them.

        Raises:
            StoreError: as `write`.
        """
        with self.writing():
            return expiry.expire(self._db, part_ids, time.time_ns())

    def used(self) -> int:
        """Bytes of all files that are kept."""
        with in_words(self.path):
            return expiry.used(self._db)

    def born_ns(self) -> int:
        """When this database was made, UTC."""
        with in_words(self.path):
            return expiry.born_ns(self._db)

    def claims(self, paths: Sequence[str]) -> dict[str, Claim]:
        """What the rows say of these files; those that no row knows are missing."""
        with in_words(self.path), self._database.atomic():
            return expiry.claims(self._db, paths)

    def come_back(self, path: str) -> None:
        """Unmark an image that had been marked as deleted, if it is held. Raises as `write`."""
        with self.writing():
            expiry.come_back(self._db, path)

    def unmeasured(self, n: int) -> list[str]:
        """At most 2n files whose size an older release did not record."""
        with in_words(self.path):
            return expiry.unmeasured(self._db, n)

    def measure(self, sizes: dict[str, int]) -> None:
        """Note the sizes of files, by path. Raises as `write`."""
        with self.writing():
            expiry.measure(self._db, sizes)

    def hold(self, part_id: str, who: str, reason: str) -> Hold:
        """Forbid that a part's image is deleted. Raises as `write`, and StoreError for what `edge.holds.place` refuses."""
        with self.writing():
            return holds.place(self._db, part_id, who, reason, time.time_ns())

    def release(self, part_id: str, who: str, reason: str, number: int | None = None) -> Hold:
        """End a hold. Raises as `hold`."""
        with self.writing():
            return holds.release(self._db, part_id, who, reason, time.time_ns(), number)

    def holds(self, part_id: str | None = None, *, ended: bool = False) -> list[Hold]:
        """The holds in force, of one part or all; with `ended` the released ones too."""
        with in_words(self.path):
            return holds.holds(self._db, part_id, ended=ended)

    def hours_due(self, n: int) -> list[int]:
        """The newest n hours that the tallies do not know yet, see `edge.tallies`."""
        with in_words(self.path):
            return tallies.due(self._db, n)

    def recount(self, hour: int) -> None:
        """Count the parts of an hour anew. Raises as `write`."""
        with self.writing():
            tallies.recount(self._db, hour)

    def review(
        self, part_id: str, who: str, truth: Truth, boxes: Sequence[ReviewBox] | None = None, note: str = "", how: How = "other"
    ) -> Review:
        """Say what a part really was. Raises as `write`, and StoreError for what `edge.reviews.add` refuses."""
        with self.writing():
            return reviews.add(self._db, part_id, who, truth, time.time_ns(), boxes, note, how)

    def undo_review(self, number: int, who: str) -> Review:
        """Take back one's own review. Raises as `write`, and StoreError for what `edge.reviews.undo` refuses."""
        with self.writing():
            return reviews.undo(self._db, number, who, time.time_ns())

    def reviews(self, part_id: str | None = None, *, newest: bool = False) -> list[Review]:
        """What people said of one part or all, oldest first; with `newest` only what counts."""
        with in_words(self.path):
            return reviews.reviews(self._db, part_id, newest=newest)

    def part_of(self, run_id: str, trigger_id: int) -> str:
        """The part with this trigger number in a run. Raises StoreError unless there is exactly one."""
        with in_words(self.path):
            return holds.part_of(self._db, run_id, trigger_id)

    def audit(self, n: int) -> list[AuditRow]:
        """The last n orders, newest first."""
        with in_words(self.path):
            return audit.last_rows(self._db, n)

    def verify_audit(self, expect: str = "") -> AuditCheck:
        """Whether the chain of the audit holds and, if given, has a link with the hash `expect`."""
        with in_words(self.path), self._database.atomic():
            return audit.verify(self._db, expect)

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Everything read is of the same moment. Raises StoreError."""
        with in_words(self.path), self._database.atomic():
            yield self._db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, with the write lock from its beginning on and synced to disk at its end. Raises as `write`."""
        with in_words(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                self._database.rollback()
                raise
            log = os.open(f"{self.path}-wal", os.O_RDONLY)
            try:
                os.fsync(log)
            finally:
                os.close(log)

    def _inspections(self, tail: str, values: tuple[str | int, ...]) -> list[Inspection]:
        with in_words(self.path), self._database.atomic():
            cursor = self._db.execute(_SELECT + tail, values)
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor]
            found = []
            for row in rows:
                defects = self._db.execute(
                    "SELECT kind, score, x1, y1, x2, y2, verdict FROM defects WHERE part_id = ? ORDER BY number", (row["part_id"],)
                )
                row["reasons"] = json.loads(row["reasons"] or "[]")
                row |= {name: bool(row[name]) for name in ("simulated", "contradicted", "held")}
                found.append(Inspection(**row, defects=[DefectRow(*d) for d in defects]))
        return found


def open_store(path: Path, *, read_only: bool = False, beside: bool = False) -> Store:
    """Open the record; for writing it is made or brought up to date.

    Args:
        beside: for a short write beside the recorder: the record is neither made nor changed, and the lock is waited for.

    Raises:
        StoreError: not a record of ours, made by a newer release, missing (read-only) or not writable; names file and remedy.
    """
    path = Path(path).absolute()
    with in_words(path):
        if (read_only or beside) and not path.is_file():
            raise StoreError(f"{path}: there is no record yet; start the recorder once, or check record.folder")
        if not (read_only or beside):
            path.parent.mkdir(parents=True, exist_ok=True)
        mode = "ro" if read_only else "rw" if beside else "rwc"
        timeout_s = (_PATIENT_MS if beside else BUSY_MS) / 1000
        connection = sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, timeout=timeout_s, check_same_thread=False)
        try:
            _check(path, connection)
            database = Database(connection)
            if not (read_only or beside):
                with database.ensure_autocommit_on():
                    connection.execute("PRAGMA journal_mode = WAL")
            for pragma in ("synchronous = NORMAL", "foreign_keys = ON", f"journal_size_limit = {_LOG_BYTES}"):
                connection.execute(f"PRAGMA {pragma}")
            bring_up(path, database, as_it_is=read_only or beside)
        except BaseException:
            connection.close()
            raise
    return Store(path, database)


def _check(path: Path, connection: sqlite3.Connection) -> None:
    """Whether the file is ours, before anything is written to it."""
    mark = connection.execute("PRAGMA application_id").fetchone()[0]
    empty = connection.execute("SELECT count(*) FROM sqlite_master WHERE tbl_name != '_sqlite_migrations'").fetchone()[0] == 0
    if mark != APPLICATION_ID and not (empty and mark == 0):
        raise StoreError(f"{path}: is the database of another program; move it away or set record.folder to another folder")
