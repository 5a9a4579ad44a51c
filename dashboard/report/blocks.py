"""What a report is made of, in the words and numbers of one language: `html` and `pdf` draw it, and neither adds a word."""

from __future__ import annotations

from typing import Literal

import msgspec

Tone = Literal["", "good", "bad", "warning"]  # beside the words, never instead of them


class Heading(msgspec.Struct, frozen=True, tag="heading"):
    text: str


class Said(msgspec.Struct, frozen=True, tag="said"):
    """A sentence; with a tone it stands in a box."""

    text: str
    tone: Tone = ""


class Figure(msgspec.Struct, frozen=True):
    name: str
    value: str
    note: str = ""


class Figures(msgspec.Struct, frozen=True, tag="figures"):
    items: list[Figure]


class Table(msgspec.Struct, frozen=True, tag="table"):
    """`numbers`: which columns stand at the right."""

    head: list[str]
    rows: list[list[str]]
    numbers: list[int]


class Drawing(msgspec.Struct, frozen=True, tag="drawing"):
    """A chart as SVG, and what it shows in words, for those who do not see it."""

    svg: str
    alt: str


class Picture(msgspec.Struct, frozen=True):
    """`svg`: '' where the picture is not kept (any more)."""

    svg: str
    name: str
    note: str


class Pictures(msgspec.Struct, frozen=True, tag="pictures"):
    items: list[Picture]
    missing: str


class Signatures(msgspec.Struct, frozen=True, tag="signatures"):
    labels: list[str]


Block = Heading | Said | Figures | Table | Drawing | Pictures | Signatures


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A report.

    Attributes:
        warning: stands over everything, where nothing of it is real.
        facts: name and value, under the title.
        foot: on every page; `page` is a word such as 'Seite'. It carries the hash of the data.
    """

    language: str
    title: str
    subtitle: str
    warning: str
    facts: list[tuple[str, str]]
    blocks: list[Block]
    foot: str
    page: str
