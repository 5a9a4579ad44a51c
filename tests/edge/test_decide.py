"""The decision, enumerated."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.decide import Decision, decide, min_score, undecided
from edge.decode import Predictions
from edge.recipe import Recipe, Region, Rule

CLASSES = ["scratch", "dent", "dust"]
RANK = {"OK": 0, "UNDECIDED": 1, "NG": 2}
BOX = (10.0, 10.0, 20.0, 16.0)
Row = tuple[str, float, tuple[float, float, float, float]]


def recipe(
    *, ignore: list[tuple[int, int, int, int]] | None = None, mm_per_px: float = 0, default: Rule | None = None, **classes: Rule
) -> Recipe:
    return Recipe.model_validate({
        "product": "p", "model": {"file": "m.onnx"}, "region": Region(ignore=ignore or [], mm_per_px=mm_per_px), "default": default or Rule(),
        "classes": classes,
    })  # fmt: skip


def seen(*rows: Row, **more: Any) -> Predictions:
    rows = tuple(sorted(rows, key=lambda r: -r[1]))
    return Predictions(
        np.array([r[2] for r in rows], np.float32).reshape(-1, 4),
        np.array([r[1] for r in rows], np.float32),
        np.array([CLASSES.index(r[0]) for r in rows], np.int64),
        **more,
    )


def expected(count_sure: int, count_doubtful: int, allowed: int) -> str:
    """The rule in words of the recipe: NG over `allowed`, UNDECIDED if the doubtful ones would bring it over."""
    return "NG" if count_sure > allowed else "UNDECIDED" if count_sure + count_doubtful > allowed else "OK"


@pytest.mark.parametrize("allowed", [0, 1, 2])
@pytest.mark.parametrize("scores", [s for n in range(4) for s in itertools.combinations_with_replacement(("below", "between", "above"), n)])
@pytest.mark.parametrize("size", ["small", "large"])
@pytest.mark.parametrize("place", ["inside", "outside"])
def test_every_combination_of_score_size_zone_and_allowed_count(allowed: int, scores: tuple[str, ...], size: str, place: str) -> None:
    judged = recipe(ignore=[(0, 0, 40, 40)], default=Rule(ng_score=0.6, undecided_score=0.4, min_size_px=5, allowed=allowed))
    box = {("small", "inside"): (10, 10, 14, 14), ("large", "inside"): (10, 10, 20, 14), ("small", "outside"): (50, 50, 54, 54), ("large", "outside"): (50, 50, 54, 60)}[size, place]  # fmt: skip
    found = seen(*(("scratch", {"below": 0.39, "between": 0.5, "above": 0.61}[s], box) for s in scores))
    decision = decide(found, judged, CLASSES)
    counts = size == "large" and place == "outside"
    sure, doubtful = (scores.count("above"), scores.count("between")) if counts else (0, 0)
    assert decision.verdict == expected(sure, doubtful, allowed)
    assert len(decision.defects) == sure + doubtful
    assert sorted(d.verdict for d in decision.defects) == ["NG"] * sure + ["UNDECIDED"] * doubtful
    assert bool(decision.reasons) == (decision.verdict != "OK")


@pytest.mark.parametrize("counts", list(itertools.product(range(3), repeat=4)))
def test_classes_are_counted_apart_and_the_worst_one_decides(counts: tuple[int, int, int, int]) -> None:
    scratch_sure, scratch_doubt, dent_sure, dent_doubt = counts
    judged = recipe(scratch=Rule(ng_score=0.6, undecided_score=0.4, allowed=1), dent=Rule(ng_score=0.9, undecided_score=0.8, allowed=0))
    rows = [("scratch", 0.7, BOX)] * scratch_sure + [("scratch", 0.5, BOX)] * scratch_doubt
    rows += [("dent", 0.95, BOX)] * dent_sure + [("dent", 0.85, BOX)] * dent_doubt
    decision = decide(seen(*rows, ("dent", 0.7, BOX)), judged, CLASSES)
    words = [expected(scratch_sure, scratch_doubt, 1), expected(dent_sure, dent_doubt, 0)]
    assert decision.verdict == max(words, key=RANK.__getitem__)
    assert [r for r in decision.reasons if "scratch" in r] != [] or words[0] == "OK"
    assert [r for r in decision.reasons if "dent" in r] != [] or words[1] == "OK"


@pytest.mark.parametrize("limit", [0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_score_at_the_limit_reaches_it_and_one_just_under_does_not(limit: float, dtype: Any) -> None:
    """The network speaks single precision, in which 0.7 is less than 0.7."""
    at = np.array([limit], dtype)
    under = np.nextafter(np.float32(limit), np.float32(0), dtype=np.float32).reshape(1)
    box, kind = np.array([BOX], np.float32), np.array([0])
    sharp = recipe(default=Rule(ng_score=limit, undecided_score=limit))
    assert decide(Predictions(box, at, kind), sharp, CLASSES).verdict == "NG"
    assert decide(Predictions(box, under, kind), sharp, CLASSES).verdict == "OK"
    banded = recipe(default=Rule(ng_score=1.0, undecided_score=limit))
    assert decide(Predictions(box, at, kind), banded, CLASSES).verdict == ("NG" if limit == 1 else "UNDECIDED")


@pytest.mark.parametrize(("width", "counted"), [(7.75, False), (8.0, True), (8.25, True)])
@pytest.mark.parametrize("unit", ["px", "mm"])
@pytest.mark.parametrize("side", ["width", "height"])
def test_the_longer_side_must_reach_the_minimum_size(width: float, counted: bool, unit: str, side: str) -> None:
    rule = Rule(min_size_px=8) if unit == "px" else Rule(min_size_mm=2)
    judged = recipe(default=rule, mm_per_px=0.25)
    box = (1.0, 1.0, 1 + width, 2.0) if side == "width" else (1.0, 1.0, 2.0, 1 + width)
    assert decide(seen(("dent", 0.9, box)), judged, CLASSES).verdict == ("NG" if counted else "OK")


def test_of_two_sizes_the_larger_counts() -> None:
    both = recipe(default=Rule(min_size_px=8, min_size_mm=4), mm_per_px=0.25)
    assert decide(seen(("dent", 0.9, (0, 0, 15, 15))), both, CLASSES).verdict == "OK"
    assert decide(seen(("dent", 0.9, (0, 0, 16, 1))), both, CLASSES).verdict == "NG"


@pytest.mark.parametrize(
    ("centre", "ignored"),
    [
        ((10, 10), True),
        ((9.5, 12), False),
        ((12, 9.5), False),
        ((19.5, 19.5), True),
        ((20, 15), False),
        ((15, 20), False),
        ((15, 15), True),
    ],
)
def test_a_zone_takes_the_defects_whose_centre_lies_in_it(centre: tuple[float, float], ignored: bool) -> None:
    x, y = centre
    judged = recipe(ignore=[(100, 100, 110, 110), (10, 10, 20, 20)])
    decision = decide(seen(("dent", 0.9, (x - 6, y - 2, x + 6, y + 2))), judged, CLASSES)
    assert decision.verdict == ("OK" if ignored else "NG")


def test_invalid_predictions_are_undecided_whatever_they_say() -> None:
    assert decide(seen(valid=False), recipe(), CLASSES).verdict == "UNDECIDED"
    assert decide(seen(("dent", 0.9, BOX), valid=False), recipe(), CLASSES).verdict == "UNDECIDED"


@pytest.mark.parametrize("kind", [-1, 3, 10**9])
def test_a_class_that_does_not_exist_is_undecided(kind: int) -> None:
    found = Predictions(np.array([BOX], np.float32), np.array([0.9], np.float32), np.array([kind]))
    assert decide(found, recipe(), CLASSES).verdict == "UNDECIDED"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("place", range(4))
def test_a_box_that_is_no_box_is_undecided_even_where_one_defect_is_allowed(number: float, place: int) -> None:
    box = list(BOX)
    box[place] = number
    found = Predictions(np.array([box], np.float32), np.array([0.9], np.float32), np.array([0]))
    assert decide(found, recipe(default=Rule(allowed=5)), CLASSES).verdict == "UNDECIDED"


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -0.1, 1.1])
def test_a_score_that_is_no_score_is_undecided(score: float) -> None:
    found = Predictions(np.array([BOX], np.float32), np.array([score], np.float32), np.array([0]))
    assert decide(found, recipe(default=Rule(allowed=5)), CLASSES).verdict == "UNDECIDED"


def test_no_predictions_are_ok_without_reasons() -> None:
    assert decide(seen(), recipe(), CLASSES) == Decision("OK", [], [])


def test_undecided_keeps_its_reason() -> None:
    assert undecided("dark") == Decision("UNDECIDED", ["dark"], [])


@pytest.mark.parametrize(("cut", "verdict"), [(0.0, "OK"), (0.29, "OK"), (0.3, "UNDECIDED"), (0.9, "UNDECIDED")])
def test_tolerated_defects_must_not_crowd_out_the_one_that_counts(cut: float, verdict: str) -> None:
    """With no room left for a prediction that might matter, good cannot be said; bad still can."""
    judged = recipe(dust=Rule(allowed=1000))
    assert decide(seen(("dust", 0.95, BOX), cut_score=cut), judged, CLASSES).verdict == verdict
    assert decide(seen(("dent", 0.95, BOX), cut_score=cut), judged, CLASSES).verdict == "NG"


def test_min_score_is_the_lowest_that_can_matter() -> None:
    judged = recipe(default=Rule(ng_score=0.9, undecided_score=0.8), dust=Rule(ng_score=0.5, undecided_score=0.2))
    assert min_score(judged, CLASSES) == 0.2
    assert min_score(judged, ["dent"]) == 0.8
    assert 0 < min_score(recipe(default=Rule(ng_score=0.5, undecided_score=0)), CLASSES) <= 0.001


def test_reasons_and_defects_are_bounded_and_say_what_was_found() -> None:
    many = [f"class-{i}" for i in range(40)]
    found = Predictions(np.tile(np.array(BOX, np.float32), (40, 1)), np.full(40, 0.9, np.float32), np.arange(40))
    decision = decide(found, recipe(), many)
    assert decision.verdict == "NG"
    assert len(decision.defects) == 40
    assert 1 <= len(decision.reasons) <= 12
    assert decide(seen(*[("dent", 0.9, BOX)] * 3), recipe(dent=Rule(allowed=1)), CLASSES).reasons == ["dent x3 (1 allowed)"]


boxes = st.tuples(*[st.floats(0, 100, width=32)] * 4).map(lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3])))
rows = st.tuples(st.sampled_from(CLASSES), st.floats(0, 1, width=32), boxes)
rules = st.builds(
    lambda ng, share, size, allowed: Rule(ng_score=ng, undecided_score=ng * share, min_size_px=size, allowed=allowed),
    st.floats(0, 1), st.floats(0, 1), st.floats(0, 30), st.integers(0, 3),
)  # fmt: skip
recipes = st.builds(
    lambda default, dent, zone: recipe(default=default, dent=dent, ignore=[zone] if zone else []),
    rules, rules, st.none() | st.just((20, 20, 70, 70)),
)  # fmt: skip


@given(recipes, st.lists(rows, max_size=6), rows)
def test_one_more_defect_never_makes_a_part_better(judged: Recipe, found: list[Row], more: Row) -> None:
    before, after = decide(seen(*found), judged, CLASSES), decide(seen(*found, more), judged, CLASSES)
    assert RANK[after.verdict] >= RANK[before.verdict]


@given(recipes, st.lists(rows, min_size=1, max_size=6), st.data())
def test_a_higher_score_never_makes_a_part_better(judged: Recipe, found: list[Row], data: st.DataObject) -> None:
    i = data.draw(st.integers(0, len(found) - 1))
    kind, score, box = found[i]
    raised = [*found[:i], (kind, data.draw(st.floats(score, 1, width=32)), box), *found[i + 1 :]]
    assert RANK[decide(seen(*raised), judged, CLASSES).verdict] >= RANK[decide(seen(*found), judged, CLASSES).verdict]


@given(st.lists(rows, max_size=8), st.floats(0, 1), st.floats(0, 1))
def test_never_ok_with_a_sure_defect_where_none_is_allowed(found: list[Row], ng_score: float, share: float) -> None:
    decision = decide(seen(*found), recipe(default=Rule(ng_score=ng_score, undecided_score=ng_score * share)), CLASSES)
    if any(score >= ng_score for _, score, _ in found):
        assert decision.verdict == "NG"
    elif any(score >= ng_score * share for _, score, _ in found):
        assert decision.verdict == "UNDECIDED"
