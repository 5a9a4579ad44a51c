"""Logging in and out: what the login page's form, and other programs, talk to."""

from __future__ import annotations

import asyncio
import urllib.parse
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.responses import RedirectResponse

from dashboard.desk import Desk
from dashboard.people.sessions import COOKIE, WHOLE_S


def add_session(router: APIRouter, desk: Desk) -> None:
    """Routes that begin and end a session."""

    @router.post("/api/session", status_code=303)
    async def begin(
        request: Request,
        name: Annotated[str, Form(max_length=100)],
        password: Annotated[str, Form(max_length=300)],
        to: Annotated[str, Form(max_length=2_000)] = "/",
    ) -> Response:
        """Log in; leads to the page `to`, with the session in a cookie."""
        person = await asyncio.to_thread(desk.people.check, name, password)
        if person is None:
            return RedirectResponse("/login?" + urllib.parse.urlencode({"to": own(to), "wrong": "1"}), 303)
        token = await asyncio.to_thread(desk.sessions.begin, person)
        answer = RedirectResponse(own(to), 303)
        answer.set_cookie(COOKIE, token, max_age=int(WHOLE_S), httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return answer

    @router.post("/api/session/end", status_code=204)
    async def end(request: Request) -> Response:
        """Log out."""
        if request.state.token:
            await asyncio.to_thread(desk.sessions.end, request.state.token)
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return answer


def own(address: str) -> str:
    """An address of our own pages; anything else leads to the first page, so that no link can lead a fresh login elsewhere."""
    return address if address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable() else "/"
