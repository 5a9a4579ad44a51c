"""One process per concern: how each runs by itself, and how `run`, `demo` and `replay` keep them together.

At a real line every process is its own systemd unit; here a parent starts them, restarts what dies or hangs, and stops
them. It keeps to the same terms as the units in systemd/: a test compares the two.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edge.alive import keeper
from edge.config import Station, load
from edge.notified import Notified

SETTINGS_WRONG = 2  # exit status of a process whose settings are wrong: starting it again would not help
RESTART_S = 1.0  # between two starts; twice as long after each start that came to nothing, up to MAX_RESTART_S
MAX_RESTART_S = 30.0
MAX_FAILED_STARTS = 10  # in a row, of a process without which the line stands anyway
START_S = 900.0  # until a process must be ready: TensorRT builds its engine when it meets a model for the first time
# s without progress after which a process is replaced. Safety does not hang on it, as a silent station or rejector stops the line
# within two seconds; it is how long the line then stands. Above what is slow and no fault: a camera that does not answer, a busy disk
WATCHDOG_S = {"line": 5.0, "station": 15.0, "rejector": 5.0, "recorder": 60.0, "dashboard": 10.0, "shadow": 120.0}
ABORT_S = 1.0  # to write down where it hangs, before it is killed
STOP_S = 6.0
NICE = 10
STATION_PRIORITY, REJECTOR_PRIORITY, LINE_PRIORITY = 10, 20, 30
_NEEDED = ("line", "station", "rejector")
_STOP_ORDER = ("line", "station", "rejector", "dashboard", "shadow", "recorder")


def until_signalled() -> threading.Event:
    """An event that is set by SIGINT or SIGTERM."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: object) -> None:
        keeper.stopping()
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


def step_aside() -> None:
    """Run only where nothing else wants to: for the calling thread, and those that it makes."""
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    with contextlib.suppress(OSError):  # of idle threads this one last; a unit may not do it
        os.nice(19)


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
    faulthandler.enable()  # one that is aborted because it hangs says where
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
    failed_starts: int = 0
    aborted: float = 0.0
    notified: Notified = field(default_factory=Notified)

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge.cli", self.name, "--config", str(self.config_file)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, "GUTTEIL_CHILD": str(os.getpid()), "NOTIFY_SOCKET": self.notified.address},
                process_group=0,  # Ctrl-C reaches the parent alone; not a session of its own, whose scheduling group would void the niceness
            )
        self.started, self.aborted = time.monotonic(), 0.0
        self.notified.begin(self.process.pid)

    def guard(self) -> str:
        """Abort the process if it has made no progress for too long, and kill it if that does not end it; returns what is wrong, once."""
        assert self.process is not None
        self.notified.listen()
        now = time.monotonic()
        if self.aborted:
            if now - self.aborted > ABORT_S:  # one that is frozen does not even take the signal to abort
                self.process.kill()
            return ""
        limit_s = WATCHDOG_S[self.name] if self.notified.ready else START_S
        silent_s = now - self.notified.heard_s
        if silent_s <= limit_s:
            return ""
        self.aborted = now
        self.process.send_signal(signal.SIGABRT)
        what = "has made no progress" if self.notified.ready else "is not ready"
        return f"{self.name} {what} for {silent_s:.1f} s and is replaced (log: {self.log})"

    @property
    def in_vain(self) -> int:
        """How many starts in a row, the last one included, have not made it ready."""
        return 0 if self.notified.ready else self.failed_starts + 1

    @property
    def patience_s(self) -> float:
        """From the last start to the next, at least."""
        return min(RESTART_S * 2.0 ** max(0, self.in_vain - 1), MAX_RESTART_S)

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
        """Restart what has died or hangs; returns what happened, in words. A process with wrong settings is not started again.

        To be called a few times a second.
        """
        said = []
        for child in self.children:
            if child.process is None or child.failed:
                continue
            if child.process.poll() is None:
                if words := child.guard():
                    said.append(words)
                continue
            code = child.process.returncode
            child.notified.listen()
            needed = child.name in _NEEDED
            hopeless = code == SETTINGS_WRONG and (needed or not child.restarts)
            if hopeless or (needed and child.in_vain >= MAX_FAILED_STARTS):
                child.failed = child.last_words() or f"it ended with status {code} and said nothing"
                said.append(f"{child.name} cannot run:\n{child.failed}")
            elif time.monotonic() - child.started > child.patience_s:
                child.restarts += 1
                child.failed_starts = child.in_vain
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
            child.notified.close()
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
