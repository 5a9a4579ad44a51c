"""The demo's people exist in the demo only, and a real line prints a code instead."""

from __future__ import annotations

import time

import pytest

from dashboard.people.first_start import DEMO, prepare_people
from dashboard.people.roles import ROLES
from dashboard.people.setup_code import read_code
from edge.config import Dashboard, Record, Station
from edge.demo_people import FILE_NAME, demo_people
from edge.store import FILE_NAME as STORE
from edge.store import open_store
from tests.dashboard.people.conftest import House


def station(house: House, *, demo: bool) -> Station:
    return Station(dashboard=Dashboard(demo_people=demo), record=Record(folder=str(house.folder)))


def test_the_demo_makes_one_person_of_every_role_with_secrets_of_their_own(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    open_store(house.folder / STORE).close()
    prepare_people(station(house, demo=True), house.people, house.record)
    until = time.monotonic() + 60
    while not (made := demo_people(house.folder)):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert {person.name: person.role for person in made} == DEMO
    assert {person.role for person in made} == set(ROLES)
    assert len({person.password for person in made}) == len(ROLES)
    assert (house.folder / FILE_NAME).stat().st_mode & 0o077 == 0
    for person in made:
        assert house.people.check(person.name, person.password) is not None
        assert house.people.check_pin(person.name, person.pin) is not None
    assert capsys.readouterr().out == ""
    prepare_people(station(house, demo=True), house.people, house.record)
    assert demo_people(house.folder) == made, "started again, they stay"
    house.add("Real", "admin")
    prepare_people(station(house, demo=False), house.people, house.record)
    assert [user.name for user in house.people.all_users()] == ["Real"], "a real line has none of them"
    assert not (house.folder / FILE_NAME).exists()
    assert house.audit()[-1][0] == "user-remove"
    assert not any(person.password in repr(house.audit()) for person in made)


def test_a_real_line_prints_a_code_until_there_is_a_user(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    prepare_people(station(house, demo=False), house.people, house.record)
    made = read_code(house.folder)
    assert made is not None
    assert made.code in capsys.readouterr().out
    assert house.people.all_users() == []
    house.add("Eve", "admin")
    prepare_people(station(house, demo=False), house.people, house.record)
    assert capsys.readouterr().out == ""


def test_a_damaged_list_of_demo_people_is_none(house: House) -> None:
    for text in ("", "x", "{}", '[{"name": 1}]'):
        (house.folder / FILE_NAME).write_text(text)
        assert demo_people(house.folder) == []
