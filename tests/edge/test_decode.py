"""Decoding, against a slow reference that is written here from the definition."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.card import Card
from edge.decide import decide
from edge.decode import MAX_CANDIDATES, MAX_PREDICTIONS, check_output, decode, suppress
from edge.errors import ModelError
from edge.recipe import Recipe, RecipeModel, Rule

Floats = NDArray[np.float32]


def card(output: Literal["yolo_end2end", "yolo_raw"] = "yolo_raw", classes: int = 3, nms_iou: float = 0.5) -> Card:
    names = [f"c{i}" for i in range(classes)]
    return Card(name="t", classes=names, planes=["gray"], width_px=64, height_px=64, output=output, licence="CC0-1.0", nms_iou=nms_iou)


def raw(*rows: tuple[float, ...]) -> Floats:
    """Rows cx, cy, w, h, scores as the network gives them: (1, 4 + classes, n)."""
    return np.ascontiguousarray(np.array(rows, np.float32).T[None])


def slow_iou(a: Any, b: Any) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / union if union > 0 else 0.0


def slow_raw(output: Floats, min_score: float, iou: float) -> list[tuple[int, float, tuple[float, ...]]]:
    rows = []
    for cx, cy, w, h, *scores in output[0].T.tolist():
        best = max(range(len(scores)), key=lambda k: scores[k])
        if scores[best] >= np.float32(min_score):
            rows.append((best, scores[best], (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)))
    rows.sort(key=lambda r: -r[1])
    kept: list[tuple[int, float, tuple[float, ...]]] = []
    for row in rows:
        if all(k[0] != row[0] or slow_iou(k[2], row[2]) <= iou for k in kept):
            kept.append(row)
    return kept


@pytest.mark.parametrize("seed", range(12))
def test_raw_output_agrees_with_the_slow_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, classes, iou = 250, int(rng.integers(1, 6)), float(rng.choice([0.3, 0.5, 0.7]))
    output = np.concatenate((rng.uniform(0, 64, (2, n)), rng.uniform(2, 30, (2, n)), rng.uniform(0, 1, (classes, n)) ** 2))[None].astype(
        np.float32
    )
    found = decode(card(classes=classes, nms_iou=iou), output, 0.3)
    want = slow_raw(output, 0.3, iou)
    assert found.valid
    assert found.cut_score == 0
    assert found.kinds.tolist() == [r[0] for r in want]
    assert found.scores.tolist() == pytest.approx([r[1] for r in want])
    assert np.allclose(found.boxes, [r[2] for r in want], atol=1e-4)


@pytest.mark.parametrize("seed", range(6))
def test_end_to_end_output_agrees_with_the_slow_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    output = np.concatenate((rng.uniform(0, 64, (100, 4)), rng.uniform(0, 1, (100, 1)), rng.integers(0, 3, (100, 1))), 1)[None].astype(
        np.float32
    )
    found = decode(card("yolo_end2end"), output, 0.25)
    want = sorted((r for r in output[0].tolist() if r[4] >= 0.25), key=lambda r: -r[4])
    assert found.valid
    assert found.boxes.tolist() == [r[:4] for r in want]
    assert found.scores.tolist() == [r[4] for r in want]
    assert found.kinds.tolist() == [int(r[5]) for r in want]


def test_boxes_of_one_class_that_overlap_are_one_and_of_two_classes_are_two() -> None:
    two = raw((20, 20, 10, 10, 0.9, 0, 0), (21, 20, 10, 10, 0.8, 0, 0))
    assert decode(card(), two, 0.1).scores.tolist() == pytest.approx([0.9])
    apart = raw((20, 20, 10, 10, 0.9, 0, 0), (21, 20, 10, 10, 0, 0.8, 0))
    assert decode(card(), apart, 0.1).kinds.tolist() == [0, 1]


@pytest.mark.parametrize(("iou", "kept"), [(0.49, 1), (0.5, 2), (0.51, 2)])
def test_overlap_at_the_limit_is_kept(iou: float, kept: int) -> None:
    """Two boxes of 4x3 and 4x3 that share 4x2: 8 of 16, exactly one half."""
    boxes = np.array([[0, 0, 4, 3], [0, 1, 4, 4]], np.float32)
    assert len(suppress(boxes, np.zeros(2, np.int64), iou)) == kept


def test_many_classes_and_far_boxes_do_not_blur_the_overlap() -> None:
    """The usual trick of moving classes apart loses whole pixels here; boxes side by side must both stay."""
    far = [(1e7, 1e7, 2, 2, *([0.95] + [0] * 79))]
    pair = [(x, 30.0, 2, 2, *([0] * 79 + [s])) for x, s in ((30, 0.9), (33, 0.8))]
    assert len(decode(card(classes=80), raw(*far, *pair), 0.1).kinds) == 3


def test_a_box_turned_inside_out_takes_no_other_with_it() -> None:
    inside_out = raw((50, 50, -40, 10, 0.9, 0, 0), (10, 10, 5, 5, 0.8, 0, 0))
    assert decode(card(), inside_out, 0.1).scores.tolist() == pytest.approx([0.9, 0.8])


def test_nothing_found_is_valid_and_empty() -> None:
    for kind, output in (("yolo_raw", np.zeros((1, 7, 20), np.float32)), ("yolo_end2end", np.zeros((1, 20, 6), np.float32))):
        found = decode(card(kind), output, 0.3)  # type: ignore[arg-type]
        assert (found.boxes.shape, len(found.scores), len(found.kinds), found.valid, found.cut_score) == ((0, 4), 0, 0, True, 0)


def test_an_output_without_rows_is_valid_and_empty() -> None:
    assert decode(card("yolo_end2end"), np.zeros((1, 0, 6), np.float32), 0.3).valid
    assert decode(card(), np.zeros((1, 7, 0), np.float32), 0.3).valid


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("place", range(7))
@pytest.mark.parametrize("row", [0, 1])
def test_raw_numbers_that_are_no_numbers_make_the_part_undecided(number: float, place: int, row: int) -> None:
    """In any row that counts, first or not: suppression must not swallow it, even where one defect is allowed."""
    output = raw((20, 20, 10, 10, 0.9, 0.1, 0.1), (45, 45, 10, 10, 0.8, 0.1, 0.1))
    output[0, place, row] = number
    found = decode(card(), output, 0.3)
    assert not found.valid
    tolerant = Recipe(product="p", model=RecipeModel(file="m"), default=Rule(allowed=9))
    assert decide(found, tolerant, card().classes).verdict == "UNDECIDED"


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("row", [0, 1])
def test_end_to_end_numbers_that_are_no_numbers_make_the_part_undecided(number: float, place: int, row: int) -> None:
    output = np.array([[[1, 2, 3, 4, 0.9, 1], [5, 6, 7, 8, 0.8, 2]]], np.float32)
    output[0, row, place] = number
    assert not decode(card("yolo_end2end"), output, 0.3).valid


@pytest.mark.parametrize("kind", [-1, 3, 80, 1e30])
def test_end_to_end_classes_that_do_not_exist_are_invalid(kind: float) -> None:
    assert not decode(card("yolo_end2end"), np.array([[[1, 2, 3, 4, 0.9, kind]]], np.float32), 0.3).valid
    assert decode(card("yolo_end2end"), np.array([[[1, 2, 3, 4, 0.2, kind]]], np.float32), 0.3).valid  # what does not count may be anything


def test_scores_a_rounding_above_one_are_one_and_others_are_none() -> None:
    """A model without its last sigmoid gives numbers beyond 0..1: nothing can be said of its parts."""
    for score, valid in ((1.0001, True), (7.0, False), (-3.0, False), (-0.001, True)):
        for found in (
            decode(card(), raw((20, 20, 10, 10, score, score, score), (20, 20, 10, 10, 0.9, 0, 0)), 0.3),
            decode(card("yolo_end2end"), np.array([[[1, 2, 3, 4, score, 0], [1, 2, 3, 4, 0.9, 0]]], np.float32), 0.3),
        ):
            assert found.valid == valid
            assert found.scores.max(initial=0) <= 1


@pytest.mark.parametrize("limit", [0.3, 0.7, 0.1])
def test_a_score_at_the_limit_counts(limit: float) -> None:
    assert len(decode(card(), raw((20, 20, 10, 10, limit, 0, 0)), limit).kinds) == 1
    assert len(decode(card("yolo_end2end"), np.array([[[1, 2, 3, 4, limit, 0]]], np.float32), limit).kinds) == 1


def test_more_cells_than_there_is_room_for_keep_the_best_and_say_so() -> None:
    rng = np.random.default_rng(0)
    n = MAX_CANDIDATES + 500
    scores = rng.permutation(np.linspace(0.4, 0.9, n))
    # one place for all: suppression leaves one box, the best of all
    output = np.concatenate((np.full((2, n), 30.0), np.full((2, n), 9.0), scores[None], np.zeros((2, n))))[None].astype(np.float32)
    found = decode(card(), output, 0.3)
    assert found.scores.tolist() == pytest.approx([0.9])
    assert found.cut_score > 0.3


@pytest.mark.parametrize("kind", ["yolo_raw", "yolo_end2end"])
def test_more_predictions_than_there_is_room_for_keep_the_best_and_say_so(kind: Literal["yolo_end2end", "yolo_raw"]) -> None:
    n = MAX_PREDICTIONS + 50
    scores = np.random.default_rng(1).permutation(np.linspace(0.4, 0.9, n)).astype(np.float32)
    x = np.arange(n, dtype=np.float32) * 20
    if kind == "yolo_raw":
        output = np.stack((x, x, np.full(n, 9), np.full(n, 9), scores, 0 * x, 0 * x))[None].astype(np.float32)
    else:
        output = np.stack((x, x, x + 9, x + 9, scores, 0 * x), 1)[None].astype(np.float32)
    found = decode(card(kind), output, 0.3)
    assert found.scores.tolist() == pytest.approx(sorted(scores.tolist(), reverse=True)[:MAX_PREDICTIONS])
    assert found.cut_score == pytest.approx(float(found.scores[-1]))


@given(st.lists(st.tuples(*[st.floats(-50, 100, width=16)] * 4, st.integers(0, 2)), max_size=20), st.floats(0.05, 1))
def test_suppression_keeps_what_overlaps_nothing_better(rows: list[tuple[float, float, float, float, int]], iou: float) -> None:
    boxes = np.array([(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d, _ in rows], np.float32).reshape(-1, 4)
    kinds = np.array([r[4] for r in rows], np.int64)
    kept = suppress(boxes, kinds, iou).tolist()
    assert kept == sorted(set(kept))
    for i in range(len(rows)):
        worst = max((slow_iou(boxes[i].tolist(), boxes[k].tolist()) for k in kept if k < i and kinds[k] == kinds[i]), default=0.0)
        assert (i in kept) == (worst <= iou) or abs(worst - iou) < 1e-5


@pytest.mark.parametrize(
    ("kind", "shape", "fits"),
    [
        ("yolo_raw", [1, 7, 8400], True), ("yolo_raw", ["batch", 7, "anchors"], True), ("yolo_raw", [None, None, None], True),
        ("yolo_raw", ["n", 7, 1], True), ("yolo_raw", [2, 7, 8400], False), ("yolo_raw", [1, 8, 8400], False), ("yolo_raw", [1, 8400, 7], False),
        ("yolo_raw", [1, 7], False), ("yolo_raw", [], False), ("yolo_raw", [1, 7, 10, 10], False),
        ("yolo_end2end", [1, 300, 6], True), ("yolo_end2end", ["batch", "n", 6], True), ("yolo_end2end", [1, 300, 7], False),
        ("yolo_end2end", [1, 6, 300], False), ("yolo_end2end", [300, 6], False), ("yolo_end2end", [8, 300, 6], False),
    ],
)  # fmt: skip
def test_shapes_that_cannot_be_are_refused(kind: Literal["yolo_end2end", "yolo_raw"], shape: list[int | str | None], fits: bool) -> None:
    if fits:
        check_output(card(kind), shape)
        return
    with pytest.raises(ModelError, match=kind):
        check_output(card(kind), shape)
