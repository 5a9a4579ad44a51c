"""Which reader reads which kind of file, by the end of its name; what is inside must agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dashboard.assistant.errors import Refused
from dashboard.assistant.reading.limits import MAX_BYTES
from dashboard.assistant.reading.writer import Writer

KINDS: Final = {
    "pdf": "pdf", "docx": "docx", "xlsx": "xlsx", "csv": "csv", "txt": "text", "md": "markdown", "markdown": "markdown",
    "html": "html", "htm": "html", "eml": "eml", "png": "image", "jpg": "image", "jpeg": "image", "tif": "image", "tiff": "image",
}  # fmt: skip
_SAVE = {"docm": "DOCX", "xlsm": "XLSX", "doc": "DOCX", "xls": "XLSX", "odt": "DOCX", "ods": "XLSX", "rtf": "DOCX", "pptx": "PDF", "ppt": "PDF", "msg": "EML"}  # fmt: skip
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*")


def kind_of(name: str) -> str:
    """The kind of a file.

    Raises:
        Refused: none that is read; says what to save it as.
    """
    end = name.rpartition(".")[2].lower() if "." in name else ""
    if end not in KINDS:
        remedy = f"save it as {_SAVE[end]}" if end in _SAVE else f"these are read: {', '.join(sorted(KINDS))}"
        raise Refused(f"files of the kind {end or 'without an ending'} are not read; {remedy}")
    return KINDS[end]


def read(
    kind: str,
    data: bytes,
    out: Writer,
    progress: Callable[[int, int], None],
    picture: Callable[[int, object], None],
    depth: int = 0,
) -> int:
    """Read a file's bytes into passages; returns its pages.

    Args:
        progress: told page and pages.
        picture: given what only OCR can read: the page, and (width, height, gray) or the bytes of an image file.

    Raises:
        Refused
    """
    if len(data) > MAX_BYTES:
        raise Refused(f"larger than {MAX_BYTES // 1_000_000} MB; divide it")
    if not data:
        raise Refused("empty")
    match kind:
        case "pdf":
            from dashboard.assistant.reading.pdf import read_pdf

            return read_pdf(data, out, progress, picture)
        case "docx":
            from dashboard.assistant.reading.word import read_docx

            return read_docx(data, out)
        case "xlsx":
            from dashboard.assistant.reading.sheet import read_xlsx

            return read_xlsx(data, out)
        case "eml":
            from dashboard.assistant.reading.mail import read_eml

            def attached(name: str, part: bytes, into: Writer) -> None:
                if depth >= 2:
                    raise Refused("attachments within attachments within attachments")
                read(kind_of(name), part, into, progress, picture, depth + 1)

            read_eml(data, out, attached)
            return 0
        case "image":
            if not data.startswith(_PICTURES):
                raise Refused("no PNG, JPEG or TIFF inside; is its name right?")
            out.page = out.page or 1
            picture(out.page, data)
            return 1
        case "html":
            from dashboard.assistant.reading.html import read_html

            read_html(data, out)
            return 0
    from dashboard.assistant.reading import plain

    {"text": plain.read_text, "markdown": plain.read_markdown, "csv": plain.read_csv}[kind](data, out)
    return 0
