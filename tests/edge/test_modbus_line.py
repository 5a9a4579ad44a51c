"""Station, rejector and recorder with the simulated line behind Modbus TCP, both ways: every part has its end, and the right one."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge.appliance import DEMO_RECIPE
from edge.config import Camera, Line, Plc, Record, Station
from edge.messages import Ejection, Verdict
from edge.rig import free_ports, own_ports, rig

ROOT = Path(__file__).resolve().parents[2]
PARTS = 25


@pytest.mark.timeout(240)
@pytest.mark.parametrize("backend", ["modbus-server", "modbus-client"])
def test_the_whole_line_over_modbus(backend: str, tmp_path: Path) -> None:
    config = own_ports(
        Station(
            name="S1",
            recipe=str(DEMO_RECIPE),
            camera=Camera(backend="simulator"),
            plc=Plc(backend=backend, settings={"port": free_ports(1)[0], "simulated": True}),  # type: ignore[arg-type]
            line=Line(rate_hz=4.0, parts=PARTS),
            record=Record(folder=str(tmp_path / "data"), ring_mb=64),
        )
    )
    verdicts: dict[int, str] = {}
    outcomes: dict[int, str] = {}
    with rig(config, tmp_path, ["recorder", "rejector", "station"]) as appliance:
        appliance.line.hold(False)
        until = time.monotonic() + 120
        while len(outcomes) < PARTS:
            assert time.monotonic() < until, (verdicts, outcomes)
            message = appliance.next(0.1)
            if isinstance(message, Verdict):
                verdicts[message.trigger_id] = message.verdict
            elif isinstance(message, Ejection):
                assert message.trigger_id not in outcomes
                outcomes[message.trigger_id] = message.outcome
        watched = subprocess.run(
            [sys.executable, "-m", "edge.cli", "plc", "watch", "--once", "--json", "--config", str(tmp_path / "station.toml")],
            cwd=ROOT, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert sorted(outcomes) == list(range(1, PARTS + 1))
    assert all(verdicts.get(part) == "OK" for part, outcome in outcomes.items() if outcome == "passed")
    assert "passed" in outcomes.values()
    assert "ejected" in outcomes.values()
    assert watched.returncode == 0, watched.stderr
    said = json.loads(watched.stdout)
    assert (said["from_plc"]["simulated"], said["to_plc"]["overruns"]) == (1, 0)


def test_a_real_plc_is_not_simulated(tmp_path: Path) -> None:
    """`plc simulate` refuses to play for a station that expects a real PLC."""
    (tmp_path / "station.toml").write_text(f'recipe = {json.dumps(str(DEMO_RECIPE))}\n[plc]\nbackend = "modbus-server"\n')
    done = subprocess.run(
        [sys.executable, "-m", "edge.cli", "plc", "simulate", "--config", str(tmp_path / "station.toml")],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "plc.settings.simulated" in " ".join(done.stderr.split())
