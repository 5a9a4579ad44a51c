"""Scores written into a recipe's file: everything else in it, comments too, stays as it was."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable

from edge.errors import SettingsError, reason
from edge.judge import Judge
from edge.recipe import Recipe, Rule, load_recipe
from training.predict import digest_of

SCORES = ("undecided_score", "ng_score")


def write_scores(path: Path, judge: Judge, new: Recipe, names: list[str], note: str) -> None:
    """Put the scores of `new` into the recipe at `path`.

    A file that is not there yet is made from the recipe that was used. The result is read back as the line would before it takes
    the file's place.

    Args:
        note: one line that says where the scores come from; it becomes a comment.

    Raises:
        SettingsError: the file is another product's or model's recipe, or cannot be written.
    """
    try:
        text = path.read_text("utf-8") if path.exists() else ""
        document = tomlkit.parse(text) if text else _fresh(path, judge)
        before = load_recipe(path) if text else None
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise SettingsError(f"--write {path}: cannot be read: {reason(error)}; mend it, or name a new file") from error
    if before is not None and digest_of(before.model_file) != judge.model.file_hash:
        raise SettingsError(
            f"--write {path}: its model.file = {before.recipe.model.file!r} is not the model that was evaluated ({judge.model.path}); "
            "scores of one model mean nothing to another"
        )
    note = "".join(c if c.isprintable() else " " for c in note)
    old = before.recipe if before is not None else judge.recipe
    _set(document, "default", old.default, _scored(old.default, new.default), note)
    for name in names:
        if name in new.classes or name in old.classes:
            classes = document.setdefault("classes", tomlkit.table(is_super_table=True))
            _set(classes, name, old.classes.get(name, Rule()), _scored(old.rule(name), new.rule(name)), "")
    _replace(path, tomlkit.dumps(document))


def _scored(old: Rule, new: Rule) -> Rule:
    """What the file's recipe asks, with the new scores."""
    return old.model_copy(update={"ng_score": new.ng_score, "undecided_score": new.undecided_score})


def _set(parent: Any, key: str, before: Rule, after: Rule, note: str) -> None:
    """Write what differs from the rule that the table gave before; both scores always.

    A comment that explained the old score would lie now: the note, or nothing, takes its place.
    """
    table = parent.setdefault(key, tomlkit.table())
    for field in Rule.model_fields:
        value = getattr(after, field)
        if field in SCORES or value != getattr(before, field):
            table[field] = value
        if field in SCORES and not isinstance(table, InlineTable):
            table[field].trivia.comment_ws, table[field].trivia.comment = ("  ", f"# {note}") if note else ("", "")


def _fresh(path: Path, judge: Judge) -> tomlkit.TOMLDocument:
    """The recipe that was used, its files named from the new place."""
    recipe, loaded = judge.recipe, judge.loaded
    plain = recipe.model_dump(exclude_defaults=True, exclude_none=True)
    plain["product"] = recipe.product
    plain["model"] = {"file": os.path.relpath(judge.model.path.resolve(), path.resolve().parent), "sha256": judge.model.file_hash}
    if loaded.reference_file is not None:
        plain["reference"]["file"] = os.path.relpath(loaded.reference_file, path.resolve().parent)
    document = tomlkit.document()
    document.update(plain)
    return document


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.resolve().parent, prefix=f".{path.stem}-", suffix=".toml")
    made = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        load_recipe(made)
        made.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)
