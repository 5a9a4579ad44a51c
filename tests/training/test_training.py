"""The trainer on a handful of drawn boards: it learns, goes on after a kill, and exports what it has learnt."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="extra training is not installed")
pytest.importorskip("onnx", reason="extra training is not installed")

import torch

from edge.card import with_card
from edge.errors import ModelError, SettingsError
from edge.model import Model
from training.export import check_parity, export, load_net
from training.fit import Plan, detect, fit, labels
from training.loss import CENTRE_RADIUS_CELLS, assign, detection_loss, generalised_iou
from training.net import STRIDE_PX, Exported, PairNet, cell_centres
from training.pairs import CROP_PX, DUAL, Pair, load_pairs, sample, simulated_pairs

NAMES = ["open", "short", "mousebite", "spur", "copper", "pin-hole"]
pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore")]  # torch's notes on its own future


def tiny_net(seed: int = 0, channels: int = 2) -> PairNet:
    torch.manual_seed(seed)
    return PairNet(len(NAMES), (4, 4, 8, 8), (1, 1), channels)


@pytest.fixture(scope="module")
def boards() -> list[Pair]:
    return simulated_pairs(NAMES, 4, 3)


# --- which cell answers for which box -------------------------------------------------------------------------------


def centres(cells: int) -> torch.Tensor:
    return cell_centres(cells, cells).flatten(2)[0].T


def test_cell_centres_are_x_first() -> None:
    assert cell_centres(2, 3)[0, :, 1, 2].tolist() == [20.0, 12.0]


def test_cells_near_the_centre_and_inside_the_box_answer() -> None:
    """A box of 40x40 around (32, 32), which is a corner of four cells: 12 px reach the two nearest rows and columns."""
    cells, owner = assign(torch.tensor([[12.0, 12, 52, 52]]), centres(8))
    found = {tuple(c) for c in centres(8)[cells].tolist()}
    assert found == {(x, y) for x in (28.0, 36.0) for y in (28.0, 36.0)}
    assert owner.tolist() == [0] * 4
    assert CENTRE_RADIUS_CELLS * STRIDE_PX == 12


def test_a_box_in_the_middle_of_a_cell_has_the_eight_around_it_too() -> None:
    cells, _ = assign(torch.tensor([[8.0, 8, 48, 48]]), centres(8))
    assert {tuple(c) for c in centres(8)[cells].tolist()} == {(x, y) for x in (20.0, 28.0, 36.0) for y in (20.0, 28.0, 36.0)}


def test_cells_outside_a_narrow_box_do_not_answer() -> None:
    cells, _ = assign(torch.tensor([[26.0, 8, 30, 48]]), centres(8))
    assert {tuple(c) for c in centres(8)[cells].tolist()} == {(28.0, y) for y in (20.0, 28.0, 36.0)}


@pytest.mark.parametrize("middle", [(28.0, 28.0), (31.0, 25.0), (24.5, 31.5), (32.0, 32.0), (1.0, 63.0)])
def test_a_box_smaller_than_a_cell_still_has_one(middle: tuple[float, float]) -> None:
    x, y = middle
    cells, _ = assign(torch.tensor([[x - 1, y - 1, x + 1, y + 1]]), centres(8))
    assert len(cells) >= 1
    assert (centres(8)[cells] - torch.tensor(middle)).abs().max() <= STRIDE_PX / 2 + 1e-3


def test_a_cell_between_two_boxes_takes_the_nearer_one() -> None:
    boxes = torch.tensor([[0.0, 0, 40, 40], [14.0, 0, 54, 40]])  # middles (20, 20) and (34, 20)
    cells, owner = assign(boxes, centres(8))
    of = {tuple(c): o for c, o in zip(centres(8)[cells].tolist(), owner.tolist(), strict=True)}
    assert of[(20.0, 20.0)] == 0
    assert of[(36.0, 20.0)] == 1
    assert of[(28.0, 20.0)] == 1  # 8 px from the one, 6 px from the other
    assert len(of) == len(cells)


def test_overlap_of_boxes_by_hand() -> None:
    a = torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 4], [0, 0, 2, 2], [0, 0, 4, 4]])
    b = torch.tensor([[0.0, 0, 4, 4], [2, 0, 6, 4], [4, 0, 6, 2], [1, 1, 3, 3]])
    iou, giou = generalised_iou(a, b)
    assert iou.tolist() == pytest.approx([1, 8 / 24, 0, 4 / 16], abs=1e-5)
    assert giou.tolist() == pytest.approx([1, 8 / 24, 0 - (12 - 8) / 12, 4 / 16], abs=1e-5)


def hand_made(sides_px: float, logit: float) -> tuple[torch.Tensor, torch.Tensor]:
    """An output of 8x8 cells that says the same in every cell."""
    return torch.full((1, 2, 8, 8), logit), torch.full((1, 4, 8, 8), sides_px)


def test_the_loss_knows_right_from_wrong() -> None:
    box, kind, mute = [torch.tensor([[8.0, 8, 48, 48]])], [torch.tensor([1])], torch.zeros(1, 8, 8, dtype=torch.bool)
    right_logits, right_sides = hand_made(20.0, -12.0)
    middle = centres(8)
    for i, (x, y) in enumerate(middle.tolist()):
        right_sides[0, :, i // 8, i % 8] = torch.tensor([x - 8, y - 8, 48 - x, 48 - y]).clamp(min=0.1)
    cells, _ = assign(box[0], middle)
    right_logits[0, 1].view(-1)[cells] = 12.0
    good = float(detection_loss(right_logits, right_sides, box, kind, mute))
    assert good < 0.01
    other_class = right_logits.flip(1)
    assert float(detection_loss(other_class, right_sides, box, kind, mute)) > good + 1
    small_boxes = right_sides * 0.5
    assert float(detection_loss(right_logits, small_boxes, box, kind, mute)) > good + 0.5
    ghost = right_logits.clone()
    ghost[0, 0, 7, 7] = 12.0
    with_ghost = float(detection_loss(ghost, right_sides, box, kind, mute))
    assert with_ghost > good + 0.3
    muted = mute.clone()
    muted[0, 7, 7] = True  # a defect cut off by the crop: it is taught neither way
    assert float(detection_loss(ghost, right_sides, box, kind, muted)) == pytest.approx(good, abs=1e-3)
    muted[:] = True  # muting never silences a defect that is there
    assert float(detection_loss(other_class, right_sides, box, kind, muted)) > good + 1


def test_an_image_without_defects_teaches_silence() -> None:
    none, kinds, mute = [torch.zeros(0, 4)], [torch.zeros(0, dtype=torch.int64)], torch.zeros(1, 8, 8, dtype=torch.bool)
    quiet = float(detection_loss(*hand_made(8.0, -12.0), none, kinds, mute))
    loud = float(detection_loss(*hand_made(8.0, 2.0), none, kinds, mute))
    assert quiet < 1e-3
    assert loud > 1


def test_the_network_in_the_layout_of_the_line() -> None:
    """What `Exported` gives as cx, cy, w, h are the sides that the head says around each cell's centre."""
    net = tiny_net().eval()
    image = torch.rand(1, 2, 64, 96)
    with torch.inference_mode():
        logits, sides = net(image)
        rows = Exported(net, 64, 96)(image)[0].T
    assert rows.shape == (8 * 12, 4 + len(NAMES))
    at = 5 * 12 + 7  # row 5, column 7
    left, top, right, bottom = sides[0, :, 5, 7].tolist()
    assert rows[at, :4].tolist() == pytest.approx([60 + (right - left) / 2, 44 + (bottom - top) / 2, left + right, top + bottom], rel=1e-4)
    assert rows[at, 4:].tolist() == pytest.approx(logits[0, :, 5, 7].sigmoid().tolist())


# --- samples --------------------------------------------------------------------------------------------------------


def test_samples_stay_inside_and_the_boxes_keep_their_defects(boards: list[Pair]) -> None:
    dual: Any = np.array([NAMES.index(DUAL[n]) for n in NAMES])
    rng = np.random.default_rng(0)
    counts = 0
    for i in range(60):
        images, boxes, kinds, mute = sample(boards[i % 4], dual, rng)
        assert images.shape == (2, CROP_PX, CROP_PX)
        assert images.dtype == np.uint8
        assert mute.shape == (CROP_PX // 8, CROP_PX // 8)
        assert len(boxes) == len(kinds)
        assert ((boxes >= 0) & (boxes <= CROP_PX)).all()
        assert (boxes[:, :2] < boxes[:, 2:]).all()
        counts += len(boxes)
    assert counts > 30


def test_exchanging_copper_and_background_is_its_own_inverse() -> None:
    assert all(DUAL[DUAL[n]] == n for n in NAMES)


# --- training -------------------------------------------------------------------------------------------------------


def crops(boards: list[Pair]) -> tuple[Any, ...]:
    dual: Any = np.arange(len(NAMES))
    rng = np.random.default_rng(1)
    images, boxes, kinds, mute = zip(*(sample(b, dual, rng) for b in boards), strict=True)
    return (
        torch.from_numpy(np.stack(images)).float() / 255, [torch.from_numpy(b) for b in boxes], [torch.from_numpy(k) for k in kinds],
        torch.from_numpy(np.stack(mute)),
    )  # fmt: skip


def loss_of(net: PairNet, images: torch.Tensor, *targets: Any) -> torch.Tensor:
    logits, sides = net(images)
    return detection_loss(logits, sides, *targets)


def test_the_loss_falls_in_thirty_steps(boards: list[Pair]) -> None:
    images, boxes, kinds, mute = crops(boards)
    net = tiny_net()
    optimiser = torch.optim.AdamW(net.parameters(), 1e-2)
    losses = []
    for _ in range(30):
        loss = loss_of(net, images, boxes, kinds, mute)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert np.isfinite(losses).all()
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:3])


PLAN = Plan(steps=8, batch=2, check_every=4)


def test_a_killed_training_goes_on_where_it_was(boards: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = 0

    class Killed(Exception):
        pass

    def counted(*args: Any) -> torch.Tensor:
        nonlocal steps
        steps += 1
        if steps == 7:
            raise Killed  # after the checkpoint of step 4
        return detection_loss(*args)

    monkeypatch.setattr("training.fit.detection_loss", counted)
    with pytest.raises(Killed):
        fit(tiny_net(), boards, [], boards[:1], NAMES, tmp_path, PLAN)
    saved = torch.load(tmp_path / "last.pt", weights_only=True)
    assert saved["step"] == 4
    steps = 100
    net = tiny_net(seed=9)
    figures = fit(net, boards, [], boards[:1], NAMES, tmp_path, PLAN, resume=True)
    assert steps == 104, "four of eight steps were left"
    after = torch.load(tmp_path / "last.pt", weights_only=True)
    assert after["step"] == 8
    assert after["schedule"]["last_epoch"] == 8
    assert after["optimiser"]["state"][0]["step"] == 8
    assert {"map_33", "map_50", "f1_33_best", "f1_33_best_score"} <= figures.keys()
    assert not (tmp_path / "last.new").exists()
    # resumed once more there is nothing left to do, and the figures are still there
    steps = 0
    assert fit(tiny_net(), boards, [], boards[:1], NAMES, tmp_path, PLAN, resume=True) == figures
    assert steps == 0


def test_a_checkpoint_of_another_network_is_not_continued(boards: list[Pair], tmp_path: Path) -> None:
    fit(tiny_net(), boards, [], boards[:1], NAMES, tmp_path, dataclasses.replace(PLAN, steps=1))
    for net, names in ((tiny_net(channels=1), NAMES), (tiny_net(), NAMES[::-1])):
        with pytest.raises(SettingsError, match="another"):
            fit(net, boards, [], boards[:1], names, tmp_path, PLAN, resume=True)


# --- export and parity ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(boards: list[Pair], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[Pair]]:
    """A network that finds something on every board (few steps, a raised bias), and its export."""
    folder = tmp_path_factory.mktemp("export")
    net = tiny_net()
    images, boxes, kinds, mute = crops(boards)
    optimiser = torch.optim.AdamW(net.parameters(), 1e-2)
    for _ in range(12):
        optimiser.zero_grad()
        loss_of(net, images, boxes, kinds, mute).backward()
        optimiser.step()
    net.eval()
    with torch.no_grad():
        found = torch.cat([net(images)[0].amax(1).flatten()])
        net.classify.bias += -1.3 - found.quantile(0.999)  # type: ignore[operator]
    torch.save({"settings": net.settings, "names": NAMES, "net": net.state_dict(), "figures": {}, "step": 1}, folder / "best.pt")
    (folder / "train.json").write_text("{}")
    card = export(
        folder / "best.pt", folder / "train.json", folder / "m.onnx", name="tiny", licence="Apache-2.0", command="test", scores={"map_50": 0.5},
        scored_on="val/val.json",
    )  # fmt: skip
    assert card.classes == NAMES
    assert card.planes == ["gray", "reference"]
    assert [p.name for p in folder.glob("*.onnx")] == ["m.onnx"]
    return folder / "best.pt", folder / "m.onnx", boards


def test_the_export_sees_what_the_network_sees(exported: tuple[Path, Path, list[Pair]]) -> None:
    weights, model_file, pairs = exported
    net, _ = load_net(weights)
    assert sum(len(d.kinds) for d in detect(net, pairs, score=0.2)) >= 4, "nothing to compare"
    box_px, score = check_parity(weights, model_file, pairs)
    assert 0 <= box_px < 0.1
    assert 0 <= score < 0.001


@pytest.mark.parametrize("how", ["score", "box", "class", "silent"])
def test_parity_refuses_an_export_that_decides_differently(exported: tuple[Path, Path, list[Pair]], how: str, tmp_path: Path) -> None:
    import onnx
    from onnx import numpy_helper

    weights, model_file, pairs = exported
    model = onnx.load(model_file)
    place = {"score": "classify.bias", "class": "classify.weight", "silent": "classify.bias", "box": "regress.bias"}[how]
    (constant,) = [c for c in model.graph.initializer if c.name.endswith(place)]
    value = numpy_helper.to_array(constant).copy()
    if how == "score":
        value += 0.02
    elif how == "box":
        value += 0.2
    elif how == "class":
        value = np.roll(value, 1, 0)
    else:
        value -= 20
    constant.CopyFrom(numpy_helper.from_array(value, constant.name))
    del model.metadata_props[:]
    tampered = tmp_path / "tampered.onnx"
    tampered.write_bytes(with_card(model.SerializeToString(), Model(model_file).card))
    with pytest.raises(ModelError, match="decides differently"):
        check_parity(weights, tampered, pairs)


@pytest.mark.parametrize("data", [b"", b"no checkpoint", b"PK\x03\x04" + b"\0" * 50])
def test_what_is_no_checkpoint_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(data)
    for path in (tmp_path / "w.pt", tmp_path / "none.pt"):
        with pytest.raises(ModelError, match="not a checkpoint"):
            load_net(path)


# --- data -----------------------------------------------------------------------------------------------------------


def test_pairs_of_a_labelled_set(tmp_path: Path) -> None:
    from hardware.cameras.board_set import draw_set

    path = draw_set(tmp_path / "set", 2)
    pairs, names = load_pairs(path)
    assert names == NAMES
    assert [p.name for p in pairs] == ["images/0-bad.png", "images/1-bad.png"]
    assert all(p.reference is not None and p.image.shape == p.reference.shape == (640, 640) for p in pairs)
    assert all(len(p.boxes) == len(p.kinds) > 0 for p in pairs)
    assert [len(t.boxes) for t in labels(pairs)] == [len(p.boxes) for p in pairs]
    assert len(load_pairs(path, ("OK", "NG"))[0]) == 4
    for change, words in (({"reference": None}, "no reference"), ({"file_name": "images/none.png"}, "no such file")):
        data = json.loads(path.read_text())
        data["images"][1] |= change
        (tmp_path / "set" / "bad.json").write_text(json.dumps(data))
        with pytest.raises(SettingsError, match=words):
            load_pairs(tmp_path / "set" / "bad.json")
    cv2.imwrite(str(tmp_path / "set" / "images" / "1-good.png"), np.zeros((10, 10), np.uint8))
    with pytest.raises(SettingsError, match="its reference 10x10 px"):
        load_pairs(path)
    with pytest.raises(SettingsError, match="verdict"):
        load_pairs(path, ("UNDECIDED",))
