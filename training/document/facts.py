"""Everything a model's document says, gathered; what is not known is None and the document says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """A change of state: event, resulting state, who, why, when (UTC, ISO 8601), name of the signing key."""

    event: str
    state: str
    who: str
    reason: str
    at: str
    key: str


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long images are kept (days, GB at most), rows of the audit, why its chain does not hold ('' where it does), its newest hash."""

    days: float
    gb: float
    rows: int
    broken: str
    head: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one model under one product.

    Attributes:
        purpose, limits: in the words of whoever is responsible; '' where nobody has said.
        card: the model's card as a mapping.
        evaluation, parity: documents as `gutteil evaluate --json` and `gutteil export` write them.
        latency: ms by device.
        snapshot: manifest of the data set.
        rules: by class ng_score, undecided_score.
        shadow: parts judged and skipped, disagreements and who was right, as the registry counts them.
        system: versions of what runs it.
        keeping: retention and audit as they are.
        before: name and hash of the model that was active before.
    """

    product: str
    sha256: str
    card: dict[str, Any]
    state: str
    registered_by: str
    registered_at: str
    code: str
    made_at: str
    purpose: str = ""
    limits: str = ""
    evaluation: dict[str, Any] | None = None
    parity: dict[str, Any] | None = None
    latency: dict[str, Any] | None = None
    snapshot: dict[str, Any] | None = None
    recipe: str = ""
    rules: dict[str, tuple[float, float]] = field(default_factory=dict)
    shadow: dict[str, Any] | None = None
    changes: list[Change] = field(default_factory=list)
    system: dict[str, str] = field(default_factory=dict)
    keeping: Keeping | None = None
    before: str = ""
