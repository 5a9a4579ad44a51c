"""The recorder as a process of its own, on real sockets, a real ring and real disks: slow, stopped, killed, out of room."""

from __future__ import annotations

import hashlib
import itertools
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import FileIO
from pathlib import Path

import numpy as np
import pytest

import edge.recorder
from edge.errors import BusError, StoreError
from edge.messages import Heartbeat, Verdict
from edge.recorder import Recorder
from edge.store import Inspection, open_store
from tests.edge.line_of_one import SIZE, LineOfOne, config_for, picture, read_image


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="gt-") as name:  # short: the path of an ipc socket has at most 107 characters
        yield Path(name)


@contextmanager
def line_in(
    folder: Path, *, start: bool = True, slot_bytes: int = SIZE[0] * SIZE[1], record: str = "data", history: int = 10_000
) -> Iterator[LineOfOne]:
    config = config_for(folder, record)
    line = LineOfOne(config.model_copy(update={"bus": config.bus.model_copy(update={"history": history})}), slot_bytes)
    try:
        if start:
            line.start_recorder()
        yield line
    finally:
        line.close()


def parts_of(line: LineOfOne) -> dict[str, Inspection]:
    with open_store(line.database, read_only=True) as store:
        assert store.integrity() == []
        return {p.part_id: p for p in store.last(100_000)}


def missed_of(line: LineOfOne, topic: str) -> int:
    with closing(sqlite3.connect(line.database)) as db:
        return int(db.execute("SELECT coalesce(sum(last_seq - first_seq + 1), 0) FROM gaps WHERE topic = ?", (topic,)).fetchone()[0])


def check_image(line: LineOfOne, part: Inspection, n: int) -> None:
    """The file is the image to the bit, and the record knows its hash."""
    assert part.evidence == "stored"
    assert part.image_path is not None
    path = line.database.parent / part.image_path
    assert hashlib.sha256(path.read_bytes()).hexdigest() == part.image_sha256
    assert np.array_equal(read_image(path), picture(n))


def test_everything_is_kept_and_let_go(folder: Path) -> None:
    with line_in(folder) as line:
        for n in range(1, 41):
            line.part(n, "NG" if n % 2 else "OK", keep=bool(n % 2), reference=1_000 + n % 3)
        beat = line.settled(40)
        assert (beat.sender, beat.state, beat.counts["lost"], beat.counts["missed"]) == ("recorder", "ready", 0, 0)
        assert beat.counts["images"] == 40
        assert line.ring.count_held() == 0
        parts = parts_of(line)
        assert len(parts) == 40
        for n in range(1, 41, 2):
            part = parts[f"P{n}"]
            check_image(line, part, n)
            assert part.image_path == f"images/{part.triggered_at[:10].replace('-', '/')}/P{n}.png"
            assert part.reference_path is not None
            reference = read_image(line.database.parent / part.reference_path)
            assert np.array_equal(reference, picture(1_000 + n % 3))
            assert (part.verdict, part.outcome, len(part.defects), part.simulated) == ("NG", "ejected", 1, True)
        assert (parts["P2"].evidence, parts["P2"].image_path, parts["P2"].outcome) == ("sampled out", None, "passed")
        assert len({p.reference_path for p in parts.values()} - {None}) == 3
        assert len(list((line.database.parent / "images" / "references").rglob("*.png"))) == 3
        assert line.process is not None
        assert os.getpriority(os.PRIO_PROCESS, line.process.pid) >= 10
        line.part(41)  # what is sent just before the end is recorded too
        assert line.stop_recorder() == 0
        assert "P41" in parts_of(line)
        assert list((line.database.parent / "images" / ".incoming").iterdir()) == []
        with open_store(line.database, read_only=True) as store:
            books = store.reconcile("R")
            assert (books.triggers, books.ejected, books.passed, books.no_outcome, books.misfits) == (41, 21, 20, 0, [])
            assert books.closes


def test_a_stopped_recorder_costs_the_station_nothing_and_catches_up(folder: Path) -> None:
    with line_in(folder) as line:
        line.part(1)
        line.settled(1)
        line.signal(signal.SIGSTOP)
        begin = time.monotonic()
        for n in range(2, 152):
            line.part(n, "NG" if n % 4 == 0 else "OK", keep=n % 4 == 0)
            time.sleep(max(0.0, begin + (n - 1) / 50 - time.monotonic()))
        assert line.ring.count_held() == 37
        assert line.slowest_s < 0.5  # handing a part over never waits for the recorder; 3 s of standstill would show
        line.signal(signal.SIGCONT)
        beat = line.settled(151)
        assert (beat.counts["lost"], beat.counts["missed"], beat.counts["images"]) == (0, 0, 38)
        parts = parts_of(line)
        assert len(parts) == 151
        for n in range(4, 152, 4):
            check_image(line, parts[f"P{n}"], n)
        assert line.ring.count_held() == line.ring.lost == 0
        with open_store(line.database, read_only=True) as store:
            assert store.reconcile("R").closes


def test_a_killed_recorder_has_kept_what_it_acknowledged(folder: Path) -> None:
    with line_in(folder) as line:
        refs = {}
        told = 0
        for n in range(1, 400):
            refs[n] = line.part(n, eject=n != 3)
            line.listen(0.02)
            if line.beat is not None and line.beat.counts["inspections"] > 20:
                told += 1
                if told == 25:
                    break
        heads = line.ring._heads
        freed = [n for n, ref in refs.items() if int(heads[ref.slot, 1]) != ref.generation]  # let go = said to be on disk
        assert line.beat is not None
        acknowledged = line.beat.counts["inspections"]
        line.kill_recorder()
        sent = len(refs)
        parts = parts_of(line)
        assert len(parts) >= acknowledged > 0
        for n in freed:
            check_image(line, parts[f"P{n}"], n)
        line.part(1_000)  # while nobody records: it is said again to the next recorder
        sent += 1
        line.start_recorder()
        line.part(1_001)
        line.eject(3)  # an ejection that was pending when the recorder died
        line.until(lambda _: len(parts_of(line)) == sent + 1 and not line.ring.count_held())
        parts = parts_of(line)
        check_image(line, parts["P1000"], 1_000)
        check_image(line, parts["P1001"], 1_001)
        assert parts["P3"].outcome == "ejected"
        assert all(p.verdict is not None for p in parts.values())
        assert missed_of(line, "gutteil.verdict") == missed_of(line, "gutteil.trigger") == 0
        assert not [a for a in line.alarms if a.active]


def test_what_the_station_no_longer_has_is_a_gap_and_its_images_are_lost(folder: Path) -> None:
    """The recorder was away for longer than the history lasts."""
    with line_in(folder, history=100) as line:
        line.part(1)
        line.settled(1)
        line.kill_recorder()
        for n in range(2, 10):
            line.part(n)  # its images are to be kept
        for n in range(10, 160):
            line.part(n, "OK", keep=False)
        line.start_recorder()
        line.until(lambda b: b.counts["missed"] > 0 and b.counts["backlog"] == 0)
        more = itertools.count(160)
        line.until(
            lambda _: {"messages-missed", "evidence-lost"} <= {a.code for a in line.alarms if a.active}, lambda: line.part(next(more))
        )
        line.until(lambda b: b.counts["backlog"] == 0 and len(parts_of(line)) == line.station.count(Verdict) - 58)
        assert missed_of(line, "gutteil.verdict") == 58
        with sqlite3.connect(line.database) as db:
            assert db.execute("SELECT first_seq, last_seq FROM gaps WHERE topic = 'gutteil.verdict'").fetchall() == [(2, 59)]


def test_an_overrun_ring_is_lost_evidence_and_an_alarm(folder: Path) -> None:
    size = (1_000, 1_000)
    with line_in(folder, slot_bytes=1_000_000) as line:
        slots = line.ring.slots
        line.signal(signal.SIGSTOP)
        for n in range(1, 2 * slots + 1):
            line.part(n, image=picture(n, size))
        line.signal(signal.SIGCONT)
        beat = line.settled(2 * slots)
        states = [p.evidence for p in parts_of(line).values()]
        assert (states.count("stored"), states.count("lost")) == (slots, slots)
        assert beat.counts["lost"] == slots == line.ring.lost
        line.until(lambda _: any(a.code == "evidence-lost" and a.active and a.remedy for a in line.alarms))
        with open_store(line.database, read_only=True) as store:
            assert store.reconcile().evidence_lost == slots
        # the alarm is part of the record as well
        line.until(lambda _: _alarms(line).get("evidence-lost", 0) >= 1)


def _alarms(line: LineOfOne) -> dict[str, int]:
    with closing(sqlite3.connect(line.database)) as db:
        return dict(db.execute("SELECT code, count(*) FROM alarms GROUP BY code").fetchall())


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "gutteil-test", str(folder)], capture_output=True).returncode
    ):
        pytest.skip("a disk of 4 MB needs the right to mount; the file size limit stands in for it")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _fill(file: FileIO) -> None:
    while True:
        file.write(b"x" * 65_536)


def _full_disk(line: LineOfOne, count: int) -> None:
    """With the disk full: rows and images wait, the alarm says so, nothing crashes."""
    for n in range(2, count + 2):
        line.part(n)
    beat = line.until(lambda b: b.state == "fault" and b.counts["backlog"] >= 3 * count)
    assert "not being kept" in beat.detail
    alarm = next(a for a in line.alarms if a.code == "record-not-kept")
    assert (alarm.severity, alarm.active) == ("fault", True)
    assert "free space" in alarm.remedy
    assert line.ring.count_held() == count


def _room_again(line: LineOfOne, count: int) -> None:
    beat = line.settled(count + 1)
    assert (beat.state, beat.counts["lost"], beat.counts["missed"]) == ("ready", 0, 0)
    parts = parts_of(line)
    assert len(parts) == count + 1
    for n in range(1, count + 2):
        check_image(line, parts[f"P{n}"], n)
    line.until(lambda _: any(a.code == "record-not-kept" and not a.active for a in line.alarms))
    assert line.stop_recorder() == 0


def test_a_full_disk_is_said_and_caught_up_with(folder: Path) -> None:
    (folder / "disk").mkdir()
    with small_disk(folder / "disk"), line_in(folder, record="disk") as line:
        line.part(1)
        line.settled(1)
        ballast = folder / "disk" / "ballast"
        with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            _fill(file)
        _full_disk(line, 30)
        ballast.unlink()
        _room_again(line, 30)


def test_a_file_size_limit_is_said_and_caught_up_with(folder: Path) -> None:
    with line_in(folder) as line:
        line.part(1)
        line.settled(1)
        assert line.process is not None
        _, hard = resource.prlimit(line.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(line.process.pid, resource.RLIMIT_FSIZE, (1_000, hard))
        _full_disk(line, 30)
        resource.prlimit(line.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        _room_again(line, 30)


def test_what_does_not_fit_in_memory_waits_in_the_bus(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program holds the database's lock: memory stays within its bound and nothing is lost."""
    monkeypatch.setattr(edge.recorder, "MAX_PENDING", 40)
    stop = threading.Event()
    with line_in(folder, start=False) as line:
        recorder = Recorder(line.config)
        thread = threading.Thread(target=recorder.run, args=(stop,))
        thread.start()
        try:
            for publisher, name in ((line.rejector, "a"), (line.station, "b")):
                line.connect(publisher, name)
            line.until(lambda b: b.counts["backlog"] == 0)
            with closing(sqlite3.connect(line.database)) as other:
                other.execute("BEGIN IMMEDIATE")
                for n in range(1, 101):
                    line.part(n, "OK", keep=False)
                line.until(lambda b: b.state == "fault" and b.counts["backlog"] > 30)
                time.sleep(0.3)
                assert len(recorder._pending) <= 40
                other.rollback()
            beat = line.settled(100)
            assert (beat.counts["missed"], beat.state) == (0, "ready")
            assert len(parts_of(line)) == 100
        finally:
            stop.set()
            thread.join()


def test_a_second_recorder_and_a_wrong_record_are_refused(folder: Path) -> None:
    """A second one fails at the bus (tcp), or at the folder's lock (ipc, which would let it in, or another endpoint)."""
    with line_in(folder) as line:
        elsewhere = line.config.bus.model_copy(update={"recorder": f"ipc://{folder}/second"})
        second = Recorder(line.config.model_copy(update={"bus": elsewhere}))
        with pytest.raises(StoreError, match="another recorder writes there"):
            second.run(threading.Event())
    data = Path(line.config.record.folder)
    open_store(data / "gutteil.db").close()
    (data / "gutteil.db").write_text("this is no database, and long enough to be seen as none" * 20)
    with pytest.raises(StoreError, match="move it away"):
        Recorder(line.config).run(threading.Event())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        bus = line.config.bus.model_copy(update={"recorder": f"tcp://127.0.0.1:{taken.getsockname()[1]}"})
        with pytest.raises(BusError, match="is another one running"):
            Recorder(line.config.model_copy(update={"bus": bus}))


def test_heartbeats_come_while_nothing_happens_and_write_little(folder: Path) -> None:
    with line_in(folder) as line:
        beats: list[Heartbeat] = []
        log = Path(f"{line.database}-wal")
        line.until(lambda b: b.counts["backlog"] == 0)
        size = log.stat().st_size
        line.until(lambda b: beats.append(b) or len({x.seq for x in beats}) >= 4)  # type: ignore[func-returns-value]
        assert log.stat().st_size - size < 100_000
        assert all(b.period_s == 0.5 for b in beats)
