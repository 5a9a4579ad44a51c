"""What every answer carries and every request must satisfy, as long as there are no logins."""

from __future__ import annotations

import ipaddress

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.errors import SettingsError

# NiceGUI's own page needs inline scripts and the template compiler; nothing may come from, or go to, another machine
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)


def require_loopback(host: str) -> None:
    """Refuse to listen where others could reach the page.

    Raises:
        SettingsError: the address is not this machine's own loopback.
    """
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise SettingsError(
            f"dashboard.host = {host!r}: there are no logins yet, so the dashboard listens at loopback only; "
            "set 127.0.0.1, and from another machine use a tunnel: ssh -L 8470:127.0.0.1:8470 USER@THIS-MACHINE"
        )


class SecurityHeaders:
    """Adds headers that forbid other origins, framing by others and guessing of types."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"  # with none at all, a form of ours would not say where it comes from
            await send(message)

        await self._app(scope, receive, send_with if scope["type"] == "http" else send)
