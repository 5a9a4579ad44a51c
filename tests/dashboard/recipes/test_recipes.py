"""The recipe pages before a real line: edit, what-if, propose, release, activate, roll back; in both languages and sizes."""

from __future__ import annotations

import contextlib
import json
import re
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dashboard.people.sessions import Sessions
from dashboard.people.users import People
from dashboard.texts import Language, texts_of
from edge.decide import decide, min_score
from edge.decode import Predictions
from edge.recipe import Recipe
from edge.recipe_active import load_active
from edge.recipe_drafts import Drafts
from edge.recipe_library import Library
from edge.settings import check
from tests.dashboard.recipes.conftest import NAME, Plant
from tests.dashboard.stage import check_accessible

EDIT = f"/recipes/edit?recipe={NAME}"


def slider(page: Page, kind: str, which: str) -> None:
    """Wait for the slider."""
    expect(page.locator(f'[data-kind="{kind}"] .is-{which} input')).to_be_visible()


def pull(page: Page, kind: str, which: str, value: float) -> None:
    """Move a threshold: `low` or `high`."""
    page.locator(f'[data-kind="{kind}"] .is-{which} input').fill(f"{value:g}")


def step(page: Page, number: int) -> None:
    page.locator(".gt-step").nth(number - 1).click()
    expect(page.locator(".gt-step").nth(number - 1)).to_have_attribute("aria-current", "step")


def draft_of(plant: Plant, who: str) -> Recipe:
    found = Drafts(plant.folder).find(NAME, who)
    assert found is not None
    return check(found.data, Recipe, "draft")


def recount(plant: Plant, draft: Recipe) -> tuple[int, int, int, int]:
    """More rejects, fewer, confirmed bad that pass, confirmed bad: each recorded part decided anew, the plain way."""
    present = load_active(plant.rig.config, plant.rig.config.recipe).recipe
    more = fewer = escapes = bad = 0
    with plant.record() as store:
        truths = {r.part_id: r.truth for r in store.reviews(newest=True)}
        for part in store.last(1_000):
            if not part.infer_us:
                continue
            with store.reading() as db:
                below = db.execute("SELECT found FROM candidates WHERE part_id = ?", (part.part_id,)).fetchone()
                classes = json.loads(db.execute("SELECT classes FROM runs WHERE run_id = ?", (part.run_id,)).fetchone()[0])
            rows = [[d.kind, d.score, d.x1, d.y1, d.x2, d.y2] for d in part.defects] + json.loads(below[0])
            words = []
            for recipe in (present, draft):
                kept = [r for r in rows if r[1] >= np.float32(min_score(recipe, classes))]
                found = Predictions(
                    np.array([r[2:] for r in kept], np.float32).reshape(-1, 4),
                    np.array([r[1] for r in kept], np.float32),
                    np.array([classes.index(r[0]) for r in kept], np.int64),
                )
                words.append(decide(found, recipe, classes).verdict)
            more += words[0] == "OK" != words[1]
            fewer += words[1] == "OK" != words[0]
            bad += truths.get(part.part_id) == "bad"
            escapes += truths.get(part.part_id) == "bad" and words[1] == "OK"
    return more, fewer, escapes, bad


def check_panel(page: Page, plant: Plant, who: str) -> tuple[int, int, int, int]:
    """The panel says what the plain recount says; returns that."""
    expect(page.locator(".gt-draft-state")).to_contain_text("Draft kept")
    page.wait_for_timeout(300)
    counts = more, fewer, escapes, bad = recount(plant, draft_of(plant, who))
    expect(page.locator(".gt-wi-figure.is-more .gt-wi-number")).to_have_text(f"+{more}" if more else "0")
    expect(page.locator(".gt-wi-figure.is-fewer .gt-wi-number")).to_have_text(f"−{fewer}" if fewer else "0")
    if escapes:
        expect(page.locator(".gt-wi-escape")).to_contain_text(f"{escapes} of {bad} confirmed bad parts WOULD PASS")
    else:
        expect(page.locator(".gt-wi")).to_contain_text(f"None of the {bad} confirmed bad parts would pass")
    return counts


@pytest.mark.parametrize(("language", "size", "dark"), [("en", "screen", True), ("de", "tablet", False)])
def test_every_page_in_both_languages_and_sizes(plant: Plant, language: Language, size: str, dark: bool) -> None:
    t = texts_of(language)
    with plant.page("/recipes", "engineer", language=language, size=size, dark=dark) as page:
        expect(page.locator("h1")).to_have_text(t["recipes.title"])
        expect(page.locator(".gt-live-badge")).to_have_text(t["recipes.judging"])
        expect(page.locator(".gt-plc")).to_contain_text(t["recipes.plc_none"])
        check_accessible(page)
        page.get_by_text(t["recipes.edit"]).click()
        expect(page.locator(".gt-reg-shot img")).to_be_visible()
        check_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"
        for number in (2, 3, 4):
            step(page, number)
            check_accessible(page)
        touch = page.evaluate(
            "[...document.querySelectorAll('.gt-content button, .gt-content .gt-anchor')].filter(e => e.offsetParent)"
            ".map(e => e.getBoundingClientRect()).filter(r => r.width < 48 || r.height < 48).length"
        )
        assert touch == 0, "smaller than a glove needs"


def test_region_by_pointer_and_by_keyboard(plant: Plant) -> None:
    with plant.page(EDIT, "engineer") as page:
        expect(page.locator(".gt-reg-shot img")).to_be_visible()
        page.locator(".gt-reg-add").click()
        zone = page.locator('[data-box="zone0"]')
        expect(zone).to_be_focused()
        expect(zone).to_have_attribute("aria-label", "Ignored zone 1: 256, 256, 384, 384 px")
        for key in ("ArrowLeft", "Control+ArrowUp", "Shift+ArrowRight"):
            page.keyboard.press(key)
        expect(zone).to_have_attribute("aria-label", "Ignored zone 1: 252, 255, 384, 383 px")
        check_panel(page, plant, "engineer")
        assert draft_of(plant, "engineer").region.ignore == [(252, 255, 384, 383)]
        # by pointer: draw a second one, then pull its corner
        box = page.locator(".gt-reg-shot svg").bounding_box()
        assert box is not None
        scale = box["width"] / 640

        def drag(a: tuple[int, int], b: tuple[int, int]) -> None:
            page.mouse.move(box["x"] + a[0] * scale, box["y"] + a[1] * scale)
            page.mouse.down()
            page.mouse.move(box["x"] + b[0] * scale, box["y"] + b[1] * scale, steps=4)
            page.mouse.up()

        drag((100, 450), (180, 520))
        drag((180, 520), (200, 540))
        expect(page.locator('[data-box="zone1"]')).to_be_visible()
        page.wait_for_timeout(500)
        check_panel(page, plant, "engineer")
        drawn = draft_of(plant, "engineer").region.ignore[1]
        assert np.abs(np.array(drawn) - (100, 450, 200, 540)).max() <= 2
        page.locator('[data-box="zone1"]').focus()
        page.keyboard.press("Delete")
        zone.focus()
        page.keyboard.press("Delete")
        expect(page.locator('[data-box^="zone"]')).to_have_count(0)
        # another region: the answer is only an estimate, and says so
        page.locator(".gt-reg-roi").click()
        expect(page.locator(".gt-wi")).to_contain_text("an estimate")
        page.get_by_role("button", name="Discard draft").click()
        expect(page.locator(".gt-draft-state")).to_have_text("Nothing changed yet")


def test_what_is_wrong_is_said_at_its_field(plant: Plant) -> None:
    with plant.page(EDIT, "engineer", language="de") as page:
        step(page, 3)
        lead = page.locator("[data-key=lead_ms]")
        (lead if lead.evaluate("e => e.tagName") == "INPUT" else lead.locator("input")).fill("900")
        wrong = page.locator(".gt-field", has_text="lead_ms 900 is not below delay_ms 400")
        expect(wrong).to_be_visible()
        expect(wrong).to_contain_text("Vorhalt")
        step(page, 4)
        expect(page.locator(".gt-wrong:visible")).to_contain_text("lead_ms 900 is not below delay_ms 400")
        page.locator(".gt-propose").click()
        expect(page.locator(".q-notification", has_text="lead_ms 900")).to_be_visible()
        page.get_by_role("button", name="Entwurf verwerfen").click()
        expect(page.locator(".gt-draft-state")).to_have_text("Noch nichts geändert")


def test_a_draft_is_kept_and_others_are_told(plant: Plant) -> None:
    with plant.page(EDIT, "second engineer") as page:
        step(page, 2)
        slider(page, "open", "low")
        pull(page, "open", "low", 0.4)
        expect(page.locator('[data-kind="open"] .is-low output')).to_have_text("0.40")
        check_panel(page, plant, "second engineer")
    with plant.page(EDIT, "second engineer") as page:
        step(page, 2)
        expect(page.locator('[data-kind="open"] .is-low output')).to_have_text("0.40")
        page.locator('[data-kind="open"]').get_by_role("button").click()
        expect(page.locator('[data-kind="open"] .is-low output')).to_have_text("0.55")
    with plant.page(EDIT, "engineer") as page:
        expect(page.locator(".gt-banner")).to_contain_text("second engineer is working on this recipe too")
    Drafts(plant.folder).discard(NAME, "second engineer")


def test_an_ended_session_keeps_no_draft(plant: Plant) -> None:
    who = "second engineer"
    with plant.page(EDIT, who) as page:
        step(page, 2)
        slider(page, "open", "low")
        with contextlib.closing(People(plant.folder)) as people:
            Sessions(people).end_all(who)
        pull(page, "open", "low", 0.4)
        expect(page.locator(".q-notification", has_text=texts_of("en")["frame.session_over"]).first).to_be_visible()
        page.wait_for_timeout(500)  # longer than a draft takes to be kept
    assert Drafts(plant.folder).find(NAME, who) is None


def test_who_may_only_look_cannot_change(plant: Plant) -> None:
    with plant.page("/recipes", "viewer") as page:
        expect(page.locator("h1")).to_have_text("Recipes")
        expect(page.get_by_text("Change recipe")).to_have_count(0)
    for path, status in ((EDIT, 401), ("/recipes", 401), ("/recipes/nowhere", 401)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(plant.url + path, timeout=10)
        with refused.value as error:
            assert error.code == status
    with plant.page("/recipes/edit?recipe=%3Cb%3E", "engineer") as page:
        expect(page.locator(".gt-wrong")).to_contain_text("recipe '<b>' is not in the settings")


def test_from_a_threshold_to_the_verdicts_of_the_line_and_back(plant: Plant) -> None:
    note = "let weak ones pass <img src=x onerror=alert(1)>"
    with plant.page(EDIT, "engineer") as page:
        step(page, 2)
        kinds = [str(box.get_attribute("data-kind")) for box in page.locator("[data-kind]").all()]
        assert len(kinds) == 6
        for kind in kinds:
            pull(page, kind, "low", 0.05)
            page.wait_for_timeout(150)
        more, *_ = check_panel(page, plant, "engineer")
        for kind in kinds:
            pull(page, kind, "low", 1.0)  # the upper one is pushed along
            page.wait_for_timeout(150)
        _, fewer, escapes, bad = check_panel(page, plant, "engineer")
        assert fewer == escapes + (fewer - escapes) > 0
        assert escapes == bad > 0, "every bad part passes, and that is loud"
        expect(page.locator(".gt-wi-flip.is-escape").first).to_be_visible()
        assert more >= 0
        step(page, 4)
        expect(page.locator(".gt-diff li")).to_have_count(12)
        page.locator(".gt-note textarea").fill(note)
        page.wait_for_timeout(500)
        page.locator(".gt-propose").click()
        page.wait_for_url(re.compile("/recipes/version"))
        expect(page.locator(".gt-version-note")).to_have_text(note)
        expect(page.locator(".gt-own")).to_be_visible()
        expect(page.locator(".gt-order-release")).to_have_count(0)
        check_accessible(page)
        address = page.url.removeprefix(plant.url)
    with plant.page("/recipes", "quality", language="de", size="tablet") as page:
        expect(page.locator(".gt-open")).to_contain_text("von engineer")
        page.get_by_text("Ansehen").click()
        expect(page.locator(".gt-wi-escape")).to_contain_text("KÄMEN DURCH")
        check_accessible(page)
        page.locator(".gt-order-release").click()
        page.locator("[role=dialog] input").fill("nur ein Test")
        page.locator("[role=dialog] .is-primary").click()
        expect(page.locator(".gt-state-badge")).to_contain_text("freigegeben")
    plant.rig.line.hold(False)
    before = len(plant.verdicts)
    with plant.page(address, "quality") as page:
        page.locator(".gt-order-activate").click()
        page.locator("[role=dialog] input").fill("go")
        page.locator("[role=dialog] .is-primary").click()
        expect(page.locator(".gt-state-badge")).to_contain_text("active")
    with plant.record() as store:
        shelf = Library(store, plant.rig.config).shelf(NAME)
    released, own = shelf.present.hash, shelf.stack[0]
    _until_judged(plant, before, released)
    with plant.page("/recipes", "quality") as page:
        expect(page.locator(".gt-live-badge")).to_have_text("Judges now")
        page.get_by_role("button", name="Compare").click()
        expect(page.locator(".gt-compared li")).to_have_count(12)
        page.locator(".gt-rollback").click()
        page.locator("[role=dialog] input").fill("enough")
        page.locator("[role=dialog] .is-primary").click()
        expect(page.locator("tr", has_text="Version 1").locator(".gt-state-badge")).to_contain_text("active")
    _until_judged(plant, len(plant.verdicts), own)
    plant.rig.line.hold(True)
    told = sorted({v.trigger_id: v for v in plant.verdicts}.values(), key=lambda v: v.trigger_id)
    assert [v.trigger_id for v in told] == list(range(told[0].trigger_id, told[0].trigger_id + len(told))), "no part is lost"
    assert {v.verdict for v in told if v.recipe_hash == released} == {"OK"}
    assert {v.recipe_hash for v in told} == {own, released}
    with plant.record() as store:
        said = [(row.op, row.who) for row in reversed(store.audit(50)) if row.op.startswith("recipe-")]
        assert store.verify_audit().holds
    assert said == [
        ("recipe-adopt", "engineer"), ("recipe-propose", "engineer"), ("recipe-release", "quality"), ("recipe-activate", "quality"), ("recipe-rollback", "quality"),
    ]  # fmt: skip


def _until_judged(plant: Plant, since: int, sha256: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if len([v for v in plant.verdicts[since:] if v.recipe_hash == sha256]) >= 4:
            return
        time.sleep(0.1)
    raise AssertionError("the station does not judge by that version")


def test_the_recipe_that_the_plc_asks_for_is_shown(plant: Plant) -> None:
    plant.rig.line.request_recipe(3)
    with plant.page("/recipes", "viewer", language="de") as page:
        expect(page.locator(".gt-plc")).to_contain_text("Die SPS verlangt Rezept 3")
        expect(page.locator(".gt-plc-judges")).to_have_text(f"{NAME} prüft (Nummer 3)")
        plant.rig.line.request_recipe(4)
        expect(page.locator(".gt-plc-judges")).to_contain_text("nicht das verlangte")
    plant.rig.line.request_recipe(3)
