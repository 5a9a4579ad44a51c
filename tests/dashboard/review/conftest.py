"""Parts that wait for review."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from edge.messages import VerdictWord
from edge.store import FILE_NAME, open_store
from tests.dashboard.made import Made, fill_record
from tests.dashboard.stage import Stage

_numbers = itertools.count(1)


@pytest.fixture
def parts(stage: Stage) -> Iterator[Callable[..., list[str]]]:
    """Makes new parts, the worthiest of the queue first; when the test ends all of them are reviewed, so the queue is empty for the next."""

    def make(*words: VerdictWord, **fields: Any) -> list[str]:
        base = next(_numbers) * 100
        made = [Made(f"P-{base + i}", word, age_s=200 - i, seed=base + i, **fields) for i, word in enumerate(words)]
        fill_record(stage.folder, made)
        return [m.part_id for m in made]

    yield make
    with open_store(stage.folder / FILE_NAME, beside=True) as store:
        with store.reading() as db:
            left = [r[0] for r in db.execute("SELECT part_id FROM inspections WHERE truth IS NULL")]
        for part_id in left:
            store.review(part_id, "end of test", "unsure")
