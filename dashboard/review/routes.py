"""The addresses below `/api/review`, for the page and for other programs. The door asks for the permission 'review'."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request, Response

from dashboard.desk import Desk
from dashboard.people.users import Person
from dashboard.review.book import Book
from dashboard.review.said import Looks, ReviewError, Says, Undoes, body
from edge.errors import StoreError

_TAB: Final = re.compile(r"[A-Za-z0-9-]{4,40}")


def add_review(router: APIRouter, desk: Desk) -> None:
    """Register them."""
    book = Book(desk)

    @router.get("/api/review/queue")
    async def queue(request: Request, tab: str, show: str = "all", limit: str = "120") -> Response:
        holder = _holder(request, tab)
        return await _answer(desk.record.ask(lambda store: book.queue(store, show, holder(), _whole("limit", limit))))

    @router.get("/api/review/find")
    async def find(request: Request, tab: str, text: str) -> Response:
        holder = _holder(request, tab)
        return await _answer(desk.record.ask(lambda store: book.find(store, text, holder())))

    @router.get("/api/review/passed")
    async def passed(request: Request, tab: str, before: str = "", limit: str = "24") -> Response:
        holder = _holder(request, tab)
        return await _answer(desk.record.ask(lambda store: book.passed(store, before, _whole("limit", limit), holder())))

    @router.get("/api/review/parts/{part_id:path}")
    async def part(request: Request, part_id: str, tab: str) -> Response:
        holder = _holder(request, tab)
        return await _answer(desk.record.ask(lambda store: book.part(store, part_id, holder())))

    @router.post("/api/review/parts/{part_id:path}/open")
    async def open_part(request: Request, part_id: str) -> Response:
        async def done() -> Any:
            looks, person = await body(request, Looks), _person(request)
            return await desk.record.ask(lambda store: book.open(store, part_id, f"{person.name}/{looks.tab}", person))

        return await _answer(done())

    @router.post("/api/review/parts/{part_id:path}/close")
    async def close_part(request: Request, part_id: str) -> Response:
        async def done() -> Any:
            looks = await body(request, Looks)
            book.leases.give_back(f"{_person(request).name}/{looks.tab}", part_id)
            return {"accepted": True}

        return await _answer(done())

    @router.post("/api/review/parts/{part_id:path}/say")
    async def say(request: Request, part_id: str) -> Response:
        async def done() -> Any:
            says, person = await body(request, Says), _person(request)
            return await desk.record.change(lambda store: book.say(store, part_id, says, person))

        return await _answer(done())

    @router.post("/api/review/undo")
    async def undo(request: Request) -> Response:
        async def done() -> Any:
            undoes, person = await body(request, Undoes), _person(request)
            return await desk.record.change(lambda store: book.undo(store, undoes.review, person))

        return await _answer(done(), refused=409)


def _person(request: Request) -> Person:
    """Who asks, as of this request.

    Raises:
        ReviewError: nobody, or without the permission; the door has said so before.
    """
    person: Person | None = request.state.person
    if person is None or not person.may("review"):
        raise ReviewError(401 if person is None else 403, "log in as somebody who may review")
    return person


def _holder(request: Request, tab: str) -> Any:
    def check() -> str:
        if not _TAB.fullmatch(tab):
            raise ReviewError(400, f"tab = {tab[:40]!r}: 4 to 40 letters, digits and '-', made once per tab")
        return f"{_person(request).name}/{tab}"

    return check


def _whole(key: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise ReviewError(400, f"{key} = {text[:40]!r} is not a whole number")
    return int(text)


async def _answer(done: Awaitable[Any], refused: int = 503) -> Response:
    """What was done as JSON, or why not; `refused`: the status for what the record refuses."""
    status = 200
    try:
        said = await done
    except ReviewError as error:
        status, said = error.status, {"accepted": False, "text": str(error), **error.more}
    except StoreError as error:
        status, said = refused, {"accepted": False, "text": str(error)}
    return Response(msgspec.json.encode(said), status, {"Cache-Control": "no-store"}, "application/json")
