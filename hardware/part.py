"""A part as the PLC program sees it, from the sensor to its end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class PartState(Enum):
    """Where a part is on its way; what has ended is forgotten."""

    OPEN = auto()  # nothing was said of it
    GOOD = auto()  # OK and nothing else
    BAD = auto()  # anything but OK
    PASSING = auto()  # its deadline has gone by, it may pass
    FIRED = auto()  # its deadline has gone by, the valve is for it
    FALLING = auto()  # it was at the ejector; the confirmation sensor has to see it


COMING = (PartState.OPEN, PartState.GOOD, PartState.BAD)  # before their deadline


@dataclass(slots=True)
class Part:
    """One part between sensor and its end.

    Attributes:
        due: position at which it is at the ejector.
        told: whether its end is told; not of a second part under a number that is taken.
        swept: it would have passed, but the valve is open when it comes.
        fell: something has been seen to fall that may have been this part, or is not waited for any more.
        doubt: why it counts as missed whatever is seen to fall.
    """

    trigger_id: int
    due: int
    seen_ns: int
    told: bool = True
    state: PartState = PartState.OPEN
    answered: bool = False
    swept: bool = False
    fell: bool = False
    doubt: str = ""
    offset_us: float = 0.0
    arrived_ns: int = 0  # at the ejector
