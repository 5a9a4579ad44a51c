"""The shadow process on a real line: it disagrees, its images are kept, people review, and the page shows both."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge import holds, shadow_results
from edge.activation import Registry
from edge.appliance import names_for
from edge.cli import app
from edge.errors import RegistryError
from edge.messages import AnyMessage, Verdict
from edge.shadow_results import Disagreement, Said, score
from edge.store import Inspection
from tests.edge.line_of_one import read_image
from tests.edge.registry_line import ANNA, BEN, OWN_MODEL, documents, finds_always, registry_in, running_line, settings, sha_of, until


def differing(registry: Registry, sha256: str) -> list[Disagreement]:
    with registry.store.reading() as db:
        return shadow_results.disagreements(db, sha256, registry.loaded.hash, sha_of(OWN_MODEL), 1000)


def test_a_shadow_that_disagrees_switches_nothing_and_is_looked_into(tmp_path: Path) -> None:
    model = finds_always(tmp_path)
    sha256, own = sha_of(model), sha_of(OWN_MODEL)
    with running_line(tmp_path) as appliance, registry_in(appliance.config) as registry:
        until(appliance, lambda m: isinstance(m, Verdict))
        registry.register(model, documents(model), {}, ANNA)
        registry.shadow(sha256[:8], ANNA, "")

        def kept(_: AnyMessage | None) -> bool:
            with registry.store.reading() as db:
                held = {h.part_id for h in holds.holds(db)}
            return len([d for d in differing(registry, sha256) if d.image_path and d.result.part_id in held]) >= 3

        seen = until(appliance, kept)
        assert {m.model_hash for m in seen if isinstance(m, Verdict)} == {own}, "it switches nothing"
        said = {m.part_id: m for m in seen if isinstance(m, Verdict)}
        for d in differing(registry, sha256):
            assert (d.result.active_verdict, d.result.verdict) in (("OK", "NG"), ("UNDECIDED", "NG"))
            assert [b.kind for b in d.result.defects] == ["dent"]
            if d.result.part_id in said:
                assert said[d.result.part_id].verdict == d.result.active_verdict
        with registry.store.reading() as db:
            totals = shadow_results.totals(db, sha256)
            assert (totals.judged, totals.failed, totals.missed) == (shadow_results.parts(db, sha256, registry.loaded.hash, own), 0, 0)
            held = [h for h in holds.holds(db) if h.who == "shadow"]
        first, second = (registry.store.inspection(h.part_id) for h in held[:2])
        assert isinstance(first, Inspection)
        assert isinstance(second, Inspection)
        assert first.verdict == "OK", "no OK image is kept by this record's own sample"
        assert (first.evidence, first.held) == ("stored", True)
        assert read_image(registry.folder / str(first.image_path)).shape == (640, 640)
        registry.store.review(first.part_id, "Anna", "good")
        registry.store.review(second.part_id, "Ben", "bad")
        # the page and the list, as a person gets them
        page = tmp_path / "page.html"
        asked = ["models", "disagreements", "--config", str(tmp_path / "station.toml"), "--html", str(page), "--json"]
        done = CliRunner().invoke(app, asked, catch_exceptions=False)
        found = json.loads(done.stdout)
        assert (found["score"]["candidate"], found["score"]["active"]) == (1, 1)
        assert found["score"]["new_catches"] == [second.part_id]
        text = page.read_text("utf-8")
        assert first.part_id in text
        assert "good (Anna)" in text
        assert not re.search(r"(src|href)=\"(?!data:)", text), "it opens offline"
        assert base64.b64decode(re.findall(r"base64,([^\"]+)", text)[0]).startswith(b"\xff\xd8")
        with pytest.raises(RegistryError, match="nobody has proposed"):
            registry.release(sha256, BEN, "")
        registry.retire(sha256, BEN, "useless")
        with registry.store.reading() as db:
            assert not [h for h in holds.holds(db) if h.who == "shadow"], "its images may go like others"
        assert registry.store.verify_audit().holds


def test_the_process_runs_where_the_settings_ask_for_it(tmp_path: Path) -> None:
    assert "shadow" not in names_for(settings(tmp_path))
    assert names_for(settings(tmp_path, shadow=True))[-1] == "shadow"


@pytest.mark.parametrize(
    ("active", "shadow", "truth", "expected"),
    [
        ("OK", "NG", "good", {"active": 1}),
        ("OK", "NG", "bad", {"candidate": 1, "new_catches": ("P1",)}),
        ("OK", "UNDECIDED", "bad", {"candidate": 1, "new_catches": ("P1",)}),
        ("NG", "OK", "bad", {"active": 1, "new_escapes": ("P1",), "passes": 1, "passes_reviewed": 1}),
        ("UNDECIDED", "OK", "bad", {"active": 1, "new_escapes": ("P1",), "passes": 1, "passes_reviewed": 1}),
        ("NG", "OK", "good", {"candidate": 1, "passes": 1, "passes_reviewed": 1}),
        ("NG", "OK", "unsure", {"undecided": 1, "passes": 1}),
        ("NG", "OK", None, {"open": 1, "passes": 1}),
        ("NG", "UNDECIDED", "bad", {"undecided": 1}),
        ("UNDECIDED", "NG", "good", {"undecided": 1}),
    ],
)
def test_who_was_right(active: str, shadow: str, truth: str | None, expected: dict[str, object]) -> None:
    found = score([Said("P1", active, shadow, truth)]).as_dict()  # type: ignore[arg-type]
    assert found["differ"] == 1
    plain = {
        "candidate": 0,
        "active": 0,
        "undecided": 0,
        "open": 0,
        "new_escapes": (),
        "new_catches": (),
        "passes": 0,
        "passes_reviewed": 0,
    }
    assert {name: found[name] for name in plain} == plain | expected
    assert found["candidate_right"]["of"] == found["candidate"] + found["active"]
