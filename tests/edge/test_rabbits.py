"""Tests with reference parts: the pure part case by case, and on a real running line."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import rabbits
from edge.commands import Command, send_command
from edge.config import Rabbits, Station
from edge.errors import StoreError
from edge.messages import CODES, Ejection, Timings, Verdict
from edge.rabbit_run import RabbitRun
from edge.rabbits import Kind, RabbitTest, Step
from edge.store import FILE_NAME, open_store
from tests.edge.registry_line import PATIENCE_S, running_line, until


def verdict(part_id: str, word: str, at_ns: int) -> Verdict:
    fields: dict[str, Any] = {"verdict": word, "code": CODES[word], "reasons": [], "defects": [], "trigger_wall_ns": 1, "recipe_hash": "h"}
    return Verdict(
        run_id="r", part_id=part_id, trigger_id=1, trigger_ns=at_ns, timings=Timings(total_us=1), recipe="panel", model_hash="m", **fields
    )


def ejection(part_id: str, outcome: str) -> Ejection:
    return Ejection(trigger_id=1, part_id=part_id, run_id="r", outcome=outcome, reason="", offset_us=0)  # type: ignore[arg-type]


def states(test: RabbitTest) -> list[str]:
    return [step.state for step in test.steps]


@pytest.mark.parametrize("kind", ["good", "bad"])
@pytest.mark.parametrize("word", ["OK", "NG", "UNDECIDED"])
@pytest.mark.parametrize("outcome", ["passed", "ejected", "missed"])
@pytest.mark.parametrize("outcome_first", [False, True])
def test_only_the_right_verdict_with_the_right_end_passes(kind: Kind, word: str, outcome: str, outcome_first: bool) -> None:
    test = RabbitTest([Step(kind=kind)])
    test.begin(100)
    said: list[Callable[[], None]] = [lambda: test.judged(verdict("P", word, 150)), lambda: test.gone(ejection("P", outcome))]
    for say in reversed(said) if outcome_first else said:
        say()
    assert test.step is None
    right = (word != "OK" and outcome == "ejected") if kind == "bad" else (word == "OK" and outcome == "passed")
    assert test.passed == right
    assert (test.steps[0].why == "") == right


def test_a_test_that_has_failed_cannot_be_given_up_and_an_ejector_test_proves_nothing() -> None:
    test = RabbitTest([Step(kind="bad")])
    test.begin(100)
    test.judged(verdict("P", "OK", 150))
    assert test.failed
    assert test.step is None, "nothing is waited for any more"
    test = RabbitTest([Step(kind="bad")])
    test.begin(100)
    test.judged(verdict("P", "NG", 150))
    test.gone(msgspec.structs.replace(ejection("P", "ejected"), reason="ejector test by Ben"))
    assert test.failed
    with pytest.raises(ValueError, match="a good one"):
        Rabbits(parts=["bad"])


def test_parts_from_before_and_other_parts_do_not_count() -> None:
    test = RabbitTest([Step(kind="bad"), Step(kind="good")])
    test.judged(verdict("early", "OK", 50))  # nobody has said that the part is on its way
    test.begin(100)
    test.judged(verdict("before", "OK", 99))
    assert test.step is test.steps[0]
    assert test.step.state == "waiting"
    test.judged(verdict("P", "NG", 101))
    test.judged(verdict("next", "OK", 102))
    test.gone(ejection("next", "passed"))
    assert states(test) == ["judged", "waiting"]
    test.gone(ejection("P", "ejected"))
    assert states(test) == ["passed", "waiting"]
    test.judged(verdict("unasked", "OK", 103))
    assert states(test) == ["passed", "waiting"], "the second part has not been announced yet"
    test.begin(200)
    test.judged(verdict("Q", "NG", 201))
    test.gone(ejection("Q", "ejected"))
    assert not test.passed
    assert test.steps[1].why == "the good part was judged NG"
    assert test.step is None


@given(st.lists(st.tuples(st.sampled_from(["begin", "judged", "gone", "lapse"]), st.integers(0, 3), st.sampled_from(["OK", "NG", "UNDECIDED"]), st.sampled_from(["passed", "ejected", "missed"])), max_size=40))  # fmt: skip
def test_no_sequence_passes_a_bad_part_that_was_not_rejected(events: list[tuple[str, int, str, str]]) -> None:
    test, now, words, ends = RabbitTest([Step(kind="bad"), Step(kind="good")]), 10, dict[str, str](), dict[str, str]()
    for what, part, word, outcome in events:
        now += 1
        if what == "begin":
            test.begin(now)
        elif what == "judged":
            words.setdefault(f"P{part}", word)
            test.judged(verdict(f"P{part}", words[f"P{part}"], now))
        elif what == "gone":
            ends.setdefault(f"P{part}", outcome)
            test.gone(ejection(f"P{part}", ends[f"P{part}"]))
        else:
            test.give_up("late")
    bad, good = test.steps
    if bad.state == "passed":
        assert (words[bad.part_id] != "OK", ends[bad.part_id]) == (True, "ejected")
    if test.passed:
        assert (words[good.part_id], ends[good.part_id]) == ("OK", "passed")


def test_the_record_only_grows(tmp_path: Path) -> None:
    with open_store(tmp_path / FILE_NAME) as store:
        test = RabbitTest([Step(kind="bad", state="passed", part_id="P", verdict="NG", outcome="ejected")], "panel", "m")
        with store.writing() as db:
            found = rabbits.add(db, "Anna", test, 1_700_000_000_000_000_000)
        assert (found.number, found.passed, found.steps, found.tested_at) == (1, True, test.steps, "2023-11-14T22:13:20.000Z")
        for statement in (
            "UPDATE rabbits SET passed = 0",
            "DELETE FROM rabbits",
            "INSERT OR REPLACE INTO rabbits SELECT 1, who, 0, steps, recipe, model_hash, wall_ns FROM rabbits",
        ):
            with pytest.raises(StoreError, match="append only"), store.writing() as db:
                db.execute(statement)


def outcome_of(config: Station, kinds: list[Kind], patience_s: float = PATIENCE_S) -> RabbitRun:
    run = RabbitRun(config, kinds, "Anna")
    for step in run.test.steps:
        run.part_is_in()
        end = time.monotonic() + patience_s
        while step.state in ("waiting", "judged") and not run.over and time.monotonic() < end:
            time.sleep(0.02)
        if run.test.step is None:
            break
    assert run.wait(30)
    return run


def test_on_a_running_line_a_failed_test_stops_it(tmp_path: Path) -> None:
    """The simulated line sends good and bad parts; a test that calls the next three parts bad fails sooner or later."""
    with running_line(tmp_path) as appliance:
        until(appliance, lambda m: isinstance(m, Ejection) and m.outcome == "passed")
        path = Path(appliance.config.record.folder) / FILE_NAME
        results = [outcome_of(appliance.config, ["bad"] * 6)]
        failed = results[0]
        assert not failed.error
        assert failed.recorded is not None
        assert failed.recorded.passed is False
        assert failed.recorded.steps[-1].kind == "bad" or failed.recorded.steps[0].state == "failed"
        wrong = next(s for s in failed.recorded.steps if s.state == "failed")
        assert (wrong.verdict, wrong.why) == ("OK", "the bad part was judged OK")
        status = send_command(appliance.config, Command("status"))
        assert any("self-test failed" in text and "Anna" in text for text in status.stops)
        with open_store(path, read_only=True) as store:
            with store.reading() as db:
                assert rabbits.last(db, 5) == [failed.recorded]
            audit = [(row.op, row.who) for row in store.audit(10)]
            assert ("self-test", "Anna") in audit
            part = store.inspection(wrong.part_id)
            assert part is None or part.verdict == "OK"
        assert msgspec.to_builtins(failed.recorded)["recipe"] != ""


def test_a_part_that_does_not_come_fails_the_test_and_one_may_give_up(tmp_path: Path) -> None:
    with running_line(tmp_path) as appliance:
        appliance.line.hold(True)
        until(appliance, lambda _: True)
        time.sleep(1.0)
        config = appliance.config.model_copy(update={"rabbits": appliance.config.rabbits.model_copy(update={"wait_s": 1.0})})
        run = outcome_of(config, ["good"], 10)
        assert run.recorded is not None
        assert run.recorded.steps[0].why == "no part came within 1 s"
        given_up = RabbitRun(config, ["bad"], "Ben")
        given_up.give_up("Ben")
        assert given_up.wait(10)
        assert given_up.recorded is None
        with open_store(Path(config.record.folder) / FILE_NAME, read_only=True) as store:
            assert [row.text.split(":")[0] for row in store.audit(5) if row.op == "self-test"] == ["given up by Ben", "FAILED"]
