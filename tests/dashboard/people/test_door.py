"""Logging in in a real browser, and what is closed to whom."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from dashboard.texts import Language, texts_of
from tests.dashboard.stage import PASSWORD, Stage, check_accessible


@pytest.mark.parametrize(("language", "size"), [("en", "screen"), ("de", "tablet")])
def test_a_person_logs_in_and_out(stage: Stage, language: Language, size: str) -> None:
    t = texts_of(language)
    with stage.page("/login?to=/", language=language, size=size) as page:
        check_accessible(page)
        page.get_by_label(t["login.name"]).fill("operator")
        page.get_by_label(t["login.password"]).fill("not the password")
        page.get_by_role("button", name=t["login.go"], exact=True).click()
        expect(page.get_by_role("alert")).to_have_text(t["login.wrong"])
        page.get_by_label(t["login.name"]).fill("Operator")
        page.get_by_label(t["login.password"]).fill(PASSWORD)
        page.get_by_role("button", name=t["login.go"], exact=True).click()
        expect(page.locator(".gt-person")).to_contain_text(t["role.operator"])
        page.get_by_role("button", name=t["frame.logout"]).click()
        expect(page.locator(".gt-person")).to_have_count(0)
