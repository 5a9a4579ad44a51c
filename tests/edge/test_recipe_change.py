"""Another recipe while the line is there: the station's heart goes on beating, and what comes by meanwhile is not judged by the old one."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest

from edge.appliance import DEMO_RECIPE
from edge.config import Camera, Line, Model, Record, Station
from edge.errors import SettingsError
from edge.messages import Alarm, AnyMessage, Heartbeat, Run, Verdict
from edge.recipe_change import RecipeChange
from edge.rig import own_ports, rig
from hardware.wire import Edge, WireOut

SLOW_RUNS = 400  # of warming up: some seconds


def test_a_recipe_that_takes_long_to_load_does_not_stop_the_heart(tmp_path: Path) -> None:
    camera = Camera(backend="simulator", settings={"carousel": 8, "ng_share": 0.0})
    config = own_ports(
        Station(
            name="test",
            recipe=str(DEMO_RECIPE),
            recipes={"1": str(DEMO_RECIPE), "2": str(DEMO_RECIPE)},
            camera=camera,
            model=Model(warm_up_runs=SLOW_RUNS),
            line=Line(rate_hz=5),
            record=Record(folder=str(tmp_path / "data"), ring_mb=40),
        )
    )
    wire = WireOut(config.line.wire)
    heard: list[AnyMessage] = []
    with rig(config, tmp_path, ["station", "rejector"]) as appliance:
        appliance.line.request_recipe(2)
        began, told = time.monotonic(), 0
        while time.monotonic() - began < 40:
            message = appliance.next(0.05)
            if message is None:
                continue
            heard.append(message)
            if isinstance(message, Heartbeat) and message.sender == "station" and message.state == "starting":
                told += 1
                assert message.detail == "loading recipe 2"
                wire.send(Edge(told, time.monotonic_ns(), 0, 0))
            if isinstance(message, Run) and message.recipe_number == 2:
                break
    wire.close()
    beats = [m for m in heard if isinstance(m, Heartbeat) and m.sender == "station"]
    assert told >= 2, "it was loaded so quickly that this shows nothing"
    assert max(b.mono_ns - a.mono_ns for a, b in pairwise(beats)) < 1.4e9
    assert isinstance(heard[-1], Run)
    assert not [m for m in heard if isinstance(m, Alarm) and m.code == "heartbeat-lost"]
    verdicts = [m for m in heard if isinstance(m, Verdict)]
    assert verdicts
    assert {v.verdict for v in verdicts} == {"UNDECIDED"}
    assert all("still being loaded" in v.reasons[0] for v in verdicts)


def test_the_heart_beats_while_the_first_recipe_is_loaded() -> None:
    beats = 0

    def beat() -> None:
        nonlocal beats
        beats += 1

    change = RecipeChange(Station(recipe=str(DEMO_RECIPE), recipes={"7": str(DEMO_RECIPE)}, model=Model(warm_up_runs=50)))
    judge = change.first(beat)
    assert judge.recipe.product
    assert beats >= 2
    assert change.number == 7


def test_a_first_recipe_that_cannot_be_loaded_is_said() -> None:
    with pytest.raises(SettingsError, match="nowhere"):
        RecipeChange(Station(recipe="nowhere.toml")).first(lambda: None)


def test_what_cannot_be_loaded_leaves_the_fault_until_another_one_is_there() -> None:
    change = RecipeChange(Station(recipe=str(DEMO_RECIPE), recipes={"1": str(DEMO_RECIPE), "2": "nowhere.toml"}))
    assert not change.ask(1)
    for number, word in ((2, "nowhere"), (9, "add 9 = FILE")):
        assert change.ask(number)
        assert change.loading == number
        while change.loading is not None:
            assert change.take() is None
        assert word in change.fault
    assert change.ask(1)  # the recipe that judged before, and does not until it is there again
    while (judge := change.take()) is None:
        assert change.loading == 1
    assert judge.recipe.product
    assert (change.number, change.fault) == (1, "")
    assert change.changed_ns > 0
