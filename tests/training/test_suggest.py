"""What is suggested for labelling: the doubtful and the new before the known, and no two alike while others are left."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.messages import VerdictWord
from edge.store import DefectRow, Inspection
from training.descriptor import SIZE, describe, distances
from training.suggest import choose, expectation, reason, unlikeness

T = {"": 0.5, "dent": 0.8}


def part(name: str, verdict: VerdictWord = "OK", *scores: float, kind: str = "scratch") -> Inspection:
    empty = dict.fromkeys(Inspection.__struct_fields__)
    defects = [DefectRow(kind, s, 1, 1, 9, 9, verdict) for s in scores]
    return Inspection(**empty | {"part_id": name, "verdict": verdict, "defects": defects, "reasons": []})  # type: ignore[arg-type]


def vectors(*angles: float) -> NDArray[np.float32]:
    """Unit vectors in a plane: their distance grows with the angle between them (degrees)."""
    a = np.radians(np.array(angles))
    return np.stack((np.cos(a), np.sin(a)), 1).astype(np.float32)


def test_images_describe_themselves() -> None:
    rng = np.random.default_rng(1)
    image = np.zeros((200, 300), np.uint8) + 60
    image[50:120, 40:200] = 180
    line = image.copy()
    line[20:180, 240:244] = 255
    one, brighter, noisy, other = (
        describe(i)
        for i in (
            image,
            (image // 2 + 90).astype(np.uint8),
            np.clip(image.astype(int) + rng.integers(-4, 5, image.shape), 0, 255).astype(np.uint8),
            line,
        )
    )
    assert one.shape == (SIZE,)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    apart = distances(one[None], np.stack((brighter, noisy, other)))[0]
    assert apart[0] < 0.05
    assert apart[1] < apart[2]
    assert np.isfinite(describe(np.zeros((3, 5), np.uint8))).all()


def test_unlike_is_what_lies_farther_out_than_the_training_set_from_itself() -> None:
    known = vectors(0, 1, 2, 3, 4)
    assert unlikeness(vectors(2.2, 90), known).tolist() == [0.0, 1.0]
    assert unlikeness(vectors(5), vectors(0)).tolist() == [1.0]


@pytest.mark.parametrize(
    ("candidate", "unlike", "disagreeing", "why"),
    [
        (part("a", "OK"), 0.0, True, "disagreeing"),
        (part("a", "UNDECIDED", 0.45), 1.0, False, "undecided"),
        (part("a", "OK"), 1.0, False, "unlike"),
        (part("a", "OK", 0.4), 0.0, False, "near"),
        (part("a", "NG", 0.99), 0.0, False, "other"),
        (part("a", "OK", 0.5, kind="dent"), 0.0, False, "other"),
        (part("a", "OK", 0.7, kind="dent"), 0.0, False, "near"),
    ],
)
def test_every_part_has_its_reason(candidate: Inspection, unlike: float, disagreeing: bool, why: str) -> None:
    assert reason(candidate, unlike, T, disagreeing)[0] == why


def test_worthy_parts_come_first_and_copies_of_them_last() -> None:
    parts = [part("ok"), part("u1", "UNDECIDED"), part("u1-again", "UNDECIDED"), part("u2", "UNDECIDED"), part("d")]
    looks = vectors(0, 10, 10, 80, 40)
    chosen = choose(parts, looks, vectors(0, 1, 2), T, frozenset({"d"}), 9)
    assert chosen[0].part.part_id == "d"
    assert chosen[-1].part.part_id == "u1-again"  # it looks exactly like one that is chosen
    assert len(chosen) == 5


@given(st.lists(st.tuples(st.sampled_from(["OK", "NG", "UNDECIDED"]), st.floats(0, 90)), min_size=1, max_size=20), st.integers(1, 25))
def test_no_part_is_suggested_twice_and_as_many_as_asked_for(given_parts: list[tuple[VerdictWord, float]], count: int) -> None:
    parts = [part(f"p{i}", v, 0.5) for i, (v, _) in enumerate(given_parts)]
    chosen = choose(parts, vectors(*(a for _, a in given_parts)), vectors(0, 30), T, frozenset(), count)
    names = [s.part.part_id for s in chosen]
    assert len(names) == len(set(names)) == min(count, len(parts))
    assert all(0 <= s.worth <= 1 for s in chosen)


def test_what_labels_bring_is_counted_from_earlier_reviews() -> None:
    chosen = choose([part(f"u{i}", "UNDECIDED") for i in range(10)], vectors(*range(10)), vectors(0, 1), T, frozenset(), 10)
    nothing = expectation(chosen, [("x", "OK", False)] * 50, frozenset())
    assert (nothing.reviewed, nothing.bad) == (0, (0.0, 10.0))
    half = expectation(chosen, [("x", "UNDECIDED", i % 2 == 0) for i in range(400)], frozenset())
    assert half.reviewed == 400
    assert 4 < half.bad[0] < 5 < half.bad[1] < 6
    assert half.wrong == pytest.approx((4.5, 5.5), abs=0.1)  # rejected and good
