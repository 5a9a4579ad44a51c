"""Deletion that deletes: the rows, their pages, the write-ahead log, and a look at every page to prove it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.assistant import vault
from dashboard.assistant.errors import SafeError
from dashboard.assistant.pages import plain_pages
from dashboard.assistant.safe import Safe

_NEEDLE = 24
_NEEDLES = 400
DAY_NS = 86_400 * 10**9


@dataclass(frozen=True)
class Receipt:
    """Proof of an erasure; holds no word of what was erased, not even its name.

    Attributes:
        documents: id and SHA-256 of each erased version.
        needles: fragments of the erased content that were searched for on every page.
        pages: pages that were decrypted and searched.
        shared: fragments that also stand in documents that remain, and so prove nothing.
        found: fragments that were left over: 0, or the erasure has failed.
        hash: over this receipt and the one before; a receipt that is changed or taken away breaks the chain.
    """

    at_ns: int
    by: str
    reason: str
    documents: list[tuple[int, str]]
    chunks: int
    needles: int
    pages: int
    shared: int
    found: int
    hash: str = ""


def erase(safe: Safe, documents: Sequence[int], by: str, reason: str) -> Receipt:
    """Erase these versions with all their chunks and vectors, and prove that no page holds them any more.

    What this cannot reach: copies outside (backups, the file that was added), and blocks of a disk that once held the ciphertext of
    these pages; a change of the data key (`rotation.rotate`) makes those unreadable for ever.

    Raises:
        SafeError: there is no such document, another program holds the old pages, or something was left (it says how much).
    """
    marks = ", ".join(str(int(one)) for one in documents)
    with safe.reading() as db:
        gone = [(int(i), str(h)) for i, h in db.execute(f"SELECT id, sha256 FROM documents WHERE id IN ({marks})")]
        if len(gone) != len(set(documents)):
            raise SafeError(f"documents {marks}: not all are there; list them: gutteil docs list --all")
        needles = list(_needles(db, marks))
        chunks = int(db.execute(f"SELECT count(*) FROM chunks WHERE document IN ({marks})").fetchone()[0])
        with safe.writing():
            db.execute(f"DELETE FROM documents WHERE id IN ({marks})")
        vault.compact(db, safe.path)
        pages, hits = _look(safe, needles)
        shared = {needle for needle in hits if _remains(db, needle)}
        receipt = Receipt(time.time_ns(), by, reason, gone, chunks, len(needles), pages, len(shared), len(hits - shared))
        if receipt.found:
            raise SafeError(f"{receipt.found} fragments of what was erased are still in the file; close other programs, then erase again")
        return _write(safe, receipt)


def _needles(db: vault.Connection, marks: str) -> Iterable[bytes]:
    """Fragments of the text and of the file, evenly over both."""
    texts = [row[0].encode() for row in db.execute(f"SELECT text FROM chunks WHERE document IN ({marks})")]
    blobs = [bytes(row[0]) for row in db.execute(f"SELECT data FROM originals WHERE document IN ({marks})")]
    for group in (texts, blobs):
        each = max(1, _NEEDLES // 2 // max(1, len(group)))
        step = max(1, len(group) * 2 // _NEEDLES)
        for whole in group[::step]:
            for k in range(each):
                begin = (len(whole) - _NEEDLE) * k // each
                fragment = whole[max(0, begin) : max(0, begin) + _NEEDLE]
                if len(fragment) == _NEEDLE and len(set(fragment)) > 6:  # not the zeros or dashes that any file has
                    yield fragment


def _look(safe: Safe, needles: Sequence[bytes]) -> tuple[int, set[bytes]]:
    pages, hits = 0, set[bytes]()
    for page in plain_pages(safe.path, safe.data_key()):
        pages += 1
        hits |= {needle for needle in needles if needle in page}
    return pages, hits


def _remains(db: vault.Connection, needle: bytes) -> bool:
    """Whether a document that stays has this fragment too."""
    for table, column in (("chunks", "text"), ("originals", "data")):
        if db.execute(f"SELECT 1 FROM {table} WHERE instr(CAST({column} AS BLOB), ?) LIMIT 1", (needle,)).fetchone():
            return True
    return False


def _write(safe: Safe, receipt: Receipt) -> Receipt:
    with safe.writing() as db:
        row = db.execute("SELECT hash FROM erasures ORDER BY id DESC LIMIT 1").fetchone()
        text = json.dumps({k: v for k, v in vars(receipt).items() if k != "hash"}, sort_keys=True)
        digest = _chain(row[0] if row else "", text)
        db.execute("INSERT INTO erasures (at_ns, receipt, hash) VALUES (?, ?, ?)", (receipt.at_ns, text, digest))
    return Receipt(**{**vars(receipt), "hash": digest})


def _chain(before: str, text: str) -> str:
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()


def receipts(safe: Safe) -> list[Receipt]:
    """Every erasure, oldest first.

    Raises:
        SafeError: the chain is broken: a receipt was changed or taken away.
    """
    found, before = list[Receipt](), ""
    with safe.reading() as db:
        rows = db.execute("SELECT receipt, hash FROM erasures ORDER BY id").fetchall()
    for text, digest in rows:
        if _chain(before, text) != digest:
            raise SafeError(
                f"receipt {len(found) + 1} of {len(rows)} does not follow from the one before: it was changed or one is missing"
            )
        data: dict[str, Any] = json.loads(text)
        data["documents"] = [(int(i), str(h)) for i, h in data["documents"]]
        found.append(Receipt(**data, hash=digest))
        before = digest
    return found


def expire(safe: Safe, now_ns: int, by: str = "retention") -> list[Receipt]:
    """Erase what is older than its collection keeps it, one receipt per collection.

    A document's age counts from when it was added; of a document that is still current, too.

    Raises:
        SafeError: as `erase`.
    """
    done = []
    for collection in safe.collections():
        if collection.keep_days:
            before = now_ns - collection.keep_days * DAY_NS
            old = [d.id for d in safe.documents() if d.collection == collection.name and d.added_ns < before]
            if old:
                done.append(erase(safe, old, by, f"older than {collection.keep_days} days"))
    return done
