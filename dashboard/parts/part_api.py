"""`/api/parts/…`: one part, its golden reference, holds, and the replay of its verdict. Ids are percent-encoded in addresses."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated

import cv2
import msgspec
import numpy as np
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from dashboard.desk import Desk
from dashboard.parts.part_doc import part_doc
from dashboard.parts.query import QueryError
from dashboard.parts.replays import ReplayError, Replays
from dashboard.parts.search_api import answer, refusal
from dashboard.people.roles import Permission
from dashboard.people.users import PeopleError, Person
from dashboard.pictures import FULL_PX, to_jpeg
from edge.errors import GutteilError, StoreError
from edge.recipes_kept import kept_run
from edge.store import Store

MAX_BODY = 2_000


class HoldOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Place a hold, or end one: `number` says which, where there are several."""

    reason: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
    number: int | None = None


def add_parts(router: APIRouter, desk: Desk, replays: Replays) -> None:
    """Routes below `/api/parts`; the door asks for 'history', and who changes something is asked for more here."""

    # what an id is followed by goes first: an id may hold slashes itself
    @router.get("/api/parts/{part_id:path}/golden")
    async def golden(part_id: str) -> Response:
        """The golden reference of the run that the part belongs to, as JPEG."""
        try:
            data = await desk.record.ask(lambda store: _golden(store, part_id))
        except StoreError as error:
            return refusal(error)
        made = await asyncio.to_thread(_jpeg, data) if data is not None else None
        if made is None:
            return _none(f"no golden reference is kept for part {part_id[:100]!r}")
        return Response(made, 200, {"Cache-Control": "private, max-age=3600"}, "image/jpeg")

    @router.post("/api/parts/{part_id:path}/rejudge")
    async def rejudge(part_id: str) -> Response:
        """Judge the stored picture again with recipe and model of then; says whether the verdict is the same byte for byte, or why not."""
        try:
            return answer(await replays.replay(part_id))
        except ReplayError as error:
            return answer({"accepted": False, "text": str(error)}, error.status)

    @router.post("/api/parts/{part_id:path}/hold")
    async def hold(request: Request, part_id: str) -> Response:
        """Forbid that the picture of this part is deleted."""
        return await _change(request, part_id, "review")

    @router.post("/api/parts/{part_id:path}/release")
    async def release(request: Request, part_id: str) -> Response:
        """End a hold."""
        return await _change(request, part_id, "release")

    async def _change(request: Request, part_id: str, needs: Permission) -> Response:
        try:
            who, order = _actor(request, needs), await _order(request)
            if await desk.record.ask(lambda store: store.inspection(part_id)) is None:
                return _none(f"there is no part {part_id[:100]!r} in the record; check the id")
            if needs == "review":
                done = await desk.record.change(lambda store: store.hold(part_id, who.name, order.reason))
            else:
                done = await desk.record.change(lambda store: store.release(part_id, who.name, order.reason, order.number))
        except StoreError as error:
            return answer({"accepted": False, "text": str(error)}, 409 if error.__cause__ is None else 503)
        except GutteilError as error:
            return refusal(error)
        return answer(done)

    @router.get("/api/parts/{part_id:path}")
    async def part(part_id: str) -> Response:
        """Everything that is known of one part."""
        try:
            doc = await desk.record.ask(lambda store: part_doc(store, part_id))
        except StoreError as error:
            return refusal(error)
        return answer(doc) if doc is not None else _none(f"there is no part {part_id[:100]!r} in the record; check the id")


def _actor(request: Request, permission: Permission) -> Person:
    person: Person | None = request.state.person
    if person is None or not person.may(permission):
        name = person.name if person is not None else "nobody in particular"
        raise PeopleError(f"{name} has no permission '{permission}'; ask an admin")
    return person


async def _order(request: Request) -> HoldOrder:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise QueryError(f"the request is longer than {MAX_BODY} bytes; send {{'reason': TEXT}}")
    try:
        return msgspec.json.decode(body, type=HoldOrder)
    except (ValueError, msgspec.MsgspecError) as error:
        raise QueryError(f'{error}; send {{"reason": TEXT}}, 1 to 200 characters') from error


def _none(text: str) -> Response:
    return answer({"accepted": False, "text": text}, 404)


def _golden(store: Store, part_id: str) -> bytes | None:
    part = store.inspection(part_id)
    if part is None or part.run_id is None:
        return None
    with store.reading() as db:
        kept = kept_run(db, part.run_id)
    return kept.reference if kept is not None else None


def _jpeg(data: bytes) -> bytes | None:
    with contextlib.suppress(cv2.error):
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYCOLOR)
        return to_jpeg(np.asarray(image, np.uint8), FULL_PX) if image is not None else None
    return None
