"""How good the search is: recall@k, mean reciprocal rank, nDCG@10 over a set of questions with known passages.

A set is a JSON list of questions `{"id", "lang", "question", "relevant": [passage ids]}` and one of passages `{"id", "lang", "title",
"text"}`; XQuAD and MIRACL come in this form. Measures as in Manning, Raghavan, Schütze: Introduction to Information Retrieval, ch. 8.
"""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from dashboard.assistant.documents import Piece
from dashboard.assistant.errors import AssistantError
from dashboard.assistant.safe import Safe
from dashboard.assistant.search import Search

_MAX_BYTES = 500_000_000
DEPTH = 10
T = TypeVar("T")


class Passage(msgspec.Struct, frozen=True):
    """One passage of a set."""

    id: str
    text: str
    lang: str = ""
    title: str = ""


class Question(msgspec.Struct, frozen=True):
    """One question of a set.

    Attributes:
        relevant: passages that answer it.
        other_language: the same passages in another language.
    """

    id: str
    question: str
    relevant: list[str]
    lang: str = ""
    other_language: list[str] = []


@dataclass(frozen=True)
class Measured:
    """Of one language.

    Attributes:
        cross: recall@10 of the passages in the other language, 0 where the set has none.
    """

    questions: int
    r1: float
    r5: float
    r10: float
    mrr: float
    ndcg: float
    cross: float
    p50_ms: float
    p99_ms: float


def read_set(path: Path, kind: type[T]) -> list[T]:
    """A set's file.

    Raises:
        AssistantError: missing, or not such a list.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise AssistantError(f"{path}: larger than {_MAX_BYTES} bytes; that is no set of questions")
        found: list[T] = msgspec.json.decode(path.read_bytes(), type=list[kind])  # type: ignore[valid-type]
    except OSError as error:
        raise AssistantError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise AssistantError(f"{path}: no set of the form that docs/assistant.md describes: {error}") from error
    if not found:
        raise AssistantError(f"{path}: is empty")
    return found


def keep_passages(safe: Safe, collection: str, passages: Sequence[Passage]) -> None:
    """A set's passages as documents of one passage each."""
    for one in passages:
        title = one.title.replace("_", " ")
        safe.keep(collection, one.id, one.text.encode(), [Piece(one.text, heading=title)], "text")


def evaluate(
    search: Search, role: str, questions: Sequence[Question], say: Callable[[int, int], None] = lambda n, of: None
) -> dict[str, Measured]:
    """Ask every question and compare; by language."""
    rows: dict[str, list[tuple[float, ...]]] = {}
    for number, one in enumerate(questions, 1):
        begin = time.perf_counter()
        hits = search.search(role, one.question, DEPTH)
        took = (time.perf_counter() - begin) * 1000
        names = [hit.chunk.name for hit in hits]
        rows.setdefault(one.lang or "all", []).append((*measures(names, one.relevant), measures(names, one.other_language)[2], took))
        say(number, len(questions))
    return {lang: _mean(found) for lang, found in sorted(rows.items())}


def measures(names: Sequence[str], relevant: Sequence[str]) -> tuple[float, float, float, float, float]:
    """Recall@1, @5, @10 (whether any relevant one is among them), reciprocal rank, nDCG@10 of one answer."""
    ranks = [rank for rank, name in enumerate(names[:DEPTH], 1) if name in relevant]
    first = ranks[0] if ranks else 0
    ideal = sum(1 / math.log2(k + 1) for k in range(1, min(len(relevant), DEPTH) + 1))
    gain = sum(1 / math.log2(rank + 1) for rank in ranks)
    return float(first == 1), float(0 < first <= 5), float(first > 0), 1 / first if first else 0.0, gain / ideal if ideal else 0.0


def _mean(rows: Sequence[tuple[float, ...]]) -> Measured:
    r1, r5, r10, mrr, ndcg, cross, times = zip(*rows, strict=True)
    ordered = sorted(times)
    means = [round(statistics.fmean(column), 4) for column in (r1, r5, r10, mrr, ndcg, cross)]
    p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    return Measured(len(rows), *(*means, round(statistics.median(ordered), 2), round(p99, 2)))


def as_json_text(found: dict[str, Measured]) -> str:
    """For programs."""
    return json.dumps({lang: vars(one) for lang, one in found.items()})
