"""The page of one part in a real browser: everything about it, its replay, holds, and its neighbours."""

from __future__ import annotations

import re
import urllib.parse

import pytest
from playwright.sync_api import expect

from dashboard.texts import Language
from tests.dashboard.parts.ground import ODD, Ground
from tests.dashboard.stage import Stage, check_accessible

EACH = pytest.mark.parametrize(("language", "size"), [("en", "screen"), ("de", "tablet")])


def at(part_id: str) -> str:
    return f"/parts/{urllib.parse.quote(part_id, safe='')}"


@EACH
def test_a_part_and_its_verdict_again(stage: Stage, ground: Ground, language: Language, size: str) -> None:
    go, same, reference = {
        "en": ("Replay the verdict", "The same, byte for byte", "Reference"),
        "de": ("Urteil wiederholen", "Dasselbe, Byte für Byte", "Referenz"),
    }[language]
    with stage.page(at(ground.judged[3]), "quality", language=language, size=size, dark=size == "screen") as page:
        expect(page.locator(".gt-picture svg image")).to_have_attribute("href", re.compile(r"/picture\?size=full$"))
        assert page.locator(".gt-picture .gt-box").count() == page.locator(".gt-defect-list li").count() > 0
        expect(page.locator(".gt-facts")).to_contain_text("S1-run, ")
        expect(page.locator(".gt-times-list")).to_contain_text("ms")
        page.get_by_role("button", name=go).click()
        expect(page.locator(".gt-replay-said .gt-verdict")).to_have_text(same, timeout=60_000)
        then, now = page.locator(".gt-replay-said tbody tr").last.locator("td").all_inner_texts()
        assert then == now
        assert re.fullmatch("[0-9a-f]{16}", now)
        check_accessible(page)
        page.get_by_role("button", name=reference).click()
        expect(page.locator(".gt-picture svg image")).to_have_attribute("href", re.compile(r"/golden$"))
        assert page.locator(".gt-picture .gt-box").count() == 0


@pytest.mark.parametrize(("language", "why"), [("en", "The file of its picture is missing"), ("de", "Die Bilddatei fehlt")])
def test_it_says_why_a_verdict_cannot_be_replayed(stage: Stage, ground: Ground, language: Language, why: str) -> None:
    with stage.page(at(ground.gone), "viewer", language=language) as page:
        page.locator(".gt-replay button").click()
        expect(page.locator(".gt-replay-said")).to_contain_text(why, timeout=60_000)
        check_accessible(page)


def test_reviews_are_shown_as_text_and_what_counts_is_marked(stage: Stage, ground: Ground) -> None:
    with stage.page(at(ground.judged[1]), "viewer") as page:
        expect(page.get_by_text("Anna <b>Beck</b>", exact=True)).to_be_visible()
        expect(page.get_by_text("this one counts")).to_be_visible()
        assert page.get_by_role("link", name="Review this part").count() == 0  # a viewer may not
        assert page.get_by_role("button", name="Put on hold").count() == 0
    with stage.page(at(ground.judged[2]), "viewer") as page:
        expect(page.locator(".gt-notes li.is-past")).to_have_count(2)


def test_a_hold_is_placed_and_ended_with_a_reason(stage: Stage, ground: Ground) -> None:
    with stage.page(at(ground.judged[5]), "quality") as page:
        page.get_by_role("button", name="Put on hold").click()
        page.keyboard.type("claim 4711")
        page.get_by_role("button", name="Put on hold").click()
        expect(page.locator(".gt-notes")).to_contain_text(["claim 4711"])
        expect(page.locator(".gt-verdict").first).to_contain_text("on hold")
        check_accessible(page)
        page.get_by_role("button", name="End the hold").click()
        page.keyboard.type("settled")
        page.locator(".gt-hold-form").get_by_role("button", name="End the hold").click()
        expect(page.get_by_text("ended by quality: settled")).to_be_visible()
        expect(page.locator(".gt-verdict").first).not_to_contain_text("on hold")


def test_neighbours_by_key_and_by_button(stage: Stage, ground: Ground) -> None:
    with stage.page(at(ground.judged[3]), "viewer") as page:
        page.get_by_role("link", name=re.compile("Part after")).click()
        expect(page.locator("h1")).to_contain_text(ground.judged[4])
        page.locator(".gt-verdict").first.wait_for()
        page.keyboard.press("ArrowLeft")
        page.wait_for_url("**" + at(ground.judged[3]))


def test_an_id_of_odd_signs_and_one_that_is_none(stage: Stage) -> None:
    with stage.page(at(ODD), "viewer") as page:
        expect(page.locator("h1")).to_contain_text(ODD)
        page.locator(".gt-replay button").click()
        expect(page.locator(".gt-replay-said .gt-verdict")).to_have_text("The same, byte for byte", timeout=60_000)
        assert page.title() != "hacked"
    with stage.page("/parts/..%2f..%2fetc%2fpasswd", "viewer") as page:
        expect(page.get_by_role("alert")).to_contain_text("there is no part '../../etc/passwd'")


def test_nobody_sees_a_part_without_logging_in(stage: Stage, ground: Ground) -> None:
    with stage.page(at(ground.judged[0])) as page:
        assert "/login" in page.url
