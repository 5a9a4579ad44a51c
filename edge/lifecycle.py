"""The states of a model under a product, and the events that change them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, get_args

from edge.errors import RegistryError

State = Literal["candidate", "shadow", "active", "retired"]
Event = Literal["register", "shadow", "propose", "release", "displace", "rollback", "restore", "retire"]
STATES: Final[tuple[State, ...]] = get_args(State)
EVENTS: Final[tuple[Event, ...]] = get_args(Event)

# displace: another was released in its place; rollback: it was taken back; restore: it came back instead of the one taken back
TRANSITIONS: Final[dict[tuple[State | None, Event], State]] = {
    (None, "register"): "candidate",
    ("candidate", "register"): "candidate",  # with newer documents
    ("retired", "register"): "candidate",
    ("candidate", "shadow"): "shadow",
    ("shadow", "propose"): "shadow",
    ("shadow", "release"): "active",
    ("active", "displace"): "retired",
    ("active", "rollback"): "retired",
    ("retired", "restore"): "active",
    ("candidate", "restore"): "active",  # registered anew after it had been displaced; a rollback must find it all the same
    ("shadow", "restore"): "active",
    ("candidate", "retire"): "retired",
    ("shadow", "retire"): "retired",
}
_NEXT: Final[dict[State | None, str]] = {
    None: "register it first: gutteil models register FILE ...",
    "candidate": "let it judge beside the active one: gutteil models shadow",
    "shadow": "propose and release it (gutteil models propose, then release by somebody else), or retire it",
    "active": "it judges; to take it back: gutteil models rollback",
    "retired": "register the file anew to begin again",
}


def after(state: State | None, event: Event) -> State:
    """The state that an event leads to; None: the model is not known under this product.

    Raises:
        RegistryError: the event is not possible in this state; says what is.
    """
    found = TRANSITIONS.get((state, event))
    if found is None:
        raise RegistryError(f"{event} is not possible: the model is {state or 'not registered'} here; {_NEXT[state]}")
    return found


def activations(events: Iterable[tuple[Event, str]]) -> list[str]:
    """The models that were active one after the other and not taken back, by a product's events (event, model) in order.

    The last one is active; what stands before it is what a rollback goes back to; below the first is the recipe's own model.
    """
    stack: list[str] = []
    for event, sha256 in events:
        if event == "release":
            stack.append(sha256)
        elif event == "rollback" and stack:
            stack.pop()
    return stack
