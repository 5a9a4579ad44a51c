"""When the rejector lets the belt run, stops it and starts it again: stations that fall silent or blind, restarts, a line that is gone."""

from __future__ import annotations

import threading
import time

import pytest

from edge.config import Plc, Station
from edge.messages import Run
from edge.rejector import run_rejector
from edge.rig import own_ports
from hardware.errors import DeviceSettings
from hardware.plcs.simulator import SimulatorPlc
from hardware.wire import Edge
from tests.edge.floor import FakeStation, all_ok, blind, floor


def test_the_ejector_stands_where_the_first_part_needs_it() -> None:
    """The line believes 100 ms at its start; the recipe says 1500. No part may be fed before the line knows."""

    def plan(station: FakeStation, edge: Edge) -> None:
        station.announce(edge)
        threading.Timer(0.3, station.judge, (edge, "OK")).start()

    with floor(plan, parts=3, rate_hz=5.0) as f:
        f.station.delay_ms = 1500.0  # patient: the machine may be busy
        f.until(lambda: len(f.ejections) == 3)
        assert set(f.outcomes().values()) == {"passed"}


def test_nothing_is_fed_before_the_ejector_is_known() -> None:
    """A rejector that starts in the middle of a run hears heartbeats before it hears the recipe's delay."""
    with floor(all_ok) as f:
        f.until(lambda: len(f.ejections) >= 1)
        f.station.says_run = False
        f.station.desk._states.pop(Run)  # else the station tells it to a rejector that comes late
        f.stop_rejector()
        f.ejections.clear()
        f.start_rejector()
        f.until(lambda: f.beat is not None and f.beat.epoch != 0 and f.beat.run_id == "")
        f.listen(1.2)
        before = len(f.station.edges)
        f.listen(0.7)
        assert len(f.station.edges) == before
        f.station.says_run = True
        f.until(lambda: "passed" in f.outcomes().values())


def test_a_station_that_sees_nothing_stops_the_line_until_it_is_back() -> None:
    with floor(all_ok, no_verdicts_stop=4) as f:
        f.until(lambda: len(f.ejections) >= 3)
        f.station.plan = blind
        f.until(lambda: "no-verdicts" in f.alarms)
        stopped = f.alarms["no-verdicts"]
        assert stopped.severity == "fault"
        assert "4 parts in a row had no verdict" in stopped.text
        assert stopped.remedy
        f.until(lambda: f.beat is not None and f.beat.state == "fault")
        f.until(lambda: f.beat is not None and "no verdict" in f.beat.detail)
        f.listen(0.3)
        assert f.listen(1.5) == [], "the station is alive but blind: the line must stand, not stutter"
        assert all(e.outcome == "ejected" for e in f.ejections[-4:])
        f.station.plan = all_ok
        f.station.run_id = "run-2"  # it has been started anew: that alone is no leave to run
        assert f.listen(1.0) == []
        assert f.acknowledge().accepted
        f.until(lambda: any(e.part_id.startswith("run-2") and e.outcome == "passed" for e in f.ejections))
        f.until(lambda: f.alarms == {})
        f.listen(0.5)
        assert "no-verdicts" not in f.alarms


def test_a_silent_station_stops_the_belt_until_a_person_acknowledges() -> None:
    with floor(all_ok) as f:
        f.until(lambda: len(f.ejections) >= 3)
        f.station.silent, began = True, time.monotonic()
        f.until(lambda: "station-lost" in f.alarms and "heartbeat-lost" in f.alarms)
        assert time.monotonic() - began < 2.0  # three heartbeats of 0.2 s and a moment
        f.listen(0.2)
        assert f.listen(0.8) == []
        f.until(lambda: f.beat is not None and f.beat.state == "fault")
        refused = f.acknowledge()
        assert not refused.accepted
        assert "still silent" in refused.text
        f.station.silent = False
        assert f.listen(1.0) == []
        before = len(f.ejections)
        f.until(lambda: f.acknowledge().accepted)
        f.until(lambda: len(f.ejections) > before + 3)
        f.until(lambda: f.alarms == {})


@pytest.mark.parametrize("state", ["fault", "starting", "stopped"])
def test_a_station_that_is_not_ready_stops_the_belt_at_once(state: str) -> None:
    with floor(all_ok) as f:
        f.until(lambda: len(f.ejections) >= 2)
        f.station.state, began = state, time.monotonic()
        f.until(lambda: "line-stopped" in f.alarms)
        assert time.monotonic() - began < 1.2


def test_a_rejector_that_starts_anew_misses_nothing() -> None:
    with floor(all_ok) as f:
        f.until(lambda: len(f.ejections) >= 5)
        f.stop_rejector()
        f.start_rejector()
        f.until(lambda: len(f.ejections) >= 25)
        numbers = [e.trigger_id for e in f.ejections]
        assert sorted(numbers) == list(range(1, max(numbers) + 1))
        assert len(set(numbers)) == len(numbers)
        assert f.outcomes()[max(numbers)] == "passed"


def test_a_stop_outlives_the_rejector() -> None:
    """The line was stopped for missing verdicts; starting everything anew is no acknowledgement."""
    with floor(blind, no_verdicts_stop=3) as f:
        f.until(lambda: "no-verdicts" in f.alarms)
        f.stop_rejector()
        f.station.plan = all_ok
        f.start_rejector()
        assert all(e.outcome == "ejected" for e in f.listen(2.0))
        f.until(lambda: f.acknowledge().accepted)
        f.until(lambda: "passed" in f.outcomes().values())


def test_a_stopping_rejector_stops_the_belt() -> None:
    with floor(all_ok) as f:
        f.until(lambda: len(f.ejections) >= 3)
        f.stop_rejector()
        time.sleep(0.3)
        before = len(f.station.edges)
        time.sleep(0.6)
        assert len(f.station.edges) == before


def test_a_line_that_is_gone_is_an_alarm_while_the_heart_beats_on() -> None:
    with floor(all_ok) as f:
        f.until(lambda: len(f.ejections) >= 3)
        f.line.stop()
        f.until(lambda: "plc-gone" in f.alarms)
        assert "gutteil line" in f.alarms["plc-gone"].text or "silent" in f.alarms["plc-gone"].text
        for _ in range(4):
            f.beat = None
            f.until(lambda: f.beat is not None, 1.5)
        assert f.beat is not None
        assert f.beat.state == "fault"
        f.line.start()
        f.station.run_id = "run-2"  # with the line the parts are counted anew
        before = len(f.ejections)
        f.until(lambda: any(e.outcome == "passed" for e in f.ejections[before:]))
        f.until(lambda: f.alarms == {})


def test_impossible_plc_settings_are_named() -> None:
    config = own_ports(Station(plc=Plc(settings={"colour": 1})))
    with pytest.raises(DeviceSettings, match="colour"):
        run_rejector(config, threading.Event())


def test_a_station_that_judges_by_another_recipe_than_the_plc_asked_for_lets_nothing_run() -> None:
    """It has started anew with the settings' own recipe, or the word was lost: it is asked again, and the line stands meanwhile."""
    with floor(all_ok) as f:
        f.until(lambda: len(f.ejections) >= 3)
        machine = SimulatorPlc(f.config.line.control)
        machine.open(own=False)
        machine.request_recipe(2)
        f.until(lambda: f.station.desk.recipe_wanted == 2)
        f.listen(1.0)
        assert f.listen(1.0) == []
        f.station.desk.recipe_wanted = None  # it did not hear
        f.until(lambda: f.station.desk.recipe_wanted == 2)
        f.station.recipe_number = 2
        before = len(f.ejections)
        f.until(lambda: len(f.ejections) > before + 3)
        machine.close()
