"""A verdict replayed from the stored image: byte for byte the same, or the very reason why not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest

from dashboard.golden import golden_file
from edge import recipe_versions as rows
from edge import recipes_kept
from edge.compare import MAX_SCORE, Said, compare
from edge.decide import Decision
from edge.errors import StoreError
from edge.judge import Judge
from edge.messages import Defect
from edge.model import RuntimeOptions
from edge.pointer import model_path
from edge.recipe import load_recipe, parse_recipe
from edge.recipe_active import load_active
from edge.recipe_library import Hand, Library
from edge.recipes_kept import RecipeKeeper, kept_run
from edge.rejudge import Rejudger, Replayed
from edge.rejudge_worker import Failed
from tests.edge.judged_record import RUN, JudgedRecord, board, golden


@pytest.fixture
def record(tmp_path: Path) -> JudgedRecord:
    return JudgedRecord(tmp_path)


def replayed(record: JudgedRecord, part_id: str) -> Replayed:
    with record.open() as store, closing(Rejudger(store, record.config)) as rejudger:
        return rejudger.replay(part_id)


def test_what_was_judged_is_judged_the_same_byte_for_byte(record: JudgedRecord) -> None:
    parts = [record.part(board(n % 4, seed=n)) for n in range(6)]
    with record.open() as store, closing(Rejudger(store, record.config)) as rejudger:
        found = [rejudger.replay(p) for p in parts]
    assert {f.result for f in found} == {"same"}
    assert {f.recorded.verdict for f in found} >= {"OK", "NG"}
    assert all(f.now_sha256 == f.recorded_sha256 and f.causes == [] and f.differences is None for f in found)


def test_a_recipe_edited_since_does_not_matter_what_was_kept_counts(record: JudgedRecord) -> None:
    part = record.part(board(2))
    record.recipe.write_text(record.recipe.read_text().replace("0.65", "0.99"))
    (record.recipe.parent / "sim-board.png").write_bytes(b"another one")
    assert replayed(record, part).result == "same"


def test_a_model_replaced_by_another_is_found_in_the_registry(record: JudgedRecord) -> None:
    part = record.part(board(1))
    model = record.recipe.parent / "board.onnx"
    data = model.read_bytes()
    model.write_bytes(data[:-1])
    assert [c.code for c in replayed(record, part).causes] == ["model_gone"]
    kept = model_path(record.folder, record.judge.model.file_hash)
    kept.parent.mkdir()
    kept.write_bytes(data)
    assert replayed(record, part).result == "same"


def _expire(record: JudgedRecord, part: str) -> None:
    with record.open() as store:
        store.expire([part])


def _image(record: JudgedRecord, part: str) -> Path:
    with record.open() as store:
        found = store.inspection(part)
    assert found is not None
    return record.folder / (found.image_path or "")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (_expire, "image_expired"),
        (lambda r, p: _image(r, p).unlink(), "image_missing"),
        (lambda r, p: _image(r, p).write_bytes(b"something else"), "image_changed"),
    ],
)
def test_it_says_why_there_is_no_replay(record: JudgedRecord, spoil: Callable[[JudgedRecord, str], None], code: str) -> None:
    part = record.part(board(1))
    spoil(record, part)
    found = replayed(record, part)
    assert (found.result, [c.code for c in found.causes], found.now) == ("impossible", [code], None)


def test_a_part_that_the_model_never_saw(record: JudgedRecord) -> None:
    found = replayed(record, record.part(board(0), judged=False))
    assert [c.code for c in found.causes] == ["not_judged"]
    assert "the camera is blind" in found.causes[0].text


def test_a_recipe_that_was_not_kept(tmp_path: Path) -> None:
    record = JudgedRecord(tmp_path, keep=False)
    assert [c.code for c in replayed(record, record.part(board(1))).causes] == ["recipe_not_kept"]


def _shaken(decision: Decision, by: float) -> Decision:
    first, *rest = decision.defects
    return Decision(decision.verdict, decision.reasons, [msgspec.structs.replace(first, score=first.score - by), *rest])


@pytest.mark.parametrize(
    ("then", "by", "result", "code"),
    [
        ("onnxruntime 1.0", 1e-6, "close", "other_software"),
        ("onnxruntime 1.0", 0.05, "different", "other_software"),
        ("", 1e-6, "different", "unexplained"),  # '': the software of now
    ],
)
def test_differences_are_named_and_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str, by: float, result: str, code: str
) -> None:
    with monkeypatch.context() as patch:
        if then:
            patch.setattr(recipes_kept, "software", lambda: then)
        record = JudgedRecord(tmp_path)
    part = record.part(board(2), lambda d: _shaken(d, by))
    found = replayed(record, part)
    assert (found.result, [c.code for c in found.causes]) == (result, [code])
    assert found.differences is not None
    assert found.differences.score == pytest.approx(by, rel=1e-3)
    assert found.recorded_software == then or not then


def test_an_unknown_part_is_an_error(record: JudgedRecord) -> None:
    with pytest.raises(StoreError, match="there is no part"):
        replayed(record, "../../etc/passwd")


def test_what_is_kept_is_what_judged_and_is_kept_once(record: JudgedRecord) -> None:
    text = record.recipe.read_bytes()
    record.recipe.write_text("# changed\n" + record.recipe.read_text())
    with record.open() as store:
        RecipeKeeper(record.config).see(store, [record.run()])  # as a recorder that starts anew
        with store.reading() as db:
            kept = kept_run(db, RUN)
        assert kept is not None
        assert (kept.recipe, kept.wants_reference) == (text, True)
        assert kept.reference == (record.recipe.parent / "sim-board.png").read_bytes()
        later = msgspec.structs.replace(record.run(), run_id="S1-later")
        with store.writing() as db:
            db.execute("INSERT INTO runs (run_id, station, simulated) VALUES ('S1-later', 'S1', 1)")
        keeper = RecipeKeeper(record.config)
        keeper.see(store, [later])  # the file is no longer what that run says it is
        with store.reading() as db:
            assert kept_run(db, "S1-later") is None
        record.recipe.write_bytes(text)
        keeper.see(store, [later])  # it is put back: nothing stands in the way of keeping it
        with store.reading() as db:
            assert (kept_run(db, "S1-later") or kept) == kept
            assert kept_run(db, "S1-later") is not None


def test_what_was_judged_by_an_activated_version_is_judged_the_same(tmp_path: Path) -> None:
    record = JudgedRecord(tmp_path, keep=False)
    anna, ben = Hand("Anna"), Hand("Ben")

    def activate(new: str) -> None:
        with record.open() as store:
            library = Library(store, record.config)
            version = library.propose("board", record.recipe.read_text().replace("0.65", new), anna, "try").sha256
            library.release("board", version, ben, "well")
            library.activate("board", version, ben, "go")

    activate("0.7")
    active = load_active(record.config, record.config.recipe)
    record.judge = Judge(active, RuntimeOptions(("cpu",), 2))
    assert active.hash != load_recipe(record.recipe).hash
    part = record.part(board(2))
    activate("0.8")  # so quickly that the recorder comes to it only now
    with record.open() as store:
        found = store.inspection(part)
        assert found is not None
        picture = golden_file(store, record.config, found)
        assert picture is not None
        assert picture[0].read_bytes() == (record.recipe.parent / "sim-board.png").read_bytes()
        RecipeKeeper(record.config).see(store, [record.run()])
    assert replayed(record, part).result == "same"


def test_without_a_kept_row_a_version_without_reference_is_found_in_the_record(tmp_path: Path) -> None:
    record = JudgedRecord(tmp_path, keep=False)
    text = record.recipe.read_text().replace('file = "sim-board.png"', "")
    with record.open() as store, store.writing() as db:
        rows.add(db, "board", text, "Anna", "each part brings its own", "", 1)
    record.judge = Judge(parse_recipe(text.encode(), record.recipe), RuntimeOptions(("cpu",), 2))
    part = record.part(board(2), reference=golden())
    assert replayed(record, part).result == "same"


def test_the_worker_answers_line_by_line_and_ends_with_its_asker(record: JudgedRecord) -> None:
    part = record.part(board(1), part_id="odd id / ü ; %2f")
    lines = [record.config.model_dump_json().encode(), msgspec.json.encode({"part_id": part}), b'{"part_id": "none"}', b"no json"]
    done = subprocess.run(
        [sys.executable, "-m", "edge.rejudge_worker"], input=b"\n".join(lines) + b"\n", capture_output=True, check=True, timeout=60
    )
    first, second, third = done.stdout.splitlines()
    assert msgspec.json.decode(first, type=Replayed).result == "same"
    assert "no part" in msgspec.json.decode(second, type=Failed).error
    assert msgspec.json.decode(third, type=Failed).error


def test_the_command_counts_a_span(record: JudgedRecord) -> None:
    parts = [record.part(board(n % 3, seed=n)) for n in range(5)]
    _image(record, parts[0]).unlink()
    call = [sys.executable, "-m", "edge.cli", "rejudge", "--folder", str(record.folder), "--json"]
    done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["parts"], document["same"], document["impossible"], document["causes"]) == (5, 4, 1, {"image_missing": 1})


def test_judgements_are_compared_defect_by_defect() -> None:
    one, two = Defect("open", 0.9, (0, 0, 9, 9), "NG"), Defect("open", 0.8, (50, 50, 60, 60), "NG")
    then = Said("NG", ["open x2"], [one, two])
    assert compare(then, then).same
    moved = compare(then, Said("NG", ["open x2"], [two, msgspec.structs.replace(one, score=0.9 - MAX_SCORE / 2, box=(1, 0, 9, 9))]))
    assert (moved.same, moved.close, moved.box_px) == (False, True, 1)
    less = compare(then, Said("NG", ["open x1"], [one]))
    assert (less.close, less.only_recorded, less.only_now, less.reasons) == (False, [two], [], True)
    assert not compare(then, Said("OK", [], [])).close


def test_noise_in_the_stored_pixels_would_show(record: JudgedRecord) -> None:
    """The comparison is no formality: one grey level in the picture gives other bytes."""
    image = board(2)
    part = record.part(image, lambda _d: record.judge.judge(np.asarray(image ^ 1, np.uint8)).decision)
    assert replayed(record, part).result == "different"
