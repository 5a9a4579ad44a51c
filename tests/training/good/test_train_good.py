"""From good images to verdicts: the whole way on a handful of drawn surfaces, through production's own judge."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="extra training is not installed")
pytest.importorskip("onnx", reason="extra training is not installed")

import torch
from rich.console import Console

from edge.errors import SettingsError
from edge.judge import Judge
from edge.model import Model, RuntimeOptions
from edge.recipe import load_recipe
from training.evaluate import evaluate_model
from training.good.goods import input_size, load_goods
from training.good.net import NOWHERE, GoodNet
from training.good.run import train_good

ROOT = Path(__file__).resolve().parents[3]
pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore")]  # torch's notes on its own future
STEPS = 60
PARTS = 26


def surface(seed: int) -> NDArray[np.uint8]:
    """A ground surface: upright grooves, a little noise, its own size and light."""
    rng = np.random.default_rng(seed)
    height, width = int(rng.integers(96, 128)), int(rng.integers(96, 160))
    grooves = cv2.GaussianBlur(rng.normal(0, 1, (1, width)).astype(np.float32), (0, 0), 1.2)
    light = rng.uniform(70, 170) + 14 * grooves / grooves.std() + rng.normal(0, 3, (height, width))
    return np.asarray(np.clip(light, 0, 255), np.uint8)


def scratched(seed: int) -> NDArray[np.uint8]:
    image = surface(seed)
    cv2.line(image, (30, 25), (78, 70), 5, 3, cv2.LINE_AA)
    return image


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PARTS good parts and one bad one, as a COCO file."""
    folder = tmp_path_factory.mktemp("goods")
    images: list[dict[str, Any]] = []
    for k in range(PARTS + 1):
        cv2.imwrite(str(folder / f"{k}.png"), surface(k) if k < PARTS else scratched(k))
        images.append({"id": k, "file_name": f"{k}.png", "part": f"p{k}", "verdict": "OK" if k < PARTS else "NG"})
    (folder / "set.json").write_text(json.dumps({"images": images, "annotations": [], "categories": [{"id": 0, "name": "scratch"}]}))
    return folder / "set.json"


def run(data: Path, out: Path, **changes: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "name": "tiny", "steps": STEPS, "folds": 2, "overkill": 0.05, "sure": 0.01, "seed": 1, "licence": "Apache-2.0", "resume": True,
        "command": "test", "console": Console(quiet=True),
    }  # fmt: skip
    return train_good(data, out, **settings | changes)


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run(data, tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module")
def judge(trained: dict[str, Any]) -> Judge:
    return Judge(load_recipe(Path(trained["recipe"])), RuntimeOptions(providers=("cpu",), threads=1))


def test_good_parts_pass_and_a_scratch_does_not(judge: Judge) -> None:
    verdicts = [judge.judge(surface(100 + k)).decision.verdict for k in range(12)]
    assert verdicts.count("OK") >= 10
    for k in range(6):
        decision = judge.judge(scratched(200 + k)).decision
        assert decision.verdict != "OK"
        x1, y1, x2, y2 = decision.defects[0].box
        assert decision.defects[0].kind == "anomaly"
        assert x1 < 78
        assert x2 > 30
        assert y1 < 70
        assert y2 > 25


@pytest.mark.parametrize("level", [0, 114, 255])
def test_an_image_without_contrast_is_undecided(judge: Judge, level: int) -> None:
    """114 is the padding's own gray: an image that is nothing but padding shows no part."""
    decision = judge.judge(np.full((100, 120), level, np.uint8)).decision
    assert decision.verdict == "UNDECIDED"


def test_figures_say_what_they_rest_on(trained: dict[str, Any], data: Path) -> None:
    assert trained["good_parts"] == PARTS
    assert trained["held_out"]["overkill_per_part"]["of"] == PARTS
    assert trained["held_out"]["escape_per_image"]["of"] == 1
    assert trained["expected_overkill_low"] <= trained["expected_overkill"] <= trained["expected_overkill_high"]
    assert 0 < trained["undecided_score"] < trained["ng_score"] == 0.5
    text = Path(trained["recipe"]).read_text("utf-8")
    assert "59 good parts in a row" in text
    assert "of 1 (" in text.split("Bad parts in the set")[1]
    assert json.loads(Path(trained["recipe"]).with_suffix(".json").read_text("utf-8")) == trained


def test_export_is_the_network(trained: dict[str, Any]) -> None:
    """Measured by `check_parity` over images of the set, through production's own pre- and post-processing."""
    assert trained["parity_score"] < 1e-3
    assert trained["parity_box_px"] < 0.1


def test_it_can_be_registered_and_evaluated_on_defects_it_has_no_names_for(trained: dict[str, Any], data: Path, tmp_path: Path) -> None:
    parity = json.loads(Path(trained["parity"]).read_text("utf-8"))
    assert (parity["passed"], parity["images"], parity["model_sha256"]) == (True, PARTS + 1, Model(Path(trained["model"])).file_hash)
    labelled = json.loads(data.read_text("utf-8"))
    labelled["annotations"] = [{"id": 0, "image_id": PARTS, "category_id": 0, "bbox": [30, 25, 40, 40]}]
    (named := data.with_name("named.json")).write_text(json.dumps(labelled))
    figures = evaluate_model(Path(trained["model"]), named, Path(trained["recipe"]), Console(quiet=True))
    assert figures["escape"]["of"] == 1
    assert figures["overkill"]["of"] == PARTS


def test_padding_is_no_surface() -> None:
    net = GoodNet().eval()
    image = torch.full((1, 1, 64, 96), 114 / 255)
    image[:, :, :40, :56] = torch.rand(40, 56)
    image[:, :, 10:20, :56] = 114 / 255  # rows of that gray within the image belong to it
    with torch.inference_mode():
        logits = net(image)[0][0, 0]
    assert (logits[:5, :7] > NOWHERE).all()
    assert (logits[5:] == NOWHERE).all()
    assert (logits[:, 7:] == NOWHERE).all()


def test_parts_stay_together_and_folds_are_even(data: Path) -> None:
    goods = load_goods(data, 3, 1)
    assert sorted(sum(g.fold == k and g.good for g in goods) for k in range(3)) == [8, 9, 9]
    height, width = input_size(goods)
    assert height % 32 == width % 32 == 0
    assert height >= 1.05 * max(g.image.shape[0] for g in goods)


@pytest.mark.parametrize(
    ("changes", "words"), [({"folds": 27}, "add good parts"), ({"steps": STEPS + 10}, r"other settings \(steps[a-z_, ]*\) .*--no-resume")]
)
def test_what_cannot_be_done_is_said(data: Path, trained: dict[str, Any], changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        run(data, Path(trained["model"]).parent, **changes)


def test_a_killed_run_goes_on(data: Path, tmp_path: Path) -> None:
    """SIGKILL once the first checkpoint is there; the next run begins at that step and ends with the same kind of files."""
    script = (
        "import sys; from pathlib import Path; from tests.training.good.test_train_good import run; "
        "run(Path(sys.argv[1]), Path(sys.argv[2]), steps=40)"
    )
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script, str(data), str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 120
        while not (tmp_path / "good-0.pt").exists():
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    before = torch.load(tmp_path / "good-0.pt", weights_only=True)
    assert 0 < before["step"] <= 40
    figures = run(data, tmp_path, steps=40)
    assert Path(figures["model"]).exists()
    assert torch.load(tmp_path / "good-0.pt", weights_only=True)["step"] == 40
