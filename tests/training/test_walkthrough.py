"""The way of docs/workbench.md on a small set, command by command, with real processes: from label files to the model that judges, and back."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest

pytest.importorskip("torch", reason="extra training is not installed")
pytest.importorskip("onnx", reason="extra training is not installed")

from edge.appliance import DEMO_RECIPE
from edge.config import Station
from edge.messages import AnyMessage, Heartbeat, Run, Verdict
from edge.rig import Rig, rig, write_config
from hardware.cameras.board_defects import KINDS
from tests.edge.registry_line import OWN_MODEL, settings, sha_of, until
from training.pairs import simulated_pairs

pytestmark = [pytest.mark.timeout(420), pytest.mark.filterwarnings("ignore")]  # torch's notes on its own future
# ten steps teach a network nothing: it doubts everything, as the recipe rejects what is not surely good. So nothing escapes
RECIPE = """product = "simulated-circuit-board"
[model]
file = "{model}"
[default]
ng_score = 0.65
undecided_score = 0.001
"""
GOLDEN = """[reference]
file = "{reference}"
[region]
roi = [44, 44, 596, 596]
"""


def gutteil(*words: object, code: int = 0) -> str:
    """Run a command as a person does; standard output."""
    done = subprocess.run([sys.executable, "-m", "edge.cli", *map(str, words)], capture_output=True, text=True, timeout=300)
    assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def draw_set(folder: Path) -> Path:
    """Twelve boards, each as a bad part and as the good one it would have been."""
    images: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    for i, pair in enumerate(simulated_pairs(list(KINDS), 12, 5)):
        assert pair.reference is not None
        for verdict, image in (("NG", pair.image), ("OK", pair.reference)):
            name = f"b{i}-{verdict}.png"
            cv2.imwrite(str(folder / name), image)
            images.append({
                "id": len(images), "file_name": name, "reference": f"b{i}-OK.png", "verdict": verdict, "board": f"b{i}",
                "width": image.shape[1], "height": image.shape[0],
            })  # fmt: skip
            for (x1, y1, x2, y2), kind in zip(pair.boxes.tolist(), pair.kinds.tolist(), strict=True):
                if verdict == "NG":
                    marks.append({"id": len(marks), "image_id": len(images) - 1, "category_id": kind, "bbox": [x1, y1, x2 - x1, y2 - y1]})
    path = folder / "set.json"
    path.write_text(json.dumps({"images": images, "annotations": marks, "categories": [{"id": i, "name": n} for i, n in enumerate(KINDS)]}))
    return path


def station(tmp_path: Path) -> tuple[Station, Path, Path]:
    """Settings, their file, and the same recipe for images that bring their own reference."""
    recipe, labelled = tmp_path / "walk.toml", tmp_path / "labelled.toml"
    labelled.write_text(RECIPE.format(model=OWN_MODEL))
    recipe.write_text(RECIPE.format(model=OWN_MODEL) + GOLDEN.format(reference=DEMO_RECIPE.with_name("sim-board.png")))
    config = settings(tmp_path, min_shadow_parts=10).model_copy(update={"recipe": str(recipe)})
    return config, write_config(config, tmp_path / "settings"), labelled


def until_going(line: Rig, done: Callable[[AnyMessage | None], object]) -> None:
    """Until `done` of a message. A machine with too much to do may lose a heartbeat and stop the line; then a person acknowledges."""

    def seen(message: AnyMessage | None) -> object:
        if isinstance(message, Heartbeat) and message.sender == "rejector" and message.state in ("fault", "stopped"):
            line.acknowledge()
        return done(message)

    until(line, seen, 90)


def test_from_label_files_to_the_model_that_judges_and_back(tmp_path: Path) -> None:
    # import → split → snapshot
    shelf, out = tmp_path / "sets", tmp_path / "out"
    gutteil("data", "import", "walk", draw_set(tmp_path), "--format", "coco", "--who", "Anna", "--folder", shelf)
    gutteil("data", "split", "walk", "--by", "board", "--val", "0.25", "--test", "0.25", "--folder", shelf)
    gutteil("data", "snapshot", "walk", "--folder", shelf)
    (manifest,) = shelf.glob("snapshots/walk/*/manifest.json")
    sets = {split: manifest.parent / f"{split}.json" for split in ("train", "val", "test")}
    # train: one tiny round
    trained = json.loads(
        gutteil(
            "train",
            "--data",
            sets["train"],
            "--val",
            sets["val"],
            "--out",
            out,
            "--name",
            "walk",
            "--steps",
            10,
            "--simulated",
            0,
            "--json",
        )
    )
    model = Path(trained["model"])
    config, file, recipe = station(tmp_path)
    # evaluate → export with parity
    evaluation = tmp_path / "evaluation.json"
    evaluation.write_text(
        gutteil("evaluate", "--data", sets["test"], "--model", model, "--recipe", recipe, "--json", "--cache", tmp_path / "cache")
    )
    assert json.loads(evaluation.read_text())["escape"]["of"] > 0
    gutteil("export", model, "--weights", out / "best.pt", "--data", sets["val"], "--recipe", recipe)
    parity = model.with_suffix(".parity.json")
    with rig(config, tmp_path, ["station", "rejector", "recorder", "shadow"]) as line:
        line.line.hold(False)
        until_going(line, lambda m: isinstance(m, Verdict))
        # register → shadow
        plain = ("--config", file)
        gutteil("models", "register", model, "--parity", parity, "--evaluation", evaluation, "--who", "Anna", *plain)
        gutteil("models", "release", "walk", "--who", "Ben", "--reason", "too early", *plain, code=2)
        gutteil("models", "shadow", "walk", "--who", "Anna", "--reason", "new lot", *plain)
        end = time.monotonic() + 90
        while json.loads(gutteil("models", "list", "--json", *plain))["models"][0]["shadow"]["judged"] < 15:
            assert time.monotonic() < end, "the shadow process has not judged 15 parts"
            until_going(line, lambda m: isinstance(m, Verdict))
        gutteil("models", "disagreements", "walk", "--html", tmp_path / "differ.html", *plain)
        # gate → two people → active, between two parts
        gutteil("models", "propose", "walk", "--who", "Anna", "--reason", "nothing escapes", *plain)
        gutteil("models", "release", "walk", "--who", "Anna", "--reason", "myself", *plain, code=2)
        gutteil("models", "release", "walk", "--who", "Ben", "--reason", "looked at it", *plain)
        until_going(line, lambda m: isinstance(m, Verdict) and m.model_hash == sha_of(model))
        # the document names both people; what to label next comes from the record
        gutteil("document", "walk", tmp_path / "walk.html", "--language", "de", "--snapshot", manifest, *plain)
        page = (tmp_path / "walk.html").read_text()
        assert "Anna" in page
        assert "Ben" in page
        assert sha_of(model) in page
        gutteil("suggest", tmp_path / "next", "--count", 5, "--data", sets["train"], *plain)
        assert (tmp_path / "next" / "index.html").is_file()
        # and back
        gutteil("models", "rollback", "--who", "Ben", "--reason", "it rejects everything", *plain)
        until_going(line, lambda m: isinstance(m, Run) and m.model_hash == sha_of(OWN_MODEL))
    audit = json.loads(gutteil("audit", "--json", "--config", file))
    assert audit["holds"]
    assert {"model-register", "model-shadow", "model-propose", "model-release", "model-rollback"} <= {row["op"] for row in audit["orders"]}
