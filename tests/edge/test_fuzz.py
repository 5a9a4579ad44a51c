"""Whatever is read from outside is refused with the one error that is documented, quickly: a short run per reader.

Longer ones: python scripts/fuzz.py TARGET --seconds N.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings

from scripts.fuzz_inputs import damaged
from scripts.fuzz_targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", TARGETS)
def test_good_inputs_are_taken(name: str) -> None:
    assert all(TARGETS[name].check(seed) for seed in TARGETS[name].seeds)


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_inputs_raise_nothing_but_what_is_documented(name: str) -> None:
    target = TARGETS[name]

    @settings(max_examples=200)
    @given(damaged(target.seeds))
    def one(data: bytes) -> None:
        target.check(data)

    one()


def test_the_long_run_starts_and_ends() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "fuzz.py", "command", "--seconds", "1"], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
