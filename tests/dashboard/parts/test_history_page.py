"""The history in a real browser: search, filters, the way back, scrolling far, jumping anywhere, the scanner, exports."""

from __future__ import annotations

import csv
import io
import re
import urllib.parse
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dashboard.texts import Language
from tests.dashboard.parts.ground import MANY, ODD, Ground
from tests.dashboard.stage import Stage, check_accessible
from tests.edge.judged_record import board

EACH = pytest.mark.parametrize(("language", "size"), [("en", "screen"), ("de", "tablet")])
ROWS = ".gt-list-space > .gt-list-row"
LIST = ".gt-list"
RAIL = ".gt-rail-time"


# on by so many pages, and then two frames, and until nothing is on its way any more
SCROLL = """async ([css, n]) => {
  const list = document.querySelector(css), frame = () => new Promise((done) => requestAnimationFrame(done));
  list.scrollTop += n * list.clientHeight;
  do { await frame(); await frame() } while (list.getAttribute("aria-busy") === "true");
  await frame();
}"""


def ids(page: Page) -> list[str]:
    found: list[str] = page.eval_on_selector_all(f"{ROWS} .gt-id", "all => all.map(e => e.textContent)")
    return found


def index(page: Page) -> int:
    """Number of the first row drawn, from 0."""
    return int(page.locator(ROWS).first.get_attribute("aria-rowindex") or 0) - 2


def query(page: Page) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(page.url).query))


def shown(page: Page) -> None:
    """Rows are there, and nothing is on its way."""
    page.locator(ROWS).first.wait_for()
    expect(page.locator(LIST)).to_have_attribute("aria-busy", "false")


@EACH
def test_search_filter_and_the_way_back(stage: Stage, language: Language, size: str) -> None:
    words = {"en": ("parts", "Undecided"), "de": ("Teile", "Unklar")}[language]
    with stage.page("/history?run=M", "engineer", language=language, size=size) as page:
        shown(page)
        expect(page.locator(".gt-history-count")).to_have_text(re.compile(rf"100[.,]000 {words[0]}"))
        expect(page.locator(LIST)).to_have_attribute("aria-rowcount", str(MANY + 1))
        assert ids(page)[0] == "M-000001"
        check_accessible(page)
        page.get_by_role("button", name=words[1], exact=True).click()
        expect(page.locator(ROWS).first).to_contain_text("M-000005")
        assert query(page) == {"run": "M", "verdict": "UNDECIDED"}
        assert set(page.eval_on_selector_all(f"{ROWS} .is-verdict b", "all => all.map(e => e.textContent)")) == {words[1]}
        page.locator("#more-filters select").first.select_option("spur")
        expect(page.locator(ROWS).first).to_contain_text("M-000005")
        expect(page.locator(ROWS).nth(1)).to_contain_text("M-000035")
        assert query(page) == {"run": "M", "verdict": "UNDECIDED", "kind": "spur"}
        check_accessible(page)
        page.go_back()
        expect(page.locator(ROWS).nth(1)).to_contain_text("M-000015")
        page.go_back()
        expect(page.locator(ROWS).first).to_contain_text("M-000001")
        assert query(page) == {"run": "M"}


def test_a_link_shows_the_same_to_somebody_else(stage: Stage) -> None:
    with stage.page("/history?verdict=NG&run=M&reviewed=0", "viewer") as page:
        shown(page)
        assert ids(page)[:2] == ["M-000010", "M-000020"]
        assert page.get_by_role("button", name="NG", exact=True).get_attribute("aria-pressed") == "true"
        assert page.locator("#more-filters").is_visible()  # else nobody would see why these
        assert page.get_by_role("button", name="Export").count() == 0  # a viewer may not


def test_scrolling_far_misses_and_repeats_nothing_and_keeps_memory_bounded(stage: Stage) -> None:
    """The ids of run M are its parts' places: each row must have the one that its number says."""
    with stage.page("/history?run=M", "viewer") as page:
        shown(page)

        def scroll(pages: float) -> int:
            page.evaluate(SCROLL, [LIST, pages])
            drawn = _drawn(page)
            assert 0 < len(drawn) <= 40
            assert [part for _, part in drawn] == [f"M-{number - 1:06d}" for number, _ in drawn]
            return drawn[0][0]

        while scroll(4) < 1_100:
            pass
        assert int(page.evaluate("parseInt(document.querySelector('.gt-list-space').style.height) / 76")) <= 900
        while scroll(-4) > 2:  # and back to the top
            pass
        assert ids(page)[0] == "M-000001"


def _drawn(page: Page) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = page.eval_on_selector_all(
        ROWS, "all => all.map(e => [Number(e.getAttribute('aria-rowindex')), e.querySelector('.gt-id').textContent])"
    )
    return found


def test_the_rail_leads_anywhere(stage: Stage) -> None:
    with stage.page("/history?run=M", "viewer") as page:
        shown(page)
        rail = page.locator(RAIL)
        box = rail.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 40, box["y"] + 10)
        page.mouse.down()
        page.mouse.move(box["x"] + 40, box["y"] + box["height"] / 2, steps=5)
        expect(page.locator(".gt-rail-bubble")).to_be_visible()
        page.mouse.up()
        expect(page.locator(ROWS).first).not_to_contain_text("M-000001")
        shown(page)
        middle = int(ids(page)[len(ids(page)) // 2].removeprefix("M-"))
        assert abs(middle - MANY / 2) < MANY / 50
        assert abs(index(page) - middle) < 200  # within a quarter of an hour, and the rows above
        rail.focus()
        page.keyboard.press("End")
        expect(page.locator(ROWS).last).to_contain_text(f"M-{MANY:06d}")
        assert re.search(r"\d", rail.get_attribute("aria-valuetext") or "")
        page.keyboard.press("Home")
        expect(page.locator(ROWS).first).to_contain_text("M-000001")


def test_the_keyboard_alone_is_enough(stage: Stage) -> None:
    with stage.page("/history?run=M", "viewer") as page:
        shown(page)
        page.locator(LIST).focus()
        page.keyboard.press("ArrowDown")
        active = page.locator(LIST).get_attribute("aria-activedescendant")
        expect(page.locator(f"#{active}")).to_contain_text("M-000001")
        page.keyboard.press("End")
        expect(page.locator(".gt-list-row.is-active")).to_contain_text(f"M-{MANY:06d}")
        expect(page.locator(".gt-list-row.is-active")).to_have_attribute("aria-rowindex", str(MANY + 1))
        page.keyboard.press("PageUp")
        page.keyboard.press("ArrowUp")
        part = re.search(r"M-\d{6}", page.locator(".gt-list-row.is-active").inner_text())
        assert part is not None
        page.wait_for_url(re.compile(r"at=\d+"))
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/parts/{part[0]}")
        expect(page.locator("h1")).to_contain_text(part[0])
        page.go_back()
        shown(page)
        assert part[0] in ids(page)  # back where one was


def test_a_scanner_opens_its_part_and_a_beginning_lists_what_begins_so(stage: Stage) -> None:
    with stage.page("/history", "viewer") as page:
        shown(page)
        page.keyboard.type("M-0123")  # the field has the focus from the start
        page.keyboard.press("Enter")
        expect(page.locator(ROWS).first).to_contain_text("M-012300")
        assert query(page) == {"part": "M-0123", "prefix": "1"}
        page.keyboard.type("M-000777")  # the next scan replaces the last
        page.keyboard.press("Enter")
        page.wait_for_url("**/parts/M-000777")


def test_what_the_record_says_stays_text(stage: Stage) -> None:
    with stage.page("/history", "viewer") as page:
        shown(page)
        page.locator(ROWS, has_text="onerror").locator("a").click()
        expect(page.locator("h1")).to_contain_text(ODD)
        assert "hacked" not in page.title()
        assert page.locator("img[src='x']").count() == 0


def test_a_span_without_parts_says_so_and_a_wrong_address_says_why(stage: Stage) -> None:
    with stage.page("/history?from=2020-01-01&to=2020-01-02", "viewer") as page:
        expect(page.locator(".gt-history-none")).to_have_text("No part fits. Take a filter away")
        check_accessible(page)
    with stage.page("/history?verdict=maybe", "viewer") as page:
        expect(page.get_by_role("alert")).to_contain_text("verdict = 'maybe' is not known")


@pytest.mark.parametrize(("language", "size"), [("en", "screen"), ("de", "tablet")])
def test_an_export_is_planned_made_and_told(stage: Stage, tmp_path: Path, language: Language, size: str) -> None:
    words = {
        "en": ("Export …", "Download", "10,000 parts", "Done: 10,000"),
        "de": ("Exportieren …", "Herunterladen", "10.000 Teile", "Fertig: 10.000"),
    }
    open_it, go, planned, done = words[language]
    with stage.page("/history?verdict=NG&run=M", "engineer", language=language, size=size) as page:
        shown(page)
        page.get_by_role("button", name=open_it).click()
        expect(page.locator(".gt-export-size")).to_have_text(planned)
        check_accessible(page)
        page.locator(".gt-export input[type=checkbox]").nth(1).check()
        expect(page.locator(".gt-export-size")).to_have_text(planned)
        with page.expect_download() as caught:
            page.get_by_role("button", name=go).click()
        caught.value.save_as(tmp_path / "parts.csv")
        expect(page.locator(".gt-export")).to_contain_text(done)
        page.locator(".gt-export input[type=radio]").nth(1).check()
        expect(page.locator(".gt-export").get_by_role("alert")).to_contain_text("no picture is kept")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "parts.csv").read_text("utf-8"), newline=""), delimiter=";"))
    assert len(rows) == MANY // 10
    assert (rows[-1]["part_id"], rows[-1]["best_score"]) == ("M-000010", "0,9")


def test_new_parts_are_told_and_shown_when_asked_for(stage: Stage, ground: Ground) -> None:
    with stage.page("/history?recipe=board", "viewer") as page:
        shown(page)
        before = ids(page)[0]
        ground.record.part(board(1, seed=99), part_id="fresh")
        page.get_by_role("button", name="Show new parts: 1").click()  # the list stays where it is until then
        expect(page.locator(ROWS).first).to_contain_text("fresh")
        assert before in ids(page)
