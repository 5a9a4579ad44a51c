"""The door: every request is matched against one table of addresses before anything answers it. What is not in the table is closed."""

from __future__ import annotations

import asyncio
import urllib.parse
from dataclasses import dataclass
from typing import Final

import msgspec
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.people.roles import Permission
from dashboard.people.sessions import Sessions, cookie_name
from dashboard.people.users import may

_SAFE = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may ask for an address and what lies below it.

    Attributes:
        path: the address; the longest rule that fits counts.
        needs: the permission to look; None: anybody.
        changes: the permission for everything but looking; None: as `needs`.
    """

    path: str
    needs: Permission | None
    changes: Permission | None = None


OPEN: Final[tuple[Rule, ...]] = (
    Rule("/_nicegui", None),
    Rule("/_nicegui_ws", None),  # an event does nothing by itself: each action asks for its actor again
    Rule("/assets", None),
    Rule("/health", None),
    Rule("/login", None),
    Rule("/api/session", None),
)


class Access:
    """ASGI: finds out who asks, lets in or says no; `request.state.person` is who it is, or None."""

    def __init__(self, app: ASGIApp, sessions: Sessions, rules: tuple[Rule, ...]) -> None:
        self._app, self._sessions = app, sessions
        self._rules = sorted(rules, key=lambda r: -len(r.path))

    def rule(self, path: str) -> Rule | None:
        """The rule that counts for an address."""
        return next((r for r in self._rules if path == r.path or (r.path != "/" and path.startswith(r.path + "/"))), None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        token = asked.cookies.get(cookie_name(scope["scheme"]))
        person = await asyncio.to_thread(self._sessions.find, token) if token else None
        scope.setdefault("state", {}).update(person=person, token=token if person else None)
        refusal = self._refusal(scope, asked.headers)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        elif refusal.status_code == 401 and scope["method"] == "GET" and "text/html" in asked.headers.get("accept", ""):
            here = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
            await RedirectResponse("/login?" + urllib.parse.urlencode({"to": here}), 303)(scope, receive, send)
        else:
            await refusal(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        rule, person = self.rule(scope["path"]), scope["state"]["person"]
        if rule is None:
            return _no(404, "there is nothing at this address")
        looks = scope["type"] == "websocket" or scope["method"] in _SAFE
        needs = rule.needs if looks else rule.changes or rule.needs
        if needs is not None and not may(person, needs):
            return _no(403, f"{person.name} has no permission '{needs}'; ask an admin") if person else _no(401, "log in first")
        origin = headers.get("origin")
        if (
            (not looks or scope["type"] == "websocket")
            and origin is not None
            and urllib.parse.urlsplit(origin).netloc != headers.get("host")
        ):
            return _no(403, "a page of another site may not do this")
        # a page of another origin cannot set this header without asking first, and is not answered then; forms of our own carry the origin
        if not looks and origin is None and headers.get("x-gutteil") != "1":
            return _no(403, "the header X-Gutteil: 1 is missing")
        return None


def _no(status: int, text: str) -> Response:
    return Response(msgspec.json.encode({"accepted": False, "text": text}), status, {"Cache-Control": "no-store"}, "application/json")
