"""The body of a request that does not say how long it is: read up to a bound before anybody works on it."""

from __future__ import annotations

from starlette.types import Message, Receive


class TooLong(Exception):
    """The body goes on beyond the bound."""


async def whole_body(receive: Receive, most: int) -> Receive:
    """A `receive` that gives the whole body at once.

    Raises:
        TooLong: there is more than `most` bytes of it.
    """
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":  # gone
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > most:
            raise TooLong
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
