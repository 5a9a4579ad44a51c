"""`/recipes/edit?recipe=NAME`: the guided editor. One step after the other, each with one thing to do; the draft is kept by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import Request
from nicegui import ui

from dashboard.desk import Desk
from dashboard.frame import Page, Visit, add_page
from dashboard.kit import button, card, content, say, shown_to_person
from dashboard.recipes.editing import Editing, look
from dashboard.recipes.parts import clock, href, what_if
from dashboard.recipes.steps import STEPS, Step
from edge.errors import GutteilError
from edge.recipe_drafts import Drafts
from edge.recipe_library import Hand, Library
from edge.recipe_versions import Version

PAGE = Page("/recipes/edit", "page.recipes", "", "recipes", ("recipes.css",))
SETTLE_S = 0.05  # a slider that is being pulled says so many times a second
OTHERS_S = 10.0
RECENT_NS = 8 * 3600 * 10**9  # a draft older than a shift is nobody at work


def add(desk: Desk) -> None:
    """Register the page."""

    async def fill(visited: Visit, request: Request) -> None:
        name = request.query_params.get("recipe", "")
        try:
            assert visited.person is not None, "the door asks for the permission"
            seen = await look(desk, name)
            editing = await asyncio.to_thread(Editing, desk, seen, visited.person.name, Drafts(Path(desk.config.record.folder)))
        except GutteilError as error:
            with content(visited.t("recipes.title")):
                ui.label(str(error)).classes("gt-wrong")
            return
        await Editor(visited, editing).draw()

    add_page(desk, PAGE, fill)


class Editor:
    """The editor on one screen."""

    def __init__(self, visited: Visit, editing: Editing) -> None:
        self.visited, self.editing = visited, editing
        self.at = next(iter(STEPS))
        self._pending = self._busy = self._over = False
        self.step = Step(visited, editing, self.changed, {})

    async def draw(self) -> None:
        t = self.visited.t
        with content(t("recipes.editing", name=self.editing.name), self.editing.present.recipe.product):
            self.banners = ui.element("div").classes("gt-banners").props("aria-live=polite")
            self.tabs = ui.element("ol").classes("gt-steps")
            with ui.element("div").classes("gt-edit"):
                self.body = ui.element("div").classes("gt-edit-body")
                with ui.element("aside").classes("gt-edit-side"), card(t("recipes.whatif")):
                    self.panel = ui.element("div").classes("gt-wi").props("aria-live=polite")
            with ui.element("div").classes("gt-edit-foot"):
                self.state = ui.label("").classes("gt-hint gt-draft-state")
                button(t("recipes.discard"), self.discard, tone="quiet")
                self.foot = ui.element("div").classes("gt-row")
        await self.go(self.at)
        await self.editing.ask()
        self._show()
        await self._banners()
        ui.timer(OTHERS_S, self._banners)

    async def go(self, name: str) -> None:
        """Show a step."""
        t, names = self.visited.t, list(STEPS)
        self.at = name
        self.tabs.clear()
        with self.tabs:
            for i, one in enumerate(names, 1):
                with ui.element("li"):
                    tab = ui.button(f"{i}  {t('recipes.step.' + one)}", on_click=self._to(one), color=None).props("no-caps unelevated")
                    tab.classes("gt-button gt-step")
                    if one == name:
                        tab.props("aria-current=step")
        self.step.fields.clear()
        self.body.clear()
        with self.body:
            self.rest = ui.element("div").classes("gt-wrong").props("role=alert")
            STEPS[name](self.step)
        self.foot.clear()
        with self.foot:
            place = names.index(name)
            if place:
                button(t("recipes.previous"), self._to(names[place - 1]))
            if place + 1 < len(names):
                button(t("recipes.next"), self._to(names[place + 1]), tone="primary").classes("gt-next")
            else:
                button(t("recipes.propose"), self.propose, tone="primary").classes("gt-propose")
        self._show()

    def _to(self, name: str) -> Callable[[], Awaitable[None]]:
        return lambda: self.go(name)

    async def changed(self) -> None:
        """Something was changed: ask the last parts, keep the draft. What comes meanwhile is taken along.

        The page may still be open after its session has ended: then nothing is kept, and that is said.
        """
        with shown_to_person():
            self.visited.actor("recipes")
            await self._follow()

    async def _follow(self) -> None:
        self._pending = True
        if self._busy or self._over:
            return
        self._busy = True
        try:
            while self._pending and not self._over:
                self._pending = False
                await asyncio.sleep(SETTLE_S)
                await self.editing.ask()
                self._show()
                if not self._pending and not self._over:
                    with shown_to_person():
                        await self.editing.save()
                    self._show_saved()
        finally:
            self._busy = False

    def _show(self) -> None:
        wrong = self.step.show_wrong()
        self.rest.clear()
        self.rest.set_visibility(bool(wrong) and self.at != "summary")
        with self.rest:
            for text in wrong:
                ui.label(text)
        self.panel.clear()
        with self.panel:
            what_if(self.visited, self.editing.seen.parts, self.editing.answer)
        self._show_saved()

    def _show_saved(self) -> None:
        saved = self.editing.saved_ns
        self.state.text = self.visited.t("recipes.saved", when=clock(saved)) if saved else self.visited.t("recipes.unsaved")

    async def _banners(self) -> None:
        t, others = self.visited.t, await self.editing.others()
        newest = max((d.saved_ns for d in others), default=0)
        lines = [t("recipes.others", who=d.who, when=clock(d.saved_ns)) for d in others if newest - d.saved_ns < RECENT_NS]
        lines += [t("recipes.outdated")] if self.editing.outdated else []
        self.banners.clear()
        with self.banners:
            for line in lines:
                with ui.element("p").classes("gt-banner"):
                    ui.icon("group" if line != t("recipes.outdated") else "update").props("aria-hidden=true")
                    ui.label(line)

    async def discard(self) -> None:
        """Begin anew."""
        self.visited.actor("recipes")
        await self._away()
        ui.navigate.to(href(PAGE.path, recipe=self.editing.name))

    async def _away(self) -> None:
        """Take the draft away for good: what is still being worked out must not keep it anew."""
        self._over = True
        while self._busy:
            await asyncio.sleep(0.02)
        await self.editing.discard()

    async def propose(self) -> None:
        """Make the draft a version, for somebody else to release."""
        person, t, editing = self.visited.actor("recipes"), self.visited.t, self.editing
        text, note = editing.text(), editing.note
        say(t("recipes.proposing"))

        version: Version = await editing.desk.record.change(
            lambda store: Library(store, editing.desk.config).propose(
                editing.name, text, Hand(person.name, "dashboard"), note, editing.base
            )
        )
        await self._away()
        ui.navigate.to(href("/recipes/version", recipe=editing.name, version=version.number))
