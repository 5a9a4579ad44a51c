"""TXT, Markdown and CSV."""

from __future__ import annotations

import csv
import io
import re

from dashboard.assistant.errors import Refused
from dashboard.assistant.reading.writer import Writer

_DELIMITERS = ";\t|,"  # in this order: a decimal comma must not become a column
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,4})\.?\s+[A-ZÄÖÜ][^\n.;:]{2,60}$")


def decode(data: bytes) -> str:
    """Text in UTF-8 or UTF-16 with its mark, else in the Windows code page that German programs still export.

    Raises:
        Refused: not text.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16").removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            raise Refused("damaged text in UTF-16; save it as UTF-8") from error
    if b"\0" in data:
        raise Refused("not text: it holds zero bytes; is its name right?")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def read_text(data: bytes, out: Writer) -> None:
    """Paragraphs; a numbered line of its own (4.2 Prüfmittel) is a heading."""
    for paragraph in re.split(r"\n\s*\n", decode(data).replace("\r\n", "\n").replace("\f", "\n\n")):
        for line in paragraph.split("\n"):
            found = _NUMBERED.match(line.strip())
            if found and "  " not in line.strip():
                out.heading(found[1].count(".") + 1, line)
            else:
                out.text(line)


def numbered(line: str) -> int:
    """Level of a numbered heading, 0 where the line is none."""
    found = _NUMBERED.match(line.strip())
    return found[1].count(".") + 1 if found else 0


def read_markdown(data: bytes, out: Writer) -> None:
    """Headings, paragraphs, and pipe tables as tables; the rest stays as it is written."""
    table: list[list[str]] = []
    lines: list[str] = []

    def end() -> None:
        if lines:
            out.text("\n".join(lines))
        if table:
            out.table(table)
        lines.clear()
        table.clear()

    fenced = False
    for line in decode(data).splitlines():
        fenced ^= line.lstrip().startswith("```")
        head = re.match(r"(#{1,6})\s+(.*?)\s*#*\s*$", line)
        if head and not fenced:
            end()
            out.heading(len(head[1]), head[2])
        elif not fenced and line.strip().startswith("|") and line.count("|") > 1:
            if lines:
                end()
            cells = [cell.replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
            if not all(re.fullmatch(r"\s*:?-+:?\s*", cell) for cell in cells):
                table.append(cells)
        else:
            if table:
                end()
            lines.append(line)
    end()


def read_csv(data: bytes, out: Writer) -> None:
    """Rows as a table, every cell as it is written."""
    text = decode(data)
    csv.field_size_limit(1_000_000)
    for delimiter in _DELIMITERS:
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        except csv.Error as error:
            raise Refused(f"not a table: {error}") from error
        widths = {len(row) for row in rows[:50] if row}
        if widths and min(widths) > 1 and (len(widths) == 1 or delimiter == ";"):
            out.table(rows)
            return
    out.text(text)
