"""Versions of recipes: states, two people, the way back, the file that the station reads, drafts, and the command line."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge.appliance import DEMO_RECIPE
from edge.cli import app
from edge.config import Record, Station
from edge.doctor import examine
from edge.errors import GutteilError, RecipeError, SettingsError
from edge.recipe import load_recipe
from edge.recipe_active import active_file, load_active, read_active
from edge.recipe_diff import differences
from edge.recipe_drafts import Draft, Drafts
from edge.recipe_library import Hand, Library
from edge.recipe_versions import EVENTS, STATES, TRANSITIONS, State, after
from edge.rig import own_ports, write_config
from edge.store import FILE_NAME, open_store

ANNA, BEN = Hand("Anna"), Hand("Ben")
NAME = "board-a"


@pytest.fixture
def config(tmp_path: Path) -> Station:
    """A station with a recipe of its own, made of the demo's."""
    for file in (DEMO_RECIPE, DEMO_RECIPE.with_suffix(".png")):
        shutil.copy(file, tmp_path / f"{NAME if file == DEMO_RECIPE else file.stem}{file.suffix}")
    recipe = tmp_path / f"{NAME}.toml"
    recipe.write_text(recipe.read_text().replace("../models/board.onnx", str(load_recipe(DEMO_RECIPE).model_file)))
    return Station(recipe=str(recipe), recipes={"7": str(recipe)}, record=Record(folder=str(tmp_path / "data")))


@pytest.fixture
def library(config: Station) -> Iterator[Library]:
    with open_store(Path(config.record.folder) / FILE_NAME) as store:
        yield Library(store, config)


def text(library: Library, old: str = "0.55", new: str = "0.5") -> str:
    return library.file(NAME).read_text().replace(f"undecided_score = {old}", f"undecided_score = {new}")


def ops(library: Library) -> list[tuple[str, str, bool]]:
    return [(row.op.removeprefix("recipe-"), row.who, row.accepted) for row in reversed(library.store.audit(100))]


@pytest.mark.parametrize("state", [None, *STATES])
@pytest.mark.parametrize("event", EVENTS)
def test_every_event_in_every_state(state: State | None, event: Any) -> None:
    if (state, event) in TRANSITIONS:
        assert after(state, event) in STATES
    else:
        with pytest.raises(RecipeError, match=f"{event} is not possible"):
            after(state, event)
    # nothing becomes active but what was released, or had been the settings' own
    if event == "release":
        assert TRANSITIONS.get((state, event)) in (None, "released")
        assert state == "proposed" or (state, event) not in TRANSITIONS


def test_from_a_proposal_to_the_recipe_that_judges_and_back(library: Library, config: Station) -> None:
    own = load_recipe(library.file(NAME))
    assert library.shelf(NAME).present.hash == own.hash
    assert library.shelf(NAME).numbers == (7,)
    version = library.propose(NAME, text(library), ANNA, "catch weak shorts")
    assert (version.number, version.author, version.base) == (2, "Anna", own.hash)
    assert load_active(config, config.recipe).hash == own.hash, "a proposal judges nothing"
    with pytest.raises(RecipeError, match="not possible: the version is proposed; somebody else releases"):
        library.activate(NAME, "2", BEN, "go")
    with pytest.raises(RecipeError, match=r"two people: ANNA has written or proposed version 2"):
        library.release(NAME, "2", Hand(" ANNA "), "I am sure")
    library.release(NAME, version.sha256[:10], BEN, "looked at it")
    assert load_active(config, config.recipe).hash == own.hash, "a release alone judges nothing"
    library.activate(NAME, "2", ANNA, "from now on")
    assert load_active(config, config.recipe).hash == version.sha256
    assert load_active(config, config.recipe).model_file == own.model_file, "paths begin where they did"
    shelf = library.shelf(NAME)
    assert shelf.before is not None
    assert (shelf.before.number, shelf.states[version.sha256], shelf.states[own.hash]) == (1, "active", "retired")
    assert library.rollback(NAME, BEN, "too strict").sha256 == own.hash
    assert load_active(config, config.recipe).hash == own.hash
    with pytest.raises(RecipeError, match="no version of 'board-a' was active before"):
        library.rollback(NAME, BEN, "further")
    with pytest.raises(RecipeError, match="propose it anew"):
        library.activate(NAME, "2", BEN, "it was released once")
    assert library.store.verify_audit().holds
    assert ops(library) == [
        ("adopt", "Anna", True), ("propose", "Anna", True), ("release", "ANNA", False), ("release", "Ben", True),
        ("activate", "Anna", True), ("rollback", "Ben", True),
    ]  # fmt: skip
    assert "default: undecided_score 0.55 → 0.5; catch weak shorts" in library.store.audit(100)[-2].text


def test_what_cannot_judge_is_not_proposed(library: Library) -> None:
    for old, new, error, words in (
        ("ng_score = 0.65", "ng_score = 1.65", SettingsError, r"default\.ng_score = 1\.65: input should be less than or equal to 1"),
        ("ng_score = 0.65", "ng_scor = 0.65", SettingsError, "unknown key"),
        ("simulated-circuit-board", "pump", RecipeError, "product = 'pump'"),
        ("[default]", "[classes.scratch]\nng_score = 0.9\n[default]", SettingsError, r"classes\.scratch: the model has no such class"),
        ('file = "sim-board.png"', 'file = "nowhere.png"', SettingsError, r"reference\.file = 'nowhere\.png'"),
        ("", "", RecipeError, "nothing differs"),
    ):
        with pytest.raises(error, match=words):
            library.propose(NAME, library.file(NAME).read_text().replace(old, new), ANNA, "try")
    with pytest.raises(GutteilError, match="note"):
        library.propose(NAME, text(library), ANNA, " ")
    assert [v.number for v in library.shelf(NAME).versions] in ([], [1])


def test_declined_and_retired_versions_do_not_judge(library: Library) -> None:
    library.propose(NAME, text(library), ANNA, "one")
    library.decline(NAME, "2", BEN, "no")
    with pytest.raises(RecipeError, match="version 2 of 'board-a' was never released"):
        library.activate(NAME, "2", ANNA, "all the same")
    library.propose(NAME, text(library), ANNA, "again")
    library.release(NAME, "2", BEN, "well")
    library.retire(NAME, "2", BEN, "no")
    assert library.shelf(NAME).states[library.shelf(NAME).versions[0].sha256] == "retired"
    for wanted in ("9", "ffff", "x"):
        with pytest.raises(RecipeError, match="there is none"):
            library.release(NAME, wanted, BEN, "which?")


def test_a_file_that_was_edited_before_anything_was_activated_is_a_version_too(library: Library) -> None:
    library.propose(NAME, text(library), ANNA, "one")
    library.file(NAME).write_text(text(library, new="0.58"))
    library.release(NAME, "2", BEN, "well")
    library.activate(NAME, "2", BEN, "go")
    shelf = library.shelf(NAME)
    assert [(v.number, shelf.states[v.sha256]) for v in shelf.versions] == [(3, "retired"), (2, "active"), (1, "retired")]
    assert not shelf.edited
    library.file(NAME).write_text(text(library, old="0.58", new="0.57"))
    assert library.shelf(NAME).edited, "from now on it does not count, and that is said"
    assert library.rollback(NAME, BEN, "back").number == 3


@pytest.mark.parametrize("damage", [b"", b"{", b'{"v":1}', None])
def test_a_damaged_active_file_is_refused_and_written_anew(library: Library, config: Station, damage: bytes | None) -> None:
    library.propose(NAME, text(library), ANNA, "one")
    library.release(NAME, "2", BEN, "well")
    library.activate(NAME, "2", BEN, "go")
    file = active_file(library.folder, NAME)
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"0.5\\n", b"0.1\\n") if damage is None else damage)
    assert file.read_bytes() != whole
    with pytest.raises(
        SettingsError, match=r"damaged, or was altered by hand; write it anew as the record says: gutteil recipes point board-a"
    ):
        load_active(config, config.recipe)
    library.point(NAME)
    assert file.read_bytes() == whole
    file.write_bytes(b"{")
    assert library.rollback(NAME, BEN, "a rollback is never refused").number == 1
    active = read_active(library.folder, NAME)
    assert active is not None
    assert active.number == 1


def test_the_rows_are_append_only(library: Library) -> None:
    library.propose(NAME, text(library), ANNA, "one")
    with sqlite3.connect(library.store.path) as db:
        for statement in (
            "DELETE FROM recipe_versions",
            "UPDATE recipe_states SET who = 'nobody'",
            "REPLACE INTO recipe_states SELECT * FROM recipe_states WHERE number = 1",
            "INSERT INTO recipe_versions (recipe, number, sha256, text, author, note, base, wall_ns) SELECT recipe, 9, sha256, text, author, note, base, 1 FROM recipe_versions LIMIT 1",
        ):
            with pytest.raises(sqlite3.DatabaseError):
                db.execute(statement.replace("SELECT * FROM", "SELECT number, recipe, sha256, event, state, who, reason, wall_ns FROM").replace("INTO recipe_states SELECT", "INTO recipe_states (number, recipe, sha256, event, state, who, reason, wall_ns) SELECT"))  # fmt: skip


def test_two_files_of_one_name_have_no_versions(config: Station, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    shutil.copy(config.recipe, tmp_path / "other" / f"{NAME}.toml")
    twice = config.model_copy(update={"recipes": {"7": str(tmp_path / "other" / f"{NAME}.toml")}})
    with open_store(Path(config.record.folder) / FILE_NAME) as store, pytest.raises(SettingsError, match="both called 'board-a'"):
        Library(store, twice)


def test_differences_are_those_in_effect(library: Library) -> None:
    before = library.read(NAME, library.file(NAME).read_text()).recipe
    own = library.read(NAME, library.file(NAME).read_text() + "\n[classes.short]\nng_score = 0.65\nundecided_score = 0.42\n").recipe
    assert [d.words() for d in differences(before, own)] == ["class short: undecided_score 0.55 → 0.42"]
    zone = before.model_copy(update={"region": before.region.model_copy(update={"roi": None, "ignore": [(1, 2, 3, 4)]})})
    assert [d.words() for d in differences(before, zone)] == [
        "region: roi [44, 44, 596, 596] → none",
        "region: ignore none → [1, 2, 3, 4]",
    ]


def test_drafts_are_of_one_person_each_and_hostile_files_are_none(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    assert drafts.of("a/b") == []
    kept = drafts.save(Draft(recipe="a/b", who="Anna Beck", base="", data={"product": "x"}))
    drafts.save(Draft(recipe="a/b", who="../Ben", base="", data={}))
    assert drafts.find("a/b", "Anna Beck") == kept
    assert [d.who for d in drafts.of("a/b")] == ["../Ben", "Anna Beck"]
    assert {f.parent for f in tmp_path.rglob("*.json")} == {tmp_path / "recipes" / "drafts"}
    for file in (tmp_path / "recipes" / "drafts").iterdir():
        file.write_bytes(b"[" * 10_000)
    assert drafts.of("a/b") == []
    with pytest.raises(RecipeError, match="at most"):
        drafts.save(Draft(recipe="a", who="b", base="", data={"x": "y" * 600_000}))
    drafts.discard("a/b", "Anna Beck")
    drafts.discard("a/b", "Anna Beck")
    assert drafts.find("a/b", "Anna Beck") is None


def test_the_commands(config: Station, tmp_path: Path) -> None:
    settings = write_config(own_ports(config), tmp_path)
    open_store(Path(config.record.folder) / FILE_NAME).close()
    new = tmp_path / "new.toml"
    new.write_text(Path(config.recipe).read_text().replace("undecided_score = 0.55", "undecided_score = 0.4"))

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["recipes", *words, "--config", str(settings)])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output

    assert "active: the file of the settings" in run("list")
    assert run("diff", NAME, str(new)).strip() == "default: undecided_score 0.55 → 0.4"
    assert "version 2 of board-a is proposed" in run("propose", NAME, str(new), "--who", "Anna", "--note", "why not")
    with pytest.raises(RecipeError, match="two people"):
        run("release", NAME, "2", "--who", "Anna")
    assert "version 2 of board-a is released" in run("release", NAME, "2", "--who", "Ben")
    assert "nobody answers" in run("activate", NAME, "2", "--who", "Ben")
    found = json.loads(run("list", NAME, "--json"))["recipes"][0]
    assert (found["active"]["number"], found["numbers"], found["versions"][0]["released_by"]) == (2, [7], "Ben")
    assert run("show", NAME) == new.read_text()
    assert "0 of 0 confirmed bad parts would pass" in run("diff", NAME, "1", "--what-if")
    assert "version 1 of board-a is active again" in run("rollback", NAME, "--who", "Ben", "--reason", "x")
    assert "the station is told: version 1" in run("point", NAME)
    with pytest.raises(RecipeError, match="recipe 'nope' is not in the settings; there are: board-a"):
        run("list", "nope")


def test_the_doctor_says_which_version_is_active(library: Library, config: Station, tmp_path: Path) -> None:
    def says() -> tuple[str, str]:
        found = next(f for f in examine(write_config(config, tmp_path)) if f.what == f"recipe {NAME}")
        return found.level, found.text

    assert says()[1].endswith("no version was ever activated")
    version = library.propose(NAME, text(library), ANNA, "one")
    library.release(NAME, "2", BEN, "well")
    library.activate(NAME, "2", BEN, "go")
    assert says() == ("ok", f"version 2 ({version.sha256[:12]}) is active; {library.file(NAME)} is another one and does not count")
    active_file(library.folder, NAME).write_bytes(b"")
    assert says()[0] == "fault"
