"""The page for those who look after users: who there is, what each may do, and the tokens of programs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from fastapi import Request
from nicegui import ui

from dashboard.desk import Desk
from dashboard.frame import Page, Visit, add_page
from dashboard.kit import button, card, content, say
from dashboard.people.parts import cell, row, show_secret, table, wide_cell
from dashboard.people.roles import GRANTS, PERMISSIONS, ROLES
from dashboard.people.token_list import token_list
from dashboard.people.user_dialogs import ask_new, change_user
from dashboard.people.users import User
from dashboard.people.words import in_their_words

PAGE = Page("/people", "people.title", "group", "people", ("people.css",))


def add(desk: Desk) -> None:
    """Register the page."""

    async def fill(visited: Visit, _request: Request) -> None:
        t = visited.t
        with content(t("people.title"), t("people.hint")):
            with card(t("people.users")) as users:
                place = ui.element("div")

                async def draw() -> None:
                    found = await asyncio.to_thread(desk.people.all_users)
                    place.clear()
                    with place:
                        _list(visited, found, draw)

                with ui.element("div").classes("gt-actions"):
                    button(t("people.add"), lambda: _add(visited, draw), tone="primary", icon="person_add")
            users.classes("gt-users")
            await draw()
            with card(t("token.all")):
                ui.label(t("token.all_hint")).classes("gt-hint")
                await token_list(visited, None, "people")
            with card(t("people.roles")):
                _roles(visited)

    add_page(desk, PAGE, fill)


async def _add(visited: Visit, draw: Callable[[], Awaitable[None]]) -> None:
    asked = await ask_new(visited)
    if asked is None:
        return
    actor, (name, role) = visited.actor("people"), asked
    with in_their_words(visited):
        password = await asyncio.to_thread(visited.desk.staff.add, actor.who, name, role)
    await draw()
    await show_secret(visited, visited.t("people.one_time_for", name=name.strip()), visited.t("people.one_time_hint"), password)


def _list(visited: Visit, users: list[User], draw: Callable[[], Awaitable[None]]) -> None:
    t = visited.t
    with table(t("people.name"), t("people.role"), t("people.ways"), t("people.state"), ""):
        for user in users:
            with row():
                cell(user.name, "gt-name")
                cell(t(f"role.{user.role}"))
                ways = [t("login.password"), *([t("login.pin")] if user.has_pin else []), *([t("people.badge")] if user.has_badge else [])]
                cell(", ".join(ways))
                cell(t(_state(user)), "is-off" if user.disabled else "")
                with wide_cell():
                    made = button(t("people.change"), partial(_change, visited, user, draw))
                    made.props["aria-label"] = t("people.change_whom", name=user.name)


async def _change(visited: Visit, user: User, draw: Callable[[], Awaitable[None]]) -> None:
    if await change_user(visited, user):
        say(visited.t("people.done"))
    await draw()


def _state(user: User) -> str:
    if user.disabled:
        return "people.state.disabled"
    if user.one_time:
        return "people.state.one_time"
    return "people.state.demo" if user.demo else "people.state.in"


def _roles(visited: Visit) -> None:
    """Who may do what, from the one table."""
    t = visited.t
    with table(t("people.permission"), *(t(f"role.{role}") for role in ROLES)):
        for permission in PERMISSIONS:
            with row():
                cell(t(f"permission.{permission}"))
                for role in ROLES:
                    cell("✓" if permission in GRANTS[role] else "–", "is-mark")
