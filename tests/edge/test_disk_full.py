"""A full disk, a real one: the station never notices, the rows go on, what is lost is said, and everything is caught up with."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import FileIO
from pathlib import Path

import pytest

from edge.messages import Heartbeat
from edge.reserve import FILE_NAME, Reserve
from edge.store import open_store
from tests.edge.line_of_one import LineOfOne, line_in

MB = 1_000_000


@contextmanager
def disk_of(mega: int, folder: Path) -> Iterator[Path]:
    """`folder`/disk as a disk of its own; everything on it is gone afterwards."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mega}m", "gutteil-test", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk needs the right to mount (root); the file size limit stands in for it")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Nothing fits any more, not even a byte at the end of a file."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (MB, 4_096, 1):
            with pytest.raises(OSError, match="No space"):
                _grow(file, size)
    return ballast


def _grow(file: FileIO, size: int) -> None:
    while True:
        os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), size)


def spans(line: LineOfOne, code: str) -> list[tuple[int, int | None]]:
    with closing(sqlite3.connect(line.database)) as db:
        return db.execute("SELECT begin_wall_ns, end_wall_ns FROM alarms WHERE code = ? ORDER BY begin_wall_ns", (code,)).fetchall()


def parts_go_by(line: LineOfOne, first: int, count: int, rate_hz: float) -> None:
    begin = time.monotonic()
    for n in range(count):
        line.part(first + n, "OK" if n % 5 == 0 else "NG", keep=n % 5 != 0)
        line.listen(0)
        time.sleep(max(0.0, begin + (n + 1) / rate_hz - time.monotonic()))


def well_again(line: LineOfOne, inspections: int) -> Heartbeat:
    return line.until(
        lambda b: b.state == "ready" and (b.counts["inspections"], b.counts["backlog"], b.counts["owed"]) == (inspections, 0, 0)
    )


def check_books(line: LineOfOne, parts: int, lost: int) -> None:
    """Every part is there whole, and each image is on disk to the bit or said to be lost."""
    rows = line.parts()
    assert len(rows) == parts
    for n in range(1, parts + 1):
        part = rows[f"P{n}"]
        assert part.outcome == ("passed" if part.verdict == "OK" else "ejected")
        if part.evidence == "stored":
            line.check_image(part, n)
        else:
            assert part.evidence in ("lost", "sampled out")
            assert part.image_path is None
    assert sum(p.evidence == "lost" for p in rows.values()) == lost
    with open_store(line.database, read_only=True) as store:
        books = store.reconcile()
        assert books.closes
        assert (books.messages_missed, books.evidence_lost) == (0, lost)


def test_with_room_set_aside_the_rows_are_written_at_once_and_the_images_wait(folder: Path) -> None:
    with disk_of(600, folder) as disk, line_in(folder, record="disk", reserve_mb=10) as line:
        parts_go_by(line, 1, 20, 50)
        line.until(lambda b: b.counts["inspections"] == 20 and (disk / FILE_NAME).is_file())
        assert (disk / FILE_NAME).stat().st_size == 10 * MB
        ballast = fill(disk)
        parts_go_by(line, 21, 200, 50)
        beat = line.until(lambda b: b.counts["inspections"] == 220)  # on the full disk
        assert beat.state == "fault"
        assert "images are not being kept since" in beat.detail
        assert (beat.counts["owed"], beat.counts["lost"]) == (160, 0)
        assert not (disk / FILE_NAME).exists()
        states = [p.evidence for p in line.parts().values()]
        assert states.count("lost") == 160  # true as long as they are in memory only
        alarm = next(a for a in line.alarms if a.code == "record-not-kept")
        assert (alarm.severity, alarm.active) == ("fault", True)
        assert "rows written" in alarm.remedy
        ballast.unlink()
        beat = well_again(line, 220)
        assert (beat.counts["lost"], beat.counts["images"], beat.counts["missed"]) == (0, 176, 0)
        check_books(line, 220, lost=0)
        line.until(lambda _: any(a.code == "record-not-kept" and not a.active for a in line.alarms))
        line.until(lambda _: (disk / FILE_NAME).is_file())
        line.until(lambda _: all(end for _, end in spans(line, "record-not-kept")))
        assert len(spans(line, "record-not-kept")) == 1
        assert line.ring.count_held() == line.ring.lost == 0
        assert line.slowest_s < 3  # a station that waited would have stood as long as the disk was full


def test_what_neither_disk_nor_memory_can_hold_is_counted_and_the_rows_are_complete(folder: Path) -> None:
    """No room set aside, and more images than the ring can hold: four seconds of a full disk."""
    with disk_of(40, folder) as disk, line_in(folder, record="disk", reserve_mb=0) as line:
        parts_go_by(line, 1, 20, 50)
        line.settled(20)
        ballast = fill(disk)
        parts_go_by(line, 21, 2 * line.ring.slots, 200)
        beat = line.until(lambda b: b.state == "fault" and f"({line.ring.lost} images lost" in b.detail)  # before any row can say so
        assert "the record is not being kept since" in beat.detail
        ballast.unlink()
        total = 20 + 2 * line.ring.slots
        beat = well_again(line, total)
        assert beat.counts["lost"] == line.ring.lost > 0
        check_books(line, total, lost=line.ring.lost)
        said = next(a for a in line.alarms if a.code == "evidence-lost" and a.active)
        assert f"{line.ring.lost} since" in said.text
        line.until(lambda _: all(end for _, end in spans(line, "record-not-kept")))
        assert line.slowest_s < 3  # a station that waited would have stood as long as the disk was full
        assert line.stop_recorder() == 0


def test_a_recorder_that_starts_on_a_full_disk_keeps_the_rows(folder: Path) -> None:
    with disk_of(600, folder) as disk, line_in(folder, record="disk", reserve_mb=10) as line:
        line.part(1)
        line.until(lambda b: b.counts["inspections"] == 1 and (disk / FILE_NAME).is_file())
        line.kill_recorder()
        ballast = fill(disk)
        line.start_recorder()
        parts_go_by(line, 2, 30, 50)
        line.until(lambda b: b.state == "fault" and b.counts["inspections"] == 30)
        line.kill_recorder()  # what it said is on disk is on disk
        assert len(line.parts()) == 31
        assert {p.evidence for n, p in line.parts().items() if n != "P1"} == {"lost", "sampled out"}
        ballast.unlink()
        line.start_recorder()
        line.part(32)
        well_again(line, 1)
        line.check_image(line.parts()["P32"], 32)


def test_retention_makes_room_before_the_disk_is_full(folder: Path) -> None:
    with disk_of(20, folder) as disk, line_in(folder, record="disk", min_free_gb=0.05) as line:  # a tenth of 20 MB

        def room(_: object = None) -> bool:
            return os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize >= 2 * MB

        for first in range(1, 1_201, 40):  # less than the room in between, as the recorder has a second to see that it is too little
            parts_go_by(line, first, 40, 200)
            line.settled(first + 39)
            line.until(room)
        beat = line.settled(1_200)
        assert (beat.counts["lost"], beat.counts["missed"]) == (0, 0)
        assert beat.counts["expired"] > 200
        assert not [a for a in line.alarms if a.code == "record-not-kept"]
        rows = line.parts()
        gone = [int(p[1:]) for p, row in rows.items() if row.evidence == "expired"]
        kept = [int(p[1:]) for p, row in rows.items() if row.evidence == "stored"]
        assert max(gone) < min(kept)
        for n in kept:
            line.check_image(rows[f"P{n}"], n)
        line.until(lambda _: len(list((disk / "images").glob("2*/*/*/*.png"))) == len(kept))
        with open_store(line.database, read_only=True) as store:
            assert store.reconcile().closes


def test_a_file_size_limit_is_said_and_caught_up_with(folder: Path) -> None:
    """Without the right to mount: neither an image nor a row can be written."""
    with line_in(folder, reserve_mb=0) as line:
        line.part(1)
        line.settled(1)
        assert line.process is not None
        _, hard = resource.prlimit(line.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(line.process.pid, resource.RLIMIT_FSIZE, (1_000, hard))
        for n in range(2, 32):
            line.part(n)
        beat = line.until(lambda b: b.state == "fault" and b.counts["backlog"] >= 90)
        assert "the record is not being kept" in beat.detail
        alarm = next(a for a in line.alarms if a.code == "record-not-kept")
        assert "free space" in alarm.remedy
        assert line.ring.count_held() == 30
        resource.prlimit(line.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        beat = well_again(line, 31)
        assert (beat.counts["lost"], beat.counts["missed"]) == (0, 0)
        check_books(line, 31, lost=0)
        line.until(lambda _: any(a.code == "record-not-kept" and not a.active for a in line.alarms))
        assert line.stop_recorder() == 0


def test_room_is_set_aside_only_where_there_is_plenty(folder: Path) -> None:
    with disk_of(100, folder) as disk:
        reserve = Reserve(disk, 50 * MB)
        free = reserve.room()
        assert not reserve.release()
        reserve.make()
        made = (disk / FILE_NAME).stat()
        assert made.st_size == made.st_blocks * 512 == 104_857_600 // 50  # a fiftieth, in real blocks
        assert reserve.room() == free  # the room for images is the same: made or missing
        Reserve(disk, 50 * MB).make()  # finds it
        assert reserve.release()
        assert reserve.room() == free
        fill(disk)
        reserve.make()
        assert not (disk / FILE_NAME).exists()
        assert reserve.room() < 0
