"""What the safe keeps: collections, documents, chunks, and where a chunk stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Collection:
    """Documents that the same people may ask.

    Attributes:
        roles: who may ask; nobody else learns that the collection is there.
        keep_days: days after which a document is erased; 0 = never.
    """

    id: int
    name: str
    roles: frozenset[str]
    keep_days: int


@dataclass(frozen=True)
class About:
    """What people say about a document, for filters.

    Attributes:
        date: ISO (2024-03-15), of the document itself.
    """

    supplier: str = ""
    type: str = ""
    date: str = ""


@dataclass(frozen=True)
class Piece:
    """A passage of a document, before it is kept.

    Attributes:
        page: from 1; 0 where the format has none.
        row: first row of a table, from 1; 0 for text.
        verified: false for text that OCR has read: its numbers may be wrong.
    """

    text: str
    kind: Literal["text", "table"] = "text"
    page: int = 0
    row: int = 0
    heading: str = ""
    verified: bool = True


@dataclass(frozen=True)
class Document:
    """One version of a document."""

    id: int
    collection: str
    name: str
    version: int
    sha256: str
    bytes: int
    kind: str
    pages: int
    about: About
    added_ns: int
    replaced_ns: int | None


@dataclass(frozen=True)
class Chunk:
    """A passage as it is kept, with where it stands."""

    id: int
    document: int
    name: str
    version: int
    collection: str
    piece: Piece
    about: About = field(default_factory=About)
