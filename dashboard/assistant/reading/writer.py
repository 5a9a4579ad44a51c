"""Collects what a reader finds, and cuts it into passages that know where they stand.

No number is ever cut: text is divided only between sentences or words, tables only between rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dashboard.assistant.documents import Piece
from dashboard.assistant.errors import Refused
from dashboard.assistant.reading.limits import MAX_COLUMNS, MAX_ROWS, MAX_TEXT

GOOD, MOST = 900, 1_400  # characters of a passage: what is aimed at, and what is divided
# not after an abbreviation or an ordinal ("Nr. 7", "3. Mai"): the next word must begin a sentence, and no digit stand before the stop
_SENTENCE = re.compile(r"(?<=[^\W\d][^\W\d][.!?:])\s+(?=[A-ZÄÖÜ„\"(])")
_BLANK = re.compile(r"[^\S\n]*\n[^\S\n]*(?:\n[^\S\n]*)+")


class Writer:
    """One document's passages in reading order.

    Attributes:
        page: set by the reader; the passages that follow stand on it.
        verified: false for what OCR has read.
    """

    def __init__(self, verified: bool = True) -> None:
        self.verified = verified
        self._page = 0
        self._headings: list[tuple[int, str]] = []
        self._lines: list[str] = []
        self._length = self._total = self._rows = 0
        self._pieces: list[Piece] = []

    @property
    def page(self) -> int:
        """From 1; 0 where the format has none."""
        return self._page

    @page.setter
    def page(self, number: int) -> None:
        if number != self._page:
            self.flush()
            self._page = number

    @property
    def where(self) -> str:
        """The headings above, outermost first."""
        return " › ".join(text for _, text in self._headings)

    def heading(self, level: int, text: str) -> None:
        """What follows stands under it; it is searched with each of its passages, and is a line of text itself."""
        text = " ".join(text.split())
        if not text:
            return
        self.flush()
        self._headings = [(own, words) for own, words in self._headings if own < level]
        self._headings.append((level, text[:300]))
        self.text(text)

    def text(self, text: str) -> None:
        """Paragraphs, divided by blank lines; line breaks inside stay.

        Raises:
            Refused: the document holds more text than any real one.
        """
        self._count(len(text))
        for paragraph in _BLANK.split(text):
            words = paragraph.strip()
            for part in _divide(words) if len(words) > MOST else [words] if words else []:
                if self._length + len(part) > GOOD:
                    self.flush()
                self._lines.append(part)
                self._length += len(part) + 1

    def table(self, rows: Sequence[Sequence[str]], first: int = 1, title: bool = True) -> None:
        """Rows of cells; cells are divided by a tab, and each passage begins with the header row.

        Args:
            first: number of the first row.
            title: whether the first row is a header.

        Raises:
            Refused: more rows or columns than any real table.
        """
        self.flush()
        lines = ["\t".join(" ".join(cell.split()) for cell in row).rstrip("\t") for row in rows]
        self._rows += len(lines)
        if self._rows > MAX_ROWS or max(map(len, rows), default=0) > MAX_COLUMNS:
            raise Refused(f"its tables have more than {MAX_ROWS} rows or {MAX_COLUMNS} columns; export a part of it")
        self._count(sum(map(len, lines)))
        header = lines[0] if title and len(lines) > 1 and len(lines[0]) < GOOD // 2 else ""
        group: list[str] = []
        begin, length = first, len(header)
        for number, line in enumerate(lines, first):
            if group and length + len(line) > GOOD:
                self._put(header, group, begin, first)
                group, begin, length = [], number, len(header)
            if line.strip():
                group.append(line)
                length += len(line) + 1
        self._put(header, group, begin, first)

    def _put(self, header: str, group: list[str], begin: int, first: int) -> None:
        if group:
            text = "\n".join([header, *group] if header and begin != first else group)
            self._pieces.append(Piece(text, "table", self._page, begin, self.where, self.verified))

    def flush(self) -> None:
        """End the passage that is being collected."""
        if self._lines:
            self._pieces.append(Piece("\n".join(self._lines), "text", self._page, 0, self.where, self.verified))
        self._lines, self._length = [], 0

    def _count(self, more: int) -> None:
        self._total += more
        if self._total > MAX_TEXT:
            raise Refused(f"holds more than {MAX_TEXT} characters of text; divide it")

    def pieces(self) -> list[Piece]:
        """Everything so far. A heading alone is no passage of its own where text follows under it."""
        self.flush()
        return self._pieces


def _divide(text: str) -> list[str]:
    """Into sentences that are packed up to the good length, and those too long between words."""
    parts: list[str] = []
    for sentence in _SENTENCE.split(text):
        for part in _between_words(sentence) if len(sentence) > MOST else [sentence]:
            if parts and len(parts[-1]) + len(part) < GOOD:
                parts[-1] += " " + part
            else:
                parts.append(part)
    return parts


_NUMBER_END = re.compile(r"(?:\d|±|\+/-|[(\[<>≤≥=~])$")
_NUMBER_BEGIN = re.compile(r"(?:\d|±|[µ%°€]|[A-Za-z/]{1,4}[23²³]?(?:\W|$))")


def _between_words(text: str) -> list[str]:
    parts: list[str] = []
    current: list[str] = []
    length = 0
    for word in text.split():
        inside = bool(current) and _NUMBER_END.search(current[-1]) and _NUMBER_BEGIN.match(word)  # "10 000", "± 0,02", "12 Nm"
        if length + len(word) > GOOD and current and not (inside and length < MOST):
            parts.append(" ".join(current))
            current, length = [], 0
        current.append(word)
        length += len(word) + 1
    return [*parts, " ".join(current)] if current else parts
