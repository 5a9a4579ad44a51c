"""The statistics in a real browser: figures as the record has them, every chart with its table, the shift calendar and the report."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from pypdf import PdfReader

from dashboard.numbers import Numbers
from dashboard.people.roles import ROLES, Role
from dashboard.people.sessions import COOKIE, Sessions
from dashboard.people.users import People
from dashboard.report.written import write_due
from dashboard.texts import LANGUAGES, Language, texts_of
from edge import statistics
from edge.config import Shifts, load
from edge.shift_report import shift_report
from edge.shifts import Calendar, Shift
from edge.statistics import Bar
from edge.store import FILE_NAME, open_store
from edge.tally_sums import Counts
from tests.dashboard.feed import Feed, Server, free_ports
from tests.dashboard.stage import SIZES, Stage, check_accessible, make_people
from tests.dashboard.weeks import REVIEWER, Weeks

SETTINGS = Shifts(zone="Europe/Berlin")
CALENDAR = Calendar(SETTINGS)
DAY_NS = 86_400 * 10**9
EVIL = '<img src=x onerror="window.evil=1">'


@pytest.fixture(scope="module")
def weeks(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, Weeks]]:
    """A line whose record has eight days in it."""
    feed = Feed(tmp_path_factory.mktemp("weeks"), free_ports(3))
    made = Weeks(feed.folder / "record", feed.name, settings=SETTINGS, kinds=("short", EVIL, "open", "spur"))
    made.fill(time.time_ns(), 8, 48)
    try:
        with Server(feed, free_ports(1)[0], more='[shifts]\nzone = "Europe/Berlin"\n') as server:
            make_people(feed.folder / "record")
            yield Stage(browser, feed, server), made
    finally:
        feed.close()


@pytest.fixture(scope="module")
def stage(weeks: tuple[Stage, Weeks]) -> Stage:
    return weeks[0]


def _ready(page: Page) -> None:
    page.wait_for_function("!document.querySelector('[aria-busy]') && document.querySelector('h1')")


def _last(days: int) -> tuple[int, int]:
    """As the page's named spans."""
    today = CALENDAR.day(time.time_ns())
    first = CALENDAR.day(today.since_ns - (days - 1) * DAY_NS + DAY_NS // 2)
    return first.since_ns, today.until_ns


def _figures(stage: Stage, span: tuple[int, int]) -> tuple[Counts, list[Bar]]:
    with open_store(stage.folder / FILE_NAME, read_only=True) as store, store.reading() as db:
        return statistics.summary(db, span), statistics.pareto(db, span)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_shows_what_the_record_has(stage: Stage, language: Language, size: str) -> None:
    counts, bars = _figures(stage, _last(7))
    n, t = Numbers(language, CALENDAR), texts_of(language)
    with stage.page("/statistics?span=week", "viewer", language=language, size=size, dark=language == "en") as page:
        _ready(page)
        text = page.locator("#main").inner_text()
        assert n.whole(counts.parts) in text
        assert counts.first_pass_yield is not None
        assert n.share(counts.first_pass_yield) in text
        assert t["report.bounds"].split("{")[0] in text
        assert t["stats.signals"] in text
        assert page.locator(".gt-chart-plot canvas").count() == 5
        for details in page.locator(".gt-table-beside").all():
            details.locator("summary").click()
        first = page.locator(".gt-table tbody tr").first.locator("th, td").all_inner_texts()
        assert first[:3] == [t.get("kind." + bars[0].kind, bars[0].kind), n.whole(bars[0].parts), n.whole(bars[0].defects)]
        check_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out to the side"
        assert page.evaluate("window.evil") is None


def test_a_row_leads_to_its_parts_and_a_picture_to_its_part(stage: Stage) -> None:
    _, bars = _figures(stage, _last(7))
    with stage.page("/statistics?span=week", "viewer") as page:
        _ready(page)
        page.locator(".gt-table-beside summary").first.click()
        link = page.locator(".gt-table tbody a").first.get_attribute("href") or ""
        where = urllib.parse.urlsplit(link)
        query = dict(urllib.parse.parse_qsl(where.query))
        assert where.path == "/history"
        assert query["kind"] == bars[0].kind
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", query["from"])
        example = page.locator(".gt-examples a").first
        assert example.get_attribute("href") == f"/parts/{bars[0].examples[0]}"
        assert example.locator("img").get_attribute("src") == f"/api/parts/{bars[0].examples[0]}/picture?size=thumb"


def test_what_is_chosen_stands_in_the_address_and_is_chosen_again_there(stage: Stage) -> None:
    with stage.page("/statistics?span=month", "viewer") as page:
        _ready(page)
        page.locator("select[name=recipe]").select_option("board-B")
        page.locator("select[name=by]").select_option("shift")
        page.locator("select[name=rules]").select_option("western-electric")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**recipe=board-B**")
        _ready(page)
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(page.url).query))
        assert (query["span"], query["by"], query["rules"]) == ("range", "shift", "western-electric")
        assert page.locator("select[name=recipe]").input_value() == "board-B"
        assert page.get_by_role("heading", name="Trend by shift").is_visible()
        page.get_by_role("link", name="7 days").click()
        page.wait_for_url("**span=week**")
        assert "recipe=board-B" in page.url


def test_charts_are_taken_away_as_picture_and_table(stage: Stage) -> None:
    _, bars = _figures(stage, _last(7))
    with stage.page("/statistics?span=week", "viewer", language="de") as page:
        _ready(page)
        with page.expect_download() as taken:
            page.get_by_role("button", name="CSV").first.click()
        rows = list(csv.reader(io.StringIO(Path(taken.value.path()).read_text("utf-8-sig")), delimiter=";"))
        assert taken.value.suggested_filename == "pareto.csv"
        assert rows[0][0] == "Klasse"
        assert [row[1] for row in rows[1:]] == [str(b.parts) for b in bars]
        with page.expect_download() as taken:
            page.get_by_role("button", name="PNG").first.click()
        assert Path(taken.value.path()).read_bytes().startswith(b"\x89PNG")


def test_the_switch_of_light_draws_the_charts_anew(stage: Stage) -> None:
    taken = "document.querySelector('.gt-chart-plot canvas').toDataURL()"
    with stage.page("/statistics?span=week", "viewer") as page:
        page.emulate_media(reduced_motion="reduce")
        _ready(page)
        page.wait_for_timeout(400)
        dark = page.evaluate(taken)
        page.locator(".gt-theme").click()
        page.wait_for_function(f"(before) => {taken} !== before", arg=dark)


def test_the_keyboard_reaches_every_table(stage: Stage) -> None:
    with stage.page("/statistics?span=week", "viewer") as page:
        _ready(page)
        summary = page.locator(".gt-table-beside summary").nth(1)
        summary.focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.classList.contains('gt-scroll')")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('.gt-table') !== null")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/statistics?span=decade", "span = 'decade'"),
        ("/statistics?span=range&from=%3Cscript%3E&to=x", "from = '<script>'"),
        ("/statistics/shifts?week=x", "week = 'x'"),
        ("/statistics/report?shift=1", "shift '1'"),
    ],
)
def test_an_address_that_asks_for_nothing_says_what_is_wrong(stage: Stage, address: str, said: str) -> None:
    with stage.page(address, "viewer") as page:
        alert = page.get_by_role("alert").filter(has_text=said)
        alert.wait_for()


def test_a_span_without_parts_says_so(stage: Stage) -> None:
    with stage.page("/statistics?span=range&from=2001-01-01&to=2001-01-02", "viewer") as page:
        _ready(page)
        assert page.get_by_text("No part in this time.").count() >= 3


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_calendar_shows_each_shift_of_the_week(stage: Stage, language: Language, size: str) -> None:
    shift = _ended()
    counts, _ = _figures(stage, (shift.since_ns, shift.until_ns))
    n = Numbers(language, CALENDAR)
    with stage.page(f"/statistics/shifts?week={shift.day}", "viewer", language=language, size=size, dark=language == "en") as page:
        _ready(page)
        assert page.locator(".gt-heat tbody tr").count() == 3
        cell = page.locator(f'.gt-heat td:has(a[href*="{urllib.parse.quote(f"{shift.day}/{shift.number}")}"])')
        assert counts.reject_rate is not None
        assert n.share(counts.reject_rate) in cell.inner_text()
        check_accessible(page)
        cell.locator("a").first.click()
        page.wait_for_url("**/statistics?span=range**")
        _ready(page)
        assert n.whole(counts.parts) in page.locator(".gt-figures").inner_text()


def _ended() -> Shift:
    return CALENDAR.shift(CALENDAR.shift(time.time_ns()).since_ns - 1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_on_the_screen_and_as_file(stage: Stage, language: Language, size: str) -> None:
    shift = _ended()
    with open_store(stage.folder / FILE_NAME, read_only=True) as store:
        report = shift_report(store, stage.feed.name, CALENDAR, shift, time.time_ns())
    with stage.page("/statistics/report?shift=last", "viewer", language=language, size=size, dark=language == "en") as page:
        _ready(page)
        paper = page.locator(".gt-paper")
        assert report.sha256() in paper.inner_text()
        assert paper.locator("svg").count() >= 2
        assert REVIEWER not in page.content()
        assert page.evaluate("window.evil") is None
        check_accessible(page)
        files = {"de": "Deutsch", "en": "Englisch"} if language == "de" else {"de": "German", "en": "English"}
        with page.expect_download() as taken:
            page.get_by_role("link", name=f"PDF ({files[language]})").click()
        assert taken.value.suggested_filename == f"{stage.feed.name}_{shift.day}_{shift.number}_{language}.pdf"
        text = PdfReader(taken.value.path()).pages[0].extract_text()
        assert texts_of(language)["report.title"] in text
        assert report.sha256() in text
        page.emulate_media(media="print")
        assert not page.locator(".gt-header").is_visible()
        assert not page.locator(".gt-tabs").is_visible()
        assert paper.is_visible()


def test_reports_that_were_written_are_listed_and_handed_out_to_those_who_may(stage: Stage) -> None:
    config = load(stage.server.file)
    shift = _ended()
    written = write_due(config, time.time_ns() + 120 * 10**9)
    names = sorted(p.name for p in written)
    assert any(f"{shift.day}_{shift.number}_de.pdf" in name for name in names) or names == [], "the server's own job may have been first"
    name = f"{stage.feed.name}_{shift.day}_{shift.number}_de.pdf"
    for role in (*ROLES, None):
        status, body = _get(stage, f"/api/reports/files/{name}", role)
        assert (status, body[:4]) == ((200, b"%PDF") if role else (401, b'{"ac')), role
    with stage.page("/statistics/report", "viewer") as page:
        _ready(page)
        assert page.get_by_role("link", name=name).is_visible()
    for wrong in ("..%2Fgutteil.db", "written.json", "S1_2026-01-01_1_de.pdf", "%2e%2e%2fgutteil.db", ".lock"):
        assert _get(stage, f"/api/reports/files/{wrong}", "viewer")[0] == 404
    for query, status in (("shift=x", 400), ("shift=2026-11-24/9", 400), ("language=fr", 422)):
        assert _get(stage, f"/api/reports/pdf?{query}", "viewer")[0] == status
    status, figures = _get(stage, "/api/reports/figures?shift=last", "viewer")
    assert status == 200
    assert REVIEWER.encode() not in figures


def _get(stage: Stage, path: str, role: Role | None) -> tuple[int, bytes]:
    people = People(stage.folder)
    with contextlib.closing(people):
        person = people.find(role) if role else None
        headers = {"Cookie": f"{COOKIE}={Sessions(people).begin(person)}"} if person is not None else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(stage.server.url + path, headers=headers), timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_nobody_looks_without_logging_in(stage: Stage) -> None:
    with stage.page("/", None) as page:
        for path in ("/statistics", "/statistics/shifts", "/statistics/report"):
            assert page.goto(stage.server.url + path) is not None
            assert "/login?to=" in page.url
