"""Users: what is kept of their secrets, what is good enough, and that every change is written down or does not happen."""

from __future__ import annotations

import threading

import pytest

from dashboard.people import users
from dashboard.people.credentials import Hasher, checked_badge, checked_password, checked_pin, made_password, made_pin
from dashboard.people.file import PeopleError, PeopleFile
from dashboard.people.roles import GRANTS, QUICK, ROLES
from dashboard.people.staff import Staff
from edge.errors import StoreError
from tests.dashboard.people.conftest import PASSWORD, House

SECRETS = (PASSWORD, "482913", "BADGE-0007-XYZ")


def test_nothing_that_opens_the_door_is_in_any_file(house: House) -> None:
    anna = house.add("Anna", "engineer")
    house.staff.set_pin("Anna", "Anna", SECRETS[1])
    house.staff.set_badge("admin", "Anna", SECRETS[2])
    session = house.sessions.begin(anna)
    token = house.tokens.make(anna, "robot", ["history"], 30)
    files = [path for path in house.folder.iterdir() if path.is_file()]
    data = b"".join(path.read_bytes() for path in files)
    for secret in (*SECRETS, session, token):
        assert secret.encode() not in data
    assert b"$argon2id$" in data
    assert all(path.stat().st_mode & 0o077 == 0 for path in files if path.name.startswith("people.db"))


def test_a_hash_costs_what_rfc_9106_wants() -> None:
    assert Hasher().hash("x").startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_password_pin_and_badge_say_who_it_is(house: House) -> None:
    house.add("Anna")
    house.add("Ben")
    house.staff.set_pin("Ben", "Ben", "8205")
    house.staff.set_badge("admin", "Ben", "BADGE-0001")
    people = house.people
    assert people.check("anna", PASSWORD) == people.find("Anna")
    assert people.check("Anna", PASSWORD + "x") is None
    assert people.check("nobody", PASSWORD) is None
    assert people.check_pin("Ben", "8205") == people.find("Ben")
    assert people.check_pin("Anna", "8205") is None
    assert people.check_badge(" BADGE-0001\r\n") == people.find("Ben")
    assert people.check_badge("BADGE-0002") is None
    assert people.with_pin() == ["Ben"]
    house.staff.set_disabled("admin", "Ben", True)
    assert (
        people.check("Ben", PASSWORD) is people.check_pin("Ben", "8205") is people.check_badge("BADGE-0001") is people.find("Ben") is None
    )
    assert people.with_pin() == []


def test_a_pin_guessed_at_too_often_is_void_until_its_owner_comes_with_the_password(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "PIN_TRIES", 3)
    house.add("Ben")
    house.staff.set_pin("Ben", "Ben", "8205")
    assert [house.people.check_pin("Ben", pin) for pin in ("8206", "8207", "8208")] == [None] * 3
    assert house.people.check_pin("Ben", "8205") is None
    assert house.people.check("Ben", PASSWORD) is not None
    assert house.people.check_pin("Ben", "8205") is not None


@pytest.mark.parametrize("password", ["", "short", "aaaaaaaaaaaaaaa", "abababababab", "x" * 201, "Longer Name 7"])
def test_passwords_that_are_none(password: str) -> None:
    with pytest.raises(PeopleError, match="password"):
        checked_password(password, "longer name 7")


@pytest.mark.parametrize("pin", ["", "123", "1234", "9876", "0000", "12345678", "12a4", "１２５４", "1" * 13, "4711 "])
def test_pins_that_are_none(pin: str) -> None:
    with pytest.raises(PeopleError, match="PIN"):
        checked_pin(pin)


@pytest.mark.parametrize("text", ["", "12345", "x" * 201, "abc\x00defg"])
def test_badges_that_are_none(text: str) -> None:
    with pytest.raises(PeopleError, match="badge"):
        checked_badge(text)


def test_made_secrets_are_good_enough_and_differ() -> None:
    pins, passwords = {made_pin() for _ in range(200)}, {made_password() for _ in range(50)}
    assert len(passwords) == 50
    assert len(pins) > 150
    for pin in pins:
        checked_pin(pin)
    for password in passwords:
        checked_password(password)


@pytest.mark.parametrize("name", ["", " ", "<b>x</b>", "a\nb", "-x", "x" * 61, "x\x00", "'; DROP TABLE users"])
def test_names_that_are_none(house: House, name: str) -> None:
    with pytest.raises(PeopleError, match="name"):
        house.staff.add("test", name, "operator", PASSWORD)
    assert house.people.all_users() == []


def test_every_change_is_chained_with_who_before_and_after_and_without_a_secret(house: House) -> None:
    staff = house.staff
    staff.add("Eve", "Eve", "admin", PASSWORD)
    one_time = staff.add("Eve", "Ben", "viewer")
    staff.set_role("Eve", "ben", "engineer")
    staff.set_pin("Ben", "Ben", "8205")
    staff.set_badge("Eve", "Ben", "BADGE-0001")
    staff.set_badge("Eve", "Ben", None)
    again = staff.reset_password("Eve", "Ben")
    staff.set_password("Ben", "Ben", "another four plain words")
    staff.set_disabled("Eve", "Ben", True)
    staff.set_disabled("Eve", "Ben", False)
    staff.remove("Eve", "Ben")
    chain = house.audit()
    assert [(op, who) for op, who, _ in chain] == [
        ("user-add", "Eve"), ("user-add", "Eve"), ("user-role", "Eve"), ("user-pin", "Ben"), ("user-badge", "Eve"), ("user-badge", "Eve"),
        ("user-password", "Eve"), ("user-password", "Ben"), ("user-disable", "Eve"), ("user-enable", "Eve"), ("user-remove", "Eve"),
    ]  # fmt: skip
    assert chain[2][2] == "Ben: role viewer → engineer"
    assert chain[3][2] == "Ben: PIN none → set"
    assert chain[5][2] == "Ben: badge set → none"
    assert chain[8][2] == "Ben: may log in → disabled"
    whole = repr(chain)
    for secret in (PASSWORD, one_time, again, "8205", "BADGE-0001", "another four plain words"):
        assert secret not in whole


def test_what_cannot_be_written_down_does_not_happen(house: House) -> None:
    house.add("Eve", "admin")
    anna = house.add("Anna")
    token = house.sessions.begin(anna)

    def full(_op: str, _who: str, _text: str) -> None:
        raise StoreError("the disk is full")

    staff = Staff(house.people, full)
    for act in (
        lambda: staff.add("Eve", "Ben", "viewer", PASSWORD),
        lambda: staff.set_role("Eve", "Anna", "engineer"),
        lambda: staff.set_disabled("Eve", "Anna", True),
        lambda: staff.set_pin("Anna", "Anna", "8205"),
        lambda: staff.reset_password("Eve", "Anna"),
        lambda: staff.remove("Eve", "Anna"),
    ):
        with pytest.raises(StoreError, match="nothing was changed"):
            act()
    assert house.sessions.find(token) == anna
    assert house.people.check("Anna", PASSWORD) == anna
    assert [u.name for u in house.people.all_users()] == ["Anna", "Eve"]
    assert house.people.with_pin() == []


def test_the_last_admin_stays(house: House) -> None:
    house.add("Eve", "admin")
    with pytest.raises(PeopleError, match="last admin"):
        house.staff.set_role("Eve", "Eve", "viewer")
    with pytest.raises(PeopleError, match="last admin"):
        house.staff.set_disabled("Eve", "eve", True)
    with pytest.raises(PeopleError, match="last admin"):
        house.staff.remove("Eve", "EVE")
    house.add("Max", "admin")
    house.staff.set_disabled("Eve", "Max", True)
    with pytest.raises(PeopleError, match="last admin"):
        house.staff.remove("Eve", "Eve")
    house.staff.set_disabled("Eve", "Max", False)
    house.staff.remove("Max", "Eve")


def test_two_admins_who_remove_each_other_at_once_leave_one(house: House) -> None:
    for name in ("A1", "A2"):
        house.add(name, "admin")
    failed: list[Exception] = []

    def remove(by: str, whom: str) -> None:
        try:
            house.staff.remove(by, whom)
        except PeopleError as error:
            failed.append(error)

    threads = [threading.Thread(target=remove, args=pair) for pair in (("A1", "A2"), ("A2", "A1"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failed) == 1
    assert len(house.people.users()) == 1


def test_a_one_time_password_opens_only_the_way_to_ones_own(house: House) -> None:
    house.add("Eve", "admin")
    password = house.staff.add("Eve", "Ben", "engineer")
    ben = house.people.check("Ben", password)
    assert ben is not None
    assert ben.first_step
    assert {p for p in GRANTS["engineer"] if ben.may(p)} == {"look", "self"}
    with pytest.raises(PeopleError, match="the old one"):
        house.staff.set_password("Ben", "Ben", password)
    house.staff.set_password("Ben", "Ben", PASSWORD)
    ben = house.people.check("Ben", PASSWORD)
    assert ben is not None
    assert not ben.first_step
    assert ben.may("recipes")
    again = house.staff.reset_password("Eve", "Ben")
    with house.people.database() as db:
        db.execute("UPDATE users SET password_until_s = 1 WHERE name = 'Ben'")
    assert house.people.check("Ben", again) is None


def test_a_badge_is_one_persons(house: House) -> None:
    house.add("Anna")
    house.add("Ben")
    house.staff.set_badge("admin", "Anna", "BADGE-0001")
    with pytest.raises(PeopleError, match="somebody else's"):
        house.staff.set_badge("admin", "Ben", "BADGE-0001")


def test_an_unknown_user_is_named(house: House) -> None:
    with pytest.raises(PeopleError, match=r"name = 'Zoe'.*no such user"):
        house.staff.set_role("admin", "Zoe", "viewer")
    with pytest.raises(PeopleError, match=r"role = 'boss'.*viewer, operator"):
        house.staff.add("admin", "Zoe", "boss", PASSWORD)


def test_a_file_of_a_newer_program_is_left_alone(house: House) -> None:
    with house.people.database() as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(PeopleError, match="newer version"):
        PeopleFile(house.folder)


def test_pin_and_badge_never_open_more_than_an_operators_work() -> None:
    assert GRANTS["operator"] == QUICK
    assert all("self" in GRANTS[role] and "look" in GRANTS[role] for role in ROLES)
    for apart in ({"people", "release"}, {"people", "review"}, {"recipes", "release"}, {"models", "release"}):
        assert not [role for role in ROLES if apart <= GRANTS[role]], f"nobody holds both of {apart}"
