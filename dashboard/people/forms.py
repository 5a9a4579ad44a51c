"""Short forms, read by hand: an answer to a wrong one must not repeat what was typed, as it may be a password."""

from __future__ import annotations

import urllib.parse
from typing import Final

from starlette.requests import Request

from dashboard.people.file import PeopleError

MAX_FORM: Final = 8_000


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form (application/x-www-form-urlencoded); of a name that comes twice, the last.

    Raises:
        PeopleError: it is too long, or no form.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            raise PeopleError(f"the form is longer than {MAX_FORM} bytes")
    try:
        return dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=20))
    except ValueError as error:
        raise PeopleError("this is no form of ours; load the page again") from error


def own(address: str) -> str:
    """An address of our own pages; anything else leads to the first page, so that no link can lead a fresh login elsewhere."""
    return address if address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable() else "/"
