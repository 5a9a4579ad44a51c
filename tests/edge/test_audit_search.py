"""The audit log by person, order and time, page by page."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge import audit
from edge.audit_search import MAX_PAGE, AuditFilter, search
from edge.store import Store, open_store

HOUR = 3_600_000_000_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    path: Path = tmp_path_factory.mktemp("audit") / "gutteil.db"
    made = open_store(path)
    with made.writing() as db:
        for n in range(1, 1_501):
            op, who = ("stop", "Anna") if n % 3 == 0 else ("user-add", "Ben") if n % 3 == 1 else ("user-role", "anna")
            audit.append(db, (n * HOUR, "S1", "dashboard", 1, n, op, who, "k", True, f"row {n}", False))
    return made


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (AuditFilter(), lambda _n: True),
        (AuditFilter(who="ANNA"), lambda n: n % 3 != 1),
        (AuditFilter(op="user-"), lambda n: n % 3 != 0),
        (AuditFilter(op="user-add"), lambda n: n % 3 == 1),
        (AuditFilter(who="anna", op="stop", since_ns=300 * HOUR, until_ns=600 * HOUR), lambda n: n % 3 == 0 and 300 <= n < 600),
        (AuditFilter(who="%"), lambda _n: False),
        (AuditFilter(op="_ser"), lambda _n: False),
        (AuditFilter(who="' OR 1=1 --"), lambda _n: False),
        (AuditFilter(since_ns=2**62), lambda _n: False),
    ],
)
def test_every_row_that_fits_comes_once_and_newest_first(store: Store, wanted: AuditFilter, fits: object) -> None:
    assert callable(fits)
    expected = [n for n in range(1_500, 0, -1) if fits(n)]
    numbers: list[int] = []
    before: int | None = None
    with store.reading() as db:
        while rows := search(db, wanted, before, 97):
            numbers += [row.number for row in rows]
            before = rows[-1].number
    assert numbers == expected


def test_a_page_is_bounded(store: Store) -> None:
    with store.reading() as db:
        assert len(search(db, AuditFilter(), None, 10**9)) == MAX_PAGE
        assert search(db, AuditFilter(), None, -1) == []
        assert search(db, AuditFilter(), 1, 10) == []
