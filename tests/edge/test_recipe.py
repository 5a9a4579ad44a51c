"""Recipes: what they accept, what they refuse, and what they mean."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from edge.errors import SettingsError
from edge.recipe import Recipe, load_recipe
from edge.settings import check, describe, field_at

LEAST: dict[str, Any] = {"product": "board A", "model": {"file": "m.onnx"}}


def recipe(**fields: Any) -> Recipe:
    return check(LEAST | fields, Recipe, "board.toml")


def test_the_least_recipe_is_enough() -> None:
    assert recipe().rule("anything") == recipe().default


@pytest.mark.parametrize("key", [row[0] for row in describe(Recipe)])
def test_every_key_says_what_it_is(key: str) -> None:
    field = field_at(Recipe, tuple(key.split(".")))
    assert field is not None
    assert field.description, key


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"product": ""}, ["product = ''"]),
        ({"product": "a/b"}, ["product = 'a/b'"]),
        ({"threshold": 0.5}, ["threshold = 0.5", "unknown key", "default"]),
        ({"model": {}}, ["model.file", "is missing", "ONNX file"]),
        ({"model": {"file": "m", "sha256": "abc"}}, ["model.sha256 = 'abc'"]),
        ({"default": {"ng_score": 1.1}}, ["default.ng_score = 1.1", "NG"]),
        ({"default": {"ng_score": 0.2}}, ["undecided_score 0.3 is above ng_score 0.2", "lower it"]),
        ({"classes": {"short": {"ng_score": "high"}}}, ["classes.short.ng_score = 'high'"]),
        ({"classes": {"short": {"min_size": 3}}}, ["classes.short.min_size = 3", "min_size_px", "min_size_mm"]),
        ({"classes": {"short": {"min_size_mm": 0.2}}}, ["min_size_mm 0.2 of short needs region.mm_per_px", "min_size_px"]),
        ({"classes": {"short": {"allowed": -1}}}, ["classes.short.allowed = -1"]),
        ({"region": {"roi": [0, 0, 10]}}, ["region.roi"]),
        ({"region": {"roi": [10, 0, 10, 5]}}, ["box [10, 0, 10, 5] must have"]),
        ({"region": {"ignore": [[0, 0, 5, 5], [-1, 0, 5, 5]]}}, ["box [-1, 0, 5, 5] must have"]),
        ({"region": {"ignore": [[0, 0, 5, 5]] * 201}}, ["region.ignore", "200"]),
        ({"reference": {"max_shift_px": 65}}, ["reference.max_shift_px = 65"]),
        ({"ejector": {"delay_ms": 0}}, ["ejector.delay_ms = 0"]),
    ],
    ids=lambda value: str(value)[:60],
)
def test_mistakes_name_key_value_and_remedy(fields: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        recipe(**fields)
    for word in words:
        assert word in str(caught.value)


def test_a_class_without_a_rule_gets_the_default() -> None:
    made = recipe(default={"ng_score": 0.7}, classes={"short": {"ng_score": 0.4}})
    assert made.rule("short").ng_score == 0.4
    assert made.rule("open").ng_score == 0.7


def test_sizes_in_mm_become_px_and_the_stricter_one_counts() -> None:
    made = recipe(
        region={"mm_per_px": 0.1},
        classes={"mm": {"min_size_mm": 0.5}, "px": {"min_size_px": 3}, "both": {"min_size_mm": 0.5, "min_size_px": 3}},
    )
    assert [made.min_size_px(kind) for kind in ("mm", "px", "both", "other")] == [pytest.approx(5), 3, pytest.approx(5), 0]


def test_rules_must_belong_to_the_model() -> None:
    made = recipe(classes={"shrot": {}})
    with pytest.raises(SettingsError, match=r"classes\.shrot.*open, short"):
        made.check_classes(["open", "short"])
    made.check_classes(["shrot"])


def test_loading(tmp_path: Path) -> None:
    file = tmp_path / "board.toml"
    text = 'product = "board A"\n[model]\nfile = "../models/m.onnx"\n[reference]\nfile = "golden.png"\n[region]\nroi = [0, 0, 8, 8]\n'
    file.write_text(text, "utf-8")
    loaded = load_recipe(file)
    assert loaded.name == "board"
    assert loaded.hash == hashlib.sha256(text.encode()).hexdigest()
    assert loaded.model_file == tmp_path.parent / "models" / "m.onnx"
    assert loaded.reference_file == tmp_path / "golden.png"
    assert loaded.recipe.region.roi == (0, 0, 8, 8)


def test_no_reference_is_no_file(tmp_path: Path) -> None:
    file = tmp_path / "b.toml"
    file.write_text('product = "b"\nmodel = { file = "m.onnx" }\n', "utf-8")
    assert load_recipe(file).reference_file is None
