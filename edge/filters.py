"""What people look for in the record: one struct, as it comes from a form, an address or a program."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from edge.errors import StoreError
from edge.messages import VerdictWord

MAX_TEXT: Final = 200
EVER: Final = (0, 2**62)
Outcome = Literal["passed", "ejected", "missed"]


class Filters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is looked for; all that is given must hold. '' and None: anything.

    Attributes:
        since_ns, until_ns: UTC, from, to before.
        part: id of a part, or how it begins if `prefix`.
        trigger_id: trigger number; only together with `run`.
        kind: class of one of its defects, as the station judged.
        verdict, outcome: `none`: it has none (yet).
        recipe: name or SHA-256 of the recipe; model: SHA-256 of the model. As the run announced them.
        reviewer: who wrote the review that counts. truth: what it says.
        reviewed: whether a review counts. sampled: the part was drawn as a random sample, and that was not withdrawn.
        contradicted: messages said different things of it. held: a hold is on it. image: its image is kept.
    """

    since_ns: int = EVER[0]
    until_ns: int = EVER[1]
    part: str = ""
    prefix: bool = False
    trigger_id: int | None = None
    kind: str = ""
    verdict: VerdictWord | Literal["none"] | None = None
    outcome: Outcome | Literal["none"] | None = None
    recipe: str = ""
    model: str = ""
    run: str = ""
    reviewer: str = ""
    truth: Literal["good", "bad", "unsure"] | None = None
    reviewed: bool | None = None
    sampled: bool | None = None
    contradicted: bool | None = None
    held: bool | None = None
    image: bool | None = None

    def check(self) -> None:
        """Raises:
        StoreError: what cannot be asked for, with what to do.
        """
        if self.since_ns >= self.until_ns:
            raise StoreError("the search begins after it ends; give an end that is later than the beginning")
        if not (EVER[0] <= self.since_ns and self.until_ns <= EVER[1]):
            raise StoreError(f"the search's span {self.since_ns} to {self.until_ns} is beyond what a clock can say; give UTC ns")
        if self.trigger_id is not None and (not self.run or not 0 <= self.trigger_id < 2**63):
            raise StoreError(f"trigger {self.trigger_id}: numbers start anew with each line; say in which run")
        for name in ("part", "kind", "recipe", "model", "run", "reviewer"):
            if len(getattr(self, name)) > MAX_TEXT or not getattr(self, name).isprintable():
                raise StoreError(f"{name} = {getattr(self, name)[:40]!r}: at most {MAX_TEXT} printable characters can be looked for")
