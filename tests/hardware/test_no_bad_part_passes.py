"""A search for a story in which the line lets a bad part through: hypothesis throws at belt and PLC program whatever may be said or happen.

What happened to a part is read from the physics, not from what the PLC program says of it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.belt import Belt, BeltSettings
from hardware.plc import EjectorTiming
from hardware.plc_program import Program

MS = 1_000_000
ENDS = ("passed", "ejected", "missed")
VERDICTS = {"ok": 1, "ng": 2, "undecided": 3, "nothing": 0}
Step = tuple[str, int]


@dataclass
class Story:
    """A belt, everything that was said of its parts, and what became of them."""

    timing: EjectorTiming
    settings: dict[str, Any]
    late_ms: int = 0  # how late the line's process may run
    now: int = 10**12
    beating: bool = True
    closed: set[int] = field(default_factory=set)  # their deadline has gone by
    good: set[int] = field(default_factory=set)
    bad: set[int] = field(default_factory=set)
    forgotten: set[int] = field(default_factory=set)  # they lay on the belt when the PLC started anew
    beyond: set[int] = field(default_factory=set)  # and had come to the ejector: nobody can be sure of them any more
    seen: list[int] = field(default_factory=list)
    ends: dict[int, str] = field(default_factory=dict)
    fell: dict[int, bool] = field(default_factory=dict)
    disturbed: bool = False
    judging: bool = False

    def __post_init__(self) -> None:
        self.belt = Belt(BeltSettings(**{"jitter": 0.3, "seed": 3, "counts_per_s": 1000.0} | self.settings))
        self.belt.aim(self.timing)
        self.random = random.Random(1)
        self.beat = 0
        self.wait(1)

    def look(self) -> None:
        """After every step: note deadlines, ends and the truth."""
        belt = self.belt
        lead = self.timing.lead_ms * MS * belt.speed
        for body in belt.ejector._bodies:
            if belt._belt_ns >= body.at - lead:
                self.closed.add(body.trigger_id)
        for event in belt.events:
            if event.kind == "triggered":
                assert event.trigger_id not in self.seen
                self.seen.append(event.trigger_id)
            elif event.kind in ENDS:
                assert event.trigger_id not in self.ends, "a part has ended twice"
                assert event.trigger_id in self.seen
                self.ends[event.trigger_id] = event.kind
            elif event.kind == "stopped":
                self.disturbed = True
        belt.events.clear()
        while belt.ejector.went:
            trigger_id, fell = belt.ejector.went.popleft()
            assert trigger_id not in self.fell
            self.fell[trigger_id] = fell

    def wait(self, ms: int) -> None:
        until = self.now + ms * MS
        while self.now < until:
            step = min(self.belt.next_due_ns(self.now), until - self.now)
            self.now += max(1, step) + self.random.randint(0, self.late_ms * MS)
            if self.beating and self.now - self.beat > 100 * MS:
                self.beat = self.now
                self.belt.ready(True, self.now)
            self.belt.advance(self.now)
            self.look()
            if self.judging and self.random.random() < 0.3:
                self.judge_some()
                self.look()

    def say(self, trigger_id: int, word: str) -> None:
        if trigger_id not in self.closed and trigger_id in self.seen:
            (self.good if word == "ok" else self.bad).add(trigger_id)
        self.belt.answer(trigger_id, VERDICTS[word], self.now)

    def judge_some(self) -> None:
        """A station of sorts: most parts are good, some words are missing, late, doubled or taken back."""
        for trigger_id in self.seen[-12:]:
            if self.random.random() < 0.3:
                word = "ok" if self.random.random() < 0.8 and trigger_id % 5 else self.random.choice(list(VERDICTS))
                self.say(trigger_id, word)

    def do(self, word: str, value: int) -> None:
        belt, now = self.belt, self.now
        if word == "wait":
            self.wait(value)
        elif word == "freeze":
            self.now += value * 10 * MS  # nobody runs the line's process
            belt.advance(self.now)
        elif word == "run":
            self.judging = True
            self.wait(value * 5)
            self.judging = False
        elif word in VERDICTS:
            self.say(max(1, belt.fed - value % 8), word)
        elif word == "silent":
            self.beating = False
        elif word == "beats":
            self.beating, self.beat = True, now
            belt.ready(True, now)
        elif word == "unready":
            self.disturbed = True
            self.beating = False
            belt.ready(False, now)
        elif word == "stop":
            belt.stop("drill", now)
        elif word == "machine":
            belt.stop_at_machine(now)
        elif word == "acknowledge":
            belt.acknowledge(now)
        elif word == "reset":
            belt.reset(now)
        elif word == "jam":
            belt.ejector.jammed = True
        elif word == "hold":
            belt.hold = not belt.hold
        elif word == "speed":
            belt.advance(now)
            self.look()
            belt.speed = 0.2 + value / 150
            self.disturbed = True
        elif word == "cold":
            belt.advance(now)
            self.look()
            self.forgotten |= {p.trigger_id for p in belt.program.parts}
            self.beyond |= {body.trigger_id for body in belt.ejector._bodies if body.at <= belt._belt_ns}
            belt.program = Program(1e9, EjectorTiming())
            belt.aim(self.timing)
        else:
            raise AssertionError(word)
        self.look()

    def finish(self) -> None:
        """The belt runs on until it is empty, whatever it stops for is acknowledged."""
        self.belt.hold, self.beating, self.belt.speed = True, True, 1.0
        for _ in range(400):
            self.wait(100)
            if self.belt.program.code:
                self.belt.acknowledge(self.now)
            if not self.belt.on_belt and not self.belt.ejector._bodies:
                break
        self.wait(300)
        self.look()

    def judge(self) -> None:
        assert set(self.seen) == set(self.ends) | self.forgotten, "every part that was seen ends"
        assert set(self.seen) == set(self.fell)
        for trigger_id, fell in self.fell.items():
            may = trigger_id in self.good and trigger_id not in self.bad
            end = self.ends.get(trigger_id, "")
            if not fell:
                # two faults at once: a good part that stood before the ejector after a stop fell in place of the one that the air did not move
                double = self.settings.get("miss_share") and self.disturbed and self.timing.lead_ms and end == "ejected"
                assert may or end == "missed" or double or trigger_id in self.beyond, (
                    f"part {trigger_id} has passed: an escape that the PLC calls {end!r}"
                )
            if end == "passed":
                assert may
                assert not fell or self.forgotten or (self.disturbed and self.timing.lead_ms), (
                    f"part {trigger_id} lies in the bin and counts as passed"
                )
            if end == "ejected" and not self.settings.get("miss_share"):
                assert fell, f"part {trigger_id} counts as ejected and has passed"


answers = st.tuples(st.sampled_from(["ok", "ok", "ok", "ng", "undecided", "nothing"]), st.integers(0, 7))
times = st.tuples(st.just("wait"), st.integers(1, 300))
runs = st.tuples(st.just("run"), st.integers(10, 200))
trouble = st.tuples(
    st.sampled_from(["silent", "beats", "unready", "stop", "machine", "acknowledge", "reset", "jam", "hold", "speed", "freeze"]),
    st.integers(0, 200),
)
timings = st.builds(
    EjectorTiming,
    delay_ms=st.integers(60, 500).map(float),
    delay_counts=st.sampled_from([0, 0, 80, 350]),
    lead_ms=st.sampled_from([0.0, 0.0, 5.0, 25.0, 50.0]),
    pulse_ms=st.sampled_from([1.0, 10.0, 30.0, 80.0]),
    spacing_ms=st.sampled_from([0.0, 20.0, 60.0, 150.0]),
    confirm_ms=st.sampled_from([25.0, 200.0]),
)
lines = st.fixed_dictionaries(
    {
        "rate_hz": st.sampled_from([0.0, 4.0, 20.0, 60.0]),
        "miss_share": st.sampled_from([0.0, 0.0, 0.3]),
        "bin_parts": st.sampled_from([0, 0, 3]),
    }
)


def tell(story: Story, steps: list[Step]) -> None:
    for word, value in steps:
        story.do(word, value)
    story.finish()
    story.judge()


@settings(max_examples=150, deadline=None)
@given(timings, lines, st.integers(0, 4), st.lists(st.one_of(answers, times, runs, runs, trouble), min_size=3, max_size=25))
def test_whatever_is_said_and_happens(timing: EjectorTiming, line: dict[str, Any], late_ms: int, steps: list[Step]) -> None:
    tell(Story(timing, line, late_ms), steps)


@settings(max_examples=60, deadline=None)
@given(
    timings,
    st.integers(0, 4),
    st.lists(st.one_of(answers, times, runs, runs, st.tuples(st.just("cold"), st.just(0)), trouble), min_size=3, max_size=25),
)
def test_a_plc_that_starts_anew_lets_nothing_pass_that_lay_on_the_belt(timing: EjectorTiming, late_ms: int, steps: list[Step]) -> None:
    tell(Story(timing, {"rate_hz": 20.0}, late_ms), steps)
