"""The recorder as a process of its own, on real sockets, a real ring and real disks: slow, stopped, killed."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import edge.recorder
from edge.errors import BusError, StoreError
from edge.messages import Heartbeat, Verdict
from edge.recorder import Recorder
from edge.store import open_store
from tests.edge.line_of_one import LineOfOne, line_in, picture, read_image


def missed_of(line: LineOfOne, topic: str) -> int:
    with closing(sqlite3.connect(line.database)) as db:
        return int(db.execute("SELECT coalesce(sum(last_seq - first_seq + 1), 0) FROM gaps WHERE topic = ?", (topic,)).fetchone()[0])


def test_everything_is_kept_and_let_go(folder: Path) -> None:
    with line_in(folder) as line:
        for n in range(1, 41):
            line.part(n, "NG" if n % 2 else "OK", keep=bool(n % 2), reference=1_000 + n % 3)
        beat = line.settled(40)
        assert (beat.sender, beat.state, beat.counts["lost"], beat.counts["missed"]) == ("recorder", "ready", 0, 0)
        assert beat.counts["images"] == 40
        assert line.ring.count_held() == 0
        parts = line.parts()
        assert len(parts) == 40
        for n in range(1, 41, 2):
            part = parts[f"P{n}"]
            line.check_image(part, n)
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
        assert "P41" in line.parts()
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
        parts = line.parts()
        assert len(parts) == 151
        for n in range(4, 152, 4):
            line.check_image(parts[f"P{n}"], n)
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
        parts = line.parts()
        assert len(parts) >= acknowledged > 0
        for n in freed:
            line.check_image(parts[f"P{n}"], n)
        line.part(1_000)  # while nobody records: it is said again to the next recorder
        sent = len(refs) + 1
        line.start_recorder()
        line.part(1_001)
        line.eject(3)  # an ejection that was pending when the recorder died
        line.until(lambda _: len(line.parts()) == sent + 1 and not line.ring.count_held())
        parts = line.parts()
        line.check_image(parts["P1000"], 1_000)
        line.check_image(parts["P1001"], 1_001)
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
        line.until(lambda b: b.counts["backlog"] == 0 and len(line.parts()) == line.station.count(Verdict) - 58)
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
        states = [p.evidence for p in line.parts().values()]
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
                line.until(lambda b: b.state == "fault" and b.counts["backlog"] > 20)
                time.sleep(0.3)
                assert len(recorder._pending) <= 40
                other.rollback()
            beat = line.settled(100)
            assert (beat.counts["missed"], beat.state) == (0, "ready")
            assert len(line.parts()) == 100
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
