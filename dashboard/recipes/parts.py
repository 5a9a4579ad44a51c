"""What the recipe pages have in common: a difference in words, a state with its sign, the what-if panel, fields from the recipe's model."""

from __future__ import annotations

import urllib.parse
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from nicegui import ui

from dashboard.frame import Visit
from edge.recipe_diff import Difference, shown
from edge.settings import Block
from edge.whatif import Answer, Flip
from edge.whatif_record import Asked

STATE_ICONS = {"proposed": "pending", "released": "verified", "active": "play_circle", "retired": "history"}
_FLIPS = 12


def kind_name(visited: Visit, kind: str) -> str:
    """A class of defect as people call it."""
    return visited.texts.get("kind." + kind, kind)


def word(visited: Visit, verdict: str) -> str:
    return visited.t("word." + verdict)


def clock(ns: int, *, day: bool = False) -> str:
    """A time of the machine for people."""
    return datetime.fromtimestamp(ns / 1e9).strftime("%d.%m. %H:%M" if day else "%H:%M")


def at(iso: str) -> str:
    """UTC of the record in local time."""
    return datetime.fromisoformat(iso.replace("Z", "+00:00")).astimezone().strftime("%d.%m.%Y %H:%M")


def href(path: str, **values: object) -> str:
    return f"{path}?{urllib.parse.urlencode({k: str(v) for k, v in values.items()})}"


def place_name(visited: Visit, difference: Difference) -> str:
    """Where a difference lies."""
    place, _, kind = difference.place.partition(" ")
    if place == "class":
        return visited.t("recipes.place.class", kind=kind_name(visited, kind))
    return visited.t("recipes.place." + place) if place else ""


def state_badge(visited: Visit, state: str) -> None:
    """A state, by sign and word."""
    with ui.element("span").classes(f"gt-state-badge is-{state}"):
        ui.icon(STATE_ICONS[state]).props("aria-hidden=true")
        ui.label(visited.t("recipes.state." + state))


def difference_list(visited: Visit, found: list[Difference]) -> None:
    """What differs, a line each."""
    if not found:
        ui.label(visited.t("recipes.same")).classes("gt-hint")
        return
    with ui.element("ul").classes("gt-diff"):
        for one in found:
            with ui.element("li"):
                ui.label(place_name(visited, one)).classes("gt-diff-place")
                ui.label(visited.t("recipes.field." + one.key)).classes("gt-diff-key")
                with ui.element("span").classes("gt-diff-values"):
                    ui.label(_value(one.before)).classes("is-before")
                    ui.label("→").props("aria-hidden=true")
                    ui.label(_value(one.after)).classes("is-after")


def _value(value: Any) -> str:
    return "–" if value is None or value == "" else shown(value)


def what_if(visited: Visit, parts: Asked, answer: Answer) -> None:
    """The panel: what the draft would have changed on the last parts. Escapes are loud."""
    t = visited.t
    if not parts.recent:
        ui.label(t("recipes.whatif_none")).classes("gt-hint")
        return
    ui.label(t("recipes.whatif_on", n=parts.recent, when=clock(parts.since_ns, day=True))).classes("gt-hint")
    with ui.element("div").classes("gt-wi-figures"):
        for sign, count, name, text in (("+", answer.more, "more", "recipes.more"), ("−", answer.fewer, "fewer", "recipes.fewer")):
            with ui.element("div").classes(f"gt-wi-figure is-{name}"):
                ui.label(f"{sign}{count}" if count else "0").classes("gt-wi-number")
                ui.label(t(text))
    ui.label(t("recipes.shift", more=answer.more_lately, fewer=answer.fewer_lately)).classes("gt-wi-shift")
    ui.label(t("recipes.now", before=answer.rejects_before, after=answer.rejects_after)).classes("gt-hint")
    _escapes(visited, answer)
    if answer.unseen:
        _line("visibility", "is-warn", t("recipes.unseen", n=answer.unseen))
    if answer.spared:
        _line("sentiment_satisfied", "is-good", t("recipes.spared", n=answer.spared, of=answer.confirmed_good))
    if answer.bad_goods:
        _line("sentiment_dissatisfied", "is-warn", t("recipes.bad_goods", n=answer.bad_goods, of=answer.confirmed_good))
    if answer.unsure:
        _line("help", "is-quiet", t("recipes.unsure", n=answer.unsure))
    if answer.estimated:
        _line("blur_on", "is-warn", t("recipes.estimated"))
    if answer.flips:
        ui.label(t("recipes.flips")).classes("gt-wi-sub")
        with ui.element("div").classes("gt-wi-flips"):
            for one in answer.flips[:_FLIPS]:
                _flip(visited, one)


def _escapes(visited: Visit, answer: Answer) -> None:
    t = visited.t
    if answer.escapes:
        with ui.element("div").classes("gt-wi-escape").props("role=alert"):
            ui.icon("dangerous").props("aria-hidden=true")
            with ui.element("div"):
                ui.label(t("recipes.escapes", n=len(answer.escapes), of=answer.confirmed_bad)).classes("gt-wi-loud")
                ui.label(t("recipes.escapes_new", n=answer.new_escapes) if answer.new_escapes else t("recipes.escapes_old"))
    elif answer.confirmed_bad:
        _line("shield", "is-good", t("recipes.no_escape", n=answer.confirmed_bad))
    else:
        _line("help", "is-warn", t("recipes.no_bad_known"))


def _line(icon: str, tone: str, text: str) -> None:
    with ui.element("p").classes(f"gt-wi-line {tone}"):
        ui.icon(icon).props("aria-hidden=true")
        ui.label(text)


def _flip(visited: Visit, one: Flip) -> None:
    text = visited.t("recipes.flip", part=one.part_id, before=word(visited, one.before), after=word(visited, one.after))
    with ui.element("figure").classes("gt-wi-flip" + (" is-escape" if one.truth == "bad" and one.after == "OK" else "")):
        if one.pictured:
            ui.element("img").props(f'src="/api/parts/{urllib.parse.quote(one.part_id, safe="")}/picture?size=thumb" loading=lazy').props[
                "alt"
            ] = text
        else:
            ui.icon("image_not_supported").props("aria-hidden=true")
        with ui.element("figcaption"):
            ui.label(f"{word(visited, one.before)} → {word(visited, one.after)}")
            if one.truth:
                ui.label(visited.t("recipes.truth." + one.truth)).classes(f"is-{one.truth}")


def number_field(
    visited: Visit, block: type[Block], key: str, value: float | None, wrong: str, changed: Callable[[float | None], Awaitable[None]]
) -> ui.number:
    """A field of a recipe with unit, bounds and help, all from the recipe's own model."""
    field = block.model_fields[key]
    low = next((m.ge for m in field.metadata if hasattr(m, "ge")), 0)
    high = next((m.le for m in field.metadata if hasattr(m, "le")), 0)
    unit = "mm_per_px" if key == "mm_per_px" else key.rpartition("_")[2]
    whole = field.annotation is int
    name = visited.t("recipes.field." + key)
    unit_text = visited.texts.get("recipes.unit." + unit, "")
    bounds = visited.t("recipes.bounds", low=f"{low:g}", high=f"{high:g}" if high < 1e6 else f"{high:.0f}")

    async def on_change(made: Any) -> None:
        raw = made.value
        await changed(None if raw is None else int(raw) if whole and float(raw).is_integer() else raw)

    number = ui.number(name, value=value, step=1 if whole else 0.1 if key != "mm_per_px" else 0.001, on_change=on_change)
    number.props(f'outlined hint="" data-key={key}').props["suffix"] = unit_text
    number.props["hint"] = f"{visited.t('recipes.help.' + key)} ({bounds})"
    number.classes("gt-field")
    show_wrong(number, wrong)
    return number


def show_wrong(field: ui.number, wrong: str) -> None:
    """Mark a field with what is wrong with it, or unmark it."""
    field.props["error"] = bool(wrong)
    field.props["error-message"] = wrong
    field.update()
