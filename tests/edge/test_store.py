"""The record on real SQLite files: any order, any repetition, any split into batches gives the same content."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import StoreError
from edge.messages import (
    AnyMessage,
    Heartbeat,
    VerdictWord,
    decode,
    encode,
)
from edge.rows import Batch
from edge.sequences import Gap
from edge.store import open_store
from tests.edge.story import (
    EVIDENCE,
    GAPS,
    REJECTOR_EPOCH,
    STATION_EPOCH,
    STORY,
    T0,
    dump,
    ejection_of,
    query,
    run_of,
    stamp,
    trigger_of,
    verdict_of,
)


@pytest.fixture(scope="module")
def told_in_order(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, ...]]]:
    path = tmp_path_factory.mktemp("order") / "gutteil.db"
    with open_store(path) as store:
        store.write(Batch(STORY, [], EVIDENCE, GAPS))
    return dump(path)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    order=st.permutations(range(len(STORY))),
    again=st.lists(st.integers(0, len(STORY) - 1), max_size=12),
    cuts=st.sets(st.integers(1, len(STORY)), max_size=4),
)
def test_any_order_repetition_and_split_gives_the_same_record(
    told_in_order: dict[str, Any], order: list[int], again: list[int], cuts: set[int]
) -> None:
    told = [STORY[i] for i in [*order, *again]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gutteil.db"
        with open_store(path) as store:
            for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(told)], strict=True):
                store.write(Batch(told[begin:end], [], EVIDENCE, GAPS))
            assert store.integrity() == []
        assert dump(path) == told_in_order


def test_the_rows_say_what_the_messages_said(tmp_path: Path) -> None:
    with open_store(tmp_path / "gutteil.db") as store:
        store.write(Batch(STORY, [], EVIDENCE, GAPS))
        part = store.inspection("P1")
        assert part is not None
        assert (part.run_id, part.station, part.trigger_id, part.encoder, part.simulated) == ("R1", "S1", 1, 100, True)
        assert part.triggered_at == "2026-09-21T14:13:20.995Z"
        assert (part.verdict, part.reasons, part.expected) == ("NG", ["open x1", "über"], "NG")
        assert [(d.kind, d.score, d.x1, d.y1, d.x2, d.y2, d.verdict) for d in part.defects] == [
            ("open", 0.9, 1, 2, 30, 40.5, "NG"),
            ("short", 0.4, 5, 5, 9, 9, "UNDECIDED"),
        ]
        assert (part.capture_us, part.prepare_us, part.infer_us, part.decode_us, part.decide_us, part.total_us) == (1, 2, 3, 4, 5, 15)
        assert (part.evidence, part.image_path, part.image_sha256) == ("stored", "images/a.png", "aa")
        assert (part.reference_evidence, part.reference_path, part.reference_sha256) == ("stored", "images/references/b.png", "bb")
        assert (part.outcome, part.ejection_reason, part.ejection_offset_us) == ("ejected", "NG", 42.0)
        evidence = {p.part_id: p.evidence for p in store.last(100)}
        assert (evidence["P2"], evidence["P4"], evidence["P5"]) == ("sampled out", "lost", None)
        assert store.inspection("P999") is None


def test_last_is_newest_first_and_by_verdict(tmp_path: Path) -> None:
    with open_store(tmp_path / "gutteil.db") as store:
        store.write(Batch([verdict_of(n, "NG" if n % 3 == 0 else "OK") for n in range(1, 31)]))
        assert [p.part_id for p in store.last(3)] == ["P30", "P29", "P28"]
        assert [p.part_id for p in store.last(3, "NG")] == ["P30", "P27", "P24"]
        assert len(store.last(3)[0].defects) == 2
        assert store.last(3, "UNDECIDED") == []
        assert store.last(0) == []


def test_reconcile_names_what_does_not_fit(tmp_path: Path) -> None:
    with open_store(tmp_path / "gutteil.db") as store:
        store.write(Batch(STORY, [], EVIDENCE, GAPS))
        books = store.reconcile()
        assert (books.triggers, books.verdicts) == (6, {"OK": 2, "NG": 2, "UNDECIDED": 1})
        assert (books.passed, books.ejected, books.missed, books.no_outcome, books.unseen) == (2, 3, 1, 1, 1)
        assert (books.escapes, books.expected_ng, books.overkill, books.expected_ok) == (1, 2, 1, 1)
        assert (books.messages_missed, books.evidence_lost, books.waiting) == (3, 1, ["P4"])
        unseen = f"S1-unseen-rejector-{REJECTOR_EPOCH}-77"
        assert {m.part_id: m.why for m in books.misfits} == {
            unseen: "not announced by the station",
            "P3": "no verdict",
            "P5": "no trigger announcement",
            "P6": "two different messages of one kind",
        }
        assert books.misfit_count == 4
        assert not books.closes
        # the unseen part names no run: it belongs to the run that was on (R1 until second 100)
        assert store.reconcile("R1").unseen == 1
        second = store.reconcile("R2")
        assert (second.triggers, second.no_outcome, second.unseen, second.messages_missed, second.closes) == (1, 1, 0, 3, False)
        assert store.reconcile("R9").triggers == 0
        assert books.as_dict()["closes"] is False
        msgspec.json.encode(books.as_dict())


def test_a_whole_run_closes_and_any_missing_message_opens_it(tmp_path: Path) -> None:
    whole: list[AnyMessage] = [run_of()]
    for n in range(1, 9):
        whole += [trigger_of(n), verdict_of(n, "NG" if n % 2 else "OK"), ejection_of(n, "ejected" if n % 2 else "passed")]
    for left_out in [None, *range(1, len(whole))]:
        with open_store(tmp_path / f"{left_out}.db") as store:
            store.write(Batch([m for i, m in enumerate(whole) if i != left_out]))
            assert store.reconcile("R1").closes is (left_out is None), whole[left_out or 0]


def test_passed_without_an_ok_verdict_never_fits(tmp_path: Path) -> None:
    with open_store(tmp_path / "gutteil.db") as store:
        store.write(Batch([trigger_of(1), verdict_of(1, "NG"), ejection_of(1, "passed"), trigger_of(2), ejection_of(2, "passed")]))
        assert [(m.part_id, m.why) for m in store.reconcile().misfits] == [
            ("P1", "passed without an OK verdict"),
            ("P2", "passed without an OK verdict"),
        ]


def test_a_part_announced_after_its_ejection_is_one_part(tmp_path: Path) -> None:
    """The rejector knew no part_id: station and trigger number bring the two rows together, nearest in time."""
    with open_store(tmp_path / "gutteil.db") as store:
        store.write(Batch([run_of(), ejection_of(4, "ejected", part_id="", run_id=""), trigger_of(4), verdict_of(4, "UNDECIDED")]))
        for books in (store.reconcile(), store.reconcile("R1")):
            assert (books.triggers, books.ejected, books.no_outcome, books.unseen, books.misfits) == (1, 1, 0, 0, [])
            assert books.closes
        # the same number an hour later, after the line has started anew, is another part
        late = msgspec.structs.replace(verdict_of(4, "UNDECIDED", seq=8), part_id="P4b", trigger_wall_ns=T0 + 3600 * 10**9)
        store.write(Batch([late, msgspec.structs.replace(trigger_of(4), part_id="P4b", seq=8)]))
        assert store.reconcile().waiting == ["P4b"]


@pytest.mark.parametrize(("word", "fits"), [("OK", True), ("NG", False), ("UNDECIDED", False), (None, False)])
def test_a_part_that_passed_on_the_word_of_an_earlier_rejector_is_one_part_if_that_word_can_have_been_ok(
    tmp_path: Path, word: VerdictWord | None, fits: bool
) -> None:
    """Its successor knew the number alone."""
    said: list[AnyMessage] = [run_of(), ejection_of(4, "passed", part_id="", run_id=""), trigger_of(4)]
    with open_store(tmp_path / "gutteil.db") as store:
        store.write(Batch([*said, verdict_of(4, word)] if word else said))
        assert store.reconcile().closes is fits
        assert store.reconcile("R1").closes is fits


def test_alarms_begin_and_end(tmp_path: Path) -> None:
    with open_store(tmp_path / "gutteil.db") as store:
        store.write(Batch(STORY))
        spans = "SELECT text, begin_wall_ns, end_wall_ns FROM alarms ORDER BY begin_wall_ns"
        assert query(store.path, spans) == [("gone", T0 + 5 * 10**9, T0 + 9 * 10**9), ("gone again", T0 + 11 * 10**9, None)]
        restarted = msgspec.structs.replace(Heartbeat(**stamp(1), state="ready", period_s=0.5), epoch=T0 + 20 * 10**9)
        store.write(Batch(repeats=[restarted]))
        assert [end for _, _, end in query(store.path, spans)] == [T0 + 9 * 10**9, T0 + 20 * 10**9]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_message_that_can_be_decoded_can_be_written(tmp_path: Path, data: st.DataObject) -> None:
    """No message may block the recorder: extremes of every field, through the wire format."""
    large = st.sampled_from([0, 1, 2**63 - 1])
    name = st.sampled_from(["", "x", "a\x00b", "../../etc", "ü" * 200, "'; DROP TABLE runs; --"])
    changes = {
        "run_id": data.draw(name),
        "part_id": data.draw(name),
        "trigger_id": data.draw(large),
        "wall_ns": data.draw(large),
        "mono_ns": data.draw(large),
    }
    trigger = msgspec.structs.replace(
        trigger_of(1), **changes, trigger_ns=data.draw(large), encoder=data.draw(st.sampled_from([None, -(2**70), 2**70, 5]))
    )
    verdict = msgspec.structs.replace(
        verdict_of(1, "NG"), **changes, trigger_wall_ns=data.draw(large), source=data.draw(name), epoch=data.draw(large)
    )
    ejection = msgspec.structs.replace(
        ejection_of(1), **changes, offset_us=data.draw(st.sampled_from([-1e12, 0.0, 1e12])), seq=data.draw(large)
    )
    told = [decode(encode(m)) for m in (trigger, verdict, ejection)]
    with open_store(tmp_path / "gutteil.db") as store:
        store.write(Batch(told))
        assert len(store.last(3)) > 0
        store.reconcile()
        assert store.integrity() == []


def test_readers_see_whole_batches_while_the_recorder_writes(tmp_path: Path) -> None:
    path = tmp_path / "gutteil.db"
    done = threading.Event()

    def write() -> None:
        with open_store(path) as store:
            for begin in range(0, 600, 20):
                store.write(Batch([verdict_of(n) for n in range(begin + 1, begin + 21)]))
                time.sleep(0.01)
        done.set()

    open_store(path).close()
    writer = threading.Thread(target=write)
    writer.start()
    counts = set()
    with open_store(path, read_only=True) as reader:
        while not done.is_set():
            counts.add(len(reader.last(10_000)))
            assert sum(reader.reconcile().verdicts.values()) % 20 == 0
        assert len(reader.last(10_000)) == 600
        with pytest.raises(StoreError, match="not writable"):
            reader.write(Batch([verdict_of(1)]))
    writer.join()
    assert len(counts) > 3
    assert all(count % 20 == 0 for count in counts)
    with open_store(path, read_only=True) as reader:  # also when nobody writes
        assert len(reader.last(1)) == 1


def test_a_killed_writer_leaves_whole_batches(tmp_path: Path) -> None:
    """kill -9 in mid-write: what `write` returned from is there, nothing else, and the file is sound."""
    path = tmp_path / "gutteil.db"
    script = (
        "import sys; from pathlib import Path; from edge.rows import Batch; from edge.store import open_store; from tests.edge.story import *\n"
        f"store = open_store(Path({str(path)!r}))\n"
        "for begin in range(0, 10**6, 50):\n"
        "    store.write(Batch([verdict_of(n, 'NG') for n in range(begin + 1, begin + 51)])); print(begin + 50, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(12)]
        child.kill()
        told += child.stdout.read().split("\n")[:-1]  # a cut last line was not told
    acknowledged = int(told[-1])
    with open_store(path) as store:
        kept = len(store.last(10**6))
        assert kept >= acknowledged
        assert kept % 50 == 0
        assert all(len(p.defects) == 2 for p in store.last(10**6))
        assert store.integrity() == []


def test_a_failed_batch_leaves_nothing_behind(tmp_path: Path) -> None:
    with open_store(tmp_path / "gutteil.db") as store:
        bad = msgspec.structs.replace(verdict_of(2), verdict="PERHAPS")  # as if another release had put it there
        with pytest.raises(StoreError, match="CHECK"):
            store.write(Batch([run_of(), verdict_of(1), bad]))
        assert store.last(10) == []
        assert store.reconcile().triggers == 0
        store.write(Batch([verdict_of(1)]))
        assert len(store.last(10)) == 1


def test_migrations_are_recorded_and_run_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "gutteil.db"
    open_store(path).close()
    first = dump(path)
    open_store(path).close()
    assert dump(path) == first
    assert query(path, "SELECT name FROM _sqlite_migrations WHERE migration_set = 'gutteil'") == [
        ("0001_record",),
        ("0002_keeping",),
        ("0003_reviews",),
        ("0004_stopped",),
        ("0005_models",),
        ("0006_search",),
        ("0008_recipe_versions",),
    ]
    assert query(path, "PRAGMA journal_mode") == [("wal",)]


def test_queries_use_an_index(tmp_path: Path) -> None:
    open_store(tmp_path / "gutteil.db").close()
    for where in (
        "1 ORDER BY trigger_wall_ns DESC LIMIT 5",
        "verdict = 'NG' ORDER BY trigger_wall_ns DESC",
        "run_id = 'R1'",
        "part_id = 'P1'",
        "trigger_wall_ns > 5",
    ):
        plan = str(query(tmp_path / "gutteil.db", f"EXPLAIN QUERY PLAN SELECT * FROM inspections WHERE {where}"))
        assert "USING INDEX" in plan, (where, plan)
        assert "TEMP B-TREE" not in plan, (where, plan)


def test_wrong_files_are_refused_with_a_remedy(tmp_path: Path) -> None:
    noise = tmp_path / "noise.db"
    noise.write_bytes(random.Random(1).randbytes(9000))
    foreign = tmp_path / "foreign.db"
    query(foreign, "CREATE TABLE cats (name)")
    newer = tmp_path / "newer.db"
    open_store(newer).close()
    query(newer, "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('gutteil', '9999_from_the_future', '')")
    older = tmp_path / "older.db"
    open_store(older).close()
    query(older, "DELETE FROM _sqlite_migrations")
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    cases: list[tuple[Path, bool, str]] = [
        (noise, False, "not a database.*move it away"),
        (foreign, False, "another program.*record.folder"),
        (foreign, True, "another program"),
        (newer, False, "newer release.*9999_from_the_future"),
        (newer, True, "newer release"),
        (older, True, "older release.*start the recorder"),
        (tmp_path / "missing.db", True, "no record yet"),
        (blocked / "gutteil.db", False, "folder exists"),
    ]
    for path, read_only, words in cases:
        with pytest.raises(StoreError, match=words) as error:
            open_store(path, read_only=read_only)
        assert str(path) in str(error.value)
    assert not (tmp_path / "missing.db").exists()
    assert noise.stat().st_size == 9000
    assert query(foreign, "SELECT count(*) FROM sqlite_master") == [(1,)]


def test_a_damaged_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "gutteil.db"
    with open_store(path) as store:
        store.write(Batch([verdict_of(n, "NG") for n in range(1, 400)]))
        assert store.integrity() == []
    data = bytearray(path.read_bytes())
    for at in range(40_000, 80_000, 64):
        data[at : at + 16] = b"\xff" * 16
    path.write_bytes(data)
    try:
        with open_store(path, read_only=True) as store:
            problems = store.integrity()
    except StoreError as error:
        problems = [str(error)]
    assert problems


def test_what_comes_after_all_is_taken_out_of_the_gaps(tmp_path: Path) -> None:
    """Whichever comes first, the gap or the message; the rest of the stretch stays."""
    verdict = ("S1", "station", "gutteil.verdict", STATION_EPOCH)
    with open_store(tmp_path / "gutteil.db") as store:
        store.write(Batch([], [], {}, [Gap(*verdict, 3, 9), Gap(*verdict, 20, 21), Gap("S2", *verdict[1:], 3, 9)]))
        store.write(Batch([verdict_of(5, seq=5), verdict_of(9, seq=9)], [], {}, []))
        store.write(Batch([verdict_of(6, seq=6), trigger_of(7)], [verdict_of(30, seq=30)], {}, [Gap(*verdict, 6, 6)]))
        assert sorted((g.station, g.first, g.last) for g in store.gaps()) == [
            ("S1", 3, 4), ("S1", 7, 8), ("S1", 20, 21), ("S2", 3, 9),
        ]  # fmt: skip
        store.write(Batch([], [], {}, [Gap(*verdict, 20, 25)]))  # noticed anew by a recorder that has started anew
        assert ("S1", 20, 25) in [(g.station, g.first, g.last) for g in store.gaps()]
