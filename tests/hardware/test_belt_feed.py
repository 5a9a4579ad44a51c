"""What the simulated line feeds: rate, spacing, losses, holds."""

from __future__ import annotations

import itertools
import statistics

import pytest

from tests.hardware.test_belt import MS, Run


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.3, 0.2, 0.4), (1.0, 1, 1)])
def test_the_share_of_missed_ejections(share: float, low: float, high: float) -> None:
    run = Run(rate_hz=200.0, parts=400, miss_share=share)
    while run.belt.fed < 400 or run.belt.on_belt:  # a miss stops the line
        run.wait(250)
        run.belt.acknowledge(run.now)
    missed = sum(e.kind == "missed" for e in run.events)
    assert low * 400 <= sum(not fell for _, fell in run.belt.ejector.went) <= high * 400
    assert missed >= low * 400
    assert missed + sum(e.kind == "ejected" for e in run.events) == 400


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.3, 0.2, 0.4), (1.0, 1, 1)])
def test_lost_edges_are_parts_that_the_line_knows_and_the_camera_does_not(share: float, low: float, high: float) -> None:
    run = Run(rate_hz=200.0, parts=400, lost_edge_share=share, confirm_s=0.003)
    run.wait(3000)
    assert low * 400 <= sum(not f.wired for f in run.fed) <= high * 400
    assert [f.trigger_id for f in run.fed] == list(range(1, 401))
    run.books()


@pytest.mark.parametrize("jitter", [0.0, 0.1, 0.5])
def test_spacing_keeps_the_rate_and_spreads_as_asked(jitter: float) -> None:
    run = Run(rate_hz=20.0, jitter=jitter, parts=300)
    run.wait(16_500)
    gaps = [(b.at_ns - a.at_ns) / MS for a, b in itertools.pairwise(run.fed)]
    assert len(gaps) == 299
    assert statistics.mean(gaps) == pytest.approx(50, rel=0.05)
    assert min(gaps) >= 50 * (1 - jitter) - 1.5
    assert max(gaps) <= 50 * (1 + jitter) + 1.5
    if jitter:
        assert max(gaps) - min(gaps) > 50 * jitter


@pytest.mark.parametrize("pause", ["hold", "stop"])
def test_after_a_pause_the_parts_come_one_by_one(pause: str) -> None:
    run = Run(rate_hz=10.0)
    run.until_fed(2)
    if pause == "hold":
        run.belt.hold = True
        run.wait(3000)
        run.belt.hold = False
    else:
        run.belt.stop("drill", run.now)
        run.wait(3000)
        run.belt.acknowledge(run.now)
    before = len(run.fed)
    run.wait(1000)
    times = [f.at_ns for f in run.fed[before:]]
    assert 9 <= len(times) <= 11
    assert min(b - a for a, b in itertools.pairwise(times)) > 90 * MS


def test_so_many_parts_and_no_more() -> None:
    run = Run(parts=4)
    run.wait(3000)
    assert run.belt.fed == 4
