"""The way of a model in a real browser: into shadow, proposed by one, released by another, taken back; and the same for programs."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from dashboard.people.roles import Role
from dashboard.people.sessions import COOKIE, Sessions
from dashboard.people.users import People
from dashboard.texts import Language, texts_of
from edge import shadow_results
from edge.activation import Person, Registry
from edge.config import Record, Station
from edge.shadow_results import Result, Span
from edge.store import FILE_NAME, open_store
from tests.dashboard.stage import Stage, check_accessible
from tests.edge.registry_line import OWN_MODEL, documents, sha_of, twin

HOSTILE = '<img src=x onerror="window.hacked=1">'


def registry_of(stage: Stage) -> contextlib.AbstractContextManager[Registry]:
    @contextlib.contextmanager
    def opened() -> Any:
        config = Station(name=stage.feed.name, record=Record(folder=str(stage.folder)), registry={"min_shadow_parts": 3, "min_reviews": 1})  # type: ignore[arg-type]
        with open_store(stage.folder / FILE_NAME) as store:
            yield Registry(store, config)

    return opened()


def register(stage: Stage, folder: Path, name: str) -> str:
    with registry_of(stage) as registry:
        model = twin(folder, name)
        evaluation = {"escape": {"count": 1, "of": 150, "rate": 0.0067, "low": 0.0002, "high": 0.0366}}
        evaluation["overkill"] = {"count": 2, "of": 150, "rate": 0.0133, "low": 0.0016, "high": 0.0473}
        papers = documents(model)
        papers["evaluation"].write_text(json.dumps({"model_sha256": sha_of(model), "data": "held back"} | evaluation))
        return registry.register(model, papers, {"jetson": 4.5}, Person("engineer")).sha256


def judged(stage: Stage, sha256: str, parts: int) -> None:
    with registry_of(stage) as registry:
        found = [
            Result(
                part_id=f"{sha256[:6]}-{i}", recipe_hash=registry.loaded.hash, active_sha256=sha_of(OWN_MODEL), active_verdict="OK", verdict="NG" if i == 0 else "OK",
                active_score=0.2, score=0.1,
            )
            for i in range(parts)
        ]  # fmt: skip
        with registry.store.writing() as db:
            shadow_results.add(db, sha256, found, registry.loaded.hash, Span(judged=parts, busy=3), (1, 2))


def give(page: Page, t: dict[str, str], button: str, reason: str) -> None:
    """Press a button, say why, and confirm."""
    page.get_by_role("button", name=button, exact=True).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(t["models.reason"]).fill(reason)
    dialog.get_by_role("button", name=button, exact=True).click()
    expect(dialog).to_have_count(0)


@pytest.mark.parametrize(("language", "size"), [("en", "screen"), ("de", "tablet")])
def test_one_proposes_another_releases_and_it_can_be_taken_back(stage: Stage, tmp_path: Path, language: Language, size: str) -> None:
    t, name = texts_of(language), f"second-{language}"
    sha256 = register(stage, tmp_path, name)
    with stage.page("/models", "viewer", language=language, size=size) as page:
        expect(page.get_by_role("row", name=name)).to_contain_text(t["models.state.candidate"])
        expect(page.get_by_role("button", name=t["models.to_shadow"])).to_have_count(0)
    with stage.page("/models", "engineer", language=language, size=size, dark=language == "en") as page:
        check_accessible(page)
        give(page, t, t["models.to_shadow"], HOSTILE)
        gate = page.locator(".gt-gate")
        expect(gate).to_contain_text(t["models.unmet"])
        judged(stage, sha256, 4)
        page.reload()
        expect(gate.locator("li", has_text=t["models.gate.shadow"].format(parts=4, least=1000)[:8])).to_be_visible()
        give(page, t, t["models.propose"], "better on the new lot")
        expect(page.get_by_text(t["models.proposed_by"].format(name="engineer"))).to_be_visible()
        expect(page.get_by_role("button", name=t["models.release"], exact=True)).to_have_count(0)
        check_accessible(page)
    with stage.page(f"/models/{sha256}", "viewer", language=language, size=size) as page:
        expect(page.locator(".gt-timeline")).to_contain_text(HOSTILE)
        assert page.evaluate("window.hacked") is None
        check_accessible(page)
    with stage.page(f"/models/{sha256}/differences", "viewer", language=language, size=size) as page:
        expect(page.locator(".gt-differ figure")).to_have_count(1)
        expect(page.locator(".gt-differ")).to_contain_text(t["models.no_picture"])
        check_accessible(page)
    with stage.page("/models", "quality", language=language, size=size) as page:
        give(page, t, t["models.release"], "looked at it")  # the server's settings want 500 parts in shadow
        expect(page.get_by_text("may not be released yet")).to_be_visible()
    with registry_of(stage) as registry:
        assert registry.release(sha256, Person("quality"), "with settings that want fewer") == sha256
    with stage.page("/models", "quality", language=language, size=size) as page:
        expect(page.get_by_role("row", name=name)).to_contain_text(t["models.state.active"])
        give(page, t, t["models.rollback"], "it rejects too many")
        expect(page.get_by_role("row", name=name)).to_contain_text(t["models.state.retired"])
        expect(page.get_by_text(t["models.own"], exact=True)).to_be_visible()
    with registry_of(stage) as registry:
        steps = [(row.op, row.who, row.accepted) for row in registry.store.audit(7) if row.op.startswith("model-")][::-1]
    assert steps[-3:] == [("model-release", "quality", False), ("model-release", "quality", True), ("model-rollback", "quality", True)]


def ask(stage: Stage, role: Role | None, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    headers = {"X-Gutteil": "1"}
    if role is not None:
        with contextlib.closing(People(stage.folder)) as people:
            person = people.find(role)
            assert person is not None
            headers["Cookie"] = f"{COOKIE}={Sessions(people).begin(person)}"
    request = urllib.request.Request(stage.server.url + path, json.dumps(body).encode() if body is not None else None, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_programs_may_do_the_same_and_no_more(stage: Stage, tmp_path: Path) -> None:
    sha256 = register(stage, tmp_path, "third")
    assert ask(stage, None, "/api/models")[0] == 401
    status, found = ask(stage, "viewer", "/api/models")
    assert status == 200
    assert sha256 in {m["sha256"] for m in found["models"]}
    assert ask(stage, "viewer", f"/api/models/{sha256[:12]}")[1]["name"] == "third"
    status, said = ask(stage, "operator", f"/api/models/{sha256}/shadow", {"reason": "try"})
    assert (status, said["accepted"]) == (403, False)
    status, said = ask(stage, "engineer", f"/api/models/{sha256}/shadow", {})
    assert status == 400
    assert "reason" in said["text"]
    assert ask(stage, "engineer", f"/api/models/{sha256}/shadow", {"reason": "try"})[0] == 200
    assert ask(stage, "engineer", f"/api/models/{sha256}/release", {"reason": "try"})[0] == 403
    status, said = ask(stage, "engineer", f"/api/models/{sha256}/shadow", {"reason": "again"})
    assert status == 409
    assert "is in shadow" in said["text"]
    assert ask(stage, "engineer", f"/api/models/{sha256}/retire", {"reason": "enough"})[0] == 200
    assert ask(stage, "operator", "/api/models/rollback", {"reason": "try"})[0] == 403
    assert ask(stage, "viewer", "/api/models/nothing")[0] == 409
    assert ask(stage, "viewer", "/api/models?product=nothing")[0] == 409
