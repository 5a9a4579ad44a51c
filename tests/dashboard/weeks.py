"""Some weeks of a line, written as the recorder writes them: from messages, with pictures, alarms, changes of recipe, and people who review."""

from __future__ import annotations

import hashlib
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.config import Shifts
from edge.messages import CODES, Alarm, AnyMessage, Defect, Ejection, Ejector, ImageRef, Run, Timings, Trigger, Verdict, VerdictWord
from edge.places import place
from edge.reviews import How, Truth
from edge.rows import Batch, Evidence, StoredFile
from edge.shifts import Calendar, Shift
from edge.store import FILE_NAME, open_store

KINDS = ("short", "open", "mousebite", "spur", "copper", "pin-hole")
_WEIGHTS = (40, 25, 15, 10, 6, 4)
SETTINGS = Shifts(zone="Europe/Berlin", days_off=["sunday"])
REVIEWER = "Anna Beck"
_SIDE_PX = 240
_STAGES = ("capture_us", "prepare_us", "infer_us", "decode_us", "decide_us")


class Weeks:
    """Writes parts into the record of a station.

    Attributes:
        missed: ids of parts whose ejection was not confirmed; escaped: of those that passed and that somebody found bad.
    """

    def __init__(
        self,
        folder: Path,
        station: str,
        *,
        settings: Shifts = SETTINGS,
        kinds: tuple[str, ...] = KINDS,
        seed: int = 1,
        simulated: bool = False,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.station, self.simulated = folder, station, simulated
        self.calendar, self._kinds = Calendar(settings), kinds
        self.missed: list[str] = []
        self.escaped: list[str] = []
        self._random = random.Random(seed)
        self._seq = dict.fromkeys(("trigger", "verdict", "ejection", "run", "alarm"), 0)
        self._epoch = 1_000
        self._truths: list[tuple[str, Truth, How]] = []

    def fill(self, until_ns: int, days: int, per_shift: int = 96) -> None:
        """Every shift of the days before, but for Sundays; of the one in which `until_ns` lies what there was of it."""
        for shift in self.calendar.shifts(until_ns - int(timedelta(days=days).total_seconds()) * 10**9, until_ns):
            if not shift.off:
                self.shift(shift, per_shift, until_ns)

    def shift(self, shift: Shift, parts: int, until_ns: int) -> None:
        """One shift: two recipes, one stop, a bad hour now and then."""
        chance = self._random
        messages: list[AnyMessage] = []
        evidence: dict[str, Evidence] = {}
        step = (shift.until_ns - shift.since_ns) // parts
        bad_from = chance.randrange(parts)
        base = 0.05 + 0.02 * (shift.number == 3)
        for n in range(parts):
            at = shift.since_ns + n * step + chance.randrange(step // 2)
            if at >= until_ns:
                break
            if n in (0, parts // 2):
                recipe = ("board-A", "board-B")[n > 0]
                messages.append(self._run(at, recipe))
            share = base * (4 if bad_from <= n < bad_from + parts // 10 and shift.number == 2 else 1)
            messages += self._part(at, recipe, chance.random() < share, evidence)
        stop = shift.since_ns + chance.randrange(parts) * step
        if stop + 9 * 60 * 10**9 < min(until_ns, shift.until_ns):
            for code, text in (("ejection-missed", "an ejection was not confirmed"), ("line-stopped", "the belt stands: ejection-missed")):
                messages += [
                    self._alarm(stop, code, text, True),
                    self._alarm(stop + (4 + chance.randrange(5)) * 60 * 10**9, code, text, False),
                ]
        with open_store(self.folder / FILE_NAME) as store:
            store.write(Batch(messages, [], evidence))
            for part_id, truth, how in self._truths:
                store.review(part_id, REVIEWER, truth, how=how)
        self._truths.clear()

    def _part(self, at: int, recipe: str, bad: bool, evidence: dict[str, Evidence]) -> list[AnyMessage]:
        chance = self._random
        n = self._seq["trigger"] + 1
        part_id = f"{self.station}-{self._epoch}-{n}"
        word: VerdictWord = "OK"
        if bad:
            word = "NG" if chance.random() < 0.8 else "UNDECIDED"
        outcome: Any = "passed" if word == "OK" else "missed" if chance.random() < 0.02 else "ejected"
        x, y = chance.randrange(20, 150), chance.randrange(20, 150)
        kind = chance.choices(self._kinds, _WEIGHTS[: len(self._kinds)])[0]
        defects = [Defect(kind, round(chance.uniform(0.5, 0.99), 3), (x, y, x + 40, y + 30), word)] if bad else []
        kept = bad or chance.random() < 0.1
        if kept:
            evidence[part_id] = self._picture(part_id, at, (x, y) if bad else None)
        self._judge(part_id, word, outcome, kept)
        us = [chance.lognormvariate(0, 0.2) * t for t in (2_000, 700, 4_000, 200, 50)]
        run_id = f"R{self._seq['run']}"
        return [
            Trigger(**self._stamp("trigger", at), run_id=run_id, part_id=part_id, trigger_id=n, trigger_ns=at),
            Verdict(
                **self._stamp("verdict", at + 10**7), run_id=run_id, part_id=part_id, trigger_id=n, trigger_ns=at, trigger_wall_ns=at,
                verdict=word, code=CODES[word], reasons=[f"{kind} x1"] if bad else [], defects=defects,
                timings=Timings(total_us=sum(us), **dict(zip(_STAGES, us, strict=True))), recipe=recipe, recipe_hash=f"hash of {recipe}", model_hash="5e" * 32,
                image=ImageRef("ring", 0, 1, (_SIDE_PX, _SIDE_PX), kept),
            ),
            Ejection(
                **self._stamp("ejection", at + 4 * 10**8, "rejector"), trigger_id=n, part_id=part_id, run_id=run_id, outcome=outcome,
                reason="" if outcome == "passed" else word, offset_us=5.0,
            ),
        ]  # fmt: skip

    def _judge(self, part_id: str, word: str, outcome: str, kept: bool) -> None:
        """What a person says later, of some."""
        chance = self._random
        if outcome == "missed":
            self.missed.append(part_id)
        elif word != "OK" and chance.random() < 0.6:
            self._truths.append((part_id, "bad" if chance.random() < 0.85 else "good", "queue"))
        elif word == "OK" and kept and chance.random() < 0.7:
            bad = chance.random() < 0.02
            self._truths.append((part_id, "bad" if bad else "good", "sample"))
            if bad:
                self.escaped.append(part_id)

    def _picture(self, part_id: str, at: int, defect: tuple[int, int] | None) -> Evidence:
        image = np.full((_SIDE_PX, _SIDE_PX), 60, np.uint8)
        for i in range(20, _SIDE_PX, 24):
            cv2.line(image, (10, i), (_SIDE_PX - 10, i), 150, 6)
        if defect is not None:
            cv2.circle(image, (defect[0] + 20, defect[1] + 15), 9, 245, -1)
        data = cv2.imencode(".png", image)[1].tobytes()
        path = place(part_id, at)
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_bytes(data)
        return Evidence(StoredFile(path.as_posix(), hashlib.sha256(data).hexdigest(), size=len(data)))

    def _run(self, at: int, recipe: str) -> Run:
        return Run(
            **self._stamp("run", at), run_id=f"R{self._seq['run']}", product=recipe.replace("board", "Board"), recipe=recipe,
            recipe_hash=f"hash of {recipe}", model="board-small.onnx", model_hash="5e" * 32, classes=list(self._kinds), camera="test",
            provider="CPU", ejector=Ejector(),
        )  # fmt: skip

    def _alarm(self, at: int, code: str, text: str, active: bool) -> Alarm:
        severity: Any = "warning" if code == "line-stopped" else "fault"
        return Alarm(**self._stamp("alarm", at, "rejector"), code=code, severity=severity, active=active, text=text)

    def _stamp(self, kind: str, at: int, sender: str = "station") -> dict[str, Any]:
        self._seq[kind] += 1
        return {
            "station": self.station, "sender": sender, "epoch": self._epoch, "seq": self._seq[kind], "mono_ns": at, "wall_ns": at,
            "simulated": self.simulated,
        }  # fmt: skip
