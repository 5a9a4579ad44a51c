"""What the station says of parts: an announcement and a verdict for each, on the bus and as orders to the rejector."""

from __future__ import annotations

import time

import msgspec
import numpy as np

from edge.bus import Publisher
from edge.config import Station
from edge.decide import Decision, undecided
from edge.judge import Judge
from edge.messages import CODES, Candidate, Candidates, ImageRef, Timings, Trigger, Verdict
from edge.order_desk import OrderDesk
from hardware.camera import Frame


class PartsTold:
    """
    Attributes:
        run_id: of the run that parts belong to.
        count: parts since the start.
        words: how many were announced (`triggers`), and how many of each verdict.
    """

    def __init__(self, config: Station, publisher: Publisher, desk: OrderDesk) -> None:
        self._name, self._sensor = config.name, config.line.sensor
        self._publisher, self._desk = publisher, desk
        self.run_id = f"{config.name}-{publisher.epoch // 1_000_000:x}"
        self.count = 0
        self.words = dict.fromkeys(("triggers", "OK", "NG", "UNDECIDED"), 0)
        self._stamps: dict[str, str] = {}
        self._due_ns = 0

    def by(self, judge: Judge, run_id: str = "") -> None:
        """From now on parts are judged by this recipe; with `run_id` in a new run."""
        self.run_id = run_id or self.run_id
        self._stamps = {"recipe": judge.loaded.name, "recipe_hash": judge.loaded.hash, "model_hash": judge.model.file_hash}
        ejector = judge.recipe.ejector
        self._due_ns = 0 if ejector.delay_counts else int((ejector.delay_ms - ejector.lead_ms) * 1e6)

    def announce(self, frame: Frame, *, pictured: bool = True) -> str:
        """A part is there; returns its part_id. A free-running camera gives no trigger numbers: its parts are counted here."""
        self.count += 1
        self.words["triggers"] += 1
        part_id = f"{self.run_id}-{self.count}"
        self._publisher.send(
            Trigger,
            run_id=self.run_id,
            part_id=part_id,
            trigger_id=frame.trigger_id or self.count,
            trigger_ns=frame.trigger_ns,
            encoder=frame.encoder,
            sensor=self._sensor,
            pictured=pictured,
        )
        self._order(frame.trigger_ns)
        return part_id

    def judged(
        self,
        frame: Frame,
        part_id: str,
        decision: Decision,
        timings: Timings,
        got_ns: int,
        image: ImageRef | None,
        reference: ImageRef | None,
    ) -> None:
        """The verdict on the part that was announced last."""
        self.words[decision.verdict] += 1
        expected = frame.label.get("verdict", "")
        self._publisher.send(
            Verdict,
            run_id=self.run_id,
            part_id=part_id,
            trigger_id=frame.trigger_id or self.count,
            trigger_ns=frame.trigger_ns,
            trigger_wall_ns=frame.wall_ns,
            verdict=decision.verdict,
            code=CODES[decision.verdict],
            reasons=[r[:200] for r in decision.reasons],
            defects=decision.defects,
            timings=msgspec.structs.replace(
                timings, capture_us=(got_ns - frame.trigger_ns) / 1e3, total_us=(time.monotonic_ns() - frame.trigger_ns) / 1e3
            ),
            **self._stamps,
            source=frame.source[:200],
            expected=expected if expected in ("OK", "NG") else "",
            image=image,
            reference=reference,
        )
        self._order(frame.trigger_ns)

    def uncounted(self, part_id: str, floor: float, found: list[Candidate]) -> None:
        """What the recipe did not count on the part judged last."""
        self._publisher.send(Candidates, run_id=self.run_id, part_id=part_id, floor=floor, found=found)

    def never_seen(self, trigger_id: int, trigger_ns: int) -> None:
        """The line counted a part of which no image came: it exists and is UNDECIDED."""
        lost = Frame(np.empty((0, 0), np.uint8), 0, trigger_id, trigger_ns, time.time_ns())
        part_id = self.announce(lost, pictured=False)
        self.judged(lost, part_id, undecided("no image came for this trigger"), Timings(), time.monotonic_ns(), None, None)

    def _order(self, trigger_ns: int) -> None:
        """To the rejector, with the moment at which it is of no use any more; 0 where the encoder tells."""
        self._desk.order(self._publisher.last, trigger_ns + self._due_ns if self._due_ns else 0)
