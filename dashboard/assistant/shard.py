"""The index of one collection, in memory only: words by tantivy, vectors by numpy.

Vectors: the signs of 384 numbers are compared as bits first (Hamming distance, a hundredth of the work), the best of those exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import tantivy
from numpy.typing import NDArray
from tantivy import Filter, Occur, Query, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

_RERANKED = 1000
_HEAP = 64_000_000
_THREADS = 2
ANALYSIS = 1  # counted up with every change of the rules below
# what has a digit in it, whole: part numbers (4711-A/03), order numbers, measures (2.500,00), threads (M8x20)
_EXACT = r"(?:\p{L}[\p{L}\d]*[-./_])*\p{L}*\d(?:[-./_,:]?[\p{L}\d])*"
_NORM = r"(?:din|en|iso|iec|vdi|vde|vda|astm|sae|iatf)(?:[ /-](?:en|iso|iec|vde))*[ -]?\d+(?:-\d+)*"


def _analyzers() -> dict[str, TextAnalyzer]:
    def stemmed(language: str) -> TextAnalyzer:
        return (
            TextAnalyzerBuilder(Tokenizer.simple())
            .filter(Filter.remove_long(60))
            .filter(Filter.lowercase())
            .filter(Filter.stopword(language))
            .filter(Filter.stemmer(language))
            .build()
        )

    def pattern(text: str) -> TextAnalyzer:
        return TextAnalyzerBuilder(Tokenizer.regex(text)).filter(Filter.remove_long(60)).filter(Filter.lowercase()).build()

    return {"de": stemmed("german"), "en": stemmed("english"), "exact": pattern(_EXACT), "norm": pattern(f"(?i){_NORM}")}


ANALYZERS = _analyzers()
Term = tuple[str, str]  # field, word


def terms(text: str) -> list[Term]:
    """The words of a question, per field, in the form in which they are indexed."""
    text = _plain(text)
    return [(field, word.replace(" ", "_")) for field, analyzer in ANALYZERS.items() for word in dict.fromkeys(analyzer.analyze(text))]


def analyze(text: str) -> str:
    """A passage's words in the form in which they are indexed, a line per field, so that this is done once and kept."""
    text = _plain(text)
    return "\n".join(" ".join(word.replace(" ", "_") for word in analyzer.analyze(text)) for analyzer in ANALYZERS.values())


def _plain(text: str) -> str:
    return text.replace("\xa0", " ").replace("\u202f", " ").replace("\u2011", "-")


@dataclass(frozen=True)
class Entry:
    """One passage to be indexed.

    Attributes:
        words: what `analyze` made of it.
        vector: float16 of length 1, or None where it has none (yet).
    """

    chunk: int
    document: int
    words: str
    vector: bytes | None


class Shard:
    """A collection's passages. Nothing of one shard depends on what is in another.

    Attributes:
        blank: passages that have no vector yet.
    """

    def __init__(self, entries: Iterable[Entry], width: int) -> None:
        builder = tantivy.SchemaBuilder()
        for field in ANALYZERS:
            builder.add_text_field(field, tokenizer_name="kept", index_option="freq")
        builder.add_unsigned_field("row", fast=True)
        builder.add_unsigned_field("document", indexed=True)
        self._schema, self._width = builder.build(), width
        self._index = tantivy.Index(self._schema)  # without a path: in memory
        self._index.register_tokenizer("kept", TextAnalyzerBuilder(Tokenizer.whitespace()).build())
        self.chunks = np.zeros(0, np.int64)
        self.documents = np.zeros(0, np.int64)
        self._bits = np.zeros((-(-width // 64), 0), np.uint64)
        self._vectors = np.zeros((0, width), np.float16)
        self.blank = 0
        self.extend(entries)

    def extend(self, entries: Iterable[Entry]) -> None:
        """More passages; read one after another, so that they never lie in memory all at once."""
        begin = len(self.chunks)
        writer = self._index.writer(_HEAP, _THREADS)
        chunks, documents, vectors, none = list[int](), list[int](), bytearray(), bytes(self._width * 2)
        for row, entry in enumerate(entries, begin + 1):
            document = tantivy.Document()
            for field, words in zip(ANALYZERS, entry.words.split("\n"), strict=True):
                document.add_text(field, words)
            document.add_unsigned("row", row - 1)
            document.add_unsigned("document", entry.document)
            writer.add_document(document)
            chunks.append(entry.chunk)
            documents.append(entry.document)
            if self._width:
                fits = entry.vector is not None and len(entry.vector) == len(none)
                vectors += entry.vector if fits and entry.vector is not None else none
                self.blank += not fits
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()
        self.chunks = np.concatenate([self.chunks, np.array(chunks, np.int64)])
        self.documents = np.concatenate([self.documents, np.array(documents, np.int64)])
        if self._width:
            more = np.frombuffer(vectors, np.float16).reshape(-1, self._width)
            self._vectors = np.concatenate([self._vectors, more]) if begin else more
            self._bits = np.concatenate([self._bits, _signs(more)], axis=1)

    @property
    def size(self) -> int:
        """How many passages."""
        return len(self.chunks)

    def frequency(self, term: Term) -> int:
        """In how many passages a word stands."""
        return int(self._searcher.doc_freq(*term))

    def by_words(self, weighted: Sequence[tuple[Term, float]], most: int, only: Sequence[int] | None) -> dict[int, float]:
        """Rows by BM25, each word's share times its weight.

        Args:
            only: documents that count; None = all.
        """
        parts = [
            (Occur.Should, Query.boost_query(Query.term_query(self._schema, field, word, "freq"), weight))
            for (field, word), weight in weighted
            if weight > 0
        ]
        if not parts or not self.size:
            return {}
        query = Query.boolean_query(parts)
        if only is not None:
            allowed = Query.boost_query(Query.term_set_query(self._schema, "document", list(only)), 0.0)
            query = Query.boolean_query([(Occur.Must, query), (Occur.Must, allowed)])
        hits = self._searcher.search(query, min(most, self.size), count=False).hits
        rows = self._searcher.fast_field_values("row", [address for _, address in hits])
        return {int(row): float(score) for row, (score, _) in zip(rows, hits, strict=True) if row is not None}

    def by_vector(self, vector: NDArray[np.float32], most: int, only: Sequence[int] | None) -> dict[int, float]:
        """Rows by cosine, as `by_words`."""
        if not self.size or not self._width:
            return {}
        wanted = _signs(vector[None].astype(np.float16))
        distance = np.zeros(self.size, np.uint16)
        for own, asked in zip(self._bits, wanted, strict=True):
            distance += np.bitwise_count(own ^ asked[0])
        if only is not None:
            distance[~np.isin(self.documents, np.asarray(only, np.int64))] = np.iinfo(np.uint16).max
        near = np.argpartition(distance, _RERANKED)[:_RERANKED] if self.size > _RERANKED else np.arange(self.size)
        near = near[distance[near] < np.iinfo(np.uint16).max]
        cosines = self.cosines(near, vector)
        best = np.argsort(-cosines, kind="stable")[:most]
        return {int(near[k]): float(cosines[k]) for k in best}

    def cosines(self, rows: NDArray[np.int64], vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """The exact cosine of these rows; 0 where a passage has no vector."""
        if not self._width:
            return np.zeros(len(rows), np.float32)
        found: NDArray[np.float32] = self._vectors[rows].astype(np.float32) @ vector
        return found


def _signs(vectors: NDArray[np.float16]) -> NDArray[np.uint64]:
    """One bit per number, one column per vector."""
    bits = np.packbits(vectors > 0, axis=1)
    padded = np.zeros((len(vectors), -(-bits.shape[1] // 8) * 8), np.uint8)
    padded[:, : bits.shape[1]] = bits
    return np.ascontiguousarray(padded.view(np.uint64).T)
