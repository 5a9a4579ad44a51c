"""What the one huge word says, and how each part of the appliance is. Pure: a `Line` and the time make it."""

from __future__ import annotations

from dashboard.lately import ShadowSeen
from dashboard.line import GAP_SHOWN_NS, START_NS, ActiveAlarm, Line
from dashboard.view import HealthState, HealthView, Reason, Word
from edge.messages import Sender

SHADOW_LATE_NS = 60_000_000_000
DISK_SOON_H, DISK_SAID_H = 24, 24 * 365
LATE_MIN_NS, LATE_UNKNOWN_NS = 2_000_000_000, 5_000_000_000
IDLE_MIN_NS, IDLE_UNKNOWN_NS = 5_000_000_000, 10_000_000_000


def late_ns(line: Line) -> int:
    """Age of the last part from which on a running line looks late."""
    return max(LATE_MIN_NS, 3 * line.interval_ns) if line.interval_ns else LATE_UNKNOWN_NS


def idle_ns(line: Line) -> int:
    """Age of the last part from which on its verdict says nothing about now."""
    return max(IDLE_MIN_NS, 6 * line.interval_ns) if line.interval_ns else IDLE_UNKNOWN_NS


def standing(line: Line, now_ns: int) -> tuple[Word, Reason]:
    """The word and the reason for it. A verdict is shown only while station and rejector both say that the line runs."""
    station, rejector = line.beats.get("station"), line.beats.get("rejector")
    fresh = now_ns - line.started_ns < START_NS
    if station is None or not line.alive("station", now_ns):
        return ("WAITING", Reason("connecting")) if station is None and fresh else ("STOPPED", Reason("station-lost"))
    if station.state == "starting":
        return "WAITING", Reason("starting", station.detail)
    if station.state != "ready":
        return "STOPPED", _because(line, "station", Reason("station-fault", station.detail))
    if rejector is None or not line.alive("rejector", now_ns):
        return ("WAITING", Reason("connecting")) if rejector is None and fresh else ("STOPPED", Reason("rejector-lost"))
    if rejector.state == "starting":
        return "WAITING", Reason("starting", rejector.detail)
    if rejector.state != "ready":
        return "STOPPED", _because(line, "rejector", Reason("rejector-fault", rejector.detail))
    stopped = line.alarms.get(("rejector", "line-stopped"))
    if stopped is not None:
        return "STOPPED", _reason(stopped)
    if line.last is None or now_ns - line.last.heard_ns > idle_ns(line):
        return "WAITING", Reason("no-parts")
    if line.last.verdict == "OK":
        return "OK", Reason("")
    return ("NG" if line.last.verdict == "NG" else "UNDECIDED"), Reason("")


def _because(line: Line, sender: Sender, otherwise: Reason) -> Reason:
    """The sender's own first fault, or what its heartbeat says. `station-lost` of the rejector only repeats a fault of the station."""
    faults = [a for (who, _), a in line.alarms.items() if who == sender and a.message.severity == "fault"]
    faults.sort(key=lambda a: (a.message.code == "station-lost", a.since_ns))
    return _reason(faults[0]) if faults else otherwise


def _reason(alarm: ActiveAlarm) -> Reason:
    return Reason(alarm.message.code, alarm.message.text, alarm.message.remedy)


def health(line: Line, now_ns: int, wall_ns: int) -> list[HealthView]:
    """Camera, model, PLC, ejector, recorder, disk and bus, in this order, and the shadow process where there is to be one."""
    shadow = line.behind.shadow
    return [
        _camera(line, now_ns),
        _model(line, now_ns),
        _plc(line, now_ns),
        _ejector(line, now_ns),
        _recorder(line, now_ns),
        _disk(line),
        _bus(line, now_ns),
        *([_shadow(line, shadow, now_ns, wall_ns)] if shadow is not None else []),
    ]


def _process(line: Line, sender: Sender, now_ns: int) -> tuple[HealthState, str]:
    """How a process is by its heartbeat alone."""
    beat = line.beats.get(sender)
    if beat is None:
        return "unknown", "never-heard"
    if not line.alive(sender, now_ns):
        return "bad", "silent"
    if beat.age_periods(now_ns) > 2:
        return "warning", "late"
    if beat.state == "starting":
        return "warning", "starting"
    return "ok", "ok"


def _alarmed(line: Line, *codes: str) -> ActiveAlarm | None:
    return next((a for (_, code), a in line.alarms.items() if code in codes), None)


def _camera(line: Line, now_ns: int) -> HealthView:
    state, note = _process(line, "station", now_ns)
    name = line.run.camera if line.run else ""
    if state in ("bad", "unknown"):
        return HealthView("camera", "unknown", "no-word", name)
    if _alarmed(line, "camera-gone", "camera-blind"):
        return HealthView("camera", "bad", "fault", name)
    return HealthView("camera", state, note, name)


def _model(line: Line, now_ns: int) -> HealthView:
    state, note = _process(line, "station", now_ns)
    if state == "ok" and line.total_us:
        return HealthView("model", "ok", "ms", line.run.model if line.run else "", round(line.total_us / 1000, 1))
    return HealthView(
        "model", "unknown" if state == "bad" else state, "no-word" if state == "bad" else note, line.run.model if line.run else ""
    )


def _plc(line: Line, now_ns: int) -> HealthView:
    state, note = _process(line, "rejector", now_ns)
    if state in ("bad", "unknown"):
        return HealthView("plc", "unknown", "no-word")
    return HealthView("plc", "bad", "fault") if _alarmed(line, "plc-gone") else HealthView("plc", state, note)


def _ejector(line: Line, now_ns: int) -> HealthView:
    state, note = _process(line, "rejector", now_ns)
    if state != "ok":
        return HealthView("ejector", state, note)
    if _alarmed(line, "ejection-missed"):
        return HealthView("ejector", "bad", "missed", value=line.outcomes["missed"])
    if _alarmed(line, "passed-without-ok"):
        return HealthView("ejector", "bad", "fault")
    return HealthView("ejector", "ok", "ok")


def _recorder(line: Line, now_ns: int) -> HealthView:
    state, note = _process(line, "recorder", now_ns)
    if state != "ok":
        return HealthView("recorder", state, note)
    if (
        any(sender == "recorder" and a.message.severity != "info" for (sender, _), a in line.alarms.items())
        or line.beats["recorder"].state != "ready"
    ):
        return HealthView("recorder", "bad", "fault")
    lost = line.beats["station"].counts.get("evidence_lost", 0) if "station" in line.beats else 0
    return HealthView("recorder", "warning", "pictures-lost", value=lost) if lost else HealthView("recorder", "ok", "ok")


def _disk(line: Line) -> HealthView:
    """Whether what must be kept is kept, then how long there is room."""
    room = line.behind.room
    detail = f"{room.free / 1e9:.1f} GB / {room.total / 1e9:.1f} GB" if room is not None else ""
    if _alarmed(line, "record-not-kept"):
        return HealthView("disk", "bad", "not-kept", detail)
    if _alarmed(line, "nothing-to-delete"):
        return HealthView("disk", "bad", "full", detail)
    if room is None:
        return HealthView("disk", "unknown", "no-word")
    if room.left == 0:
        return HealthView("disk", "ok", "oldest-go", detail) if room.bounded else HealthView("disk", "bad", "full", detail)
    hours = room.hours
    if hours is None or hours > DISK_SAID_H:
        return HealthView("disk", "ok", "free", detail, round(room.free / 1e9, 1))
    state: HealthState = "warning" if hours < DISK_SOON_H and not room.bounded else "ok"
    return HealthView("disk", state, "days", detail, hours // 24) if hours >= 48 else HealthView("disk", state, "hours", detail, hours // 1)


def _shadow(line: Line, shadow: ShadowSeen, now_ns: int, wall_ns: int) -> HealthView:
    """By what it has written into the record, as it says nothing on the bus. A line without parts gives it nothing to write."""
    if not shadow.model:
        return HealthView("shadow", "ok", "no-model")
    busy = line.last is not None and line.last.heard_ns and now_ns - line.last.heard_ns < SHADOW_LATE_NS
    judged_long = sum(m.parts for m in line.lately.hour(wall_ns)[-4:-1]) > 0  # so it has had its chance
    if busy and judged_long and wall_ns - shadow.wall_ns > 3 * SHADOW_LATE_NS:
        return HealthView("shadow", "warning", "silent", shadow.model)
    return HealthView("shadow", "ok", "ok", shadow.model)


def _bus(line: Line, now_ns: int) -> HealthView:
    if not line.beats:
        return HealthView("bus", "unknown", "never-heard")
    if line.gaps and now_ns - line.gap_ns < GAP_SHOWN_NS:
        return HealthView("bus", "warning", "gaps", value=line.gaps)
    return HealthView("bus", "ok", "ok")
