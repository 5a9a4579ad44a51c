"""The gate: every condition by itself, with the next step."""

from __future__ import annotations

from typing import Any

import pytest

from edge.gate import Facts, unmet

SHA = "a" * 64
PASSED: dict[str, Any] = {"model_sha256": SHA, "passed": True}


def facts(**changed: Any) -> Facts:
    plain: dict[str, Any] = {
        "sha256": SHA, "parity": PASSED, "evaluation": {"model_sha256": SHA}, "shadow_parts": 100, "min_shadow_parts": 100,
        "new_escapes": (), "passes": 3, "passes_reviewed": 3, "min_reviews": 20, "proposer": "Anna", "releaser": "Ben",
    }  # fmt: skip
    return Facts(**plain | changed)


SIGNED = {"signing": True, "proposer_key": "anna", "releaser_key": "ben"}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        SIGNED,
        {"passes": 500, "passes_reviewed": 20},
        {"passes": 0, "passes_reviewed": 0},
        {"min_reviews": 0, "passes_reviewed": 0},
        {"releaser": ""},  # nobody yet: what holds for anybody
        {"proposer": "Anna", "releaser": "Annabel"},
    ],
)
def test_it_lets_through(changed: dict[str, Any]) -> None:
    assert unmet(facts(**changed)) == []


@pytest.mark.parametrize(
    ("changed", "says", "next_step"),
    [
        ({"parity": None}, "parity: there is no document", "--parity FILE"),
        ({"parity": PASSED | {"passed": False}}, "not passed", "export it again"),
        ({"parity": PASSED | {"passed": "yes"}}, "not passed", "export it again"),
        ({"parity": PASSED | {"passed": 1}}, "not passed", "export it again"),
        ({"parity": {"passed": True}}, "of another file", "--parity FILE"),
        ({"parity": PASSED | {"model_sha256": "b" * 64}}, "of another file", "--parity FILE"),
        ({"evaluation": None}, "evaluation: there is no document", "--evaluation FILE"),
        ({"evaluation": {"model_sha256": "b" * 64}}, "of another file", "--evaluation FILE"),
        ({"shadow_parts": 99}, "99 of 100 parts", "let the shadow process run on"),
        ({"passes_reviewed": 2}, "reviews: 2 of 3", "gutteil models disagreements"),
        ({"passes": 500, "passes_reviewed": 19}, "reviews: 19 of 20", "gutteil models disagreements"),
        ({"new_escapes": ("P7",)}, "pass 1 parts that people called bad", "train it on them"),
        ({"unsigned": "it is not signed; sign it"}, "signature: it is not signed", "sign it"),
        ({"proposer": ""}, "nobody has proposed it", "gutteil models propose"),
        ({"releaser": "Anna"}, "Anna has proposed it", "somebody else"),
        ({"releaser": " aNNa "}, "has proposed it", "somebody else"),
        ({"releaser": "Ａｎｎａ"}, "has proposed it", "somebody else"),
        (SIGNED | {"releaser_key": "anna"}, "the key anna", "somebody else"),
        (SIGNED | {"proposer_key": "none"}, "not signed", "--key"),
        (SIGNED | {"releaser_key": "none"}, "not signed", "--key"),
    ],
)
def test_each_condition_is_said_with_the_next_step(changed: dict[str, Any], says: str, next_step: str) -> None:
    (line,) = unmet(facts(**changed))
    assert says in line
    assert next_step in line


def test_all_that_is_missing_is_said_at_once() -> None:
    lines = unmet(facts(parity=None, evaluation=None, shadow_parts=0, passes_reviewed=0, new_escapes=("P1",), unsigned="no", proposer=""))
    assert [line.partition(":")[0] for line in lines] == ["parity", "evaluation", "shadow", "reviews", "escapes", "signature", "two people"]
