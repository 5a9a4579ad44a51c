"""The yardsticks on cases that can be worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from training.measure import Labelled, f1_score, iou_matrix, mean_average_precision

Row = tuple[int, float, tuple[float, float, float, float]]
NAMES = ["a", "b"]
BOX = (0.0, 0.0, 100.0, 100.0)
FAR = (300.0, 300.0, 400.0, 400.0)


def image(*rows: Row) -> Labelled:
    return Labelled(
        np.array([r[2] for r in rows], np.float32).reshape(-1, 4), np.array([r[0] for r in rows], np.int64), np.array([r[1] for r in rows], np.float32)
    )  # fmt: skip


def overlapping(iou: float) -> tuple[float, float, float, float]:
    """A box inside BOX with this IoU."""
    return (0.0, 0.0, 100.0 * iou, 100.0)


def test_iou_by_hand() -> None:
    a = np.array([[0, 0, 4, 4], [0, 0, 2, 2]], np.float32)
    b = np.array([[0, 0, 4, 4], [2, 0, 6, 4], [10, 10, 12, 12]], np.float32)
    assert iou_matrix(a, b).tolist() == [pytest.approx([1, 8 / 24, 0]), pytest.approx([4 / 16, 0, 0])]
    assert iou_matrix(a[:0], b).shape == (0, 3)
    assert iou_matrix(a, b[:0]).shape == (2, 0)


@pytest.mark.parametrize(("iou", "right"), [(0.34, 1), (0.331, 1), (0.329, 0), (0.32, 0), (1.0, 1), (0.0, 0)])
def test_an_overlap_just_over_the_limit_counts_and_one_just_under_does_not(iou: float, right: int) -> None:
    figures = f1_score([image((0, 1, BOX))], [image((0, 0.9, overlapping(iou)))], 0.5)
    assert (figures["right"], figures["wrong"], figures["missed"]) == (right, 1 - right, 1 - right)
    assert figures["f1"] == pytest.approx(right)


def test_the_limit_itself_is_not_enough() -> None:
    figures = f1_score([image((0, 1, (0, 0, 2, 1)))], [image((0, 0.9, (0, 0, 1, 1)))], 0.5, iou=0.5)
    assert figures["right"] == 0


@pytest.mark.parametrize(
    ("found", "counts"),
    [
        ([], (0, 0, 2)),
        ([(0, 0.9, BOX), (1, 0.9, FAR)], (2, 0, 0)),
        ([(1, 0.9, BOX), (1, 0.9, FAR)], (1, 1, 1)),  # wrong class
        ([(0, 0.9, BOX), (0, 0.8, BOX)], (1, 1, 1)),  # the same defect twice
        ([(0, 0.4, BOX), (1, 0.9, FAR)], (1, 0, 1)),  # below the score
        ([(0, 0.5, BOX)], (1, 0, 1)),  # at the score
    ],
)  # fmt: skip
def test_counts_by_hand(found: list[Row], counts: tuple[int, int, int]) -> None:
    right, wrong, missed = counts
    figures = f1_score([image((0, 1, BOX), (1, 1, FAR))], [image(*found)], 0.5)
    assert (figures["right"], figures["wrong"], figures["missed"]) == counts
    assert figures["precision"] == pytest.approx(right / max(right + wrong, 1))
    assert figures["recall"] == pytest.approx(right / 2)
    assert figures["f1"] == pytest.approx(2 * right / (2 * right + wrong + missed))


def test_the_better_detection_takes_the_label_first() -> None:
    """The surer one lies worse but takes it; the other one finds the second label."""
    truth = image((0, 1, (0, 0, 100, 100)), (0, 1, (60, 0, 160, 100)))
    found = image((0, 0.6, (50, 0, 150, 100)), (0, 0.9, (10, 0, 110, 100)))
    assert f1_score([truth], [found], 0.5)["right"] == 2


def test_images_do_not_borrow_from_each_other() -> None:
    figures = f1_score([image((0, 1, BOX)), image()], [image(), image((0, 0.9, BOX))], 0.5)
    assert (figures["right"], figures["wrong"], figures["missed"]) == (0, 1, 1)


def test_nothing_to_find_and_nothing_found() -> None:
    figures = f1_score([image()], [image()], 0.5)
    assert (figures["right"], figures["wrong"], figures["missed"], figures["f1"]) == (0, 0, 0, 0)
    assert mean_average_precision([image()], [image()], NAMES) == {"map_33": 0.0, "map_50": 0.0, "map_50_95": 0.0}


def maps(truth: list[Labelled], found: list[Labelled]) -> dict[str, float]:
    return mean_average_precision(truth, found, NAMES)


def test_a_perfect_detector() -> None:
    truth = [image((0, 1, BOX), (1, 1, FAR)), image((1, 1, BOX))]
    figures = maps(truth, truth)
    assert set(figures) == {"map_33", "map_50", "map_50_95", "ap_33/a", "ap_33/b", "ap_50/a", "ap_50/b"}
    assert all(v == pytest.approx(1) for v in figures.values())


@pytest.mark.parametrize(
    ("iou", "at_33", "at_50", "over"),
    [(0.32, 0, 0, 0), (0.34, 1, 0, 0), (0.49, 1, 0, 0), (0.51, 1, 1, 0.1), (0.76, 1, 1, 0.6), (0.96, 1, 1, 1)],
)
def test_average_precision_at_each_overlap(iou: float, at_33: float, at_50: float, over: float) -> None:
    figures = maps([image((0, 1, BOX))], [image((0, 0.9, overlapping(iou)))])
    assert figures["map_33"] == pytest.approx(at_33)
    assert figures["map_50"] == pytest.approx(at_50)
    assert figures["map_50_95"] == pytest.approx(over)


def test_a_false_alarm_before_the_right_one_halves_and_one_after_it_does_nothing() -> None:
    truth = [image((0, 1, BOX))]
    assert maps(truth, [image((0, 0.9, FAR), (0, 0.8, BOX))])["map_50"] == pytest.approx(0.5)
    assert maps(truth, [image((0, 0.8, FAR), (0, 0.9, BOX))])["map_50"] == pytest.approx(1.0)


def test_the_mean_is_over_the_classes_that_have_labels() -> None:
    figures = maps([image((0, 1, BOX))], [image((0, 0.9, BOX), (1, 0.9, FAR))])
    assert figures["map_50"] == pytest.approx(1.0)
    assert "ap_50/b" not in figures
    half: dict[str, Any] = maps([image((0, 1, BOX), (1, 1, FAR))], [image((0, 0.9, BOX))])
    assert half["map_50"] == pytest.approx(0.5)
    assert (half["ap_50/a"], half["ap_50/b"]) == (pytest.approx(1), pytest.approx(0))


def test_half_of_the_labels_found() -> None:
    """Precision 1 up to recall one half: 51 of COCO's 101 recall points."""
    assert maps([image((0, 1, BOX), (0, 1, FAR))], [image((0, 0.9, BOX))])["map_50"] == pytest.approx(51 / 101)
