"""The pages about people in a real browser: main flows, both languages and sizes, hostile texts, and a page whose session is over."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dashboard.people.roles import PERMISSIONS
from dashboard.people.sessions import COOKIE, Sessions, hashed
from dashboard.people.staff import Staff
from dashboard.people.users import People
from dashboard.record import Record
from dashboard.texts import Language, texts_of
from edge.store import FILE_NAME, open_store
from tests.dashboard.hostile import HOSTILE, check_harmless
from tests.dashboard.people.http import ask, cookie
from tests.dashboard.stage import PASSWORD, Stage, check_accessible

BOTH = [("en", "screen"), ("de", "tablet")]


def chain(folder: Path) -> list[tuple[str, str, str]]:
    with open_store(folder / FILE_NAME, read_only=True) as store:
        assert store.verify_audit().holds
        return [(row.op, row.who, row.text) for row in reversed(store.audit(1_000))]


def make(stage: Stage, name: str, role: str) -> None:
    """Somebody whom the test may change."""
    with contextlib.closing(People(stage.folder)) as people, contextlib.closing(Record(str(stage.folder), "S1")) as record:
        Staff(people, record.note_now).add("test", name, role, PASSWORD)


@pytest.mark.parametrize(("language", "size"), BOTH)
def test_an_admin_adds_somebody_who_then_chooses_a_password(stage: Stage, language: Language, size: str) -> None:
    t, name = texts_of(language), f"Nele {language}"
    with stage.page("/people", "admin", language=language, size=size) as page:
        check_accessible(page)
        page.get_by_role("button", name=t["people.add"]).click()
        page.get_by_role("dialog").get_by_label(t["people.name"]).fill(name)
        page.get_by_role("dialog").get_by_role("button", name=re.compile(t["role.engineer"])).click()
        check_accessible(page)
        page.get_by_role("dialog").get_by_role("button", name=t["people.add"]).click()
        password = page.locator("[data-secret]").inner_text()
        page.get_by_role("button", name=t["people.written_down"]).click()
        expect(page.get_by_role("row", name=name)).to_contain_text(t["people.state.one_time"])
        expect(page.locator("[data-secret]")).to_have_count(0)
        assert password not in page.content(), "it is shown once"
    assert ("user-add", "admin", f"{name}: none → engineer") in chain(stage.folder)
    with stage.page("/login", language=language, size=size) as page:
        page.get_by_label(t["login.name"]).fill(name)
        page.get_by_label(t["login.password"]).fill(password)
        page.get_by_role("button", name=t["login.go"], exact=True).click()
        expect(page.get_by_text(t["me.first_step"])).to_be_visible()
        page.goto(stage.server.url + "/audit")
        expect(page.get_by_text(t["me.first_step"])).to_be_visible()
        for key, value in (("me.current", password), ("me.new", PASSWORD), ("setup.again", PASSWORD)):
            page.get_by_label(t[key], exact=True).fill(value)
        page.get_by_role("button", name=t["me.password_go"]).click()
        page.wait_for_url(stage.server.url + "/")
        page.goto(stage.server.url + "/me")
        expect(page.get_by_role("heading", name=t["token.title"])).to_be_visible()


def test_an_admin_changes_somebody(stage: Stage) -> None:
    t = texts_of("en")
    make(stage, "Gregor", "viewer")
    with stage.page("/people", "admin") as page:

        def act(button: str) -> None:
            page.get_by_role("button", name="Change Gregor").click()
            page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()

        row = page.get_by_role("row", name="Gregor")
        page.get_by_role("button", name="Change Gregor").click()
        page.get_by_role("dialog").get_by_role("button", name=re.compile(t["role.operator"])).click()
        page.get_by_role("dialog").get_by_role("button", name=t["people.set_role"]).click()
        expect(row).to_contain_text(t["role.operator"])
        act(t["people.set_pin"])
        page.get_by_role("dialog").get_by_role("textbox").fill("1234")
        page.get_by_role("button", name=t["people.save"]).click()
        expect(page.get_by_text(t["people.error.pin_weak"])).to_be_visible()
        act(t["people.set_pin"])
        page.get_by_role("dialog").get_by_role("textbox").fill("8205")
        page.get_by_role("button", name=t["people.save"]).click()
        expect(row).to_contain_text(t["login.pin"])
        act(t["people.set_badge"])
        page.get_by_role("dialog").get_by_role("textbox").fill("BADGE-0001")
        page.keyboard.press("Enter")
        expect(row).to_contain_text(t["people.badge"])
        act(t["people.disable"])
        expect(row).to_contain_text(t["people.state.disabled"])
        act(t["people.enable"])
        expect(row).to_contain_text(t["people.state.in"])
        act(t["people.remove"])
        page.get_by_role("dialog").get_by_role("button", name=t["people.remove"], exact=True).click()
        expect(row).to_have_count(0)
        page.get_by_role("button", name="Change admin").click()
        page.get_by_role("dialog").get_by_role("button", name=t["people.disable"], exact=True).click()
        expect(page.get_by_text("admin is the last admin")).to_be_visible()
    done = [op for op, who, text in chain(stage.folder) if text.startswith("Gregor:") and who == "admin"]
    assert done == ["user-role", "user-pin", "user-badge", "user-disable", "user-enable", "user-remove"]


@pytest.mark.parametrize(("language", "size"), BOTH)
def test_ones_own_page(stage: Stage, language: Language, size: str) -> None:
    t, name = texts_of(language), f"Otto {language}"
    make(stage, name, "engineer")
    with logged_in(stage, name, language, size) as page:
        check_accessible(page)
        with contextlib.closing(People(stage.folder)) as people:
            person = people.find(name)
            assert person is not None
            elsewhere = Sessions(people).begin(person, "password", "10.0.0.9", "Firefox")
            page.reload()
            expect(page.get_by_text("10.0.0.9")).to_be_visible()
            page.get_by_role("button", name=t["me.end"], exact=True).click()
            expect(page.get_by_text("10.0.0.9")).to_have_count(0)
            assert Sessions(people).find(elsewhere) is None
        page.get_by_role("button", name=t["token.make"]).click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label(t["token.label"]).fill("MES bridge")
        dialog.get_by_role("checkbox", name=t["permission.history"]).click()
        dialog.get_by_label(t["me.current"]).fill(PASSWORD)
        check_accessible(page)
        dialog.get_by_role("button", name=t["token.make"]).click()
        token = page.locator("[data-secret]").inner_text()
        assert ask(f"{stage.server.url}/api/audit", Authorization=f"Bearer {token}").status == 403
        page.get_by_role("button", name=t["people.written_down"]).click()
        expect(page.locator("[data-secret]")).to_have_count(0)
        assert token not in page.content()
        page.get_by_role("button", name=t["token.revoke_which"].format(label="MES bridge")).click()
        expect(page.get_by_text(t["token.none"])).to_be_visible()
        assert ask(f"{stage.server.url}/api/audit", Authorization=f"Bearer {token}").status == 401
        for key, value in (("me.new_pin", "8205"), ("me.pin_again", "8205")):
            page.get_by_label(t[key], exact=True).fill(value)
        page.get_by_label(t["me.current"], exact=True).nth(1).fill("wrong words here")
        page.get_by_role("button", name=t["me.pin_go"]).click()
        expect(page.get_by_text(t["people.error.own_password"])).to_be_visible()
        page.get_by_label(t["me.current"], exact=True).nth(1).fill(PASSWORD)
        page.get_by_role("button", name=t["me.pin_go"]).click()
        expect(page.get_by_text(t["me.pin_done"])).to_be_visible()


@contextlib.contextmanager
def logged_in(stage: Stage, name: str, language: Language, size: str) -> Iterator[Page]:
    """The own page of somebody who is none of the stage's people."""
    with stage.page("/", None, language=language, size=size) as page:
        page.context.add_cookies([{"name": COOKIE, "value": cookie(stage, name)["Cookie"].partition("=")[2], "url": stage.server.url}])
        page.goto(stage.server.url + "/me")
        yield page


@pytest.mark.parametrize(("language", "size"), BOTH)
def test_the_audit_log(stage: Stage, language: Language, size: str) -> None:
    t, name = texts_of(language), f"Paula {language}"
    make(stage, name, "viewer")
    with stage.page("/audit", "quality", language=language, size=size) as page:
        check_accessible(page)
        page.get_by_role("button", name=t["audit.verify"]).click()
        with open_store(stage.folder / FILE_NAME, read_only=True) as store:
            check = store.verify_audit()
        expect(page.locator(".gt-verdict")).to_contain_text(check.head)
        page.get_by_label(t["audit.noted"]).fill("0123456789" * 6 + "abcd")
        page.get_by_role("button", name=t["audit.verify"]).click()
        expect(page.locator(".gt-verdict.is-bad")).to_be_visible()
        page.get_by_label(t["audit.who"], exact=True).fill("TEST")
        page.get_by_label(t["audit.op"], exact=True).fill("user-")
        page.get_by_role("button", name=t["audit.search"]).click()
        expect(page.get_by_role("cell", name=f"{name}: none → viewer")).to_be_visible()
        expect(page.locator("tbody td.gt-name", has_not_text=re.compile("^test$"))).to_have_count(0)
        with page.expect_download() as download:
            page.get_by_role("link", name=t["audit.csv"]).click()
        rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
        assert {row["who"] for row in rows} == {"test"}
        page.get_by_role("button", name=t["persons.show"]).click()
        page.get_by_role("dialog").get_by_label(t["persons.why"]).fill("agreed with the works council")
        page.get_by_role("dialog").get_by_role("button", name=t["persons.show"]).click()
        expect(page.get_by_text("agreed with the works council")).to_be_visible()
        page.get_by_role("button", name=t["persons.hide"]).click()
        expect(page.get_by_text(t["persons.off"])).to_be_visible()
        check_accessible(page)


def test_the_audit_log_for_programs(stage: Stage) -> None:
    who = cookie(stage, "quality")
    for n in range(7):
        make(stage, f"Rolf {n}", "viewer")
    address = f"{stage.server.url}/api/audit"
    numbers: list[int] = []
    before = ""
    while True:
        rows = ask(f"{address}?n=3{before}", **who).json["rows"]
        if not rows:
            break
        numbers += [row["number"] for row in rows]
        before = f"&before={rows[-1]['number']}"
    assert numbers == list(range(numbers[0], 0, -1))
    whole = json.loads(ask(f"{address}.json", **who).body)
    assert [row["number"] for row in whole] == numbers
    assert ask(f"{address}.json?who=nobody+at+all", **who).json == []
    for wrong in ("n=0", "n=1001", "n=x", "before=-1", "before=x", "since=yesterday", "until=9999-99-99"):
        assert ask(f"{address}?{wrong}", **who).status == 400, wrong


def test_hostile_texts_stay_text(stage: Stage) -> None:
    with contextlib.closing(People(stage.folder)) as people, contextlib.closing(Record(str(stage.folder), "S1")) as record:
        # as if every check of a name or label had been forgotten
        with people.database() as db:
            for n, text in enumerate(HOSTILE):
                db.execute("INSERT OR IGNORE INTO users (name, role, password, pin, made_ns) VALUES (?, 'viewer', 'x', 'x', 0)", (text,))
                row = (hashed(f"t{n}"), "quality", text, "history", 0, 9e9)
                db.execute("INSERT INTO tokens (token, name, label, scopes, made_s, until_s) VALUES (?, ?, ?, ?, ?, ?)", row)
                db.execute("INSERT INTO sessions VALUES (?, 'quality', 'password', ?, ?, ?, ?)", (f"s{n}", text, text, 2e9, 2e9))
        for text in HOSTILE:
            record.note_now(text, text, text, key=text)
    try:
        with stage.page("/people", "admin") as page:
            check_harmless(page, *HOSTILE)
        with stage.page("/audit", "quality") as page:
            check_harmless(page, *HOSTILE)
        with stage.page("/me", "quality") as page:
            check_harmless(page, *HOSTILE)
        with stage.page("/login") as page:
            check_harmless(page, *HOSTILE)
            page.get_by_role("button", name=HOSTILE[0], exact=True).click()
            check_harmless(page, HOSTILE[0])
        for text in HOSTILE[:3]:
            with stage.page("/login?to=" + text.replace("#", "").replace(" ", "%20").replace('"', "%22")) as page:
                check_harmless(page)
    finally:
        with contextlib.closing(People(stage.folder)) as people, people.database() as db:
            db.execute("DELETE FROM users WHERE password = 'x'")


def test_the_browser_runs_no_script_that_was_smuggled_in(stage: Stage) -> None:
    """Even where a text did become HTML: the policy is what stands behind."""
    with stage.page("/me", "viewer") as page:
        broken: list[str] = []
        page.on("console", lambda message: broken.append(message.text) if "Content Security Policy" in message.text else None)
        page.reload()
        expect(page.get_by_role("heading", name=texts_of("en")["me.password"])).to_be_visible()
        assert broken == [], "our own pages keep to it"
        page.evaluate(
            """() => { const place = document.createElement("div"); document.body.append(place);
            place.innerHTML = '<img src=x onerror="window.smuggled = 1">';
            const script = document.createElement("script"); script.textContent = "window.smuggled = 2"; document.body.append(script); }"""
        )
        page.wait_for_timeout(500)
        assert page.evaluate("window.smuggled") is None
        assert broken


def test_a_page_whose_session_is_over_does_nothing(stage: Stage) -> None:
    t = texts_of("en")
    make(stage, "Sven", "viewer")
    before = len(chain(stage.folder))
    with stage.page("/people", "admin") as page:
        page.get_by_role("button", name="Change Sven").click()
        end_sessions(stage, "admin")
        page.get_by_role("dialog").get_by_role("button", name=t["people.disable"], exact=True).click()
        expect(page.get_by_text(t["frame.session_over"])).to_be_visible()
    with stage.page("/audit", "quality") as page:
        end_sessions(stage, "quality")
        page.get_by_role("button", name=t["audit.verify"]).click()
        expect(page.get_by_text(t["frame.session_over"])).to_be_visible()
        expect(page.locator(".gt-verdict")).to_have_count(0)
    with stage.page("/me", "engineer") as page:
        end_sessions(stage, "engineer")
        page.get_by_role("button", name=t["me.end_others"]).click()
        expect(page.get_by_text(t["frame.session_over"])).to_be_visible()
    assert len(chain(stage.folder)) == before


def end_sessions(stage: Stage, name: str) -> None:
    with contextlib.closing(People(stage.folder)) as people:
        Sessions(people).end_all(name)


def test_every_permission_is_named_on_the_page(stage: Stage) -> None:
    with stage.page("/people", "admin") as page:
        for permission in PERMISSIONS:
            expect(page.get_by_role("cell", name=texts_of("en")[f"permission.{permission}"], exact=True).first).to_be_visible()
