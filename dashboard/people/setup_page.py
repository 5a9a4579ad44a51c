"""The first start: whoever can read the appliance's one-time code makes the first admin."""

from __future__ import annotations

import asyncio
from html import escape
from pathlib import Path

from fastapi import APIRouter, Request, Response
from nicegui import ui

from dashboard.desk import Desk
from dashboard.frame import Page, Visit, add_page, script, visit
from dashboard.people.credentials import MIN_PASSWORD
from dashboard.people.file import PeopleError
from dashboard.people.forms import read_form
from dashboard.people.login import answer_json, set_session
from dashboard.people.setup_code import end_code, fits_code, make_code
from dashboard.people.staff import first_admin
from dashboard.people.terminals import address_of
from dashboard.people.words import in_words
from dashboard.record import Record
from edge.errors import StoreError

PAGE = Page("/setup", "setup.title", "", "look", ("login.css",))


def add(desk: Desk) -> None:
    """Register the page."""

    async def fill(visited: Visit, _request: Request) -> None:
        await asyncio.to_thread(make_code, _folder(desk))  # an older one may be past its hour
        t = {key: escape(text) for key, text in visited.texts.items() if key.startswith(("login.", "setup."))}
        rule = escape(visited.t("setup.password_rule", least=MIN_PASSWORD))
        ui.html(
            f'<h1 class="gt-login-title">{t["setup.title"]}</h1><p class="gt-wrong" role="alert" data-wrong hidden></p>'
            f'<div class="gt-entrance" data-entrance data-to="/"><form method="post" action="/api/setup" class="gt-form gt-card" data-login>'
            f'<p class="gt-hint">{t["setup.hint"]}</p>'
            f'<label>{t["setup.code"]}<input name="code" autocomplete="off" required maxlength="40" autofocus autocapitalize="characters" spellcheck="false" placeholder="XXXX-XXXX-XXXX"></label>'
            f'<label>{t["setup.name"]}<input name="name" autocomplete="username" required maxlength="60"></label>'
            f'<label>{t["login.password"]}<input name="password" type="password" autocomplete="new-password" required maxlength="200" aria-describedby="rule"></label>'
            f'<p class="gt-hint" id="rule">{rule}</p>'
            f'<label>{t["setup.again"]}<input name="again" type="password" autocomplete="new-password" required maxlength="200"></label>'
            f'<button class="gt-button is-primary">{t["setup.go"]}</button></form></div>',
            sanitize=False,
        ).classes("gt-login")
        script("login.js")

    add_page(desk, PAGE, fill)


def add_setup(router: APIRouter, desk: Desk) -> None:
    """The route that makes the first admin."""

    @router.post("/api/setup")
    async def begin(request: Request) -> Response:
        """Make the first admin, by a form with the one-time `code`, `name` and `password`; only while there is no user."""
        visited = visit(desk, request)
        try:
            fields = await read_form(request)
            token = await desk.entrance.wait_for(
                _make, desk, desk.record, fields, address_of(request), request.headers.get("user-agent", "")
            )
        except PeopleError as error:
            return answer_json({"accepted": False, "text": in_words(visited, error)}, 400)
        except StoreError as error:
            return answer_json({"accepted": False, "text": str(error)}, 503)
        answer = answer_json({"accepted": True, "to": "/people"})
        set_session(answer, request, token, desk.sessions.whole_s("password"))
        return answer


def _make(desk: Desk, record: Record, fields: dict[str, str], address: str, browser: str) -> str:
    name, password = fields.get("name", ""), fields.get("password", "")
    if fields.get("again") != password:
        raise PeopleError("the two passwords differ", "people.error.differ")
    tried = desk.entrance.slow("setup", address)
    if not fits_code(_folder(desk), fields.get("code", "")):
        record.note_now("user-add", name[:60] or "?", f"first admin from {address}: wrong code", accepted=False)
        raise PeopleError("this is not the code, or its hour is over", "people.error.code")
    first_admin(desk.staff, desk.people, name, password)
    end_code(_folder(desk))
    desk.entrance.through(tried)
    person = desk.people.find(name.strip())
    assert person is not None
    return desk.sessions.begin(person, "password", address, browser)


def _folder(desk: Desk) -> Path:
    return Path(desk.config.record.folder)
