"""The registry as the pages use it: each question and each order in a thread, over the record of this station."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from dashboard.desk import Desk
from edge import registry as rows
from edge import shadow_results
from edge.activation import Person, Registry
from edge.errors import RegistryError
from edge.gate import Facts, unmet
from edge.models_command import list_document, model_document
from edge.recipe import load_recipe
from edge.shadow_results import Disagreement, Score

T = TypeVar("T")
MAX_LISTED = 200
# in the order in which they are met; each is the beginning of what `edge.gate.unmet` says
CONDITIONS = ("parity", "evaluation", "shadow", "reviews", "escapes", "signature", "two people")


class Candidate(msgspec.Struct, frozen=True):
    """The model in shadow.

    Attributes:
        reviewed, to_review: parts that it would pass and the active model does not.
        missing: what the gate still misses, by condition, in the words of `edge.gate`.
        proposer: who has proposed it; empty: nobody.
    """

    sha256: str
    name: str
    parts: int
    min_parts: int
    skipped: int
    differ: int
    right: int
    wrong: int
    unreviewed: int
    new_escapes: tuple[str, ...]
    new_catches: tuple[str, ...]
    reviewed: int
    to_review: int
    missing: dict[str, str]
    proposer: str


class Shelf:
    """Questions and orders. Every method raises StoreError, SettingsError or RegistryError in words for people."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def signing(self) -> bool:
        """Whether orders need a person's own signing key, which no browser has."""
        return bool(self._desk.config.keys.signers)

    def products(self) -> list[str]:
        """Every product of the settings, that of the first recipe first."""
        config = self._desk.config
        return list(dict.fromkeys(load_recipe(Path(file)).recipe.product for file in (config.recipe, *config.recipes.values())))

    async def read(self, question: Callable[[Registry], T], product: str = "") -> T:
        """Ask the registry of a product."""
        return await self._desk.record.ask(lambda store: question(Registry(store, self._desk.config, product)))

    async def change(self, order: Callable[[Registry], T], product: str = "") -> T:
        """Give an order.

        Raises:
            RegistryError: it is refused, or orders have to be signed.
        """
        if self.signing:
            raise RegistryError(
                "keys.signers is set: orders are signed with a person's own key; give them with: gutteil models … --key FILE"
            )
        return await self._desk.record.change(lambda store: order(Registry(store, self._desk.config, product)))


def overview(registry: Registry) -> tuple[dict[str, Any], Candidate | None, dict[str, dict[str, Any] | None]]:
    """Every model of the product, the one in shadow, and the evaluations by SHA-256."""
    document = list_document(registry)
    with registry.store.reading() as db:
        evaluations = {m["sha256"]: rows.document(db, m["sha256"], registry.product, "evaluation") for m in document["models"]}
    shadow = next((m for m in document["models"] if m["state"] == "shadow"), None)
    return document, _candidate(registry, shadow) if shadow is not None else None, evaluations


def _candidate(registry: Registry, model: dict[str, Any]) -> Candidate:
    facts: Facts = registry.facts(model["sha256"])
    with registry.store.reading() as db:
        score: Score = registry.score(db, model["sha256"])
    missing = {line.partition(":")[0]: line.partition(": ")[2] for line in unmet(facts)}
    return Candidate(
        sha256=model["sha256"],
        name=model["name"],
        parts=facts.shadow_parts,
        min_parts=facts.min_shadow_parts,
        skipped=sum(model["shadow"][n] for n in ("busy", "gone", "missed")),
        differ=score.differ,
        right=score.candidate,
        wrong=score.active,
        unreviewed=score.open,
        new_escapes=score.new_escapes,
        new_catches=score.new_catches,
        reviewed=facts.passes_reviewed,
        to_review=min(facts.min_reviews, facts.passes),
        missing=missing,
        proposer=facts.proposer,
    )


def details(registry: Registry, model: str) -> dict[str, Any]:
    """All that is known of one model."""
    return model_document(registry, model)


def differing(registry: Registry, model: str) -> tuple[list[Disagreement], Score]:
    """The newest parts on which a model differs from the present one."""
    with registry.store.reading() as db:
        sha256 = rows.find(db, model).sha256
        found = shadow_results.disagreements(db, sha256, registry.loaded.hash, registry.present(db), MAX_LISTED)
        return found, registry.score(db, sha256)


def as_person(name: str) -> Person:
    """Somebody logged in, as the registry knows people."""
    return Person(name)
