"""The rejector between a real simulated line and a station made up of its messages: only a fresh OK for the very part lets it pass."""

from __future__ import annotations

import time

from hardware.wire import Edge
from tests.edge.floor import FakeStation, blind, floor


def test_every_word_and_its_end() -> None:
    words = ["OK", "NG", "UNDECIDED", ""]

    def plan(station: FakeStation, edge: Edge) -> None:
        station.announce(edge)
        if word := words[edge.trigger_id % 4]:
            station.judge(edge, word)

    with floor(plan, parts=16, rate_hz=8.0) as f:
        f.until(lambda: len(f.ejections) == 16)
        assert f.outcomes() == {n: "passed" if n % 4 == 0 else "ejected" for n in range(1, 17)}
        for e in f.ejections:
            assert e.part_id == f"run-1-{e.trigger_id}"
            assert e.run_id == "run-1"
            assert e.sender == "rejector"
            assert e.simulated
            assert e.reason == ["", "NG; scratch x1", "UNDECIDED; scratch x1", "no verdict"][e.trigger_id % 4]
        f.until(lambda: f.beat is not None and f.beat.counts["ejected"] + f.beat.counts["passed"] == 16)
        assert f.beat is not None
        want = {
            "triggers": 16,
            "verdicts": 12,
            "passed": 4,
            "ejected": 12,
            "missed": 0,
            "no_verdict": 4,
            "late": 0,
            "gaps": 0,
            "refused": 0,
            "recipe_wanted": 0,
        }
        # how often an order was said again depends on how busy the machine is
        assert {name: n for name, n in f.beat.counts.items() if name != "repeated"} == want
        assert f.beat.state == "ready"


def test_repeated_and_replayed_verdicts_let_nothing_pass() -> None:
    """Parts get NG; then bytes of earlier OK verdicts come again under their number, in this epoch and in one long gone."""

    def plan(station: FakeStation, edge: Edge) -> None:
        station.announce(edge)
        if edge.trigger_id <= 2:
            station.judge(edge, "OK")
        elif edge.trigger_id % 2:
            station.judge(edge, "NG")
            station.forge(1, edge, "OK")
            station.forge(2, edge, "OK")
        else:
            station.forge(1, edge, "OK")  # nothing but the replay
            station.forge(0, edge, "OK")

    with floor(plan, parts=10) as f:
        f.until(lambda: len(f.ejections) == 10)
        assert f.outcomes() == {n: "passed" if n <= 2 else "ejected" for n in range(1, 11)}
        f.until(lambda: f.beat is not None and f.beat.counts["refused"] + f.beat.counts["repeated"] >= 16)


def test_the_second_word_on_a_part_may_only_make_it_worse() -> None:
    orders = [("OK", "NG"), ("NG", "OK"), ("OK", "OK"), ("UNDECIDED", "OK"), ("OK", "UNDECIDED")]

    def plan(station: FakeStation, edge: Edge) -> None:
        station.announce(edge)
        for word in orders[edge.trigger_id % 5]:
            station.judge(edge, word)

    with floor(plan, parts=10) as f:
        f.until(lambda: len(f.ejections) == 10)
        assert f.outcomes() == {n: "passed" if n % 5 == 2 else "ejected" for n in range(1, 11)}


def test_a_verdict_for_another_part_under_the_number_lets_nothing_pass() -> None:
    def plan(station: FakeStation, edge: Edge) -> None:
        station.announce(edge)
        station.judge(edge, "OK", part="run-0-99")
        if edge.trigger_id % 2:
            station.judge(edge, "OK")

    with floor(plan, parts=6) as f:
        f.until(lambda: len(f.ejections) == 6)
        assert set(f.outcomes().values()) == {"ejected"}
        assert all("two parts" in e.reason for e in f.ejections if e.trigger_id % 2)


def test_a_late_ok_lets_nothing_pass() -> None:
    """However late it comes: the part has gone by the ejector, and its end stays what it was."""
    with floor(FakeStation.announce, parts=5) as f:
        f.until(lambda: len(f.ejections) == 5)
        for edge in f.station.edges:
            f.station.judge(edge, "OK")
        assert f.listen(0.7) == []
        assert {e.outcome for e in f.ejections} == {"ejected"}
        assert {e.reason for e in f.ejections} == {"no verdict"}
        f.until(lambda: f.beat is not None and f.beat.counts["ejected"] == 5)
        assert f.beat is not None
        assert f.beat.counts["passed"] == 0


def test_parts_that_a_camera_announces() -> None:
    with floor(blind, sensor="camera") as f:
        f.until(lambda: f.beat is not None and f.beat.state == "ready")
        f.listen(0.5)
        for number in range(1, 7):
            edge = Edge(number, time.monotonic_ns(), 0, 0)
            f.station.announce(edge)
            if number % 3:
                f.station.judge(edge, "OK" if number % 3 == 1 else "NG")
            time.sleep(0.06)  # parts do not lie on top of each other
        f.until(lambda: len(f.ejections) == 6)
        assert f.outcomes() == {n: "passed" if n % 3 == 1 else "ejected" for n in range(1, 7)}


def test_a_free_running_station_that_starts_anew_cannot_let_an_old_part_pass() -> None:
    """Its count begins at 1 again while the old part 1, which it never judged, is still on the belt."""
    with floor(blind, sensor="camera", rate_hz=1.0) as f:
        f.station.delay_ms = 800.0
        f.until(lambda: f.beat is not None and f.beat.state == "ready")
        f.listen(0.8)
        edge = Edge(1, time.monotonic_ns(), 0, 0)
        f.station.announce(edge, "old-1")
        time.sleep(0.1)
        f.station.run_id = "run-2"
        f.station.announce(edge, "run-2-1")
        f.station.judge(edge, "OK", "run-2-1")
        f.until(lambda: len(f.ejections) == 1)
        assert f.ejections[0].outcome == "ejected"


def test_an_ejection_that_nothing_confirms_stops_the_line_until_a_person_acknowledges() -> None:
    with floor(blind, parts=2, miss_share=1.0, rate_hz=4.0) as f:
        f.until(lambda: "ejection-missed" in f.alarms)
        assert f.alarms["ejection-missed"].severity == "fault"
        assert f.outcomes() == {1: "missed"}
        assert f.listen(1.0) == []
        f.until(lambda: f.acknowledge().accepted)
        f.until(lambda: len(f.ejections) == 2)
        assert set(f.outcomes().values()) == {"missed"}
