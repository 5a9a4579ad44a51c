"""The switch for figures per person; pages with statistics may show it too."""

from __future__ import annotations

import asyncio

from nicegui import ui

from dashboard.frame import Visit
from dashboard.kit import button
from dashboard.people.parts import dialog, moment
from dashboard.people.pseudonyms import MAX_DAYS
from dashboard.people.words import in_their_words

_DAYS = 7


async def persons_card(visited: Visit) -> None:
    """Whether names are shown, why and until when; with a button for those who may switch it."""
    t, pseudonyms = visited.t, visited.desk.pseudonyms
    place = ui.element("div")

    async def draw() -> None:
        now = await asyncio.to_thread(pseudonyms.shown)
        place.clear()
        with place:
            if now is None:
                ui.label(t("persons.off")).classes("gt-hint")
            else:
                ui.label(t("persons.on", by=now.by, until=moment(now.until_s))).classes("gt-notice")
                ui.label(t("persons.reason", reason=now.reason))
            if visited.may("persons"):
                with ui.element("div").classes("gt-actions"):
                    if now is None:
                        button(t("persons.show"), show)
                    else:
                        button(t("persons.hide"), hide, tone="primary")

    async def show() -> None:
        with dialog(t("persons.show")) as made:
            ui.label(t("persons.warning"))
            reason = ui.input(t("persons.why")).props('outlined maxlength="200" autofocus').classes("gt-wide")
            days = (
                ui.number(t("token.days", most=MAX_DAYS), value=_DAYS, min=1, max=MAX_DAYS, precision=0)
                .props("outlined")
                .classes("gt-wide")
            )
            with ui.element("div").classes("gt-actions"):
                button(t("frame.cancel"), lambda: made.submit(False), tone="quiet")
                button(t("persons.show"), lambda: made.submit(True), tone="danger")
        made.open()
        go, why, long = await made, reason.value or "", int(days.value or 0)
        made.delete()
        if go:
            actor = visited.actor("persons")
            with in_their_words(visited):
                await asyncio.to_thread(pseudonyms.show, actor, why, long)
            await draw()

    async def hide() -> None:
        actor = visited.actor("persons")
        await asyncio.to_thread(pseudonyms.hide, actor)
        await draw()

    await draw()
