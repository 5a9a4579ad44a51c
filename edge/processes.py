"""One process per concern: how each runs by itself, and how `run`, `demo` and `replay` keep them together.

At a real line every process is its own systemd unit; here a parent starts them, restarts what dies and stops them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edge.config import Station, load

SETTINGS_WRONG = 2  # exit status of a process whose settings are wrong: starting it again would not help
RESTART_S = 1.0
STOP_S = 6.0
NICE = 10
STATION_PRIORITY, REJECTOR_PRIORITY, LINE_PRIORITY = 10, 20, 30
_STOP_ORDER = ("line", "station", "rejector", "dashboard", "recorder")


def until_signalled() -> threading.Event:
    """An event that is set by SIGINT or SIGTERM."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: object) -> None:
        stop.set()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    return stop


def step_forward(priority: int) -> None:
    """Run before everything else on this machine, where the rights allow it: called by the processes on the way from trigger
    to ejector, before they make threads, which inherit it.

    SCHED_RR (Linux) where allowed: niceness alone lets any waking process take a core from a running inference for some
    milliseconds, which is where the long tail comes from. The kernel keeps a share of each core for the others.

    Args:
        priority: among ourselves, 1 to 99: the ejector's side goes before the station, which computes for milliseconds.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(priority))
    except (AttributeError, OSError):
        with contextlib.suppress(OSError):
            os.nice(-NICE)


def step_back() -> None:
    """Let the station have the machine: called by processes that nobody waits for, before they make threads, which inherit it.

    Niceness gives them less of a busy core; SCHED_BATCH (Linux) keeps them from interrupting a thread that runs, which costs
    an inference on two threads more than the moment itself.
    """
    with contextlib.suppress(AttributeError, OSError):
        os.nice(NICE)
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def run_process(main: Callable[[Station, threading.Event], None], config_file: Path) -> None:
    """Run one process until it is signalled; it also stops when its parent dies, so that nothing is left behind."""
    stop = until_signalled()
    if parent := int(os.environ.get("GUTTEIL_CHILD", "0")):  # not getppid: the parent may have died while this process was starting
        threading.Thread(target=_stop_with_parent, args=(parent, stop), daemon=True).start()
    main(load(config_file), stop)


def _stop_with_parent(parent: int, stop: threading.Event) -> None:
    while os.getppid() == parent:
        if stop.wait(1.0):
            return
    stop.set()


@dataclass
class Child:
    """One process and what became of it."""

    name: str
    config_file: Path
    log: Path
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    started: float = 0.0
    failed: str = ""

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge.cli", self.name, "--config", str(self.config_file)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, "GUTTEIL_CHILD": str(os.getpid())},
                process_group=0,  # Ctrl-C reaches the parent alone; not a session of its own, whose scheduling group would void the niceness
            )
        self.started = time.monotonic()

    @property
    def pid(self) -> int:
        return self.process.pid if self.process is not None else 0

    def last_words(self) -> str:
        """The end of the process's log."""
        with contextlib.suppress(OSError):
            return self.log.read_text("utf-8", "replace")[-1500:].strip()
        return ""


@dataclass
class Processes:
    """The processes of one appliance."""

    children: list[Child] = field(default_factory=list)

    def start(self, names: list[str], config_file: Path, logs: Path) -> None:
        """Start processes by the names of their commands."""
        for name in names:
            child = Child(name, config_file, logs / f"{name}.log")
            child.start()
            self.children.append(child)

    def watch(self) -> list[str]:
        """Restart what has died; returns what happened, in words. A process with wrong settings is not started again."""
        said = []
        for child in self.children:
            if child.process is None or child.process.poll() is None or child.failed:
                continue
            code = child.process.returncode
            if code == SETTINGS_WRONG and (child.name in ("line", "station", "rejector") or not child.restarts):
                child.failed = child.last_words()
                said.append(f"{child.name} cannot run:\n{child.failed}")
            elif time.monotonic() - child.started > RESTART_S:
                child.restarts += 1
                said.append(f"{child.name} ended with status {code} and is started again (log: {child.log})")
                child.start()
        return said

    def child(self, name: str) -> Child:
        return next(c for c in self.children if c.name == name)

    def stop(self) -> None:
        """Stop all, the judging ones first, the recorder after them so that it records the end."""
        order = sorted(self.children, key=lambda child: _STOP_ORDER.index(child.name))
        for child in order:
            _terminate(child)
        self.children.clear()


def _terminate(child: Child) -> None:
    process = child.process
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def running(names: list[str], config_file: Path, logs: Path) -> Iterator[Processes]:
    """Processes that are stopped on the way out, whatever happens."""
    processes = Processes()
    try:
        processes.start(names, config_file, logs)
        yield processes
    finally:
        processes.stop()
