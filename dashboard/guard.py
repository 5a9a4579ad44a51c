"""What every answer carries, where the pages may be served, and under which names they are asked for."""

from __future__ import annotations

import ipaddress
import secrets
from pathlib import Path
from typing import Final

import nicegui
from jinja2 import DictLoader
from nicegui import core, ui
from nicegui.client import templates
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.certificate import machine_names
from dashboard.people.users import People
from dashboard.texts import LANGUAGES, texts_of
from edge.config import Station
from edge.errors import SettingsError

# Scripts: files of our own, and the few that NiceGUI's page template has inside, which carry a nonce; one that is smuggled in does not run,
# and no `onclick=` does. 'unsafe-eval' has to stay: Vue compiles the templates of components in the browser, and NiceGUI evaluates handlers
# that the server sends. Styles stay 'unsafe-inline', as Vue and Quasar set style attributes. Nothing may come from, or go to, another machine.
_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; script-src-attr 'none'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self'"
)
HSTS: Final = "max-age=31536000"


def use_nonce() -> None:
    """Give the scripts inside NiceGUI's page template the nonce of the answer they are in. The template's own scripts only: the text
    is changed before anything is filled in."""
    source = (Path(nicegui.__file__).parent / "templates" / "index.html").read_text("utf-8")
    if "<script" not in source or "<html" not in source:
        raise RuntimeError("NiceGUI's page template is not what it was; look at dashboard/guard.py")
    templates.env.loader = DictLoader(
        {
            "index.html": source.replace("<script", '<script nonce="{{ request.state.nonce }}"').replace(
                '{% else %} dir="ltr"{% endif %}', '{% else %} lang="{{ request.state.language or "en" }}" dir="ltr"{% endif %}'
            )
        }
    )
    if templates.env.cache is not None:
        templates.env.cache.clear()


def hide_faults() -> None:
    """A page that fails says so and no more: what was wrong inside is for the log."""

    def show() -> None:
        for language in LANGUAGES:
            ui.label(texts_of(language)["frame.fault"]).classes("text-h6")

    core.app.on_page_exception(show)


def is_loopback(host: str) -> bool:
    """Whether nobody else can reach what listens there."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_safe(config: Station, people: People) -> None:
    """Refuse to listen where others could read along, or be the first to come.

    Raises:
        SettingsError: `dashboard.host` is no address, or reaches beyond this machine without TLS or without a user.
    """
    host = config.dashboard.host
    if is_loopback(host):
        return
    try:
        ipaddress.ip_address(host)
    except ValueError as error:
        raise SettingsError(
            f"dashboard.host = {host!r}: is no address; set one of this machine's, 0.0.0.0 for all, or 127.0.0.1"
        ) from error
    if config.dashboard.tls == "off":
        raise SettingsError(
            f"dashboard.host = {host!r}: reaches beyond this machine, where passwords could be read on the way; "
            "set dashboard.tls = 'generated' (or 'own'), or 127.0.0.1, and from another machine use a tunnel: "
            "ssh -L 8470:127.0.0.1:8470 USER@THIS-MACHINE"
        )
    if not people.anybody():
        raise SettingsError(
            f"dashboard.host = {host!r}: there is no user yet, and whoever comes first would be admin; "
            "make one first: gutteil people add NAME --role admin --who NAME --config FILE"
        )


def allowed_hosts(config: Station) -> list[str]:
    """Names under which browsers may ask: one that merely resolves to this machine (DNS rebinding) is refused."""
    board = config.dashboard
    own = [] if is_loopback(board.host) else machine_names()
    names = ["localhost", "127.0.0.1", "::1", board.host, *own, *board.hosts]
    return list(dict.fromkeys(f"[{name}]" if ":" in name else name for name in names))


class SecurityHeaders:
    """Adds headers that forbid other origins, framing by others and guessing of types."""

    def __init__(self, app: ASGIApp, *, tls: bool) -> None:
        self._app, self._tls = app, tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["nonce"] = nonce

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = _POLICY.format(nonce=nonce)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"  # with none at all, a form of ours would not say where it comes from
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=(), usb=()"
                if self._tls:
                    headers["Strict-Transport-Security"] = HSTS
            await send(message)

        await self._app(scope, receive, send_with if scope["type"] == "http" else send)
