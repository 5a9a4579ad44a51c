"""Parts, and the scores that their verdicts hang on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.decode import Predictions
from edge.messages import VerdictWord
from edge.recipe import Recipe
from tests.training.judged import found, seen
from training.margins import margins_of, pieces_of
from training.parts import judge_parts, parts_of, worst
from training.predict import Seen

NAMES = ["a", "b"]
NEAR, FAR = (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 70.0, 60.0)


def recipe(**more: object) -> Recipe:
    return Recipe.model_validate({"product": "p", "model": {"file": "m.onnx"}} | more)


def test_images_of_one_part_are_one_part_and_the_worst_counts() -> None:
    images = [
        seen(found((0, 0.9, NEAR)), [("a", NEAR)], part="1"),
        seen(found(), part="2"),
        seen(found(), part="1"),
        seen(found((0, 0.4, NEAR)), part="2"),
        seen(found(), [("a", NEAR)], name="alone"),
        seen(None, name="1", expected="OK"),  # an image that is called like a part is not that part
    ]
    judged = judge_parts(images, recipe(), NAMES)
    assert [(p.name, p.truth, p.images) for p in judged.parts] == [
        ("1", "NG", (0, 2)), ("2", "OK", (1, 3)), ("alone", "NG", (4,)), ("1", "OK", (5,))
    ]  # fmt: skip
    assert judged.verdicts == ["NG", "UNDECIDED", "OK", "UNDECIDED"]
    assert judged.named("NG", "OK") == ["alone"]
    assert judged.named("OK", "NG", "UNDECIDED") == ["2", "1"]


@pytest.mark.parametrize(("expected", "labelled", "truth"), [("NG", False, "NG"), ("OK", True, "OK"), ("", True, "NG"), ("", False, "OK")])
def test_the_sets_word_goes_before_its_labels(expected: str, labelled: bool, truth: str) -> None:
    entry = seen(found(), [("a", NEAR)] if labelled else [], expected=expected).entry
    assert parts_of([entry])[0].truth == truth


@given(st.lists(st.sampled_from(["OK", "NG", "UNDECIDED"]), min_size=1))
def test_a_part_passes_only_if_all_its_images_do(words: list[VerdictWord]) -> None:
    assert (worst(words) == "OK") == all(w == "OK" for w in words)
    assert (worst(words) == "NG") == ("NG" in words)


scores = st.floats(1 / 64, 1, width=32)
boxes = st.sampled_from([NEAR, FAR, (5.0, 5.0, 7.0, 8.0), (90.0, 90.0, 99.0, 99.0)])
predictions = st.one_of(
    st.none(),
    st.builds(
        lambda rows, cut, valid: found(*rows, cut_score=cut, valid=valid),
        st.lists(st.tuples(st.integers(0, 1), scores, boxes), max_size=5),
        st.one_of(st.just(0.0), scores),
        st.booleans() | st.just(True),
    ),
)
pairs = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)


@given(
    st.lists(st.tuples(st.sampled_from("xyz"), predictions), min_size=1, max_size=6),
    pairs, pairs, st.integers(0, 2), st.sampled_from([0.0, 5.0]), st.booleans(),
)  # fmt: skip
def test_margins_say_what_the_line_decides(
    images: list[tuple[str, Predictions | None]], a: list[float], b: list[float], allowed: int, size: float, zone: bool
) -> None:
    """For any thresholds, from the scores alone: the same verdicts as `edge.decide` gives image by image."""
    rules: dict[str, dict[str, Any]] = {
        "default": {"undecided_score": a[0], "ng_score": a[1], "min_size_px": size},
        "classes": {"b": {"undecided_score": b[0], "ng_score": b[1], "allowed": allowed}},
        "region": {"ignore": [(88, 88, 100, 100)] if zone else []},
    }
    under = recipe(**rules)
    looked = [seen(p, part=part) for part, p in images]
    judged = judge_parts(looked, under, NAMES)
    other = recipe(**rules | {"default": rules["default"] | {"undecided_score": 0.2, "ng_score": 0.7}})  # scores do not matter
    margins = margins_of(looked, judged.parts, other, NAMES)
    undecided, ng = (np.minimum([x, y], np.array([x, y], np.float32)) for x, y in ((a[0], b[0]), (a[1], b[1])))  # as the line takes them
    for i, verdict in enumerate(judged.verdicts):
        sure = bool(((margins.sure[i] >= ng) & (margins.sure[i] > 0)).any())
        doubt = bool(((margins.doubt[i] >= undecided) & (margins.doubt[i] > 0)).any())
        assert verdict == ("NG" if sure else "UNDECIDED" if doubt else "OK")


def test_a_piece_of_a_part_has_only_what_touches_its_labels() -> None:
    """On a part with two defects and a false alarm each defect must be found by itself."""
    looked: list[Seen] = [
        seen(found((0, 0.9, NEAR), (1, 0.6, FAR), (1, 0.99, (200.0, 200.0, 210.0, 210.0))), [("a", NEAR), ("b", FAR)], part="1"),
        seen(found((0, 0.3, FAR)), [("b", FAR)], part="1"),
        seen(found((1, 0.2, FAR)), part="2"),
        seen(None, [("a", NEAR)], part="3"),
    ]
    parts = parts_of([s.entry for s in looked])
    pieces = pieces_of(looked, parts, recipe(), NAMES)
    assert pieces.part.tolist() == [0, 0, 1, 2]
    assert pieces.kind.tolist() == [0, 1, -1, 0]
    assert pieces.weight.tolist() == [0.5, 0.5, 1, 1]
    assert pieces.sure[0] == pytest.approx([0.9, 0], abs=1e-6)
    assert pieces.sure[1] == pytest.approx([0.3, 0.6], abs=1e-6)
    assert pieces.sure[2] == pytest.approx([0, 0.2], abs=1e-6)
    assert np.isinf(pieces.doubt[3]).all()
    assert pieces.top[3] == 1
