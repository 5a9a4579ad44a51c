"""PDF: text by pypdf's layout mode, ruled tables by pdfplumber, pages without text as pictures for OCR.

A table that pdfplumber finds replaces the laid-out text of its page only if every number of the page is still there afterwards.
"""

from __future__ import annotations

import io
import logging
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pdfplumber
import pypdf
import pypdfium2
from pypdf.generic import Destination

from dashboard.assistant.errors import Refused
from dashboard.assistant.reading.limits import MAX_PAGES
from dashboard.assistant.reading.plain import numbered
from dashboard.assistant.reading.writer import Writer

OCR_DPI = 300
_MAX_PIXELS = 40_000_000
Picture = tuple[int, int, bytes]  # width, height, gray
_STROKE = re.compile(rb"[\d.]\s+(?:re|l)\s")
_NUMBER = re.compile(r"\d[\d.,:/]*\d|\d")


def numbers(text: str) -> Counter[str]:
    """Every number as it is written."""
    return Counter(_NUMBER.findall(text))


def read_pdf(data: bytes, out: Writer, progress: Callable[[int, int], None], picture: Callable[[int, Picture], None]) -> int:
    """Every page; returns how many.

    Args:
        progress: told page and pages, before each.
        picture: given a page without text, for OCR.

    Raises:
        Refused
    """
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    logging.getLogger("pdfminer").setLevel(logging.CRITICAL)
    if b"%PDF-" not in data[:1024]:
        raise Refused("no PDF inside; is its name right?")
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        locked = reader.is_encrypted and not reader.decrypt("")
        count = 0 if locked else len(reader.pages)
    except Exception as error:  # pypdf raises what it stumbles over, not only its own errors
        raise Refused("damaged; print it to a new PDF") from error
    if locked:
        raise Refused("encrypted; save it without a password")
    if not 0 < count <= MAX_PAGES:
        raise Refused(f"has {count} pages; at most {MAX_PAGES} are read, divide it" if count else "has no pages")
    outline = _outline(reader)
    with pdfplumber.open(io.BytesIO(data)) as plumber:
        for number in range(1, count + 1):
            progress(number, count)
            out.page = number
            for level, title in outline.get(number, ()):
                out.heading(level, title)
            try:
                read = _page(reader.pages[number - 1], plumber.pages, number - 1, out)
            except Refused:
                raise
            except Exception as error:
                raise Refused(f"page {number} of {count} is damaged; print it to a new PDF") from error
            if not read:
                picture(number, _render(data, number))
    return count


def _strokes(page: pypdf.PageObject) -> bool:
    """Whether the page may have a ruled table: pdfplumber is slow, and most pages have none."""
    contents = page.get_contents()
    drawn = len(_STROKE.findall(contents.get_data())) if contents is not None else 0
    return drawn >= 4 or "/XObject" in (page.get("/Resources") or {})


def _page(page: pypdf.PageObject, plumbed_pages: Any, index: int, out: Writer) -> bool:
    """Whether the page had text."""
    laid = page.extract_text(extraction_mode="layout", layout_mode_space_vertically=False)
    if len("".join(laid.split())) < 8:
        laid = page.extract_text()
    if len("".join(laid.split())) < 8:
        return False
    if not _strokes(page):
        _lines(laid, out)
        return True
    plumbed = plumbed_pages[index]
    tables = [table for table in plumbed.find_tables() if len(table.rows) > 1 and len(table.columns) > 1]
    if tables:
        cells = [[[cell or "" for cell in row] for row in table.extract()] for table in tables]
        boxes = [table.bbox for table in tables]
        above = plumbed.filter(lambda thing: not any(_inside(thing, box) for box in boxes)).extract_text() or ""
        kept = numbers(above + "\n" + "\n".join(" ".join(" ".join(row) for row in rows) for rows in cells))
        if numbers(laid) <= kept:
            _lines(above, out)
            for rows in cells:
                out.table(rows)
            plumbed.close()  # its cache would hold every page
            return True
    plumbed.close()
    _lines(laid, out)
    return True


def _inside(thing: Any, box: tuple[float, float, float, float]) -> bool:
    x, y = (thing["x0"] + thing["x1"]) / 2, (thing["top"] + thing["bottom"]) / 2
    return bool(box[0] <= x <= box[2] and box[1] <= y <= box[3])


def _lines(text: str, out: Writer) -> None:
    """Numbered lines become headings; the layout's gaps between columns stay as two blanks."""
    block: list[str] = []
    for line in text.split("\n"):
        words = re.sub(r"\s{2,}", "  ", line.strip())
        if (level := numbered(words)) and "  " not in words:
            out.text("\n".join(block))
            block = []
            out.heading(level, words)
        elif words:
            block.append(words)
    out.text("\n".join(block))


def _outline(reader: pypdf.PdfReader) -> dict[int, list[tuple[int, str]]]:
    """Bookmarks by page, with their level; none where they are damaged, since they are only a help."""
    found: dict[int, list[tuple[int, str]]] = {}

    def walk(items: Any, level: int) -> None:
        for item in items:
            if isinstance(item, list):
                if level < 9:
                    walk(item, level + 1)
            elif isinstance(item, Destination):
                page = reader.get_destination_page_number(item)
                if page is not None and page >= 0 and len(found) < MAX_PAGES:
                    found.setdefault(page + 1, []).append((level, str(item.title)))

    try:
        walk(reader.outline, 1)
    except Exception:
        return {}
    return found


def _render(data: bytes, number: int) -> Picture:
    with pypdfium2.PdfDocument(data) as document:
        page = document[number - 1]
        width, height = page.get_size()
        scale = min(OCR_DPI / 72, (_MAX_PIXELS / max(1.0, width * height)) ** 0.5)
        bitmap = page.render(scale=scale, grayscale=True)
        array = bitmap.to_numpy()
        return int(array.shape[1]), int(array.shape[0]), array[:, :, 0].tobytes() if array.ndim == 3 else array.tobytes()
