"""Pseudonyms in statistics: stable, keyed, and new after names were shown; names only with a reason and for a while."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pytest

from dashboard.people.file import PeopleError
from dashboard.people.pseudonyms import Pseudonyms
from tests.dashboard.people.conftest import House

NAMES = [f"Person of the line {n}" for n in range(12)]


@pytest.fixture
def pseudonyms(house: House) -> Pseudonyms:
    return Pseudonyms(house.people, house.record.note_now, house.clock)


def test_they_are_stable_and_nobody_shares_one(pseudonyms: Pseudonyms, house: House) -> None:
    first = pseudonyms.of(NAMES[:5])
    assert sorted(first) == sorted(NAMES[:5])
    again = pseudonyms.of(NAMES)
    assert {name: again[name] for name in first} == first
    assert len(set(again.values())) == len(NAMES)
    assert Pseudonyms(house.people, house.record.note_now, house.clock).of(NAMES) == again
    assert pseudonyms.of(["PERSON OF THE LINE 3"]) == {"PERSON OF THE LINE 3": again[NAMES[3]]}


def test_they_differ_from_appliance_to_appliance_and_follow_no_order(tmp_path: Path) -> None:
    found = []
    for n in range(4):
        house = House(tmp_path / str(n))
        found.append(tuple(Pseudonyms(house.people, house.record.note_now).of(NAMES)[name] for name in NAMES))
        house.close()
    assert len(set(found)) == 4
    assert all(list(numbers) != sorted(numbers) for numbers in found)


def test_the_table_holds_no_name_and_nothing_that_can_be_computed_without_the_key(pseudonyms: Pseudonyms, house: House) -> None:
    pseudonyms.of(NAMES)
    rows = {bytes(tag) for (tag,) in house.people.reading().execute("SELECT name FROM pseudonyms")}
    assert len(rows) == len(NAMES)
    for name in NAMES:
        assert name.encode() not in b"".join(rows)
        for guess in (hashlib.sha256(name.encode()).digest(), hmac.digest(b"", name.encode(), "sha256")):
            assert guess not in rows


def test_names_are_shown_only_with_a_reason_and_only_for_a_while(pseudonyms: Pseudonyms, house: House) -> None:
    quinn = house.add("Quinn", "quality")
    assert pseudonyms.shown() is None
    for reason, days, what in (("", 1, "reason"), ("because", 1, "reason"), ("x" * 201, 1, "reason"), ("agreed with the works council", 0, "days"), ("agreed with the works council", 32, "days")):  # fmt: skip
        with pytest.raises(PeopleError, match=what):
            pseudonyms.show(quinn, reason, days)
    assert pseudonyms.shown() is None
    pseudonyms.show(quinn, "agreed with the works council", 2)
    shown = pseudonyms.shown()
    assert shown is not None
    assert (shown.by, shown.reason) == ("Quinn", "agreed with the works council")
    assert house.audit()[-1] == ("persons-show", "Quinn", "figures per person: off → on for 2 days; reason: agreed with the works council")
    house.clock.now += 2 * 86_400 + 1
    assert pseudonyms.shown() is None


@pytest.mark.parametrize("role", ["viewer", "operator", "engineer"])
def test_others_may_not_switch_them(pseudonyms: Pseudonyms, house: House, role: str) -> None:
    person = house.add("Olaf", role)
    with pytest.raises(PeopleError, match="persons"):
        pseudonyms.show(person, "agreed with the works council", 1)
    with pytest.raises(PeopleError, match="persons"):
        pseudonyms.hide(person)


def test_after_names_were_shown_all_numbers_are_drawn_anew(pseudonyms: Pseudonyms, house: House) -> None:
    quinn = house.add("Quinn", "quality")
    before = pseudonyms.of(NAMES)
    pseudonyms.show(quinn, "agreed with the works council", 2)
    assert pseudonyms.of(NAMES) == before
    pseudonyms.hide(quinn)
    assert pseudonyms.shown() is None
    assert house.audit()[-1][0] == "persons-hide"
    after = pseudonyms.of(NAMES)
    assert after != before
    assert len(set(after.values())) == len(NAMES)
    assert house.people.reading().execute("SELECT count(*) FROM keys WHERE name LIKE 'pseudonyms%'").fetchone()[0] == 1
