"""The picture on the review page in a real browser: boxes, zoom, swipes, the reference."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from dashboard.texts import texts_of
from tests.dashboard.made import SIDE_PX
from tests.dashboard.review.reviewing import card, press, review, said, until
from tests.dashboard.stage import Stage


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
