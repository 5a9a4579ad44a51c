"""Real processes that freeze, hang, spin, start slowly or never: their keeper notices and replaces them, and says so."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge import processes
from edge.config import Line, Record, Station
from edge.processes import Child, Processes, running
from edge.rig import own_ports, write_config

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 100.0
ALL = ["line", "recorder", "rejector", "station", "dashboard"]

# what a process meets in its start, before anything of ours runs
_SABOTAGE = """
import pathlib
if {name!r} in pathlib.Path("/proc/self/cmdline").read_text().split("\\0"):
    import time
    {deed}
"""
_SPIN = """from {module} import {kind}
    honest = {kind}.{method}
    begun = time.monotonic()
    def get_lost(*args, **kwargs):
        while time.monotonic() > begun + {after_s}:
            pass
        return honest(*args, **kwargs)
    {kind}.{method} = get_lost"""


def config_for(folder: Path) -> Station:
    record = Record(folder=str(folder / "data"), ring_mb=32, ring_folder=str(folder))
    return own_ports(Station(recipe=str(ROOT / "recipes" / "sim-board.toml"), line=Line(rate_hz=5), record=record))


def until(kept: Processes, enough: Callable[[], object]) -> list[str]:
    """Keep the processes until something has happened; returns what was said meanwhile."""
    end = time.monotonic() + PATIENCE_S
    said: list[str] = []
    while not enough():
        assert time.monotonic() < end, "\n".join([*said, *(f"{c.name}: {c.last_words()}" for c in kept.children)])
        said += kept.watch()
        time.sleep(0.05)
    return said


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """A whole appliance whose processes are all ready."""
    folder = tmp_path_factory.mktemp("whole")
    with running(ALL, write_config(config_for(folder), folder), folder / "logs") as kept:
        until(kept, lambda: all(c.notified.ready for c in kept.children))
        yield kept


@pytest.mark.parametrize("name", ALL)
def test_a_frozen_process_is_replaced(whole: Processes, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    child = whole.child(name)
    first, others = child.pid, {c.name: c.pid for c in whole.children if c.name != name}
    until(whole, lambda: child.notified.ready)
    monkeypatch.setitem(processes.WATCHDOG_S, name, 4.0)
    os.kill(first, signal.SIGSTOP)
    said = until(whole, lambda: child.pid != first and child.notified.ready)
    assert any(f"{name} has made no progress" in words for words in said)
    assert any("status -9" in words for words in said)
    assert {c.name: c.pid for c in whole.children if c.name != name} == others, "nobody else had to go"


def sabotage(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, deed: str) -> None:
    """Have a process of that name, and no other, do something else at its start."""
    (folder / "sitecustomize.py").write_text(_SABOTAGE.format(name=name, deed=deed))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")])))


@pytest.mark.parametrize(
    ("name", "beside", "module", "kind", "method"),
    [
        ("line", [], "hardware.belt", "Belt", "advance"),
        ("station", ["line", "rejector"], "edge.judge", "Judge", "judge"),
        ("rejector", ["line"], "edge.order_taker", "OrderTaker", "get"),
        ("recorder", [], "edge.bus", "Subscriber", "get"),
        ("dashboard", [], "edge.bus", "Subscriber", "get"),  # its reader alone: the web server goes on and would look well
    ],
)
def test_one_that_spins_without_progress_is_replaced_and_says_where(
    name: str, beside: list[str], module: str, kind: str, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sabotage(tmp_path, monkeypatch, name, _SPIN.format(module=module, kind=kind, method=method, after_s=6))
    monkeypatch.setitem(processes.WATCHDOG_S, name, 4.0)
    with running([*beside, name], write_config(config_for(tmp_path), tmp_path), tmp_path / "logs") as kept:
        child = kept.child(name)
        said = until(kept, lambda: child.restarts)
        assert any(f"{name} has made no progress" in words for words in said)
        log = child.log.read_text()
        assert "Fatal Python error: Aborted" in log
        assert "get_lost" in log


def test_a_rejector_that_neither_hears_nor_says_what_is_wrong_is_not_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its loop turns, but it does not look: without this it would be kept for ever."""
    deed = "from edge.alarms import Alarms; Alarms.set = lambda *a, **k: None"
    sabotage(tmp_path, monkeypatch, "rejector", deed)
    monkeypatch.setattr(processes, "START_S", 6.0)
    with running(["rejector"], write_config(config_for(tmp_path), tmp_path), tmp_path / "logs") as kept:
        child = kept.child("rejector")
        said = until(kept, lambda: child.restarts)
        assert any("rejector is not ready for 6" in words for words in said)


def test_a_slow_start_is_no_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorRT may build an engine for minutes."""
    sabotage(tmp_path, monkeypatch, "line", "time.sleep(4)")
    monkeypatch.setitem(processes.WATCHDOG_S, "line", 1.5)
    with running(["line"], write_config(config_for(tmp_path), tmp_path), tmp_path / "logs") as kept:
        child = kept.child("line")
        assert until(kept, lambda: child.notified.ready) == []
        assert child.restarts == 0


def test_one_frozen_in_its_start_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "START_S", 3.0)
    with running(["line"], write_config(config_for(tmp_path), tmp_path), tmp_path / "logs") as kept:
        child = kept.child("line")
        os.kill(child.pid, signal.SIGSTOP)
        said = until(kept, lambda: child.restarts)
        assert any("line is not ready" in words for words in said)


def test_one_that_dies_in_every_start_is_tried_more_and_more_rarely_then_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sabotage(tmp_path, monkeypatch, "line", "import os; os._exit(7)")
    monkeypatch.setattr(processes, "RESTART_S", 0.01)
    monkeypatch.setattr(processes, "MAX_RESTART_S", 0.5)
    begun = time.monotonic()
    with running(["line"], write_config(config_for(tmp_path), tmp_path), tmp_path / "logs") as kept:
        child = kept.child("line")
        said = until(kept, lambda: child.failed)
        assert child.restarts == processes.MAX_FAILED_STARTS - 1
        assert "status 7" in child.failed
        assert "line cannot run" in said[-1]
        # 0.01 + 0.02 + 0.04 + … up to 0.5 s each
        assert time.monotonic() - begun > 2.0


def test_the_pauses_between_starts_in_vain_double_up_to_a_bound() -> None:
    child = Child("recorder", Path("x.toml"), Path("x.log"))
    pauses = []
    for child.failed_starts in range(8):
        pauses.append(child.patience_s)
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    child.notified.ready = True
    assert child.patience_s == processes.RESTART_S, "one that has worked is started again at once"
    child.notified.close()
