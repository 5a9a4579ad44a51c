"""Every message on the bus: its fields, topic, sender and rate, in one table; encode, decode, version.

On the wire a message is two ZeroMQ frames: the topic (`gutteil.verdict`) and one JSON object whose `type` names the
message. `epoch` and `seq` let a reader prove that it missed nothing: within one epoch of one sender, the messages of
one type are numbered 1, 2, 3 without gaps; a new epoch means that the sender has started anew.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from edge.errors import GutteilError

VERSION: Final = 1
MAX_BYTES = 262_144

VerdictWord = Literal["OK", "NG", "UNDECIDED"]
Outcome = Literal["passed", "ejected", "missed"]
Sender = Literal["station", "rejector", "recorder"]
State = Literal["starting", "ready", "fault", "stopped"]
Severity = Literal["info", "warning", "fault"]

NAME_CHARACTERS = 200
Name = Annotated[str, Meta(max_length=NAME_CHARACTERS)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Finite = Annotated[float, Meta(ge=-1e12, le=1e12)]


class MessageError(GutteilError):
    """Bytes that are no message of this version: hostile, damaged or from another release."""


class Defect(msgspec.Struct, frozen=True):
    """A prediction that the recipe accepts.

    Attributes:
        box: x1, y1, x2, y2 in px of the original image.
        verdict: what this defect alone makes of the part.
    """

    kind: Name
    score: Annotated[float, Meta(ge=0, le=1)]
    box: tuple[Finite, Finite, Finite, Finite]
    verdict: VerdictWord


class Candidate(msgspec.Struct, frozen=True):
    """What the model saw and the recipe did not count: scored too low, too small, or in a zone that is ignored.

    Attributes:
        box: x1, y1, x2, y2 in px of the original image.
    """

    kind: Name
    score: Annotated[float, Meta(ge=0, le=1)]
    box: tuple[Finite, Finite, Finite, Finite]


class Timings(msgspec.Struct, frozen=True):
    """Where the time went, in microseconds: trigger to frame in hand, and the stages after it up to the send."""

    capture_us: Finite = 0
    prepare_us: Finite = 0
    infer_us: Finite = 0
    decode_us: Finite = 0
    decide_us: Finite = 0
    total_us: Finite = 0


class ImageRef(msgspec.Struct, frozen=True):
    """Where the image lies in the station's frame ring (shared memory); read with `edge.ring`.

    Attributes:
        ring: file name of the ring.
        generation: the slot holds this image while its generation is the same.
        shape: H, W or H, W, 3.
        keep: the recorder shall store it; the slot is held until it has.
    """

    ring: Name
    slot: Count
    generation: Count
    shape: tuple[Count, ...]
    keep: bool


class Message(msgspec.Struct, frozen=True, tag_field="type", kw_only=True):
    """What every message carries.

    Attributes:
        sender: which process; with `station` it names one publisher.
        epoch: when the publisher started, ns since 1970 UTC.
        seq: count of messages of this type in this epoch, from 1.
        mono_ns: CLOCK_MONOTONIC at sending, comparable within one machine.
        wall_ns: UTC at sending, ns since 1970.
        simulated: no real part is behind this message.
    """

    v: Literal[1] = VERSION
    station: Name = ""
    sender: Sender = "station"
    epoch: Count = 0
    seq: Count = 0
    mono_ns: Count = 0
    wall_ns: Count = 0
    simulated: bool = False


class Ejector(msgspec.Struct, frozen=True):
    """Where the ejector is and how it is fired, from the recipe.

    Attributes:
        delay_ms: ms from trigger to ejector.
        delay_counts: the same in encoder counts; where it is not 0 it goes before the time.
        lead_ms: the shot is fired so much earlier, ms.
        pulse_ms: how long the valve is held, ms.
        spacing_ms: least time between two shots, ms.
        confirm_ms: the part must be confirmed within this time, ms.
    """

    delay_ms: Finite = 400
    delay_counts: Count = 0
    lead_ms: Finite = 0
    pulse_ms: Finite = 30
    spacing_ms: Finite = 0
    confirm_ms: Finite = 200


class Run(Message, frozen=True, tag="run", kw_only=True):
    """A run has begun: from now on parts are judged under this recipe and model.

    Attributes:
        recipe_number: the number by which the PLC asks for this recipe; 0 where it has none.
    """

    run_id: Name
    product: Name
    recipe: Name
    recipe_hash: Name
    model: Name
    model_hash: Name
    classes: list[Name]
    camera: Name
    provider: Name
    recipe_number: Annotated[int, Meta(ge=0, le=65_535)] = 0
    ejector: Ejector


class Trigger(Message, frozen=True, tag="trigger", kw_only=True):
    """A part is there; sent before anyone looks at its image, so that a part without a verdict is known to exist.

    Attributes:
        sensor: who saw it: the line's part sensor (the PLC knows of it by itself) or a free-running camera.
        pictured: an image came for it; without one only its number is known, and time and encoder are not its own.
    """

    run_id: Name
    part_id: Name
    trigger_id: Count
    trigger_ns: Count
    encoder: int | None = None
    sensor: Literal["line", "camera"] = "line"
    pictured: bool = True


class Verdict(Message, frozen=True, tag="verdict", kw_only=True):
    """What the station says of a part. Every part gets one; nothing but `OK` means good.

    Attributes:
        code: 0 no verdict (never sent), 1 OK, 2 NG, 3 UNDECIDED: what a PLC compares.
        reasons: why, in words; empty for OK.
        expected: what the source says the part is (labelled sets, simulator); empty at a real line.
    """

    run_id: Name
    part_id: Name
    trigger_id: Count
    trigger_ns: Count
    trigger_wall_ns: Count
    verdict: VerdictWord
    code: Annotated[int, Meta(ge=1, le=3)]
    reasons: list[Name]
    defects: list[Defect]
    timings: Timings
    recipe: Name
    recipe_hash: Name
    model_hash: Name
    source: Name = ""
    expected: Literal["", "OK", "NG"] = ""
    image: ImageRef | None = None
    reference: ImageRef | None = None


class Candidates(Message, frozen=True, tag="candidates", kw_only=True):
    """What the recipe did not count on a part that the model has looked at. It is no verdict: it answers what another recipe would
    have said.

    Attributes:
        floor: whatever scores at least so is here or among the defects of the verdict.
        found: what was seen and not counted, best first.
    """

    run_id: Name
    part_id: Name
    floor: Annotated[float, Meta(ge=0, le=1)]
    found: list[Candidate]


class Ejection(Message, frozen=True, tag="ejection", kw_only=True):
    """What became of a part at the ejector, as the PLC reports it.

    Attributes:
        outcome: `passed` on an OK verdict in time; `ejected` and confirmed by the sensor; `missed`: fired, not confirmed.
        reason: why it was not passed: the verdict, or `no verdict`, or `late`.
        offset_us: how far from the ideal moment.
        answer_us: from the verdict's leaving the station until the PLC had been told, µs; 0 where nothing was told.
    """

    trigger_id: Count
    part_id: Name
    run_id: Name
    outcome: Outcome
    reason: Name
    offset_us: Finite
    answer_us: Finite = 0


class Heartbeat(Message, frozen=True, tag="heartbeat", kw_only=True):
    """The sender is alive and makes progress. Silence for three periods means it is dead.

    Attributes:
        period_s: when the next one is due.
        counts: the sender's own totals since it started, by name; of the rejector also `recipe_wanted`, the number that the PLC asks for.
        sent: the last number that it has given, by message type: a reader sees by it that it missed the newest ones.
        detail: the state in words.
    """

    state: State
    period_s: Annotated[float, Meta(gt=0, le=60)]
    run_id: Name = ""
    detail: Name = ""
    counts: dict[Name, Count] = {}
    sent: dict[Name, Count] = {}


class Alarm(Message, frozen=True, tag="alarm", kw_only=True):
    """Something a person must know. The same `code` with `active` false ends it.

    Attributes:
        remedy: what to do about it.
    """

    code: Name
    severity: Severity
    active: bool
    text: Name
    remedy: Name = ""


class Audit(Message, frozen=True, tag="audit", kw_only=True):
    """Somebody gave an order to the line over the command socket, or at the machine's key.

    Attributes:
        op: what was asked for; `refused` for what was no order, and for a count of several.
        who: the name that was given with it.
        key: the key that the order was signed with, by its name; `none` without keys, `plc` from the machine.
        accepted: whether it was carried out.
        text: the reason given, and if refused why.
    """

    op: Name
    who: Name
    key: Name
    accepted: bool
    text: Name = ""


AnyMessage = Run | Trigger | Verdict | Candidates | Ejection | Heartbeat | Alarm | Audit


@dataclass(frozen=True, slots=True)
class Stream:
    """One row of the table."""

    message: type[Message]
    senders: tuple[Sender, ...]
    rate: str

    @property
    def name(self) -> str:
        return str(self.message.__struct_config__.tag)

    @property
    def topic(self) -> bytes:
        return b"gutteil." + self.name.encode()


STREAMS: tuple[Stream, ...] = (
    Stream(Run, ("station",), "at start, and again every 2 s for late joiners"),
    Stream(Trigger, ("station",), "one per part, before inference"),
    Stream(Verdict, ("station",), "one per part"),
    Stream(Candidates, ("station",), "one per part that the model has looked at, after its verdict has left"),
    Stream(Ejection, ("rejector",), "one per part, when it has gone by the ejector"),
    Stream(Heartbeat, ("station", "rejector", "recorder"), "every 0.5 s"),
    Stream(Alarm, ("station", "rejector", "recorder"), "when one begins or ends, and active ones again every 2 s"),
    Stream(Audit, ("rejector",), "when an order is given"),
)
TOPICS: dict[type[Message], bytes] = {s.message: s.topic for s in STREAMS}
CODES: dict[str, int] = {"OK": 1, "NG": 2, "UNDECIDED": 3}

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyMessage] = msgspec.json.Decoder(AnyMessage)


def encode(message: Message) -> bytes:
    """A message as JSON."""
    return _encoder.encode(message)


def decode(data: bytes) -> AnyMessage:
    """JSON as a message; unknown fields are ignored, so that a newer sender of the same version can be read.

    Raises:
        MessageError: too long, not JSON, an unknown type or version, a value out of bounds.
    """
    if len(data) > MAX_BYTES:
        raise MessageError(f"message of {len(data)} bytes; at most {MAX_BYTES} are read")
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:  # damaged UTF-8 comes as a bare UnicodeDecodeError
        raise MessageError(f"not a message of version {VERSION}: {error}") from error


def json_schema() -> dict[str, Any]:
    """The JSON Schema of every message, for the docs and for other programs."""
    schema, parts = msgspec.json.schema_components([s.message for s in STREAMS], ref_template="#/$defs/{name}")
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Gutteil messages, version {VERSION}",
        "oneOf": list(schema),
        "$defs": parts,
    }
    return dict(json.loads(json.dumps(document)))
