"""The steps of the recipe editor: where to look, how strict, the ejector, and what it all comes to."""

from __future__ import annotations

import math
import urllib.parse
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

from dashboard.frame import Visit
from dashboard.kit import card
from dashboard.recipes.editing import Editing
from dashboard.recipes.parts import difference_list, kind_name, number_field, show_wrong
from edge.recipe import Ejector, Reference, Region, Rule
from edge.settings import Block


class Regions(ui.element, component="../assets/regions.js"):
    """Region and zones on a picture."""


class Threshold(ui.element, component="../assets/threshold.js"):
    """The two thresholds of a class."""


@dataclass
class Step:
    """What a step needs to draw itself.

    Attributes:
        changed: called after each change of the draft.
        fields: the fields on the screen by their place, to show what is wrong at them.
    """

    visited: Visit
    editing: Editing
    changed: Callable[[], Awaitable[None]]
    fields: dict[tuple[str, ...], ui.number]

    def number(self, block: type[Block], *place: str, value: Any = None) -> None:
        """A number of the draft; without a value of its own in the draft `value` is shown."""

        async def on_change(made: float | None) -> None:
            self.editing.set(made if made is not None else math.nan, *place)  # an emptied field is no value, and says so
            await self.changed()

        own = self.editing.get(*place)
        wrong = self.editing.wrong.get(place, "")
        self.fields[place] = number_field(self.visited, block, place[-1], own if own is not None else value, wrong, on_change)

    def show_wrong(self) -> list[str]:
        """Mark the fields; returns what is wrong elsewhere."""
        at: dict[tuple[str, ...], str] = {}
        rest = []
        for place, text in self.editing.wrong.items():
            found = self._field_of(tuple(map(str, place)), text)
            if found is None:
                rest.append(text)
            else:
                at[found] = text
        for one, field in self.fields.items():
            show_wrong(field, at.get(one, ""))
        return rest

    def _field_of(self, place: tuple[str, ...], text: str) -> tuple[str, ...] | None:
        """The field on the screen that an error belongs to; of a rule between several keys of a block the first that it names."""
        if place in self.fields:
            return place
        inside = [one for one in self.fields if one[:-1] == place and one[-1] in text]
        return min(inside, key=lambda one: text.index(one[-1]), default=None)


def picture(step: Step) -> None:
    """Where to look."""
    t, editing = step.visited.t, step.editing
    part, width, height = editing.seen.picture

    async def on_change(event: GenericEventArguments) -> None:
        roi, zones = event.args.get("roi"), event.args.get("zones")
        editing.set(roi, "region", "roi")
        editing.set(zones or [], "region", "ignore")
        await step.changed()

    with card():
        regions = Regions()
        source = f"/api/parts/{urllib.parse.quote(part, safe='')}/picture?size=full" if part else ""
        regions.props.update(
            src=source, width=width, height=height, roi=editing.get("region", "roi"), zones=editing.get("region", "ignore") or [], marks=editing.seen.marks,
            words={
                "zone": t("recipes.zone", n="{n}"), "region": t("recipes.region"), "add": t("recipes.add_zone"), "only": t("recipes.only"), "all": t("recipes.all"),
                "remove": t("recipes.remove"), "picture": t("recipes.picture", part=part), "none": t("recipes.no_picture"), "keys": t("recipes.keys"),
            },
        )  # fmt: skip
        regions.on("change", on_change)
        with ui.element("div").classes("gt-fields"):
            step.number(Region, "region", "mm_per_px", value=0)
            step.number(Reference, "reference", "max_shift_px", value=8)


def thresholds(step: Step) -> None:
    """How strict: one card per class of the model, and one for those without values of their own."""
    t = step.visited.t
    ui.label(t("recipes.bars")).classes("gt-hint")
    for kind in step.editing.classes:
        _class_card(step, kind)
    with card(t("recipes.default")):
        _rule(step, ("default",), t("recipes.default"), step.editing.recipe.default, "", lambda: None)


def _class_card(step: Step, kind: str) -> None:
    t, name = step.visited.t, kind_name(step.visited, kind)
    box = ui.element("section").classes("gt-card gt-class")
    box.props["data-kind"] = kind

    def draw() -> None:
        box.clear()
        with box:
            with ui.element("div").classes("gt-class-head"):
                with ui.element("h2"):
                    ui.label(name)
                inherits = ui.label(t("recipes.as_default")).classes("gt-hint")
                back = ui.button(t("recipes.back_to_default"), on_click=reset, color=None).props("no-caps unelevated")
                back.classes("gt-button is-quiet").props["aria-label"] = f"{name}: {t('recipes.back_to_default')}"

            def owned() -> None:
                own = step.editing.get("classes", kind) is not None
                inherits.set_visibility(not own)
                back.set_visibility(own)

            owned()
            _rule(step, ("classes", kind), name, step.editing.recipe.rule(kind), kind, owned)

    async def reset() -> None:
        step.editing.set(None, "classes", kind)
        draw()
        await step.changed()

    draw()


def _rule(step: Step, place: tuple[str, ...], name: str, rule: Rule, kind: str, owned: Callable[[], None]) -> None:
    """A rule's sliders and numbers. The first change makes the values the class's own; they begin as all others are."""
    t, editing = step.visited.t, step.editing

    def own() -> dict[str, Any]:
        found = editing.get(*place)
        return dict(found) if found is not None else editing.recipe.default.model_dump()

    async def moved(event: GenericEventArguments) -> None:
        scores = {"undecided_score": round(float(event.args["undecided"]), 4), "ng_score": round(float(event.args["ng"]), 4)}
        editing.set(own() | scores, *place)
        owned()
        await step.changed()

    async def numbered(key: str, value: float | None) -> None:
        editing.set(own() | {key: math.nan if value is None else value}, *place)
        owned()
        await step.changed()

    slider = Threshold()
    slider.props.update(
        label=name, undecided=rule.undecided_score, ng=rule.ng_score, bars=editing.bars(kind) if kind else [], disabled=False,
        words={k: t("recipes.thr." + k) for k in ("low", "high", "nothing", "doubtful", "reject")},
    )  # fmt: skip
    slider.on("change", moved, throttle=0.1)
    with ui.element("div").classes("gt-fields"):
        for key in ("min_size_mm" if editing.recipe.region.mm_per_px else "min_size_px", "allowed"):
            path = (*place, key)
            wrong = editing.wrong.get(path, "")
            step.fields[path] = number_field(step.visited, Rule, key, own().get(key), wrong, partial(numbered, key))


def ejector(step: Step) -> None:
    """When the part passes the ejector: every field of the recipe's model."""
    with card(step.visited.t("recipes.step.ejector")), ui.element("div").classes("gt-fields is-wide"):
        for key in Ejector.model_fields:
            step.number(Ejector, "ejector", key)


def summary(step: Step) -> None:
    """What it all comes to, in words, and what it is for."""
    t, editing = step.visited.t, step.editing

    async def noted(event: Any) -> None:
        editing.note = event.value or ""
        await step.changed()

    with card(t("recipes.changes")):
        ui.label(t("recipes.against")).classes("gt-hint")
        difference_list(step.visited, editing.differences())
        if editing.wrong:
            with ui.element("div").classes("gt-wrong").props("role=alert"):
                ui.label(t("recipes.wrong"))
                for text in editing.wrong.values():
                    ui.label(text)
    with card():
        ui.textarea(t("recipes.note"), value=editing.note, on_change=noted).props("outlined maxlength=200 autogrow").classes(
            "gt-wide gt-note"
        )


STEPS: dict[str, Callable[[Step], None]] = {"picture": picture, "thresholds": thresholds, "ejector": ejector, "summary": summary}
