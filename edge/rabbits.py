"""Red rabbits: reference parts, known bad and known good, sent through the whole chain up to the confirmed ejection, with a record.

The part goes the ordinary way: nothing of the verdict is forced, nothing is told that it is a test. A person says beforehand
which reference part comes next; whatever part comes next is compared with that. After a failed test the line is stopped: what it
passed since the last good test may hold escapes. (Red rabbit tests, also called challenge tests: VDI/VDE 2632-3 and IFS Food 4.12.)
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from edge.commands import TEST_REASON
from edge.holds import said
from edge.messages import Ejection, Verdict

Kind = Literal["good", "bad"]
StepState = Literal["waiting", "judged", "passed", "failed"]
MAX_STEPS: Final = 12


class Step(msgspec.Struct, kw_only=True):
    """One reference part of a test.

    Attributes:
        state: `waiting` for the part, `judged` and waiting for the ejector, then `passed` or `failed`.
        why: why it failed, in words.
    """

    kind: Kind
    state: StepState = "waiting"
    part_id: str = ""
    verdict: str = ""
    outcome: str = ""
    why: str = ""


class Rabbits(msgspec.Struct, frozen=True):
    """A recorded test; `tested_at` is UTC, ISO 8601."""

    number: int
    who: str
    passed: bool
    steps: list[Step]
    recipe: str
    model_hash: str
    wall_ns: int
    tested_at: str


@dataclass
class RabbitTest:
    """A test that is going on. Pure: messages and the time come in.

    Attributes:
        steps: as asked for, in order.
        recipe, model_hash: of the first part that was judged.
    """

    steps: list[Step]
    recipe: str = ""
    model_hash: str = ""
    _since_ns: int = 0
    _known: dict[str, str] = field(default_factory=dict)

    @property
    def step(self) -> Step | None:
        """The step that waits for something; None: the test is over. After a failed step nothing more is asked for."""
        for step in self.steps:
            if step.state == "failed":
                return None
            if step.state != "passed":
                return step
        return None

    @property
    def failed(self) -> bool:
        return any(step.state == "failed" for step in self.steps)

    @property
    def passed(self) -> bool:
        return bool(self.steps) and all(step.state == "passed" for step in self.steps)

    def begin(self, now_ns: int) -> None:
        """The person has put the part of the next step in; only parts triggered after this count. `now_ns`: CLOCK_MONOTONIC."""
        self._since_ns = now_ns

    @property
    def begun(self) -> bool:
        return self._since_ns > 0

    def judged(self, message: Verdict) -> None:
        """The first part that was triggered after the person said so is the reference part."""
        step = self.step
        if step is None or step.state != "waiting" or not self.begun or message.trigger_ns < self._since_ns:
            return
        step.part_id, step.verdict, step.state = message.part_id, message.verdict, "judged"
        self.recipe, self.model_hash = self.recipe or message.recipe, self.model_hash or message.model_hash
        if (message.verdict == "OK") != (step.kind == "good"):  # at once: nobody can give up a test that has failed
            step.state, step.why, self._since_ns = "failed", f"the {step.kind} part was judged {message.verdict}", 0
        elif message.part_id in self._known:
            self._close(step, self._known[message.part_id])

    def gone(self, message: Ejection) -> None:
        """What became of a part; may be heard before its verdict."""
        step = self.step
        if message.reason.startswith(TEST_REASON):
            if step is not None and step.part_id in ("", message.part_id):
                self.give_up("the ejector was being tested; that proves nothing")
        elif step is not None and step.state == "judged" and message.part_id == step.part_id:
            self._close(step, message.outcome)
        elif step is not None and step.state == "waiting":
            self._known[message.part_id] = message.outcome
            while len(self._known) > 100:
                del self._known[next(iter(self._known))]

    def give_up(self, why: str) -> None:
        """The part did not come, or nobody said what became of it."""
        if (step := self.step) is not None:
            step.state, step.why = "failed", why

    def _close(self, step: Step, outcome: str) -> None:
        step.outcome = outcome
        right = "ejected" if step.kind == "bad" else "passed"
        step.why = "" if outcome == right else f"the {step.kind} part was {outcome}"
        step.state = "failed" if step.why else "passed"
        self._since_ns = 0


def add(db: sqlite3.Connection, who: str, test: RabbitTest, now_ns: int) -> Rabbits:
    """Record a test that is over; within the caller's transaction, which holds the write lock.

    Raises:
        StoreError: no name.
    """
    number = db.execute("SELECT coalesce(max(number), 0) + 1 FROM rabbits").fetchone()[0]
    steps = json.dumps(msgspec.to_builtins(test.steps), ensure_ascii=False)
    columns = "number, who, passed, steps, recipe, model_hash, wall_ns"
    db.execute(
        f"INSERT INTO rabbits ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (number, said(who, "who"), test.passed, steps, test.recipe, test.model_hash, now_ns),
    )
    return last(db, 1)[0]


def last(db: sqlite3.Connection, most: int) -> list[Rabbits]:
    """The newest tests, newest first."""
    rows = db.execute(f"SELECT {', '.join(Rabbits.__struct_fields__)} FROM rabbits ORDER BY number DESC LIMIT ?", (max(0, most),))
    return [
        Rabbits(n, who, bool(ok), msgspec.json.decode(steps, type=list[Step]), recipe, model, ns, at)
        for n, who, ok, steps, recipe, model, ns, at in rows
    ]
