"""The packed formats (DOCX, XLSX) are ZIP files full of XML: looked at before any library unpacks them."""

from __future__ import annotations

import io
import zipfile
from xml.sax import SAXException
from xml.sax.handler import ContentHandler

from defusedxml import DefusedXmlException
from defusedxml.sax import make_parser

from dashboard.assistant.errors import Refused
from dashboard.assistant.reading.limits import MAX_DEPTH, MAX_PARTS, MAX_RATIO, MAX_UNPACKED


class _Depth(ContentHandler):
    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def startElement(self, name: str, attrs: object) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Refused(f"its elements are nested more than {MAX_DEPTH} deep; save it anew with Office or LibreOffice")

    def endElement(self, name: str) -> None:
        self._depth -= 1


def check_package(data: bytes, needs: str) -> None:
    """Refuse what is no such file, is packed to harm, or brings programs.

    Args:
        needs: the part that this format must have.

    Raises:
        Refused
    """
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise Refused("encrypted, or of the format before 2007; open it with its password and save it as DOCX or XLSX without")
    try:
        package = zipfile.ZipFile(io.BytesIO(data))
        parts = package.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:  # zipfile says "not implemented" of other ZIP versions
        raise Refused("damaged: no ZIP archive inside; save it anew with Office or LibreOffice") from error
    names = {part.filename for part in parts}
    if needs not in names:
        raise Refused(f"has no {needs} inside, so it is of another kind than its name says")
    if len(parts) > MAX_PARTS or len(names) != len(parts):
        raise Refused(f"has {len(parts)} parts inside, or two of one name: no real document has; save it anew")
    if any("vbaproject" in name.lower() or "macrosheet" in name.lower() for name in names):
        raise Refused("holds macros; save it as DOCX or XLSX without them")
    if sum(part.file_size for part in parts) > MAX_UNPACKED or any(
        part.file_size > 1_000_000 and part.file_size > MAX_RATIO * max(1, part.compress_size) for part in parts
    ):
        raise Refused("a ZIP bomb: it would unpack to more than any real document holds")
    for part in parts:
        if part.flag_bits & 1:
            raise Refused("encrypted; save it without a password")
        if part.filename.lower().endswith((".xml", ".rels", ".vml")):
            _check_xml(package, part)


def _check_xml(package: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    parser = make_parser()
    parser.forbid_dtd = True
    parser.setContentHandler(_Depth())
    try:
        with package.open(part) as file:
            parser.parse(file)
    except DefusedXmlException as error:
        raise Refused(
            f"{part.filename[:80]} inside declares XML entities or a DTD, which may read files or explode; save it anew"
        ) from error
    except Refused:
        raise
    except (SAXException, zipfile.BadZipFile, ValueError, LookupError, EOFError, OSError) as error:
        raise Refused(f"{part.filename[:80]} inside is damaged; save it anew with Office or LibreOffice") from error
    except (
        Exception
    ) as error:  # of the unpackers: zlib, lzma, a method that zipfile does not know; a stranger's file ends nothing but itself
        raise Refused(f"{part.filename[:80]} inside cannot be unpacked; save it anew with Office or LibreOffice") from error
