"""The card inside the file: nothing is guessed, and no changed byte goes unnoticed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from edge.card import BLANK_SEAL, KEY, check_seal, file_seal, parse_card, with_card
from edge.card_command import show_card, write_card
from edge.cli import app
from edge.errors import GutteilError, ModelError, SettingsError
from edge.model import Model, RuntimeOptions

pytest.importorskip("onnx", reason="extra training is not installed")

from tests.edge.tiny_models import tiny_card, tiny_file, tiny_onnx

ONE = RuntimeOptions(("cpu",), threads=1, spin=False)


def refused(path: Path, data: bytes, **more: Any) -> str:
    """The reason for which a file of these bytes is refused."""
    path.write_bytes(data)
    with pytest.raises(ModelError) as caught:
        Model(path, ONE, **more)
    return str(caught.value)


def test_the_card_comes_back_as_it_was(tmp_path: Path) -> None:
    card = tiny_card(
        classes=["Kratzer", "割れ", 'a "quoted" name'], scores={"map_50": 0.987}, data_hash="ab" * 32, command="gutteil train", pad_value=7,
        resize="letterbox", scale=0.5, offset=-1.0, precision="fp16", created="2026-01-01", scored_on="val.json", trainer="t", nms_iou=0.45,
    )  # fmt: skip
    read = Model(tiny_file(tmp_path, card), ONE).card
    assert read.seal != BLANK_SEAL
    assert msgspec.structs.replace(read, seal=BLANK_SEAL) == card


def test_channels_and_reference() -> None:
    assert (tiny_card(planes=["gray"]).channels, tiny_card(planes=["gray"]).wants_reference) == (1, False)
    assert (tiny_card(planes=["gray", "reference"]).channels, tiny_card(planes=["gray", "reference"]).wants_reference) == (2, True)
    assert (tiny_card(planes=["rgb", "reference"]).channels, tiny_card(planes=["rgb"]).channels) == (4, 3)


def test_writing_the_same_card_again_changes_nothing_and_another_one_replaces_it(tmp_path: Path) -> None:
    plain = tiny_onnx(tiny_card())
    once = with_card(plain, tiny_card())
    assert with_card(once, tiny_card()) == once
    other = with_card(once, tiny_card(name="x" * 90))
    assert other == with_card(plain, tiny_card(name="x" * 90))
    assert with_card(other, tiny_card()) == once
    assert once.count(KEY.encode()) == other.count(KEY.encode()) == 1
    assert once.startswith(plain)
    (tmp_path / "m.onnx").write_bytes(other)
    assert Model(tmp_path / "m.onnx", ONE).card.name == "x" * 90


@pytest.mark.parametrize("length", [1, 60, 100])
def test_cards_of_every_length_are_found_again(length: int) -> None:
    """The entry's length takes one, two or three bytes."""
    plain = tiny_onnx(tiny_card())
    for command in ("", "c" * 200, "c" * 20_000, "c" * 3_000_000):
        card = tiny_card(name="n" * length, command=command)
        assert with_card(with_card(plain, card), tiny_card()) == with_card(plain, tiny_card())


def test_a_card_that_another_tool_moved_is_not_guessed_at() -> None:
    moved = with_card(tiny_onnx(tiny_card()), tiny_card()) + b"\x72\x06\x0a\x01k\x12\x01v"
    with pytest.raises(ModelError, match="last entry"):
        with_card(moved, tiny_card())


def test_every_changed_byte_breaks_the_seal(tmp_path: Path) -> None:
    path = tiny_file(tmp_path)
    data, card = path.read_bytes(), Model(path, ONE).card
    check_seal(card, data, path)
    start = data.index(card.seal.encode())
    for at in range(len(data)):
        for flip in (0x01, 0x80):
            broken = data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]
            if start <= at < start + 64 and flip == 0x01:
                continue  # the seal itself: another digit in it is told apart by comparing, below
            assert file_seal(broken) != card.seal, f"byte {at} may change unnoticed"
    for cut in range(len(data)):
        assert file_seal(data[:cut]) != card.seal


def test_a_file_with_any_changed_byte_is_refused(tmp_path: Path) -> None:
    path = tiny_file(tmp_path)
    data = path.read_bytes()
    card_at = data.index(KEY.encode())
    places = [*range(0, card_at, 11), *range(card_at - 8, len(data), 3)]
    seal_at = data.index(b'"seal":"') + 8
    reasons = [refused(path, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]) for at in [*places, *range(seal_at, seal_at + 64)]]
    assert all(str(path) in r for r in reasons)
    assert sum("hash mismatch" in r for r in reasons) > len(reasons) // 2


def test_a_file_cut_short_or_made_longer_is_refused(tmp_path: Path) -> None:
    path = tiny_file(tmp_path)
    data = path.read_bytes()
    for size in [0, 1, 10, len(data) // 2, len(data) - 200, len(data) - 1]:
        assert refused(path, data[:size])
    assert "hash mismatch" in refused(path, data + b"\x72\x06\x0a\x01k\x12\x01v")
    assert refused(path, data + b"\0")


def test_the_very_file_may_be_pinned(tmp_path: Path) -> None:
    path = tiny_file(tmp_path)
    right = Model(path, ONE).file_hash
    assert Model(path, ONE, sha256=right).file_hash == right
    reason = refused(path, path.read_bytes(), sha256="0" * 64)
    assert "hash mismatch" in reason
    assert "000000000000" in reason
    assert right[:12] in reason


def test_a_file_without_a_card_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    assert "gutteil card" in refused(tmp_path / "plain.onnx", tiny_onnx(tiny_card()))


@pytest.mark.parametrize("text", ["{", "[]", "null", "7", '"x"', "{}", "[" * 100_000, '{"name":"' + "x" * 200_000 + '"}'])
def test_a_card_that_is_no_card_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match="card is not understood"):
        parse_card(text, Path("m.onnx"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", 2), ("name", ""), ("classes", []), ("classes", [""]), ("classes", "ab"), ("planes", []), ("planes", ["gray", "gray", "gray"]),
        ("planes", ["bgr"]), ("planes", ["reference"]), ("planes", ["reference", "gray"]), ("planes", ["reference", "reference"]),
        ("width_px", 15), ("width_px", 9000), ("height_px", 64.5), ("scale", "x"), ("resize", "crop"), ("pad_value", 256), ("output", "ssd"),
        ("nms_iou", 0), ("nms_iou", 1.1), ("precision", "int4"), ("seal", "xyz"), ("unknown", 1), ("licence", None),
    ],
)  # fmt: skip
def test_impossible_values_in_a_card_are_refused(key: str, value: Any) -> None:
    good = msgspec.to_builtins(tiny_card())
    assert parse_card(json.dumps(good), Path("m.onnx")) == tiny_card()
    with pytest.raises(ModelError, match=r"m\.onnx"):
        parse_card(json.dumps(good | {key: value}), Path("m.onnx"))


def test_no_card_at_all() -> None:
    for text in (None, ""):
        with pytest.raises(ModelError, match="no card"):
            parse_card(text, Path("m.onnx"))


def test_card_command_writes_and_shows(tmp_path: Path) -> None:
    path, fields = tmp_path / "m.onnx", tmp_path / "card.json"
    path.write_bytes(tiny_onnx(tiny_card()))
    given = msgspec.to_builtins(tiny_card(name="mine"))
    del given["seal"]
    fields.write_text(json.dumps(given))
    written = write_card(path, fields)
    assert written["file"] == str(path)
    assert show_card(path) == written
    assert written["card"]["name"] == "mine"
    assert written["provider"] == Model(path).provider
    assert sorted(p.name for p in tmp_path.iterdir()) == ["card.json", "m.onnx"]


def test_card_command_shows_lines_to_people_and_json_to_machines(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(with_card(tiny_onnx(tiny_card()), tiny_card(name="mine", scores={"map_50": 0.12345678901234567})))
    said = CliRunner().invoke(app, ["card", str(path)], catch_exceptions=False).stdout
    assert re.search(r"name +mine", said)
    assert re.search(r"map_50 +0\.1235 ", said)
    assert "{" not in said
    assert json.loads(CliRunner().invoke(app, ["card", str(path), "--json"], catch_exceptions=False).stdout) == show_card(path)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        (b"{", SettingsError), (b"\xff\xfe", SettingsError), (b'{"name":"\xff"}', SettingsError), (b"[" * 50_000, SettingsError), (None, SettingsError),
        (b'{"name":"x"}', SettingsError), (json.dumps(msgspec.to_builtins(tiny_card(classes=["a"]))).encode(), ModelError),
        (json.dumps(msgspec.to_builtins(tiny_card(width_px=64))).encode(), ModelError),
        (json.dumps(msgspec.to_builtins(tiny_card(planes=["reference"]))).encode(), ModelError),
    ],
)  # fmt: skip
def test_card_command_leaves_the_file_alone_when_the_card_does_not_fit(
    tmp_path: Path, fields: bytes | None, kind: type[GutteilError]
) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(tiny_onnx(tiny_card()))
    before = path.read_bytes()
    if fields is not None:
        (tmp_path / "card.json").write_bytes(fields)
    with pytest.raises(kind):
        write_card(path, tmp_path / "card.json")
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".new"] == []


def test_card_command_tries_a_model_whose_sizes_are_open(tmp_path: Path) -> None:
    """Its file says nothing of the rows; only a run tells that they do not fit the card."""
    path = tmp_path / "m.onnx"
    path.write_bytes(tiny_onnx(tiny_card(), dynamic=True, rows=9))
    (tmp_path / "card.json").write_bytes(msgspec.json.encode(tiny_card()))
    with pytest.raises(ModelError, match="output shape"):
        write_card(path, tmp_path / "card.json")


def test_card_command_on_a_missing_model(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_bytes(msgspec.json.encode(tiny_card()))
    with pytest.raises(ModelError, match="check the path"):
        write_card(tmp_path / "none.onnx", tmp_path / "card.json")
