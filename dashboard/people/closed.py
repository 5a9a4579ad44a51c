"""What is below an address of the API and is none: said in JSON, before NiceGUI's page for addresses that are none gets to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from fastapi import FastAPI
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

from dashboard.people.access import Rule, refusal

NAME: Final = "closed"
_NICEGUI = ("/_nicegui", "/_nicegui_ws", "/favicon.ico", "/assets")


def flat(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """The routes, also those of routers that were taken in without a prefix: newer FastAPI keeps these apart."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is None:
            yield route
        else:
            yield from flat(inner.routes)


class _Closed:
    """ASGI: 405 where the address is one for another method, else 404."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allowed: set[str] = set()
        for route in flat(self._app.router.routes):
            if route.matches(scope)[0] is Match.PARTIAL:
                allowed |= set(getattr(route, "methods", None) or ())
        if not allowed:
            await refusal(404, "there is nothing at this address")(scope, receive, send)
            return
        methods = ", ".join(sorted(allowed))
        await refusal(405, f"this method is not for this address; it takes {methods}", Allow=methods)(scope, receive, send)


def add_closed(app: FastAPI, rules: tuple[Rule, ...]) -> None:
    """Close what is left below the addresses of the API; to be called after all its routes and before NiceGUI's."""
    closed = _Closed(app)
    for rule in rules:
        if not rule.page and rule.path not in _NICEGUI:
            for path in (rule.path, rule.path + "/{rest:path}"):
                app.router.routes.append(Route(path, closed, name=NAME, include_in_schema=False))
