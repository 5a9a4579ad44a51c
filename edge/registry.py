"""The rows of the registry: models, documents, states. Append only; the newest document and the newest state count.

As with holds (`edge.holds`) people write straight into the record, beside the recorder.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from typing import Any, Literal

import msgspec

from edge.errors import RegistryError
from edge.lifecycle import Event, State, activations, after
from edge.pointer import Pointer, Statement

Kind = Literal["parity", "evaluation", "recipe", "latency"]


class ModelRow(msgspec.Struct, frozen=True):
    """A model as it was registered first; `registered_at` is UTC, ISO 8601."""

    sha256: str
    name: str
    bytes: int
    card: dict[str, Any]
    data_hash: str
    licence: str
    code: str
    who: str
    registered_at: str


class StateRow(msgspec.Struct, frozen=True):
    """What became of a model under a product, and who made it so.

    Attributes:
        key: the name of the key that signed it, `none` without.
        signature: over the `edge.pointer.Statement` of a proposal, a release or a rollback; empty without key.
    """

    number: int
    product: str
    sha256: str
    event: Event
    state: State
    who: str
    reason: str
    key: str
    signature: str
    wall_ns: int
    changed_at: str


def add_model(db: sqlite3.Connection, sha256: str, size: int, card: dict[str, Any], code: str, who: str, now_ns: int) -> None:
    """Within the caller's transaction, which holds the write lock. A model that is known stays as it is."""
    if db.execute("SELECT 1 FROM models WHERE sha256 = ?", (sha256,)).fetchone() is None:
        row = (sha256, card["name"], size, json.dumps(card, ensure_ascii=False), card["data_hash"], card["licence"], code, who, now_ns)
        columns = "sha256, name, bytes, card, data_hash, licence, code, who, wall_ns"
        db.execute(f"INSERT INTO models ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def models(db: sqlite3.Connection) -> list[ModelRow]:
    """All of them, oldest first."""
    names = ", ".join(ModelRow.__struct_fields__)
    rows = db.execute(f"SELECT {names} FROM models ORDER BY wall_ns, sha256").fetchall()
    return [ModelRow(**dict(zip(ModelRow.__struct_fields__, row, strict=True)) | {"card": json.loads(row[3])}) for row in rows]


def find(db: sqlite3.Connection, text: str) -> ModelRow:
    """The model whose SHA-256 begins so, or that is called so.

    Raises:
        RegistryError: none, or several.
    """
    found = [m for m in models(db) if text and (m.sha256.startswith(text.lower()) or m.name == text)]
    if len(found) != 1:
        listed = ", ".join(f"{m.sha256[:12]} {m.name}" for m in found or models(db))
        what = "several models are" if found else "no model is"
        raise RegistryError(f"{what} called {text!r}, by SHA-256 or name; there are: {listed or 'none; see: gutteil models register'}")
    return found[0]


def add_document(db: sqlite3.Connection, sha256: str, product: str, kind: Kind, document: Any, who: str, now_ns: int) -> str:
    """As `add_model`; returns the document's SHA-256, for the audit."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    columns = "number, sha256, product, kind, document, document_sha256, who, wall_ns"
    row = (_next(db, "model_documents"), sha256, product, kind, text, digest, who, now_ns)
    db.execute(f"INSERT INTO model_documents ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    return digest


def document(db: sqlite3.Connection, sha256: str, product: str, kind: Kind) -> dict[str, Any] | None:
    """The newest document of a kind, None where there is none.

    Raises:
        RegistryError: it is not what was put there.
    """
    row = db.execute(
        "SELECT document, document_sha256 FROM model_documents WHERE sha256 = ? AND product = ? AND kind = ? ORDER BY number DESC LIMIT 1",
        (sha256, product, kind),
    ).fetchone()
    if row is None:
        return None
    if hashlib.sha256(row[0].encode("utf-8", "surrogatepass")).hexdigest() != row[1]:
        raise RegistryError(f"the {kind} document of {sha256[:12]} is not what was registered; register the model again with it")
    found: dict[str, Any] = json.loads(row[0])
    return found


def change(
    db: sqlite3.Connection,
    product: str,
    sha256: str,
    event: Event,
    who: str,
    reason: str,
    now_ns: int,
    key: str = "none",
    signature: str = "",
) -> State:
    """What an event makes of a model; within the caller's transaction, which holds the write lock.

    Raises:
        RegistryError: the event is not possible in its state.
    """
    state = after(state_of(db, product, sha256), event)
    columns = "number, product, sha256, event, state, who, reason, key, signature, wall_ns"
    row = (_next(db, "model_states"), product, sha256, event, state, who, reason, key, signature, now_ns)
    db.execute(f"INSERT INTO model_states ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    return state


def history(db: sqlite3.Connection, product: str | None = None, sha256: str | None = None) -> list[StateRow]:
    """Every change of state, oldest first; of a product, of a model, or all."""
    names = ", ".join(StateRow.__struct_fields__)
    where = "(? IS NULL OR product = ?) AND (? IS NULL OR sha256 = ?)"
    rows = db.execute(f"SELECT {names} FROM model_states WHERE {where} ORDER BY number", (product, product, sha256, sha256))
    return [StateRow(*row) for row in rows]


def state_of(db: sqlite3.Connection, product: str, sha256: str) -> State | None:
    """None: not known under this product."""
    rows = history(db, product, sha256)
    return rows[-1].state if rows else None


def states(db: sqlite3.Connection, product: str | None = None) -> dict[tuple[str, str], State]:
    """The present state by (product, model)."""
    return {(row.product, row.sha256): row.state for row in history(db, product)}


def in_state(db: sqlite3.Connection, product: str, state: State) -> str:
    """The model of a product that is in this state (active, shadow: at most one), or empty."""
    return next((sha256 for (_, sha256), now in states(db, product).items() if now == state), "")


def active_stack(db: sqlite3.Connection, product: str) -> list[str]:
    """See `edge.lifecycle.activations`."""
    return activations((row.event, row.sha256) for row in history(db, product))


def last(db: sqlite3.Connection, product: str, sha256: str, event: Event) -> StateRow | None:
    """The newest event of a kind of a model."""
    return next((row for row in reversed(history(db, product, sha256)) if row.event == event), None)


def proposal(db: sqlite3.Connection, product: str, sha256: str) -> StateRow | None:
    """Who proposes a model in shadow now: a proposal from before it was registered again does not count."""
    found = None
    for row in history(db, product, sha256):
        found = row if row.event == "propose" else None if row.event in ("register", "shadow") else found
    return found


def pointer_for(db: sqlite3.Connection, product: str) -> Pointer | None:
    """What the rows say the pointer file must hold; None: no model was ever released for this product."""
    decided = [row for row in history(db, product) if row.event in ("release", "rollback")]
    if not decided:
        return None
    stack = ["", *active_stack(db, product)]
    sha256, statements = stack[-1], []
    if sha256:
        release = last(db, product, sha256, "release")
        proposed = [r for r in history(db, product, sha256) if r.event == "propose" and release is not None and r.number < release.number]
        statements = [_statement(row, sha256) for row in (*proposed[-1:], release) if row is not None]
    if decided[-1].event == "rollback":
        statements.append(_statement(decided[-1], sha256))
    return Pointer(product=product, sha256=sha256, previous=stack[-2] if len(stack) > 1 else None, statements=statements)


def _statement(row: StateRow, sha256: str) -> Statement:
    # a rollback is a row of the model taken back, and says which one comes back instead
    return Statement(
        event=row.event,  # type: ignore[arg-type]
        product=row.product,
        sha256=sha256,
        who=row.who,
        wall_ns=row.wall_ns,
        signature=row.signature,
    )


def _next(db: sqlite3.Connection, table: Literal["model_documents", "model_states"]) -> int:
    return int(db.execute(f"SELECT coalesce(max(number), 0) + 1 FROM {table}").fetchone()[0])
