"""A station and a rejector for the recorder's tests: the real bus and the real ring, with parts made up, and a real recorder process."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.bus import Publisher, Subscriber, publisher
from edge.config import Bus, Record, Station
from edge.messages import CODES, Alarm, Defect, Ejection, Ejector, Heartbeat, ImageRef, Run, Timings, Trigger, Verdict
from edge.ring import RingWriter
from edge.store import FILE_NAME, Inspection, open_store

SIZE = (120, 160)
PATIENCE_S = 90.0
_MAIN = """
import signal, sys, threading
from edge.config import Station
from edge.recorder import run_recorder
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
run_recorder(Station.model_validate_json(sys.argv[1]), stop)
"""


def read_image(path: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None, path
    return image.astype(np.uint8, copy=False)


def picture(seed: int, size: tuple[int, ...] = SIZE) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, size, np.uint8)


def config_for(folder: Path, record: str = "data", **settings: Any) -> Station:
    """`settings`: of [record]; nothing is deleted unless they say so."""
    # sockets are files in the test's folder: no port to collide with a running appliance
    bus = Bus.model_validate({name: f"ipc://{folder}/{name}" for name, field in Bus.model_fields.items() if field.annotation is str})
    given: dict[str, Any] = {"min_free_gb": 0, "ring_mb": 8, "batch_s": 0.1} | settings
    kept = Record(folder=str(folder / record), ring_folder=str(folder), **given)
    return Station(name="S1", bus=bus, record=kept)


@contextmanager
def line_in(
    folder: Path, *, start: bool = True, slot_bytes: int = SIZE[0] * SIZE[1], record: str = "data", history: int = 10_000, **settings: Any
) -> Iterator[LineOfOne]:
    """A line with its recorder; `settings`: of [record]."""
    config = config_for(folder, record, **settings)
    line = LineOfOne(config.model_copy(update={"bus": config.bus.model_copy(update={"history": history})}), slot_bytes)
    try:
        if start:
            line.start_recorder()
        yield line
    finally:
        line.close()


class LineOfOne:
    """Everything around the recorder."""

    def __init__(self, config: Station, slot_bytes: int = SIZE[0] * SIZE[1]) -> None:
        self.config = config
        self.station = publisher(config, "station", simulated=True)
        self.rejector = publisher(config, "rejector", simulated=True)
        self.ring = RingWriter(config.record.ring_folder, "S1", self.station.epoch, slot_bytes, config.record.ring_mb)
        self.bus = Subscriber([config.bus.recorder], [Heartbeat, Alarm])
        self.alarms: list[Alarm] = []
        self.beat: Heartbeat | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.database = Path(config.record.folder) / FILE_NAME
        self.slowest_s = 0.0

    def start_recorder(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", _MAIN, self.config.model_dump_json()])
        self.beat = None
        # both publishers are connected once the recorder repeats what each of them said
        for end in (self.rejector, self.station):
            name = f"R-{self.process.pid}-{end is self.station}"
            self.connect(end, name)

    def connect(self, publisher: Publisher, name: str) -> None:
        """Until the recorder repeats what a publisher says."""
        self.until(lambda beat: beat.run_id == name, each=lambda: self._run(publisher, name))

    def _run(self, publisher: Publisher, run_id: str) -> None:
        names: dict[str, str] = dict.fromkeys(("product", "recipe", "recipe_hash", "model", "model_hash", "camera", "provider"), "x")
        publisher.send(Run, run_id=run_id, classes=["open"], ejector=Ejector(), **names)

    def listen(self, wait_s: float) -> None:
        while (message := self.bus.get(wait_s)) is not None:
            if isinstance(message, Alarm):
                self.alarms.append(message)
            elif isinstance(message, Heartbeat):
                self.beat = message
            wait_s = 0.0

    def until(self, done: Callable[[Heartbeat], bool], each: Callable[[], object] = lambda: None) -> Heartbeat:
        """The recorder's first heartbeat that fits."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            each()
            self.listen(0.05)
            assert self.process is None or self.process.poll() is None, f"the recorder ended with {self.process.returncode}"
            if self.beat is not None and done(self.beat):
                return self.beat
        raise AssertionError(f"waited {PATIENCE_S} s in vain; the recorder's last word: {self.beat}")

    def part(
        self,
        n: int,
        word: str = "NG",
        *,
        keep: bool = True,
        reference: int | None = None,
        eject: bool = True,
        image: NDArray[np.uint8] | None = None,
        wall_ns: int = 0,
    ) -> ImageRef:
        """One part through the station, as the station does it, and past the ejector; `wall_ns`: of its trigger, else now."""
        begin = time.monotonic()
        now = {"run_id": "R", "part_id": f"P{n}", "trigger_id": n, "trigger_ns": time.monotonic_ns()}
        self.station.send(Trigger, **now)
        pixels = picture(n) if image is None else image
        ref = self.ring.reserve(pixels, keep=keep)
        other = self.ring.reserve(picture(reference), keep=keep) if reference is not None else None
        defects = [] if word == "OK" else [Defect("open", 0.9, (1, 2, 3, 4), "NG")]
        verdict = {"verdict": word, "code": CODES[word], "reasons": [d.kind for d in defects], "defects": defects}
        hashes = {"recipe": "r", "recipe_hash": "rh", "model_hash": "mh", "timings": Timings()}
        self.station.send(Verdict, **now, **verdict, **hashes, trigger_wall_ns=wall_ns or time.time_ns(), image=ref, reference=other)
        self.ring.fill(ref, pixels)
        if other is not None and reference is not None:
            self.ring.fill(other, picture(reference))
        self.slowest_s = max(self.slowest_s, time.monotonic() - begin)
        if eject:
            self.eject(n, word)
        return ref

    def eject(self, n: int, word: str = "NG") -> None:
        outcome = "passed" if word == "OK" else "ejected"
        self.rejector.send(Ejection, trigger_id=n, part_id=f"P{n}", run_id="R", outcome=outcome, reason="", offset_us=1.0)

    def settled(self, inspections: int) -> Heartbeat:
        """Wait until this recorder has so many inspections, and everything it has heard of, on disk."""
        return self.until(lambda b: b.counts["inspections"] >= inspections and b.counts["backlog"] == 0)

    def parts(self) -> dict[str, Inspection]:
        """The record, which must be sound."""
        with open_store(self.database, read_only=True) as store:
            assert store.integrity() == []
            return {p.part_id: p for p in store.last(100_000)}

    def check_image(self, part: Inspection, n: int) -> None:
        """The file is the image to the bit, and the record knows its hash."""
        assert part.evidence == "stored"
        assert part.image_path is not None
        path = self.database.parent / part.image_path
        assert hashlib.sha256(path.read_bytes()).hexdigest() == part.image_sha256
        assert np.array_equal(read_image(path), picture(n))

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def stop_recorder(self) -> int:
        assert self.process is not None
        self.process.terminate()
        code = self.process.wait(PATIENCE_S)
        self.process = None
        return code

    def kill_recorder(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def close(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.signal(signal.SIGCONT)
            self.kill_recorder()
        for end in (self.station, self.rejector, self.bus, self.ring):
            end.close()
