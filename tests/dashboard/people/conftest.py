"""People of a folder of their own, with a record to write into and a clock that the test sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.people.credentials import Hasher
from dashboard.people.sessions import Sessions
from dashboard.people.staff import Staff
from dashboard.people.tokens import Tokens
from dashboard.people.tries import Tries
from dashboard.people.users import People, Person
from dashboard.record import Record
from edge.store import open_store

PASSWORD = "four plain words here"


class Clock:
    """Unix time, s, as the test sets it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class House:
    """Everything about people of one appliance; hashes take a sixty-fourth of the memory, and are as quick."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, Clock()
        self.people, self.record = People(folder, Hasher(1024)), Record(str(folder), "S1")
        self.staff = Staff(self.people, self.record.note_now)
        self.sessions = Sessions(self.people, now=self.clock)
        self.tries = Tries(self.people, self.clock)
        self.tokens = Tokens(self.people, self.record.note_now, self.clock)

    def add(self, name: str, role: str = "operator") -> Person:
        self.staff.add("test", name, role, PASSWORD)
        person = self.people.find(name)
        assert person is not None
        return person

    def audit(self) -> list[tuple[str, str, str]]:
        """What the chain holds, oldest first: op, who, text."""
        with open_store(self.record.path, read_only=True) as store:
            assert store.verify_audit().holds
            return [(row.op, row.who, row.text) for row in reversed(store.audit(1_000))]

    def close(self) -> None:
        self.people.close()
        self.record.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()
