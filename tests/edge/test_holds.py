"""Holds: whoever places one in time wins, also against a recorder that is deleting at that moment."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge.cli import app
from edge.errors import StoreError
from edge.rows import Batch, Evidence, StoredFile
from edge.store import Store, open_store
from tests.edge.line_of_one import line_in
from tests.edge.story import image_ref, run_of, trigger_of, verdict_of


def told(path: Path, count: int = 4) -> Store:
    store = open_store(path / "gutteil.db")
    verdicts = [verdict_of(n, "NG", image=image_ref()) for n in range(1, count + 1)]
    evidence = {f"P{n}": Evidence(StoredFile(f"images/P{n}.png", "aa", size=10)) for n in range(1, count + 1)}
    store.write(Batch([run_of(), *verdicts, *(trigger_of(n) for n in range(1, count + 1))], [], evidence))
    return store


def test_a_held_image_stays_until_every_hold_has_ended(tmp_path: Path) -> None:
    with told(tmp_path) as store:
        first = store.hold("P2", "Anna", "claim 17")
        assert (first.number, first.part_id, first.who, first.reason, first.evidence) == (1, "P2", "Anna", "claim 17", "stored")
        second = store.hold("P2", "Ben", "audit")
        assert [k.part_id for k in store.candidates(9)] == ["P1", "P3", "P4"]
        assert store.expire(["P1", "P2"]) == (1, ["images/P1.png"])
        with pytest.raises(StoreError, match=r"held 2 times.*--hold 1: Anna, claim 17; --hold 2: Ben, audit"):
            store.release("P2", "Anna", "settled")
        assert store.release("P2", "Anna", "settled", first.number).released_by == "Anna"
        assert store.expire(["P2"]) == (0, [])
        with pytest.raises(StoreError, match="no hold 1 in force"):
            store.release("P2", "Anna", "settled", first.number)
        store.release("P2", "Cleo", "audit is over")
        part = store.inspection("P2")
        assert part is not None
        assert not part.held
        assert store.expire(["P2"]) == (1, ["images/P2.png"])
        assert store.holds() == []
        history = store.holds(ended=True)
        assert [(h.number, h.who, h.released_by, h.release_reason) for h in history] == [
            (1, "Anna", "Anna", "settled"),
            (second.number, "Ben", "Cleo", "audit is over"),
        ]
        assert store.hold("P1", "Anna", "too late").evidence == "expired"
        assert [(r.op, r.who, r.text) for r in store.audit(9)] == [
            ("hold", "Anna", "P1: too late"),
            ("release", "Cleo", "P2, hold 2 by Ben: audit is over"),
            ("release", "Anna", "P2, hold 1 by Anna: settled"),
            ("hold", "Ben", "P2: audit"),
            ("hold", "Anna", "P2: claim 17"),
        ]
        assert store.verify_audit().holds
        assert store.integrity() == []


@pytest.mark.parametrize(
    ("part", "who", "reason", "words"),
    [
        ("P9", "Anna", "claim", "no part 'P9'"),
        ("P1", " ", "claim", "--who"),
        ("P1", "Anna", "", "--reason"),
        ("P1", "Anna", "x" * 201, "--reason"),
        ("P1", "An\x1b[31mna", "claim", "--who"),
    ],
)
def test_what_is_no_hold_is_refused_and_leaves_nothing(tmp_path: Path, part: str, who: str, reason: str, words: str) -> None:
    with told(tmp_path) as store:
        with pytest.raises(StoreError, match=words):
            store.hold(part, who, reason)
        assert (store.holds(ended=True), store.audit(9)) == ([], [])
        store.hold("P1", "Anna", "claim")  # and nothing is left locked


def command(tmp_path: Path, *words: str) -> Any:
    return CliRunner().invoke(app, [*words, "--folder", str(tmp_path)], catch_exceptions=False)


def test_the_commands(tmp_path: Path) -> None:
    told(tmp_path).close()
    who = ("--who", "Anna", "--reason")
    assert "hold 1 on P1: its image is kept" in command(tmp_path, "hold", "P1", *who, "claim [17]").stdout
    assert "hold 2 on P3" in command(tmp_path, "hold", "--run", "R1", "--trigger", "3", *who, "claim 18").stdout
    rows = json.loads(command(tmp_path, "holds", "--json").stdout)
    assert [(r["number"], r["part_id"], r["reason"], r["evidence"]) for r in rows] == [
        (1, "P1", "claim [17]", "stored"),
        (2, "P3", "claim 18", "stored"),
    ]
    assert "[17]" in command(tmp_path, "holds").stdout
    assert "has ended" in command(tmp_path, "release", "P1", *who, "settled").stdout
    assert [r["part_id"] for r in json.loads(command(tmp_path, "holds", "--json").stdout)] == ["P3"]
    assert len(json.loads(command(tmp_path, "holds", "--json", "--ended").stdout)) == 2
    orders = json.loads(command(tmp_path, "audit", "--json").stdout)
    assert (orders["holds"], [o["op"] for o in orders["orders"]]) == (True, ["release", "hold", "hold"])
    assert "chain of 3 rows holds" in command(tmp_path, "audit").stdout
    for words, error in (
        (("hold", *who, "x"), "which part"),
        (("hold", "P1", "--run", "R1", "--trigger", "1", *who, "x"), "which part"),
        (("hold", "--run", "R1", "--trigger", "77", *who, "x"), "no part"),
        (("hold", "--run", "R9", "--trigger", "1", *who, "x"), "no part"),
        (("release", "P4", *who, "x"), "no hold in force"),
    ):
        with pytest.raises(StoreError, match=error):
            command(tmp_path, *words)
    with pytest.raises(StoreError, match="no record yet"):
        command(tmp_path / "none", "hold", "P1", *who, "x")
    assert not (tmp_path / "none").exists()


def test_trigger_numbers_that_began_anew_are_asked_about(tmp_path: Path) -> None:
    with told(tmp_path) as store:
        twin = trigger_of(1)
        store.write(Batch([type(twin)(**{f: getattr(twin, f) for f in twin.__struct_fields__} | {"part_id": "P1b", "seq": 99})]))
        with pytest.raises(StoreError, match=r"several parts \(P1, P1b\)"):
            store.part_of("R1", 1)


def test_a_hold_placed_at_any_moment_wins_over_a_deletion_that_has_not_happened(folder: Path) -> None:
    """The recorder deletes as fast as parts come; whoever was told 'its image is kept' finds the image in the end."""
    with line_in(folder, quota_gb=0.0003, batch_s=0.02) as line:  # some 15 images
        held: dict[str, int] = {}
        late = 0
        count = 400
        begin = time.monotonic()
        with open_store(line.database, beside=True) as store:
            for n in range(1, count + 1):
                line.part(n)
                line.listen(0)
                if n > 20 and n % 7 == 0:
                    part_id = f"P{n - n % 20}"  # just recorded, about to be deleted, or gone
                    if store.inspection(part_id) is not None:
                        if store.hold(part_id, "Anna", "claim").evidence == "stored":
                            held[part_id] = n - n % 20
                        else:
                            late += 1
                time.sleep(max(0.0, begin + n / 60 - time.monotonic()))
            line.settled(count)
            line.until(lambda b: b.counts["expired"] >= count - len(held) - 16)
            assert held, "no hold was placed in time: the test proves nothing"
            rows = line.parts()
            for part_id, n in held.items():
                line.check_image(rows[part_id], n)
                assert rows[part_id].held
            for part_id in held:
                for hold in store.holds(part_id):
                    store.release(part_id, "Anna", "settled", hold.number)
        more = itertools.count(count + 1)
        line.until(
            lambda _: not [p for p in line.parts().values() if p.part_id in held and p.evidence == "stored"], lambda: line.part(next(more))
        )
        gone = [p for p in line.parts().values() if p.evidence == "expired"]
        line.until(lambda _: not [p for p in gone if list((line.database.parent / "images").rglob(f"{p.part_id}.png"))])
        with open_store(line.database, read_only=True) as reader:
            assert reader.verify_audit().holds


def test_with_everything_on_hold_the_recorder_says_that_it_may_delete_nothing(folder: Path) -> None:
    with line_in(folder, quota_gb=0.0001) as line:
        for n in range(1, 5):
            line.part(n)
        line.settled(4)
        with open_store(line.database, beside=True) as store:
            for n in range(1, 5):
                store.hold(f"P{n}", "Anna", "claim")
            for n in range(5, 8):
                line.part(n)
                line.settled(n)
                line.until(lambda _, n=n: store.inspection(f"P{n}") is not None)  # type: ignore[misc]
                if (part := store.inspection(f"P{n}")) is not None and part.evidence == "stored":
                    store.hold(f"P{n}", "Anna", "claim")
            line.until(lambda _: [a.active for a in line.alarms if a.code == "nothing-to-delete"][-1:] == [True])
            alarm = next(a for a in line.alarms if a.code == "nothing-to-delete")
            assert (alarm.severity, "gutteil holds" in alarm.remedy) == ("fault", True)
            assert {p.evidence for p in line.parts().values() if p.held} == {"stored"}
            for hold in store.holds():
                store.release(hold.part_id, "Anna", "settled")
        line.until(lambda _: [a.active for a in line.alarms if a.code == "nothing-to-delete"][-1:] == [False])
