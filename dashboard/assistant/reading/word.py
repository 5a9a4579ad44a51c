"""DOCX: paragraphs, tables, text boxes, notes, headers and footers, in reading order, from every text element of the file.

Read from the XML elements, since a library's `text` leaves out what was inserted with changes tracked, and text boxes.
"""

from __future__ import annotations

import io
import re
from typing import Any

import docx
from docx.oxml import parse_xml  # resolves no entities
from docx.oxml.ns import qn

from dashboard.assistant.errors import Refused
from dashboard.assistant.reading.package import check_package
from dashboard.assistant.reading.writer import Writer

_W = {name: qn(f"w:{name}") for name in ("p", "tbl", "tr", "tc", "t", "tab", "br", "cr", "noBreakHyphen", "del", "moveFrom", "txbxContent", "lastRenderedPageBreak", "pStyle", "sdt", "sdtContent", "type", "val")}  # fmt: skip
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"  # says again what the Choice beside it says
_NOTES = ("/word/footnotes.xml", "/word/endnotes.xml", "/word/comments.xml")


def read_docx(data: bytes, out: Writer) -> int:
    """The document; returns its pages as Word last laid them out, 1 where it never did.

    Raises:
        Refused
    """
    check_package(data, "word/document.xml")
    try:
        document = docx.Document(io.BytesIO(data))
    except Exception as error:  # the library raises what it stumbles over: KeyError, ValueError, its own
        raise Refused("damaged: its parts do not belong together; save it anew with Word or LibreOffice") from error
    styles = {style.style_id: style.name or "" for style in document.styles if style.style_id}
    out.page = 1
    _Reader(out, styles).body(document.element.body)
    seen = set[str]()
    for section in document.sections:
        for part in (section.header, section.footer, section.first_page_header, section.first_page_footer):
            if not part.is_linked_to_previous:
                words = "\n\n".join(filter(None, (_words(p) for p in part._element.iter(_W["p"]))))
                if words and words not in seen:
                    seen.add(words)
                    out.text(words)
    for part in document.part.package.iter_parts():
        if str(part.partname) in _NOTES:
            root = parse_xml(part.blob)
            out.text("\n\n".join(filter(None, (_words(p) for p in root.iter(_W["p"])))))
    return out.page


class _Reader:
    def __init__(self, out: Writer, styles: dict[str, str]) -> None:
        self._out, self._styles = out, styles

    def body(self, parent: Any) -> None:
        for element in parent:
            if element.tag == _W["p"]:
                self._paragraph(element)
            elif element.tag == _W["tbl"]:
                self._out.table(_rows(element))
                self._turn(element)
            elif element.tag == _W["sdt"]:
                for content in element.iterchildren(_W["sdtContent"]):
                    self.body(content)
            elif element.tag not in (_W["del"], _W["moveFrom"]):
                self.body(element) if any(True for _ in element.iter(_W["p"])) else None

    def _paragraph(self, element: Any) -> None:
        style = next((e.get(_W["val"]) for e in element.iter(_W["pStyle"])), "")
        level = re.match(r"(?:heading|überschrift)\s*(\d)", self._styles.get(style, "").lower())
        words = _words(element)
        if level and words:
            self._out.heading(int(level[1]), words)
        else:
            self._out.text(words)
        for box in element.iter(_W["txbxContent"]):
            if not any(parent.tag == _FALLBACK for parent in box.iterancestors()):
                self.body(box)
        self._turn(element)

    def _turn(self, element: Any) -> None:
        breaks = sum(1 for _ in element.iter(_W["lastRenderedPageBreak"]))
        if breaks:
            self._out.page += breaks


def _words(paragraph: Any) -> str:
    """The text of a paragraph without that of text boxes in it and of what was deleted."""
    found: list[str] = []
    stack = [paragraph]
    while stack:
        element = stack.pop()
        if element.tag == _W["t"]:
            found.append(element.text or "")
        elif element.tag == _W["tab"]:
            found.append("\t")
        elif element.tag in (_W["br"], _W["cr"]):
            found.append("\n")
        elif element.tag == _W["noBreakHyphen"]:
            found.append("-")
        elif element.tag not in (_W["txbxContent"], _W["del"], _W["moveFrom"], _FALLBACK):
            stack.extend(reversed(element))
    return "".join(found).strip()


def _rows(table: Any) -> list[list[str]]:
    """Cells as they stand in the file: a merged cell once, a nested table within its cell."""
    rows = []
    for row in table.iter(_W["tr"]):
        if next(row.iterancestors(_W["tbl"])) is table:
            cells = [cell for cell in row.iter(_W["tc"]) if next(cell.iterancestors(_W["tr"])) is row]
            rows.append([" ".join(filter(None, (_words(p) for p in cell.iter(_W["p"])))) for cell in cells])
    return rows or [[""]]
