"""ultralytics' networks in a race: one tiny epoch at a time, nothing fetched, nothing left in the user's folders."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

pytest.importorskip("torch", reason="extra training is not installed")
pytest.importorskip("onnx", reason="extra training is not installed")
pytest.importorskip("ultralytics", reason="extra training is not installed")

from edge.labelled import read_coco
from edge.model import Model
from tests.training.sets import CLASSES, draw_tiles
from training.candidates import Candidate
from training.jobs import Job, advance
from training.parity import check
from training.yolo import NATIVE_CROP_PX, _dataset, _epochs_done

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.timeout(400), pytest.mark.filterwarnings("ignore")]  # ultralytics' notes on its own future


def candidate(**more: object) -> Candidate:
    fields: dict[str, object] = {"family": "yolo", "width": "p", "planes": ("gray",), "classes": tuple(CLASSES), "width_px": 96, "height_px": 64, "resize": "letterbox"}  # fmt: skip
    return Candidate(**fields | more)  # type: ignore[arg-type]


def job(folder: Path, **more: object) -> Job:
    fields: dict[str, object] = {
        "candidate": candidate(), "data": str(draw_tiles(folder / "train", 8, 1)), "val": str(draw_tiles(folder / "val", 4, 2)),
        "folder": str(folder / "net"), "steps": 1, "total_steps": 3, "threads": 1,
    }  # fmt: skip
    return Job(**fields | more)  # type: ignore[arg-type]


def test_epochs_go_on_from_rung_to_rung(tmp_path: Path) -> None:
    first = job(tmp_path)
    shown = io.StringIO()
    standing = advance(first, Console(file=shown, width=100))
    net = tmp_path / "net"
    assert _epochs_done(net / "safe.pt") == 1
    assert standing["unit"] == "part"
    assert candidate().name in shown.getvalue(), "its progress is shown"
    card = Model(net / "model.onnx").card
    assert (card.licence, card.output, card.planes, card.classes) == ("AGPL-3.0", "yolo_end2end", ["gray"], CLASSES)
    parity = check(net / "best.pt", net / "model.onnx", Path(first.val), None, Console(quiet=True))
    assert parity["passed"], parity["failures"]
    assert parity["images"] == len(read_coco(Path(first.val)).images)
    import torch

    other = torch.load(net / "best.pt", map_location="cpu", weights_only=False)
    for network in (other["model"], other["ema"]):
        for p in network.parameters() if network is not None else ():
            p.data.mul_(1.2)
    torch.save(other, tmp_path / "other.pt")
    assert not check(tmp_path / "other.pt", net / "model.onnx", Path(first.val), None, Console(quiet=True))["passed"]
    before = (net / "safe.pt").stat().st_mtime_ns
    assert advance(first) == standing, "a rung that is done is not trained again"
    assert (net / "safe.pt").stat().st_mtime_ns == before
    (net / "run" / "weights" / "last.pt").write_bytes(b"cut short by a kill")
    advance(msgspec.structs.replace(first, steps=3))
    assert _epochs_done(net / "safe.pt") == 3
    assert not [p for p in net.rglob("*") if p.suffix in (".new", ".ttf") or p.name in ("export", "yolo26n.pt")]


def test_images_are_linked_and_their_labels_are_shares(tmp_path: Path) -> None:
    asked = job(tmp_path)
    place = tmp_path / "set"
    yaml = _dataset(asked, place).read_text()
    assert "channels: 1" in yaml
    entries = read_coco(Path(asked.data)).images
    images, labels = sorted((place / "train" / "images").iterdir()), sorted((place / "train" / "labels").iterdir())
    assert [p.resolve() for p in images] == [e.file for e in entries]
    assert all(p.is_symlink() for p in images)
    assert [p.read_text() == "" for p in labels] == [not len(e.kinds) for e in entries]
    bad = next(i for i, e in enumerate(entries) if len(e.kinds))
    kind, x, y, w, h = (float(v) for v in labels[bad].read_text().split())
    assert CLASSES[int(kind)] == entries[bad].kinds[0]
    import cv2

    height, width = cv2.imread(str(images[bad])).shape[:2]  # type: ignore[union-attr]
    box = [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height]
    assert box == pytest.approx(entries[bad].boxes[0].tolist(), abs=0.01)


def test_large_images_are_cut_at_native_scale(tmp_path: Path) -> None:
    large = draw_tiles(tmp_path / "large", 2, 5, largest=(1500, 1400))
    wide = candidate(width_px=1504, height_px=1408, resize="pad")
    place = tmp_path / "set"
    _dataset(job(tmp_path, candidate=wide, data=str(large), val=str(large)), place)
    crops = sorted((place / "train" / "images").iterdir())
    assert len(crops) == 4 * 3
    import cv2

    assert all(max(cv2.imread(str(p)).shape[:2]) <= NATIVE_CROP_PX for p in crops)  # type: ignore[union-attr]
    assert any(p.read_text() for p in (place / "train" / "labels").iterdir())


def test_nothing_is_fetched_and_nothing_is_left_at_home(tmp_path: Path) -> None:
    """A race of one candidate in its own process, in a home of its own, with every connection refused."""
    data, val = draw_tiles(tmp_path / "train", 8, 1), draw_tiles(tmp_path / "val", 4, 2)
    home = tmp_path / "home"
    home.mkdir()
    blocked = (
        "import socket, sys\n"
        "def refuse(*a, **k): print('CONNECTS', a, file=sys.stderr); raise OSError('refused')\n"
        "socket.socket.connect = refuse; socket.create_connection = refuse; socket.getaddrinfo = refuse\n"
        "from edge.cli import main\n"
        "main()\n"
    )
    command = ["train", "--data", str(data), "--val", str(val), "--out", str(tmp_path / "out"), "--budget-ms", "10000", "--at", "p50",
               "--steps", "10", "--families", "yolo", "--widths", "yolo-p", "--threads", "1"]  # fmt: skip
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("YOLO_", "XDG_", "MPL"))}
    environment |= {"HOME": str(home), "MALLOC_MMAP_THRESHOLD_": "4294967296"}
    done = subprocess.run(
        [sys.executable, "-c", blocked, *command], cwd=tmp_path, env=environment | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "CONNECTS" not in done.stderr
    assert "ltralytics" not in done.stderr + done.stdout, "its output is quiet"
    assert not [p for p in home.rglob("*") if "ltralytics" in p.name or p.suffix == ".ttf"]
    assert {p.name for p in tmp_path.iterdir()} == {"train", "val", "home", "out"}, "it writes beside the working directory"
    assert Model(tmp_path / "out" / "board.onnx").card.trainer == "gutteil train (ultralytics)"
    assert not list((tmp_path / "out" / "candidates").glob("*.work"))
