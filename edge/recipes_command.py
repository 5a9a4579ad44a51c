"""`gutteil recipes`, in words and as documents."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edge import recipe_versions as rows
from edge.activation import person
from edge.bus import Subscriber, watch
from edge.config import Station as StationConfig
from edge.config import load
from edge.errors import GutteilError, RecipeError
from edge.messages import Alarm, Run
from edge.recipe import LoadedRecipe
from edge.recipe_diff import differences
from edge.recipe_drafts import Drafts
from edge.recipe_library import Hand, Library, Shelf
from edge.settings import read_bytes
from edge.store import FILE_NAME, open_store
from edge.whatif_record import asked

SILENT_S = 1.5  # until a station that says nothing at all is taken to be away
WAIT_S = 15.0  # for the station to judge by another version: it loads the model anew


@contextlib.contextmanager
def open_library(config: Path | None, *, write: bool = False) -> Iterator[Library]:
    """The versions in the record of a station.

    Raises:
        StoreError, SettingsError: record or settings cannot be used.
    """
    station = load(config) if config is not None else StationConfig()
    path = Path(station.record.folder) / FILE_NAME
    with open_store(path, beside=True) if write else open_store(path, read_only=True) as store:
        yield Library(store, station)


def _hand(library: Library, who: str, key: Path | None) -> Hand:
    found = person(library.config, who, key)
    return Hand(found.who, found.key)


def list_document(library: Library, name: str = "") -> dict[str, Any]:
    """Every recipe, or one with all its versions; `wrong`: why the station cannot be told of it."""
    recipes: list[dict[str, Any]] = []
    for one in [name] if name else library.files:
        try:
            shelf = library.shelf(one)
        except RecipeError:
            raise
        except GutteilError as error:
            recipes.append({"recipe": one, "wrong": str(error)})
            continue
        active = shelf.version(shelf.present.hash)
        recipes.append(
            {
                "recipe": one,
                "product": shelf.present.recipe.product,
                "numbers": list(shelf.numbers),
                "active": {"number": active.number if active else 0, "sha256": shelf.present.hash},
                "before": shelf.before.number if shelf.before else None,
                "wrong": f"{library.files[one]} was changed by hand and does not count; propose it: gutteil recipes propose {one} FILE" if shelf.edited else "",
                "versions": [_version(shelf, v) for v in shelf.versions],
                "drafts": [{"who": d.who, "saved_at": _at(d.saved_ns)} for d in Drafts(library.folder).of(one)],
            }
        )  # fmt: skip
    return {"recipes": recipes}


def _version(shelf: Shelf, version: rows.Version) -> dict[str, Any]:
    released = shelf.last(version.sha256, "release")
    return {
        "number": version.number,
        "sha256": version.sha256,
        "state": shelf.states.get(version.sha256),
        "author": version.author,
        "note": version.note,
        "made_at": version.made_at,
        "released_by": released.who if released else None,
    }


def _at(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).isoformat(timespec="seconds")


def show_list(document: dict[str, Any], console: Console) -> None:
    """For people."""
    for recipe in document["recipes"]:
        if "versions" not in recipe:
            console.print(f"[red]{escape(recipe['recipe'])}: {escape(recipe['wrong'])}[/]", soft_wrap=True, highlight=False)
            continue
        numbers = ", ".join(map(str, recipe["numbers"]))
        table = Table(
            title=f"{escape(recipe['recipe'])} (product {escape(recipe['product'])}{', PLC number ' + numbers if numbers else ''})"
        )
        for column in ("version", "hash", "state", "by", "released by", "made", "note"):
            table.add_column(column, overflow="fold")
        for v in recipe["versions"]:
            cells = (
                str(v["number"]),
                v["sha256"][:12],
                v["state"] or "",
                v["author"],
                v["released_by"] or "",
                v["made_at"][:16],
                v["note"],
            )
            table.add_row(*map(escape, cells))
        console.print(table)
        number = recipe["active"]["number"]
        _say(console, f"active: {f'version {number}' if number else 'the file of the settings'} ({recipe['active']['sha256'][:12]})")
        if recipe["before"] is not None:
            _say(console, f"a rollback goes back to: version {recipe['before']}")
        for draft in recipe["drafts"]:
            _say(console, f"draft of {draft['who']}, {draft['saved_at'][:16]}")
        if recipe["wrong"]:
            console.print(f"[red]{escape(recipe['wrong'])}[/]", soft_wrap=True, highlight=False)


def text_of(library: Library, name: str, version: str) -> str:
    """The text of a version; of none given: of what is active."""
    shelf = library.shelf(name)
    if version:
        with library.store.reading() as db:
            return rows.find(db, name, version).text
    active = shelf.version(shelf.present.hash)
    return active.text if active is not None else read_bytes(library.file(name)).decode()


def _loaded(library: Library, name: str, version: str) -> LoadedRecipe:
    if version.endswith(".toml"):
        return library.read(name, read_bytes(Path(version)).decode("utf-8", "replace"), version)
    return library.read(name, text_of(library, name, version))


def diff_document(library: Library, name: str, version: str, against: str, what_if: bool) -> dict[str, Any]:
    """What differs, and what it would have changed on the last parts."""
    after, before = _loaded(library, name, version), _loaded(library, name, against)
    document: dict[str, Any] = {"recipe": name, "differences": [d.words() for d in differences(before.recipe, after.recipe)]}
    if what_if:
        shelf = library.shelf(name)
        known = {v.sha256: library.read(name, v.text).recipe for v in shelf.versions} | {shelf.present.hash: shelf.present.recipe}
        with library.store.reading() as db:
            found = asked(db, name, known)
        document["what_if"] = {"recent": found.recent, **dataclasses.asdict(found.corpus.ask(before.recipe, after.recipe))}
    return document


def show_diff(document: dict[str, Any], console: Console) -> None:
    """For people."""
    for line in document["differences"] or ["nothing differs"]:
        _say(console, line)
    answer = document.get("what_if")
    if answer is None:
        return
    _say(console, f"on the last {answer['recent']} parts: {answer['more']} more rejects, {answer['fewer']} fewer")
    if answer["escapes"]:
        names = ", ".join(answer["escapes"][:10])
        _say(console, f"ESCAPES: {len(answer['escapes'])} of {answer['confirmed_bad']} confirmed bad parts would pass ({answer['new_escapes']} of them are rejected now): {names}")  # fmt: skip
    else:
        _say(console, f"0 of {answer['confirmed_bad']} confirmed bad parts would pass")
    _say(console, f"{answer['spared']} of {answer['confirmed_good']} confirmed good parts would be spared")
    if answer["unsure"]:
        _say(console, f"of {answer['unsure']} parts the record cannot say: lower scores of them are not known")
    if answer["estimated"]:
        _say(console, "the model would see another part of the picture: these are estimates")


def propose(library: Library, name: str, file: Path, who: str, key: Path | None, note: str, console: Console) -> None:
    """Propose a file's text."""
    version = library.propose(name, read_bytes(file).decode("utf-8", "replace"), _hand(library, who, key), note)
    _say(
        console,
        f"version {version.number} of {name} is proposed; somebody else releases it: gutteil recipes release {name} {version.number}",
    )


def move(
    library: Library, to: Literal["release", "decline", "retire"], name: str, version: str, who: str, key: Path | None, reason: str, console: Console
) -> None:  # fmt: skip
    """Release, decline or retire."""
    by = _hand(library, who, key)
    if to == "release":
        found = library.release(name, version, by, reason)
        _say(console, f"version {found.number} of {name} is released; to let it judge: gutteil recipes activate {name} {found.number}")
        return
    found = library.decline(name, version, by, reason) if to == "decline" else library.retire(name, version, by, reason)
    _say(console, f"version {found.number} of {name} is retired")


def activate(library: Library, name: str, version: str, who: str, key: Path | None, reason: str, console: Console) -> None:
    """Activate, and say when the station judges by it."""
    by = _hand(library, who, key)
    with contextlib.closing(watch(library.config, [Run, Alarm])) as bus:
        found = library.activate(name, version, by, reason)
        _say(console, f"version {found.number} of {name} is active; the way back: gutteil recipes rollback {name}")
        _await(bus, found, console)


def rollback(library: Library, name: str, who: str, key: Path | None, reason: str, console: Console) -> None:
    """Go back, and say when the station judges by the version before."""
    by = _hand(library, who, key)
    with contextlib.closing(watch(library.config, [Run, Alarm])) as bus:
        back = library.rollback(name, by, reason)
        _say(console, f"version {back.number} of {name} is active again")
        _await(bus, back, console)


def point(library: Library, name: str, console: Console) -> None:
    """Write the file of the active version anew."""
    library.file(name)
    found = library.point(name)
    told = (
        f"the station is told: version {found.number}"
        if found
        else f"no version of {name} was ever activated: the settings' own file judges"
    )
    _say(console, told)


def _await(bus: Subscriber, version: rows.Version, console: Console) -> None:
    """Until the station says that it judges by this version."""
    begin, began_ns, other = time.monotonic(), time.time_ns(), ""
    while time.monotonic() - begin < WAIT_S:
        message = bus.get(0.05)
        if isinstance(message, Run) and (message.recipe, message.recipe_hash) == (version.recipe, version.sha256):
            _say(console, f"the station judges by it, {max(0.0, (message.wall_ns - began_ns) / 1e6):.0f} ms after the order")
            return
        if isinstance(message, Run):
            other = f"it judges by {message.recipe}, {message.recipe_hash[:12]}"
        if isinstance(message, Alarm) and message.active and message.code == "version-refused":
            raise RecipeError(
                f"the station refuses it and goes on with the version before: {message.text}; go back: gutteil recipes rollback {version.recipe}"
            )
        if not other and time.monotonic() - begin > SILENT_S:
            break
    _say(
        console,
        f"the station does not say so yet ({other or 'nobody answers'}); it takes the version when it starts or judges by this recipe",
    )


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
