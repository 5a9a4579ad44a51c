"""Who gave which order: nothing is doubled, changed or taken out without being found."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from edge.cli import app
from edge.errors import StoreError
from edge.messages import Audit, decode, encode
from edge.rows import Batch
from edge.store import open_store
from tests.edge.story import query, stamp, trigger_of

LETTERS = st.text(st.characters(codec="utf-8"), max_size=200)


def order(seq: int, op: str = "acknowledge", **fields: Any) -> Audit:
    told: dict[str, Any] = {"who": "Anna", "key": "shift", "accepted": True, "text": "looked at the belt"} | fields
    return Audit(**stamp(seq, "rejector", seq), op=op, **told)


def unguarded(path: Path, *statements: str) -> None:
    """Somebody with the file and without scruples."""
    with closing(sqlite3.connect(path)) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            db.execute(statement)
        db.commit()


def test_every_order_once_and_in_order(tmp_path: Path) -> None:
    with open_store(tmp_path / "gutteil.db") as store:
        store.write(Batch([order(1), order(2, "stop", accepted=False)]))
        store.write(Batch([order(2, "stop", accepted=False), order(1), order(3)]))  # said again, after a restart of the recorder
        store.write(Batch([order(3)]))
        rows = store.audit(10)
        assert [(r.number, r.seq, r.op, r.accepted) for r in rows] == [
            (3, 3, "acknowledge", True),
            (2, 2, "stop", False),
            (1, 1, "acknowledge", True),
        ]
        assert (rows[2].who, rows[2].key, rows[2].text, rows[2].at) == ("Anna", "shift", "looked at the belt", "2026-09-21T14:13:21.000Z")
        check = store.verify_audit()
        assert (check.holds, check.rows, check.head) == (True, 3, rows[0].hash)
        assert store.audit(1) == rows[:1]
        for link in (rows[1].hash, check.head, "0" * 64):
            assert store.verify_audit(link).holds
        assert "no row has the hash" in store.verify_audit("1" * 64).why


def test_an_auditor_can_do_it_without_us(tmp_path: Path) -> None:
    """As docs/record.md says it."""
    path = tmp_path / "gutteil.db"
    with open_store(path) as store:
        store.write(Batch([order(n, text=f"über {n}") for n in range(1, 5)]))
    columns = "number, wall_ns, station, sender, epoch, seq, op, who, key, accepted, text, simulated"
    before = "0" * 64
    for *row, said in query(path, f"SELECT {columns}, hash FROM audit ORDER BY number"):
        text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        before = hashlib.sha256((before + text).encode()).hexdigest()
        assert before == said


@pytest.mark.parametrize("table", ["audit", "holds", "hold_releases"])
def test_the_database_itself_refuses_changes(tmp_path: Path, table: str) -> None:
    path = tmp_path / "gutteil.db"
    with open_store(path) as store:
        store.write(Batch([trigger_of(1), order(1), order(2)]))
        store.hold("P1", "Anna", "claim")
        store.release("P1", "Anna", "settled")
    columns = [r[1] for r in query(path, f"PRAGMA table_info({table})")]
    before = query(path, f"SELECT * FROM {table}")
    for statement in (
        f"UPDATE {table} SET who = 'Eve'",
        f"DELETE FROM {table}",
        f"REPLACE INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns)} FROM {table} LIMIT 1",
        f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns)} FROM {table} ORDER BY 1 DESC LIMIT 1",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="append only"):
            query(path, statement)
    assert query(path, f"SELECT * FROM {table}") == before


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE audit SET who = 'Eve' WHERE number = 3", 3),
        ("UPDATE audit SET accepted = 0 WHERE number = 1", 1),
        ("UPDATE audit SET hash = 'x' WHERE number = 5", 5),
        ("UPDATE audit SET hash = (SELECT hash FROM audit WHERE number = 2) WHERE number = 4", 4),
        ("DELETE FROM audit WHERE number = 2", 3),
        ("DELETE FROM audit WHERE number = 1", 2),
        (
            "UPDATE audit SET number = -3 WHERE number = 3; UPDATE audit SET number = 3 WHERE number = 4; UPDATE audit SET number = 4 WHERE number = -3",
            3,
        ),
    ],
)
def test_what_was_changed_is_named(tmp_path: Path, statement: str, broken: int) -> None:
    path = tmp_path / "gutteil.db"
    with open_store(path) as store:
        store.write(Batch([order(n) for n in range(1, 7)]))
    unguarded(path, *statement.split(";"))
    with open_store(path, read_only=True) as store:
        check = store.verify_audit()
    assert (check.broken, check.holds) == (broken, False)
    assert check.why
    done = CliRunner().invoke(app, ["audit", "--folder", str(tmp_path), "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["broken"] == broken


def test_a_cut_end_is_found_by_a_hash_noted_before(tmp_path: Path) -> None:
    path = tmp_path / "gutteil.db"
    with open_store(path) as store:
        store.write(Batch([order(n) for n in range(1, 7)]))
        head = store.verify_audit().head
    assert CliRunner().invoke(app, ["audit", "--folder", str(tmp_path), "--expect", head]).exit_code == 0
    unguarded(path, "DELETE FROM audit WHERE number > 4")
    done = CliRunner().invoke(app, ["audit", "--folder", str(tmp_path), "--expect", head])
    assert done.exit_code == 1
    assert "BROKEN" in done.stdout


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.tuples(LETTERS, LETTERS, st.integers(0, 2**63 - 1), st.booleans()), max_size=6))
def test_any_order_that_can_be_sent_is_chained(tmp_path: Path, told: list[tuple[str, str, int, bool]]) -> None:
    (tmp_path / "gutteil.db").unlink(missing_ok=True)
    with open_store(tmp_path / "gutteil.db") as store:
        for seq, (who, text, wall_ns, accepted) in enumerate(told, 1):
            message = msgspec.structs.replace(order(seq, who=who, text=text, accepted=accepted), wall_ns=wall_ns)
            store.write(Batch([decode(encode(message))]))
        check = store.verify_audit()
        assert (check.holds, check.rows) == (True, len(told))
        assert [(r.who, r.text, r.wall_ns, r.accepted) for r in reversed(store.audit(99))] == told


def test_a_record_without_orders_and_a_missing_record(tmp_path: Path) -> None:
    with open_store(tmp_path / "gutteil.db") as store:
        assert (store.audit(5), store.verify_audit().holds, store.verify_audit().head) == ([], True, "0" * 64)
    with pytest.raises(StoreError, match="no record yet"):
        CliRunner().invoke(app, ["audit", "--folder", str(tmp_path / "none")], catch_exceptions=False)
