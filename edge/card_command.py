"""`gutteil card`: show or write the card of a model file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from edge.card import Card, with_card
from edge.card_rows import card_rows, show_fields
from edge.errors import ModelError, SettingsError
from edge.model import Model
from edge.recipe import Region


def show_card(path: Path) -> dict[str, Any]:
    """The card of a usable model, with its file's hash and what runs it.

    Raises:
        ModelError: the file is not a usable model.
    """
    model = Model(path)
    model.prepare_for(Region(), 0)  # one run: what the file leaves open must fit the card too
    return {
        "file": str(path),
        "sha256": model.file_hash,
        "provider": model.provider,
        "providers": model.report,
        "card": msgspec.to_builtins(model.card),
    }


def show_words(document: dict[str, Any]) -> None:
    """What `show_card` returns, for people."""
    facts = [(k, document[k]) for k in ("file", "sha256")] + [("runs on", document["provider"])]
    show_fields(facts + card_rows(document["card"]), Console())


def write_card(path: Path, fields: Path) -> dict[str, Any]:
    """Put a card into an ONNX file; the file is replaced only if the result is a usable model.

    Raises:
        SettingsError: the fields are wrong.
        ModelError: file and card do not fit.
    """
    try:
        card = msgspec.json.decode(fields.read_bytes(), type=Card)
    except OSError as error:
        raise SettingsError(f"{fields}: cannot be read ({error.strerror}); check the path") from error
    except (msgspec.MsgspecError, ValueError) as error:  # damaged UTF-8 comes as a bare UnicodeDecodeError
        raise SettingsError(f"{fields}: {error}; docs/models.md explains every field") from error
    trial = path.with_name(path.name + ".new")
    try:
        trial.write_bytes(with_card(path.read_bytes(), card))
        shown = show_card(trial)
        os.replace(trial, path)
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}; check the path and its rights") from error
    finally:
        trial.unlink(missing_ok=True)
    return {**shown, "file": str(path)}
