"""`gutteil evaluate` and `gutteil thresholds` on real images, through a real model, to reports in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from playwright.sync_api import ConsoleMessage, Page, Request, sync_playwright
from rich.console import Console
from typer.testing import CliRunner

import training.predict
from edge.errors import SettingsError
from edge.inspect import recipe_for
from edge.judge import Judge
from edge.labelled import read_image
from edge.recipe import load_recipe
from tests.training.judged import bright_model, bright_set
from training.business import Business
from training.cache import FILE, Cache
from training.evaluate import Evaluation, evaluate_set
from training.judging import evaluate, thresholds
from training.recipe_file import write_scores
from training.recommend import HARSH, UNUSABLE, recommend
from training.report import evaluation_page
from training.words import TEXTS

QUIET = Console(quiet=True)
PLAIN = Business(escape_cost=100, overkill_cost=2, review_cost=0.5, parts_per_hour=1000, defect_share=0.01, review_per_hour=20)
# part, verdict, score: with NG from 0.5 and UNDECIDED from 0.3
VAL = [
    ("n1", "NG", 0.9), ("n1", "NG", 0.1), ("n2", "NG", 0.8), ("n3", "NG", 0.2), ("n4", "NG", 0.4), ("n4", "OK", 0.05),
    ("g1", "OK", 0.1), ("g1", "OK", 0.6), ("g2", "OK", 0.35), ("g3", "OK", 0.05), ("g4", "OK", 0.15), ("", "OK", 0.12),
]  # fmt: skip


def run(judge: Judge, data: Path, cache: Path | None = None, against: Judge | None = None) -> Evaluation:
    if cache is None:
        return evaluate_set(judge, data, QUIET, None, against=against)
    with Cache(cache) as kept:
        return evaluate_set(judge, data, QUIET, kept, against=against)


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    return Judge(recipe_for(None, bright_model(tmp_path)))


def test_parts_are_judged_by_their_worst_image(judge: Judge, tmp_path: Path) -> None:
    d = run(judge, bright_set(tmp_path / "set", "val.json", VAL)).document
    assert (d["parts"], d["images"]) == (9, 12)
    assert (d["escaped"], d["overkilled"]) == (["n3"], ["g1", "g2"])
    assert (d["escape"]["count"], d["escape"]["of"]) == (1, 4)
    assert (d["overkill"]["count"], d["overkill"]["of"]) == (2, 5)
    assert (d["overkill_without_undecided"]["count"], d["undecided"]) == (1, 2)
    assert (d["undecided_ng"]["count"], d["undecided_ok"]["count"]) == (1, 1)
    assert (d["per_image"]["escape"]["count"], d["per_image"]["escape"]["of"]) == (2, 5)
    assert d["classes"]["spot"]["unseen_parts"] == ["n3"]
    assert d["weakest_ng"][0] == {"part": "n3", "score": pytest.approx(0.2, abs=1e-3), "verdict": "OK"}
    assert d["strongest_ok"][0]["part"] == "g1"
    assert d["auroc_parts"] == pytest.approx((5 + 5 + 3 + 4) / 20)
    assert d["claim"]["claimable"] > d["escape"]["rate"]
    assert {"map_33", "map_50", "map_50_95", "f1_33", "f1_33_best", "per_class", "model_sha256", "data"} <= set(d)


def test_nothing_is_judged_twice_and_a_killed_run_goes_on(judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, cache = bright_set(tmp_path / "set", "val.json", VAL), tmp_path / "cache"
    read: list[Path] = []

    def counting(path: Path, *, gray: bool = False) -> Any:
        read.append(path)
        if len(read) == 8:
            raise KeyboardInterrupt
        return read_image(path, gray=gray)

    monkeypatch.setattr(training.predict, "read_image", counting)
    with pytest.raises(KeyboardInterrupt):
        run(judge, data, cache)
    first = run(judge, data, cache)
    assert len(read) == 8 + 5
    again = run(judge, data, cache)
    assert len(read) == 13
    assert again.document == first.document == run(judge, data).document
    (tmp_path / "set" / "val-0.png").write_bytes((tmp_path / "set" / "val-3.png").read_bytes())  # another image under the same name
    assert run(judge, data, cache).document["escaped"] == ["n1", "n3"]


@pytest.mark.parametrize("damage", [b"", b"\x93\xc3", b"\x96\xc3\xc3\xcb" + b"\x00" * 8 + b"\xc4\x01a\xc4\x00\xc4\x00"])
def test_a_damaged_row_is_judged_anew(judge: Judge, tmp_path: Path, damage: bytes) -> None:
    data, cache = bright_set(tmp_path / "set", "val.json", VAL), tmp_path / "cache"
    first = run(judge, data, cache).document
    with Cache(cache) as kept:
        kept._base.execute("UPDATE seen SET row = ?", (damage,))
    assert run(judge, data, cache).document == first


def test_a_cache_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database, but long enough to be read as the header of one" * 20)
    with pytest.raises(SettingsError, match=r"--cache: .*delete the file"):
        Cache(tmp_path)


def test_against_another_model(judge: Judge, tmp_path: Path) -> None:
    other = Judge(recipe_for(None, bright_model(tmp_path, "twice.onnx", 2.0)))
    data = bright_set(tmp_path / "set", "val.json", [("a", "NG", 0.2), ("b", "NG", 0.45), ("c", "OK", 0.32), ("d", "OK", 0.1)])
    against = run(judge, data, tmp_path / "cache", other).document["against"]
    assert against["escape"] == {"new": ["a"], "mended": [], "both": 0, "p": 1.0}
    assert against["overkill"]["new"] == []
    assert against["overkill"]["mended"] == []  # 0.32 is doubtful to the one and NG to the other: rejected by both


def many(n: int, parts: str, low: float = 0.0) -> list[tuple[str, str, float]]:
    """n bad parts of 0.7 to 0.95 and n good ones of `low` to 0.25 more."""
    bad = [(f"{parts}n{i}", "NG", 0.7 + 0.25 * i / n) for i in range(n)]
    return bad + [(f"{parts}g{i}", "OK", low + 0.25 * i / n) for i in range(n)]


def test_thresholds_chosen_confirmed_and_written(judge: Judge, tmp_path: Path) -> None:
    val, test = bright_set(tmp_path / "set", "val.json", many(40, "v")), bright_set(tmp_path / "set", "test.json", many(30, "t"))
    document, new = recommend(judge, val, test, PLAIN, QUIET, None)
    assert 0.25 < new.default.undecided_score < 0.7
    assert (new.default.ng_score, new.default.undecided_score) == (document["for_all"]["ng_score"], document["for_all"]["undecided_score"])
    counts = document["test"]["recommended"]["counts"]
    assert (counts["bad"], counts["good"], counts["escapes"], counts["false_rejects"]) == (30, 30, 0, 0)
    assert [w["key"] for w in document["warnings"]] == ["warn.no_miss"]

    path = tmp_path / "recipe.toml"
    text = (
        '# our part\nproduct = "p"\n[model]\nfile = "bright.onnx" # the bright one\n\n[default]\nng_score = 0.5 # guessed\nallowed = 1\n\n'
        "[classes.spot] # shiny\nmin_size_px = 3\n\n[ejector]\ndelay_ms = 250 # measured\n"
    )
    path.write_text(text)
    write_scores(path, judge, new, judge.classes, "chosen on val.json")
    written, lines = load_recipe(path).recipe, path.read_text()
    assert (written.rule("spot").ng_score, written.rule("spot").undecided_score) == (new.default.ng_score, new.default.undecided_score)
    assert (written.default.allowed, written.rule("spot").min_size_px, written.ejector.delay_ms) == (1, 3, 250)
    for kept in ("# our part", "# the bright one", "# shiny", "# measured", "# chosen on val.json"):
        assert kept in lines
    assert "# guessed" not in lines

    fresh = tmp_path / "line" / "new.toml"
    fresh.parent.mkdir()
    write_scores(fresh, judge, new, judge.classes, "chosen on val.json")
    made = load_recipe(fresh)
    assert made.model_file.resolve() == judge.model.path.resolve()
    assert made.recipe.default == new.default
    assert Judge(made).model.file_hash == judge.model.file_hash


def test_a_class_that_gets_a_table_keeps_what_the_default_asked(judge: Judge, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('product = "p"\nmodel = { file = "bright.onnx" }\ndefault = { min_size_px = 4, allowed = 2 }\n')
    rule = judge.recipe.default.model_copy(update={"ng_score": 0.7, "undecided_score": 0.4})
    write_scores(path, judge, judge.recipe.model_copy(update={"classes": {"spot": rule}}), judge.classes, "two\nlines")
    spot = load_recipe(path).recipe.rule("spot")
    assert (spot.ng_score, spot.undecided_score, spot.min_size_px, spot.allowed) == (0.7, 0.4, 4, 2)


def test_a_recipe_of_another_model_is_left_alone(judge: Judge, tmp_path: Path) -> None:
    bright_model(tmp_path, "other.onnx", 0.5)
    path = tmp_path / "recipe.toml"
    for text, words in (
        ('product = "p"\nmodel = { file = "other.onnx" }\n', "not the model that was evaluated"),
        ('product = "p"\nmodel = { file = "none.onnx" }\n', "cannot be read"),
        ("product = ", "cannot be read"),
        ('product = "p"\nmodel = { file = "bright.onnx" }\nwrong = 1\n', "unknown key"),
    ):
        path.write_text(text)
        with pytest.raises(SettingsError, match=words):
            write_scores(path, judge, judge.recipe, judge.classes, "")
        assert path.read_text() == text
    assert [p.name for p in tmp_path.glob("*.toml")] == ["recipe.toml"]


def test_a_test_set_that_proves_nothing_is_refused(judge: Judge, tmp_path: Path) -> None:
    val = bright_set(tmp_path / "set", "val.json", many(5, "v"))
    same_part = bright_set(tmp_path / "set", "part.json", [("vn1", "NG", 0.77), ("x", "OK", 0.1)])
    with pytest.raises(SettingsError, match=r"shares 1 parts with .* \(vn1\)"):
        recommend(judge, val, same_part, PLAIN, QUIET, None)
    data = json.loads(val.read_text())
    shutil.copy(tmp_path / "set" / "val-3.png", tmp_path / "set" / "renamed.png")
    data["images"] = [{"id": 3, "file_name": "renamed.png", "verdict": "NG"}]
    (tmp_path / "set" / "image.json").write_text(json.dumps(data))
    with pytest.raises(SettingsError, match="shares 1 parts"):
        recommend(judge, val, tmp_path / "set" / "image.json", PLAIN, QUIET, None)
    with pytest.raises(SettingsError, match="has no NG parts"):
        recommend(judge, bright_set(tmp_path / "set", "good.json", [("a", "OK", 0.1)]), None, PLAIN, QUIET, None)


def test_a_test_set_that_contradicts_is_said_so(judge: Judge, tmp_path: Path) -> None:
    """Another lot, on which good parts look worse."""
    val, test = bright_set(tmp_path / "set", "val.json", many(40, "v")), bright_set(tmp_path / "set", "test.json", many(40, "t", 0.6))
    document, _ = recommend(judge, val, test, PLAIN, QUIET, None)
    keys = {w["key"] for w in document["warnings"]}
    assert "warn.contradicted" in keys
    assert keys <= set(TEXTS)


def test_scores_that_let_bad_parts_pass_are_not_written(tmp_path: Path) -> None:
    """A model that cannot tell, and escapes that cost nothing: the cheapest is no inspection at all."""
    recipe = tmp_path / "r.toml"
    recipe.write_text('product = "p"\nmodel = { file = "bright.onnx" }\n')
    before = recipe.read_text()
    bright_model(tmp_path)
    val = bright_set(tmp_path / "set", "val.json", [(f"{v}{i}", v, 0.3 + i / 100) for i in range(30) for v in ("OK", "NG")])
    app = typer.Typer()
    app.command()(thresholds)
    arguments = ["--data", str(val), "--recipe", str(recipe), "--write", str(recipe), "--cache", str(tmp_path / "c"), "--escape-cost", "1",
                 "--overkill-cost", "10", "--parts-per-hour", "900", "--defect-share", "0.01"]  # fmt: skip
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, SettingsError)
    assert "not written: at these costs it would be cheapest to let most bad parts pass" in str(done.exception)
    assert recipe.read_text() == before
    assert "not confirmed" in done.output


def test_scores_that_reject_most_good_parts_or_outrun_the_people_are_written_only_when_told_to(tmp_path: Path) -> None:
    bright_model(tmp_path)
    recipe = tmp_path / "r.toml"
    recipe.write_text(before := 'product = "p"\nmodel = { file = "bright.onnx" }\n')
    val = bright_set(tmp_path / "set", "val.json", [(f"{v}{i}", v, 0.3 + i / 100) for i in range(30) for v in ("OK", "NG")])
    app = typer.Typer()
    app.command()(thresholds)
    arguments = ["--data", str(val), "--recipe", str(recipe), "--write", str(recipe), "--cache", str(tmp_path / "c"), "--escape-cost", "90000",
                 "--overkill-cost", "1", "--parts-per-hour", "900", "--defect-share", "0.01"]  # fmt: skip
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, SettingsError)
    assert re.search("not written: .*more than half of the good parts.*--anyway", str(done.exception))
    assert recipe.read_text() == before
    assert CliRunner().invoke(app, [*arguments, "--anyway"], catch_exceptions=False).exit_code == 0
    assert load_recipe(recipe).recipe.default.ng_score < 0.4
    assert "written although at these costs more than half" in recipe.read_text()


def test_more_to_review_than_people_can_is_not_written_unasked(judge: Judge, tmp_path: Path) -> None:
    """Two of thirty good parts of the test set fall into the band: no contradiction of the validation set, and 60 an hour."""
    val = bright_set(tmp_path / "set", "val.json", many(40, "v"))
    _, new = recommend(judge, val, None, PLAIN, QUIET, None)
    middle = (new.default.undecided_score + new.default.ng_score) / 2
    assert new.default.undecided_score + 0.01 < middle
    test = bright_set(tmp_path / "set", "test.json", [*many(30, "t"), ("u1", "OK", middle), ("u2", "OK", middle)])
    document, _ = recommend(judge, val, test, PLAIN, QUIET, None)
    keys = {w["key"] for w in document["warnings"]}
    assert keys & (HARSH | UNUSABLE) == {"warn.capacity"}


@pytest.mark.parametrize("ng_score", [0.01, 0.03, 0.5, 0.97])
def test_the_best_f1_is_never_below_that_of_the_recipe(ng_score: float, tmp_path: Path) -> None:
    bright_model(tmp_path)
    (tmp_path / "r.toml").write_text(
        f'product = "p"\nmodel = {{ file = "bright.onnx" }}\ndefault = {{ ng_score = {ng_score}, undecided_score = 0.01 }}\n'
    )
    judge = Judge(load_recipe(tmp_path / "r.toml"))
    data = bright_set(tmp_path / "set", "val.json", [("a", "NG", ng_score + 0.02), ("b", "OK", max(0, ng_score - 0.02)), ("c", "NG", 0.99)])
    document = run(judge, data).document
    assert document["f1_33"] == 1
    assert document["f1_33_best"] == 1


@pytest.mark.parametrize("verdict", ["OK", "NG"])
def test_a_set_of_one_kind_has_a_report_too(judge: Judge, tmp_path: Path, verdict: str) -> None:
    """And of many parts that went wrong every name is there, though not every picture."""
    score = 0.9 if verdict == "OK" else 0.1
    done = run(judge, bright_set(tmp_path / "set", "one.json", [(f"part-{i}-", verdict, score) for i in range(20)]))
    page = evaluation_page([done], "en")
    assert all(f"part-{i}-" in page for i in range(20))
    assert page.count("<figure>") == 12
    assert done.document["auroc"] is None
    assert done.document["claim"]["claimable"] == 1


def listen(page: Page) -> tuple[list[str], list[str]]:
    """What a page asks for and what the browser says of it, from now on."""
    asked: list[str] = []
    said: list[str] = []

    def ask(request: Request) -> None:
        asked.append(request.url)

    def say(message: ConsoleMessage) -> None:
        said.append(message.text)

    page.on("request", ask)
    page.on("console", say)
    return asked, said


HOSTILE = '<img src=x onerror="document.title=1">&</b>'


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_reports_open_offline_and_show_what_was_counted(language: str, tmp_path: Path) -> None:
    """Through the commands themselves; part and class names come from a file and must not become markup."""
    model = bright_model(tmp_path)
    val = bright_set(tmp_path / "set", "val.json", [*VAL, (HOSTILE, "NG", 0.25)])
    test = bright_set(tmp_path / "set", "test.json", many(10, "t"))
    app = typer.Typer()
    app.command("evaluate")(evaluate)
    app.command("thresholds")(thresholds)
    common = ["--model", str(model), "--recipe", str(tmp_path / "r.toml"), "--cache", str(tmp_path / "c"), "--language", language, "--json"]
    (tmp_path / "r.toml").write_text('product = "p"\nmodel = { file = "bright.onnx" }\n')
    pages = [tmp_path / "evaluation.html", tmp_path / "thresholds.html"]
    calls = [
        ["evaluate", "--data", str(val), "--splits", str(test), "--against", str(bright_model(tmp_path, "b.onnx", 1.2)), "--html", str(pages[0])],
        ["thresholds", "--data", str(val), "--test", str(test), "--escape-cost", "5000", "--overkill-cost", "2", "--parts-per-hour", "900",
         "--defect-share", "0.01", "--review-per-hour", "20", "--html", str(pages[1]), "--write", str(tmp_path / "new.toml"), "--anyway"],
    ]  # fmt: skip
    documents = []
    for call in calls:
        done = CliRunner().invoke(app, call + common, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        documents.append(json.loads(done.stdout))
    assert documents[0]["escaped"] == ["n3", HOSTILE]
    assert [s["parts"] for s in documents[0]["splits"]] == [20]
    assert tomllib.loads((tmp_path / "new.toml").read_text())["default"]["ng_score"] == documents[1]["for_all"]["ng_score"]

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert chromium, "no Chromium here; install one: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for file, title in zip(pages, ("evaluation", "thresholds"), strict=True):
            for width in (1920, 390):
                page = browser.new_page(viewport={"width": width, "height": 900})
                asked, said = listen(page)
                page.goto(file.as_uri())
                assert page.title() == f"Gutteil · {getattr(TEXTS[title], language)}"
                assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
                assert said == []
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                text = page.inner_text("body")
                if title == "evaluation":
                    assert HOSTILE in text
                    assert ("2 of 5" if language == "en" else "2 von 5") in text
                    assert page.locator("figure svg image").count() >= 10
                    assert page.locator("figure rect.label").count() > 0
                else:
                    assert page.locator(".chart path").count() == 3
                page.close()
        browser.close()
