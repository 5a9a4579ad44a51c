"""Logging in in a real browser: by password, by PIN with gloves, by badge; and the first start."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard.people.setup_code import read_code
from dashboard.people.staff import Staff
from dashboard.people.users import People
from dashboard.record import Record
from dashboard.texts import Language, texts_of
from tests.dashboard.feed import Feed, Server, free_ports
from tests.dashboard.people.http import JSON, ask, cookie
from tests.dashboard.stage import PASSWORD, Stage, check_accessible, make_people

PIN, BADGE = "8205", "BADGE-00012345"


@pytest.fixture(scope="module")
def terminal(stage: Stage) -> Stage:
    """The stage with people who have a PIN or a badge."""
    people, record = People(stage.folder), Record(str(stage.folder), "S1")
    with contextlib.closing(people), contextlib.closing(record):
        staff = Staff(people, record.note_now)
        for name in ("operator", "quality"):
            staff.set_pin("admin", name, PIN)
        staff.set_badge("admin", "engineer", BADGE)
    return stage


@pytest.mark.parametrize(("language", "size"), [("en", "screen"), ("de", "tablet")])
def test_a_person_logs_in_and_out(stage: Stage, language: Language, size: str) -> None:
    t = texts_of(language)
    with stage.page("/login?to=/", language=language, size=size) as page:
        check_accessible(page)
        page.get_by_label(t["login.name"]).fill("operator")
        page.get_by_label(t["login.password"]).fill("not the password")
        page.get_by_role("button", name=t["login.go"], exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text(t["login.wrong"])
        page.get_by_label(t["login.name"]).fill("Operator")
        page.get_by_label(t["login.password"]).fill(PASSWORD)
        page.get_by_role("button", name=t["login.go"], exact=True).click()
        expect(page.locator(".gt-person")).to_contain_text(t["role.operator"])
        page.get_by_role("button", name=t["frame.logout"]).click()
        expect(page.locator(".gt-person")).to_have_count(0)


@pytest.mark.parametrize(("language", "size"), [("en", "screen"), ("de", "tablet")])
def test_an_operator_taps_name_and_pin(terminal: Stage, language: Language, size: str) -> None:
    t = texts_of(language)
    with terminal.page("/login?to=/me", language=language, size=size) as page:
        check_accessible(page)
        page.get_by_role("button", name="operator", exact=True).click()
        check_accessible(page)
        pad = page.get_by_role("group", name=t["login.pin"])
        for box in (button.bounding_box() for button in pad.get_by_role("button").all()):
            assert box is not None
            assert min(box["width"], box["height"]) >= 48, "for gloves"
        for digit in "8206":
            pad.get_by_role("button", name=digit, exact=True).click()
        pad.get_by_role("button", name=t["login.go"], exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text(t["login.wrong"])
        page.keyboard.type("829")
        page.keyboard.press("Backspace")
        pad.get_by_role("button", name="0", exact=True).click()
        page.keyboard.type("5")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="quality", exact=True).click()
        page.keyboard.type(PIN)
        pad.get_by_role("button", name=t["login.go"], exact=True).click()
        expect(page.get_by_text(t["me.by_pin"])).to_be_visible()
        # an operator's pages only: the audit log asks for the password
        page.goto(terminal.server.url + "/audit")
        expect(page.get_by_role("alert")).to_have_text(t["login.more"])


def test_a_badge_is_scanned_wherever_the_page_stands(terminal: Stage) -> None:
    for prepared in (None, "operator"):
        with terminal.page("/login?to=/me") as page:
            if prepared:
                page.get_by_role("button", name=prepared, exact=True).click()
            scan(page, "BADGE-99999999")
            expect(page.get_by_role("alert")).to_contain_text(texts_of("en")["login.wrong"])
            scan(page, BADGE)
            expect(page.locator(".gt-person")).to_contain_text("engineer")


def scan(page: Page, text: str) -> None:
    """As a scanner types: fast, and Enter at the end. In one go, so that a busy machine types no slower."""
    page.evaluate(
        """(keys) => keys.forEach((key) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })))""",
        [*text, "Enter"],
    )


def test_language_and_light_go_with_the_person(stage: Stage) -> None:
    with stage.page("/me", "viewer", language="en") as page:
        page.get_by_role("button", name="Deutsch").last.click()
        expect(page.get_by_role("heading", name=texts_of("de")["me.taste"])).to_be_visible()
        page.get_by_role("button", name=texts_of("de")["me.light"], exact=True).click()
        expect(page.locator("body.body--light")).to_be_visible()
    with stage.page("/me", "viewer", language="en", dark=True) as page:
        expect(page.get_by_role("heading", name=texts_of("de")["me.taste"])).to_be_visible()
        expect(page.locator("body.body--light")).to_be_visible()
        assert page.evaluate("document.documentElement.lang") == "de"


@pytest.fixture
def fresh(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """An appliance that nobody has logged in to yet."""
    feed = Feed(tmp_path_factory.mktemp("fresh"), free_ports(3))
    try:
        with Server(feed, free_ports(1)[0]) as server:
            yield Stage(browser, feed, server)
    finally:
        feed.close()


def test_the_first_start(fresh: Stage) -> None:
    url, t = fresh.server.url, texts_of("de")
    html = {"Accept": "text/html"}
    for path in ("/people", "/me", "/audit", "/login"):
        answer = ask(url + path, **html)
        assert (answer.status, answer.headers["location"]) == (303, "/setup")
    assert ask(url + "/").status == ask(url + "/api/live").status == ask(url + "/health/ready").status == 200
    assert ask(url + "/api/audit").status == ask(url + "/api/session", "POST", b"{}", **JSON).status == 403
    code = read_code(fresh.folder)
    assert code is not None
    with fresh.page("/setup", language="de", size="tablet") as page:
        assert code.code not in page.content()
        check_accessible(page)
        fill(page, t, "AAAA-BBBB-CCCC", "Eve", PASSWORD, PASSWORD)
        expect(page.get_by_role("alert")).to_have_text(t["people.error.code"])
        fill(page, t, code.code, "Eve", PASSWORD, PASSWORD + "x")
        expect(page.get_by_role("alert")).to_have_text(t["people.error.differ"])
        fill(page, t, code.code, "Eve", "short", "short")
        expect(page.get_by_role("alert")).to_contain_text("10")
        fill(page, t, code.code, "Eve", PASSWORD, PASSWORD)
        expect(page.get_by_role("heading", name=t["people.title"])).to_be_visible()
        expect(page.locator(".gt-person")).to_contain_text("Eve")
    assert read_code(fresh.folder) is None
    assert ask(url + "/setup", **html).headers["location"] == "/login"
    assert ask(url + "/api/setup", "POST", b"{}", **JSON).status == 404
    with contextlib.closing(People(fresh.folder)) as people:
        assert [(u.name, u.role) for u in people.all_users()] == [("Eve", "admin")]


def test_a_page_that_fails_says_nothing_of_what_is_inside(fresh: Stage) -> None:
    make_people(fresh.folder)
    who = cookie(fresh, "admin")
    with contextlib.closing(People(fresh.folder)) as people, people.database() as db:
        db.execute("ALTER TABLE disclosures RENAME TO elsewhere")
    answer = ask(fresh.server.url + "/audit", **who)
    assert answer.status == 500
    assert texts_of("de")["frame.fault"] in answer.body.decode()
    for word in (b"disclosures", b"Operational", b"Traceback", b"sqlite"):
        assert word not in answer.body


def fill(page: Page, t: dict[str, str], code: str, name: str, password: str, again: str) -> None:
    for key, value in (("setup.code", code), ("setup.name", name), ("login.password", password), ("setup.again", again)):
        page.get_by_label(t[key], exact=True).fill(value)
    page.get_by_role("button", name=t["setup.go"]).click()
