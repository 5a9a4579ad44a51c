"""How fast the search is over many passages: a safe is filled with sentences of a set in random order, locked, unlocked, and asked.

The passages' vectors are random: a vector's values do not change what comparing it costs. The questions are embedded for real.
"""

from __future__ import annotations

import random
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from dashboard.assistant.documents import Piece
from dashboard.assistant.embedding import Embedder
from dashboard.assistant.evaluation import Passage, Question
from dashboard.assistant.safe import Safe
from dashboard.assistant.search import Search, prepare
from dashboard.assistant.secrets import Secret
from dashboard.assistant.settings import Embedding

_LETTERS = 800  # of a passage, as the readers cut them
_PER_DOCUMENT = 1000


@dataclass(frozen=True)
class Timed:
    """What was measured; times in the unit of the name, memory of the whole process.

    Attributes:
        grown_mb: by unlocking, beyond the program with its model.
    """

    chunks: int
    file_mb: float
    unlock_s: float
    load_s: float
    resident_mb: float
    grown_mb: float
    embed_p50_ms: float
    p50_ms: float
    p99_ms: float


def fill(folder: Path, secret: Secret, passages: Sequence[Passage], chunks: int, embedder: Embedder | None) -> None:
    """A safe with so many passages."""
    draw, numbers = random.Random(1), np.random.default_rng(1)
    sentences = [s for one in passages for s in re.split(r"(?<=[.!?])\s+", one.text)]
    safe = Safe.make(folder, secret)
    safe.collect("bench", ["bench"])
    for begin in range(0, chunks, _PER_DOCUMENT):
        pieces = []
        for k in range(min(_PER_DOCUMENT, chunks - begin)):
            text = f"Teil {begin + k}-{draw.randrange(10_000):04}"
            while len(text) < _LETTERS:
                text += " " + draw.choice(sentences)
            pieces.append(Piece(text, page=k // 4 + 1, heading=f"Abschnitt {k // 20}"))
        document = safe.keep("bench", f"{begin}.txt", b"x", pieces, "text")
        if embedder is not None:
            vectors = numbers.standard_normal((len(pieces), embedder.width), np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            with safe.writing() as db:
                ids = [row[0] for row in db.execute("SELECT id FROM chunks WHERE document = ? ORDER BY id", (document.id,))]
                rows = ((i, embedder.model, v.astype(np.float16).tobytes()) for i, v in zip(ids, vectors, strict=True))
                db.executemany("INSERT INTO vectors (chunk, model, data) VALUES (?, ?, ?)", rows)
    prepare(safe)
    safe.lock()


def ask(folder: Path, secret: Secret, settings: Embedding, embedder: Embedder | None, questions: Sequence[Question]) -> Timed:
    """Unlock, load, ask each question once after a few for warmth."""
    process = psutil.Process()
    before = process.memory_info().rss
    safe = Safe(folder)
    begin = time.perf_counter()
    safe.unlock(secret)
    unlocked = time.perf_counter()
    search = Search(safe, settings, embedder)
    chunks = search.refresh()
    loaded = time.perf_counter()
    resident = process.memory_info().rss
    for one in questions[:20]:
        search.search("bench", one.question)
    took, embedded = [], []
    for one in questions:
        start = time.perf_counter()
        search.search("bench", one.question)
        took.append((time.perf_counter() - start) * 1000)
        if embedder is not None:
            start = time.perf_counter()
            embedder.embed([one.question], question=True)
            embedded.append((time.perf_counter() - start) * 1000)
    safe.lock()
    took.sort()
    return Timed(
        chunks,
        round(safe.path.stat().st_size / 1e6, 1),
        round(unlocked - begin, 2),
        round(loaded - unlocked, 2),
        round(resident / 1e6, 1),
        round((resident - before) / 1e6, 1),
        round(statistics.median(embedded), 2) if embedded else 0.0,
        round(statistics.median(took), 2),
        round(took[min(len(took) - 1, int(0.99 * len(took)))], 2),
    )
