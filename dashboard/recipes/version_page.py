"""`/recipes/version?recipe=NAME&version=N`: what a version changes, what it would have changed, and the second person's word on it."""

from __future__ import annotations

import asyncio

from fastapi import Request
from nicegui import ui

from dashboard.desk import Desk
from dashboard.frame import Page, Visit, add_page
from dashboard.kit import button, card, content
from dashboard.recipes.editing import Look, look, shift_ns
from dashboard.recipes.orders import WORDS, Order, order
from dashboard.recipes.parts import at, difference_list, state_badge, what_if
from edge.errors import GutteilError
from edge.pointer import same_person
from edge.recipe import Recipe, parse_recipe
from edge.recipe_diff import differences
from edge.recipe_library import RELEASED, Shelf
from edge.recipe_versions import Version

PAGE = Page("/recipes/version", "page.recipes", "", "history", ("recipes.css",))


def add(desk: Desk) -> None:
    """Register the page."""

    async def fill(visited: Visit, request: Request) -> None:
        name, number = request.query_params.get("recipe", ""), request.query_params.get("version", "")
        try:
            seen = await look(desk, name)
            version = next((v for v in seen.shelf.versions if str(v.number) == number), None)
            recipe = _recipe(seen.shelf, version) if version is not None else None
        except GutteilError as error:
            with content(visited.t("recipes.title")):
                ui.label(str(error)).classes("gt-wrong")
            return
        if version is None or recipe is None:
            with content(visited.t("recipes.title")):
                ui.label(visited.t("recipes.none")).classes("gt-wrong")
            return
        await _draw(visited, desk, seen, version, recipe)

    add_page(desk, PAGE, fill)


def _recipe(shelf: Shelf, version: Version) -> Recipe:
    assert shelf.present.path is not None
    return parse_recipe(version.text.encode(), shelf.present.path).recipe


async def _draw(visited: Visit, desk: Desk, seen: Look, version: Version, recipe: Recipe) -> None:
    t, shelf = visited.t, seen.shelf
    state, present = shelf.states.get(version.sha256, "retired"), shelf.present.recipe
    proposed = shelf.last(version.sha256, "propose")
    with content(f"{shelf.name}: {t('recipes.version', n=version.number)}"):
        with ui.element("div").classes("gt-row gt-version-head"):
            state_badge(visited, state)
            if proposed is not None:
                ui.label(t("recipes.proposed_by", who=proposed.who, when=at(proposed.changed_at)))
            ui.label(version.note).classes("gt-version-note")
        with ui.element("div").classes("gt-edit"):
            with ui.element("div").classes("gt-edit-body"), card(t("recipes.changes")):
                ui.label(t("recipes.against")).classes("gt-hint")
                difference_list(visited, differences(present, recipe))
            with ui.element("aside").classes("gt-edit-side"), card(t("recipes.whatif")):
                answer = await asyncio.to_thread(seen.parts.corpus.ask, present, recipe, shift_ns(desk))
                with ui.element("div").classes("gt-wi"):
                    what_if(visited, seen.parts, answer)
        with ui.element("div").classes("gt-edit-foot"):
            with ui.element("a").classes("gt-button gt-anchor is-quiet") as back:
                back.props["href"] = "/recipes"
                ui.label(t("recipes.back"))
            with ui.element("div").classes("gt-row"):
                _orders(visited, desk, shelf, version, loud=answer.new_escapes > 0)


def _orders(visited: Visit, desk: Desk, shelf: Shelf, version: Version, *, loud: bool) -> None:
    """The one thing to do next, for whoever may do it."""
    t, state, person = visited.t, shelf.states.get(version.sha256), visited.person
    said = [c for c in shelf.changes if c.sha256 == version.sha256]
    made = [version.author, *(c.who for c in said if c.event == "propose")]
    own = person is not None and any(same_person(who, person.name) for who in made)

    def give(what: Order, *, primary: bool = False) -> None:
        async def go() -> None:
            if await order(visited, desk, what, shelf.name, version.number):
                ui.navigate.reload()

        button(t(WORDS[what][1]), go, tone=("danger" if loud else "primary") if primary else "").classes(f"gt-order-{what}")

    if state == "proposed":
        if own:
            ui.label(t("recipes.own")).classes("gt-hint gt-own")
        elif not visited.may("release"):
            ui.label(t("recipes.needs_release")).classes("gt-hint")
        if own or visited.may("release"):
            give("decline")
        if visited.may("release"):
            give("release", primary=True)
    elif (state == "released" or (state == "retired" and any(c.event in RELEASED for c in said))) and (
        visited.may("recipes") or visited.may("release")
    ):
        give("activate", primary=state == "released")
