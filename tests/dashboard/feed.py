"""A line as the dashboard sees it: real publishers and a real frame ring, driven by the test."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.appliance import DEMO_RECIPE
from edge.bus import Publisher
from edge.messages import CODES, Alarm, Audit, Defect, Ejection, Ejector, Heartbeat, Run, Sender, Severity, Timings, Verdict, VerdictWord
from edge.ring import RingWriter

ROOT = Path(__file__).resolve().parents[2]
SIDE_PX = 320


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def board(seed: int) -> NDArray[np.uint8]:
    """A gray picture that differs from part to part."""
    image = np.full((SIDE_PX, SIDE_PX), 40 + seed * 37 % 120, np.uint8)
    image[60:120, 80:200] = 230
    return image


class Feed:
    """Station, rejector and recorder of one line: they beat by themselves, parts come from the test."""

    def __init__(self, folder: Path, ports: list[int], *, simulated: bool = True) -> None:
        self.ports, self.folder, self._lock = ports, folder, threading.Lock()
        self.name = f"T{ports[0]}"
        senders: tuple[Sender, ...] = ("station", "rejector", "recorder")
        addresses = [f"tcp://127.0.0.1:{port}" for port in ports]
        self.station, self.rejector, self.recorder = (
            Publisher(address, self.name, sender, simulated=simulated, replay=f"ipc://{folder}/{sender}-{ports[0]}")
            for address, sender in zip(addresses, senders, strict=True)
        )
        self.commands = f"ipc://{folder}/commands"
        self.ring = RingWriter(str(folder), self.name, self.station.epoch, SIDE_PX * SIDE_PX, 8)
        self.counts = {"triggers": 0, "OK": 0, "NG": 0, "UNDECIDED": 0}
        self.state: Any = "ready"
        self.product = "Panel 7"
        self.parts = 0
        self._alarms: dict[tuple[Sender, str], dict[str, Any]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    def _beat(self) -> None:
        while True:
            with self._lock:
                for publisher in (self.station, self.rejector, self.recorder):
                    state = self.state if publisher is self.station else "ready"
                    publisher.send(Heartbeat, state=state, period_s=0.5, counts=self.counts if publisher is self.station else {})
                for (sender, _), alarm in self._alarms.items():
                    self._of(sender).send(Alarm, **alarm)
                self.station.send(
                    Run, run_id="run", product=self.product, recipe="panel-7", recipe_hash="a", model="small", model_hash="b", classes=["short"],
                    camera="test", provider="CPU", ejector=Ejector(delay_ms=1),
                )  # fmt: skip
            if self._stop.wait(0.25):
                return

    def part(
        self, word: VerdictWord, *, kind: str = "short", part_id: str = "", reasons: list[str] | None = None, picture: bool = True
    ) -> str:
        """Judge a part; returns its id."""
        with self._lock:
            self.parts += 1
            self.counts["triggers"] += 1
            self.counts[word] += 1
            part_id = part_id or f"{self.name}-run-{self.parts}"
            image = board(self.parts)
            ref = self.ring.reserve(image, keep=word != "OK") if picture else None
            bad = [Defect(kind, 0.93 if word == "NG" else 0.41, (80.0, 60.0, 200.0, 120.0), word)] if word != "OK" else []
            now = time.monotonic_ns()
            self.station.send(
                Verdict, run_id="run", part_id=part_id, trigger_id=self.parts, trigger_ns=now, trigger_wall_ns=time.time_ns(), verdict=word,
                code=CODES[word], reasons=reasons if reasons is not None else [f"{kind} x1"] if bad else [], defects=bad,
                timings=Timings(total_us=12_000), recipe="panel-7", recipe_hash="a", model_hash="b", image=ref,
            )  # fmt: skip
            if ref is not None:
                self.ring.fill(ref, image)
        return part_id

    def ejection(self, part_id: str, outcome: Any) -> None:
        with self._lock:
            self.rejector.send(Ejection, trigger_id=self.parts, part_id=part_id, run_id="run", outcome=outcome, reason="", offset_us=0)

    def alarm(
        self, code: str, active: bool, text: str = "", remedy: str = "", *, sender: Sender = "rejector", severity: Severity = "fault"
    ) -> None:
        """Begin or end an alarm; it is repeated while it lasts, as real senders do."""
        message = {"code": code, "severity": severity, "active": active, "text": text, "remedy": remedy}
        with self._lock:
            self._alarms.pop((sender, code), None)
            if active:
                self._alarms[sender, code] = message
            self._of(sender).send(Alarm, **message)

    def order(self, op: str, who: str, text: str) -> None:
        """The reject control says that somebody gave an order, which it obeyed."""
        with self._lock:
            self.rejector.send(Audit, op=op, who=who, key="none", accepted=True, text=text)

    def _of(self, sender: Sender) -> Publisher:
        return {"station": self.station, "rejector": self.rejector, "recorder": self.recorder}[sender]

    def die(self) -> None:
        """All senders fall silent, as if their processes had been killed."""
        self._stop.set()
        self._thread.join()

    def close(self) -> None:
        self.die()
        for publisher in (self.station, self.rejector, self.recorder):
            publisher.close()
        self.ring.close()


class Server:
    """The dashboard in a process of its own."""

    def __init__(self, feed: Feed, port: int, host: str = "127.0.0.1", dashboard: str = "", more: str = "") -> None:
        a, b, c = feed.ports
        self.url = f"http://127.0.0.1:{port}"
        self.file = feed.folder / f"station-{port}.toml"
        self.file.write_text(
            f'name = "{feed.name}"\nrecipe = "{DEMO_RECIPE}"\n[bus]\nstation = "tcp://127.0.0.1:{a}"\nrejector = "tcp://127.0.0.1:{b}"\nrecorder = "tcp://127.0.0.1:{c}"\n'
            + "".join(f'{sender}_replay = "ipc://{feed.folder}/{sender}-{a}"\n' for sender in ("station", "rejector", "recorder"))
            + f'commands = "{feed.commands}"\n'
            + f'[dashboard]\nhost = "{host}"\nport = {port}\n{dashboard}[record]\nring_folder = "{feed.folder}"\nfolder = "record"\n'
            + more
        )
        self.start()

    def start(self) -> None:
        code = "import sys; from pathlib import Path; from dashboard.app import run_dashboard; from edge.processes import run_process; run_process(run_dashboard, Path(sys.argv[1]))"
        self.process = subprocess.Popen([sys.executable, "-c", code, str(self.file)], cwd=ROOT, stderr=subprocess.PIPE, text=True)

    def __enter__(self) -> Server:
        try:
            self.wait()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.kill()

    def wait(self, timeout_s: float = 60) -> None:
        """Until it is ready."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(f"the dashboard ended: {self.process.communicate()[1]}")
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/health/ready", timeout=2) as answer:
                if answer.status == 200:
                    return
            time.sleep(0.1)
        raise AssertionError(f"the dashboard was not ready within {timeout_s} s")

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def stop(self) -> str:
        """End it as systemd would; returns what it said on standard error."""
        self.process.terminate()
        try:
            return self.process.communicate(timeout=30)[1]
        except subprocess.TimeoutExpired:
            self.kill()
            raise
