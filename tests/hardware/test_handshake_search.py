"""Hypothesis looks for a way to break the handshake: polls, losses, repeats, torn reads and writes, restarts in any order.

What must hold: the PLC never hears an OK of a part that was not answered OK, nor after a non-OK; no result is lost unless the
overrun says so; no event comes twice in one of our lives, and none is lost while the PLC lives.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hardware.handshake import VisionSide
from hardware.handshake_plc import PlcSide
from hardware.plc import PlcEvent, Result
from hardware.signals import FROM_PLC_LENGTH, MAP_VERSION, TO_PLC_LENGTH, decode

GROUPS = {"recipe": (10, 12), "trigger": (16, 21), "outcome": (24, 30)}


def in_pieces() -> list[range]:
    """The order in which a PLC that cannot write a block at once writes its pieces: groups, then the rest with the sessions."""
    order = []
    for head, tail in GROUPS.values():
        order += [range(tail, tail + 1), range(head + 1, tail), range(head, head + 1)]
    return [*order, range(10)]


class Wire(RuleBasedStateMachine):
    """Both halves and the memory between them."""

    @initialize(client=st.booleans())
    def start(self, client: bool) -> None:
        self.client = client  # we write into the PLC's memory; else it reads ours
        self.session, self.vision = 1, VisionSide(1)
        self.plc = PlcSide()
        self.memory = [0] * TO_PLC_LENGTH  # the PLC's memory of our block
        self.ours = [0] * FROM_PLC_LENGTH  # our memory of the PLC's block
        self.kept: list[int] = []
        self.part = 0
        self.latched = self.acknowledged = False
        self.answered: dict[int, list[int]] = {}
        self.words: dict[int, list[int]] = {}  # the same since the PLC's last restart
        self.expected: list[int] = []  # parts answered for the first time since anybody's last restart
        self.heard: list[Result] = []
        self.fed: list[int] = []
        self.seen: list[int] = []  # in our present life
        self.ever: set[int] = set()
        self.in_hand: list[PlcEvent] = []  # taken and not used yet
        self.wanted = self.asked = 0  # what our user, and the PLC's, take for the recipe

    def give(self, registers: list[int]) -> None:
        self.plc.heard(registers)

    @rule()
    def the_plc_reads(self) -> None:
        self.give(self.memory if self.client else self.vision.image())

    @rule()
    def our_write_reaches_the_plc(self) -> None:
        self.kept = self.memory = self.vision.image()

    @rule()
    def our_write_is_repeated(self) -> None:
        if self.kept and self.client:
            self.memory = self.kept

    @rule(data=st.data(), verdicts=st.lists(st.integers(1, 3), max_size=4))
    def the_plc_reads_in_pieces(self, data: st.DataObject, verdicts: list[int]) -> None:
        """Upwards, and between two registers we go on; who restarts in between breaks the connection, and the read."""
        if self.client:
            return
        cuts = sorted(data.draw(st.lists(st.integers(1, TO_PLC_LENGTH - 1), min_size=len(verdicts), max_size=len(verdicts))))
        registers: list[int] = []
        for cut, verdict in zip(cuts, verdicts, strict=True):
            registers += self.vision.image()[len(registers) : cut]
            self.answer_next(verdict)
        registers += self.vision.image()[len(registers) :]
        self.give(registers)

    @rule()
    def the_plc_writes(self) -> None:
        self.ours = self.plc.image()
        self.vision.heard(self.ours, 0)

    @rule(upto=st.integers(0, 10))
    def the_plc_writes_in_pieces(self, upto: int) -> None:
        """And may break off."""
        if self.client:
            return
        new = self.plc.image()
        for piece in in_pieces()[:upto]:
            self.ours = list(self.ours)
            self.ours[piece.start : piece.stop] = new[piece.start : piece.stop]
            self.vision.heard(self.ours, 0)

    @rule()
    def a_cycle(self) -> None:
        """All of it once, as on most days."""
        self.our_write_reaches_the_plc()
        self.the_plc_reads()
        self.the_program_takes()
        self.the_plc_writes()
        self.our_user_takes()
        self.our_user_takes()  # he asks oftener than the link brings

    @rule()
    def the_plc_writes_again_what_stands_there(self) -> None:
        self.vision.heard(self.ours, 0)

    @rule()
    def the_program_takes(self) -> None:
        orders = self.plc.take()
        assert orders.hold or self.asked in (0, orders.recipe) or not self.plc.vision, "another recipe judges"
        self.heard += orders.results
        if orders.acknowledge:
            assert self.acknowledged, "what a person acknowledged before the PLC's life is not for this one"
            self.latched = False
        self.latched |= orders.stop

    @rule()
    def a_stop_is_asked_for(self) -> None:
        self.vision.stop()

    @rule()
    def a_person_acknowledges(self) -> None:
        self.vision.acknowledge()
        self.acknowledged = True

    @rule()
    def a_person_turns_the_key(self) -> None:
        self.latched = False
        self.plc.happened(PlcEvent("reset", 0, 0))

    @rule()
    def our_user_takes(self) -> None:
        """And has used it when he comes back for more."""
        self.use()
        self.in_hand = self.vision.take()
        self.seen += [e.trigger_id for e in self.in_hand if e.kind == "triggered"]

    def use(self) -> None:
        self.ever |= {e.trigger_id for e in self.in_hand if e.kind == "triggered"}
        self.wanted = next((e.code for e in reversed(self.in_hand) if e.kind == "recipe"), self.wanted)
        self.in_hand = []
        self.vision.recipe(self.wanted)

    @rule(number=st.integers(1, 5))
    def a_recipe_is_asked_for(self, number: int) -> None:
        self.plc.happened(PlcEvent("recipe", 0, 0, code=number))
        self.asked = number

    @rule()
    def a_part_comes(self) -> None:
        self.part += 1
        self.fed.append(self.part)
        self.plc.happened(PlcEvent("triggered", self.part, 0))
        self.plc.happened(PlcEvent("ejected", self.part, 0))

    @rule(verdict=st.integers(1, 3))
    def answer_next(self, verdict: int) -> None:
        self._answer(Result(max(self.answered, default=0) + 1, verdict))

    @precondition(lambda self: self.answered)
    @rule(data=st.data(), verdict=st.integers(1, 3))
    def answer_again(self, data: st.DataObject, verdict: int) -> None:
        self._answer(Result(data.draw(st.sampled_from(sorted(self.answered))), verdict))

    def _answer(self, result: Result) -> None:
        before = self.answered.setdefault(result.trigger_id, [])
        before.append(result.verdict)
        self.words.setdefault(result.trigger_id, []).append(result.verdict)
        self.vision.answer(result)
        if len(before) == 1:
            self.expected.append(result.trigger_id)

    @rule()
    def we_restart(self) -> None:
        self.session += 1
        self.vision = VisionSide(self.session)
        self.ours = [0] * FROM_PLC_LENGTH if not self.client else self.ours
        self.seen.clear()
        self.in_hand, self.wanted = [], 0  # what was not used is lost with its user
        self.expected.clear()

    @rule(retained=st.booleans())
    def the_plc_restarts(self, retained: bool) -> None:
        self.plc = PlcSide(last_session=self.plc.session, asked=self.asked)
        self.latched = self.acknowledged = False
        self.words.clear()
        self.heard.clear()
        self.fed.clear()
        self.expected.clear()
        if not retained:
            self.memory = [0] * TO_PLC_LENGTH

    @rule()
    def all_goes_well_for_a_while(self) -> None:
        """Then everything that is not lost by right has arrived."""
        for _ in range(60):
            self.a_cycle()
        assert self.vision.linked
        assert self.plc.waiting <= max(0, 2 * len(self.fed) - 50)
        says = decode("to_plc", self.vision.image())
        assert says["results_waiting"] == 0
        assert self.latched or not says["stop_request"], "a stop was asked for, and the PLC has not latched it"
        heard = {r.trigger_id for r in self.heard}
        if not says["overruns"]:
            assert set(self.expected) <= heard
        self.use()
        assert says["recipe_active"] == self.asked, "we do not know what was asked for"
        if not self.plc.waiting:
            assert set(self.fed) <= self.ever
        for part, verdicts in self.answered.items():
            last = [r.verdict for r in self.heard if r.trigger_id == part]
            if last and any(v != 1 for v in verdicts) and part in self.expected:
                assert last[-1] != 1 or says["stop_request"], "an OK was taken back, and the PLC was not told"

    @invariant()
    def no_ok_is_heard_that_was_not_said(self) -> None:
        for result in self.__dict__.get("heard", []):
            said = self.words[result.trigger_id]  # nothing of the PLC's life before comes into this one
            assert result.verdict in said
            if result.trigger_id in self.expected and result.verdict == 1:
                assert said[0] == 1  # an OK after anything else is not listened to

    @invariant()
    def nothing_is_heard_twice_in_one_life(self) -> None:
        seen = self.__dict__.get("seen", [])
        assert len(seen) == len(set(seen))
        assert seen == sorted(seen)

    @invariant()
    def results_come_in_order(self) -> None:
        firsts = list(dict.fromkeys(r.trigger_id for r in self.__dict__.get("heard", []) if r.trigger_id in self.expected))
        assert firsts == sorted(firsts)


Wire.TestCase.settings = settings(max_examples=250, stateful_step_count=40)
TestWire = Wire.TestCase


def test_the_search_knows_the_table() -> None:
    """The pieces of the torn write are those of the table."""
    plc, vision = PlcSide(), VisionSide(1)
    for _ in range(2):
        plc.heard(vision.image())
        vision.heard(plc.image(), 0)
    plc.heard(vision.image())
    for event in (PlcEvent("triggered", 1, 0), PlcEvent("passed", 1, 0), PlcEvent("recipe", 0, 0, code=3)):
        plc.happened(event)
    says = plc.image()
    assert says[0] == MAP_VERSION
    for head, tail in GROUPS.values():
        assert says[head] == says[tail] == 1
    written = {i for piece in in_pieces() for i in piece}
    assert all(says[i] == 0 for i in set(range(FROM_PLC_LENGTH)) - written)
