"""Independent peers from the distribution: LinuxCNC's HAL plays the PLC and polls us more slowly than parts come; mbpoll reads
the documented map. Both know nothing of our code."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardware.plc import EjectorTiming, Result, make_plc
from hardware.signals import signals
from tests.hardware.lines import free_port
from tests.hardware.linuxcnc_peer import PERMITS, REJECTS
from tests.hardware.plc_bench import PATIENCE_S

HERE = Path(__file__).with_name("linuxcnc")
ROOT = Path(__file__).resolve().parents[2]


class Hal:
    """LinuxCNC's HAL, asked on its command line."""

    def __init__(self, port: int, folder: Path) -> None:
        for name in ("plc.hal", "mb2hal.ini"):
            (folder / name).write_text((HERE / name).read_text("utf-8").replace("=PORT", f"={port}"))
        command = ["stdbuf", "-oL", "halrun", "-I", "plc.hal"]  # else it keeps its answers to itself when nobody watches
        if os.geteuid() == 0:  # as root it would ask for real-time rights that a container has not
            command = ["runuser", "-u", "nobody", "--", "env", f"HOME={folder}", *command]
        self.process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        self.heard: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def ask(self, *commands: str) -> str:
        """Say something; returns the next line that is a value."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n".join(commands) + "\n")
        self.process.stdin.flush()
        while True:
            try:
                self.heard.append(line := self._lines.get(timeout=PATIENCE_S))
            except queue.Empty:
                raise AssertionError("HAL says nothing more: " + "".join(self.heard[-20:])) from None
            found = re.fullmatch(r"(?:halcmd: ?)*(TRUE|FALSE|-?\d+)\s*", line)
            if found:
                return found[1]

    def number(self, pin: str) -> int:
        return int(self.ask(f"getp {pin}"))

    def runs(self) -> bool:
        return self.ask("getp line.out") == "TRUE"

    def stands_after(self) -> float:
        """Wait until the line stands; how long that took, s."""
        began = time.monotonic()
        while self.runs():
            assert time.monotonic() - began < PATIENCE_S, "".join(self.heard[-5:])
            time.sleep(0.01)
        return time.monotonic() - began

    def acknowledge(self) -> None:
        """Turn the key (enable off and on) until the line runs: before our heart beats it stops again."""
        until = time.monotonic() + PATIENCE_S
        while not self.runs():
            assert time.monotonic() < until, "".join(self.heard[-5:])
            for value in (0, 1):
                assert self.ask(f"sets enable {value}", "gets enable") == ("TRUE" if value else "FALSE")
                time.sleep(0.05)

    def close(self) -> None:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            assert self.process.stdin is not None
            self.process.stdin.write("exit\n")
            self.process.stdin.flush()
            self.process.wait(timeout=10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join(5)
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]


@pytest.fixture
def port_and_vision() -> Iterator[tuple[int, subprocess.Popen[str]]]:
    port = free_port()
    vision = subprocess.Popen(
        [sys.executable, "-m", "tests.hardware.linuxcnc_peer", str(port)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        yield port, vision
    finally:
        vision.kill()
        vision.communicate()


@pytest.mark.timeout(120)
@pytest.mark.skipif(not shutil.which("halrun") or not shutil.which("mb2hal"), reason="needs LinuxCNC: sudo apt-get install linuxcnc-uspace")
def test_linuxcnc_ejects_every_reject_and_stops_when_we_die(port_and_vision: tuple[int, subprocess.Popen[str]]) -> None:
    port, vision = port_and_vision
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o777)
        hal = Hal(port, Path(scratch))
        try:
            hal.acknowledge()
            assert vision.stdout is not None
            said = json.loads(vision.stdout.readline())
            assert said == {"overruns": 0}
            assert (hal.number("counter.0.counts"), hal.number("counter.1.counts")) == (REJECTS, PERMITS)
            hal.acknowledge()  # a busy machine may have held our heart up
            vision.send_signal(signal.SIGSTOP)  # the connection stays, and Modbus shows our last words
            frozen_s = hal.stands_after()
            vision.send_signal(signal.SIGCONT)
            time.sleep(0.5)
            assert not hal.runs()  # until a person acknowledges
            hal.acknowledge()
            vision.kill()
            killed_s = hal.stands_after()
            print(f"the line stood {frozen_s:.2f} s after we froze and {killed_s:.2f} s after we were killed")
            assert max(frozen_s, killed_s) < 1.0 + 0.5  # the watchdog is set to 0.8 s; a busy machine takes its time to ask
            assert (hal.number("counter.0.counts"), hal.number("counter.1.counts")) == (REJECTS, PERMITS)
        finally:
            hal.close()


@pytest.mark.skipif(not shutil.which("mbpoll"), reason="needs mbpoll: sudo apt-get install mbpoll")
def test_mbpoll_reads_the_documented_map() -> None:
    """Every number of to_plc where the docs say it is, as mbpoll's own types read it, and a write where the PLC may write."""
    port = free_port()
    plc = make_plc("modbus-server", {"port": port, "open_s": 0.0})
    with contextlib.suppress(Exception):
        plc.open()
    try:
        said = ["-a", "1", "-p", str(port), "-0", "-1", "-q"]
        write = [("0", "1"), ("1", "5"), ("2", "9")]
        for register, value in write:
            done = subprocess.run(["mbpoll", *said, "-r", register, "127.0.0.1", value], capture_output=True, text=True, timeout=30)
            assert done.returncode == 0, done.stdout + done.stderr
        session = _read("2", "3", said)[2]
        subprocess.run(["mbpoll", *said, "-r", "3", "127.0.0.1", str(session)], capture_output=True, timeout=30, check=True)
        plc.ejector(EjectorTiming(1234.5, 70_000, 1, 2, 3, 4))
        plc.answer(Result(66_000, 2, defect=4, encoder=-5))
        plc.recipe(12)
        plc.ready(False, fault=6)
        want = {
            "map_version": 1, "heartbeat": 1, "session": session, "plc_session_echo": 9, "fault_code": 6, "recipe_active": 12, "results_waiting": 1,
            "result_sequence": 1, "result_part": 66_000, "result_encoder": -5, "result_verdict": 2, "result_defect": 4, "result_check": 1,
            "timing_sequence": 1, "ejector_delay": 12_345, "ejector_delay_counts": 70_000, "ejector_lead": 10, "ejector_pulse": 20,
            "ejector_spacing": 30, "ejector_confirm": 40, "timing_check": 1,
        }  # fmt: skip
        for signal_ in signals("to_plc"):
            if signal_.bit is None:
                kind = "3:int" if signal_.words == 2 else "3"
                got = _read(str(signal_.register), "1", [*said, "-B", "-t", kind])[signal_.register]
                assert got == want.get(signal_.name, 0), signal_.name
        status = _read("4", "1", said)[4]
        bits = {s.name for s in signals("to_plc") if s.bit is not None and status >> s.bit & 1}
        assert bits == {"result_valid", "result_toggle", "fault", "recipe_ok"}
        for register in ("32", "100", "65535"):  # where nothing is
            done = subprocess.run(["mbpoll", *said, "-r", register, "127.0.0.1", "1"], capture_output=True, text=True, timeout=30)
            assert "Illegal data address" in done.stdout + done.stderr
    finally:
        plc.close()


def _read(register: str, count: str, options: list[str]) -> dict[int, int]:
    if "-t" not in options:
        options = [*options, "-t", "3"]
    done = subprocess.run(["mbpoll", *options, "-r", register, "-c", count, "127.0.0.1"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    return {int(m[1]): int(m[2]) for m in re.finditer(r"\[(\d+)\]:\s+(-?\d+)", done.stdout)}
