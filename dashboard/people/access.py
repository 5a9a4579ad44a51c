"""The door: every request is matched against one table of addresses before anything answers it. What is not in the table is closed."""

from __future__ import annotations

import asyncio
import math
import urllib.parse
from dataclasses import dataclass
from typing import Final

import msgspec
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.people.body import TooLong, whole_body
from dashboard.people.rates import Kind, Rates
from dashboard.people.roles import Permission
from dashboard.people.sessions import Sessions, cookie_name, hashed
from dashboard.people.terminals import address_of, counted_as
from dashboard.people.tokens import Tokens
from dashboard.people.users import People, Person, may

_SAFE = {"GET", "HEAD", "OPTIONS"}
_METHODS = {*_SAFE, "POST", "PUT", "PATCH", "DELETE"}
_WITH_TOKEN = ("/api", "/metrics", "/health")  # pages are for people
MAX_BODY: Final = 100_000
BY_DOOR: Final = "X-Gutteil-Door"  # tells an answer of the door from one of the route behind it
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may ask for an address and what lies below it.

    Attributes:
        path: the address; the longest rule that fits counts.
        needs: the permission to look; None: anybody.
        changes: the permission for everything but looking; None: as `needs`.
        body: bytes that a request may bring along.
        types: kinds of body that are read.
        page: a page for people: only looked at, and it leads to the login.
        first: also open while there is no user yet, as is what anybody may look at.
    """

    path: str
    needs: Permission | None
    changes: Permission | None = None
    body: int = MAX_BODY
    types: tuple[str, ...] = (JSON, FORM)
    page: bool = False
    first: bool = False


SETUP: Final = ("/setup", "/api/setup")
OPEN: Final[tuple[Rule, ...]] = (
    # files that a page uploads go here, below an address that only this page knows
    Rule("/_nicegui", None, "self", body=20_000_000, types=("multipart/form-data",), first=True),
    # an event does nothing by itself: each action asks for its actor again
    Rule("/_nicegui_ws", None, body=1_000_000, types=("text/plain",), first=True),
    Rule("/assets", None, first=True),
    Rule("/favicon.ico", None, first=True),
    Rule("/health", None, first=True),
    Rule("/login", None, page=True),
    Rule("/setup", None, page=True, first=True),
    Rule("/api/session", None),
    Rule("/api/setup", None, first=True),
    Rule("/api/me", "self"),
)


class Access:
    """ASGI: finds out who asks, lets in or says no; `request.state.person` is who it is, or None."""

    def __init__(self, app: ASGIApp, people: People, sessions: Sessions, tokens: Tokens, rates: Rates, rules: tuple[Rule, ...]) -> None:
        self._app, self._people, self._sessions, self._tokens, self._rates = app, people, sessions, tokens, rates
        self._rules = sorted(rules, key=lambda r: -len(r.path))

    def rule(self, path: str) -> Rule | None:
        """The rule that counts for an address."""
        return next((r for r in self._rules if path == r.path or (r.path != "/" and path.startswith(r.path + "/"))), None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        # whoever sends a request writes its headers: none may say where the pages lie
        scope["headers"] = [(name, value) for name, value in scope["headers"] if not name.startswith(b"x-forwarded")]
        asked = HTTPConnection(scope)
        person, token, key, by_token = await self._who(asked)
        scope.setdefault("state", {}).update(person=person, token=token)
        said_no = self._too_often(scope, asked, key) or self._refusal(scope, asked.headers, by_token)
        if said_no is None:
            rule = self.rule(scope["path"])
            if rule is not None and "transfer-encoding" in asked.headers:  # its length is not known beforehand
                try:
                    receive = await whole_body(receive, rule.body)
                except TooLong:
                    said_no = refusal(413, f"the request is longer than {rule.body} bytes")
        if said_no is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            # 403 whatever the reason: with an answer of its own, uvicorn writes an error to the log each time
            await send({"type": "websocket.close", "code": 1008})
        else:
            said_no.headers[BY_DOOR] = "1"
            await said_no(scope, receive, send)

    async def _who(self, asked: HTTPConnection) -> tuple[Person | None, str | None, str, bool]:
        """The person, their session's token, what their requests are counted under, and whether they brought a token of the API."""
        address = counted_as(address_of(asked))
        kind, _, secret = asked.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            found = await asyncio.to_thread(self._tokens.find, secret.strip())
            return (found[0], None, found[1], True) if found is not None else (None, None, address, True)
        token = asked.cookies.get(cookie_name(asked.scope["scheme"]))
        person = await asyncio.to_thread(self._sessions.find, token) if token else None
        return (person, token, hashed(token or ""), False) if person is not None else (None, None, address, False)

    def _too_often(self, scope: Scope, asked: HTTPConnection, key: str) -> Response | None:
        path, kind = scope["path"], _kind(scope)
        if kind is None:
            return None
        wait = self._rates.wait_s(kind, key if kind == "api" else counted_as(address_of(asked)))
        if "authorization" in asked.headers and scope["state"]["person"] is None:
            wait = max(wait, self._rates.wait_s("login", counted_as(address_of(asked))))
        if not wait:
            return None
        answer = refusal(429, f"too many requests to {path[:100]}; wait {math.ceil(wait)} s")
        answer.headers["Retry-After"] = str(math.ceil(wait))
        return answer

    def _refusal(self, scope: Scope, headers: Headers, by_token: bool) -> Response | None:
        path, person, socket = scope["path"], scope["state"]["person"], scope["type"] == "websocket"
        rule, method = self.rule(path), "GET" if socket else scope["method"]
        html = method == "GET" and not socket and "text/html" in headers.get("accept", "")
        if method not in _METHODS:
            return refusal(405, "this method is not known here", Allow="GET")
        if rule is None:
            return refusal(404, "there is nothing at this address")
        if rule.page and method not in _SAFE:
            return refusal(405, "this is a page; it is only looked at", Allow="GET")
        if not self._people.anybody():
            if not rule.first and rule.needs != "look":
                return RedirectResponse("/setup", 303) if html else refusal(403, "there is no user yet; open /setup first")
        elif path in SETUP:
            return RedirectResponse("/login", 303) if html else refusal(404, "there are users already; an admin makes further ones")
        if by_token and (person is None or not path.startswith(_WITH_TOKEN)):
            no = refusal(
                401, "this token is not known, revoked or past its day" if person is None else "tokens are for the API, not for pages"
            )
            no.headers["WWW-Authenticate"] = 'Bearer realm="gutteil"'
            return no
        looks = socket or method in _SAFE
        needs = rule.needs if looks else rule.changes or rule.needs
        if needs is not None and not may(person, needs):
            return _closed(scope, person, needs, html)
        if (not looks or socket) and not by_token:
            origin = headers.get("origin")
            if origin is not None and urllib.parse.urlsplit(origin).netloc != headers.get("host"):
                return refusal(403, "a page of another site may not do this")
            # a page of another origin cannot set this header without asking first, and is not answered then; forms of our own carry the origin
            if not socket and origin is None and headers.get("x-gutteil") != "1":
                return refusal(403, "the header X-Gutteil: 1 is missing")
        return None if socket else _body_refusal(rule, headers)


def _kind(scope: Scope) -> Kind | None:
    path = scope["path"]
    if scope["type"] == "websocket":
        return "socket"
    if path.startswith(("/api/session", "/api/setup")) and scope["method"] not in _SAFE:
        return "login"
    if path.startswith("/api/live"):
        return "live"
    if path.startswith(("/api", "/metrics")):
        return "api"
    return None if path.startswith(("/assets", "/_nicegui", "/favicon.ico", "/health")) else "page"


def _body_refusal(rule: Rule, headers: Headers) -> Response | None:
    length = headers.get("content-length", "0")
    if not length.isdigit():
        return refusal(400, "Content-Length is no number")
    if int(length) > rule.body:
        return refusal(413, f"the request is longer than {rule.body} bytes")
    if int(length) or "transfer-encoding" in headers:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in rule.types:
            return refusal(415, f"Content-Type {kind[:60]!r} is not read here; send {' or '.join(rule.types)}")
    return None


def _closed(scope: Scope, person: Person | None, needs: Permission, html: bool) -> Response:
    here = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
    if person is None:
        return RedirectResponse("/login?" + urllib.parse.urlencode({"to": here}), 303) if html else refusal(401, "log in first")
    if person.first_step:
        return RedirectResponse("/me", 303) if html else refusal(403, "choose a password of your own first, at /me")
    if html and person.only is not None:  # by PIN: the password opens more
        return RedirectResponse("/login?" + urllib.parse.urlencode({"to": here, "wrong": "more"}), 303)
    return refusal(403, f"{person.who} has no permission '{needs}'; ask an admin")


def refusal(status: int, text: str, **headers: str) -> Response:
    """An answer that says no, in words."""
    body = msgspec.json.encode({"accepted": False, "text": text})
    return Response(body, status, {"Cache-Control": "no-store", **headers}, JSON)
