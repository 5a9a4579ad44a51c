"""The whole way in one search: what a station says of its parts, over a network that loses, delays, repeats and mixes, through the
rejector's ledger to the PLC program and the belt. Hypothesis looks for a story in which a bad part passes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.ledger import Ledger
from edge.messages import CODES, Timings, Trigger, Verdict, VerdictWord
from hardware.belt import Belt, BeltSettings
from hardware.plc import EjectorTiming

MS = 1_000_000
WORDS: tuple[VerdictWord, ...] = ("OK", "NG", "UNDECIDED")
WAYS = ("now", "late", "twice", "swapped", "other number", "lost")  # what becomes of a word on its way


@dataclass
class Line:
    """One line; `truth` is what the station has said of each physical part, by the number that the PLC gave it."""

    belt: Belt = field(default_factory=lambda: Belt(BeltSettings(rate_hz=8.0, jitter=0.2, counts_per_s=1000.0, seed=5)))
    ledger: Ledger = field(default_factory=Ledger)
    now: int = 10**12
    run: int = 1
    truth: dict[int, set[str]] = field(default_factory=dict)
    waiting: list[tuple[int, Trigger | Verdict]] = field(default_factory=list)  # due, message
    fell: dict[int, bool] = field(default_factory=dict)
    seen: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.belt.aim(EjectorTiming(delay_ms=300.0, lead_ms=10.0, pulse_ms=30.0, confirm_ms=120.0))

    def part(self, number: int, word: str, way: str) -> None:
        """The station announces a part and judges it; `way` is what the network makes of that."""
        name: dict[str, Any] = {"run_id": f"R{self.run}", "part_id": f"R{self.run}-{number}", "trigger_ns": self.now}
        trigger = Trigger(**name, trigger_id=number)
        self.truth.setdefault(number, set()).add(word)
        if word == "silent":
            self.waiting.append((self.now, trigger))
            return
        told = number + 1 if way == "other number" else number
        if way == "other number":  # what is said of this part comes under the next one's number
            self.truth.setdefault(told, set()).add("not meant")
        fields: dict[str, Any] = {
            **name, "trigger_id": told, "trigger_wall_ns": 0, "verdict": word, "code": CODES[word], "reasons": [] if word == "OK" else ["x"],
            "defects": [], "timings": Timings(), "recipe": "r", "recipe_hash": "", "model_hash": "",
        }  # fmt: skip
        verdict = Verdict(**fields)
        after = {"now": (0, 5), "late": (0, 400), "twice": (0, 5), "swapped": (30, 5), "other number": (0, 5), "lost": (0, -1)}[way]
        self.waiting.append((self.now + after[0] * MS, trigger))
        if after[1] >= 0:
            self.waiting.append((self.now + after[1] * MS, verdict))
        if way == "twice":
            self.waiting.append((self.now + 60 * MS, verdict))

    def deliver(self) -> None:
        """What is due reaches the rejector, and its answer the PLC."""
        due = [message for at, message in self.waiting if at <= self.now]
        self.waiting = [(at, message) for at, message in self.waiting if at > self.now]
        for message in due:
            answer = self.ledger.announced(message) if isinstance(message, Trigger) else self.ledger.judged(message)
            if answer is not None:
                self.belt.answer(message.trigger_id, answer[1], self.now)

    def wait(self, ms: int) -> None:
        for _ in range(ms):
            self.now += MS
            self.deliver()
            if self.now % (200 * MS) < MS:
                self.belt.ready(True, self.now)
            self.belt.advance(self.now)
            for event in self.belt.events:
                if event.kind == "triggered":
                    self.ledger.triggered(event.trigger_id)
                    self.seen.append(event.trigger_id)
                elif event.kind in ("passed", "ejected", "missed"):
                    self.ledger.gone(event.trigger_id, event.kind, event.reason)
            self.belt.events.clear()
            while self.belt.ejector.went:
                number, fell = self.belt.ejector.went.popleft()
                self.fell[number] = fell


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([*WORDS, "silent"]), st.sampled_from(WAYS)), min_size=3, max_size=14),
    st.integers(0, 13),
    st.sampled_from(["", "station anew", "rejector anew", "stop"]),
)
def test_no_story_lets_a_bad_part_pass(parts: list[tuple[str, str]], when: int, what: str) -> None:
    line = Line()
    line.belt.ready(True, line.now)
    line.wait(50)
    for index, (word, way) in enumerate(parts):
        before = len(line.seen)
        for _ in range(400):
            if len(line.seen) > before:
                break
            line.wait(1)
        if len(line.seen) == before:  # the line stands, as it should when something is not confirmed
            line.belt.acknowledge(line.now)
            continue
        line.part(line.seen[-1], word, way)
        if index == when and what == "station anew":
            line.run += 1
        elif index == when and what == "rejector anew":
            line.ledger = Ledger()  # it has forgotten everything; the PLC has not
        elif index == when and what == "stop":
            line.belt.stop("drill", line.now)
            line.wait(150)
            line.belt.acknowledge(line.now)
    for _ in range(4):
        line.wait(300)
        line.belt.acknowledge(line.now)
    judged = {number for number, fell in line.fell.items() if not fell}
    assert all(line.truth.get(number) == {"OK"} for number in judged), {n: line.truth.get(n) for n in judged}


@pytest.mark.parametrize("word", WORDS)
def test_the_search_can_fail(word: str) -> None:
    """In the plainest story a good part passes, and only a good one."""
    line = Line()
    line.belt.ready(True, line.now)
    while not line.seen:
        line.wait(1)
    line.part(1, word, "now")
    line.wait(600)
    assert line.fell[1] == (word != "OK")
