"""The parity gate on a small network: an honest export passes, one that decides differently is shut out and shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="extra training is not installed")
pytest.importorskip("onnx", reason="extra training is not installed")

import onnx
import torch
from onnx import numpy_helper
from rich.console import Console
from typer import Typer
from typer.testing import CliRunner

from edge.card import with_card
from edge.errors import ModelError, SettingsError
from edge.model import Model
from training.export import export
from training.export_command import export as export_command
from training.net import PairNet
from training.pairs import simulated_pairs
from training.parity import MORE_OVERKILL, Parity, _judge, check, write_parity
from training.parity_page import write_page
from training.precision import convert

NAMES = ["open", "short", "mousebite", "spur", "copper", "pin-hole"]
QUIET = Console(quiet=True)
pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore")]  # torch's notes on its own future


def save_net(path: Path, seed: int) -> Path:
    """A network with random weights whose scores are spread, so that many cells see something."""
    torch.manual_seed(seed)
    net = PairNet(len(NAMES), (4, 4, 8, 8), (1, 1), 2)
    board = simulated_pairs(NAMES, 1, 3)[0]
    assert board.reference is not None
    x = torch.from_numpy(np.stack((board.image, board.reference))[None] / 255).float()
    with torch.no_grad():
        net.train()
        for _ in range(30):
            net(x)  # fills the running statistics of the normalisation
        net.eval()
        assert net.classify.bias is not None
        net.classify.weight.mul_(1.5 / float((net(x)[0] - net.classify.bias.view(1, -1, 1, 1)).std()))
        net.classify.bias.zero_()
        net.classify.bias.sub_(net(x)[0].mean((0, 2, 3)) + 2)
    torch.save({"settings": net.settings, "names": NAMES, "net": net.state_dict(), "figures": {}, "step": 0}, path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights, their export, other weights, and a set of four boards: two bad, two good."""
    path = tmp_path_factory.mktemp("parity")
    images: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    for i, pair in enumerate(simulated_pairs(NAMES, 4, 3)):
        assert pair.reference is not None
        cv2.imwrite(str(path / f"r{i}.png"), pair.reference)
        good = i >= 2
        cv2.imwrite(str(path / f"p{i}.png"), pair.reference if good else pair.image)
        images.append({"id": i, "file_name": f"p{i}.png", "reference": f"r{i}.png", "verdict": "OK" if good else "NG"})
        if not good:
            for box, kind in zip(pair.boxes.tolist(), pair.kinds.tolist(), strict=True):
                x1, y1, x2, y2 = box
                marks.append({"id": len(marks), "image_id": i, "category_id": kind, "bbox": [x1, y1, x2 - x1, y2 - y1]})
    categories = [{"id": i, "name": n} for i, n in enumerate(NAMES)]
    (path / "set.json").write_text(json.dumps({"images": images, "annotations": marks, "categories": categories}))
    (path / "other.json").write_text((path / "set.json").read_text())
    for name, seed in (("net", 1), ("other", 2)):
        save_net(path / f"{name}.pt", seed)
        export(
            path / f"{name}.pt",
            path / "set.json",
            path / f"{name}.onnx",
            name=name,
            licence="CC0-1.0",
            command="test",
            scores={},
            scored_on="",
        )
    return path


def test_an_honest_export_passes_and_says_for_which_file(folder: Path) -> None:
    result = check(folder / "net.pt", folder / "net.onnx", folder / "set.json", None, QUIET)
    assert result["passed"], result["failures"]
    assert (result["images"], result["flips"], result["unpaired"]) == (4, [], 0)
    assert 0 < result["max_box_px"] < 0.5  # something was compared
    written = json.loads(write_parity(result, folder / "net.onnx").read_text())
    assert written["model_sha256"] == Model(folder / "net.onnx").file_hash
    assert (written["passed"], written["precision"], written["escape"]["of"], written["overkill"]["of"]) == (True, "fp32", 2, 2)


def test_a_file_that_decides_differently_is_named_and_shown(folder: Path, tmp_path: Path) -> None:
    """One bias of the exported file is moved, as a faulty converter may do: the sea of scores sinks below every threshold."""
    card = Model(folder / "net.onnx").card
    network = onnx.load(str(folder / "net.onnx"))
    del network.metadata_props[:]
    (bias,) = (t for t in network.graph.initializer if t.name.endswith("classify.bias"))
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) - 40, bias.name))
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(with_card(network.SerializeToString(), card))
    result = check(folder / "net.pt", bad, folder / "set.json", None, QUIET)
    assert not result["passed"]
    assert result["flips"] == ["p0.png", "p1.png", "p2.png", "p3.png"]
    assert result["new_escapes"] == 2
    assert "4 of 4 images get another verdict" in result["failures"][0]
    page = write_page(result, tmp_path / "bad.html").read_text()
    assert page.count("<img") == 8
    assert page.count("a bad part would pass") == 2
    assert "http" not in page.replace("http-equiv", "")


def test_weights_of_another_network_do_not_pass(folder: Path, tmp_path: Path) -> None:
    assert not check(folder / "other.pt", folder / "net.onnx", folder / "set.json", None, QUIET)["passed"]
    (tmp_path / "junk.pt").write_bytes(b"no network")
    with pytest.raises(ModelError, match=r"junk\.pt"):
        check(tmp_path / "junk.pt", folder / "net.onnx", folder / "set.json", None, QUIET)


def test_half_precision_and_integers_run_and_their_cards_say_so(folder: Path, tmp_path: Path) -> None:
    from edge.labelled import read_coco

    images = read_coco(folder / "set.json").images
    for precision in ("fp16", "int8"):
        target = tmp_path / f"{precision}.onnx"
        card = convert(folder / "net.onnx", target, precision, images, None, QUIET)
        assert (card.precision, card.scores, Model(target).card.precision) == (precision, {}, precision)
        result = check(folder / "net.pt", target, folder / "set.json", None, QUIET)
        assert (result["precision"], result["images"]) == (precision, 4)
        with pytest.raises(ModelError, match=f"is {precision} already"):
            convert(target, tmp_path / "twice.onnx", "int8", images, None, QUIET)
    types = {n.op_type for n in onnx.load(str(tmp_path / "int8.onnx")).graph.node}
    assert "QuantizeLinear" in types
    assert (tmp_path / "fp16.onnx").stat().st_size < (folder / "net.onnx").stat().st_size
    with pytest.raises(SettingsError, match="needs images to calibrate"):
        convert(folder / "net.onnx", tmp_path / "no.onnx", "int8", [], None, QUIET)


def counted(**counts: int) -> Parity:
    result = Parity(images=counts["NG"] + counts["OK"])
    result.counts |= counts
    return result


@pytest.mark.parametrize(
    ("escapes", "overkill", "words"),
    [(0, 1, ""), (1, 1, "1 bad parts pass that the trained network rejects"), (0, 2, "2 of 200 good images are rejected, 0 by")],
)
def test_integers_are_judged_by_escapes_and_overkill(escapes: int, overkill: int, words: str) -> None:
    assert MORE_OVERKILL * 200 == 1
    result = counted(NG=50, OK=200, overkill=overkill)
    result.new_escapes, result.flipped, result.max_score = escapes, 5, 0.3  # scores move by nature
    _judge(result, "int8")
    assert words in " ".join(result.failures)
    assert bool(result.failures) == bool(words)


def test_integers_need_good_and_bad_images_to_be_judged() -> None:
    result = counted(NG=0, OK=200)
    _judge(result, "int8")
    assert "needs both" in result.failures[0]


def run_command(*args: str) -> tuple[int, str]:
    app = Typer()
    app.command()(export_command)
    result = CliRunner().invoke(app, args)
    return result.exit_code, result.stdout if result.exception is None or isinstance(result.exception, SystemExit) else str(
        result.exception
    )


def test_the_command_exports_checks_and_leaves_the_evidence(folder: Path, tmp_path: Path) -> None:
    plain = [str(folder / "net.onnx"), "--data", str(folder / "set.json")]
    code, out = run_command(*plain, "--weights", str(folder / "net.pt"), "--json")
    assert (code, json.loads(out)[0]["passed"]) == (0, True)
    assert (folder / "net.parity.json").is_file()
    assert (folder / "net.parity.html").is_file()
    code, out = run_command(*plain, "--weights", str(folder / "other.pt"), "--json")
    assert (code, json.loads(out)[0]["passed"]) == (1, False)
    assert "choose from fp32, fp16, int8" in run_command(*plain, "--weights", str(folder / "net.pt"), "--precision", "fp8")[1]
    same = run_command(*plain, "--weights", str(folder / "net.pt"), "--precision", "int8", "--calibrate", str(folder / "set.json"))
    assert "are the same file" in same[1]


def test_weights_of_another_network_are_seen_where_nothing_is_sure(folder: Path) -> None:
    """Two networks that both see nothing give the same verdicts: their scores tell them apart all the same."""
    for name, seed in (("mute", 3), ("mute2", 4)):
        save_net(folder / f"{name}.pt", seed)
        state = torch.load(folder / f"{name}.pt", weights_only=True)
        state["net"]["classify.bias"] -= 4
        torch.save(state, folder / f"{name}.pt")
    export(
        folder / "mute.pt",
        folder / "set.json",
        folder / "mute.onnx",
        name="mute",
        licence="CC0-1.0",
        command="test",
        scores={},
        scored_on="",
    )
    assert check(folder / "mute.pt", folder / "mute.onnx", folder / "set.json", None, QUIET)["passed"]
    other = check(folder / "mute2.pt", folder / "mute.onnx", folder / "set.json", None, QUIET)
    assert not other["passed"]
    assert any("a score is off" in f for f in other["failures"])
    with pytest.raises(ModelError, match="no such file"):
        check(folder / "none.pt", folder / "mute.onnx", folder / "set.json", None, QUIET)
