"""What a page is told of the line: one snapshot, the same for every viewer and every language. This is `/api/live`.

Durations are ages in ms at the moment of the snapshot, so that a page needs no clock in common with the server.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from dashboard.lately import Minute

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


class SaidView(msgspec.Struct, frozen=True):
    """What a person has said, and when, ms since 1970 UTC."""

    who: str
    wall_ms: int
    text: str = ""


class AlarmView(msgspec.Struct, frozen=True):
    """An alarm that lasts.

    Attributes:
        key: names it where somebody says that they have seen it; another one when it has ended and comes anew.
        stop: it has stopped the line, and ends when the stop is acknowledged.
        seen: who has seen it.
    """

    key: str
    sender: str
    code: str
    severity: str
    text: str
    remedy: str
    age_ms: int
    stop: bool = False
    seen: SaidView | None = None


class HealthView(msgspec.Struct, frozen=True):
    """One item of the health row; `note` is a code to translate, `detail` plain text from the line."""

    name: str
    state: HealthState
    note: str
    detail: str = ""
    value: float = 0


class Counts(msgspec.Struct, frozen=True):
    """Verdicts, and what the ejector reported. `parts`: all verdicts."""

    ok: int = 0
    ng: int = 0
    undecided: int = 0
    parts: int = 0
    passed: int = 0
    ejected: int = 0
    missed: int = 0

    @classmethod
    def of(cls, counts: tuple[int, ...]) -> Counts:
        """From OK, NG, UNDECIDED, passed, ejected, missed."""
        ok, ng, undecided, passed, ejected, missed = counts
        return cls(ok, ng, undecided, ok + ng + undecided, passed, ejected, missed)


class SpanView(msgspec.Struct, frozen=True):
    """A run or a shift: since when, ms since 1970 UTC, the shift's name, and its counts."""

    since_ms: int
    name: str
    counts: Counts


class HourView(msgspec.Struct, frozen=True):
    """The last 60 minutes, oldest first: parts and rejects of each, and of all; `usual`: from where to where the share of rejects usually lies, 0..1."""

    minutes: list[Minute]
    parts: int
    rejected: int
    usual: tuple[float, float] | None = None


class Snapshot(msgspec.Struct, frozen=True):
    """The state of the line at one moment.

    Attributes:
        server: names this start of the dashboard.
        number: counts snapshots of this server.
        counts: of the station since it started, and of the ejector since the rejector started.
        ok_share: 0..1, absent before the first part.
        per_minute: parts per minute over the last minute.
        acknowledge: the line has been stopped and waits for a person to acknowledge.
        acknowledged: who did so last.
        spans: `run` and `shift`; empty while the record has not been read.
        version: of the pages; when it changes, the dashboard has been updated.
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
    acknowledged: SaidView | None = None
    spans: dict[str, SpanView] = {}
    hour: HourView | None = None
    version: str = ""
    v: int = VERSION


_encoder = msgspec.json.Encoder()


def encode(snapshot: Snapshot) -> bytes:
    """A snapshot as JSON."""
    return _encoder.encode(snapshot)
