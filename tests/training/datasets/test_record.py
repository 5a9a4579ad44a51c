"""Reviewed parts of a real record become labelled images, with what the person changed; and the commands from end to end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

pytest.importorskip("defusedxml", reason="extra training is not installed")

from edge.cli import app as edge_app
from edge.errors import SettingsError
from edge.evidence import ImageFolder
from edge.labelled import read_coco
from edge.rows import Batch, Evidence
from edge.store import Store, open_store
from tests.edge.story import image_ref, run_of, trigger_of, verdict_of
from tests.edge.test_holds import told
from tests.training.datasets.sets import coco, rows, texture
from training.datasets.commands import app as data_app
from training.datasets.entry import Corrections, Label
from training.datasets.record import corrections

app = typer.Typer()
app.add_typer(data_app, name="data")
app.registered_commands += edge_app.registered_commands
app.registered_groups += edge_app.registered_groups


def gutteil(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def recorded(folder: Path, count: int) -> Store:
    """Parts P1 … as the recorder writes them: images on disk, the model found an open and doubted a short on each."""
    store = open_store(folder / "gutteil.db")
    images = ImageFolder(folder)
    kept = {f"P{n}": Evidence(images.add(f"P{n}", verdict_of(n).trigger_wall_ns, texture(n))) for n in range(1, count + 1)}
    images.commit()
    verdicts = [verdict_of(n, "NG", image=image_ref(), source="simulated:1") for n in range(1, count + 1)]
    store.write(Batch([run_of(), *verdicts, *(trigger_of(n) for n in range(1, count + 1))], [], kept))
    return store


def test_reviewed_parts_become_labelled_images(tmp_path: Path) -> None:
    record, shelf = tmp_path / "record", tmp_path / "sets"
    with recorded(record, 8) as store:
        lost = store.inspection("P7")
    assert lost is not None
    assert lost.image_path is not None
    (record / lost.image_path).unlink()
    said = [
        ("P1", "good"), ("P2", "bad", "--box", "open,1,2,30,40.5", "--box", "short, with comma,50,10,60,20"), ("P3", "bad"),
        ("P4", "unsure"), ("P5", "good"), ("P5", "withdrawn"), ("P6", "bad", "--box", "short,1,2,31,41"), ("P7", "good"),
    ]  # fmt: skip
    for part, truth, *more in said:
        assert part in gutteil("review", part, "--truth", truth, "--who", "Anna", "--folder", record, "--note", "seen", *more)
    output = gutteil("data", "import", "r", "--record", record, "--folder", shelf, code=1)
    assert "3 images taken" in output
    assert "P3: is bad, and nobody said where: needs boxes" in output
    assert "P7.png: there is no file P7.png" in output
    found = {r.entry.part: r.entry for r in rows(shelf, "r")}
    assert sorted(found) == ["P1", "P2", "P6"]
    assert (found["P1"].verdict, found["P1"].labels, found["P1"].name) == ("OK", (), "S1/P1.png")
    assert found["P2"].labels == (Label("open", 1, 2, 30, 40.5), Label("short, with comma", 50, 10, 60, 20))
    lineage = found["P2"].lineage
    assert (lineage.format, lineage.who, lineage.part_id, lineage.recipe, lineage.model, lineage.note) == (
        "record",
        "Anna",
        "P2",
        "board rh",
        "mh",
        "seen",
    )
    assert lineage.source == "simulated:1"
    assert lineage.labelled_at.startswith("20")
    change = lineage.corrections
    assert change is not None
    assert (change.verdict, change.kept, change.added, change.removed, change.renamed) == ("NG", 1, 1, 1, 0)
    assert change.said == (Label("open", 1, 2, 30, 40.5), Label("short", 5, 5, 9, 9))
    renamed = found["P6"].lineage.corrections
    assert renamed is not None
    assert (renamed.renamed, renamed.removed) == (1, 1)
    assert found["P1"].taken_at < found["P2"].taken_at
    assert found["P1"].lot == "R1"
    # what the model said is only taken when told to
    output = gutteil("data", "import", "r", "--record", record, "--folder", shelf, "--trust-model", "--skip-refused")
    assert "1 images taken, 0 with new labels, 3 there already" in output
    third = next(r.entry for r in rows(shelf, "r") if r.entry.part == "P3")
    assert third.labels == (Label("open", 1, 2, 30, 40.5),), "the doubtful one is none"
    # a second look changes a label: refused, or taken with --replace, and the record itself stays as it was
    gutteil("review", "P1", "--truth", "bad", "--who", "Ben", "--box", "open,1,1,9,9", "--folder", record)
    assert "other labels" in gutteil("data", "import", "r", "--record", record, "--folder", shelf, code=1)
    assert "1 with new labels" in gutteil("data", "import", "r", "--record", record, "--folder", shelf, "--replace", "--skip-refused")
    shown = json.loads(gutteil("data", "show", "r@draft", "--image", "S1/P1.png", "--folder", shelf, "--json"))
    assert shown["image"]["lineage"]["who"] == "Ben"
    assert {r["name"] for r in shown["refused"]} == {"P3", "S1/P7.png"}


def test_corrections_pair_each_box_once() -> None:
    a, b, c = Label("x", 0, 0, 10, 10), Label("x", 20, 0, 30, 10), Label("x", 40, 0, 50, 10)
    moved, other = Label("x", 1, 0, 11, 10), Label("y", 20, 0, 30, 10)
    assert corrections("NG", (a, b, c), (a, b, c)) == Corrections("NG", (a, b, c), kept=3)
    assert corrections("NG", (a, b), (moved, other, c)) == Corrections("NG", (a, b), moved=1, renamed=1, added=1)
    assert corrections("OK", (a, moved), (a,)) == Corrections("OK", (a, moved), kept=1, removed=1)
    assert corrections("OK", (), ()) == Corrections("OK")
    assert np.isfinite(corrections("NG", (Label("x", 1, 1, 1, 1),), (Label("x", 1, 1, 1, 1),)).added)


def test_the_commands_from_end_to_end(tmp_path: Path) -> None:
    entries: list[dict[str, Any]] = [
        {"file_name": f"images/p{n}.png", "id": n, "part": f"P{n}", "verdict": "OK" if n % 2 else "NG"} for n in range(12)
    ]
    path = coco(tmp_path / "s", entries, {n: [[0, 5, 5, 20, 20]] for n in range(0, 12, 2)})
    at = ["--folder", tmp_path / "sets"]
    assert "12 images taken" in gutteil("data", "import", "t", path, "--format", "coco", *at)
    assert "t@draft" in gutteil("data", "list", *at)
    done = json.loads(gutteil("data", "split", "t", "--by", "part", "--val", "0.25", "--test", "0.25", "--json", *at))
    assert {s: c["images"] for s, c in done["splits"].items()} == {"train": 6, "val": 3, "test": 3}
    assert "0 across splits" in gutteil("data", "duplicates", "t", *at)
    assert "nothing suspect" in gutteil("data", "check", "t", "--out", tmp_path / "sheets", *at)
    first = json.loads(gutteil("data", "snapshot", "t", "--json", *at))
    train = Path(first["folder"], "train.json")
    assert len(read_coco(train).images) == 6
    assert "as it was already" in gutteil("data", "snapshot", "t", *at)
    assert "0 leaks" in gutteil("data", "duplicates", "--across", train, "--across", train.with_name("val.json"))
    assert "part 'P" in gutteil("data", "duplicates", "--across", train, "--across", train.with_name("train.json"), code=1)
    assert "no difference" in gutteil("data", "diff", "t", "t@draft", *at)
    coco(tmp_path / "s", [{**entries[0], "file_name": "images/new.png", "id": 77, "part": "P77"}])
    gutteil("data", "import", "t", path, "--format", "coco", "--split", "val", *at)
    assert "added     new.png  val" in gutteil("data", "diff", "t", "t@draft", *at, code=1)
    second = json.loads(gutteil("data", "snapshot", "t", "--json", *at))
    assert second["parent"] == first["id"]
    listed = json.loads(gutteil("data", "list", "--json", *at))
    assert [r["images"] for r in listed] == [13, 12, 13]
    assert json.loads(gutteil("data", "show", f"t@{first['id'][:8]}", "--verify", "--json", *at))["verified"]
    assert "12" in gutteil("data", "show", f"t@{first['id'][:8]}", *at)
    out = tmp_path / "yolo"
    assert "6 images as yolo" in gutteil(
        "data", "export", f"t@{first['id'][:8]}", "--format", "yolo", "--split", "train", "--out", out, *at
    )
    assert len(list((out / "labels").iterdir())) == 6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["import", "t"], "SOURCE with --format"),
        (["import", "t", "x.json", "--format", "coco"], "no such file"),
        (["import", "t", ".", "--format", "classes"], "holds no image; looked for image files in folders"),
        (["import", "t", ".", "--format", "voc"], "holds no image; looked for XML files in Annotations/"),
        (["import", "t", ".", "--format", "pdf"], "format = 'pdf' is not known; choose one of: coco"),
        (["import", "t", ".", "--format", "coco", "--empty", "x"], "choose one of: unknown"),
        (["import", "t", ".", "--format", "coco", "--split", "x"], "choose one of: train"),
        (["import", "a/b", ".", "--format", "classes"], "name = 'a/b'"),
        (["split", "t", "--val", "0.6", "--test", "0.4"], "nothing to train on"),
        (["split", "t"], "there is no draft 't'; make one"),
        (["show", "t"], "no snapshot t"),
        (["duplicates", "--across", "x.json"], "at least twice"),
    ],
)
def test_commands_say_what_is_wrong(arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["data", *arguments])
    assert isinstance(done.exception, SettingsError)
    assert words in str(done.exception)
    assert not Path("datasets/snapshots").exists()


def test_a_record_without_reviews_is_nothing_to_import(tmp_path: Path) -> None:
    told(tmp_path).close()
    done = CliRunner().invoke(app, ["data", "import", "t", "--record", str(tmp_path), "--folder", str(tmp_path / "sets")])
    assert isinstance(done.exception, SettingsError)
    assert "no part that a person has reviewed" in str(done.exception)
    assert not (tmp_path / "sets").exists()
