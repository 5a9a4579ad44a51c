"""Which defects were seen, what may be claimed, who is better: on cases that can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bounds import share
from edge.decode import Predictions
from edge.errors import SettingsError
from tests.training.judged import found, seen
from tests.training.test_parts import FAR, NAMES, NEAR, predictions, recipe
from training.claim import claim, claimable, parts_needed
from training.compare import mcnemar, paired
from training.found import by_class, by_size, confusion, touched
from training.measure import area_under_roc
from training.parts import judge_parts


def test_touching_is_overlap_or_a_middle_inside() -> None:
    labels = np.array([[0, 0, 10, 10], [100, 0, 200, 4]], np.float32)
    for box, hit in (
        ((0, 0, 10, 10), [True, False]),
        ((4, 4, 6, 6), [True, False]),  # IoU 0.04, but it points there
        ((0, 0, 100, 100), [True, False]),  # it lies in there
        ((120, 1, 130, 3), [False, True]),  # a piece of a long crack
        ((9, 9, 30, 30), [False, False]),
    ):
        assert touched(labels, np.array([box], np.float32)).tolist() == hit
    assert touched(labels, np.empty((0, 4), np.float32)).tolist() == [False, False]


def test_classes_and_sizes_by_hand() -> None:
    small, long = (0.0, 0.0, 6.0, 6.0), (20.0, 0.0, 120.0, 10.0)
    judged = judge_parts(
        [
            seen(found((0, 0.9, small)), [("a", small), ("b", long)], part="1"),  # rejected, and b unseen
            seen(found(), [("b", long)], part="1"),
            seen(found((0, 0.1, small)), [("a", small)], part="2"),  # passed
            seen(found((0, 0.9, small)), part="3"),  # overkill: no class of NG parts
            seen(found((1, 0.4, small)), [("a", small)], part="4"),  # doubtful, another class: seen
        ],
        recipe(),
        NAMES,
    )
    rows = by_class(judged, NAMES)
    assert (rows["a"]["escape"]["count"], rows["a"]["escape"]["of"], rows["a"]["unseen_parts"]) == (1, 3, ["2"])
    assert (rows["b"]["escape"]["count"], rows["b"]["escape"]["of"], rows["b"]["unseen_parts"]) == (0, 1, ["1"])
    sizes = {
        (r["from"], r["to"]): (r["escape"]["count"], r["escape"]["of"], r["unseen"]["count"], r["unseen"]["of"]) for r in by_size(judged)
    }
    assert sizes == {(0, 8): (1, 2, 1, 3), (64, 128): (0, 1, 2, 2)}
    in_mm = by_size(judged, 0.1)
    assert [(r["from"], r["to"], r["unit"]) for r in in_mm] == [(0.5, 1, "mm"), (10, None, "mm")]


def test_confusion_by_hand() -> None:
    judged = judge_parts(
        [
            seen(
                found((1, 0.9, NEAR), (0, 0.8, FAR), (0, 0.7, (200.0, 0.0, 210.0, 10.0))),
                [("a", NEAR), ("a", FAR), ("b", (300, 0, 310, 10))],
            )
        ],
        recipe(),
        NAMES,
    )
    assert confusion(judged, NAMES) == [[1, 1, 0], [0, 0, 1], [1, 0, 0]]


labels = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([NEAR, FAR])), max_size=4)


@given(st.lists(st.tuples(predictions, labels), max_size=5))
def test_every_label_and_every_accepted_defect_is_in_the_confusion_once(
    images: list[tuple[Predictions | None, list[tuple[str, tuple[float, ...]]]]],
) -> None:
    judged = judge_parts([seen(p, own, name=str(i)) for i, (p, own) in enumerate(images)], recipe(), NAMES)
    table = np.array(confusion(judged, NAMES))
    for k, name in enumerate(NAMES):
        assert table[k].sum() == sum(kind == name for _, own in images for kind, _ in own)
        assert table[:, k].sum() == sum(d.kind == name for decision in judged.decisions for d in decision.defects)
    assert table[-1, -1] == 0


def test_rule_of_three() -> None:
    """Without a miss: (1 - rate)^n = 5 %, worked out by logarithm."""
    for rate in (0.1, 0.01, 0.001):
        assert parts_needed(rate) == math.ceil(math.log(0.05) / math.log1p(-rate))
    assert parts_needed(0.001) == 2995
    assert claimable(0, 150) == pytest.approx(1 - 0.05 ** (1 / 150))
    assert claimable(5, 5) == claimable(0, 0) == 1
    assert claim(0.01, 0, 100) == {
        "rate": 0.01,
        "claimable": pytest.approx(0.02951, abs=1e-5),
        "needed": 299,
        "more": 199,
        "confidence": 0.95,
    }
    assert claim(0.01, 0, 400)["more"] == 0


@given(st.integers(0, 5), st.integers(0, 300), st.sampled_from([0.3, 0.05, 0.01]))
def test_a_claim_is_reached_exactly_with_the_parts_it_is_said_to_need(misses: int, more: int, rate: float) -> None:
    n = parts_needed(rate, misses)
    assert claimable(misses, n) <= rate < claimable(misses, n - 1)
    assert claimable(misses, n + more) <= claimable(misses, n)
    assert claimable(misses, n) <= share(misses, n).high


def test_area_under_roc_by_counting_pairs() -> None:
    rng = np.random.default_rng(5)
    scores, bad = rng.integers(0, 5, 40) / 5, rng.random(40) < 0.4
    won = [(b > g) + (b == g) / 2 for b in scores[bad] for g in scores[~bad]]
    assert area_under_roc(bad, scores) == pytest.approx(np.mean(won))
    assert area_under_roc(np.zeros(3, np.bool_), np.ones(3)) is None


def test_mcnemar_by_hand() -> None:
    assert mcnemar(0, 0) == 1
    assert mcnemar(0, 5) == pytest.approx(2 / 32)
    assert mcnemar(1, 7) == pytest.approx(2 * (1 + 8) / 256)
    assert mcnemar(7, 1) == mcnemar(1, 7)


def test_two_models_on_the_same_parts() -> None:
    bad: list[tuple[str, tuple[float, ...]]] = [("a", NEAR)]
    good: list[tuple[str, tuple[float, ...]]] = []
    hit, miss = found((0, 0.9, NEAR)), found()
    cases: list[tuple[str, list[tuple[str, tuple[float, ...]]], Predictions, Predictions]] = [
        ("n1", bad, miss, hit),
        ("n2", bad, hit, miss),
        ("n3", bad, miss, hit),
        ("n4", bad, miss, miss),
        ("g1", good, hit, miss),
        ("g2", good, hit, hit),
    ]
    first = judge_parts([seen(this, own, name=name) for name, own, this, _ in cases], recipe(), NAMES)
    second = judge_parts([seen(other, own, name=name) for name, own, _, other in cases], recipe(), NAMES)
    out = paired(first, second)
    assert out["escape"] == {"new": ["n1", "n3"], "mended": ["n2"], "both": 1, "p": 1.0}
    assert out["overkill"] == {"new": ["g1"], "mended": [], "both": 1, "p": 1.0}
    shorter = judge_parts([seen(hit, bad, name="n1")], recipe(), NAMES)
    with pytest.raises(SettingsError, match="not judged on the same images"):
        paired(first, shorter)
