"""From a proposal to the recipe that judges: propose, release, activate, roll back. What `gutteil recipes` and the page do.

Every step is a row and a link of the audit's chain, in one transaction. The file that the station watches (`edge.recipe_active`)
follows the rows, after they are on disk: if we die in between, `point` writes it.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from edge import recipe_versions as rows
from edge.audit import append
from edge.config import Station
from edge.errors import RecipeError
from edge.holds import said
from edge.pointer import same_person
from edge.recipe import LoadedRecipe, check_products, parse_recipe
from edge.recipe_active import Active, all_active, load_active, read_active, recipe_files, write_active
from edge.recipe_diff import differences
from edge.recipe_trial import try_recipe
from edge.recipe_versions import Change, Event, State, Version
from edge.settings import read_bytes
from edge.store import Store

MAX_TEXT = 1_500
RELEASED: tuple[Event, ...] = ("adopt", "release")


@dataclass(frozen=True, slots=True)
class Hand:
    """Who gives an order, and by what they are known: the name of their key, `dashboard`, or `none`."""

    who: str
    key: str = "none"


@dataclass(frozen=True, slots=True)
class Shelf:
    """A recipe of the settings and its versions, as of one moment.

    Attributes:
        numbers: by which the PLC asks for it.
        versions: newest first; none before anything was proposed.
        states: of the versions, by hash.
        stack: hashes that were active one after the other; the last is active.
        present: what the station is to judge by.
        edited: the file of the settings is no version of it: it was changed by hand, and does not count.
    """

    name: str
    numbers: tuple[int, ...]
    versions: tuple[Version, ...]
    states: dict[str, State]
    changes: tuple[Change, ...]
    stack: tuple[str, ...]
    present: LoadedRecipe
    edited: bool

    def version(self, sha256: str) -> Version | None:
        return next((v for v in self.versions if v.sha256 == sha256), None)

    def last(self, sha256: str, event: Event) -> Change | None:
        """The newest of such events of a version."""
        return next((c for c in reversed(self.changes) if c.sha256 == sha256 and c.event == event), None)

    @property
    def before(self) -> Version | None:
        """What a rollback goes back to."""
        return self.version(self.stack[-2]) if len(self.stack) > 1 else None


class Library:
    """The versions of one station's recipes."""

    def __init__(self, store: Store, config: Station) -> None:
        """Raises SettingsError: two recipes of the settings have one name."""
        self.store, self.config = store, config
        self.files = recipe_files(config)
        self.folder = Path(config.record.folder)

    def file(self, name: str) -> Path:
        """The file of a recipe. Raises RecipeError: the settings have none of that name."""
        if name not in self.files:
            raise RecipeError(f"recipe {name!r} is not in the settings; there are: {', '.join(self.files)}")
        return self.files[name]

    def shelf(self, name: str) -> Shelf:
        """A recipe and its versions.

        Raises:
            SettingsError, RecipeError: there is none, or what is active cannot be read.
        """
        file, present = self.file(name), load_active(self.config, str(self.file(name)))
        with self.store.reading() as db:
            versions, changes = rows.versions(db, name), rows.changes(db, name)
        numbers = tuple(sorted(int(n) for n, f in self.config.recipes.items() if Path(f) == file))
        stack = rows.active_stack(changes)
        edited = (
            bool(stack)
            and read_active(self.folder, name) is not None
            and _hash_of(file) not in {present.hash, *(v.sha256 for v in versions)}
        )
        return Shelf(name, numbers, tuple(versions), {c.sha256: c.state for c in changes}, tuple(changes), tuple(stack), present, edited)

    def read(self, name: str, text: str, origin: str = "") -> LoadedRecipe:
        """A text as a version of a recipe.

        Raises:
            SettingsError: it is no recipe. RecipeError: it is one of another product, which would take another model.
        """
        loaded = parse_recipe(text.encode("utf-8", "replace"), self.file(name), origin or f"recipe {name}")
        product = load_active(self.config, str(self.file(name))).recipe.product
        if loaded.recipe.product != product:
            raise RecipeError(
                f"product = {loaded.recipe.product!r}: recipe {name!r} is of product {product!r}; leave that, or give the other product a recipe of its own in the settings"
            )
        return loaded

    def propose(self, name: str, text: str, by: Hand, note: str, base: str = "") -> Version:
        """A new version, for somebody else to release.

        Raises:
            SettingsError, ModelError, RecipeError: it is none, cannot judge, or says nothing new.
        """
        who, note = said(by.who, "who"), said(note, "note")
        loaded = self.read(name, text)
        try_recipe(self.store, self.config, loaded)
        with self.store.writing() as db:
            now_ns = time.time_ns()
            present = self._adopt(db, name, by, now_ns)
            if loaded.hash == present.hash:
                raise RecipeError("nothing differs from the active version; change something first")
            version = rows.add(db, name, text, who, note, base or present.hash, now_ns)
            rows.change(db, version, "propose", who, note, now_ns)
            self._audit(db, "propose", by, version, f"{_words(present, loaded)}; {note}", now_ns)
        return version

    def decline(self, name: str, version: str, by: Hand, reason: str) -> Version:
        """Turn a proposal down, or withdraw one's own."""
        return self._move(name, version, "decline", by, reason)

    def retire(self, name: str, version: str, by: Hand, reason: str) -> Version:
        """A released version shall not judge after all."""
        return self._move(name, version, "retire", by, reason)

    def release(self, name: str, version: str, by: Hand, reason: str) -> Version:
        """Say as the second person that it may judge. It does not judge yet: `activate`.

        Raises:
            RecipeError: nobody has proposed it, or the same person has. That is in the audit.
        """
        who, now_ns, why = said(by.who, "who"), time.time_ns(), ""
        with self.store.writing() as db:
            found = rows.find(db, name, version)
            rows.after(rows.state_of(db, found), "release")
            made = [found.author, *(c.who for c in rows.changes(db, name) if c.sha256 == found.sha256 and c.event == "propose")]
            if any(same_person(one, who) for one in made):
                why = f"two people: {who} has written or proposed version {found.number} and may not release it too; let somebody else do that"
                self._audit(db, "release", by, found, why, now_ns, accepted=False)
            else:
                rows.change(db, found, "release", who, reason.strip()[:200], now_ns)
                self._audit(db, "release", by, found, f"proposed by {made[-1]}; {reason}", now_ns)
        if why:
            raise RecipeError(why)
        return found

    def activate(self, name: str, version: str, by: Hand, reason: str) -> Version:
        """Let a released version judge from the next part on, or one that had judged before.

        Raises:
            RecipeError: it was never released, or judges already.
            SettingsError: the product has recipes for different models, see `edge.recipe.check_products`.
        """
        who = said(by.who, "who")
        with self.store.writing() as db:
            now_ns = time.time_ns()
            found = rows.find(db, name, version)
            loaded = self.read(name, found.text)
            check_products([loaded, *(r for r in all_active(self.config) if r.name != name)])
            present = self._adopt(db, name, by, now_ns)
            events = [c.event for c in rows.changes(db, name) if c.sha256 == found.sha256]
            if rows.state_of(db, found) == "retired" and not any(e in RELEASED for e in events):
                raise RecipeError(f"version {found.number} of {name!r} was never released; propose it, and have somebody else release it")
            released = max((i for i, e in enumerate(events) if e in RELEASED), default=-1)
            if any(e in ("rollback", "retire", "decline") for e in events[released + 1 :]):  # one person alone must not bring that back
                raise RecipeError(f"version {found.number} of {name!r} was taken back; propose it anew, and have somebody else release it")
            before = rows.find_sha(db, name, present.hash)
            state = rows.change(db, found, "activate", who, reason.strip()[:200], now_ns)
            assert state == "active"
            if before is not None:
                rows.change(db, before, "displace", who, f"by version {found.number}", now_ns)
            self._audit(db, "activate", by, found, f"{_words(present, loaded)}; {reason}", now_ns)
        self.point(name)
        return found

    def rollback(self, name: str, by: Hand, reason: str) -> Version:
        """Back to the version that was active before, at once.

        Raises:
            RecipeError: none was.
        """
        who = said(by.who, "who")
        with self.store.writing() as db:
            now_ns, stack = time.time_ns(), rows.active_stack(rows.changes(db, name))
            if len(stack) < 2:
                raise RecipeError(f"no version of {name!r} was active before the present one; there is no way back")
            old, back = (rows.find(db, name, sha256) for sha256 in (stack[-1], stack[-2]))
            rows.change(db, old, "rollback", who, reason.strip()[:200], now_ns)
            if old.sha256 != back.sha256:
                rows.change(db, back, "restore", who, reason.strip()[:200], now_ns)
            text = f"from version {old.number}: {_words(*(parse_recipe(v.text.encode(), self.file(name)) for v in (old, back)))}; {reason}"
            self._audit(db, "rollback", by, back, text, now_ns)
        self.point(name)
        return back

    def point(self, name: str) -> Version | None:
        """Write the file that the station watches as the rows say; None where nothing was ever activated.

        Raises:
            RecipeError: it cannot be written.
        """
        with self.store.reading() as db:
            changes = rows.changes(db, name)
            stack = rows.active_stack(changes)
            found = rows.find_sha(db, name, stack[-1]) if stack and any(c.event == "activate" for c in changes) else None
        if found is None:
            return None
        try:
            write_active(self.folder, Active(recipe=name, number=found.number, sha256=found.sha256, text=found.text))
        except OSError as error:
            raise RecipeError(
                f"it is recorded, but the station was not told ({error.filename or self.folder}: {error.strerror}); make room and rights there, then: "
                f"gutteil recipes point {name}"
            ) from error
        return found

    def _adopt(self, db: sqlite3.Connection, name: str, by: Hand, now_ns: int) -> LoadedRecipe:
        """What is active now; where that is still the settings' own file, it becomes a version too.

        Raises:
            RecipeError: the station is not told what the record says.
        """
        stack = rows.active_stack(changes := rows.changes(db, name))
        active = read_active(self.folder, name)
        if active is None and any(c.event == "activate" for c in changes):
            raise RecipeError(
                f"the file that tells the station which version of {name!r} is active is missing; write it: gutteil recipes point {name}"
            )
        if active is not None and stack and active.sha256 != stack[-1]:
            raise RecipeError(
                f"the station is told another version of {name!r} than the record says; mend it: gutteil recipes point {name}"
            )
        loaded = load_active(self.config, str(self.file(name)))
        if active is None and (not stack or stack[-1] != loaded.hash):
            text = read_bytes(self.file(name)).decode()
            version = rows.add(db, name, text, "settings", "the file that the settings name", "", now_ns)
            if version.sha256 != loaded.hash:
                raise RecipeError(f"{self.file(name)}: is being changed at this moment; try again")
            rows.change(db, version, "adopt", by.who, "the file that the settings name", now_ns)
            if stack and (before := rows.find_sha(db, name, stack[-1])) is not None:
                rows.change(db, before, "displace", by.who, "the file was edited", now_ns)
            self._audit(db, "adopt", by, version, "the file that the settings name", now_ns)
        return loaded

    def _move(self, name: str, version: str, event: Event, by: Hand, reason: str) -> Version:
        assert event in get_args(Event)
        who, now_ns = said(by.who, "who"), time.time_ns()
        with self.store.writing() as db:
            found = rows.find(db, name, version)
            rows.change(db, found, event, who, reason.strip()[:200], now_ns)
            self._audit(db, event, by, found, reason, now_ns)
        return found

    def _audit(
        self, db: sqlite3.Connection, event: Event, by: Hand, version: Version, text: str, now_ns: int, *, accepted: bool = True
    ) -> None:
        number = db.execute("SELECT count(*) FROM audit WHERE epoch = ?", (now_ns,)).fetchone()[0] + 1
        simulated = self.config.camera.backend == "simulator"
        words = f"{version.recipe}, version {version.number} ({version.sha256[:12]}): {text}"[:MAX_TEXT]
        append(
            db, (now_ns, self.config.name, "command", now_ns, number, f"recipe-{event}", by.who.strip(), by.key, accepted, words, simulated)
        )


def _words(before: LoadedRecipe, after: LoadedRecipe) -> str:
    return "; ".join(d.words() for d in differences(before.recipe, after.recipe)) or "the same values, another text"


def _hash_of(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""
