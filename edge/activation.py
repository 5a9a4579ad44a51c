"""From a file to the model that judges: register, shadow, propose, release, roll back, retire. What `gutteil models` does.

Every step is a row and a link of the audit's chain, in one transaction. The pointer file that the station watches follows the
rows, after they are on disk: if we die in between, giving the same order again writes it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from edge import holds, registry, shadow_results
from edge.audit import append
from edge.card import parse_card
from edge.config import Station
from edge.errors import GutteilError, KeysError, ModelError, RegistryError, SettingsError
from edge.gate import Facts, unmet
from edge.holds import said
from edge.lifecycle import Event, State, after
from edge.pointer import FOLDER, Said, Statement, model_path, write_pointer
from edge.recipe import LoadedRecipe, check_products
from edge.recipe_active import all_active, load_active
from edge.registry import Kind, ModelRow
from edge.shadow_results import Score
from edge.signing import SignerPair, check_model, read_pair, sign, signers
from edge.store import Store


@dataclass(frozen=True, slots=True)
class Person:
    """Who gives an order, with their key where people sign."""

    who: str
    pair: SignerPair | None = None

    @property
    def key(self) -> str:
        return self.pair.name if self.pair is not None else "none"


def person(config: Station, who: str, key: Path | None) -> Person:
    """Whose order it is. Where keys.signers is set the name is that of the key, and the key must be listed.

    Raises:
        KeysError, StoreError: no name, no key, or one that does not count; name and key of two people.
    """
    if not config.keys.signers:
        if key is not None:
            raise KeysError("--key is given, but keys.signers is not set: nobody could check the signature; set it, or leave --key out")
        return Person(said(who, "who"))
    if key is None:
        raise KeysError("keys.signers is set: sign the order with --key YOUR-KEY.json")
    pair = read_pair(key)
    listed = signers(Path(config.keys.signers)).get(pair.name)
    if listed is None or listed.public != pair.public:
        raise KeysError(
            f"the key of {pair.name} is not listed in {config.keys.signers}; have it listed: gutteil keys --add NAME --role sign"
        )
    if who and who != pair.name:
        raise KeysError(f"--who {who!r} does not go with the key of {pair.name!r}; leave --who out, the key says who you are")
    return Person(pair.name, pair)


def recipe_of(config: Station, product: str = "") -> LoadedRecipe:
    """The station's recipe of a product; of none given: the one it starts with.

    Raises:
        SettingsError: there is none.
    """
    first = load_active(config, config.recipe)
    if product in ("", first.recipe.product):
        return first
    others = [load_active(config, file) for file in config.recipes.values()]
    found = next((r for r in others if r.recipe.product == product), None)
    if found is None:
        known = sorted({first.recipe.product, *(r.recipe.product for r in others)})
        raise SettingsError(f"--product {product!r}: no recipe of the settings is of it; there are: {', '.join(known)}")
    return found


class Registry:
    """The registry of one station's record, for one product."""

    def __init__(self, store: Store, config: Station, product: str = "") -> None:
        """Raises SettingsError: the recipe cannot be read, or there is none of this product."""
        self.store, self.config = store, config
        self.loaded = recipe_of(config, product)
        self.product = self.loaded.recipe.product
        self.folder = Path(config.record.folder)

    def register(self, file: Path, documents: dict[Kind, Path], latency: dict[str, float], by: Person) -> ModelRow:
        """Take a model in as a candidate: `edge.enrolment.enrol`."""
        from edge.enrolment import enrol  # it runs the model, and a rollback must not wait for what that needs

        return enrol(self, file, documents, latency, by)

    def shadow(self, model: str, by: Person, reason: str) -> State:
        """Let it judge beside the active one.

        Raises:
            RegistryError: another one does, or it is no candidate.
        """
        with self.store.writing() as db:
            sha256 = registry.find(db, model).sha256
            if other := registry.in_state(db, self.product, "shadow"):
                raise RegistryError(f"{other[:12]} is in shadow for {self.product!r}; retire or release it first: gutteil models retire")
            return self.change(db, sha256, "shadow", by, reason, time.time_ns())

    def propose(self, model: str, by: Person, reason: str) -> list[str]:
        """Propose that it be released; returns what the gate still misses."""
        with self.store.writing() as db:
            sha256, now_ns = registry.find(db, model).sha256, time.time_ns()
            self.change(db, sha256, "propose", by, reason, now_ns, self._signed("propose", sha256, by, now_ns))
        return self.gate(model)

    def gate(self, model: str, releaser: Person | None = None) -> list[str]:
        """The conditions that are not met; without a person those that hold for anybody."""
        return unmet(self.facts(model, releaser))

    def facts(self, model: str, releaser: Person | None = None) -> Facts:
        """What the gate looks at."""
        with self.store.reading() as db:
            return self._facts(db, registry.find(db, model).sha256, releaser or Person(""))

    def release(self, model: str, by: Person, reason: str) -> str:
        """Make it the active one, if the gate lets it; returns its SHA-256.

        Raises:
            RegistryError: each condition that is not met, in a line with the next step. The refusal is in the audit.
            SettingsError: the product has recipes for different models, see `edge.recipe.check_products`.
        """
        check_products(all_active(self.config))
        with self.store.writing() as db:
            sha256, now_ns = registry.find(db, model).sha256, time.time_ns()
            after(registry.state_of(db, self.product, sha256), "release")
            missing = unmet(self._facts(db, sha256, by))
            if missing:
                self._audit(db, "model-release", by, f"{self.product}, {sha256}: {missing[0]}"[:400], now_ns, accepted=False)
            else:
                if before := registry.in_state(db, self.product, "active"):
                    self.change(db, before, "displace", by, f"by {sha256[:16]}", now_ns)
                self.change(db, sha256, "release", by, reason, now_ns, self._signed("release", sha256, by, now_ns))
                self._let_go(db, sha256, by, now_ns)
        if missing:
            raise RegistryError(f"{sha256[:12]} may not be released yet:\n  " + "\n  ".join(missing))
        self.point()
        return sha256

    def rollback(self, by: Person, reason: str) -> str:
        """Back to what was active before, at once; returns its SHA-256, empty for the recipe's own model.

        Raises:
            RegistryError: nothing was released that could be taken back.
        """
        with self.store.writing() as db:
            stack, now_ns = registry.active_stack(db, self.product), time.time_ns()
            if not stack:
                raise RegistryError(f"the recipe's own model judges {self.product!r}, and nothing came before it; there is no way back")
            back = stack[-2] if len(stack) > 1 else ""
            words = f"back to {back[:16] or 'the model of the recipe'}: {reason}"
            self.change(db, stack[-1], "rollback", by, words, now_ns, self._signed("rollback", back, by, now_ns))
            if back:
                self.change(db, back, "restore", by, reason, now_ns)
        self.point()
        return back

    def retire(self, model: str, by: Person, reason: str) -> State:
        """It will not judge any more; its images of disagreements may be deleted again.

        Raises:
            RegistryError: it is active: release another, or roll back.
        """
        with self.store.writing() as db:
            sha256, now_ns = registry.find(db, model).sha256, time.time_ns()
            state = self.change(db, sha256, "retire", by, reason, now_ns)
            self._let_go(db, sha256, by, now_ns)
        return state

    def score(self, db: sqlite3.Connection, sha256: str) -> Score:
        """Who of the two was right, under the present recipe and beside the present active model."""
        return shadow_results.score(shadow_results.said(db, sha256, self.loaded.hash, self.present(db)))

    def present(self, db: sqlite3.Connection) -> str:
        """SHA-256 of the model that is to judge now: the active one, or the recipe's own.

        Raises:
            ModelError: that cannot be read.
        """
        return registry.in_state(db, self.product, "active") or file_hash(self.loaded.model_file)

    def _facts(self, db: sqlite3.Connection, sha256: str, releaser: Person) -> Facts:
        score, proposed = self.score(db, sha256), registry.proposal(db, self.product, sha256)
        row = registry.find(db, sha256)
        return Facts(
            sha256=sha256,
            parity=registry.document(db, sha256, self.product, "parity"),
            evaluation=registry.document(db, sha256, self.product, "evaluation"),
            shadow_parts=shadow_results.parts(db, sha256, self.loaded.hash, self.present(db)),
            min_shadow_parts=self.config.registry.min_shadow_parts,
            new_escapes=score.new_escapes,
            passes=score.passes,
            passes_reviewed=score.passes_reviewed,
            min_reviews=self.config.registry.min_reviews,
            proposer=proposed.who if proposed is not None else "",
            releaser=releaser.who,
            proposer_key=proposed.key if proposed is not None else "none",
            releaser_key=releaser.key,
            signing=bool(self.config.keys.signers),
            unsigned=self._unsigned(row),
        )

    def _unsigned(self, row: ModelRow) -> str:
        path = model_path(self.folder, row.sha256)
        try:
            if file_hash(path) != row.sha256:
                return f"{path}: is not the file that was registered; register the original again"
            if self.config.keys.signers:
                check_model(path, row.sha256, parse_card(json.dumps(row.card), path), Path(self.config.keys.signers))
        except GutteilError as error:
            return str(error)
        return ""

    def _let_go(self, db: sqlite3.Connection, sha256: str, by: Person, now_ns: int) -> None:
        """The question of its disagreements is settled: their images may be deleted like others."""
        for hold in holds.holds(db):
            if hold.reason == shadow_results.hold_reason(sha256):
                holds.release(db, hold.part_id, by.who, "the model was released or retired", now_ns + 1, hold.number)

    def _signed(self, event: Said, sha256: str, by: Person, now_ns: int) -> str:
        if by.pair is None:
            return ""
        statement = Statement(event=event, product=self.product, sha256=sha256, who=by.who, wall_ns=now_ns)
        return sign(by.pair, "statement", statement.signed())

    def change(self, db: sqlite3.Connection, sha256: str, event: Event, by: Person, reason: str, now_ns: int, signature: str = "") -> State:
        state = registry.change(db, self.product, sha256, event, by.who, reason[:400], now_ns, by.key, signature)
        self._audit(db, f"model-{event}", by, f"{self.product}, {sha256}: {reason}"[:400], now_ns)
        return state

    def _audit(self, db: sqlite3.Connection, op: str, by: Person, text: str, now_ns: int, *, accepted: bool = True) -> None:
        number = db.execute("SELECT count(*) FROM audit WHERE epoch = ?", (now_ns,)).fetchone()[0] + 1
        simulated = self.config.camera.backend == "simulator"
        append(db, (now_ns, self.config.name, "command", now_ns, number, op, by.who, by.key, accepted, text, simulated))

    def point(self) -> str | None:
        """Write the pointer file as the rows say; returns the model it names, empty for the recipe's own, None where nothing was released.

        Raises:
            RegistryError: it cannot be written.
        """
        with self.store.reading() as db:
            pointer = registry.pointer_for(db, self.product)
        if pointer is None:
            return None
        try:
            write_pointer(self.folder, pointer)
        except OSError as error:
            raise RegistryError(
                f"it is recorded, but the station was not told ({self.folder / FOLDER}: {error.strerror}); make room and rights there, "
                "then: gutteil models point"
            ) from error
        return pointer.sha256


def file_hash(path: Path) -> str:
    """SHA-256 of a model file. Raises ModelError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); copy it there again, or register it again") from error
