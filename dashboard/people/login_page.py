"""The login page. At the line: name tiles and a PIN pad for gloves, or a badge. Everywhere: name and password in a plain form."""

from __future__ import annotations

from html import escape

from fastapi import Request
from nicegui import run, ui

from dashboard.desk import Desk
from dashboard.frame import Page, Visit, add_page, script
from dashboard.people.forms import own
from dashboard.people.terminals import address_of

PAGE = Page("/login", "login.title", "", "look", ("login.css",))


def add(desk: Desk) -> None:
    """Register the page."""

    async def fill(visited: Visit, request: Request) -> None:
        names = await run.io_bound(desk.entrance.names, address_of(request))
        at_line = desk.entrance.terminals.has(address_of(request))
        t = {key: escape(text) for key, text in visited.texts.items() if key.startswith("login.")}
        to = escape(own(request.query_params.get("to", "/")))
        said = request.query_params.get("wrong")
        wrong = t[{"wait": "login.wait_a_moment", "more": "login.more", "line": "login.line_only"}.get(said, "login.wrong")] if said else ""
        tiles = _tiles(names, t) if names else ""
        ui.html(
            f'<h1 class="gt-login-title">{t["login.title"]}</h1>'
            f'<p class="gt-wrong" role="alert" data-wrong{"" if wrong else " hidden"}>{wrong}</p>'
            f'<div class="gt-entrance{" has-tiles" if names else ""}" data-entrance{" data-badge" if at_line else ""} data-to="{to}">'
            f"{tiles}{_form(t, to, with_tiles=bool(names))}</div>",
            sanitize=False,
        ).classes("gt-login")
        script("login.js")

    add_page(desk, PAGE, fill)


def _form(t: dict[str, str], to: str, *, with_tiles: bool) -> str:
    # with tiles nothing is focused: what a badge scanner types must not end up in a field
    focus = "" if with_tiles else " autofocus"
    return (
        f'<form method="post" action="/api/session" class="gt-form gt-card" data-login><h2>{t["login.with_password"]}</h2>'
        f'<input type="hidden" name="to" value="{to}">'
        f'<label>{t["login.name"]}<input name="name" autocomplete="username" required maxlength="60"{focus}></label>'
        f'<label>{t["login.password"]}<input name="password" type="password" autocomplete="current-password" required maxlength="200"></label>'
        f'<button class="gt-button is-primary">{t["login.go"]}</button></form>'
    )


def _tiles(names: list[str], t: dict[str, str]) -> str:
    tiles = "".join(f'<button type="button" class="gt-tile" data-person="{escape(n)}">{escape(n)}</button>' for n in names)
    keys = "".join(f'<button type="button" data-key="{n}">{n}</button>' for n in "123456789")
    return (
        f'<section class="gt-card gt-tiles-card" data-tiles><h2>{t["login.who"]}</h2><div class="gt-tiles">{tiles}</div>'
        f'<p class="gt-hint"><i class="q-icon material-icons" aria-hidden="true">badge</i> {t["login.badge"]}</p></section>'
        f'<section class="gt-card gt-pad-card" data-pad hidden><div class="gt-pad-head"><button type="button" class="gt-button is-quiet" data-back>'
        f'<i class="q-icon material-icons" aria-hidden="true">arrow_back</i> {t["login.others"]}</button><h2 data-pad-name tabindex="-1"></h2></div>'
        f'<p class="gt-pin" role="status" aria-label="{t["login.pin"]}" data-dots></p>'
        f'<div class="gt-pad" role="group" aria-label="{t["login.pin"]}">{keys}'
        f'<button type="button" data-key="back" aria-label="{t["login.delete"]}"><i class="q-icon material-icons" aria-hidden="true">backspace</i></button>'
        f'<button type="button" data-key="0">0</button>'
        f'<button type="button" class="is-go" data-key="go" aria-label="{t["login.go"]}"><i class="q-icon material-icons" aria-hidden="true">login</i></button>'
        "</div></section>"
    )
