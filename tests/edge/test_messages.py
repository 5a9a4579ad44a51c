"""Every row of the table of messages: round trip, schema, bounds, hostile bytes."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.messages import MAX_BYTES, STREAMS, TOPICS, Message, MessageError, Stream, Verdict, decode, encode, json_schema
from scripts.examples import EXAMPLES

BY_TYPE = {type(e): e for e in EXAMPLES}
SCHEMA = jsonschema.Draft202012Validator(json_schema())
rows = pytest.mark.parametrize("row", STREAMS, ids=lambda row: row.name)


def changed(row: Stream, **fields: Any) -> bytes:
    """The example of a row with some fields replaced on the wire."""
    return json.dumps(json.loads(encode(BY_TYPE[row.message])) | fields).encode()


@rows
def test_row_has_topic_sender_and_rate(row: Stream) -> None:
    assert row.topic == b"gutteil." + row.message.__name__.lower().encode()
    assert TOPICS[row.message] == row.topic
    assert row.senders
    assert row.rate


@rows
def test_round_trip(row: Stream) -> None:
    example = BY_TYPE[row.message]
    assert decode(encode(example)) == example


@rows
def test_example_keeps_the_schema(row: Stream) -> None:
    document = json.loads(encode(BY_TYPE[row.message]))
    SCHEMA.validate(document)
    del document["type"]
    with pytest.raises(jsonschema.ValidationError):
        SCHEMA.validate(document)


@rows
@pytest.mark.parametrize(
    "fields",
    [
        {"v": 2},
        {"v": "1"},
        {"type": "unheard-of"},
        {"seq": -1},
        {"seq": 1.5},
        {"seq": 2**63},
        {"epoch": "yesterday"},
        {"sender": "stranger"},
        {"station": "x" * 201},
        {"station": None},
        {"simulated": 1},
    ],
    ids=str,
)
def test_stamp_out_of_bounds_is_refused(row: Stream, fields: dict[str, Any]) -> None:
    with pytest.raises(MessageError):
        decode(changed(row, **fields))


@rows
def test_every_required_field_is_missed(row: Stream) -> None:
    document = json.loads(encode(BY_TYPE[row.message]))
    for field in msgspec.structs.fields(row.message):
        if field.required:
            with pytest.raises(MessageError, match=field.name):
                decode(json.dumps({k: v for k, v in document.items() if k != field.name}).encode())


@rows
def test_a_newer_sender_of_the_same_version_is_read(row: Stream) -> None:
    assert decode(changed(row, something_new=[1, 2])) == BY_TYPE[row.message]


@pytest.mark.parametrize(
    "fields",
    [
        {"verdict": "GOOD"},
        {"verdict": "ok"},
        {"code": 0},
        {"code": 4},
        {"reasons": "none"},
        {"defects": [{"kind": "a", "score": 1.01, "box": [0, 0, 1, 1], "verdict": "NG"}]},
        {"defects": [{"kind": "a", "score": 0.5, "box": [0, 0, 1], "verdict": "NG"}]},
        {"defects": [{"kind": "a", "score": 0.5, "box": [0, 0, 1, 1e13], "verdict": "NG"}]},
        {"expected": "UNDECIDED"},
    ],
    ids=str,
)
def test_impossible_verdicts_are_refused(fields: dict[str, Any]) -> None:
    row = next(s for s in STREAMS if s.message is Verdict)
    with pytest.raises(MessageError):
        decode(changed(row, **fields))


@pytest.mark.parametrize("period_s", [0, -1, 61, 1e300])
def test_no_heartbeat_may_promise_a_long_silence(period_s: float) -> None:
    row = next(s for s in STREAMS if s.name == "heartbeat")
    with pytest.raises(MessageError):
        decode(changed(row, period_s=period_s))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"NaN",
        b"\xff\xfe",
        b'{"type":',
        b'{"type":"verdict","code":NaN}',
        b'{"type":"alarm","sta\xc8ion":1}',
        b'{"type":"alarm","station":"\xc8"}',
        b"[" * 100_000,
        b'{"type":' * 50_000,
        b'"' + b"x" * MAX_BYTES + b'"',
    ],
    ids=lambda data: repr(data[:20]),
)
def test_hostile_bytes(data: bytes) -> None:
    with pytest.raises(MessageError):
        decode(data)


def test_half_a_character_is_no_text() -> None:
    """A lone surrogate could neither be shown nor be stored."""
    row = next(s for s in STREAMS if s.name == "alarm")
    with pytest.raises(MessageError):
        decode(changed(row, text="\ud800"))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    with contextlib.suppress(MessageError):
        assert isinstance(decode(data), Message)


@given(st.sampled_from(EXAMPLES), st.data())
def test_damaged_messages_are_read_or_refused(example: Message, data: st.DataObject) -> None:
    raw = bytearray(encode(example))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MessageError):
        assert isinstance(decode(bytes(raw)), Message)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(EXAMPLES), st.data())
def test_any_value_in_any_field_is_read_or_refused(example: Message, data: st.DataObject) -> None:
    document = json.loads(encode(example))
    document[data.draw(st.sampled_from(sorted(document)))] = data.draw(JSON)
    try:
        message = decode(json.dumps(document).encode())
    except MessageError:
        return
    assert decode(encode(message)) == message
