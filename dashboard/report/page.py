"""The shift report in the browser: to read, to print, to take away; and the list of those that were written."""

from __future__ import annotations

import asyncio
import time
import urllib.parse
from datetime import date
from html import escape
from pathlib import Path

from fastapi import Request
from nicegui import ui

from dashboard import kit
from dashboard.desk import Desk
from dashboard.frame import Page, Visit, add_page
from dashboard.numbers import Numbers
from dashboard.report.build import document
from dashboard.report.html import html
from dashboard.report.thumbs import thumbs
from dashboard.report.written import File, listed, shift_called
from dashboard.statistics.tabs import tabs
from edge.errors import GutteilError
from edge.shift_report import shift_report
from edge.shifts import Calendar, Shift
from edge.store import Store

PAGE = Page("/statistics/report", "stats.tab.report", "", "statistics", ("statistics.css", "report.css"))
_LISTED = 60


def add(desk: Desk) -> None:
    """Register the page."""

    async def fill(visited: Visit, request: Request) -> None:
        numbers = Numbers(visited.language, Calendar(desk.config.shifts))
        with kit.content(visited.t("stats.title")):
            tabs(visited, "report")
            try:
                shift = shift_called(desk.config, request.query_params.get("shift", "last"), time.time_ns())
            except GutteilError as error:
                ui.label(str(error)).classes("gt-note is-bad").props('role="alert"')
                return
            _tools(visited, numbers, shift)
            with ui.element("div").classes("gt-paper-frame").props('aria-busy="true"') as frame:
                ui.label(visited.t("stats.loading")).classes("gt-hint")
            files = await asyncio.to_thread(listed, Path(desk.config.report.folder), desk.config.name)
            with kit.card(visited.t("stats.written")) as card:
                card.classes("gt-no-print")
                _written(visited, numbers, files[:_LISTED])

        async def load() -> None:
            frame.clear()
            with frame:
                await _paper(visited, numbers, shift)
            frame.props(remove="aria-busy")

        ui.timer(0, load, once=True)

    add_page(desk, PAGE, fill)


async def _paper(visited: Visit, numbers: Numbers, shift: Shift) -> None:
    now_ns, name = time.time_ns(), visited.desk.config.name

    def work(store: Store) -> str:
        report = shift_report(store, name, numbers.calendar, shift, now_ns)
        return html(document(report, numbers, thumbs(store, report), now_ns))

    try:
        ui.html(await visited.desk.record.ask(work), sanitize=False)
    except GutteilError as error:
        ui.label(str(error)).classes("gt-note is-bad")


def _tools(visited: Visit, numbers: Numbers, shift: Shift) -> None:
    """The shifts beside this one, printing, and the files."""
    t = {key: escape(text) for key, text in visited.texts.items() if key.startswith(("stats.", "language."))}
    calendar = numbers.calendar
    beside = [calendar.shift(shift.since_ns - 1), calendar.shift(shift.until_ns)]
    moves = [
        (_query("/statistics/report", s), text) for s, text in zip(beside, (f"‹ {t['stats.before']}", f"{t['stats.after']} ›"), strict=True)
    ]
    files = [
        (_query("/api/reports/pdf", shift, language=code), visited.t("stats.pdf", language=visited.t("language." + code)))
        for code in ("de", "en")
    ]
    links = "".join(f'<a class="gt-button" href="{href}">{text}</a>' for href, text in moves)
    links += '<span class="gt-spring"></span>'
    links += "".join(f'<a class="gt-button" href="{href}" download>{escape(text)}</a>' for href, text in files)
    links += f'<a class="gt-button is-quiet" href="{_query("/api/reports/figures", shift)}" download>{t["stats.data"]}</a>'
    with ui.element("div").classes("gt-row gt-no-print"):
        ui.html(links, sanitize=False).classes("gt-row gt-report-links")
        ui.button(visited.t("stats.print"), icon="print", color=None).props("no-caps unelevated").classes("gt-button is-primary").on(
            "click", js_handler="() => window.print()"
        )


def _query(path: str, shift: Shift, **more: str) -> str:
    return escape(f"{path}?" + urllib.parse.urlencode({"shift": f"{shift.day}/{shift.number}", **more}))


def _written(visited: Visit, numbers: Numbers, files: list[File]) -> None:
    config = visited.desk.config.report
    if not config.languages:
        ui.label(visited.t("stats.written_off")).classes("gt-hint")
    else:
        ui.label(visited.t("stats.written_where", folder=config.folder)).classes("gt-hint")
    if not files:
        if config.languages:
            ui.label(visited.t("stats.written_none")).classes("gt-hint")
        return
    t = {key: escape(text) for key, text in visited.texts.items() if key.startswith(("stats.", "language."))}
    rows = "".join(
        f'<tr><th scope="row"><a href="/api/reports/files/{f.name}" download>{f.name}</a></th><td>{numbers.day(date.fromisoformat(f.day))}</td>'
        f'<td class="is-number">{f.number}</td><td>{t["language." + f.language]}</td><td class="is-number">{numbers.whole(f.bytes / 1000)} kB</td></tr>'
        for f in files
    )
    head = "".join(
        f'<th scope="col"{c}>{t["stats." + name]}</th>'
        for name, c in (("file", ""), ("day", ""), ("shift", ' class="is-number"'), ("language", ""), ("size", ' class="is-number"'))
    )
    ui.html(
        f'<div class="gt-scroll" tabindex="0" role="region" aria-label="{t["stats.written"]}"><table class="gt-table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>',
        sanitize=False,
    )
