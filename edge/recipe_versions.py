"""Versions of a recipe and what became of them, as rows of the record. Append only; the newest state of a version counts.

A version is its text; the text's SHA-256 names it, as it does in every verdict. People count versions from 1 per recipe.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from typing import Final, Literal, get_args

import msgspec

from edge.errors import RecipeError

State = Literal["proposed", "released", "active", "retired"]
Event = Literal["adopt", "propose", "decline", "release", "activate", "displace", "rollback", "restore", "retire"]
STATES: Final[tuple[State, ...]] = get_args(State)
EVENTS: Final[tuple[Event, ...]] = get_args(Event)

# adopt: it was the file of the settings before there were versions; displace, rollback and restore: as with models (edge.lifecycle)
TRANSITIONS: Final[dict[tuple[State | None, Event], State]] = {
    (None, "adopt"): "active",
    ("proposed", "adopt"): "active",
    ("released", "adopt"): "active",
    ("retired", "adopt"): "active",
    (None, "propose"): "proposed",
    ("retired", "propose"): "proposed",
    ("proposed", "decline"): "retired",
    ("proposed", "release"): "released",
    ("released", "activate"): "active",
    ("retired", "activate"): "active",  # only of a version that had been released once, see `edge.recipe_library`
    ("released", "retire"): "retired",
    ("active", "displace"): "retired",
    ("active", "rollback"): "retired",
    ("proposed", "restore"): "active",  # proposed anew after it had been displaced; a rollback must find it all the same
    ("released", "restore"): "active",
    ("retired", "restore"): "active",
}
_NEXT: Final[dict[State | None, str]] = {
    None: "propose it first: gutteil recipes propose RECIPE FILE",
    "proposed": "somebody else releases or declines it: gutteil recipes release",
    "released": "let it judge: gutteil recipes activate",
    "active": "it judges; to take it back: gutteil recipes rollback",
    "retired": "propose it anew to begin again",
}


class Version(msgspec.Struct, frozen=True):
    """One version.

    Attributes:
        sha256: of the text.
        base: the version it was made from, empty where nobody said.
        made_at: UTC, ISO 8601.
    """

    recipe: str
    number: int
    sha256: str
    text: str
    author: str
    note: str
    base: str
    made_at: str


class Change(msgspec.Struct, frozen=True):
    """What became of a version, and who made it so; `changed_at`: UTC, ISO 8601."""

    number: int
    recipe: str
    sha256: str
    event: Event
    state: State
    who: str
    reason: str
    changed_at: str


_VERSION = ", ".join(Version.__struct_fields__)
_CHANGE = ", ".join(Change.__struct_fields__)


def after(state: State | None, event: Event) -> State:
    """The state that an event leads to; None: the version is not known.

    Raises:
        RecipeError: the event is not possible in this state; says what is.
    """
    found = TRANSITIONS.get((state, event))
    if found is None:
        raise RecipeError(f"{event} is not possible: the version is {state or 'not known'}; {_NEXT[state]}")
    return found


def add(db: sqlite3.Connection, recipe: str, text: str, author: str, note: str, base: str, now_ns: int) -> Version:
    """Within the caller's transaction, which holds the write lock. A text that is known stays the version it was."""
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    if (known := find_sha(db, recipe, sha256)) is not None:
        return known
    number = db.execute("SELECT coalesce(max(number), 0) + 1 FROM recipe_versions WHERE recipe = ?", (recipe,)).fetchone()[0]
    columns = "recipe, number, sha256, text, author, note, base, wall_ns"
    row = (recipe, number, sha256, text, author, note, base, now_ns)
    db.execute(f"INSERT INTO recipe_versions ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    made = find_sha(db, recipe, sha256)
    assert made is not None
    return made


def versions(db: sqlite3.Connection, recipe: str) -> list[Version]:
    """All of them, newest first."""
    rows = db.execute(f"SELECT {_VERSION} FROM recipe_versions WHERE recipe = ? ORDER BY number DESC", (recipe,))
    return [Version(*row) for row in rows.fetchall()]


def find_sha(db: sqlite3.Connection, recipe: str, sha256: str) -> Version | None:
    """The version with this hash, None where there is none."""
    row = db.execute(f"SELECT {_VERSION} FROM recipe_versions WHERE recipe = ? AND sha256 = ?", (recipe, sha256)).fetchone()
    return Version(*row) if row else None


def find(db: sqlite3.Connection, recipe: str, text: str) -> Version:
    """The version with this number, or whose hash begins so.

    Raises:
        RecipeError: none, or several.
    """
    wanted = text.strip().lower().removeprefix("v")
    every = versions(db, recipe)
    found = [v for v in every if wanted == str(v.number)] or [v for v in every if len(wanted) >= 4 and v.sha256.startswith(wanted)]
    if len(found) != 1:
        listed = ", ".join(f"{v.number} ({v.sha256[:8]})" for v in every[:12])
        raise RecipeError(
            f"version {text!r} of {recipe!r}: {'several begin so' if found else 'there is none'}; give a number or the beginning of a hash; "
            f"there are: {listed or 'none yet; see: gutteil recipes propose'}"
        )
    return found[0]


def change(db: sqlite3.Connection, version: Version, event: Event, who: str, reason: str, now_ns: int) -> State:
    """What an event makes of a version; within the caller's transaction, which holds the write lock.

    Raises:
        RecipeError: the event is not possible in its state.
    """
    state = after(state_of(db, version), event)
    number = db.execute("SELECT coalesce(max(number), 0) + 1 FROM recipe_states").fetchone()[0]
    columns = "number, recipe, sha256, event, state, who, reason, wall_ns"
    row = (number, version.recipe, version.sha256, event, state, who, reason, now_ns)
    db.execute(f"INSERT INTO recipe_states ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    return state


def changes(db: sqlite3.Connection, recipe: str) -> list[Change]:
    """What became of all versions of a recipe, oldest first."""
    return [
        Change(*row) for row in db.execute(f"SELECT {_CHANGE} FROM recipe_states WHERE recipe = ? ORDER BY number", (recipe,)).fetchall()
    ]


def state_of(db: sqlite3.Connection, version: Version) -> State | None:
    """The state of a version; None: nothing was ever said of it."""
    where = "recipe = ? AND sha256 = ? ORDER BY number DESC LIMIT 1"
    row = db.execute(f"SELECT state FROM recipe_states WHERE {where}", (version.recipe, version.sha256)).fetchone()
    return row[0] if row else None


def active_stack(said: Iterable[Change]) -> list[str]:
    """The versions that were active one after the other and not taken back. The last one is active; a rollback goes to the one before."""
    stack: list[str] = []
    for one in said:
        if one.event in ("adopt", "activate"):
            stack.append(one.sha256)
        elif one.event == "rollback" and stack:
            stack.pop()
    return stack
