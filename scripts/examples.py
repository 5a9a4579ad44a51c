"""One example of every message, for the docs and their tests."""

from __future__ import annotations

from typing import Any

from edge.messages import (
    Alarm,
    Audit,
    Candidate,
    Candidates,
    Defect,
    Ejection,
    Ejector,
    Heartbeat,
    ImageRef,
    Message,
    Run,
    Timings,
    Trigger,
    Verdict,
)

_STAMP: dict[str, Any] = {
    "station": "S1",
    "epoch": 1_781_776_800_000_000_000,
    "seq": 1,
    "mono_ns": 86_400_000_000_000,
    "wall_ns": 1_781_776_812_345_678_901,
    "simulated": True,
}
_PART: dict[str, Any] = {"run_id": "S1-20260618T100000", "part_id": "S1-1781776800-000042", "trigger_id": 42}
_HASH = "4f1c" * 16

EXAMPLES: tuple[Message, ...] = (
    Run(
        **_STAMP,
        run_id="S1-20260618T100000",
        product="board A",
        recipe="board",
        recipe_hash=_HASH,
        model="board.onnx",
        model_hash=_HASH,
        classes=["open", "short", "mousebite"],
        camera="simulator 640x640",
        provider="CPUExecutionProvider",
        recipe_number=1,
        ejector=Ejector(delay_ms=400.0, lead_ms=12.0),
    ),
    Trigger(**_STAMP, **_PART, trigger_ns=86_399_990_000_000, encoder=420_000),
    Verdict(
        **_STAMP,
        **_PART,
        trigger_ns=86_399_990_000_000,
        trigger_wall_ns=1_781_776_812_335_678_901,
        verdict="NG",
        code=2,
        reasons=["short 0.91 at (120, 64)"],
        defects=[Defect("short", 0.91, (104.0, 52.5, 136.0, 75.5), "NG")],
        timings=Timings(capture_us=2100, prepare_us=310, infer_us=8200, decode_us=120, decide_us=15, total_us=10_800),
        recipe="board",
        recipe_hash=_HASH,
        model_hash=_HASH,
        source="simulated:7",
        expected="NG",
        image=ImageRef("gutteil-S1-1781776800000000000.ring", 5, 12, (640, 640), True),
    ),
    Candidates(
        **_STAMP,
        run_id=_PART["run_id"],
        part_id=_PART["part_id"],
        floor=0.1,
        found=[Candidate("open", 0.17, (210.0, 300.0, 221.5, 312.0))],
    ),
    Ejection(**_STAMP | {"sender": "rejector"}, **_PART, outcome="ejected", reason="NG", offset_us=180.0),
    Heartbeat(**_STAMP, state="ready", period_s=0.5, run_id="S1-20260618T100000", counts={"triggers": 42, "verdicts": 42}),
    Alarm(
        **_STAMP,
        code="camera-stalled",
        severity="fault",
        active=True,
        text="no frame from the camera for 2.0 s",
        remedy="check the camera's cable and power; the station reopens it by itself",
    ),
    Audit(**_STAMP, sender="rejector", op="acknowledge", who="M. Weber", key="none", accepted=True, text="part removed from the belt"),
)
