"""How routes answer and read: JSON by msgspec, bounded bodies, and our own errors as refusals in words."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec
from fastapi import FastAPI, Request, Response

from dashboard.api.description import Refusal
from edge.errors import GutteilError, StoreError

T = TypeVar("T")
MAX_BODY: Final = 100_000
BAD: Final = (400, 409, 413, 503)  # what most routes may answer besides


class BodyError(GutteilError):
    """A body that cannot be used; `status` is the answer's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def json_answer(found: Any, status: int = 200) -> Response:
    """JSON that no cache keeps."""
    return Response(msgspec.json.encode(found), status, {"Cache-Control": "no-store"}, "application/json")


async def read_body(request: Request, kind: type[T], most: int = MAX_BODY) -> T:
    """The body of a request, checked against its type.

    Raises:
        BodyError: longer than `most` bytes, or not what the route takes; names the field.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise BodyError(413, f"the body is longer than {most} bytes")
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BodyError(400, f"body: {error}; send JSON as /api/openapi.json says") from error


def add_refusals(app: FastAPI) -> None:
    """Errors of ours that a route raises become refusals: 400 by themselves, 503 for the record, 409 for what the state forbids."""

    async def refuse(_request: Request, error: Exception) -> Response:
        cause = error.__cause__
        status = (
            error.status if isinstance(error, BodyError) else 503 if isinstance(error, StoreError) and isinstance(cause, OSError) else 409
        )
        return json_answer(Refusal(False, str(error)), status)

    app.add_exception_handler(GutteilError, refuse)
