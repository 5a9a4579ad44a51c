"""Guessing is slowed, also over a restart and with many tries at once; nobody is locked out for good."""

from __future__ import annotations

import pytest

from dashboard.people.entrance import Entrance, Refused
from dashboard.people.terminals import Terminals
from dashboard.people.tries import AT_LINE_S, MAX_WAIT_S, Tries, set_free
from dashboard.people.users import People
from tests.dashboard.people.conftest import PASSWORD, House

HERE, THERE = "10.1.2.3", "10.9.9.9"


def guess(house: House, name: str, address: str = THERE, *, what: str = "password", at_line: bool = False) -> float:
    """A wrong guess; how long it had to wait, in which case it was not even looked at."""
    return house.tries.begin(what, name, address, at_line=at_line).wait_s


def guesses(house: House, seconds: float, name: str, address: str = THERE, *, at_line: bool = False) -> int:
    """How many guesses somebody gets who tries again as soon as they may."""
    end, count = house.clock.now + seconds, 0
    while house.clock.now < end:
        wait = guess(house, name, address, at_line=at_line)
        count += wait == 0
        house.clock.now += max(wait, 0.001)
    return count


def held(house: House, name: str, address: str = THERE, *, at_line: bool = False) -> float:
    """Guess until there is a wait; how long it is."""
    while True:
        if wait := guess(house, name, address, at_line=at_line):
            return wait


def test_the_waits_double_up_to_a_quarter_of_an_hour(house: House) -> None:
    waits = []
    for _ in range(14):
        waits.append(round(held(house, "Anna")))
        house.clock.now += waits[-1] + 1
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]
    assert waits[-1] == MAX_WAIT_S


def test_in_a_day_nobody_gets_through_the_pins(house: House) -> None:
    assert guesses(house, 24 * 3600, "Anna") < 150
    assert guesses(house, 3600, "Ben", "127.0.0.1", at_line=True) < 150, "and ten in a row void the PIN"


def test_it_is_forgotten_by_no_restart(house: House) -> None:
    assert held(house, "Anna") > 0
    again = People(house.folder)
    assert Tries(again, house.clock).begin("password", "ANNA ", THERE, at_line=False).wait_s > 0
    again.close()


def test_many_at_once_are_many(house: House) -> None:
    """As if all were sent before the first was answered: none has been found wrong yet."""
    assert sum(guess(house, "Anna") == 0 for _ in range(100)) <= 5


def test_one_address_with_many_names_is_slowed(house: House) -> None:
    assert sum(guess(house, f"user{n}") == 0 for n in range(500)) <= 13


def test_the_addresses_of_one_machine_are_one(house: House) -> None:
    assert sum(guess(house, f"user{n}", f"2001:db8:1:2::{n:x}") == 0 for n in range(200)) <= 13
    assert guess(house, "Anna", "2001:db8:1:3::1") == 0


def test_many_addresses_with_one_name_are_slowed(house: House) -> None:
    assert sum(guess(house, "Anna", f"10.0.{n // 250}.{n % 250}") == 0 for n in range(500)) <= 7


def test_whoever_logs_in_from_a_known_address_is_not_held_up_by_those_who_guess_elsewhere(house: House) -> None:
    house.add("Eve", "admin")
    house.tries.right(house.tries.begin("password", "Eve", HERE, at_line=False), "Eve")
    for n in range(3_000):
        guess(house, "Eve", f"10.0.{n // 250}.{n % 250}")
    assert guess(house, "Eve", "10.200.0.1") > 0
    assert guess(house, "Eve", HERE) == 0


def test_guesses_elsewhere_do_not_hold_up_the_line_and_the_line_waits_half_a_minute_at_most(house: House) -> None:
    house.add("Anna")
    guesses(house, 3600, "Anna")
    assert guess(house, "Anna", "127.0.0.1", at_line=True) == 0
    for _ in range(30):
        house.clock.now += held(house, "Anna", "127.0.0.1", at_line=True)
    assert held(house, "Anna", "127.0.0.1", at_line=True) == pytest.approx(AT_LINE_S)


def test_a_right_one_starts_anew_and_calm_forgives(house: House) -> None:
    house.add("Anna")
    for _ in range(3):
        guess(house, "Anna")
    house.tries.right(house.tries.begin("password", "Anna", THERE, at_line=False), "Anna")
    assert [guess(house, "Anna") for _ in range(3)] == [0, 0, 0]
    guesses(house, 3600, "Anna")
    house.clock.now += 25 * 3600
    assert [guess(house, "Anna") for _ in range(3)] == [0, 0, 0]


def test_a_person_with_an_account_cannot_use_it_to_guess_on(house: House) -> None:
    """Each login of their own forgives the address a little, the other's name nothing."""
    house.add("Mallory")
    count = 0
    for _ in range(200):
        count += guess(house, "Anna") == 0
        tried = house.tries.begin("password", "Mallory", THERE, at_line=False)
        if not tried.wait_s:
            house.tries.right(tried, "Mallory")
    assert count <= 7


def test_the_terminal_sets_a_name_free(house: House) -> None:
    house.add("Eve", "admin")
    house.add("Ann")
    for _ in range(6):
        house.clock.now += held(house, "Eve", HERE) + held(house, "Ann", THERE)
    held(house, "Eve", HERE)
    held(house, "Ann", THERE)
    assert guess(house, "Eve", "10.3.3.3") > 0
    set_free(house.people, "Eve")
    assert guess(house, "Eve", "10.3.3.3") == 0
    assert guess(house, "Ann", "10.3.3.3") > 0


def test_pins_guessed_at_do_not_slow_the_password(house: House) -> None:
    for _ in range(20):
        guess(house, "Anna", "127.0.0.1", what="pin", at_line=True)
    assert guess(house, "Anna", "127.0.0.1", what="pin", at_line=True) > 0
    assert guess(house, "Anna", "127.0.0.1", at_line=True) == 0


def test_the_file_does_not_grow_without_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.people.tries._MOST", 50)
    for n in range(300):
        guess(house, f"user{n}", f"10.0.{n // 250}.{n % 250}")
    assert house.people.reading().execute("SELECT count(*) FROM tries").fetchone()[0] <= 50


def test_the_entrance(house: House) -> None:
    house.add("Anna")
    house.staff.set_pin("Anna", "Anna", "8205")
    entrance = Entrance(house.people, house.sessions, house.tries, Terminals(["10.0.7.0/28"]), house.record)
    assert entrance.names("10.0.7.3") == entrance.names("127.0.0.1") == entrance.names("::ffff:127.0.0.1") == ["Anna"]
    assert entrance.names("10.0.7.99") == entrance.names("") == entrance.names("x") == []
    with pytest.raises(Refused, match="line"):
        entrance.enter("pin", "Anna", "8205", "10.0.7.99", "")
    with pytest.raises(Refused, match="line"):
        entrance.enter("badge", "", "BADGE-0001", "10.0.7.99", "")
    person, token = entrance.enter("pin", "Anna", "8205", "10.0.7.3", "Firefox")
    assert person.name == "Anna"
    assert house.sessions.of("Anna")[0].address == "10.0.7.3"
    assert house.sessions.find(token) is not None
    for _ in range(12):
        with pytest.raises(Refused):
            entrance.enter("password", "Anna", "wrong words here", THERE, "")
        house.clock.now += 100
    slowed = [text for op, _, text in house.audit() if op == "login-slowed"]
    assert slowed
    assert THERE in slowed[0]
    with pytest.raises(Refused) as refused:
        entrance.confirm(person, "wrong", "10.0.7.3")
    assert refused.value.code == "wrong"
    entrance.confirm(person, PASSWORD, "10.0.7.3")
