"""Shared by all tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# the machine that runs the tests may be busy: a slow example is no failure; and two runs of the same code try the same examples
settings.register_profile("gutteil", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("gutteil")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short: the path of an ipc socket has at most 107 characters."""
    with tempfile.TemporaryDirectory(prefix="gt-") as name:
        yield Path(name)
