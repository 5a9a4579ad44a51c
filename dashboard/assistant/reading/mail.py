"""EML: who wrote to whom, when, about what; the text; and the attachments, each read as its own kind."""

from __future__ import annotations

import email
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import default

from dashboard.assistant.errors import Refused
from dashboard.assistant.reading.html import read_html
from dashboard.assistant.reading.writer import Writer

_MAX_ATTACHMENTS = 100
Reader = Callable[[str, bytes, Writer], object]


def read_eml(data: bytes, out: Writer, attached: Reader) -> None:
    """The message. An attachment that cannot be read is named with the reason, and the message is taken in without it.

    Args:
        attached: reads an attachment by name and bytes.

    Raises:
        Refused: no message.
    """
    try:
        message = email.message_from_bytes(data, policy=default)
        head = [(name, str(message[name])) for name in ("From", "To", "Cc", "Date", "Subject") if message[name]]
    except Exception as error:  # the parser of the standard library stumbles over some headers with whatever comes
        raise Refused("its head is damaged") from error
    if not isinstance(message, EmailMessage) or not head:
        raise Refused("no message: it has neither sender nor subject nor date")
    out.heading(1, str(message["Subject"] or "(no subject)"))
    out.text("\n".join(f"{name}: {text}" for name, text in head))
    body = message.get_body(("plain", "html"))
    if body is not None:
        raw = body.get_payload(decode=True)
        text = raw.decode(body.get_content_charset("utf-8") or "utf-8", errors="replace") if isinstance(raw, bytes) else ""
        if body.get_content_type() == "text/html":
            read_html(text.encode(), out)
        else:
            out.text(text.replace("\r\n", "\n"))
    for number, part in enumerate(message.iter_attachments(), 1):
        name = part.get_filename() or "without name"
        if number > _MAX_ATTACHMENTS:
            raise Refused(f"has more than {_MAX_ATTACHMENTS} attachments")
        raw = part.get_payload(decode=True)
        out.heading(2, f"Attachment {name}")
        if isinstance(raw, bytes):
            try:
                attached(name, raw, out)
            except Refused as error:
                out.text(f"(not read: {error})")
