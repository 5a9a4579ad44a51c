"""The dialogs of the people page: somebody new, and everything that can be changed about a user."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from nicegui import ui

from dashboard.frame import Visit
from dashboard.kit import button
from dashboard.people.parts import ask_yes, dialog, show_secret
from dashboard.people.roles import ROLES, Role
from dashboard.people.users import User
from dashboard.people.words import in_their_words


class RoleTiles:
    """The roles with what each is for, one of them chosen."""

    def __init__(self, visited: Visit, value: Role) -> None:
        self.value: Role = value
        self._tiles: dict[Role, ui.element] = {}
        with ui.element("div").classes("gt-roles").props('role="group"') as group:
            group.props["aria-label"] = visited.t("people.role")
            for role in ROLES:
                tile = ui.element("button").props('type="button"').classes("gt-role").on("click", lambda _e, role=role: self._choose(role))
                with tile:
                    ui.label(visited.t(f"role.{role}")).classes("gt-role-name")
                    ui.label(visited.t(f"people.role.{role}")).classes("gt-hint")
                self._tiles[role] = tile
        self._choose(value)

    def _choose(self, role: Role) -> None:
        self.value = role
        for one, tile in self._tiles.items():
            tile.props(f'aria-pressed="{"true" if one == role else "false"}"')


async def ask_new(visited: Visit) -> tuple[str, Role] | None:
    """Name and role of somebody new; None: the person changed their mind."""
    t = visited.t
    with dialog(t("people.add")) as made:
        name = ui.input(t("people.name")).props('outlined maxlength="60" autofocus autocomplete="off"').classes("gt-wide")
        roles = RoleTiles(visited, "operator")
        with ui.element("div").classes("gt-actions"):
            button(t("frame.cancel"), lambda: made.submit(None), tone="quiet")
            button(t("people.add"), lambda: made.submit((name.value or "", roles.value)), tone="primary")
    made.open()
    answer: tuple[str, Role] | None = await made
    made.delete()
    return answer


async def change_user(visited: Visit, user: User) -> bool:
    """Change something about a user; whether anything was."""
    t, staff = visited.t, visited.desk.staff
    with dialog(user.name) as made:
        roles = RoleTiles(visited, user.role)
        with ui.element("div").classes("gt-row"):
            button(t("people.set_role"), lambda: made.submit("role"), tone="primary")
            button(t("people.one_time"), lambda: made.submit("password"), icon="key")
            button(t("people.set_pin"), lambda: made.submit("pin"), icon="dialpad")
            button(t("people.set_badge"), lambda: made.submit("badge"), icon="badge")
            button(t("people.enable" if user.disabled else "people.disable"), lambda: made.submit("disable"))
            button(t("people.remove"), lambda: made.submit("remove"), tone="danger")
        with ui.element("div").classes("gt-actions"):
            button(t("frame.cancel"), lambda: made.submit(None), tone="quiet")
    made.open()
    what: str | None = await made
    role = roles.value
    made.delete()
    if what is None:
        return False
    with in_their_words(visited):
        if what == "role":
            await _act(visited, lambda who: staff.set_role(who, user.name, role))
        elif what == "password":
            password = await asyncio.to_thread(staff.reset_password, visited.actor("people").who, user.name)
            await show_secret(visited, t("people.one_time_for", name=user.name), t("people.one_time_hint"), password)
        elif what in ("pin", "badge"):
            return await _quick(visited, user, what)
        elif what == "disable":
            await _act(visited, lambda who: staff.set_disabled(who, user.name, not user.disabled))
        elif await ask_yes(visited, t("people.remove_whom", name=user.name), t("people.remove_hint"), t("people.remove")):
            await _act(visited, lambda who: staff.remove(who, user.name))
        else:
            return False
    return True


async def _act(visited: Visit, act: Callable[[str], None]) -> None:
    await asyncio.to_thread(act, visited.actor("people").who)


async def _quick(visited: Visit, user: User, what: str) -> bool:
    """Set or take away PIN or badge."""
    t, staff = visited.t, visited.desk.staff
    has = user.has_pin if what == "pin" else user.has_badge
    with dialog(t(f"people.set_{what}") + f" · {user.name}") as made:
        ui.label(t(f"people.{what}_hint"))
        field = ui.input(t("login.pin" if what == "pin" else "people.badge"), password=True).classes("gt-wide")
        field.props('outlined maxlength="200" autofocus autocomplete="off"' + (' inputmode="numeric"' if what == "pin" else ""))
        field.on("keydown.enter", lambda: made.submit("set"))
        with ui.element("div").classes("gt-actions"):
            button(t("frame.cancel"), lambda: made.submit(None), tone="quiet")
            if has:
                button(t("people.take_away"), lambda: made.submit("none"), tone="danger")
            button(t("people.save"), lambda: made.submit("set"), tone="primary")
    made.open()
    answer: str | None = await made
    secret = field.value or ""
    made.delete()
    if answer is None:
        return False
    setting = staff.set_pin if what == "pin" else staff.set_badge
    await _act(visited, lambda who: setting(who, user.name, secret if answer == "set" else None))
    return True
