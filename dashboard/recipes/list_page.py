"""`/recipes`: every recipe of the settings, what judges now, what waits for release, all versions, and the way back."""

from __future__ import annotations

from fastapi import Request
from nicegui import ui

from dashboard.desk import Desk
from dashboard.frame import Page, Visit, add_page
from dashboard.kit import button, content
from dashboard.recipes.orders import order
from dashboard.recipes.parts import at, difference_list, href, state_badge
from edge.errors import GutteilError
from edge.recipe_diff import Difference, differences
from edge.recipe_drafts import Drafts
from edge.recipe_library import Library, Shelf
from edge.store import Store

PAGE = Page("/recipes", "page.recipes", "tune", "history", ("recipes.css",))
LIVE_S = 1.0
_VERSIONS = 50


def add(desk: Desk) -> None:
    """Register the page."""

    async def fill(visited: Visit, _request: Request) -> None:
        with content(visited.t("recipes.title"), visited.t("recipes.hint")):
            Plc(visited, desk)
            try:
                found = await desk.record.ask(lambda store: _shelves(store, desk))
            except GutteilError as error:
                ui.label(str(error)).classes("gt-wrong")
                return
            for name, shelf in found.items():
                if isinstance(shelf, Shelf):
                    RecipeCard(visited, desk, shelf)
                else:
                    with ui.element("section").classes("gt-card"):
                        with ui.element("h2"):
                            ui.label(name)
                        ui.label(shelf).classes("gt-wrong")

    add_page(desk, PAGE, fill)


def _shelves(store: Store, desk: Desk) -> dict[str, Shelf | str]:
    library = Library(store, desk.config)
    found: dict[str, Shelf | str] = {}
    for name in library.files:
        try:
            found[name] = library.shelf(name)
        except GutteilError as error:
            found[name] = str(error)
    return found


def judging(desk: Desk) -> tuple[str, str, int, int]:
    """The recipe's name and hash by which the station says that it judges, its number, and the number that the PLC asks for."""
    live = desk.live
    with live.lock:
        run, beat = live.line.run, live.line.beats.get("rejector")
        wanted = beat.counts.get("recipe_wanted", 0) if beat is not None else 0
        return (run.recipe, run.recipe_hash, run.recipe_number, wanted) if run is not None else ("", "", 0, wanted)


class Plc:
    """What the PLC asks for, and what judges."""

    def __init__(self, visited: Visit, desk: Desk) -> None:
        self._t, self._desk = visited.t, desk
        with ui.element("div").classes("gt-plc").props("role=status"):
            ui.icon("settings_input_component").props("aria-hidden=true")
            self._asks = ui.label("")
            self._judges = ui.label("").classes("gt-plc-judges")
        self._show()
        ui.timer(LIVE_S, self._show)

    def _show(self) -> None:
        recipe, _, number, wanted = judging(self._desk)
        self._asks.text = self._t("recipes.plc_asks", wanted=wanted) if wanted else self._t("recipes.plc_none")
        text = self._t("recipes.plc_judges", recipe=recipe, number=number or "–") if recipe else self._t("recipes.plc_silent")
        differs = bool(wanted and recipe and number != wanted)
        self._judges.text = f"{text}: {self._t('recipes.plc_differs')}" if differs else text
        self._judges.classes(add="is-wrong" if differs else "", remove="" if differs else "is-wrong")


class RecipeCard:
    """One recipe."""

    def __init__(self, visited: Visit, desk: Desk, shelf: Shelf) -> None:
        self.visited, self.desk, self.shelf = visited, desk, shelf
        t, present = visited.t, shelf.present.recipe
        active = shelf.version(shelf.present.hash)
        with ui.element("section").classes("gt-card gt-recipe") as box:
            box.props["data-recipe"] = shelf.name
            with ui.element("div").classes("gt-recipe-head"):
                with ui.element("h2"):
                    ui.label(shelf.name)
                self._live = ui.label("").classes("gt-live-badge").props("role=status")
            with ui.element("dl").classes("gt-facts"):
                facts = [
                    ("recipes.active", t("recipes.version", n=active.number) if active else t("recipes.from_file")),
                    ("recipes.product", present.product),
                    ("recipes.model", present.model.file),
                    *([("recipes.plc_number", ", ".join(map(str, shelf.numbers)))] if shelf.numbers else []),
                ]
                for key, value in facts:
                    with ui.element("div"):
                        with ui.element("dt"):
                            ui.label(t(key))
                        with ui.element("dd"):
                            ui.label(value)
            if shelf.edited:
                ui.label(t("recipes.edited")).classes("gt-wrong")
            self._waiting()
            with ui.element("div").classes("gt-row gt-recipe-actions"):
                self._actions()
            if shelf.versions:
                self._table()
            else:
                ui.label(t("recipes.no_versions")).classes("gt-hint")
        self._show()
        ui.timer(LIVE_S, self._show)

    def _show(self) -> None:
        t, (name, sha256, _, _) = self.visited.t, judging(self.desk)
        mine = name == self.shelf.name
        state = "is-idle" if not mine else "is-judging" if sha256 == self.shelf.present.hash else "is-switching"
        self._live.text = t({"is-idle": "recipes.idle", "is-judging": "recipes.judging", "is-switching": "recipes.switching"}[state])
        self._live.classes(remove="is-idle is-judging is-switching", add=state)

    def _waiting(self) -> None:
        t = self.visited.t
        for version in self.shelf.versions:
            state = self.shelf.states.get(version.sha256)
            if state in ("proposed", "released"):
                with ui.element("div").classes("gt-open"):
                    state_badge(self.visited, state)
                    if state == "proposed":
                        ui.label(t("recipes.open")).classes("gt-open-what")
                    ui.label(f"{t('recipes.version', n=version.number)} {t('recipes.by', who=version.author)}").classes("gt-open-who")
                    ui.label(version.note).classes("gt-open-note")
                    to = href("/recipes/version", recipe=self.shelf.name, version=version.number)
                    _link(t("recipes.look"), to, "primary" if state == "proposed" and self.visited.may("release") else "plain")

    def _actions(self) -> None:
        t, visited = self.visited.t, self.visited
        if visited.may("recipes") and visited.person is not None:
            mine = Drafts(self.desk.record.path.parent).find(self.shelf.name, visited.person.name)
            _link(t("recipes.go_on" if mine else "recipes.edit"), href("/recipes/edit", recipe=self.shelf.name), "primary")
        before = self.shelf.before
        if before is not None and (visited.may("recipes") or visited.may("release")):
            number = before.number

            async def back() -> None:
                if await order(visited, self.desk, "rollback", self.shelf.name, number):
                    ui.navigate.reload()

            button(t("recipes.rollback", n=number), back, icon="undo").classes("gt-rollback")

    def _table(self) -> None:
        t, shelf = self.visited.t, self.shelf
        with ui.element("h3"):
            ui.label(t("recipes.versions"))
        with ui.element("div").classes("gt-scroll").props(f'tabindex=0 role=region aria-label="{t("recipes.versions")}"'), ui.element("table").classes("gt-table"):  # fmt: skip
            with ui.element("thead"), ui.element("tr"):
                for column in ("version", "state", "author", "released", "made", "note"):
                    with ui.element("th").props("scope=col"):
                        ui.label(t("recipes.column." + column))
            with ui.element("tbody"):
                for version in shelf.versions[:_VERSIONS]:
                    released = shelf.last(version.sha256, "release")
                    with ui.element("tr"):
                        with ui.element("td"):
                            to = href("/recipes/version", recipe=shelf.name, version=version.number)
                            ui.link(t("recipes.version", n=version.number), to).classes("gt-link")
                        with ui.element("td"):
                            state_badge(self.visited, shelf.states.get(version.sha256, "retired"))
                        adopted = released is None and shelf.last(version.sha256, "adopt") is not None
                        who, note = ("–", t("recipes.from_file")) if adopted else (version.author, version.note)
                        for text in (who, released.who if released else "–", at(version.made_at), note):
                            with ui.element("td"):
                                ui.label(text)
        if len(shelf.versions) > 1:
            self._compare()

    def _compare(self) -> None:
        t, shelf = self.visited.t, self.shelf
        numbers = {v.number: t("recipes.version", n=v.number) for v in shelf.versions[:_VERSIONS]}
        newest, *others = numbers

        async def show() -> None:
            found = await self.desk.record.ask(lambda store: _compared(store, self.desk, shelf.name, a.value, b.value))
            out.clear()
            with out:
                difference_list(self.visited, found)

        with ui.element("div").classes("gt-row gt-compare"):
            a = ui.select(numbers, value=others[0], label=t("recipes.compare_a")).props("outlined")
            b = ui.select(numbers, value=newest, label=t("recipes.compare_b")).props("outlined")
            button(t("recipes.compare"), show, icon="compare_arrows")
        out = ui.element("div").classes("gt-compared").props("aria-live=polite")


def _compared(store: Store, desk: Desk, name: str, a: int, b: int) -> list[Difference]:
    library = Library(store, desk.config)
    texts = {v.number: v.text for v in library.shelf(name).versions}
    return differences(library.read(name, texts[a]).recipe, library.read(name, texts[b]).recipe)


def _link(text: str, to: str, tone: str) -> None:
    with ui.element("a").classes(f"gt-button gt-anchor is-{tone}") as made:
        made.props["href"] = to
        ui.label(text)
