"""Processes that are kept running: started again when they die, left alone when their settings are wrong, gone when their parent is."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from edge import processes
from edge.config import Station
from edge.processes import Child, Processes, running
from edge.rig import own_ports, write_config
from hardware.plcs.simulator import SimulatorPlc

PATIENCE_S = 20.0
_PARENT = """
import sys, time
from pathlib import Path
from edge.processes import running
with running(["line", "rejector"], Path(sys.argv[1]), Path(sys.argv[2])) as processes:
    print(*(c.pid for c in processes.children), flush=True)
    time.sleep(60)
"""


def until(enough: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    end = time.monotonic() + seconds
    while not enough():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


def answers(config: Station) -> bool:
    """Whether the line's process works."""
    plc = SimulatorPlc(config.line.control, timeout_s=PATIENCE_S)
    plc.open(own=False)
    plc.close()
    return True


def test_a_killed_process_is_started_again_and_works(tmp_path: Path) -> None:
    config = own_ports(Station())
    with running(["line"], write_config(config, tmp_path), tmp_path / "logs") as kept:
        assert answers(config)
        child = kept.child("line")
        first = child.pid
        assert kept.watch() == []
        os.kill(first, signal.SIGKILL)
        said: list[str] = []

        def again() -> bool:
            said.extend(kept.watch())
            return child.restarts == 1

        until(again)
        assert child.pid != first
        assert "-9" in said[0]
        assert str(child.log) in said[0]
        assert answers(config)
        assert kept.watch() == []
        assert child.failed == ""
    assert not alive(child.pid)


@pytest.mark.parametrize("wrong", ["colour = 1\n", "name = \n", '[line]\nwire = "10.0.0.1:99"\n'])
def test_a_process_with_wrong_settings_is_not_started_again(wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "station.toml"
    path.write_text(wrong)
    with running(["line"], path, tmp_path / "logs") as kept:
        child = kept.child("line")
        said: list[str] = []
        until(lambda: said.extend(kept.watch()) or said)  # type: ignore[func-returns-value]
        assert "cannot run" in said[0]
        assert child.failed
        assert "Traceback" not in child.failed
        time.sleep(processes.RESTART_S + 0.2)
        assert kept.watch() == []
        assert child.restarts == 0


@pytest.mark.parametrize("settle_s", [0.0, 3.0], ids=["starting", "running"])
def test_all_stop_when_their_parent_is_killed(settle_s: float, tmp_path: Path) -> None:
    """Also in the moment in which they start."""
    config = own_ports(Station())
    path = write_config(config, tmp_path)
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, str(path), str(tmp_path / "logs")], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(p) for p in parent.stdout.readline().split()]
    try:
        time.sleep(settle_s)
        assert len(pids) == 2
        assert all(alive(p) for p in pids)
        parent.kill()
        parent.wait()
        until(lambda: not any(alive(p) for p in pids))
    finally:
        parent.kill()
        parent.communicate()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_leaving_stops_them_even_after_a_mistake(tmp_path: Path) -> None:
    config = own_ports(Station())
    pids: list[int] = []

    def mistake() -> None:
        with running(["line", "rejector"], write_config(config, tmp_path), tmp_path / "logs") as kept:
            pids.extend(c.pid for c in kept.children)
            raise RuntimeError("a mistake")

    with pytest.raises(RuntimeError, match="a mistake"):
        mistake()
    assert len(pids) == 2
    assert not any(alive(p) for p in pids)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_process_in_order(number: signal.Signals, tmp_path: Path) -> None:
    config = own_ports(Station())
    path = write_config(config, tmp_path)
    child = subprocess.Popen([sys.executable, "-m", "edge.cli", "line", "--config", str(path)], stderr=subprocess.PIPE, text=True)
    try:
        assert answers(config)
        child.send_signal(number)
        _, words = child.communicate(timeout=PATIENCE_S)
    finally:
        child.kill()
    assert child.returncode == 0, words
    assert "Traceback" not in words


def test_one_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "STOP_S", 0.3)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    child = Child("line", tmp_path / "x.toml", tmp_path / "x.log")
    child.process = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE, text=False)
    assert child.process.stdout is not None
    child.process.stdout.readline()
    kept = Processes([child])
    kept.stop()
    child.process.stdout.close()
    assert child.process.returncode == -signal.SIGKILL
    assert kept.children == []


def test_last_words(tmp_path: Path) -> None:
    child = Child("line", tmp_path / "x.toml", tmp_path / "x.log")
    assert child.last_words() == ""
    assert child.pid == 0
    child.log.write_bytes(b"first\n" + b"\xff" * 10 + b"x" * 5000 + b"\nlast words\n")
    assert child.last_words().endswith("last words")
    assert len(child.last_words()) <= 1500
    child.notified.close()


def test_the_runtime_of_models_is_loaded_by_who_judges_alone() -> None:
    """It costs a restarted rejector or recorder half a second and tens of MB for nothing."""
    code = "import sys, edge.cli, edge.rejector, edge.recorder, dashboard.app; sys.exit('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


@pytest.mark.parametrize(
    "module", ["edge.appliance", "edge.cli", "edge.line_process", "edge.recorder", "edge.rejector", "edge.rig", "hardware.modbus_line"]
)
def test_only_who_judges_loads_the_inference(module: str) -> None:
    """It takes some ten MB and a quarter of a second of every process that loads it."""
    code = f"import sys, {module}; print([m for m in ('onnxruntime', 'edge.model') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
