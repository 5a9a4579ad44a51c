"""Whether two judgements of one image are the same, byte for byte, and how far apart they are if not. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from edge.messages import Defect

MAX_SCORE: Final = 0.02
MAX_BOX_PX: Final = 2.0


class Said(msgspec.Struct, frozen=True):
    """A judgement: verdict ('' for none), why, and every defect that the recipe accepts."""

    verdict: str
    reasons: list[str]
    defects: list[Defect]


class Compared(msgspec.Struct, frozen=True):
    """How two judgements differ.

    Attributes:
        same: byte for byte.
        close: the same verdict for the same reasons with the same defects, whose scores are within `MAX_SCORE` and boxes within `MAX_BOX_PX`.
        verdict, reasons: these differ.
        only_recorded, only_now: defects without a counterpart.
        score, box_px: the largest difference among those with one.
    """

    same: bool
    close: bool
    verdict: bool
    reasons: bool
    only_recorded: list[Defect]
    only_now: list[Defect]
    score: float
    box_px: float


def canonical(said: Said) -> bytes:
    """The form whose bytes are compared: JSON without blanks, fields in their order, numbers as they are written shortest."""
    return msgspec.json.encode(said)


def compare(recorded: Said, now: Said) -> Compared:
    """Two judgements of one image; a defect's counterpart is the nearest of the same class that makes the same of the part."""
    left = list(now.defects)
    only: list[Defect] = []
    score = box_px = 0.0
    for defect in recorded.defects:
        alike = [d for d in left if (d.kind, d.verdict) == (defect.kind, defect.verdict)]
        if not alike:
            only.append(defect)
            continue
        twin = min(alike, key=lambda d: _apart(d, defect))
        left.remove(twin)
        score, box_px = max(score, abs(twin.score - defect.score)), max(box_px, _apart(twin, defect))
    verdict, reasons = recorded.verdict != now.verdict, recorded.reasons != now.reasons
    close = not (verdict or reasons or only or left) and score <= MAX_SCORE and box_px <= MAX_BOX_PX
    return Compared(canonical(recorded) == canonical(now), close, verdict, reasons, only, left, score, box_px)


def _apart(a: Defect, b: Defect) -> float:
    return max(abs(p - q) for p, q in zip(a.box, b.box, strict=True))
