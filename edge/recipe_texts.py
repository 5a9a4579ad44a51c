"""The text of a recipe by its hash, for whoever looks back: a verdict says only the hash of what it was judged by."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

from edge.config import Station
from edge.errors import SettingsError
from edge.recipe_active import read_active
from edge.settings import read_bytes


def recipe_text(db: sqlite3.Connection, config: Station, sha256: str) -> tuple[bytes, Path] | None:
    """The text with this hash, and the file of the settings in whose folder its paths begin; None where it is nowhere.

    It is looked for where the station looks, in the active version and the file of the settings, and then in the record's versions:
    a version may have been displaced since it judged. What cannot be read is passed over: those who judge by it say so.
    """
    files = [Path(file) for file in dict.fromkeys((config.recipe, *config.recipes.values()))]
    for file in files:
        for text in (_active(config, file), _own(file)):
            if text is not None and hashlib.sha256(text).hexdigest() == sha256:
                return text, file
    for name, text in db.execute("SELECT recipe, text FROM recipe_versions WHERE sha256 = ?", (sha256,)).fetchall():
        for file in files:
            if file.stem == name:
                return text.encode(), file
    return None


def _active(config: Station, file: Path) -> bytes | None:
    try:
        active = read_active(Path(config.record.folder), file.stem)
    except SettingsError:
        return None
    return active.text.encode() if active is not None else None


def _own(file: Path) -> bytes | None:
    try:
        return read_bytes(file)
    except SettingsError:
        return None
