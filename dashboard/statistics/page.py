"""The statistics: what is asked for stands in the address, so that every view can be kept and sent."""

from __future__ import annotations

import asyncio
import json
import time
from html import escape

from fastapi import Request
from nicegui import ui

from dashboard import kit
from dashboard.desk import Desk
from dashboard.frame import Page, Visit, add_page
from dashboard.numbers import Numbers
from dashboard.statistics import cards
from dashboard.statistics.asked import BYS, NAMED, Asked, asked_of
from dashboard.statistics.cards import Card, kind_name
from dashboard.statistics.look import Look
from dashboard.statistics.tabs import tabs
from edge.errors import GutteilError
from edge.shifts import Calendar
from edge.store import Store

PAGE = Page("/statistics", "page.statistics", "insights", "statistics", ("statistics.css",))


def add(desk: Desk) -> None:
    """Register the page."""

    async def fill(visited: Visit, request: Request) -> None:
        numbers = Numbers(visited.language, Calendar(desk.config.shifts))
        with kit.content(visited.t("stats.title")):
            tabs(visited, "figures")
            try:
                asked = asked_of(request.query_params, numbers.calendar, time.time_ns())
            except GutteilError as error:
                ui.label(str(error)).classes("gt-note is-bad").props('role="alert"')
                return
            try:
                names = await desk.record.ask(lambda store: _choices(store, asked))
            except GutteilError as error:
                ui.label(str(error)).classes("gt-note is-bad").props('role="alert"')
                names = [[], []]
            ui.html(_form(visited, numbers, asked, *names), sanitize=False)
            _cards(visited, numbers, asked)

    add_page(desk, PAGE, fill)


def _choices(store: Store, asked: Asked) -> list[list[str]]:
    """Recipes and classes to choose from: those of the last runs, and what is chosen."""
    with store.reading() as db:
        rows = db.execute(
            "SELECT DISTINCT recipe, classes FROM (SELECT recipe, classes FROM runs ORDER BY begin_wall_ns DESC LIMIT 500)"
        ).fetchall()
    recipes = {recipe for recipe, _ in rows} | {asked.recipe}
    kinds = {str(kind) for _, classes in rows for kind in json.loads(classes or "[]")} | {asked.kind}
    return [sorted(n for n in names if n)[:100] for names in (recipes, kinds)]


def _cards(visited: Visit, numbers: Numbers, asked: Asked) -> None:
    """The frame of every card now, what it shows once the browser has come: the first content waits for no figure."""
    t = visited.texts
    plan: list[tuple[str, Card, str]] = [
        ("", cards.headline, "is-wide"),
        (t["stats.pareto"], cards.pareto, "is-tall"),
        (cards.trend_title(visited, asked), cards.trend, "is-tall"),
        (cards.control_title(visited, asked), cards.control, "is-wide is-tall"),
        (t["stats.by_recipe"], cards.recipes, "is-tall"),
        (t["stats.latencies"], cards.latencies, "is-tall"),
    ]
    made: list[tuple[ui.element, Card]] = []
    with ui.element("div").classes("gt-stats"):
        for title, show, shape in plan:
            with kit.card(title) as card:
                card.classes(shape)
                with ui.element("div").classes("gt-fill").props('aria-busy="true"') as body:
                    ui.label(t["stats.loading"]).classes("gt-hint")
            made.append((body, show))

    async def load() -> None:
        look = Look(visited, numbers, asked)
        await asyncio.gather(*(_fill(body, show, look) for body, show in made))

    ui.timer(0, load, once=True)


async def _fill(body: ui.element, show: Card, look: Look) -> None:
    body.clear()
    with body:
        try:
            await show(look)
        except GutteilError as error:
            ui.label(str(error)).classes("gt-note is-bad")
    body.props(remove="aria-busy")


def _form(visited: Visit, n: Numbers, asked: Asked, recipes: list[str], kinds: list[str]) -> str:
    """Spans as links, the rest as a form of the browser's own: it works with any keyboard and needs no script."""
    t = {key: escape(text) for key, text in visited.texts.items() if key.startswith(("stats.", "kind."))}
    spans = "".join(
        f'<a href="{escape(asked.address(named=name))}"{" aria-current=true" if asked.named == name else ""}>{t["stats.span." + name]}</a>'
        for name in NAMED
        if name != "range"
    )

    def select(key: str, label: str, options: list[tuple[str, str]], chosen: str) -> str:
        made = "".join(
            f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{text}</option>' for value, text in options
        )
        return f'<label>{label}<select name="{key}">{made}</select></label>'

    def moment(wall_ns: int) -> str:
        return n.calendar.local(wall_ns).strftime("%Y-%m-%dT%H:%M")

    every = ("", t["stats.all"])
    return (
        f'<nav class="gt-spans" aria-label="{t["stats.span"]}">{spans}</nav>'
        '<form class="gt-asked" method="get" action="/statistics"><input type="hidden" name="span" value="range">'
        f'<label>{t["stats.from"]}<input type="datetime-local" name="from" value="{moment(asked.since_ns)}" required></label>'
        f'<label>{t["stats.to"]}<input type="datetime-local" name="to" value="{moment(asked.until_ns)}" required></label>'
        + select("by", t["stats.by"], [(by, t["stats.by." + by]) for by in BYS], asked.by)
        + select("recipe", t["stats.recipe"], [every, *((r, escape(r)) for r in recipes)], asked.recipe)
        + select("kind", t["stats.kind"], [every, *((k, escape(kind_name(visited, k))) for k in kinds)], asked.kind)
        + select("rules", t["stats.rules"], [(r, t["stats.rules." + r]) for r in ("nelson", "western-electric")], asked.rules)
        + select(
            "limits", t["stats.limits"], [(v, t["stats.limits." + v]) for v in ("laney", "plain")], "laney" if asked.laney else "plain"
        )
        + f'<button class="gt-button is-primary">{t["stats.show"]}</button></form>'
    )
