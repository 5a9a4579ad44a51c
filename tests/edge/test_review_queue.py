"""The queue: who comes first and why, what is left out, and that two people do not get the same part."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from edge.errors import StoreError
from edge.filters import Filters
from edge.leases import Leases
from edge.messages import Defect, VerdictWord
from edge.review_queue import REASONS, Reason, queue, waiting
from edge.rows import Batch, Evidence, StoredFile
from edge.search import count
from edge.shadow_results import Result, Span, add
from edge.store import Store, open_store
from tests.edge.story import T0, ejection_of, image_ref, verdict_of


def put(store: Store, n: int, word: VerdictWord, score: float = 0.9, *, image: bool = True, outcome: Any = None) -> None:
    found = [Defect("open", score, (1, 2, 30, 40), word)] if word != "OK" else []
    verdict = verdict_of(n, word, defects=found, image=image_ref() if image else None)
    evidence = {f"P{n}": Evidence(StoredFile(f"images/{n}.png", "aa", size=3))} if image else {}
    store.write(Batch([verdict, ejection_of(n, outcome or ("passed" if word == "OK" else "ejected"))], [], evidence))


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with open_store(tmp_path / "gutteil.db") as made:
        put(made, 1, "NG", 0.95)
        put(made, 2, "NG", 0.66)
        put(made, 3, "UNDECIDED", 0.6)
        put(made, 4, "OK")
        put(made, 5, "NG", image=False)  # nothing to look at
        put(made, 6, "NG", outcome="passed")  # that ought not to be
        put(made, 7, "OK")
        put(made, 8, "NG", 0.99, outcome="missed")
        shadow_says(made, 7, "NG")
        yield made


def shadow_says(store: Store, n: int, word: VerdictWord) -> None:
    with store.writing() as db:
        known = "INSERT INTO models (sha256, name, bytes, card, data_hash, licence, code, who, wall_ns) VALUES (?, 'm', 1, '{}', '', '', '', 'Anna', 1)"
        if db.execute("SELECT count(*) FROM models").fetchone()[0] == 0:
            db.execute(known, ("ab" * 32,))
        result = Result(
            part_id=f"P{n}",
            recipe_hash="rh",
            active_sha256="mh",
            active_verdict="OK",
            verdict=word,
            active_score=0,
            score=0.7,
            wall_ns=T0 + n,
        )
        add(db, "ab" * 32, [result], "rh", Span(judged=1), (T0, T0 + 1))


def ids(store: Store, *reasons: Reason, **given: Any) -> list[str]:
    with store.reading() as db:
        return [w.row.part_id for w in queue(db, reasons=reasons or REASONS, **given)]


def test_the_worthiest_come_first(store: Store) -> None:
    with store.reading() as db:
        found = queue(db)
    assert [w.row.part_id for w in found[:2]] == ["P8", "P6"] or [w.row.part_id for w in found[:2]] == ["P6", "P8"]
    assert [w.row.part_id for w in found[2:]] == ["P3", "P7", "P2", "P1"]  # of the rejects the one of which the model was less sure
    assert found[0].reasons == ("odd", "reject")
    assert [(w.reasons, w.shadow) for w in found[2:4]] == [(("undecided",), ""), (("disagreement",), "NG")]
    assert ids(store, "reject", limit=1) in (["P6"], ["P2"])
    assert ids(store, since_ns=T0 + 6 * 10**9)[0] == "P8"


def test_what_is_reviewed_leaves_and_comes_back_when_it_is_taken_back(store: Store) -> None:
    said = store.review("P3", "Anna", "bad", how="queue")
    assert "P3" not in ids(store)
    store.review("P7", "Anna", "unsure", how="queue")
    assert "P7" not in ids(store)
    store.undo_review(said.number, "Anna")
    assert "P3" in ids(store)


def test_a_sample_is_of_parts_that_passed_in_the_order_of_chance(store: Store) -> None:
    for n in range(20, 60):
        put(store, n, "OK")
    drawn = ids(store, "sample", limit=500)
    assert set(drawn) == {"P4", "P7", *(f"P{n}" for n in range(20, 60))}
    assert drawn == ids(store, "sample", limit=500)  # the same for all
    assert drawn not in (sorted(drawn), sorted(drawn, reverse=True))
    store.review(drawn[0], "Anna", "good", how="sample")
    assert ids(store, "sample", limit=500) == drawn[1:]


def test_how_much_waits(store: Store) -> None:
    with store.reading() as db:
        found = waiting(db)
        assert (found.undecided, found.rejects, found.disagreements) == (1, 5, 1)
        assert waiting(db, T0 + 10**13).rejects == 0


def test_an_unknown_reason_is_refused(store: Store) -> None:
    with store.reading() as db, pytest.raises(StoreError, match="choose among odd"):
        queue(db, reasons=("curiosity",))  # type: ignore[arg-type]


def test_a_part_that_passed_and_was_bad_is_reported_with_its_box(store: Store) -> None:
    from edge.reviews import ReviewBox

    said = store.review("P4", "Anna", "bad", [ReviewBox("scratch", 1, 2, 30, 40)], "came back from the customer", "report")
    assert (said.how, said.truth, [b.kind for b in said.boxes or []]) == ("report", "bad", ["scratch"])
    with store.reading() as db:
        assert count(db, Filters(truth="bad", outcome="passed")).parts == 1
        assert count(db, Filters(sampled=True)).parts == 0
    with pytest.raises(StoreError, match="choose one of: queue, sample"):
        store.review("P4", "Anna", "bad", how="dream")  # type: ignore[arg-type]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_two_tabs_never_get_the_same_part_and_one_that_was_closed_gives_it_up() -> None:
    clock = Clock()
    leases = Leases(90, clock)
    assert leases.take(["P1", "P2", "P3"], "tab1", "Anna") == ["P1"]
    assert leases.take(["P1", "P2", "P3"], "tab2", "Anna") == ["P2"]
    assert leases.take(["P1", "P2", "P3"], "tab1", "Anna") == ["P1"]  # its own again
    assert [lease.who for lease in leases.others("tab2").values()] == ["Anna"]
    clock.now = 80
    assert leases.renew("tab2") == ["P2"]
    clock.now = 91
    assert leases.take(["P1", "P2"], "tab3", "Ben", n=2) == ["P1"]
    leases.give_back("tab3", "P2")  # somebody else's stays
    assert leases.take(["P2"], "tab3", "Ben") == []
    leases.give_back("tab2")
    assert leases.take(["P2"], "tab3", "Ben") == ["P2"]
    clock.now = 1_000
    assert leases.renew("tab3") == []


def test_many_threads_share_a_queue_without_a_part_for_two() -> None:
    leases = Leases()
    queue_ = [f"P{n}" for n in range(200)]
    got: list[list[str]] = []

    def work(tab: str) -> None:
        mine: list[str] = []
        for n in range(1, 26):
            mine = leases.take(queue_, tab, tab, n=n)
        got.append(mine)

    threads = [threading.Thread(target=work, args=(f"tab{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [part for mine in got for part in mine]
    assert len(everything) == len(set(everything)) == 200
