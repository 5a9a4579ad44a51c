"""What one screen keeps for itself: sounds, kiosk, shift or run; and that it is never behind unseen."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from dashboard.texts import Language, texts_of
from dashboard.version import VERSION
from tests.dashboard.stage import SIZES, WAIT_MS, Stage, check_accessible

# notes what the browser is asked to play, before it plays it
LISTEN = """() => {
  window.played = [];
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...args) { window.played.push(this.frequency.value); return start.apply(this, args); };
}"""


def played(page: Page, hertz: int) -> None:
    page.wait_for_function("hertz => window.played.includes(hertz)", arg=hertz)
    page.evaluate("window.played = []")


def settle(page: Page, part_id: str) -> None:
    expect(page.locator(".gt-shot [data-part]")).to_have_attribute("data-part", part_id)


@pytest.mark.parametrize(("language", "size"), [("en", "screen"), ("de", "tablet")])
def test_sounds_are_off_until_somebody_wants_them(stage: Stage, language: Language, size: str) -> None:
    """Switched on by keyboard alone; a stop sounds unlike a reject; after a reload they wait for a touch, and say so."""
    t = texts_of(language)
    with stage.page("/", language=language, size=size) as page:
        page.evaluate(LISTEN)
        settle(page, stage.feed.part("OK"))
        settle(page, stage.feed.part("NG"))
        assert page.evaluate("window.played") == []
        page.get_by_role("button", name=t["sound.is_off"]).focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name=t["sound.test_stop"])).to_be_disabled()
        page.get_by_role("checkbox", name=t["sound.on"]).focus()
        page.keyboard.press("Space")
        check_accessible(page)
        page.get_by_role("button", name=t["sound.test_stop"]).press("Enter")
        played(page, 880)
        page.get_by_role("button", name=t["sound.test_ng"]).press("Enter")
        played(page, 294)
        page.keyboard.press("Escape")
        page.wait_for_timeout(450)  # tones keep a distance
        settle(page, stage.feed.part("UNDECIDED"))
        settle(page, stage.feed.part("NG"))
        played(page, 294)
        page.wait_for_timeout(450)
        stage.feed.alarm("line-stopped", True, "emergency stop")
        played(page, 880)
        stage.feed.alarm("line-stopped", False)

        page.reload()
        page.evaluate(LISTEN)
        expect(page.locator(".gt-sound")).to_contain_text(t["sound.tap"])
        page.locator(".gt-state").click()
        expect(page.get_by_role("button", name=t["sound.is_on"])).to_be_visible()
        settle(page, stage.feed.part("OK"))
        settle(page, stage.feed.part("NG"))
        played(page, 294)


def test_a_kiosk_shows_no_navigation_and_stays_awake(stage: Stage) -> None:
    stage.feed.part("OK")
    with stage.page("/?kiosk=1", "operator") as page:
        expect(page.locator(".gt-live.is-kiosk")).to_be_visible()
        for hidden in (".gt-rail", ".gt-person", ".gt-door"):
            assert page.locator(hidden).count() == 0 or page.locator(hidden).is_hidden()
        page.evaluate(
            "() => { const ask = navigator.wakeLock.request; navigator.wakeLock.request = function (kind) { window.asked = kind; return ask.call(this, kind); }; }"
        )
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # a lock is lost while the page is not seen
        page.wait_for_function("window.asked === 'screen'")
        check_accessible(page)
    with stage.page("/", "operator") as page:
        expect(page.locator(".gt-person")).to_be_visible()


def test_a_page_of_an_older_dashboard_is_loaded_anew_by_itself(stage: Stage) -> None:
    """The stream says another version until the page has been loaded again."""
    loads: list[str] = []

    def stream(page_side: WebSocketRoute) -> None:
        server_side = page_side.connect_to_server()
        server_side.on_message(lambda said: page_side.send(str(said).replace(VERSION, "newer") if len(loads) < 2 else said))

    with stage.browser.new_context() as context:  # not the stage's page: the stream that is changed here complains when it is closed
        page = context.new_page()
        page.goto(stage.server.url)
        page.evaluate("window.mark = 1")
        page.wait_for_timeout(700)
        assert page.evaluate("window.mark") == 1, "a page that is up to date stays"
        page.on("load", lambda _: loads.append("load"))
        page.route_web_socket("**/api/live/stream", stream)
        page.reload()
        with page.expect_event("load", predicate=lambda _: len(loads) == 2, timeout=WAIT_MS):
            pass
        expect(page.locator(".gt-live.link-live")).to_be_visible(timeout=WAIT_MS)
        page.evaluate("window.mark = 2")
        page.wait_for_timeout(700)
        assert (len(loads), page.evaluate("window.mark")) == (2, 2)


@pytest.mark.parametrize("size", list(SIZES))
def test_shift_or_run(stage: Stage, size: str) -> None:
    t = texts_of("de")
    with stage.page("/", language="de", size=size) as page:
        shift, run = (page.get_by_role("button", name=re.compile(f"^{t[key]}")) for key in ("count.shift", "count.run"))
        expect(shift).to_have_attribute("aria-pressed", "true")
        run.focus()
        page.keyboard.press("Enter")
        expect(run).to_have_attribute("aria-pressed", "true")
        page.reload()
        expect(run).to_have_attribute("aria-pressed", "true")
        expect(page.locator(".gt-spark title")).to_have_text(re.compile(t["hour.label"].split("{", maxsplit=1)[0]))


def test_a_picture_that_does_not_come_is_not_replaced_by_the_one_before(stage: Stage) -> None:
    t = texts_of("en")
    held: list[Route] = []

    def hold(route: Route) -> None:  # nothing answers
        held.append(route)

    with stage.page("/") as page:
        settle(page, stage.feed.part("OK"))
        expect(page.locator(".gt-shot.is-past")).to_have_count(0)
        page.route("**/api/live/pictures/**", hold)
        stage.feed.part("OK")
        expect(page.locator(".gt-behind")).to_have_text(t["part.behind"])
        expect(page.locator(".gt-shot.is-past")).to_have_count(1)
        for route in held:
            route.continue_()
        page.unroute("**/api/live/pictures/**")
        expect(page.locator(".gt-behind")).to_have_count(0)
        expect(page.locator(".gt-shot.is-past")).to_have_count(0)
