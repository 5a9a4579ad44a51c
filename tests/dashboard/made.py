"""A record with parts as a line leaves them: drawn boards, their defects as a model would report them, files and all."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dashboard.people.roles import Role
from dashboard.people.sessions import COOKIE, Sessions
from dashboard.people.users import People
from edge.evidence import ImageFolder
from edge.messages import CODES, AnyMessage, Defect, Ejection, Ejector, ImageRef, Run, Timings, Verdict, VerdictWord
from edge.rows import Batch, Evidence
from edge.store import FILE_NAME, open_store
from hardware.cameras.boards import add_defects, draw_board

SIDE_PX = 320
KINDS = ["open", "short", "mousebite", "spur", "copper", "pin-hole"]
_REF = ImageRef("gutteil-x", 0, 2, (SIDE_PX, SIDE_PX), True)


@dataclass(frozen=True)
class Made:
    """A part to be in the record.

    Attributes:
        picture: whether its picture is kept.
        age_s: how long ago it was triggered.
    """

    part_id: str
    verdict: VerdictWord
    picture: bool = True
    age_s: float = 60.0
    seed: int = 1
    kind: str = ""
    reasons: tuple[str, ...] = ()


def fill_record(folder: Path, parts: Sequence[Made], *, station: str = "S1") -> None:
    """Write them into the record in this folder, as the recorder does; it may be there already."""
    board = draw_board(3, SIDE_PX)
    images, evidence = ImageFolder(folder), {}
    messages: list[AnyMessage] = []
    begin = now = time.time_ns()
    messages.append(
        Run(
            station=station, epoch=begin, seq=1, wall_ns=begin, run_id="run", product="Panel 7", recipe="panel-7", recipe_hash="a", model="small",
            model_hash="b", classes=KINDS, camera="test", provider="CPU", simulated=True, ejector=Ejector(delay_ms=1),
        )
    )  # fmt: skip
    with open_store(folder / FILE_NAME) as store:
        for number, part in enumerate(parts):
            at = now - int(part.age_s * 1e9)
            drawn, marks = add_defects(board, part.seed, 0 if part.verdict == "OK" else 1 + part.seed % 3)
            word = part.verdict
            defects = [
                Defect(
                    part.kind or m.kind,
                    0.93 - 0.04 * i if word == "NG" else 0.58,
                    (float(m.box[0]), float(m.box[1]), float(m.box[2]), float(m.box[3])),
                    word,
                )
                for i, m in enumerate(marks)
            ]
            common: dict[str, Any] = {"station": station, "run_id": "run", "part_id": part.part_id, "trigger_id": number + 1}
            verdict = Verdict(
                **common, epoch=begin, seq=number + 1, trigger_ns=1, trigger_wall_ns=at, verdict=word, code=CODES[word], defects=defects,
                reasons=list(part.reasons) or [f"{d.kind} x1" for d in defects], timings=Timings(total_us=9_000.0), recipe="panel-7",
                recipe_hash="a", model_hash="b", simulated=True, image=_REF if part.picture else None, reference=_REF if part.picture else None,
            )  # fmt: skip
            outcome: Any = "passed" if word == "OK" else "ejected"
            messages += [verdict, Ejection(**common, epoch=begin, seq=number + 1, outcome=outcome, reason="", offset_us=0, wall_ns=at)]
            if part.picture:
                seen = np.asarray(cv2.GaussianBlur(drawn, (0, 0), 0.8) // 2 + 40, np.uint8)
                golden = np.asarray(cv2.GaussianBlur(board.golden, (0, 0), 0.8) // 2 + 40, np.uint8)
                evidence[part.part_id] = Evidence(images.add(part.part_id, at, seen), images.add_reference(store.reference, golden))
        images.commit()
        store.write(Batch(messages=messages, evidence=evidence))


def cookie(folder: Path, role: Role) -> str:
    """The cookie header of a fresh session of the person of this role, whose users are in this record's folder."""
    people = People(folder)
    with contextlib.closing(people):
        person = people.find(role)
        assert person is not None
        return f"{COOKIE}={Sessions(people).begin(person)}"
