"""Logging in and out: what the login page's forms, and other programs, talk to."""

from __future__ import annotations

import asyncio
import math
import urllib.parse

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from dashboard.desk import Desk
from dashboard.frame import visit
from dashboard.people.entrance import Refused
from dashboard.people.file import PeopleError
from dashboard.people.forms import own, read_form
from dashboard.people.sessions import Method, cookie_name
from dashboard.people.terminals import address_of


def add_session(router: APIRouter, desk: Desk) -> None:
    """Routes that begin and end a session."""

    @router.post("/api/session", status_code=303)
    async def begin(request: Request) -> Response:
        """Log in by a form with `name` and `password`, `name` and `pin`, or `badge`; the session comes in a cookie. Leads to the page `to`."""
        try:
            fields = await read_form(request)
        except PeopleError as error:
            return answer_json({"accepted": False, "text": str(error)}, 400)
        to = own(fields.get("to", "/"))
        method: Method = "badge" if "badge" in fields else "pin" if "pin" in fields else "password"
        name, secret = fields.get("name", ""), fields.get(method, "")
        try:
            person, token = await desk.entrance.wait_for(
                desk.entrance.enter, method, name, secret, address_of(request), request.headers.get("user-agent", "")
            )
        except Refused as refused:
            return _refusal(desk, request, refused, to)
        if person.first_step:
            to = "/me"
        answer: Response = answer_json({"accepted": True, "to": to}) if _wants_json(request) else RedirectResponse(to, 303)
        set_session(answer, request, token, desk.sessions.whole_s(method))
        return answer

    @router.post("/api/session/end", status_code=204)
    async def end(request: Request) -> Response:
        """Log out."""
        if request.state.token:
            await asyncio.to_thread(desk.sessions.end, request.state.token)
        answer = Response(status_code=204)
        answer.delete_cookie(cookie_name(request.url.scheme), httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return answer


def set_session(answer: Response, request: Request, token: str, whole_s: int) -> None:
    """Give a browser its token: no script reads it, no other site's request carries it."""
    scheme = request.url.scheme
    answer.set_cookie(cookie_name(scheme), token, max_age=whole_s, path="/", httponly=True, samesite="strict", secure=scheme == "https")


def answer_json(document: dict[str, object], status: int = 200) -> Response:
    """A short answer that no cache keeps."""
    return Response(msgspec.json.encode(document), status, {"Cache-Control": "no-store"}, "application/json")


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def _refusal(desk: Desk, request: Request, refused: Refused, to: str) -> Response:
    wait = math.ceil(refused.wait_s)
    if not _wants_json(request):
        return RedirectResponse("/login?" + urllib.parse.urlencode({"to": to, "wrong": refused.code}), 303)
    visited = visit(desk, request)
    text = {
        "wrong": visited.t("login.wrong"),
        "wait": visited.t("login.wait", seconds=wait),
        "line": visited.t("login.line_only"),
    }[refused.code]
    if refused.code == "wrong" and wait > 1:
        text += " · " + visited.t("login.wait", seconds=wait)
    answer = answer_json({"accepted": False, "code": refused.code, "text": text, "wait_s": wait}, 429 if refused.code == "wait" else 401)
    if wait:
        answer.headers["Retry-After"] = str(wait)
    return answer
