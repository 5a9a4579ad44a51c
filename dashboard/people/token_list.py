"""Tokens for programs, as a list with its buttons: one's own, or everybody's for those who look after users."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from nicegui import ui

from dashboard.frame import Visit
from dashboard.kit import button, card, say
from dashboard.people.parts import cell, dialog, moment, row, show_secret, table, wide_cell
from dashboard.people.roles import Permission
from dashboard.people.tokens import MAX_DAYS, Token, scopes_for
from dashboard.people.words import in_their_words

_DAYS = 90


async def token_list(visited: Visit, name: str | None, needs: Permission) -> None:
    """Draw the tokens of one person or all, each with a button that revokes it."""
    place = ui.element("div")

    async def draw() -> None:
        tokens = await asyncio.to_thread(visited.desk.tokens.of, name)
        place.clear()
        with place:
            _rows(visited, tokens)

    async def revoke(token: Token) -> None:
        actor = visited.actor(needs)
        with in_their_words(visited):
            await asyncio.to_thread(visited.desk.tokens.revoke, actor, token.number)
        await draw()
        say(visited.t("token.revoked", label=token.label))

    def _rows(visited: Visit, tokens: list[Token]) -> None:
        t = visited.t
        if not tokens:
            ui.label(t("token.none")).classes("gt-hint")
            return
        with table(t("token.label"), t("people.name"), t("token.scopes"), t("token.until"), t("token.used"), ""):
            for token in tokens:
                with row():
                    cell(token.label, "gt-name")
                    cell(token.name)
                    cell(", ".join(t(f"permission.{p}") for p in token.scopes))
                    over = token.until_s < time.time()
                    cell(f"{moment(token.until_s)}{' · ' + t('token.over') if over else ''}", "is-off" if over else "")
                    cell(moment(token.used_s) if token.used_s else t("token.never"))
                    with wide_cell():
                        made = button(t("token.revoke"), partial(revoke, token), tone="danger")
                        made.props["aria-label"] = t("token.revoke_which", label=token.label)

    await draw()


async def own_tokens(visited: Visit, address: str) -> None:
    """The tokens of the person who looks, and a button that makes one."""
    t, person = visited.t, visited.person
    if person is None:
        return
    with card(t("token.title")):
        ui.label(t("token.hint")).classes("gt-hint")
        place = ui.element("div")
        with place:
            await token_list(visited, person.name, "self")

        async def make() -> None:
            actor = visited.actor("self")
            asked = await _ask(visited, list(scopes_for(actor)))
            if asked is None:
                return
            label, scopes, days, password = asked
            actor = visited.actor("self")
            with in_their_words(visited):
                await asyncio.to_thread(visited.desk.entrance.confirm, actor, password, address)
                token = await asyncio.to_thread(visited.desk.tokens.make, actor, label, scopes, days)
            place.clear()
            with place:
                await token_list(visited, actor.name, "self")
            await show_secret(visited, t("token.made", label=label.strip()), t("token.made_hint"), token)

        with ui.element("div").classes("gt-actions"):
            button(t("token.make"), make, icon="vpn_key")


async def _ask(visited: Visit, scopes: list[Permission]) -> tuple[str, list[str], int, str] | None:
    t = visited.t
    with dialog(t("token.make")) as made:
        label = ui.input(t("token.label")).props('outlined maxlength="40" autofocus autocomplete="off"').classes("gt-wide")
        with ui.element("fieldset").classes("gt-scopes"):
            with ui.element("legend"):
                ui.label(t("token.scopes"))
            boxes = {scope: ui.checkbox(t(f"permission.{scope}")) for scope in scopes}
        days = ui.number(t("token.days", most=MAX_DAYS), value=_DAYS, min=1, max=MAX_DAYS, precision=0).props("outlined").classes("gt-wide")
        password = ui.input(t("me.current"), password=True).props('outlined maxlength="200" autocomplete="current-password"')
        password.classes("gt-wide")
        with ui.element("div").classes("gt-actions"):
            button(t("frame.cancel"), lambda: made.submit(False), tone="quiet")
            button(t("token.make"), lambda: made.submit(True), tone="primary")
    made.open()
    go = await made
    wanted = [scope for scope, box in boxes.items() if box.value]
    asked = (label.value or "", [str(s) for s in wanted], int(days.value or 0), password.value or "")
    made.delete()
    return asked if go else None
