"""What the recorder deletes: files and rows always agree, references stay while they are needed, orphans go, nobody waits."""

from __future__ import annotations

import itertools
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from edge.alarms import Alarms
from edge.bus import Publisher
from edge.config import Record
from edge.evidence import ImageFolder
from edge.messages import AnyMessage, Heartbeat, VerdictWord
from edge.migrations import MIGRATIONS
from edge.rows import Batch, Evidence, StoredFile
from edge.store import Store, open_store
from edge.upkeep import Upkeep
from tests.edge.line_of_one import line_in, picture
from tests.edge.story import ejection_of, image_ref, query, verdict_of

DAY_S = 86_400


class Record1:
    """A record with images, made by the recorder's own parts, and its upkeep."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.store = open_store(folder / "gutteil.db")
        self.images = ImageFolder(folder)
        self.publisher = Publisher(f"ipc://{folder}/bus", "S1", "recorder", simulated=True)
        self.again(**settings)

    def again(self, **settings: Any) -> None:
        given = {"min_free_gb": 0} | settings
        self.alarms = Alarms(self.publisher)
        self.upkeep = Upkeep(self.folder, Record(**given), self.alarms)

    def keep(self, n: int, word: VerdictWord = "NG", reference: int | None = None, age_days: float = 0) -> StoredFile:
        wall_ns = time.time_ns() - int(age_days * DAY_S * 1e9)
        image = self.images.add(f"P{n}", wall_ns, picture(n))
        ref = self.images.add_reference(self.store.reference, picture(reference)) if reference is not None else None
        self.images.commit()
        refs: dict[str, Any] = {"image": image_ref(), "reference": image_ref() if ref is not None else None}
        self.store.write(Batch([verdict_of(n, word, **refs, trigger_wall_ns=wall_ns)], [], {f"P{n}": Evidence(image, ref)}))
        return image

    def work(self, seconds: float = 20) -> None:
        """Until there is nothing more to do."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            begin = time.monotonic()
            self.upkeep.step(self.store)
            if self.upkeep.next_at - time.monotonic() > 0.9 and time.monotonic() - begin < 0.2:
                return
            time.sleep(max(0.0, self.upkeep.next_at - time.monotonic()))
        raise AssertionError("it never ends")

    def files(self) -> list[str]:
        return sorted(p.name for p in (self.folder / "images").rglob("*.png"))

    def evidence(self) -> dict[str, str | None]:
        return {p.part_id: p.evidence for p in self.store.last(1000)}

    def close(self) -> None:
        self.store.close()
        self.publisher.close()


@pytest.fixture
def record(folder: Path) -> Any:
    made = Record1(folder)
    yield made
    made.close()


def test_the_least_worth_goes_first(record: Record1) -> None:
    """OK samples, then what was rejected, last what does not fit the books."""
    for n, word in ((1, "NG"), (2, "OK"), (3, "UNDECIDED"), (4, "OK"), (5, "NG")):
        record.keep(n, word, age_days=10 - n)  # type: ignore[arg-type]
    record.store.write(Batch([ejection_of(1, "passed"), ejection_of(2, "passed"), ejection_of(3, "ejected")]))
    size = record.store.used() / 5
    for images, gone in ((5, ""), (4, "2"), (3, "24"), (2, "243"), (1, "2435"), (0.5, "24351")):
        record.again(quota_gb=images * size * 1.002 / 1e9)
        record.work()
        assert [f"P{n}" for n in gone] == [p for p in ("P2", "P4", "P3", "P5", "P1") if record.evidence()[p] == "expired"]
        assert record.files() == sorted(f"P{n}.png" for n in "12345" if n not in gone)
    part = record.store.inspection("P1")
    assert part is not None
    assert (part.evidence, part.image_path) == ("expired", None)
    assert part.image_sha256  # what it was can still be proved
    assert record.store.used() == 0


def test_by_age(record: Record1) -> None:
    for n in range(1, 6):
        record.keep(n, age_days=2 * n)
    record.again(keep_days=5)
    record.work()
    assert record.evidence() == {"P1": "stored", "P2": "stored", "P3": "expired", "P4": "expired", "P5": "expired"}
    assert record.upkeep.expired == 3
    assert record.files() == ["P1.png", "P2.png"]


def test_a_reference_stays_while_an_image_needs_it(record: Record1) -> None:
    record.keep(1, reference=100, age_days=9)
    record.keep(2, reference=100, age_days=1)
    record.keep(3, reference=200, age_days=9)
    record.keep(4, reference=300, age_days=9)
    record.store.hold("P4", "Anna", "claim")
    record.again(keep_days=5)
    record.work()
    assert record.evidence() == {"P1": "expired", "P2": "stored", "P3": "expired", "P4": "stored"}
    rows = {p.part_id: p for p in record.store.last(9)}
    assert {n: p.reference_evidence for n, p in rows.items()} == {"P1": "stored", "P2": "stored", "P3": "expired", "P4": "stored"}
    assert rows["P3"].reference_path is None
    assert len(list((record.folder / "images" / "references").rglob("*.png"))) == 2
    record.keep(5, reference=200)  # the same again: a new file, and the row says so
    row = record.store.inspection("P5")
    assert row is not None
    assert row.reference_path is not None
    assert (record.folder / row.reference_path).is_file()
    record.store.release("P4", "Anna", "settled")
    record.again(quota_gb=1e-9)
    record.work()
    assert (record.files(), record.store.used()) == ([], 0)
    assert query(record.store.path, "SELECT * FROM kept_bytes") == [("images", 0, 0), ("references", 0, 0)]


def test_a_crash_between_row_and_file_is_mended(record: Record1) -> None:
    for n in range(1, 4):
        record.keep(n, reference=n + 100)
    _, paths = record.store.expire(["P1", "P2"])  # and here it dies
    assert len(paths) == 4
    record.store.hold("P2", "Anna", "claim")  # comes too late, but the file is still there
    record.again()
    record.work()
    assert record.evidence() == {"P1": "expired", "P2": "stored", "P3": "stored"}
    assert [f for f in record.files() if f.startswith("P")] == ["P2.png", "P3.png"]
    assert record.upkeep.orphans >= 2


def test_orphans_go_after_a_week_and_another_databases_files_never(record: Record1) -> None:
    kept = record.keep(1)
    folder = (record.folder / kept.path).parent
    days = {"week": 8, "new": 6, "older-than-the-record": 40}
    query(record.store.path, "UPDATE _sqlite_migrations SET applied_at = datetime('now', '-30 days')")
    for name, age in days.items():
        (folder / f"{name}.png").write_bytes(b"x")
        os.utime(folder / f"{name}.png", (time.time() - age * DAY_S,) * 2)
    (folder / "notes.txt").write_text("not ours")
    os.utime(folder / "notes.txt", (time.time() - 8 * DAY_S,) * 2)
    outside = record.folder / "week.png"
    outside.write_bytes(b"x")
    (folder / "link.png").symlink_to(outside)
    empty = record.folder / "images" / "2020" / "02" / "03"
    empty.mkdir(parents=True)
    os.utime(empty, (time.time() - 8 * DAY_S,) * 2)
    record.again()
    record.work()
    assert record.files() == ["P1.png", "link.png", "new.png", "older-than-the-record.png"]
    assert (folder / "notes.txt").exists()
    assert outside.exists()
    assert not (record.folder / "images" / "2020").exists()


def test_a_row_cannot_lead_out_of_the_folder(record: Record1) -> None:
    record.keep(1)
    outside = record.folder / "precious.png"
    outside.write_bytes(b"x")
    query(record.store.path, "UPDATE inspections SET image_path = 'images/../precious.png'")
    record.again(quota_gb=1e-9)
    record.work()
    assert outside.exists()


def test_a_disk_that_lets_nothing_go_costs_no_more_rows(record: Record1) -> None:
    """A file that cannot be deleted (here: it is a folder) is tried again; nothing else is marked as deleted meanwhile."""
    first = record.keep(1, age_days=9)
    for n in range(2, 300):
        record.keep(n, age_days=8)
    (record.folder / first.path).unlink()
    (record.folder / first.path).mkdir()
    record.again(keep_days=5)
    for _ in range(3):
        record.upkeep.next_at = 0.0
        record.upkeep.step(record.store)
    expired = sum(e == "expired" for e in record.evidence().values())
    for _ in range(5):
        record.upkeep.next_at = 0.0
        record.upkeep.step(record.store)
    assert sum(e == "expired" for e in record.evidence().values()) == expired < 299
    assert record.alarms.active("cannot-delete")
    (record.folder / first.path).rmdir()
    record.upkeep.next_at = 0.0
    record.work()
    assert record.files() == []
    assert not record.alarms.active("cannot-delete")


def test_a_record_of_the_first_release_is_brought_up_to_date(folder: Path) -> None:
    path = folder / "gutteil.db"
    old = Database(sqlite3.connect(path))
    MIGRATIONS.apply(old, stop_before="0002_keeping")
    images = folder / "images" / "2026" / "01" / "02"
    images.mkdir(parents=True)
    for n in range(1, 201):
        old.execute(
            "INSERT INTO inspections (part_id, station, trigger_id, trigger_wall_ns, simulated, verdict, evidence, image_path, image_sha256)"
            " VALUES (?, 'S1', ?, ?, 0, 'NG', 'stored', ?, 'x')",
            (f"P{n}", n, n, f"images/2026/01/02/P{n}.png"),
        )
        (images / f"P{n}.png").write_bytes(bytes(1000))
    old.conn.commit()
    old.close()
    record = Record1(folder, quota_gb=150_000 / 1e9)
    try:
        record.work()
        assert record.store.used() == 150_000
        assert [p for p, e in record.evidence().items() if e == "expired"] == [f"P{n}" for n in range(50, 0, -1)]
        assert len(record.files()) == 150
        assert record.store.integrity() == []
    finally:
        record.close()


def make_old(folder: Path, count: int) -> None:
    """A record of last month."""
    with open_store(folder / "gutteil.db") as store:
        at_ns = time.time_ns() - 30 * DAY_S * 10**9
        images = folder / "images" / "2020" / "01" / "01"
        images.mkdir(parents=True)
        messages: list[AnyMessage] = []
        evidence = {}
        for n in range(1, count + 1):
            name = f"images/2020/01/01/old{n}.png"
            (folder / name).write_bytes(b"x" * 100)
            evidence[f"P{n}"] = Evidence(StoredFile(name, "x", size=100))
            messages.append(verdict_of(n, "NG", image=image_ref(), trigger_wall_ns=at_ns))
        store.write(Batch(messages, [], evidence))


def claimed(store: Store) -> set[str]:
    return {p.image_path for p in store.last(100_000) if p.image_path is not None}


def test_batches_and_heartbeats_do_not_wait_for_deletions(folder: Path) -> None:
    make_old(folder / "data", 6_000)
    with line_in(folder, keep_days=7) as line:
        line.part(10_001)
        line.settled(1)
        beats: list[int] = []

        def done(beat: Heartbeat) -> bool:
            beats.append(beat.mono_ns)
            return beat.counts["expired"] == 6_000

        for n in range(10_002, 10_010):
            line.part(n)
            done(line.settled(n - 10_000))
        line.until(done)
        # three periods without one, and a process counts as dead
        assert all(b - a < 1_500_000_000 for a, b in itertools.pairwise(beats))
        line.until(lambda _: not list((line.database.parent / "images" / "2020").rglob("*.png")))
        assert sum(p.evidence == "stored" for p in line.parts().values()) == 9


def test_a_recorder_killed_while_it_deletes_leaves_no_false_row_and_no_orphan(folder: Path) -> None:
    make_old(folder / "data", 2_000)

    def left() -> list[Path]:
        return list((folder / "data" / "images").rglob("*.png"))

    with line_in(folder, keep_days=7) as line:
        for _ in range(2):
            line.until(lambda b: b.counts["expired"] >= 1 or not left())  # a quick machine has done it all by then
            line.kill_recorder()
            with open_store(line.database, read_only=True) as store:
                assert store.integrity() == []
                assert claimed(store) <= {str(p.relative_to(line.database.parent)) for p in line.database.parent.rglob("*.png")}
            line.start_recorder()
        line.until(lambda _: not left())
        assert {p.evidence for p in line.parts().values()} == {"expired"}
