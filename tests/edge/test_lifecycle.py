"""Every state × every event, and the way back."""

from __future__ import annotations

import itertools

import pytest

from edge.errors import RegistryError
from edge.lifecycle import EVENTS, STATES, TRANSITIONS, Event, State, activations, after

ALLOWED: dict[State | None, dict[str, State]] = {
    None: {"register": "candidate"},
    "candidate": {"register": "candidate", "shadow": "shadow", "retire": "retired", "restore": "active"},
    "shadow": {"propose": "shadow", "release": "active", "retire": "retired", "restore": "active"},
    "active": {"displace": "retired", "rollback": "retired"},
    "retired": {"register": "candidate", "restore": "active"},
}


@pytest.mark.parametrize(("state", "event"), list(itertools.product((None, *STATES), EVENTS)))
def test_every_state_and_event(state: State | None, event: Event) -> None:
    if event in ALLOWED[state]:
        assert after(state, event) == ALLOWED[state][event]
    else:
        with pytest.raises(RegistryError, match=f"{event} is not possible: the model is {state or 'not registered'} here; "):
            after(state, event)


def test_only_a_release_or_a_way_back_makes_a_model_active() -> None:
    assert {(state, event) for (state, event), to in TRANSITIONS.items() if to == "active"} == {
        ("shadow", "release"),
        ("retired", "restore"),
        ("candidate", "restore"),
        ("shadow", "restore"),
    }


@pytest.mark.parametrize(
    ("events", "stack"),
    [
        ([], []),
        ([("register", "a"), ("shadow", "a"), ("propose", "a")], []),
        ([("release", "a")], ["a"]),
        ([("release", "a"), ("displace", "a"), ("release", "b")], ["a", "b"]),
        ([("release", "a"), ("release", "b"), ("rollback", "b"), ("restore", "a")], ["a"]),
        ([("release", "a"), ("release", "b"), ("rollback", "b"), ("restore", "a"), ("rollback", "a")], []),
        ([("release", "a"), ("rollback", "a"), ("release", "b")], ["b"]),
        ([("rollback", "a")], []),
    ],
)
def test_the_way_back(events: list[tuple[Event, str]], stack: list[str]) -> None:
    assert activations(events) == stack
