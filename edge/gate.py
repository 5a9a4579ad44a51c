"""The gate before a model may judge parts: every condition, and for each that is not met a line with the next step. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edge.pointer import same_person


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the gate looks at.

    Attributes:
        sha256: of the model that is to be released.
        parity, evaluation: its newest documents, None where there is none.
        shadow_parts: judged in shadow under the present recipe, beside the present active model.
        new_escapes: parts that a person called bad, that it calls OK and the active model did not.
        passes, passes_reviewed: parts that it calls OK and the active model did not; how many of them people have reviewed.
        proposer, releaser: names; empty where there is none yet.
        proposer_key, releaser_key: names of their keys, `none` without.
        signing: signatures are asked for.
        unsigned: what is wrong with the model's signature, empty if nothing is.
    """

    sha256: str
    parity: dict[str, Any] | None
    evaluation: dict[str, Any] | None
    shadow_parts: int
    min_shadow_parts: int
    new_escapes: tuple[str, ...]
    passes: int
    passes_reviewed: int
    min_reviews: int
    proposer: str
    releaser: str
    proposer_key: str = "none"
    releaser_key: str = "none"
    signing: bool = False
    unsigned: str = ""


def unmet(facts: Facts) -> list[str]:
    """The conditions that are not met, each in a line with the next step; empty: it may be released."""
    found = [*_documents(facts)]
    if facts.shadow_parts < facts.min_shadow_parts:
        found.append(
            f"shadow: {facts.shadow_parts} of {facts.min_shadow_parts} parts (registry.min_shadow_parts) judged under the present recipe "
            "beside the present model; let the shadow process run on"
        )
    needed = min(facts.min_reviews, facts.passes)
    if facts.passes_reviewed < needed:
        found.append(
            f"reviews: {facts.passes_reviewed} of {needed} parts (registry.min_reviews) that it would pass and the active model does not "
            "are reviewed; look at them: gutteil models disagreements --html FILE, and review them"
        )
    if facts.new_escapes:
        named = ", ".join(facts.new_escapes[:5]) + (" ..." if len(facts.new_escapes) > 5 else "")
        found.append(
            f"escapes: it would pass {len(facts.new_escapes)} parts that people called bad and the active model rejects ({named}); "
            "train it on them and register the result"
        )
    if facts.unsigned:
        found.append(f"signature: {facts.unsigned}")
    return found + _people(facts)


def _documents(facts: Facts) -> list[str]:
    found = []
    for kind, document in (("parity", facts.parity), ("evaluation", facts.evaluation)):
        again = f"register it again with --{kind} FILE"
        if document is None:
            found.append(f"{kind}: there is no document; {again}")
        elif document.get("model_sha256") != facts.sha256:
            found.append(f"{kind}: the document is of another file ({str(document.get('model_sha256'))[:12]}...); {again}")
        elif kind == "parity" and document.get("passed") is not True:
            found.append("parity: it was not passed: the exported file decides differently from the trained network; export it again")
    return found


def _people(facts: Facts) -> list[str]:
    if not facts.proposer:
        return ["two people: nobody has proposed it; somebody other than who releases: gutteil models propose"]
    if not facts.releaser:
        return []
    if same_person(facts.proposer, facts.releaser):
        return [f"two people: {facts.releaser} has proposed it and may not release it too; let somebody else do that"]
    if facts.signing and "none" in (facts.proposer_key, facts.releaser_key):
        return ["two people: keys.signers is set, and the proposal or the release is not signed; give both with --key"]
    if facts.signing and facts.proposer_key == facts.releaser_key:
        return [f"two people: the key {facts.releaser_key} has signed the proposal; let somebody else release it"]
    return []
