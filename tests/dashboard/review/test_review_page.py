"""The review page in a real browser: judging by click, key and swipe, boxes, undo, two people, missed defects."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from dashboard.people.roles import Role
from dashboard.texts import Language, texts_of
from edge.messages import VerdictWord
from edge.reviews import Review
from edge.store import FILE_NAME, open_store
from tests.dashboard.made import KINDS, SIDE_PX, Made, fill_record
from tests.dashboard.stage import Stage, check_accessible

_numbers = itertools.count(1)
HOSTILE = "<img src=x onerror=window.hit=1><script>window.hit=1</script>{{1+1}}"


@pytest.fixture
def parts(stage: Stage) -> Iterator[Callable[..., list[str]]]:
    """Makes new parts, the worthiest of the queue first; when the test ends all of them are reviewed, so the queue is empty for the next."""

    def make(*words: VerdictWord, **fields: Any) -> list[str]:
        base = next(_numbers) * 100
        made = [Made(f"P-{base + i}", word, age_s=200 - i, seed=base + i, **fields) for i, word in enumerate(words)]
        fill_record(stage.folder, made)
        return [m.part_id for m in made]

    yield make
    with open_store(stage.folder / FILE_NAME, beside=True) as store:
        with store.reading() as db:
            left = [r[0] for r in db.execute("SELECT part_id FROM inspections WHERE truth IS NULL")]
        for part_id in left:
            store.review(part_id, "end of test", "unsure")


def said(stage: Stage, part_id: str) -> list[Review]:
    with open_store(stage.folder / FILE_NAME, read_only=True) as store:
        return store.reviews(part_id)


def until(check: Callable[[], Any], timeout_s: float = 15) -> Any:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if value := check():
            return value
        time.sleep(0.05)
    raise AssertionError("did not come to be in time")


def card(page: Page, part_id: str) -> Any:
    return page.locator(f'[data-part="{part_id}"]')


@contextlib.contextmanager
def review(stage: Stage, role: Role = "engineer", path: str = "/review", **how: Any) -> Iterator[Page]:
    with stage.page(path, role, **how) as page:
        expect(page.locator(".gt-rv")).to_be_visible()
        yield page


def press(page: Page, key: str) -> None:
    """As a person does: slower than a scanner."""
    page.wait_for_timeout(120)
    page.keyboard.press(key)
    page.wait_for_timeout(120)


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


def test_a_box_is_drawn_moved_resized_and_deleted(stage: Stage, parts: Callable[..., list[str]]) -> None:
    (bad,) = parts("NG")
    with review(stage, path=f"/review?part={bad}") as page:
        boxes = page.locator(".gt-bx-box")
        expect(boxes.first).to_be_visible()
        before = boxes.count()
        assert page.locator(".gt-bx-box.is-own").count() == 0, "the model's, dashed"
        view = page.locator(".gt-bx-pane svg").first.bounding_box()
        assert view is not None
        scale = min(view["width"], view["height"]) / SIDE_PX
        left, top = view["x"] + (view["width"] - SIDE_PX * scale) / 2, view["y"] + (view["height"] - SIDE_PX * scale) / 2

        def drag(a: tuple[float, float], b: tuple[float, float]) -> None:
            page.mouse.move(left + a[0] * scale, top + a[1] * scale)
            page.mouse.down()
            page.mouse.move(left + (a[0] + b[0]) / 2 * scale, top + (a[1] + b[1]) / 2 * scale)
            page.mouse.move(left + b[0] * scale, top + b[1] * scale)
            page.mouse.up()

        press(page, "d")
        drag((20, 250), (80, 300))
        expect(page.locator(".gt-bx-box.is-own")).to_have_count(before + 1)
        press(page, "Escape")  # nothing is selected
        press(page, "Escape")  # no longer drawing
        drag((50, 275), (60, 265))  # by its middle
        drag((90, 290), (110, 300))  # by its corner
        press(page, "+")
        page.locator(".gt-rp-boxes .gt-rp-drop").first.click()
        expect(page.locator(".gt-bx-box.is-own")).to_have_count(before)
        page.get_by_role("button", name="Truly bad", exact=True).click()
        boxes_said = until(lambda: said(stage, bad))[0].boxes
        assert boxes_said is not None
        assert len(boxes_said) == before
        drawn = boxes_said[-1]
        assert (drawn.x1, drawn.y1, drawn.x2, drawn.y2) == pytest.approx((30, 240, 110, 300), abs=1.5)


def test_an_operator_names_the_class_but_draws_nothing(stage: Stage, parts: Callable[..., list[str]]) -> None:
    (bad,) = parts("NG")
    with review(stage, "operator", path=f"/review?part={bad}") as page:
        expect(page.locator(".gt-bx-box").first).to_be_visible()
        expect(page.get_by_role("button", name="Draw a box")).to_have_count(0)
        page.locator(".gt-rp-pick").first.click()
        page.locator(".gt-rp-chip").nth(1).click()
        kind = page.locator(".gt-rp-pick b").first.inner_text()
        press(page, "b")
        boxes = until(lambda: said(stage, bad))[0].boxes
        assert boxes is not None
        assert texts_of("en").get(f"kind.{boxes[0].kind}", boxes[0].kind) == kind


def test_swipes_judge(stage: Stage, parts: Callable[..., list[str]]) -> None:
    first, second = parts("NG", "NG", kind="scratch")
    with review(stage, "operator", size="tablet", path=f"/review?part={first}") as page:
        expect(page.locator(".gt-bx-pane svg")).to_be_visible()
        devtools = page.context.new_cdp_session(page)

        def swipe(by: int) -> None:
            area = page.locator(".gt-bx-pane svg").bounding_box()
            assert area is not None
            x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] * 0.9
            devtools.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
            for step in range(1, 9):
                devtools.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x + by * step / 8, "y": y + step}]})
            devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

        swipe(40)  # too little to be meant
        page.wait_for_timeout(300)
        assert said(stage, first) == []
        swipe(-200)
        until(lambda: [r.truth for r in said(stage, first)] == ["bad"])
        expect(page.locator(".gt-rp")).to_have_attribute("aria-label", f"Part {second}")
        swipe(200)
        until(lambda: [r.truth for r in said(stage, second)] == ["good"])


def test_two_fingers_zoom_and_the_wheel_too(stage: Stage, parts: Callable[..., list[str]]) -> None:
    (bad,) = parts("NG")
    with review(stage, path=f"/review?part={bad}") as page:
        view = page.locator(".gt-bx-pane svg").first
        expect(view).to_be_visible()
        area = view.bounding_box()
        assert area is not None
        x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2

        def width() -> float:
            return float((view.get_attribute("viewBox") or "").split()[2])

        def fingers(apart: int) -> list[dict[str, float]]:
            return [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]

        whole = width()
        devtools = page.context.new_cdp_session(page)
        devtools.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": fingers(40)})
        for apart in (60, 80, 120):
            devtools.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": fingers(apart)})
        devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        assert width() == pytest.approx(whole / 3, rel=0.1)
        page.mouse.move(x, y)
        page.mouse.wheel(0, -400)
        until(lambda: width() < whole / 4)
        press(page, "0")
        assert width() == pytest.approx(whole)
        assert said(stage, bad) == []


def test_resting_on_a_part_plays_it_and_marks_it_as_seen(stage: Stage, parts: Callable[..., list[str]]) -> None:
    first, second = parts("NG", "NG")
    with review(stage) as page:
        expect(page.locator(".gt-rv-counts")).to_contain_text("2 not seen yet")
        card(page, first).hover()
        playing = page.locator(".gt-rc.is-playing")
        expect(playing).to_have_count(1)
        expect(playing.get_by_text("Reference")).to_be_visible()
        expect(page.locator(".gt-rv-counts")).to_contain_text("1 not seen yet")
        page.mouse.move(2, 2)
        expect(playing).to_have_count(0)
        page.reload()
        expect(page.locator(".gt-rc", has=card(page, first)).locator(".gt-rc-seen")).to_be_visible()
        expect(page.locator(".gt-rc", has=card(page, second)).locator(".gt-rc-seen")).to_have_count(0)


def test_the_reference_is_beside_it_and_blinks_while_a_key_is_held(stage: Stage, parts: Callable[..., list[str]]) -> None:
    (bad,) = parts("NG")
    with review(stage, path=f"/review?part={bad}") as page:
        expect(page.locator(".gt-bx-pane")).to_have_count(1)
        press(page, "c")
        expect(page.locator(".gt-bx-pane")).to_have_count(2)
        press(page, "c")
        page.keyboard.down("r")
        expect(page.locator(".gt-bx-reference")).to_be_visible()
        page.keyboard.up("r")
        expect(page.locator(".gt-bx-reference")).to_be_hidden()


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
        page.get_by_role("button", name=t["review.missed"]).click()
        field = page.get_by_label(t["review.scan"])
        expect(field).to_be_focused()
        expect(card(page, passed)).to_be_visible()
        check_accessible(page)
        page.keyboard.type(passed + "\n")  # what a scanner does
        expect(page.locator(".gt-rp.is-report")).to_be_visible()
        go = page.get_by_role("button", name=t["review.report_go"])
        expect(go).to_be_disabled()
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
        page.keyboard.type("BUG-7\n", delay=4)
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


def test_a_viewer_has_no_review_page(stage: Stage) -> None:
    with stage.page("/", "viewer") as page:
        expect(page.get_by_role("link", name="Review")).to_have_count(0)
        assert page.request.get(f"{stage.server.url}/review").status == 403
