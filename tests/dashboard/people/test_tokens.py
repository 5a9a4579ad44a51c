"""Tokens: within scopes, within time, never more than their owner; and how often anybody may ask."""

from __future__ import annotations

import pytest

from dashboard.people.file import PeopleError
from dashboard.people.rates import LIMITS, Rates
from dashboard.people.tokens import MAX_DAYS, scopes_for
from tests.dashboard.people.conftest import Clock, House

DAY = 86_400.0


def test_a_token_acts_for_its_owner_within_its_scopes(house: House) -> None:
    elena = house.add("Elena", "engineer")
    token = house.tokens.make(elena, "robot", ["history", "export"], 30)
    found = house.tokens.find(token)
    assert found is not None
    person, _key = found
    assert person.name == "Elena"
    assert person.who == "Elena (token robot)"
    assert person.may("history")
    assert person.may("export")
    assert not [p for p in ("look", "self", "recipes", "setup", "people") if person.may(p)]


def test_a_token_shrinks_with_its_owner_and_ends_with_them(house: House) -> None:
    house.add("Eve", "admin")
    token = house.tokens.make(house.add("Elena", "engineer"), "robot", ["recipes", "history"], 30)
    house.staff.set_role("Eve", "Elena", "viewer")
    found = house.tokens.find(token)
    assert found is not None
    assert found[0].may("history")
    assert not found[0].may("recipes")
    house.staff.set_disabled("Eve", "Elena", True)
    assert house.tokens.find(token) is None
    house.staff.set_disabled("Eve", "Elena", False)
    assert house.tokens.find(token) is not None
    house.staff.remove("Eve", "Elena")
    assert house.tokens.find(token) is None


def test_a_token_ends_on_its_day_and_when_revoked(house: House) -> None:
    anna, ben, eve = house.add("Anna"), house.add("Ben"), house.add("Eve", "admin")
    short, long = (house.tokens.make(anna, f"t{days}", ["history"], days) for days in (1, 366))
    house.clock.now += DAY + 1
    assert house.tokens.find(short) is None
    assert house.tokens.find(long) is not None
    number = next(t.number for t in house.tokens.of("Anna") if t.label == "t366")
    with pytest.raises(PeopleError, match="somebody else's"):
        house.tokens.revoke(ben, number)
    assert house.tokens.find(long) is not None
    house.tokens.revoke(eve, number)
    assert house.tokens.find(long) is None
    house.tokens.revoke(eve, number)
    assert [op for op, _, _ in house.audit()][-3:] == ["token-make", "token-make", "token-revoke"]
    assert short not in repr(house.audit())


@pytest.mark.parametrize("days", [0, -1, MAX_DAYS + 1, 10**9])
def test_a_token_without_an_end_is_refused(house: House, days: int) -> None:
    with pytest.raises(PeopleError, match="days"):
        house.tokens.make(house.add("Anna"), "robot", ["history"], days)


@pytest.mark.parametrize("scopes", [[], ["people"], ["self"], ["recipes"], ["history", "nonsense"]])
def test_scopes_that_are_not_ones_own_are_refused(house: House, scopes: list[str]) -> None:
    with pytest.raises(PeopleError, match="scopes"):
        house.tokens.make(house.add("Anna"), "robot", scopes, 1)


def test_no_program_gets_to_make_users(house: House) -> None:
    assert "people" not in scopes_for(house.add("Eve", "admin"))


@pytest.mark.parametrize("token", ["", "gutteil_", "gutteil_x", "x" * 60, "gutteil_" + "x" * 200, "gutteil_\udcff"])
def test_tokens_that_are_none(house: House, token: str) -> None:
    assert house.tokens.find(token) is None


def test_a_bucket_empties_and_fills_again() -> None:
    clock = Clock()
    rates = Rates(clock)
    per_s, burst = LIMITS["login"]
    assert [rates.wait_s("login", "a") for _ in range(int(burst))] == [0] * int(burst)
    assert rates.wait_s("login", "a") == pytest.approx(1 / per_s)
    assert rates.wait_s("login", "b") == 0
    assert rates.wait_s("api", "a") == 0
    clock.now += 1 / per_s
    assert rates.wait_s("login", "a") == 0
    assert rates.wait_s("login", "a") > 0
    clock.now += 3600
    assert [rates.wait_s("login", "a") for _ in range(int(burst) + 1)][-1] > 0, "it holds no more than it can"


def test_the_buckets_do_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.people.rates._MOST", 10)
    rates = Rates(Clock())
    for n in range(100):
        rates.wait_s("api", str(n))
    assert len(rates._buckets) == 10
