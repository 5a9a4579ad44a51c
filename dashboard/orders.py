"""What a person says at the line: it may run again, or they have seen an alarm. The name is the session's, never the request's."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, TypeVar

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from dashboard.api.description import Refusal
from dashboard.desk import Desk
from dashboard.history import SEEN
from dashboard.line import Said
from dashboard.people.users import Person
from edge.commands import Command, send_command
from edge.errors import BusError, KeysError, StoreError

MAX_BODY = 2_000
T = TypeVar("T")


class Acknowledgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The line may run again. `reason`: what was done about it."""

    reason: Annotated[str, Meta(max_length=200)] = ""


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An alarm has been seen. `alarm`: its key in the state."""

    alarm: Annotated[str, Meta(min_length=1, max_length=60)]


def add_orders(router: APIRouter, desk: Desk) -> None:
    """Both need the permission `acknowledge`: the door's table says so."""
    config, live = desk.config, desk.live

    said_by, ended = desk.schemas, desk.schemas.answers(Refusal, 400, 409, 503)

    @router.post("/api/line/acknowledge", response_class=Response, responses=ended, openapi_extra=said_by.body(Acknowledgement))
    async def acknowledge(request: Request) -> Response:
        """Acknowledge the stops of the line, so that it may run on."""
        said = await _body(request, Acknowledgement)
        if isinstance(said, str):
            return _answer(400, said)
        person: Person = request.state.person
        order = Command("acknowledge", who=person.name, reason=said.reason.strip() or "at the dashboard")
        try:
            reply = await asyncio.to_thread(send_command, config, order)
        except (BusError, KeysError) as error:
            return _answer(503, str(error))
        return _answer(200 if reply.accepted else 409, reply.text)

    @router.post("/api/line/seen", response_class=Response, responses=ended, openapi_extra=said_by.body(Seen))
    async def see(request: Request) -> Response:
        """Say that an alarm has been seen, for all who look."""
        said = await _body(request, Seen)
        if isinstance(said, str):
            return _answer(400, said)
        person: Person = request.state.person
        found = live.alarm(said.alarm)
        if found is None:
            return _answer(409, f"alarm = {said.alarm!r} has ended, or has come anew since; look at the line again")
        alarm = found.message
        if found.seen is None:  # who was first stays
            try:
                await desk.record.note(SEEN, person.name, f"{alarm.sender} {alarm.code} ({alarm.severity}): {alarm.text}")
            except StoreError as error:
                return _answer(503, f"this cannot be recorded, so it is not done: {error}")
            live.see(said.alarm, Said(person.name, time.time_ns()))
        return _answer(200, "")


async def _body(request: Request, kind: type[T]) -> T | str:
    """The request's JSON, or what is wrong with it."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return f"the request is longer than {MAX_BODY} bytes"
    try:
        return msgspec.json.decode(body, type=kind)
    except (ValueError, msgspec.MsgspecError) as error:
        return f"{error}; docs/dashboard.md says what is to be sent"


def _answer(status: int, text: str) -> Response:
    return Response(
        msgspec.json.encode({"accepted": status == 200, "text": text}), status, {"Cache-Control": "no-store"}, "application/json"
    )
