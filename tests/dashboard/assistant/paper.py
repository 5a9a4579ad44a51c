"""Documents for the tests, made here: PDF by hand, DOCX and XLSX by their libraries and by hand."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import docx
import openpyxl

Line = tuple[float, float, str]  # x, y from below, text


def pdf(pages: Sequence[Sequence[Line]], ruled: Sequence[tuple[float, float, float, float]] = (), titles: Sequence[str] = ()) -> bytes:
    """A PDF with text in Helvetica, strokes (x0, y0, x1, y1) on every page, and a bookmark per page."""
    objects: list[bytes] = [b"", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"]
    kids = []
    for lines in pages:
        drawn = "".join(f"{a} {b} m {c} {d} l S\n" for a, b, c, d in ruled)
        shown = "".join(f"BT /F1 10 Tf {x} {y} Td <{text.encode('cp1252').hex()}> Tj ET\n" for x, y, text in lines)
        stream = (drawn + shown).encode()
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << /F1 3 0 R >> >> >>"
            % len(objects)
        )
        kids.append(len(objects))
    outline = b""
    if titles:
        first = len(objects) + 2
        objects.append(b"<< /Type /Outlines /First %d 0 R /Last %d 0 R /Count %d >>" % (first, first + len(titles) - 1, len(titles)))
        outline = b" /Outlines %d 0 R" % len(objects)
        for k, title in enumerate(titles):
            after = b" /Next %d 0 R" % (first + k + 1) if k + 1 < len(titles) else b""
            objects.append(b"<< /Title (%s) /Parent %d 0 R /Dest [%d 0 R /Fit]%s >>" % (title.encode(), first - 1, kids[k], after))
    objects[0] = b"<< /Type /Catalog /Pages 2 0 R%s >>" % outline
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(b"%d 0 R" % kid for kid in kids))
    out, places = io.BytesIO(), []
    out.write(b"%PDF-1.4\n")
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))
    return out.getvalue()


def grid(x: Sequence[float], y: Sequence[float]) -> list[tuple[float, float, float, float]]:
    """The strokes of a ruled table."""
    return [(x[0], b, x[-1], b) for b in y] + [(a, y[0], a, y[-1]) for a in x]


def word(document: Any) -> bytes:
    """A python-docx document as bytes."""
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def sheet(rows: Sequence[Sequence[Any]]) -> bytes:
    """An XLSX file with one sheet."""
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def patched(package: bytes, part: str, content: bytes, extra: dict[str, bytes] | None = None) -> bytes:
    """A packed file with one part replaced or added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name != part:
                new.writestr(name, old.read(name))
        new.writestr(part, content)
        for name, data in (extra or {}).items():
            new.writestr(name, data)
    return out.getvalue()


def empty_word() -> bytes:
    """A DOCX file with one paragraph."""
    document = docx.Document()
    document.add_paragraph("Ein Absatz")
    return word(document)
