"""Settings files: what is wrong is named with key, value and remedy, and nothing but SettingsError ever comes out."""

from __future__ import annotations

import contextlib
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field

from edge.config import Station
from edge.errors import SettingsError
from edge.recipe import Recipe
from edge.settings import MAX_FILE_BYTES, Block, check, describe, field_at, keys_at, read_toml


class Inner(Block):
    """An inner block."""

    size_px: int = Field(3, ge=1, le=9, description="size of a thing")


class Outer(Block):
    """An outer block."""

    name: str = Field(description="what it is called")
    inner: Inner = Field(default_factory=Inner)
    each: dict[str, Inner] = Field(default_factory=dict, description="by name")
    maybe: Inner | None = Field(None, description="may be absent")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, ["name", "is missing", "what it is called"]),
        ({"name": "a", "nam": 1}, ["nam = 1", "unknown key", "name, inner, each, maybe"]),
        ({"name": "a", "inner": {"size": 2}}, ["inner.size = 2", "unknown key", "one of: size_px"]),
        ({"name": "a", "inner": {"size_px": 10}}, ["inner.size_px = 10", "less than or equal to 9", "size of a thing"]),
        ({"name": "a", "each": {"b": {"size_px": "big"}}}, ["each.b.size_px = 'big'", "integer", "size of a thing"]),
        ({"name": "a", "each": {"b": {"sice": 1}}}, ["each.b.sice = 1", "one of: size_px"]),
        ({"name": "a", "maybe": {"sice": 1}}, ["maybe.sice = 1", "one of: size_px"]),
        ({"name": 7}, ["name = 7", "string"]),
        ({"name": "a", "inner": 5}, ["inner = 5"]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_mistakes_name_key_value_and_remedy(data: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        check(data, Outer, "line.toml")
    text = str(caught.value)
    assert text.startswith("line.toml:")
    for word in words:
        assert word in text


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        check({"name": "a", "x": 1, "inner": {"size_px": 0}}, Outer, "f")
    assert "x = 1" in str(caught.value)
    assert "inner.size_px = 0" in str(caught.value)


def test_long_values_are_cut() -> None:
    with pytest.raises(SettingsError) as caught:
        check({"name": "a", "x": "y" * 5000}, Outer, "f")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"a = ", "not valid TOML"),
        (b"\xff\xfe", "not valid TOML"),
        (b"a = 1\na = 2", "not valid TOML"),
        (b"a = " + b"[" * 5000, "not valid TOML"),
    ],
    ids=["unfinished", "no text", "twice", "deep"],
)
def test_what_is_no_toml(tmp_path: Path, content: bytes, word: str) -> None:
    file = tmp_path / "s.toml"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=word):
        read_toml(file, Outer)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot be read.*check the path"):
        read_toml(tmp_path / "absent.toml", Outer)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_toml(tmp_path, Outer)
    big = tmp_path / "big.toml"
    big.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(SettingsError, match="larger than"):
        read_toml(big, Outer)


def test_places_in_a_file() -> None:
    assert keys_at(Outer, ("each", "b")) == ["size_px"]
    assert keys_at(Outer, ()) == ["name", "inner", "each", "maybe"]
    field = field_at(Outer, ("each", "b", "size_px"))
    assert field is not None
    assert field.description == "size of a thing"


def test_describe() -> None:
    assert describe(Outer) == [
        ("name", "required", "", "what it is called"),
        ("inner.size_px", "3", "≥ 1 and ≤ 9", "size of a thing"),
        ("each.NAME.size_px", "3", "≥ 1 and ≤ 9", "size of a thing"),
        ("maybe.size_px", "3", "≥ 1 and ≤ 9", "size of a thing"),
    ]


KEYS = st.sampled_from(sorted({*Station.model_fields, *Recipe.model_fields, "settings", "roi", "ng_score", "x", ""})) | st.text(max_size=5)
VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.datetimes(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("kind", [Station, Recipe])
@given(data=st.dictionaries(KEYS, VALUES, max_size=5))
def test_any_values_are_settings_or_an_error_for_people(kind: type[Block], data: dict[str, Any]) -> None:
    with contextlib.suppress(SettingsError):
        assert isinstance(check(data, kind, "f"), kind)


@pytest.mark.parametrize("kind", [Station, Recipe])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet='abn_=[]{}"#.\n 019-:,', max_size=60))
def test_any_text_is_settings_or_an_error_for_people(tmp_path: Path, kind: type[Block], text: str) -> None:
    file = tmp_path / "s.toml"
    file.write_text(text, "utf-8")
    with contextlib.suppress(SettingsError):
        read_toml(file, kind)
        tomllib.loads(text)  # what was taken for settings is TOML
