"""The shift calendar: a week of shifts with their figures, darker where more was rejected than usual."""

from __future__ import annotations

import sqlite3
import time
import urllib.parse
from datetime import date, timedelta
from html import escape

from fastapi import Request
from nicegui import ui

from dashboard import kit
from dashboard.desk import Desk
from dashboard.frame import Page, Visit, add_page
from dashboard.numbers import Numbers
from dashboard.report.build import shift_name
from dashboard.statistics.asked import iso, week_of
from dashboard.statistics.slots import short_day
from dashboard.statistics.tabs import tabs
from edge.errors import GutteilError
from edge.shifts import Calendar, Shift
from edge.statistics import Band, usual
from edge.store import Store
from edge.tally_sums import Counts, counts_of, per_slot

PAGE = Page("/statistics/shifts", "stats.tab.shifts", "", "statistics", ("statistics.css",))


def add(desk: Desk) -> None:
    """Register the page."""

    def fill(visited: Visit, request: Request) -> None:
        n = Numbers(visited.language, Calendar(desk.config.shifts))
        now_ns = time.time_ns()
        with kit.content(visited.t("stats.title")):
            tabs(visited, "shifts")
            try:
                monday = week_of(request.query_params.get("week", ""), n.calendar, now_ns)
            except GutteilError as error:
                ui.label(str(error)).classes("gt-note is-bad").props('role="alert"')
                return
            with kit.card(visited.t("stats.week", day=n.day(monday))), ui.element("div").props('aria-busy="true"') as body:
                ui.label(visited.t("stats.loading")).classes("gt-hint")

        async def load() -> None:
            body.clear()
            with body:
                try:
                    days = [n.calendar.shifts_of(monday + timedelta(days=d)) for d in range(7)]
                    counts, band = await desk.record.ask(lambda store: _figures(store, n.calendar, days))
                    ui.html(_week(visited, n, monday, days, counts, band, now_ns), sanitize=False)
                except GutteilError as error:
                    ui.label(str(error)).classes("gt-note is-bad")
            body.props(remove="aria-busy")

        ui.timer(0, load, once=True)

    add_page(desk, PAGE, fill)


def _figures(store: Store, calendar: Calendar, days: list[list[Shift]]) -> tuple[list[Counts], Band]:
    shifts = [shift for day in days for shift in day]
    with store.reading() as db:
        return _counts(db, shifts), usual(db, calendar, shifts[0].since_ns)


def _counts(db: sqlite3.Connection, shifts: list[Shift]) -> list[Counts]:
    return [counts_of(cells) for cells in per_slot(db, [(s.since_ns, s.until_ns) for s in shifts])]


def _week(visited: Visit, n: Numbers, monday: date, days: list[list[Shift]], counts: list[Counts], band: Band, now_ns: int) -> str:
    t = {key: escape(text) for key, text in visited.texts.items() if key.startswith("stats.")}
    by_shift = dict(zip([(s.day, s.number) for day in days for s in day], counts, strict=True))
    head = "".join(f'<th scope="col">{_weekday(date.fromisoformat(day[0].day), n)}</th>' for day in days)
    rows = []
    for number, named in enumerate(days[0]):
        clocks = f"{n.clock(named.since_ns)}–{n.clock(named.until_ns)}"
        cells = "".join(_cell(visited, n, day[number], by_shift[day[number].day, day[number].number], band, now_ns) for day in days)
        rows.append(f'<tr><th scope="row">{escape(shift_name(visited.texts, named))}<small>{clocks}</small></th>{cells}</tr>')
    said = escape(visited.t("stats.heat", rate=n.share(band.rate))) if band.rate is not None else t["stats.heat_plain"]
    links = "".join(
        f'<a class="gt-button" href="/statistics/shifts?week={(monday + timedelta(days=step)).isoformat()}">{text}</a>'
        for step, text in ((-7, f"‹ {t['stats.earlier']}"), (7, f"{t['stats.later']} ›"))
    )
    return (
        f'<div class="gt-row gt-week-links">{links}</div><p class="gt-hint">{said}</p>'
        f'<div class="gt-scroll" tabindex="0" role="region" aria-label="{t["stats.tab.shifts"]}"><table class="gt-heat"><thead><tr><th scope="col">{t["stats.shift"]}</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _weekday(day: date, n: Numbers) -> str:
    names = ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So") if n.language == "de" else ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    return f"{names[day.weekday()]} {short_day(day, n)}"


def _cell(visited: Visit, n: Numbers, shift: Shift, counts: Counts, band: Band, now_ns: int) -> str:
    t = visited.texts
    if not counts.parts:
        word = "stats.to_come" if shift.since_ns > now_ns else "stats.off" if shift.off else "stats.no_parts"
        return f'<td class="is-empty">{escape(t[word])}</td>'
    level = level_of(counts, band)
    rate = n.share(counts.reject_rate) if counts.reject_rate is not None else t["report.none"]
    parts = escape(visited.t("stats.cell_parts", n=n.whole(counts.parts)))
    figures = f"/statistics?span=range&amp;from={iso(shift.since_ns)}&amp;to={iso(shift.until_ns)}"
    name = urllib.parse.quote(f"{shift.day}/{shift.number}")
    title = escape(visited.t("stats.report_of", shift=f"{shift.day}/{shift.number}"))
    missed = f"<small> · {escape(visited.t('stats.cell_missed', n=n.whole(counts.missed)))}</small>" if counts.missed else ""
    now = f" · {t['stats.now']}" if shift.since_ns <= now_ns < shift.until_ns else ""
    word = f"<span>{escape(t['stats.level.' + level])}</span>" if level != "usual" else ""
    return (
        f'<td class="is-{level}{" is-now" if now else ""}"><a href="{figures}"><b>{rate}</b>{word}<small>{parts}{escape(now)}</small>{missed}</a>'
        f'<a class="gt-heat-report" href="/statistics/report?shift={name}" aria-label="{title}">{escape(t["stats.report"])}</a></td>'
    )


def level_of(counts: Counts, band: Band) -> str:
    """`high`: above what is usual for so many parts; `raised`: more than halfway there; else `usual`."""
    limits = band.limits(counts.judged)
    if limits is None or band.rate is None or counts.reject_rate is None:
        return "usual"
    if counts.reject_rate > limits[1]:
        return "high"
    return "raised" if counts.reject_rate > (band.rate + limits[1]) / 2 else "usual"
