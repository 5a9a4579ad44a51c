"""A safe for each test, with two collections that different roles may ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("sqlcipher3", reason="the extra 'assistant' is not installed: .venv/bin/pip install -e '.[assistant]'")

from dashboard.assistant.safe import Safe
from dashboard.assistant.secrets import passphrase

MEMORY_MIB = 8  # the least that is allowed; what a guess costs is no matter of these tests
WORDS = "rabe-kupfer-9-leiter-moos"


@pytest.fixture
def safe(tmp_path: Path) -> Iterator[Safe]:
    made = Safe.make(tmp_path / "safe", passphrase(WORDS), MEMORY_MIB)
    made.collect("handbook", ["operator", "sales"])
    made.collect("quotes", ["sales"])
    yield made
    made.lock()
