"""Every rule of the control chart, on sequences made by hand: one that just breaks it, and one that just does not."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.spc import NELSON, RULES, WESTERN_ELECTRIC, Signal, p_chart, signals, spread_of

UP_DOWN = [0.5, -0.5] * 7


@pytest.mark.parametrize(
    ("rule", "z", "points", "above"),
    [
        ("nelson-1", [0.1, 3.1, -0.1], (1,), True),
        ("nelson-1", [0.1, -3.1, 0.1], (1,), False),
        ("nelson-2", [-0.1, *[0.2, 0.3, 0.1] * 3], tuple(range(1, 10)), True),
        ("nelson-2", [0.1, *[-0.2, -0.3, -0.1] * 4], tuple(range(1, 13)), False),
        ("nelson-3", [0.5, -0.5, -0.4, -0.1, 0.2, 0.3, 0.9], tuple(range(1, 7)), True),
        ("nelson-3", [0.9, 0.5, 0.2, -0.1, -0.2, -0.9], tuple(range(6)), False),
        ("nelson-4", UP_DOWN, tuple(range(14)), None),
        ("nelson-5", [0.1, 2.1, -0.5, 2.2], (1, 3), True),
        ("nelson-5", [0.1, -2.1, -2.2], (1, 2), False),
        ("nelson-6", [1.1, 1.2, -0.3, 1.3, 1.1], (0, 1, 3, 4), True),
        ("nelson-7", [0.9, -0.9, 0.2] * 5, tuple(range(15)), None),
        ("nelson-8", [1.1, -1.2, 1.3, 1.1, -1.4, -1.2, 1.1, 1.6], tuple(range(8)), None),
        ("western-electric-1", [0.1, 3.1], (1,), True),
        ("western-electric-2", [2.1, 0.5, 2.2], (0, 2), True),
        ("western-electric-3", [-1.1, -1.2, 0.3, -1.3, -1.1], (0, 1, 3, 4), False),
        ("western-electric-4", [-0.1, *[0.2, 0.3] * 4], tuple(range(1, 9)), True),
    ],
)
def test_what_breaks_a_rule_is_named_with_its_points(rule: str, z: list[float], points: tuple[int, ...], above: bool | None) -> None:
    found = [s for s in signals(z, "nelson" if rule in NELSON else "western-electric") if s.rule == rule]
    assert found == [Signal(rule, points, above)]


@pytest.mark.parametrize(
    ("rule", "z"),
    [
        ("nelson-1", [3.0, -3.0]),
        ("nelson-2", [0.2] * 8 + [-0.1] + [0.2] * 8),
        ("nelson-2", [0.2] * 8 + [0.0]),  # on the centre is on no side
        ("nelson-3", [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("nelson-3", [0.1, 0.2, 0.3, 0.3, 0.4, 0.5, 0.6]),  # two alike do not rise
        ("nelson-4", UP_DOWN[:13]),
        ("nelson-5", [2.1, -2.1, 0.1, 2.1]),
        ("nelson-5", [2.1, 2.1 - 1, 1.9, 2.1]),
        ("nelson-6", [1.1, 1.1, 1.1, 0.9, 0.8, 1.1]),
        ("nelson-7", [0.5] * 14 + [1.5]),
        ("nelson-8", [1.1, -1.1] * 3 + [1.1]),
        ("nelson-8", [1.1] * 8),  # one side alone is rule 6's business
        ("western-electric-4", [0.1] * 7),
    ],
)
def test_what_just_does_not_break_it(rule: str, z: list[float]) -> None:
    assert rule not in {s.rule for s in signals(z, "nelson" if rule in NELSON else "western-electric")}


def test_slots_without_parts_are_passed_over() -> None:
    with_holes: list[float | None] = []
    for value in [0.2] * 9:
        with_holes += [value, None]
    assert [s.points for s in signals(with_holes) if s.rule == "nelson-2"] == [tuple(range(0, 18, 2))]


@given(st.lists(st.none() | st.floats(-4, 4), max_size=60), st.sampled_from(list(RULES)))
def test_the_other_way_up_breaks_the_same_rules(z: list[float | None], rules: str) -> None:
    def turned(s: Signal) -> Signal:
        return Signal(s.rule, s.points, None if s.above is None else not s.above)

    upside_down = signals([None if v is None else -v for v in z], rules)  # type: ignore[arg-type]
    assert sorted(map(repr, map(turned, signals(z, rules)))) == sorted(map(repr, upside_down))  # type: ignore[arg-type]


def test_limits_follow_the_number_of_parts() -> None:
    """Montgomery's way: p = 0.1 over all; with n = 100 sigma is 0.03, with n = 400 half of it."""
    chart = p_chart([(10, 100), (40, 400), (0, 0)])
    assert chart.centre == 0.1
    first, second, none = chart.points
    assert [first.low, first.high] == pytest.approx([0.01, 0.19])
    assert [second.low, second.high] == pytest.approx([0.055, 0.145])
    assert (none.share, none.low, none.z) == (None, None, None)
    shown = p_chart([(25, 100)], base=[(10, 100), (40, 400)])
    assert shown.points[0].z == pytest.approx(5)
    assert [s.rule for s in shown.signals] == ["nelson-1"]
    low = p_chart([(1, 50), (2, 50)]).points[0].low
    assert low == 0  # no share is less than nothing


def test_without_defects_or_parts_there_is_no_alarm() -> None:
    assert p_chart([]).centre is None
    assert p_chart([(0, 0), (0, 0)]).signals == []
    clean = p_chart([(0, 100)] * 8)
    assert (clean.centre, clean.signals[:1]) == (0, [])
    assert p_chart([(1, 100)], base=[(0, 100)]).points[0].z == math.inf


def test_laney_widens_the_limits_where_points_wander_more_than_chance() -> None:
    rng = random.Random(1)
    rates = [0.02 + 0.006 * (n % 2) for n in range(40)]
    points = [(sum(rng.random() < p for _ in range(20_000)), 20_000) for p in rates]
    narrow, wide = p_chart(points), p_chart(points, laney=True)
    assert wide.spread > 3
    assert any(s.rule == "nelson-1" for s in narrow.signals)
    assert not any(s.rule == "nelson-1" for s in wide.signals)
    still = [(sum(rng.random() < 0.02 for _ in range(5_000)), 5_000) for _ in range(60)]
    assert 1 <= spread_of(still, 0.02) < 1.4


def test_each_rule_has_a_name_and_words() -> None:
    assert len(NELSON) == 8
    assert len(WESTERN_ELECTRIC) == 4
    assert all(words for rules in RULES.values() for words, _ in rules.values())
