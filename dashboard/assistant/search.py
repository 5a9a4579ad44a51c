"""Questions to passages: words and vectors over the collections that the asker may see, and no others.

There is one index per collection. A question goes only to those of the asker's role; how rare a word is, is counted over exactly these,
so that a passage the asker may not see can change neither rank nor score.
"""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dashboard.assistant.documents import Chunk, Collection
from dashboard.assistant.embedding import BATCH, Embedder
from dashboard.assistant.language import Language, language_of
from dashboard.assistant.safe import Safe
from dashboard.assistant.settings import Embedding
from dashboard.assistant.shard import ANALYSIS, Entry, Shard, Term, analyze, terms
from dashboard.assistant.view import View

CANDIDATES = 50
_PREPARED = 500  # passages in one transaction
# per language of the question; measured on XQuAD (docs/assistant.md)
_FIELDS: dict[Language, dict[str, float]] = {
    "de": {"de": 1.0, "en": 0.3, "exact": 1.0, "norm": 1.0},
    "en": {"de": 0.3, "en": 1.0, "exact": 1.0, "norm": 1.0},
}


@dataclass(frozen=True)
class Filters:
    """What a document must be.

    Attributes:
        collections: names; empty = all that the asker may see.
        supplier, type: a part of the word, in any case.
        since, until: ISO dates, both included; a document without a date fails either.
    """

    collections: frozenset[str] = frozenset()
    supplier: str = ""
    type: str = ""
    since: str = ""
    until: str = ""

    @property
    def of_documents(self) -> bool:
        """Whether any of them looks at the document."""
        return bool(self.supplier or self.type or self.since or self.until)


@dataclass(frozen=True)
class Hit:
    """A passage that was found.

    Attributes:
        score: what it is ranked by; comparable within one answer only.
        words, cosine: where it comes from.
    """

    chunk: Chunk
    score: float
    words: float
    cosine: float


@dataclass
class _Loaded:
    shard: Shard
    documents: set[int] = field(default_factory=set)


class Search:
    """The index of an unlocked safe."""

    def __init__(self, safe: Safe, settings: Embedding, embedder: Embedder | None = None) -> None:
        """Nothing is loaded before `refresh`.

        Args:
            embedder: the model of `settings`; None = words alone.
        """
        self._safe, self._settings, self._embedder = safe, settings, embedder
        self._shards: dict[int, _Loaded] = {}
        self._seen: tuple[int, int] | None = None
        self._lock = threading.Lock()

    def refresh(self) -> int:
        """Load what is new in the safe; a collection that has lost something is loaded anew, so that nothing erased stays in memory.

        Returns:
            How many passages are searched.

        Raises:
            SafeLocked, SafeError
        """
        with self._lock:
            if self._safe.changes() == self._seen:
                return self._size()
            prepare(self._safe)
            state = self._safe.changes()
            current: dict[int, set[int]] = defaultdict(set)
            with self._safe.reading() as db:
                for document, collection in db.execute("SELECT id, collection FROM documents WHERE replaced_ns IS NULL"):
                    current[collection].add(document)
                shards = dict(self._shards)
                for gone in set(shards) - set(current):
                    del shards[gone]
                width = self._embedder.width if self._embedder else 0
                for collection, documents in current.items():
                    known = shards.get(collection)
                    if known is None or known.documents - documents or self._late_vectors(known.shard, collection):
                        shards[collection] = _Loaded(Shard(self._entries(collection, None), width), documents)
                    elif documents - known.documents:
                        known.shard.extend(self._entries(collection, documents - known.documents))
                        known.documents = documents
            self._shards, self._seen = shards, state
            return self._size()

    def _late_vectors(self, shard: Shard, collection: int) -> bool:
        """Whether passages that were loaded without a vector have got one."""
        if self._embedder is None or not shard.blank:
            return False
        with self._safe.reading() as db:
            count = db.execute(
                "SELECT count(*) FROM documents d JOIN chunks k ON k.document = d.id JOIN vectors v ON v.chunk = k.id AND v.model = ?"
                " WHERE d.collection = ? AND d.replaced_ns IS NULL",
                (self._embedder.model, collection),
            ).fetchone()[0]
        return int(count) > shard.size - shard.blank

    def _size(self) -> int:
        return sum(loaded.shard.size for loaded in self._shards.values())

    def _entries(self, collection: int, documents: set[int] | None) -> Iterator[Entry]:
        only = f"AND d.id IN ({', '.join(map(str, documents))})" if documents is not None else ""
        model = self._embedder.model if self._embedder else ""
        with self._safe.reading() as db:
            rows = db.execute(
                "SELECT k.id, k.document, w.data, v.data FROM documents d JOIN chunks k ON k.document = d.id JOIN words w ON w.chunk = k.id"
                f" LEFT JOIN vectors v ON v.chunk = k.id AND v.model = ? WHERE d.collection = ? AND d.replaced_ns IS NULL {only}",
                (model, collection),
            )
            for row in rows:
                yield Entry(*row)

    def clear(self) -> None:
        """Forget everything; to be called when the safe is locked."""
        with self._lock:
            self._shards, self._seen = {}, None

    def search(self, role: str, question: str, most: int = 10, filters: Filters = Filters()) -> list[Hit]:
        """The best passages for a question, best first.

        Args:
            role: the asker's.

        Raises:
            SafeLocked: the safe is locked.
            SafeError
        """
        view = View(self._safe, role)
        mine = [one for one in view.collections() if not filters.collections or one.name in filters.collections]
        only = self._only(mine, filters) if filters.of_documents else None
        shards = [self._shards[one.id].shard for one in mine if one.id in self._shards]
        language = language_of(question)
        weight = self._settings.weight_de if language == "de" else self._settings.weight_en
        vector = self._embedder.embed([question], question=True)[0] if self._embedder and weight > 0 and shards else None
        ranked = _rank(shards, _weigh(shards, terms(question), _FIELDS[language]), vector, weight, only)
        best = ranked[: most * 2]  # some may be gone since the last refresh
        found = {chunk.id: chunk for chunk in view.chunks([chunk for chunk, *_ in best])}
        return [Hit(found[chunk], *rest) for chunk, *rest in best if chunk in found][:most]

    def _only(self, collections: Sequence[Collection], filters: Filters) -> list[int]:
        names = {one.name for one in collections}
        supplier, sort = filters.supplier.casefold(), filters.type.casefold()
        return [
            document.id
            for document in self._safe.documents(current=True)
            if document.collection in names
            and supplier in document.about.supplier.casefold()
            and sort in document.about.type.casefold()
            and (not filters.since or document.about.date >= filters.since)
            and (not filters.until or "" < document.about.date <= filters.until)
        ]


def _weigh(shards: Sequence[Shard], asked: Sequence[Term], fields: dict[str, float]) -> list[list[tuple[Term, float]]]:
    """Per shard, what turns its own idf of a word into that over all these shards (BM25's idf as tantivy computes it)."""
    total = sum(shard.size for shard in shards)
    weighted: list[list[tuple[Term, float]]] = [[] for _ in shards]
    for term in asked:
        counts = [shard.frequency(term) for shard in shards]
        everywhere = _idf(total, sum(counts))
        for shard, count, own in zip(shards, counts, weighted, strict=True):
            if count:
                own.append((term, fields[term[0]] * everywhere / _idf(shard.size, count)))
    return weighted


def _idf(of: int, count: int) -> float:
    return math.log1p((of - count + 0.5) / (count + 0.5))


def _rank(
    shards: Sequence[Shard],
    weighted: Sequence[list[tuple[Term, float]]],
    vector: NDArray[np.float32] | None,
    weight: float,
    only: Sequence[int] | None,
) -> list[tuple[int, float, float, float]]:
    """Chunk, score, its BM25 as a share of the best one's, its cosine; best first."""
    found: list[tuple[int, float, float]] = []
    for shard, own in zip(shards, weighted, strict=True):
        words = shard.by_words(own, CANDIDATES, only)
        near = shard.by_vector(vector, CANDIDATES, only) if vector is not None else {}
        rows = np.fromiter({**words, **near}, np.int64, len(words | near))
        cosines = shard.cosines(rows, vector) if vector is not None else np.zeros(len(rows))
        found += [(int(shard.chunks[row]), words.get(int(row), 0.0), float(cosine)) for row, cosine in zip(rows, cosines, strict=True)]
    top = max((score for _, score, _ in found), default=0.0) or 1.0
    ranked = [(chunk, score / top + weight * cosine, score / top, cosine) for chunk, score, cosine in found]
    return sorted(ranked, key=lambda one: (-one[1], one[0]))


def prepare(safe: Safe) -> int:
    """Keep the stemmed words of every current passage that has none by these rules; returns how many.

    Raises:
        SafeLocked, SafeError
    """
    with safe.reading() as db:
        missing = [
            row[0]
            for row in db.execute(
                "SELECT k.id FROM documents d JOIN chunks k ON k.document = d.id LEFT JOIN words w ON w.chunk = k.id AND w.analysis = ?"
                " WHERE d.replaced_ns IS NULL AND w.chunk IS NULL",
                (ANALYSIS,),
            )
        ]
    for begin in range(0, len(missing), _PREPARED):
        marks = ", ".join(map(str, missing[begin : begin + _PREPARED]))
        with safe.writing() as db:
            rows = db.execute(f"SELECT id, heading, text FROM chunks WHERE id IN ({marks})").fetchall()
            db.executemany(
                "INSERT OR REPLACE INTO words (chunk, analysis, data) VALUES (?, ?, ?)",
                ((chunk, ANALYSIS, analyze(f"{heading}\n{text}")) for chunk, heading, text in rows),
            )
    return len(missing)


def embed_missing(safe: Safe, embedder: Embedder, say: Callable[[int, int], None] = lambda done, of: None) -> int:
    """Give every current passage its vector of this model; returns how many were missing.

    Raises:
        SafeLocked, SafeError, EmbeddingError
    """
    with safe.reading() as db:
        missing = db.execute(
            "SELECT k.id, k.heading, k.text FROM chunks k JOIN documents d ON d.id = k.document WHERE d.replaced_ns IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM vectors v WHERE v.chunk = k.id AND v.model = ?) ORDER BY length(k.text)",
            (embedder.model,),
        ).fetchall()
    for begin in range(0, len(missing), BATCH):  # of like length, so that little is padded
        batch = missing[begin : begin + BATCH]
        vectors = embedder.embed([f"{heading}\n{text}" for _, heading, text in batch], question=False).astype(np.float16)
        with safe.writing() as db:
            db.executemany(
                "INSERT OR REPLACE INTO vectors (chunk, model, data) VALUES (?, ?, ?)",
                ((row[0], embedder.model, vector.tobytes()) for row, vector in zip(batch, vectors, strict=True)),
            )
        say(min(begin + BATCH, len(missing)), len(missing))
    return len(missing)
