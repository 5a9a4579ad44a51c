"""The state of the line and the word it makes; no clock, no socket."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.lately import Behind, ShadowSeen
from dashboard.line import MAX_ALARMS, MAX_DEFECTS, MAX_RECENT, MAX_REJECTS, Line, Said
from dashboard.standing import health, standing
from edge.messages import CODES, Alarm, AnyMessage, Audit, Defect, Ejection, Heartbeat, Timings, Verdict
from edge.room import Room

S = 1_000_000_000
GB = 10**9
T0 = 1_000 * S


class Told:
    """A line and a clock that the test moves."""

    def __init__(self) -> None:
        self.line = Line("S1", T0)
        self.now = T0
        self.epoch = {"station": 1, "rejector": 1, "recorder": 1}

    def say(self, kind: type[AnyMessage], sender: Any = "station", **fields: Any) -> None:
        fields = {"station": "S1", "sender": sender, "epoch": self.epoch.get(sender, 1), **fields}
        self.line.apply(kind(**fields), self.now)

    def beat(self, *senders: str, state: Any = "ready", counts: dict[str, int] | None = None) -> None:
        for sender in senders or ("station", "rejector", "recorder"):
            self.say(Heartbeat, sender, state=state, period_s=0.5, counts=counts or {})

    def part(self, word: Any = "OK", part_id: str = "p", defects: int = 0, **fields: Any) -> None:
        found = [Defect("short", 0.9, (0, 0, 9, 9), "NG")] * defects
        fields = {"trigger_wall_ns": 1} | fields
        self.say(
            Verdict, run_id="r", part_id=part_id, trigger_id=1, trigger_ns=1, verdict=word, code=CODES[word], reasons=[],
            defects=found, timings=Timings(total_us=9000), recipe="r", recipe_hash="h", model_hash="m", **fields,
        )  # fmt: skip

    def alarm(self, code: str, sender: str = "rejector", active: bool = True, severity: Any = "fault") -> None:
        self.say(Alarm, sender, code=code, severity=severity, active=active, text="t", remedy="r")

    def word(self) -> tuple[str, str]:
        word, reason = standing(self.line, self.now)
        return word, reason.code


@pytest.fixture
def told() -> Told:
    return Told()


def test_it_waits_for_the_line_and_then_says_that_it_is_dead(told: Told) -> None:
    assert told.word() == ("WAITING", "connecting")
    told.now += 4 * S
    assert told.word() == ("STOPPED", "station-lost")


@pytest.mark.parametrize("word", ["OK", "NG", "UNDECIDED"])
def test_a_verdict_is_shown_while_all_run(told: Told, word: str) -> None:
    told.beat()
    told.part(word)
    assert told.word() == (word, "")


@pytest.mark.parametrize(
    ("station", "rejector", "expected"),
    [
        ("ready", "ready", ("OK", "")),
        ("starting", "ready", ("WAITING", "starting")),
        ("fault", "ready", ("STOPPED", "station-fault")),
        ("stopped", "ready", ("STOPPED", "station-fault")),
        ("ready", "starting", ("WAITING", "starting")),
        ("ready", "fault", ("STOPPED", "rejector-fault")),
        ("ready", "stopped", ("STOPPED", "rejector-fault")),
        ("fault", "fault", ("STOPPED", "station-fault")),
    ],
)
def test_a_verdict_is_never_shown_unless_station_and_rejector_are_ready(
    told: Told, station: str, rejector: str, expected: tuple[str, str]
) -> None:
    told.beat("station", state=station)
    told.beat("rejector", state=rejector)
    told.part("OK")
    assert told.word() == expected


@pytest.mark.parametrize(("silent", "reason"), [("station", "station-lost"), ("rejector", "rejector-lost")])
def test_silence_of_three_periods_stops(told: Told, silent: str, reason: str) -> None:
    told.beat()
    told.part("OK")
    others = [s for s in ("station", "rejector", "recorder") if s != silent]
    told.now += int(1.49 * S)
    told.beat(*others)
    assert told.word() == ("OK", "")
    told.now += int(0.02 * S)
    assert told.word() == ("STOPPED", reason)


def test_the_recorder_stops_nothing_but_shows(told: Told) -> None:
    told.beat("station", "rejector")
    told.part("OK")
    assert told.word() == ("OK", "")
    assert {h.name: h.state for h in health(told.line, told.now, told.now)}["recorder"] == "unknown"


def test_the_senders_own_fault_is_the_reason_not_its_echo(told: Told) -> None:
    told.beat("station", state="fault")
    told.beat("rejector", state="fault")
    told.alarm("passed-without-ok")
    told.alarm("station-lost")
    told.alarm("camera-gone", "station")
    assert told.word() == ("STOPPED", "camera-gone")
    told.alarm("camera-gone", "station", active=False)
    told.beat()
    told.part("OK")
    assert told.word() == ("OK", "")


def test_a_standing_belt_stops_and_a_missed_ejection_does_not(told: Told) -> None:
    told.beat()
    told.part("NG")
    told.alarm("ejection-missed")
    assert told.word() == ("NG", "")
    told.alarm("line-stopped", severity="warning")
    assert told.word() == ("STOPPED", "line-stopped")


def test_an_old_verdict_says_nothing_about_now(told: Told) -> None:
    told.beat()
    for _ in range(8):
        told.part("OK")
        told.now += S // 2
    told.now += 4 * S
    told.beat()
    assert told.word() == ("OK", "")
    told.now += 2 * S
    told.beat()
    assert told.word() == ("WAITING", "no-parts")


def test_totals_come_from_the_sender_and_go_on_with_each_part(told: Told) -> None:
    told.beat("station", counts={"OK": 90, "NG": 9, "UNDECIDED": 1, "other": 5})
    told.part("NG")
    told.part("OK")
    assert told.line.verdicts == {"OK": 91, "NG": 10, "UNDECIDED": 1}
    told.beat("station", counts={"OK": 91, "NG": 10, "UNDECIDED": 1})
    assert told.line.verdicts == {"OK": 91, "NG": 10, "UNDECIDED": 1}


def test_a_restarted_sender_begins_anew(told: Told) -> None:
    told.beat("station", counts={"OK": 90, "NG": 9, "UNDECIDED": 1})
    told.alarm("camera-gone", "station")
    told.alarm("plc-gone", "rejector")
    told.epoch["station"] = 2
    told.part("OK")
    assert told.line.verdicts == {"OK": 1, "NG": 0, "UNDECIDED": 0}
    assert list(told.line.alarms) == [("rejector", "plc-gone")]


def test_an_alarm_that_nobody_repeats_ends(told: Told) -> None:
    told.alarm("plc-gone")
    told.now += 6 * S
    told.line.lapse(told.now)
    assert told.line.alarms
    told.now += 2 * S
    told.line.lapse(told.now)
    assert not told.line.alarms


def test_the_outcome_reaches_the_part_and_its_tile(told: Told) -> None:
    told.beat()
    told.part("NG", "a")
    told.part("OK", "b")
    told.say(Ejection, "rejector", trigger_id=1, part_id="a", run_id="r", outcome="missed", reason="", offset_us=0)
    assert [p.outcome for p in told.line.rejects] == ["missed"]
    assert told.line.last is not None
    assert not told.line.last.outcome
    assert told.line.outcomes["missed"] == 1


def test_memory_is_bounded(told: Told) -> None:
    for n in range(3 * MAX_RECENT):
        told.part("NG", f"p{n}", defects=300)
        told.alarm(f"code-{n}")
    line = told.line
    assert len(line.rejects) == MAX_REJECTS
    assert len(line.recent) == MAX_RECENT
    assert len(line.alarms) == MAX_ALARMS
    assert line.last is not None
    assert (len(line.last.defects), line.last.more_defects) == (MAX_DEFECTS, 300 - MAX_DEFECTS)
    assert line.rejects[0].part_id == f"p{3 * MAX_RECENT - 1}"


def test_what_was_missed_and_comes_late_changes_only_the_past(told: Told) -> None:
    told.beat("station", state="ready", counts={"OK": 1, "NG": 1})
    told.alarm("plc-gone")
    told.say(Alarm, "rejector", seq=9, code="plc-gone", severity="fault", active=False, text="", remedy="")
    told.say(Heartbeat, "station", seq=9, state="ready", period_s=0.5)
    told.part("OK", "new", seq=7)
    told.part("NG", "missed", seq=6)
    told.say(Heartbeat, "station", seq=8, state="fault", period_s=0.5)
    told.say(Alarm, "rejector", seq=8, code="plc-gone", severity="fault", active=True, text="", remedy="")
    told.say(Ejection, "rejector", seq=5, part_id="new", run_id="r", trigger_id=2, outcome="passed", reason="", offset_us=0)
    told.say(Ejection, "rejector", seq=4, part_id="missed", run_id="r", trigger_id=1, outcome="ejected", reason="NG", offset_us=0)
    line = told.line
    assert line.last is not None
    assert (line.last.part_id, line.last.outcome) == ("new", "passed")
    assert [(p.part_id, p.outcome) for p in line.rejects] == [("missed", "ejected")]
    assert line.verdicts == {"OK": 2, "NG": 1, "UNDECIDED": 0}  # a heartbeat had counted the one that was missed
    assert line.beats["station"].state == "ready"
    assert not line.alarms


def test_another_station_is_not_shown(told: Told) -> None:
    told.part("NG", station="S2")
    assert told.line.last is None
    assert told.line.foreign == 1


def test_parts_per_minute(told: Told) -> None:
    for _ in range(241):
        told.part("OK")
        told.now += S // 2
    assert told.line.per_minute(told.now) == pytest.approx(120, abs=2)
    told.now += 61 * S
    assert told.line.per_minute(told.now) == 0


def test_simulated_sticks_to_whoever_says_it(told: Told) -> None:
    told.beat()
    assert not told.line.simulated
    told.say(Heartbeat, "rejector", state="ready", period_s=0.5, simulated=True)
    assert told.line.simulated


def test_gaps_show_for_a_minute(told: Told) -> None:
    told.beat()
    told.line.missed(3, 0, told.now)
    assert {h.name: (h.state, h.value) for h in health(told.line, told.now, told.now)}["bus"] == ("warning", 3)
    told.now += 61 * S
    told.beat()
    assert {h.name: h.state for h in health(told.line, told.now, told.now)}["bus"] == "ok"


@pytest.mark.parametrize(
    ("code", "sender", "name"),
    [
        ("camera-gone", "station", "camera"),
        ("camera-blind", "station", "camera"),
        ("plc-gone", "rejector", "plc"),
        ("ejection-missed", "rejector", "ejector"),
        ("passed-without-ok", "rejector", "ejector"),
    ],
)
def test_an_alarm_shows_at_its_device(told: Told, code: str, sender: str, name: str) -> None:
    told.beat()
    told.line.behind = Behind(Room(free=10, total=20, left=5, per_hour=0, bounded=True))
    assert all(h.state == "ok" for h in health(told.line, told.now, told.now))
    told.alarm(code, sender)
    assert [h.name for h in health(told.line, told.now, told.now) if h.state == "bad"] == [name]


@pytest.mark.parametrize(
    ("room", "code", "state", "note"),
    [
        (None, "", "unknown", "no-word"),
        (Room(50 * GB, 100 * GB, 40 * GB, 0, True), "", "ok", "free"),
        (Room(50 * GB, 100 * GB, 40 * GB, 1, True), "", "ok", "free"),  # years
        (Room(50 * GB, 100 * GB, 40 * GB, GB // 2, True), "", "ok", "days"),
        (Room(50 * GB, 100 * GB, 10 * GB, GB, True), "", "ok", "hours"),  # then the oldest go: nobody has to do anything
        (Room(50 * GB, 100 * GB, 10 * GB, GB, False), "", "warning", "hours"),
        (Room(10 * GB, 100 * GB, 0, GB, True), "", "ok", "oldest-go"),
        (Room(0, 100 * GB, 0, GB, False), "", "bad", "full"),
        (Room(50 * GB, 100 * GB, 40 * GB, 0, True), "record-not-kept", "bad", "not-kept"),
        (Room(50 * GB, 100 * GB, 40 * GB, 0, True), "nothing-to-delete", "bad", "full"),
    ],
)
def test_the_disk(told: Told, room: Room | None, code: str, state: str, note: str) -> None:
    told.beat()
    told.line.behind = Behind(room)
    if code:
        told.alarm(code, "recorder")
    disk = next(h for h in health(told.line, told.now, told.now) if h.name == "disk")
    assert (disk.state, disk.note) == (state, note)


def test_a_shadow_that_writes_nothing_while_parts_come_is_silent(told: Told) -> None:
    def shadow(wall_ns: int, model: str = "new") -> tuple[str, str]:
        told.line.behind = Behind(shadow=ShadowSeen(model, wall_ns))
        found = health(told.line, told.now, told.now)[-1]
        assert found.name == "shadow"
        return found.state, found.note

    assert health(told.line, told.now, told.now)[-1].name == "bus", "there is to be none"
    told.beat()
    for minutes in (3, 2, 1, 0):
        told.part(trigger_wall_ns=told.now - minutes * 60 * S)
    assert shadow(told.now) == ("ok", "ok")
    assert shadow(told.now - 170 * S) == ("ok", "ok")
    assert shadow(told.now - 190 * S) == ("warning", "silent")
    assert shadow(0, "") == ("ok", "no-model")
    told.now += 70 * S  # no part comes, so there is nothing to judge
    assert shadow(told.now - 600 * S) == ("ok", "ok")


def test_a_silent_recorder_is_an_alarm_of_ours(told: Told) -> None:
    told.now += 5 * S
    told.beat("station", "rejector")
    told.line.lapse(told.now)
    assert ("recorder", "recorder-lost") in told.line.alarms
    told.beat()
    told.line.lapse(told.now)
    assert ("recorder", "recorder-lost") not in told.line.alarms


def test_the_last_acknowledgement_counts(told: Told) -> None:
    for number, (who, accepted, op) in enumerate((("A", True, "acknowledge"), ("B", False, "acknowledge"), ("C", True, "stop")), 1):
        told.say(Audit, "rejector", seq=number, wall_ns=number, op=op, who=who, key="none", accepted=accepted, text="why")
    assert told.line.acknowledged == Said("A", 1, "why")
