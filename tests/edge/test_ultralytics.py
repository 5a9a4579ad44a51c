"""Models that ultralytics has exported give what ultralytics itself sees in the same image."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.card import Card, with_card
from edge.decode import Predictions
from edge.model import Model, RuntimeOptions
from edge.prepare import Preparer
from edge.recipe import Region

os.environ["YOLO_AUTOINSTALL"] = "false"
os.environ.setdefault("YOLO_VERBOSE", "false")
pytest.importorskip("onnx", reason="extra training is not installed")
torch = pytest.importorskip("torch", reason="extra training is not installed")
ultralytics = pytest.importorskip("ultralytics", reason="extra training is not installed")

SIZE_PX = 160
KINDS: dict[str, dict[str, bool]] = {"yolo26n": {"nms": False}, "yolo26n-raw": {"end2end": False}, "yolo11n": {}, "yolov8n": {}}
LEAST = 0.01
SHAPES = [(160, 160), (120, 200), (333, 250)]
pytestmark = [pytest.mark.timeout(400), pytest.mark.filterwarnings("ignore")]  # the exporters' notes on their own future
Exported = Callable[[str], Path]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Exports a family once, with random weights whose scores are spread over all of 0 to 1."""
    made: dict[str, Path] = {}

    def export(name: str) -> Path:
        if name in made:
            return made[name]
        folder = tmp_path_factory.mktemp(name)
        before = Path.cwd()
        os.chdir(folder)  # ultralytics writes beside the working directory
        try:
            torch.manual_seed(5)
            yolo = ultralytics.YOLO(f"{name.removesuffix('-raw')}.yaml")
            _spread_scores(yolo.model)
            made[name] = Path(
                yolo.export(format="onnx", imgsz=SIZE_PX, simplify=False, verbose=False, device="cpu", **KINDS[name])
            ).resolve()
        finally:
            os.chdir(before)
        return made[name]

    return export


def _spread_scores(network: Any) -> None:
    """Batch norms take the statistics of the test's pictures, and the scores are spread around -5 before the sigmoid."""
    pictures = []
    for shape in SHAPES:
        pair = Preparer(_card("yolo_raw"), Region(), 0, np.float32)
        pair.fill(picture(*shape))
        pictures.append(torch.from_numpy(pair.buffer))
    batch = torch.cat(pictures)
    network.train()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.reset_running_stats()
                module.momentum = None
        network(batch)
        head = network.model[-1]
        for branch in [b for name in ("cv3", "one2one_cv3") for b in (getattr(head, name, None) or [])]:
            seen: list[Any] = []
            last = branch[-1]
            torch.nn.init.normal_(last.weight, 0, 0.3)
            torch.nn.init.zeros_(last.bias)
            hook = last.register_forward_hook(lambda _module, _given, out, seen=seen: seen.append(out))
            network(batch)
            hook.remove()
            gain = 1.6 / seen[0].std()
            last.weight.mul_(gain)
            last.bias.copy_(-5 - seen[0].mean((0, 2, 3)) * gain)
    network.eval()


def picture(height: int, width: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Soft coloured blotches: noise would make a network of random weights magnify every rounding."""
    blotches = np.random.default_rng(1).integers(0, 256, (height // 16 + 1, width // 16 + 1, 3), np.uint8)
    return np.asarray(cv2.resize(blotches, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def _card(output: Any) -> Card:
    names = [f"c{i}" for i in range(80)]
    return Card(
        name="t", classes=names, planes=["rgb"], width_px=SIZE_PX, height_px=SIZE_PX, resize="letterbox", output=output, licence="AGPL-3.0", nms_iou=0.5
    )  # fmt: skip


def ours(path: Path, image: np.ndarray[Any, np.dtype[np.uint8]], output: Any, folder: Path) -> tuple[Predictions, Card]:
    card = _card(output)
    with_its_card = folder / "ours.onnx"
    with_its_card.write_bytes(with_card(path.read_bytes(), card))
    model = Model(with_its_card, RuntimeOptions(("cpu",), threads=1, spin=False))
    model.prepare_for(Region(), 0).fill(image)
    model.run()
    return model.predictions(LEAST), card


@pytest.mark.parametrize("name", list(KINDS))
@pytest.mark.parametrize("shape", SHAPES)
def test_boxes_classes_and_scores_agree(name: str, shape: tuple[int, int], exported: Exported, tmp_path: Path) -> None:
    path = exported(name)
    image = picture(*shape)
    output = "yolo_end2end" if name == "yolo26n" else "yolo_raw"
    found, card = ours(path, image, output, tmp_path)
    least = _gap(found.scores)
    found = replace(
        found, boxes=found.boxes[found.scores > least], kinds=found.kinds[found.scores > least], scores=found.scores[found.scores > least]
    )
    theirs = ultralytics.YOLO(str(path), task="detect").predict(
        image, conf=least, iou=card.nms_iou, imgsz=SIZE_PX, max_det=300, device="cpu", verbose=False
    )
    boxes, kinds, scores = (getattr(theirs[0].boxes, a).numpy() for a in ("xyxy", "cls", "conf"))
    assert found.valid
    assert len(kinds) >= 20, "too few predictions to compare"
    ours_seen, theirs_seen = (found.boxes, found.kinds, found.scores), (boxes, kinds, scores)
    for one, other in ((ours_seen, theirs_seen), (theirs_seen, ours_seen)):
        assert [i for i in range(len(one[1])) if not _partner(i, one, other)] == []


def _gap(scores: Any) -> float:
    """A limit between two scores that lie well apart, so that rounding moves no prediction across it."""
    best = scores[20:100].astype(float)
    at = int((best[:-1] - best[1:]).argmax())
    return float((best[at] + best[at + 1]) / 2)


def _partner(i: int, one: tuple[Any, Any, Any], other: tuple[Any, Any, Any]) -> bool:
    """Whether the other side sees this box, with its class and score."""
    alike = (other[1] == one[1][i]) & (np.abs(other[2] - one[2][i]) < 0.01)
    return bool((np.abs(other[0][alike] - one[0][i]).max(1, initial=0) < 1.0).any())
