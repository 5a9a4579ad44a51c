"""Sessions: they end in time, at a change of password or role, and one by one."""

from __future__ import annotations

import pytest

from dashboard.people.sessions import Method, Sessions, cookie_name, hashed
from edge.config import Dashboard
from tests.dashboard.people.conftest import House

MINUTES, HOURS = 60.0, 3600.0


@pytest.mark.parametrize(("method", "idle_s", "whole_s"), [("password", 30 * MINUTES, 8 * HOURS), ("pin", 5 * MINUTES, 2 * HOURS), ("badge", 5 * MINUTES, 2 * HOURS)])  # fmt: skip
def test_a_session_ends_when_idle_and_when_whole(house: House, method: Method, idle_s: float, whole_s: float) -> None:
    anna = house.add("Anna")
    sessions = Sessions(house.people, Dashboard(session_idle_min=30, session_h=8, pin_idle_min=5, pin_h=2), house.clock)
    idle, used = sessions.begin(anna, method), sessions.begin(anna, method)
    begun = house.clock.now
    while house.clock.now + idle_s - 60 < begun + whole_s:
        house.clock.now += idle_s - 60
        assert sessions.find(used) is not None
    assert sessions.find(idle) is None
    house.clock.now = begun + whole_s + 1
    assert sessions.find(used) is None
    assert sessions.of("Anna") == []


def test_a_token_that_is_none(house: House) -> None:
    for token in (None, "", "x", "x" * 101, "é" * 20, "\udcff"):
        assert house.sessions.find(token) is None


def test_changes_of_role_and_password_end_sessions_and_a_disabled_user_has_none(house: House) -> None:
    house.add("Eve", "admin")
    anna = house.add("Anna")
    here, there = house.sessions.begin(anna), house.sessions.begin(anna)
    house.staff.set_password("Anna", "Anna", "another four plain words", keep=here)
    assert house.sessions.find(here) is not None
    assert house.sessions.find(there) is None
    house.staff.set_role("Eve", "Anna", "engineer")
    assert house.sessions.find(here) is None
    again = house.sessions.begin(anna)
    house.staff.set_disabled("Eve", "Anna", True)
    assert house.sessions.find(again) is None
    house.staff.set_disabled("Eve", "Anna", False)
    assert house.sessions.find(again) is None, "an old session does not come back"


def test_ones_own_sessions_are_listed_and_ended_one_by_one(house: House) -> None:
    anna, ben = house.add("Anna"), house.add("Ben")
    tokens = [house.sessions.begin(anna, "password", f"10.0.0.{n}", "Firefox") for n in range(3)]
    bens = house.sessions.begin(ben)
    listed = house.sessions.of("Anna")
    assert {s.address for s in listed} == {"10.0.0.0", "10.0.0.1", "10.0.0.2"}
    assert all(token not in repr(listed) for token in tokens), "what is listed logs nobody in"
    house.sessions.end_one("Anna", hashed(tokens[0]))
    house.sessions.end_one("Anna", hashed(bens))
    assert [house.sessions.find(token) is not None for token in (*tokens, bens)] == [False, True, True, True]
    house.sessions.end_all("Anna")
    assert house.sessions.of("Anna") == []


def test_a_person_has_at_most_fifty(house: House) -> None:
    anna = house.add("Anna")
    for _ in range(60):
        house.clock.now += 1
        house.sessions.begin(anna)
    assert len(house.sessions.of("Anna")) == 50


def test_who_comes_by_pin_does_an_operators_work(house: House) -> None:
    quinn = house.add("Quinn", "quality")
    whole, quick = house.sessions.find(house.sessions.begin(quinn)), house.sessions.find(house.sessions.begin(quinn, "pin"))
    assert whole is not None
    assert quick is not None
    assert whole.may("release")
    assert whole.may("audit")
    assert not quick.may("release")
    assert not quick.may("audit")
    assert quick.may("acknowledge")
    assert quick.may("review")


def test_under_tls_the_cookie_is_bound_to_the_host() -> None:
    assert cookie_name("https") == cookie_name("wss") == "__Host-gutteil_session"
    assert cookie_name("http") == "gutteil_session"
