"""What a page is told of the line: one snapshot, the same for every viewer and every language. This is `/api/live`.

Durations are ages in ms at the moment of the snapshot, so that a page needs no clock in common with the server.
"""

from __future__ import annotations

from typing import Literal

import msgspec

VERSION = 1

Word = Literal["OK", "NG", "UNDECIDED", "STOPPED", "WAITING"]
HealthState = Literal["ok", "warning", "bad", "unknown"]


class DefectView(msgspec.Struct, frozen=True):
    """One defect; box is x1, y1, x2, y2 in px of the original image."""

    kind: str
    score: float
    box: tuple[float, float, float, float]
    verdict: str


class PartView(msgspec.Struct, frozen=True):
    """One judged part.

    Attributes:
        key: names the part in picture addresses; unique over restarts of the dashboard.
        age_ms: since its verdict was heard; absent for a part that was read from the record.
        wall_ms: trigger time, ms since 1970 UTC.
        width, height: px of the original image; 0 without a picture.
        picture, thumb: addresses of the picture; empty if there is none.
        more_defects: how many defects beyond those listed.
        outcome: what the ejector reported: passed, ejected, missed, or empty while nothing is known.
    """

    key: str
    part_id: str
    verdict: str
    reasons: list[str]
    defects: list[DefectView]
    more_defects: int
    age_ms: int | None
    wall_ms: int
    total_ms: float
    width: int
    height: int
    picture: str
    thumb: str
    outcome: str
    simulated: bool


class Reason(msgspec.Struct, frozen=True):
    """Why the line does not show a verdict; `code` is translated, `text` and `remedy` are the sender's own words."""

    code: str
    text: str = ""
    remedy: str = ""


class AlarmView(msgspec.Struct, frozen=True):
    """An alarm that lasts."""

    sender: str
    code: str
    severity: str
    text: str
    remedy: str
    age_ms: int


class HealthView(msgspec.Struct, frozen=True):
    """One item of the health row; `note` is a code to translate, `detail` plain text from the line."""

    name: str
    state: HealthState
    note: str
    detail: str = ""
    value: float = 0


class Counts(msgspec.Struct, frozen=True):
    """Verdicts of the station since it started, and what the ejector reported since the rejector started."""

    ok: int = 0
    ng: int = 0
    undecided: int = 0
    parts: int = 0
    passed: int = 0
    ejected: int = 0
    missed: int = 0


class Snapshot(msgspec.Struct, frozen=True):
    """The state of the line at one moment.

    Attributes:
        server: names this start of the dashboard.
        number: counts snapshots of this server.
        ok_share: 0..1, absent before the first part.
        per_minute: parts per minute over the last minute.
        acknowledge: the line has been stopped and waits for a person to acknowledge.
        late_ms, idle_ms: ages of the last part from which on a running line looks late, and idle.
    """

    server: str
    number: int
    word: Word
    reason: Reason
    station: str
    product: str
    recipe: str
    model: str
    camera: str
    provider: str
    run_id: str
    simulated: bool
    running: bool
    part: PartView | None
    late_ms: int
    idle_ms: int
    counts: Counts
    ok_share: float | None
    per_minute: float
    rejects: list[PartView]
    alarms: list[AlarmView]
    health: list[HealthView]
    gaps: int
    refused: int
    acknowledge: bool = False
    v: int = VERSION


_encoder = msgspec.json.Encoder()


def encode(snapshot: Snapshot) -> bytes:
    """A snapshot as JSON."""
    return _encoder.encode(snapshot)
