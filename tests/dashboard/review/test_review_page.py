"""The review page in a real browser: judging, undo, two people, missed defects, with mouse and keys."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from dashboard.texts import Language, texts_of
from edge.store import FILE_NAME, open_store
from tests.dashboard.made import KINDS, SIDE_PX, Made, fill_record
from tests.dashboard.review.reviewing import card, press, review, said, until
from tests.dashboard.stage import Stage, check_accessible

HOSTILE = "<img src=x onerror=window.hit=1><script>window.hit=1</script>{{1+1}}"


@pytest.mark.parametrize(("language", "size", "dark"), [("en", "screen", True), ("de", "tablet", False)])
def test_the_queue_is_worked_and_one_is_taken_back(
    stage: Stage, parts: Callable[..., list[str]], language: Language, size: str, dark: bool
) -> None:
    t = texts_of(language)
    doubtful, bad, fine = parts("UNDECIDED", "NG", "NG")
    with review(stage, language=language, size=size, dark=dark) as page:
        expect(page.locator(".gt-rv-counts")).to_contain_text(f"3 {t['review.left']}")
        check_accessible(page)
        page.get_by_role("button", name=t["review.begin"]).click()
        expect(page.locator(".gt-rp")).to_have_attribute("aria-label", t["review.part"].format(part=doubtful))
        expect(page.locator(".gt-bx-box")).not_to_have_count(0)
        check_accessible(page)
        page.get_by_role("button", name=t["review.good"], exact=True).click()
        until(lambda: [r.truth for r in said(stage, doubtful)] == ["good"])
        page.get_by_role("button", name=t["review.bad"], exact=True).click()
        page.get_by_role("button", name=t["review.unsure"], exact=True).click()
        expect(page.get_by_text(t["review.all_done"])).to_be_visible()
        last = until(lambda: [p for p in (bad, fine) if [r.truth for r in said(stage, p)] == ["unsure"]])[0]
        page.locator(".gt-rv-head").get_by_role("button", name=t["review.undo"]).click()
        expect(page.locator(".gt-rp")).to_have_attribute("aria-label", t["review.part"].format(part=last))
        assert [r.truth for r in said(stage, last)] == ["unsure", "withdrawn"]
        assert {r.who for r in said(stage, last)} == {"engineer"}
        small = page.evaluate(
            "() => [...document.querySelectorAll('.gt-rv button')].filter(b => b.offsetParent && Math.min(b.offsetWidth, b.offsetHeight) < 48).map(b => b.outerHTML.slice(0, 90))"
        )
        assert small == [], "targets for gloves"


def test_with_the_keyboard_alone(stage: Stage, parts: Callable[..., list[str]]) -> None:
    doubtful, bad = parts("UNDECIDED", "NG")
    with review(stage) as page:
        expect(card(page, bad)).to_be_visible()
        press(page, "ArrowRight")
        press(page, "ArrowRight")
        expect(card(page, bad)).to_be_focused()
        press(page, "u")  # on the card
        until(lambda: [r.truth for r in said(stage, bad)] == ["unsure"])
        press(page, "z")
        expect(page.locator(".gt-rp")).to_have_attribute("aria-label", f"Part {bad}")
        press(page, "Escape")
        expect(card(page, doubtful)).to_be_visible()
        card(page, doubtful).focus()
        press(page, "Enter")
        expect(page.locator(".gt-rp")).to_have_attribute("aria-label", f"Part {doubtful}")
        before = page.locator(".gt-bx-box").count()
        press(page, "?")
        expect(page.get_by_role("dialog")).to_be_visible()
        check_accessible(page)
        press(page, "Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        press(page, "2")
        press(page, "n")  # a new box in the middle, with the focus on it
        expect(page.locator(".gt-bx-box.is-own")).to_have_count(before + 1)
        press(page, "Shift+ArrowRight")
        press(page, "ArrowDown")
        press(page, "Control+ArrowRight")
        press(page, "1")
        press(page, "o")
        expect(page.locator(".gt-bx-box")).to_have_count(0)
        press(page, "o")
        press(page, "b")
        newest = until(lambda: said(stage, doubtful))[0]
        assert newest.truth == "bad"
        assert newest.boxes is not None
        assert len(newest.boxes) == before + 1
        drawn = newest.boxes[-1]
        side = SIDE_PX / 6
        assert drawn.kind == KINDS[0], "its class was changed while it had the focus"
        assert drawn.x1 == pytest.approx(SIDE_PX / 2 - side / 2 + 10, abs=0.2)
        assert drawn.x2 == pytest.approx(SIDE_PX / 2 + side / 2 + 11, abs=0.2)
        assert drawn.y1 == pytest.approx(SIDE_PX / 2 - side / 2 + 1, abs=0.2)


def test_two_people_do_not_get_the_same_part(stage: Stage, parts: Callable[..., list[str]]) -> None:
    one, two = parts("UNDECIDED", "NG")
    with review(stage, "engineer") as hers:
        hers.get_by_role("button", name="Start reviewing").click()
        expect(hers.locator(".gt-rp")).to_have_attribute("aria-label", f"Part {one}")
        with review(stage, "operator") as his:
            expect(his.locator(".gt-rc", has=card(his, one)).get_by_text("engineer")).to_be_visible()
            his.get_by_role("button", name="Start reviewing").click()
            expect(his.locator(".gt-rp")).to_have_attribute("aria-label", f"Part {two}")
            expect(his.get_by_role("button", name="Part before")).to_be_disabled()
            press(his, "ArrowLeft")  # she has the only one
            expect(his.locator(".gt-rp")).to_have_attribute("aria-label", f"Part {two}")
            press(hers, "Escape")
            expect(his.get_by_role("button", name="Part before")).to_be_enabled()


def test_what_somebody_else_has_said_is_shown_and_not_overwritten(stage: Stage, parts: Callable[..., list[str]]) -> None:
    (part,) = parts("NG")
    with review(stage, "engineer", path=f"/review?part={part}") as hers, review(stage, "operator", path=f"/review?part={part}") as his:
        expect(his.get_by_text("engineer is looking at this part just now")).to_be_visible()
        hers.locator(".gt-rp-note input").fill(HOSTILE)
        hers.get_by_role("button", name="Truly bad", exact=True).click()
        until(lambda: [r.truth for r in said(stage, part)] == ["bad"])
        his.get_by_role("button", name="False reject", exact=True).click()
        expect(his.get_by_text("Meanwhile engineer has said: bad")).to_be_visible()
        expect(his.locator(".gt-rp-said")).to_contain_text(HOSTILE)  # as text
        assert [r.truth for r in said(stage, part)] == ["bad"]
        check_accessible(his)
        his.wait_for_timeout(1_700)  # it has been on the screen: what is said now is meant
        his.get_by_role("button", name="False reject", exact=True).click()
        until(lambda: [(r.truth, r.who) for r in said(stage, part)] == [("bad", "engineer"), ("good", "operator")])
        assert his.evaluate("window.hit") is None
        assert hers.evaluate("window.hit") is None


@pytest.mark.parametrize(("language", "size"), [("en", "screen"), ("de", "tablet")])
def test_a_missed_defect_is_reported_and_held(stage: Stage, parts: Callable[..., list[str]], language: Language, size: str) -> None:
    t = texts_of(language)
    passed, _ = parts("OK", "OK", picture=True)
    with review(stage, language=language, size=size) as page:
        page.get_by_role("button", name=t["review.missed_short"]).click()
        field = page.get_by_label(t["review.scan"])
        expect(field).to_be_focused()
        expect(card(page, passed)).to_be_visible()
        check_accessible(page)
        page.keyboard.type(passed + "\n")  # what a scanner does
        expect(page.locator(".gt-rp.is-report")).to_be_visible()
        go = page.get_by_role("button", name=t["review.report_go"])
        go.click()  # without a reason
        expect(page.get_by_label(t["review.reason"])).to_be_focused()
        assert said(stage, passed) == []
        check_accessible(page)
        view = page.locator(".gt-bx-pane svg").bounding_box()
        assert view is not None
        x, y = view["x"] + view["width"] / 2, view["y"] + view["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 40, y + 30)
        page.mouse.move(x + 60, y + 50)
        page.mouse.up()
        expect(page.locator(".gt-bx-box.is-own")).to_have_count(1)
        page.get_by_role("button", name=t["review.found_customer"]).click()
        go.click()
        expect(page.get_by_role("alert").filter(has_text=t["review.escape_recorded"].format(part=passed))).to_be_visible()
        expect(page.locator(".gt-rv-escapes")).to_be_visible()
        check_accessible(page)
        with open_store(stage.folder / FILE_NAME, read_only=True) as store:
            made, held = store.reviews(passed), store.holds(passed)
            assert [(r.truth, r.how, r.note, len(r.boxes or [])) for r in made] == [("bad", "report", t["review.found_customer"], 1)]
            assert [h.who for h in held] == ["engineer"]
            assert {("escape", "engineer"), ("hold", "engineer")} <= {(a.op, a.who) for a in store.audit(5)}
            assert store.verify_audit().holds
        page.locator(".gt-rv-head").get_by_role("button", name=t["review.undo"]).click()
        until(lambda: [r.truth for r in said(stage, passed)] == ["bad", "withdrawn"])
        with open_store(stage.folder / FILE_NAME, read_only=True) as store:
            assert store.holds(passed) == []


def test_a_scanner_judges_nothing(stage: Stage, parts: Callable[..., list[str]]) -> None:
    (bad,) = parts("NG")
    fill_record(stage.folder, [Made("BUG-7", "NG", seed=9)])
    with review(stage, path=f"/review?part={bad}") as page:
        expect(page.locator(".gt-bx-box").first).to_be_visible()
        page.evaluate(
            """() => { for (const key of [..."BUG-7", "Enter"]) document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })); }"""
        )
        expect(page.locator(".gt-rp")).to_have_attribute("aria-label", "Part BUG-7")
        page.wait_for_timeout(300)
        assert said(stage, bad) == []
        assert said(stage, "BUG-7") == []


def test_a_part_whose_picture_is_gone_can_be_judged(stage: Stage, parts: Callable[..., list[str]]) -> None:
    (bad,) = parts("NG")
    with open_store(stage.folder / FILE_NAME) as store:
        _, files = store.expire([bad])
    for file in files:
        (stage.folder / file).unlink(missing_ok=True)
    with review(stage, path=f"/review?part={bad}") as page:
        expect(page.get_by_text("The picture has been deleted")).to_be_visible()
        check_accessible(page)
        page.get_by_role("button", name="Truly bad", exact=True).click()
        until(lambda: [r.truth for r in said(stage, bad)] == ["bad"])


def test_whatever_the_line_says_stays_text(stage: Stage, parts: Callable[..., list[str]]) -> None:
    parts("NG")
    fill_record(stage.folder, [Made(HOSTILE, "UNDECIDED", seed=4, kind=HOSTILE, reasons=(HOSTILE,))])
    with review(stage) as page:
        expect(page.locator(".gt-rc-text b", has_text=HOSTILE)).to_be_visible()
        page.get_by_role("button", name="Start reviewing").click()
        expect(page.locator(".gt-rp-id")).to_contain_text(HOSTILE)
        expect(page.locator(".gt-rp-chip", has_text=HOSTILE)).to_be_visible()
        expect(page.locator(".gt-bx-label text").first).to_contain_text(HOSTILE)
        check_accessible(page)
        press(page, "b")
        until(lambda: [r.truth for r in said(stage, HOSTILE)] == ["bad"])
        assert page.evaluate("window.hit") is None


def test_a_viewer_has_no_review_page(stage: Stage) -> None:
    with stage.page("/", "viewer") as page:
        expect(page.get_by_role("link", name="Review")).to_have_count(0)
        assert page.request.get(f"{stage.server.url}/review").status == 403


def test_a_server_that_is_gone_is_told_and_the_page_goes_on_when_it_is_back(stage: Stage, parts: Callable[..., list[str]]) -> None:
    (bad,) = parts("NG")
    with review(stage) as page:
        expect(card(page, bad)).to_be_visible()
        stage.server.kill()
        expect(page.get_by_text("The server does not answer; what is shown is old")).to_be_visible()
        expect(card(page, bad)).to_be_visible()
        stage.server.start()
        stage.server.wait()
        expect(page.locator(".gt-rv-lost")).to_have_count(0, timeout=15_000)
        card(page, bad).click()
        page.get_by_role("button", name="Truly bad", exact=True).click()
        until(lambda: [r.truth for r in said(stage, bad)] == ["bad"])
