"""The rejector's book: every state times every event, and a permit only ever after an OK verdict for that very part."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.ledger import MAX_PARTS, Ledger
from edge.messages import CODES, Timings, Trigger, Verdict, VerdictWord

A, B = "S1-A", "S1-B"
WORDS: tuple[VerdictWord, ...] = ("OK", "NG", "UNDECIDED")


def trigger(part: str = A, number: int = 1) -> Trigger:
    return Trigger(run_id="run", part_id=part, trigger_id=number, trigger_ns=0)


def verdict(word: VerdictWord, part: str = A, number: int = 1, **more: Any) -> Verdict:
    fields: dict[str, Any] = {
        "run_id": "run", "part_id": part, "trigger_id": number, "trigger_ns": 0, "trigger_wall_ns": 0, "verdict": word, "code": CODES[word],
        "reasons": [] if word == "OK" else [f"{word} because"], "defects": [], "timings": Timings(), "recipe": "r", "recipe_hash": "", "model_hash": "",
    }  # fmt: skip
    return Verdict(**fields | more)


STATES = {
    "unknown": (),
    "triggered": ("triggered",),
    "announced": ("announce A",),
    "judged OK": ("announce A", "OK A"),
    "judged NG": ("announce A", "NG A"),
    "judged UNDECIDED": ("announce A", "UNDECIDED A"),
    "passed": ("announce A", "OK A", "passed"),
    "ejected": ("announce A", "NG A", "ejected"),
    "ejected unjudged": ("announce A", "ejected"),
}
NOTHING = None
REJECT = "reject"
PERMIT = "permit"
# what is told to the PLC, for each state and event
ANSWERS: dict[str, dict[str, str | None]] = {
    #                     announce A       announce B       OK A             NG A             UNDECIDED A      OK B             NG B
    "unknown":          {"announce A": NOTHING, "announce B": NOTHING, "OK A": PERMIT, "NG A": REJECT, "UNDECIDED A": REJECT, "OK B": PERMIT, "NG B": REJECT},
    "triggered":        {"announce A": NOTHING, "announce B": NOTHING, "OK A": PERMIT, "NG A": REJECT, "UNDECIDED A": REJECT, "OK B": PERMIT, "NG B": REJECT},
    "announced":        {"announce A": NOTHING, "announce B": REJECT, "OK A": PERMIT, "NG A": REJECT, "UNDECIDED A": REJECT, "OK B": REJECT, "NG B": REJECT},
    "judged OK":        {"announce A": NOTHING, "announce B": REJECT, "OK A": NOTHING, "NG A": REJECT, "UNDECIDED A": REJECT, "OK B": REJECT, "NG B": REJECT},
    "judged NG":        {"announce A": NOTHING, "announce B": REJECT, "OK A": NOTHING, "NG A": REJECT, "UNDECIDED A": REJECT, "OK B": REJECT, "NG B": REJECT},
    "judged UNDECIDED": {"announce A": NOTHING, "announce B": REJECT, "OK A": NOTHING, "NG A": REJECT, "UNDECIDED A": REJECT, "OK B": REJECT, "NG B": REJECT},
    "passed":           {"announce A": NOTHING, "announce B": NOTHING, "OK A": NOTHING, "NG A": NOTHING, "UNDECIDED A": NOTHING, "OK B": REJECT, "NG B": REJECT},
    "ejected":          {"announce A": NOTHING, "announce B": NOTHING, "OK A": NOTHING, "NG A": NOTHING, "UNDECIDED A": NOTHING, "OK B": REJECT, "NG B": REJECT},
    "ejected unjudged": {"announce A": NOTHING, "announce B": NOTHING, "OK A": NOTHING, "NG A": NOTHING, "UNDECIDED A": NOTHING, "OK B": REJECT, "NG B": REJECT},
}  # fmt: skip


def happen(ledger: Ledger, event: str, number: int = 1) -> Any:
    if event == "triggered":
        return ledger.triggered(number)
    if event in ("passed", "ejected", "missed"):
        gone = ledger.gone(number, event, "")  # type: ignore[arg-type]
        return gone.fields if gone is not None else None
    word, _, part = event.partition(" ")
    if word == "announce":
        return ledger.announced(trigger(f"S1-{part}", number))
    return ledger.judged(verdict(word, f"S1-{part}", number))  # type: ignore[arg-type]


def in_state(state: str) -> Ledger:
    ledger = Ledger()
    for event in STATES[state]:
        happen(ledger, event)
    return ledger


@pytest.mark.parametrize(("state", "event", "told"), [(s, e, t) for s, row in ANSWERS.items() for e, t in row.items()])
def test_what_the_plc_is_told(state: str, event: str, told: str | None) -> None:
    answer = happen(in_state(state), event)
    assert (answer[0] if answer else None) == told
    if told == REJECT:
        assert answer[1] in (CODES["NG"], CODES["UNDECIDED"])
    elif told == PERMIT:
        assert answer[1] == CODES["OK"]


@pytest.mark.parametrize("outcome", ["passed", "ejected", "missed"])
@pytest.mark.parametrize("state", STATES)
def test_a_part_goes_once_and_its_ejection_tells_why(state: str, outcome: str) -> None:
    ledger = in_state(state)
    gone_before = ledger.counts[outcome]
    fields = happen(ledger, outcome)
    if state in ("passed", "ejected", "ejected unjudged"):
        assert fields is None
        assert ledger.counts[outcome] == gone_before
        return
    assert ledger.counts[outcome] == 1
    assert fields["outcome"] == outcome
    assert fields["part_id"] == ("" if state in ("unknown", "triggered") else A)
    judged = state.removeprefix("judged ") if state.startswith("judged") else ""
    if outcome == "passed":
        if state == "unknown":  # it was judged before this rejector started
            assert "earlier rejector" in fields["reason"]
        else:
            assert ("although" in fields["reason"]) == (judged != "OK")
    else:
        assert {"": "no verdict", "OK": "too late", "NG": "NG because", "UNDECIDED": "UNDECIDED because"}[judged] in fields["reason"]
    assert ledger.counts["no_verdict"] == (0 if judged else 1)
    assert happen(ledger, outcome) is None


@pytest.mark.parametrize("state", STATES)
def test_a_new_part_under_an_old_number(state: str) -> None:
    """The sensor counts anew after everything under the number has gone: nothing of the old part is left."""
    ledger = in_state(state)
    ledger.triggered(1)
    if state in ("passed", "ejected", "ejected unjudged"):
        assert ledger.judged(verdict("OK", B)) == ("permit", 1)
        gone = ledger.gone(1, "passed", "")
        assert gone is not None
        assert not gone.wrong
        assert gone.fields == {"part_id": B, "run_id": "run", "outcome": "passed", "reason": ""}


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("state", ["announced", "judged OK", "judged NG"])
def test_two_parts_that_lie_under_one_number_are_both_rejected(state: str, word: VerdictWord) -> None:
    """The station has started anew and counts from 1 while the old part 1 is still on the belt."""
    ledger = in_state(state)
    ledger.announced(trigger(B))
    for part in (A, B):
        answer = ledger.judged(verdict(word, part))
        assert answer is None or answer[0] == "reject"
    gone = ledger.gone(1, "ejected", "")
    assert gone is not None
    assert "two parts" in gone.fields["reason"]
    ledger.triggered(1)  # and the next one is free of it
    ledger.announced(trigger("S1-C"))
    assert ledger.judged(verdict("OK", "S1-C")) == ("permit", 1)


def test_a_verdict_for_the_wrong_part_bars_the_right_one() -> None:
    ledger = in_state("announced")
    assert ledger.judged(verdict("OK", B)) == ("reject", CODES["UNDECIDED"])
    answer = ledger.judged(verdict("OK", A))
    assert answer is not None
    assert answer[0] == "reject"
    assert ledger.counts["verdicts"] == 1


@pytest.mark.parametrize("odd", [{"code": 2}, {"code": 3}, {"reasons": ["but"]}, {"code": 2, "reasons": ["x"]}])
def test_an_ok_that_contradicts_itself_is_no_permit(odd: dict[str, Any]) -> None:
    ledger = in_state("announced")
    assert ledger.judged(verdict("OK", **odd)) == ("reject", CODES["UNDECIDED"])
    assert ledger.judged(verdict("OK")) is None


def test_an_ng_with_the_code_of_ok_is_no_permit() -> None:
    assert in_state("announced").judged(verdict("NG", code=1)) == ("reject", CODES["NG"])


def test_parts_without_a_verdict_in_a_row() -> None:
    ledger = Ledger()
    for number in range(1, 4):
        ledger.triggered(number)
        ledger.gone(number, "ejected", "")
    assert ledger.no_verdicts_in_row == 3
    ledger.announced(trigger(number=4))
    ledger.judged(verdict("NG", number=4))
    ledger.gone(4, "ejected", "")
    assert ledger.no_verdicts_in_row == 0
    assert ledger.counts["no_verdict"] == 3


def test_parts_that_lay_on_the_belt_while_the_station_was_away_say_nothing_about_it() -> None:
    ledger = Ledger()
    for number in (1, 2, 3):
        ledger.triggered(number)
    ledger.gone(1, "ejected", "")
    ledger.excuse()
    assert ledger.no_verdicts_in_row == 0
    ledger.gone(2, "ejected", "")
    ledger.gone(3, "ejected", "")
    assert ledger.no_verdicts_in_row == 0
    assert ledger.counts["no_verdict"] == 3  # but they are counted
    ledger.triggered(4)
    ledger.gone(4, "ejected", "")
    assert ledger.no_verdicts_in_row == 1


def test_parts_that_came_by_before_the_book_was_opened_say_nothing_about_the_station() -> None:
    """A rejector that starts anew finds parts on the belt whose verdicts went to the one before."""
    ledger = Ledger()
    for number in range(1, 9):
        ledger.gone(number, "ejected", "no verdict")
    assert ledger.no_verdicts_in_row == 0
    assert ledger.counts["no_verdict"] == 8


def test_the_book_does_not_grow_without_end() -> None:
    ledger = Ledger()
    for number in range(1, MAX_PARTS + 500):
        ledger.triggered(number)
    assert len(ledger._parts) == MAX_PARTS
    assert ledger.counts["triggers"] == MAX_PARTS + 499


events = st.tuples(
    st.sampled_from([
        "triggered", "announce A", "announce B", "OK A", "NG A", "UNDECIDED A", "OK B", "NG B", "UNDECIDED B", "passed", "ejected", "missed"
    ]),
    st.integers(1, 3),
)  # fmt: skip


@dataclass
class Life:
    """What has been said under one number since the part before it had gone."""

    parts: set[str] = field(default_factory=set)
    verdicts: int = 0
    closed: bool = False


@given(st.lists(events, max_size=25))
def test_a_permit_is_said_exactly_on_the_first_verdict_of_a_number_that_only_one_part_has_claimed(story: list[tuple[str, int]]) -> None:
    ledger = Ledger()
    lives: dict[int, Life] = {}
    outcomes = 0
    for event, number in story:
        answer = happen(ledger, event, number)
        life = lives.setdefault(number, Life())
        word, _, part = event.partition(" ")
        if event in ("passed", "ejected", "missed"):
            assert (answer is None) == life.closed
            outcomes += answer is not None
            life.closed = True
        elif event == "triggered":
            lives[number] = Life() if life.closed else life
        elif word == "announce":
            if life.closed and life.parts and part not in life.parts:
                lives[number] = life = Life()
            life.parts.add(part)
        else:
            first = word == "OK" and not life.closed and life.parts <= {part} and not life.verdicts
            assert (answer == ("permit", 1)) == first
            life.parts.add(part)
            life.verdicts += 1
    counts = ledger.counts
    assert counts["passed"] + counts["ejected"] + counts["missed"] == outcomes
    assert counts["no_verdict"] <= outcomes
    assert counts["triggers"] == sum(e == "triggered" for e, _ in story)


def test_an_ok_after_the_deadline_is_no_permit_and_says_so() -> None:
    ledger = in_state("announced")
    assert ledger.judged(verdict("OK"), in_time=False) == ("reject", CODES["UNDECIDED"])
    assert ledger.judged(verdict("OK")) is None  # the same again does not make it better
    gone = ledger.gone(1, "ejected", "")
    assert gone is not None
    assert "too late" in gone.fields["reason"]
    assert ledger.counts["late"] == 1


def test_what_the_belt_stands_is_not_counted_against_a_part() -> None:
    ledger = Ledger()
    ledger.announced(trigger(number=1), stood_ns=100)
    assert ledger.stood_ns(1, 350) == 250
    assert ledger.stood_ns(2, 350) == 0  # a part that nobody has announced has no excuse


def test_a_part_passes_wrongly_only_where_its_trigger_was_heard() -> None:
    for state, wrong in (("unknown", False), ("triggered", True), ("announced", True), ("judged NG", True), ("judged OK", False)):
        gone = in_state(state).gone(1, "passed", "")
        assert gone is not None
        assert gone.wrong == wrong, state


def test_what_a_plc_that_was_away_hears_again_is_never_an_ok() -> None:
    ledger = Ledger()
    for number, word in enumerate(("OK", "NG", "UNDECIDED", "OK"), 1):
        part = f"S1-{number}"
        ledger.announced(
            Trigger(run_id="run", part_id=part, trigger_id=number, trigger_ns=number, sensor="camera" if number > 2 else "line")
        )
        ledger.judged(verdict(word, part, number))  # type: ignore[arg-type]
    ledger.gone(2, "ejected", "")
    assert ledger.open_parts() == [(3, 3, CODES["UNDECIDED"]), (4, 4, 0)]


@pytest.mark.parametrize("everything", [False, True])
def test_what_may_be_another_part_is_condemned_and_the_plc_told_of_what_it_was_to_let_go(everything: bool) -> None:
    ledger = Ledger()
    for number, word in enumerate(("OK", "NG", "OK", ""), 1):
        ledger.announced(trigger(f"S1-{number}", number))
        if word:
            ledger.judged(verdict(word, f"S1-{number}", number))  # type: ignore[arg-type]
    ledger.gone(1, "passed", "")
    told = ledger.condemn_all() if everything else [n for number in range(1, 5) for n in ledger.condemn(number)]
    assert told == [3]
    assert ledger.judged(verdict("OK", "S1-4", 4)) == ("reject", CODES["UNDECIDED"])
    for number in (3, 4):
        gone = ledger.gone(number, "ejected", "")
        assert gone is not None
        assert "do not belong together" in gone.fields["reason"]
    ledger.triggered(5)
    ledger.announced(trigger("S1-5", 5))
    assert ledger.judged(verdict("OK", "S1-5", 5)) == ("permit", 1)  # of those that come later each is looked at by itself


EARLY: dict[str, tuple[tuple[tuple[str, bool, bool], ...], bool]] = {
    # what is said of a part that then passes: word, before this book was opened, in time; and whether its passing is wrong
    "an OK that came late here": ((("OK", True, False),), False),
    "an OK of now that came late": ((("OK", False, False),), True),
    "no word yet": ((), False),
    "NG": ((("NG", True, True),), True),
    "an OK that was taken back": ((("OK", True, True), ("NG", True, True)), True),
    "an OK after an NG": ((("NG", True, True), ("OK", True, True)), True),
}


@pytest.mark.parametrize("case", EARLY)
def test_what_passes_on_the_word_to_an_earlier_rejector_is_no_fault_of_the_plc(case: str) -> None:
    said, wrong = EARLY[case]
    ledger = Ledger()
    early = not said or said[0][1]
    ledger.triggered(1, early=early)
    ledger.announced(trigger(), early=early)
    for word, before, in_time in said:
        ledger.judged(verdict(word), in_time=in_time, early=before)  # type: ignore[arg-type]
    gone = ledger.gone(1, "passed", "")
    assert gone is not None
    assert gone.wrong is wrong
    assert gone.fields["part_id"] == A
    assert ("earlier rejector" in gone.fields["reason"]) is not wrong


def test_two_parts_under_one_number_are_no_excuse_for_passing() -> None:
    ledger = Ledger()
    ledger.announced(trigger(), early=True)
    ledger.judged(verdict("OK"), in_time=False, early=True)
    ledger.announced(trigger(B), early=True)
    gone = ledger.gone(1, "passed", "")
    assert gone is not None
    assert gone.wrong


def test_what_an_earlier_book_had_does_not_stand_in_the_way_of_a_line_that_counts_anew() -> None:
    ledger = Ledger()
    for number in range(1, 4):
        ledger.announced(trigger(f"old-{number}", number), early=True)
        ledger.judged(verdict("OK", f"old-{number}", number), early=True)
    ledger.triggered(4)
    for number in range(1, 4):
        ledger.triggered(number)
        ledger.announced(trigger(f"new-{number}", number))
        assert ledger.judged(verdict("OK", f"new-{number}", number)) == ("permit", 1)
