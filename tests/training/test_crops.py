"""Images without references: their geometry is the line's, their crops keep what they show, small sets are enriched as said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="extra training is not installed")


from rich.console import Console

from edge.card import Card
from edge.errors import SettingsError
from edge.model import Model
from edge.prepare import Preparer
from edge.recipe import Region
from tests.training.sets import CLASSES, draw_tiles
from training.crops import Choice, sample_alone
from training.fit import Plan, _Samples
from training.geometry import GRID_PX, Geometry, geometry_for
from training.pairs import DUAL, Pair, load_pairs, simulated_pairs
from training.run import train_model
from training.small_data import Enricher, load_masks, look_of, remarks

pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore")]  # torch's notes on its own future


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_tiles(tmp_path_factory.mktemp("tiles"), 8, 3)


@pytest.fixture(scope="module")
def pairs(tiles: Path) -> list[Pair]:
    return load_pairs(tiles, ("OK", "NG"), alone=True)[0]


# --- geometry -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resize", ["pad", "letterbox"])
@pytest.mark.parametrize("shape", [(64, 96), (50, 60), (33, 95), (96, 20)])
def test_an_image_is_placed_as_the_line_places_it(resize: Any, shape: tuple[int, int]) -> None:
    """Held against edge/prepare.py, pixel by pixel, and back to the image."""
    geometry = Geometry(96, 96, resize)
    image = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    card = Card(name="t", classes=["a"], planes=["gray"], width_px=96, height_px=96, resize=resize, output="yolo_raw", licence="CC0-1.0")
    preparer = Preparer(card, Region(), 0, np.uint8)
    preparer.fill(image)
    placed, corner = geometry.place(image)
    assert (placed == preparer.buffer[0, 0]).all()
    boxes = np.array([[10, 12, 30, 40], [0, 0, 96, 96]], np.float32)
    assert np.abs(geometry.to_image(boxes, image, corner) - preparer.to_image(boxes)).max() < 1e-3


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(SettingsError, match="120x96 px does not fit an input of 96x96"):
        Geometry(96, 96).place(np.zeros((96, 120), np.uint8))


def test_the_input_leaves_room_where_sizes_vary() -> None:
    assert geometry_for([(640, 640)]) == Geometry(640, 640)
    assert geometry_for([(620, 403), (100, 200)]) == Geometry(672, 448)
    assert geometry_for([(640, 640)], 0.5) == Geometry(320, 320, "letterbox")
    huge = geometry_for([(6000, 4000)])
    assert huge.resize == "letterbox"
    assert huge.width_px == 2048
    assert huge.height_px % GRID_PX == 0


# --- crops ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strong", [False, True])
@pytest.mark.parametrize("crop_px", [32, 64, 128])
def test_crops_keep_their_defects(pairs: list[Pair], crop_px: int, strong: bool) -> None:
    rng = np.random.default_rng(0)
    seen = 0
    for i in range(80):
        pair = pairs[i % len(pairs)]
        image, boxes, kinds, mute = sample_alone(pair, rng, crop_px, strong=strong)
        assert image.shape == (1, crop_px, crop_px)
        assert image.dtype == np.uint8
        assert mute.shape == (crop_px // 8, crop_px // 8)
        assert len(boxes) == len(kinds) <= len(pair.kinds)
        assert ((boxes >= 0) & (boxes <= crop_px)).all()
        for x1, y1, x2, y2 in boxes.astype(int):
            inner = image[0, y1:y2, x1:x2].astype(float)
            if min(inner.shape) > 8 and y1 > 0 and x1 > 0:
                assert inner.std() > 8, "the box shows no defect"
            seen += 1
    assert seen > 15


def test_a_resumed_stream_goes_on_where_it_was(pairs: list[Pair]) -> None:
    plan = Plan(crop_px=64, small_data=True)
    whole, later = iter(_Samples(pairs, [], CLASSES, plan, 0)), iter(_Samples(pairs, [], CLASSES, plan, 5))
    for _ in range(5):
        next(whole)
    for _ in range(6):
        for a, b in zip(next(whole), next(later), strict=True):
            assert (a == b).all()


def test_every_class_is_shown_as_often(pairs: list[Pair]) -> None:
    good, bad = [p for p in pairs if not len(p.kinds)], [p for p in pairs if len(p.kinds)]
    kinds = {k: [p for p in bad if k in p.kinds] for k in (0, 1)}
    assert kinds[0]
    assert kinds[1]
    choice, rng = Choice([*good, *kinds[0], *kinds[1] * 9]), np.random.default_rng(0)
    picked = [choice.pick(rng) for _ in range(600)]
    assert 140 < sum(not len(p.kinds) for p in picked) < 280
    assert 0.4 < sum(0 in p.kinds for p in picked) / sum(len(p.kinds) > 0 for p in picked) < 0.6
    assert not any(len(p.kinds) for p in (Choice(good).pick(rng) for _ in range(20)))


# --- small data -----------------------------------------------------------------------------------------------------


def test_good_images_get_defects_where_their_boxes_say(pairs: list[Pair]) -> None:
    enricher, rng = Enricher(pairs, CLASSES), np.random.default_rng(2)
    good = next(p for p in pairs if not len(p.kinds))
    before, enriched = good.image.copy(), 0
    for _ in range(60):
        pair = enricher.enrich(good, rng)
        changed = np.abs(pair.image.astype(int) - before) > 0
        assert (good.image == before).all(), "the good image itself must stay"
        covered = np.zeros(before.shape, np.bool_)
        for x1, y1, x2, y2 in pair.boxes.astype(int):
            assert changed[y1:y2, x1:x2].any()
            covered[max(0, y1 - 8) : y2 + 8, max(0, x1 - 8) : x2 + 8] = True
        assert not (changed & ~covered).any(), "nothing changes beyond the boxes and their soft edges"
        assert set(pair.kinds.tolist()) <= {0, 1}
        enriched += len(pair.kinds) > 0
    assert 20 < enriched < 60


def test_images_with_references_are_enriched_too() -> None:
    """A reference with defects on it, beside itself: whatever differs beyond the imaging is labelled."""
    boards = [replace(p, boxes=p.boxes[:1], kinds=p.kinds[:1] * 0) for p in simulated_pairs(list(DUAL), 2, 3)]
    plan = Plan(crop_px=96, small_data=True)
    stream = iter(_Samples(boards, [], ["scratch"], plan, 0))
    shapes = [next(stream) for _ in range(40)]
    assert all(image.shape == (2, 96, 96) for image, *_ in shapes)
    assert max(len(boxes) for _, boxes, _, _ in shapes) > 1, "only one defect a board was labelled: more were put on"


def test_only_classes_whose_names_say_their_looks_are_drawn(pairs: list[Pair]) -> None:
    assert [look_of(n) for n in ("scratch", "Blowhole", "dent", "chip", "spur", "class 7")] == ["line", "blob", "dent", "patch", None, None]
    good = [p for p in pairs if not len(p.kinds)]
    rng = np.random.default_rng(0)
    assert not any(len(Enricher(good, ["spur"]).enrich(good[0], rng).kinds) for _ in range(20))
    drawn = Enricher(good, ["spur", "scratch", "blowhole", "dent", "chip"])
    kinds = {k for _ in range(80) for k in drawn.enrich(good[0], rng).kinds.tolist()}
    assert kinds == {1, 2, 3, 4}
    assert "scratch, dent" in remarks(["spur", "scratch", "dent"], 7, masks=False)[1]


def test_masks_lie_beside_the_images(tiles: Path, pairs: list[Pair]) -> None:
    import cv2

    bad = next(p for p in pairs if len(p.kinds))
    folder = tiles.parent / "masks"
    folder.mkdir()
    mask = np.zeros(bad.image.shape, np.uint8)
    x1, y1, x2, y2 = bad.boxes[0].astype(int)
    mask[y1 + 4 : y2 - 4, x1 + 4 : x2 - 4] = 255
    cv2.imwrite(str(folder / (Path(bad.name).stem + ".png")), mask)
    found = load_masks(pairs, tiles)
    assert [p.mask is not None for p in found] == [p.name == bad.name for p in pairs]
    sources = [p for p in found if p.mask is not None]
    good = next(p for p in pairs if not len(p.kinds))
    made = [Enricher(sources).enrich(good, np.random.default_rng(i)) for i in range(10)]
    sizes = {tuple((b[2:] - b[:2]).astype(int).tolist()) for p in made for b in p.boxes}
    assert sizes == {(int(x2 - x1) - 8, int(y2 - y1) - 8)}, "the box is that of the mask"


# --- a whole training -----------------------------------------------------------------------------------------------


def test_a_set_without_references_trains_to_a_gray_model(tiles: Path, tmp_path: Path) -> None:
    val = draw_tiles(tmp_path / "val", 6, 8)
    figures = train_model(
        tiles, val, tmp_path / "out", name="tile", steps=12, simulated=0.15, reference=True, seed=1, licence="CC0-1.0", resume=True, command="test",
        console=Console(stderr=True, quiet=True), small_data=True,
    )  # fmt: skip
    model = Model(Path(figures["model"]))
    assert (model.card.planes, model.card.resize, model.card.width_px, model.card.height_px) == (["gray"], "pad", 128, 96)
    assert model.card.remarks[0].startswith("small-data mode, from 8 NG images")
    assert figures["parity_box_px"] < 0.5
    assert 0 <= figures["auroc"] <= 1
    assert json.dumps(figures)
