"""Shared by all tests."""

from __future__ import annotations

from hypothesis import settings

# the machine that runs the tests may be busy: a slow example is no failure; and two runs of the same code try the same examples
settings.register_profile("gutteil", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("gutteil")
