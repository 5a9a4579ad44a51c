"""The judgement of a drill: escapes, unjudged passes, counts that close or do not, from what the line itself wrote down."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.drills.judge import Findings, Window, Windows, judge
from edge.drills.record import Row, lost
from edge.drills.tally import Tally
from edge.drills.witness import Seen, Witness
from hardware.journal import Entry, Journal, read_entries, thing
from hardware.plc import PlcEvent

TRUTH = ["OK", "NG"]
MS = 1_000_000
S = 1_000_000_000
NEVER = Windows([])


def part(trigger_id: int, outcome: str, *, fell: bool | None = None, caught: bool = False) -> Seen:
    fell = {"passed": False, "ejected": True, "missed": False}.get(outcome) if fell is None else fell
    gone_ns = trigger_id * S + 400 * MS if outcome or fell is not None else 0
    return Seen(1, trigger_id, trigger_id - 1, trigger_id * S, True, outcome, fell, gone_ns, caught)


def row(trigger_id: int, verdict: str | None, outcome: str | None, **changes: object) -> Row:
    plain = {"part_id": f"p{trigger_id}", "trigger_id": trigger_id, "wall_ns": trigger_id * S, "announced": True, "expired": False}
    return Row(**plain | {"verdict": verdict, "outcome": outcome, "image_path": None, "image_sha256": None} | changes)  # type: ignore[arg-type]


def look(parts: list[Seen], rows: list[Row], tally: Tally | None = None, windows: Windows = NEVER) -> Findings:
    return judge(parts, TRUTH, tally or Tally(), {r.part_id: r for r in rows}, 0, windows)


def test_a_line_that_did_right() -> None:
    found = look([part(1, "passed"), part(2, "ejected")], [row(1, "OK", "passed"), row(2, "NG", "ejected")])
    assert (found.parts, found.ng, found.passed, found.ejected) == (2, 1, 1, 1)
    assert not found.escapes + found.unjudged + found.misfits
    assert found.needless == 0


def test_a_bad_part_that_passed_is_an_escape_whatever_the_record_says() -> None:
    found = look([part(2, "passed")], [row(2, "NG", "ejected")])
    assert len(found.escapes) == len(found.unjudged) == 1
    assert "the line says passed, the record ejected" in found.unexplained[0]


@pytest.mark.parametrize("caught", [True, False])
def test_a_bad_part_that_the_ejector_missed_is_an_escape_unless_the_line_stopped(caught: bool) -> None:
    assert bool(look([part(2, "missed", caught=caught)], [row(2, "NG", "missed")]).escapes) is not caught


@pytest.mark.parametrize("outcome", ["", "ejected"])
def test_what_really_happened_counts_not_what_the_plc_program_believes(outcome: str) -> None:
    assert look([part(2, outcome, fell=False)], [row(2, "NG", "ejected")]).escapes


def test_what_lay_on_the_belt_when_the_line_ended_is_swept_off() -> None:
    found = look([part(2, "", fell=True)], [row(2, "OK", None)])
    assert (found.swept, found.stopped_with, found.escapes) == (1, 0, [])


def test_a_good_part_that_nobody_judged_must_not_pass_either() -> None:
    assert look([part(1, "passed")], []).unjudged
    heard = Tally(good={(1, 1 * S)})
    assert not look([part(1, "passed")], [], heard).unjudged
    # an OK for the part of the same number before the line started anew is none for this one
    assert look([part(1, "passed")], [], Tally(good={(1, 1 * S - 5)})).unjudged


def test_a_good_part_that_was_ejected_is_counted_and_explained_or_not() -> None:
    rows = [row(1, "OK", "ejected")]
    assert (look([part(1, "ejected")], rows).needless, look([part(1, "ejected")], rows).needless_outside) == (1, 1)
    explained = look([part(1, "ejected")], rows, windows=Windows([Window(S + 300 * MS, 2 * S)]))
    assert (explained.needless, explained.needless_outside) == (1, 0)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "never announced"),
        ([row(1, None, "ejected")], "no verdict"),
        ([row(1, "OK", None)], "no outcome"),
        ([row(1, "OK", "ejected", announced=False)], "never announced"),
        ([row(1, "OK", "passed"), row(1, "OK", None, part_id="q1")], "judged twice"),
        ([row(1, "OK", "missed")], "the line says ejected, the record missed"),
    ],
)
def test_what_does_not_fit_is_named(rows: list[Row], why: str) -> None:
    found = look([part(1, "ejected")], rows)
    assert why in found.misfits[0]
    assert found.unexplained == found.misfits
    assert not look([part(1, "ejected")], rows, windows=Windows([Window(0, 9 * S)])).unexplained


def test_two_halves_of_a_part_are_one() -> None:
    """The rejector that saw it go knew no name for it; the record has two rows."""
    halves = [row(1, "UNDECIDED", None), row(1, None, "ejected", part_id="unseen", announced=False, wall_ns=S + 420 * MS)]
    assert not look([part(1, "ejected")], halves).misfits


def test_a_row_of_a_part_that_never_was() -> None:
    found = look([], [row(7, "OK", "passed")])
    assert "never at the line" in found.unexplained[0]


def test_rows_of_the_same_number_go_to_the_part_of_their_time() -> None:
    """The line started anew and counts from 1 again."""
    first, second = part(1, "passed"), Seen(2, 1, 1, 5 * S, True, "ejected", True, 5 * S + 400 * MS)
    rows = [row(1, "OK", "passed"), row(1, "NG", "ejected", part_id="again", wall_ns=5 * S)]
    assert not look([first, second], rows).misfits


def test_a_part_on_the_belt_when_the_line_ended_is_no_escape() -> None:
    found = look([part(2, "")], [row(2, "OK", None)])
    assert (found.stopped_with, found.escapes) == (1, [])
    assert found.misfits


def test_windows() -> None:
    windows = Windows([Window(10, 20), Window(40, 50)])
    assert [windows.touch(a, b) for a, b in ((0, 9), (0, 10), (15, 16), (20, 30), (21, 39), (30, 60), (51, 90))] == [
        False, True, True, True, False, True, False,
    ]  # fmt: skip


def test_what_a_record_has_lost() -> None:
    before = {r.part_id: r for r in (row(1, "OK", None), row(2, "NG", "ejected"), row(3, "OK", "passed"))}
    after = {r.part_id: r for r in (row(1, "OK", "passed"), row(2, "NG", None))}
    assert lost(before, after) == ["p2", "p3"]


def test_the_journal_survives_a_line_that_dies_in_the_middle_of_a_word(tmp_path: Path) -> None:
    file = tmp_path / "line.journal"
    journal = Journal(str(file))
    journal.begun(7, 1 * S)
    journal.event(PlcEvent("started", 0, 1 * S))
    assert journal.fed(1, 2 * S, 100, wired=True) == 0
    journal.event(PlcEvent("triggered", 1, 2 * S))  # the same part: said once
    assert journal.fed(2, 3 * S, 1_100, wired=False) == 1
    journal.event(PlcEvent("missed", 1, 3 * S, 1_100))
    journal.went(1, 3 * S, 1_100, fell=False)
    journal.event(PlcEvent("stopped", 0, 3 * S + 300 * MS, 1_400))
    journal.close()
    with file.open("ab") as torn:
        torn.write(b'{"kind":"pas')
    witness = Witness(file)
    witness.poll()
    assert [(p.trigger_id, p.item, p.outcome, p.wired) for p in witness.parts] == [(1, 0, "missed", True), (2, 1, "", False)]
    assert witness.parts[0].caught
    assert not witness.running
    assert witness.on_belt == 1
    assert witness.stood_ns(0, 4 * S) == 700 * MS
    with file.open("ab") as torn:
        torn.write(b"\n")
    again = Journal(str(file))
    assert again.lying == [(1, 300)], "it had come from 1100 to 1400"
    again.begun(8, 5 * S)
    assert again.fed(1, 6 * S, 50, wired=True) == 2, "the things on the belt do not begin anew"
    again.close()
    third = Journal(str(file))
    assert third.lying == [(1, 350), (2, 0)]
    third.begun(9, 7 * S)
    third.went(thing(1), 8 * S, 100, fell=True)
    third.close()
    assert Journal(str(file)).lying == [(2, 100)]
    witness.poll()
    assert [(p.epoch, p.trigger_id, p.item, p.outcome, p.fell) for p in witness.parts] == [
        (7, 1, 0, "missed", False), (7, 2, 1, "", True), (8, 1, 2, "", None),
    ]  # fmt: skip
    assert witness.epochs == 3


@pytest.mark.parametrize(("stops_ns", "caught"), [(S, True), (S + MS, False), (-MS, True)])
def test_a_part_that_went_by_is_caught_by_a_belt_that_stops_at_once(stops_ns: int, caught: bool, tmp_path: Path) -> None:
    """It counts when it went by, not when the PLC program noticed; and the belt may have stopped in the same moment."""
    witness = Witness(tmp_path / "none")
    by = Entry("by", 5 * S, 1, item=0)
    stopped = Entry("stopped", 5 * S + stops_ns, code=3)
    rest = sorted([by, stopped], key=lambda e: e.at_ns)
    missed = Entry("missed", max(by.at_ns, stopped.at_ns), 1)
    for entry in (Entry("begun", 1), Entry("started", 2), Entry("triggered", 4 * S, 1, item=0), *rest, missed):
        witness.take(entry)
    assert (witness.parts[0].outcome, witness.parts[0].fell, witness.parts[0].caught) == ("missed", False, caught)


def test_a_line_without_journal_numbers_its_items_all_the_same() -> None:
    journal = Journal("")
    assert [journal.fed(n, 0, 0, wired=True) for n in (1, 2, 3)] == [0, 1, 2]
    journal.close()


def test_an_entry_comes_back_as_it_was() -> None:
    assert read_entries(b'{"kind":"missed","at_ns":5,"id":3}\nrubbish\n{"kind":"begun"}\n') == [Entry("missed", 5, 3)]
