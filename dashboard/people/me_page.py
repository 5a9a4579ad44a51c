"""One's own page: password, PIN, language and light, where one is logged in, tokens for programs."""

from __future__ import annotations

import asyncio
from functools import partial

from fastapi import APIRouter, Request, Response
from nicegui import ui

from dashboard.desk import Desk
from dashboard.frame import LANGUAGE_COOKIE, THEME_COOKIE, Page, Visit, add_page
from dashboard.kit import button, card, content, say
from dashboard.people.credentials import MAX_PIN, MIN_PASSWORD, MIN_PIN
from dashboard.people.file import PeopleError
from dashboard.people.forms import read_form
from dashboard.people.parts import cell, moment, row, table, wide_cell
from dashboard.people.sessions import hashed
from dashboard.people.terminals import address_of
from dashboard.people.token_list import own_tokens
from dashboard.people.words import in_their_words

PAGE = Page("/me", "frame.me", "", "self", ("people.css",))


def add(desk: Desk) -> None:
    """Register the page."""

    async def fill(visited: Visit, request: Request) -> None:
        person, t, address = visited.person, visited.t, address_of(request)
        if person is None:
            return
        with content(person.name, t(f"role.{person.role}")):
            if person.first_step:
                ui.label(t("me.first_step")).classes("gt-notice").props('role="status"')
                with ui.element("div").classes("gt-grid"):
                    _password(visited, address)
                return
            if person.only is not None:
                ui.label(t("me.by_pin")).classes("gt-notice")
            with ui.element("div").classes("gt-grid"):
                _password(visited, address)
                _pin(visited, address)
                _taste(visited)
            with card(t("me.sessions")):
                await _sessions(visited)
            if person.only is None:
                await own_tokens(visited, address)

    add_page(desk, PAGE, fill)


def _field(text: str, autocomplete: str, *, digits: bool = False) -> ui.input:
    made = ui.input(text, password=True).classes("gt-wide")
    return made.props(f'outlined maxlength="200" autocomplete="{autocomplete}"' + (' inputmode="numeric"' if digits else ""))


def _password(visited: Visit, address: str) -> None:
    t, desk = visited.t, visited.desk
    with card(t("me.password")):
        old = _field(t("me.current"), "current-password")
        new = _field(t("me.new"), "new-password")
        again = _field(t("setup.again"), "new-password")
        ui.label(t("setup.password_rule", least=MIN_PASSWORD)).classes("gt-hint")

        async def change() -> None:
            actor = visited.actor("self")
            with in_their_words(visited):
                if new.value != again.value:
                    raise PeopleError("the two passwords differ", "people.error.differ")
                await asyncio.to_thread(desk.entrance.confirm, actor, old.value or "", address)
                await asyncio.to_thread(lambda: desk.staff.set_password(actor.who, actor.name, new.value or "", keep=visited.token))
            for field in (old, new, again):
                field.value = ""
            if actor.first_step:
                ui.navigate.to("/")
            else:
                say(t("me.password_done"))

        with ui.element("div").classes("gt-actions"):
            button(t("me.password_go"), change, tone="primary")


def _pin(visited: Visit, address: str) -> None:
    t, desk = visited.t, visited.desk
    with card(t("me.pin")):
        ui.label(t("me.pin_hint", least=MIN_PIN, most=MAX_PIN)).classes("gt-hint")
        pin = _field(t("me.new_pin"), "off", digits=True)
        again = _field(t("me.pin_again"), "off", digits=True)
        old = _field(t("me.current"), "current-password")

        async def change(value: str | None) -> None:
            actor = visited.actor("self")
            with in_their_words(visited):
                if value is not None and value != (again.value or ""):
                    raise PeopleError("the two PINs differ", "people.error.differ_pin")
                await asyncio.to_thread(desk.entrance.confirm, actor, old.value or "", address)
                await asyncio.to_thread(desk.staff.set_pin, actor.who, actor.name, value)
            for field in (pin, again, old):
                field.value = ""
            say(t("me.pin_done" if value is not None else "me.pin_gone"))

        with ui.element("div").classes("gt-actions"):
            button(t("people.take_away"), lambda: change(None), tone="quiet")
            button(t("me.pin_go"), lambda: change(pin.value or ""), tone="primary")


def _taste(visited: Visit) -> None:
    """The same switches as in the frame; `assets/frame.js` works both and tells the server."""
    t = visited.t
    with card(t("me.taste")):
        ui.label(t("me.taste_hint")).classes("gt-hint")
        with ui.element("div").classes("gt-row"):
            for code, name in (("de", "Deutsch"), ("en", "English")):
                _switch(name, f"{LANGUAGE_COOKIE}={code}", visited.language == code)
        with ui.element("div").classes("gt-row"):
            for theme in ("dark", "light"):
                _switch(t(f"me.{theme}"), f"{THEME_COOKIE}={theme}", visited.dark == (theme == "dark"))


def _switch(text: str, cookie: str, pressed: bool) -> None:
    made = ui.element("button").props(f'type="button" data-cookie="{cookie}" aria-pressed="{"true" if pressed else "false"}"')
    with made.classes("gt-button gt-taste"):
        ui.label(text)


async def _sessions(visited: Visit) -> None:
    t, desk = visited.t, visited.desk
    place = ui.element("div")

    async def draw() -> None:
        name = visited.actor("self").name
        found = await asyncio.to_thread(desk.sessions.of, name)
        here = hashed(visited.token or "")
        place.clear()
        with place, table(t("me.where"), t("me.how"), t("me.begun"), t("me.seen"), ""):
            for session in found:
                with row():
                    cell(f"{session.address or '–'} · {session.browser[:80]}")
                    cell(t(f"me.by.{session.method}"))
                    cell(moment(session.begun_s))
                    cell(moment(session.seen_s))
                    with wide_cell():
                        if session.key == here:
                            ui.label(t("me.here"))
                        else:
                            button(t("me.end"), partial(end, session.key))

    async def end(key: str) -> None:
        actor = visited.actor("self")
        await asyncio.to_thread(desk.sessions.end_one, actor.name, key)
        await draw()

    async def end_others() -> None:
        actor, here = visited.actor("self"), hashed(visited.token or "")
        for session in await asyncio.to_thread(desk.sessions.of, actor.name):
            if session.key != here:
                await asyncio.to_thread(desk.sessions.end_one, actor.name, session.key)
        await draw()
        say(t("me.ended"))

    await draw()
    with ui.element("div").classes("gt-actions"):
        button(t("me.end_others"), end_others)


def add_me(router: APIRouter, desk: Desk) -> None:
    """The route by which the frame's switches are remembered for a person."""

    @router.post("/api/me/taste", status_code=204)
    async def taste(request: Request) -> Response:
        """Keep one's own `language` and `theme`."""
        try:
            fields = await read_form(request)
        except PeopleError:
            return Response(status_code=400)
        await asyncio.to_thread(desk.staff.set_taste, request.state.person.name, fields.get("language"), fields.get("theme"))
        return Response(status_code=204)
