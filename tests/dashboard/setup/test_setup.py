"""Setup and self-test in a real browser before a real running line."""

from __future__ import annotations

import contextlib
import time
import urllib.request
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from dashboard.texts import Language, texts_of
from edge.config import Record
from edge.rig import Rig, rig
from edge.store import FILE_NAME, open_store
from tests.dashboard.feed import Feed, Server
from tests.dashboard.stage import Stage, check_accessible, make_people
from tests.edge.registry_line import ready_again, settings

PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def line(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, Rig]]:
    """Line, station, rejector, recorder and dashboard as processes."""
    folder = tmp_path_factory.mktemp("line")
    config = settings(folder)
    config = config.model_copy(update={"record": Record(folder=str(folder / "record"), ring_mb=40, ok_share=0.0, batch_s=0.1)})
    config = config.model_copy(update={"rabbits": config.rabbits.model_copy(update={"every_shift": True, "parts": [*["bad"] * 5, "good"]})})
    make_people(folder / "record")
    with rig(config, folder, ["station", "rejector", "recorder", "dashboard"]) as appliance:
        appliance.line.hold(False)
        url = f"http://127.0.0.1:{config.dashboard.port}"
        until = time.monotonic() + 40
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health/ready", timeout=2) as answer:
                if answer.status == 200:
                    break
            assert time.monotonic() < until
            appliance.next(0.1)
        feed: Any = SimpleNamespace(folder=folder)
        server: Any = SimpleNamespace(url=url)
        yield Stage(browser, cast(Feed, feed), cast(Server, server)), appliance


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


@pytest.mark.parametrize(("language", "size"), [("en", "screen"), ("de", "tablet")])
def test_camera_aids_and_one_ejection(line: tuple[Stage, Rig], language: Language, size: str) -> None:
    (stage, appliance), t = line, texts_of(language)
    ready_again(appliance)
    with stage.page("/commission", "engineer", language=language, size=size, dark=language == "en") as page:
        expect(page.locator(".gt-preview canvas")).to_be_visible(timeout=PATIENCE_MS)
        expect(page.locator(".gt-measure").first).to_contain_text("%")
        expect(page.locator(".gt-histogram i")).to_have_count(64)
        check_accessible(page)
        page.get_by_label(t["commission.cross"]).check()
        press(page, t["commission.eject"])
        expect(page.get_by_role("status")).to_contain_text(t["part.outcome.ejected"], timeout=PATIENCE_MS)
        expect(page.get_by_text(t["commission.plc_none"])).to_be_visible()
    with open_store(stage.folder / FILE_NAME, read_only=True) as store:
        assert ("eject-next", "engineer", True) in [(row.op, row.who, row.accepted) for row in store.audit(20)]


def test_a_failed_self_test_stops_the_line_and_is_on_record(line: tuple[Stage, Rig]) -> None:
    (stage, appliance), t = line, texts_of("de")
    ready_again(appliance)
    with stage.page("/selftest", "viewer", language="de") as page:
        expect(page.get_by_text(t["selftest.due"])).to_be_visible()
        expect(page.get_by_role("button", name=t["selftest.begin"])).to_have_count(0)
    with stage.page("/selftest", "operator", language="de", size="tablet", dark=False) as page:
        press(page, t["selftest.begin"])
        expect(page.get_by_text(t["selftest.put.bad"])).to_be_visible()
        check_accessible(page)
        result = page.locator(".gt-result")
        button = page.get_by_role("button", name=t["selftest.in"], exact=True)
        for _ in range(30):
            expect(button.or_(result).first).to_be_visible(timeout=PATIENCE_MS)
            if result.count():
                break
            with contextlib.suppress(PlaywrightTimeout):  # the step before has not been drawn anew yet
                button.click(timeout=2_000)
        expect(result).to_contain_text(t["selftest.failed"], timeout=PATIENCE_MS)
        expect(page.locator("tr.is-failed")).to_contain_text("operator")
        check_accessible(page)
    with stage.page("/", None, language="de") as page:
        expect(page.locator(".gt-state")).to_contain_text(t["word.STOPPED"], timeout=PATIENCE_MS)
    ready_again(appliance)


def test_a_self_test_can_be_given_up(line: tuple[Stage, Rig]) -> None:
    stage, t = line[0], texts_of("en")
    with stage.page("/selftest", "operator") as page:
        press(page, t["selftest.again"])
        expect(page.get_by_text(t["selftest.put.bad"])).to_be_visible()
        with stage.page("/selftest", "quality") as other:
            expect(other.get_by_text(t["selftest.put.bad"])).to_be_visible()
        press(page, t["selftest.give_up"])
        expect(page.locator(".gt-result")).to_contain_text(t["selftest.given_up"])
