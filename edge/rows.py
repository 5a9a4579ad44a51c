"""Messages as rows of the record. What is written depends on the set of messages alone, not on their order or repetition.

A row of `inspections` is put together from up to three messages (trigger, verdict, ejection), whichever comes first.
Two different messages of one kind for the same part ought not to exist: the one with the lowest number stands, and the
part is marked `contradicted` if they say different things.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from edge.audit import append_message
from edge.candidates import forget_candidates, write_candidates
from edge.messages import TOPICS, Alarm, AnyMessage, Audit, Candidates, Ejection, Heartbeat, ImageRef, Run, Trigger, Verdict
from edge.sequences import Gap
from edge.tallies import KEY_COLUMNS, Changes, defects_of, timings_of
from edge.tallies import key_of as tally_key

_LARGEST = 2**63 - 1
EvidenceState = Literal["stored", "sampled out", "lost", "expired"]
Value = str | int | float | None
Kind = Literal["trigger", "verdict", "ejection"]


class StoredFile(msgspec.Struct, frozen=True):
    """An image file of the record.

    Attributes:
        path: relative to the record's folder.
        sha256: of the file.
        pixels_sha256: of shape and pixels; what makes two references the same. Empty for images of parts.
        size: bytes.
    """

    path: str
    sha256: str
    pixels_sha256: str = ""
    size: int = 0


class Evidence(msgspec.Struct, frozen=True):
    """What was kept of a part that was to be kept; None = it could not be, the image is lost."""

    image: StoredFile | None = None
    reference: StoredFile | None = None


class Batch(msgspec.Struct):
    """What one transaction writes.

    Attributes:
        repeats: messages that say nothing new (heartbeats, repetitions): only their numbers and times are noted.
        evidence: by part_id, for verdicts of this batch; an image that was to be kept and is not here counts as lost.
        gaps: what was missed on the bus; what comes later all the same is taken out of the record's gaps again.
        late: images that came to disk after the rows of their parts had been written as lost.
    """

    messages: list[AnyMessage] = []
    repeats: list[AnyMessage] = []
    evidence: dict[str, Evidence] = {}
    gaps: list[Gap] = []
    late: list[tuple[Verdict, Evidence]] = []


def key_of(message: Trigger | Verdict | Ejection) -> str:
    """The part's id, or one made from the message's number where the sender knew none (a part the station never saw)."""
    if message.part_id:
        return message.part_id
    return f"{message.station}-unseen-{message.sender}-{message.epoch}-{message.seq}"


def write_rows(db: sqlite3.Connection, batch: Batch) -> None:
    """Write a batch within the caller's transaction, which holds the write lock."""
    _write_numbers(db, [*batch.messages, *batch.repeats])
    for gap in batch.gaps:
        _insert_gap(db, gap)
    _heal(db, [*batch.messages, *batch.repeats])
    turn = _Turn()
    for message in batch.messages:
        if isinstance(message, Verdict):
            _write_verdict(db, turn, message, batch.evidence.get(key_of(message), Evidence()))
        elif isinstance(message, Trigger):
            at_ns = min(max(message.wall_ns - (message.mono_ns - message.trigger_ns), 0), _LARGEST)
            encoder = message.encoder if message.encoder is not None and abs(message.encoder) <= _LARGEST else None
            _merge(db, turn, message, "trigger", at_ns, {"encoder": encoder}, says="encoder")
        elif isinstance(message, Ejection):
            own: dict[str, Value] = {
                "outcome": message.outcome,
                "ejection_reason": message.reason,
                "ejection_offset_us": message.offset_us,
                "ejection_wall_ns": message.wall_ns,
            }
            _merge(db, turn, message, "ejection", message.wall_ns, own, says="outcome")
        elif isinstance(message, Run):
            _write_run(db, message)
        elif isinstance(message, Alarm):
            names = ("station", "sender", "epoch", "seq", "wall_ns", "code", "severity", "active", "text", "remedy")
            _insert(db, "alarm_events", {n: getattr(message, n) for n in names})
        elif isinstance(message, Audit):
            append_message(db, message)
        elif isinstance(message, Candidates):
            write_candidates(db, message)
    if any(isinstance(message, Candidates) for message in batch.messages):
        forget_candidates(db)
    for verdict, evidence in batch.late:
        _write_late(db, verdict, evidence)
    turn.tally.write(db)


class _Turn:
    """What is known while a batch is written: what it changes in the counts, and the runs it has named."""

    def __init__(self) -> None:
        self.tally = Changes()
        self.runs: set[tuple[str, bool]] = set()


def _insert(db: sqlite3.Connection, table: str, row: Mapping[str, Value], conflict: str = "DO NOTHING") -> None:
    marks = ", ".join("?" * len(row))
    db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks}) ON CONFLICT {conflict}", tuple(row.values()))


def _write_numbers(db: sqlite3.Connection, messages: Iterable[AnyMessage]) -> None:
    """Which processes and which message numbers were seen: what a recorder that starts anew continues from."""
    processes: dict[tuple[str, str, int], tuple[int, int, bool, bool]] = {}
    streams: dict[tuple[str, str, int, str], tuple[int, int]] = {}
    for m in messages:
        process, stream = (m.station, m.sender, m.epoch), (m.station, m.sender, m.epoch, TOPICS[type(m)].decode())
        begin, end, simulated, stopped = processes.get(process, (m.wall_ns, m.wall_ns, False, False))
        stopped |= isinstance(m, Heartbeat) and m.state == "stopped"
        processes[process] = (min(begin, m.wall_ns), max(end, m.wall_ns), simulated or m.simulated, stopped)
        first, last = streams.get(stream, (m.seq, m.seq))
        streams[stream] = (min(first, m.seq), max(last, m.seq))
    db.executemany(
        "INSERT INTO processes VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET first_wall_ns = min(first_wall_ns, excluded.first_wall_ns),"
        " last_wall_ns = max(last_wall_ns, excluded.last_wall_ns), simulated = max(simulated, excluded.simulated),"
        " stopped = max(stopped, excluded.stopped)",
        [key + value for key, value in processes.items()],
    )
    db.executemany(
        "INSERT INTO streams VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " first_seq = min(first_seq, excluded.first_seq), last_seq = max(last_seq, excluded.last_seq)",
        [key + value for key, value in streams.items()],
    )


def _insert_gap(db: sqlite3.Connection, gap: Gap) -> None:
    row: dict[str, Value] = {"station": gap.station, "sender": gap.sender, "epoch": gap.epoch, "topic": gap.topic}
    longer = "DO UPDATE SET last_seq = max(last_seq, excluded.last_seq)"
    _insert(db, "gaps", row | {"first_seq": gap.first, "last_seq": gap.last}, longer)


def _heal(db: sqlite3.Connection, messages: Iterable[AnyMessage]) -> None:
    """Take what has come after all out of the gaps."""
    numbers: dict[tuple[str, str, str, int], list[int]] = {}
    for m in messages:
        numbers.setdefault((m.station, m.sender, TOPICS[type(m)].decode(), m.epoch), []).append(m.seq)
    where = "station = ? AND sender = ? AND topic = ? AND epoch = ?"
    for stream, come in numbers.items():
        overlapping = f"SELECT first_seq, last_seq FROM gaps WHERE {where} AND first_seq <= ? AND last_seq >= ?"
        for first, last in db.execute(overlapping, (*stream, max(come), min(come))).fetchall():
            inside = sorted({n for n in come if first <= n <= last})
            if not inside:
                continue
            db.execute(f"DELETE FROM gaps WHERE {where} AND first_seq = ?", (*stream, first))
            for a, b in itertools.pairwise([first - 1, *inside, last + 1]):
                if a + 1 < b:
                    _insert_gap(db, Gap(*stream, a + 1, b - 1))


def _write_run(db: sqlite3.Connection, run: Run) -> None:
    """A run is repeated for late joiners: its first announcement is its beginning."""
    named = ("product", "recipe", "recipe_hash", "model", "model_hash", "camera", "provider")
    row: dict[str, Value] = {"run_id": run.run_id, "station": run.station, "begin_wall_ns": run.wall_ns}
    row |= {n: getattr(run, n) for n in named} | {"classes": json.dumps(run.classes), "simulated": run.simulated}
    changes = ", ".join(f"{n} = excluded.{n}" for n in row if n not in ("run_id", "simulated"))
    earlier = "WHERE begin_wall_ns IS NULL OR excluded.begin_wall_ns < begin_wall_ns"
    _insert(db, "runs", row, f"(run_id) DO UPDATE SET {changes} {earlier}")
    db.execute("UPDATE runs SET simulated = 1 WHERE run_id = ? AND simulated < ?", (run.run_id, run.simulated))


def _write_verdict(db: sqlite3.Connection, turn: _Turn, verdict: Verdict, evidence: Evidence) -> None:
    own: dict[str, Value] = {"verdict": verdict.verdict, "reasons": json.dumps(verdict.reasons, ensure_ascii=False)}
    own |= {name: getattr(verdict, name) for name in ("recipe", "recipe_hash", "model_hash", "source", "expected")}
    own |= msgspec.structs.asdict(verdict.timings)
    files = _files(db, verdict, evidence)
    part_id = key_of(verdict)
    if _merge(db, turn, verdict, "verdict", verdict.trigger_wall_ns, own | files, says="verdict") and verdict.defects:
        db.executemany(
            "INSERT INTO defects (part_id, number, kind, score, x1, y1, x2, y2, verdict, wall_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(part_id, number, d.kind, d.score, *d.box, d.verdict, verdict.trigger_wall_ns) for number, d in enumerate(verdict.defects, 1)],
        )


def _write_late(db: sqlite3.Connection, verdict: Verdict, evidence: Evidence) -> None:
    """The row says 'lost', which was true of what was on disk; now it is not any more. Only for the very verdict that stands."""
    files = _files(db, verdict, evidence)
    db.execute(
        f"UPDATE inspections SET {', '.join(f'{n} = ?' for n in files)} WHERE part_id = ? AND verdict_epoch = ? AND verdict_seq = ?"
        " AND image_path IS NULL AND reference_pixels_sha256 IS NULL",
        (*files.values(), key_of(verdict), verdict.epoch, verdict.seq),
    )


def _files(db: sqlite3.Connection, verdict: Verdict, evidence: Evidence) -> dict[str, Value]:
    """The columns that say what was kept of a part."""
    state, image = _state(verdict.image, evidence.image)
    reference_state, reference = _state(verdict.reference, evidence.reference)
    if reference is not None:
        row: dict[str, Value] = {"pixels_sha256": reference.pixels_sha256, "path": reference.path, "sha256": reference.sha256}
        row |= {"bytes": reference.size, "expired_ns": None}
        _insert(db, "reference_images", row, f"(pixels_sha256) DO UPDATE SET {', '.join(f'{n} = excluded.{n}' for n in row)}")
    return {
        "evidence": state,
        "image_path": image.path if image is not None else None,
        "image_sha256": image.sha256 if image is not None else None,
        "image_bytes": image.size if image is not None else None,
        "evidence_expired_ns": None,
        "reference_evidence": reference_state,
        "reference_pixels_sha256": reference.pixels_sha256 if reference is not None else None,
    }


def _state(ref: ImageRef | None, file: StoredFile | None) -> tuple[EvidenceState | None, StoredFile | None]:
    if ref is None:
        return None, None
    if not ref.keep:
        return "sampled out", None
    return ("lost", None) if file is None else ("stored", file)


def _merge(
    db: sqlite3.Connection,
    turn: _Turn,
    message: Trigger | Verdict | Ejection,
    kind: Kind,
    at_ns: int,
    own: dict[str, Value],
    *,
    says: str,
) -> bool:
    """Put a message's columns into its part's row; returns whether it stands (False: seen before, or a lower number stands).

    Columns that several kinds of message carry (run, trigger, time) come from the one that knows best: the verdict, then
    the trigger, then the ejection. A verdict that gives way to another takes its defects with it.
    """
    part_id, number = key_of(message), (message.epoch, message.seq)
    shared: dict[str, Value] = {
        "station": message.station,
        "trigger_id": message.trigger_id,
        "trigger_wall_ns": at_ns,
        "run_id": message.run_id or None,
    }
    own |= {f"{kind}_epoch": message.epoch, f"{kind}_seq": message.seq}
    named = (message.run_id, message.simulated)
    if message.run_id and named not in turn.runs:  # its announcement may come later, or have been missed
        turn.runs.add(named)
        run: dict[str, Value] = {"run_id": message.run_id, "station": message.station, "simulated": message.simulated}
        _insert(db, "runs", run, "(run_id) DO UPDATE SET simulated = 1 WHERE excluded.simulated > simulated")
    row = db.execute(
        f"SELECT {kind}_epoch, {kind}_seq, {says}, verdict_seq, trigger_seq, simulated, {KEY_COLUMNS} FROM inspections WHERE part_id = ?",
        (part_id,),
    ).fetchone()
    if row is None:
        first: dict[str, Value] = {"part_id": part_id, "simulated": message.simulated}
        _insert(db, "inspections", first | shared | own)
        _count(turn.tally, message, None, (at_ns, shared["run_id"], own.get("verdict"), own.get("outcome"), None, 0))
        return True
    epoch, seq, said, judged, announced, simulated, *counted = row
    if seq is not None and (epoch, seq) == number:
        return False
    changes: dict[str, Value] = {}
    if seq is not None and said != own[says]:
        changes["contradicted"] = 1
    stands = seq is None or number < (epoch, seq)
    if stands:
        changes |= own
        if kind == "verdict" or (judged is None and (kind == "trigger" or announced is None)):
            changes |= shared
    if message.simulated and not simulated:
        changes["simulated"] = 1
    if stands:
        if kind == "verdict" and seq is not None:
            before = tally_key(*counted)
            turn.tally.defects(before, defects_of(db, part_id), -1)
            turn.tally.timings(before, timings_of(db, part_id), -1)
            db.execute("DELETE FROM defects WHERE part_id = ?", (part_id,))
        _count(turn.tally, message, counted, [changes.get(n, was) for n, was in zip(_KEY, counted, strict=True)])
    if changes:
        db.execute(f"UPDATE inspections SET {', '.join(f'{n} = ?' for n in changes)} WHERE part_id = ?", (*changes.values(), part_id))
    return stands


_KEY = KEY_COLUMNS.split(", ")


def _count(tally: Changes, message: Trigger | Verdict | Ejection, before: Sequence[Value] | None, after: Sequence[Any]) -> None:
    """Count a part as its row says now, and what the verdict brings; rows as `KEY_COLUMNS`."""
    tally.moves(key_of(message), before, after)
    if isinstance(message, Verdict):
        key = tally_key(*after)
        if message.defects:
            tally.defects(key, [(d.kind, d.verdict) for d in message.defects], 1)
        tally.timings(key, msgspec.structs.astuple(message.timings), 1)
