"""Drafts of recipes: what somebody is still writing, one file per recipe and person in the record's folder.

A draft is no evidence and may be half done: it is kept outside the record's rows, and whoever else works on the same recipe sees that.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from edge.errors import RecipeError
from edge.places import file_name
from edge.recipe_active import FOLDER
from edge.whole import write_whole

MAX_BYTES = 500_000


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody is writing.

    Attributes:
        base: hash of the version it began from.
        data: the recipe's keys and values, perhaps not valid yet.
        saved_ns: UTC.
    """

    recipe: Annotated[str, Meta(min_length=1, max_length=255)]
    who: Annotated[str, Meta(min_length=1, max_length=200)]
    base: Annotated[str, Meta(max_length=64)]
    data: dict[str, Any]
    note: Annotated[str, Meta(max_length=200)] = ""
    saved_ns: int = 0


class Drafts:
    """All drafts of one station."""

    def __init__(self, record_folder: Path) -> None:
        self._folder = record_folder / FOLDER / "drafts"

    def save(self, draft: Draft) -> Draft:
        """Keep it; returns it with its time.

        Raises:
            RecipeError: it is too large, or cannot be written.
        """
        kept = msgspec.structs.replace(draft, saved_ns=time.time_ns())
        data = msgspec.json.encode(kept)
        if len(data) > MAX_BYTES:
            raise RecipeError(f"the draft has {len(data)} bytes; at most {MAX_BYTES} are kept: remove ignored zones or classes")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._path(draft.recipe, draft.who), data)
        except OSError as error:
            raise RecipeError(f"{self._folder}: the draft cannot be kept ({error.strerror}); make room and rights there") from error
        return kept

    def find(self, recipe: str, who: str) -> Draft | None:
        """Somebody's draft; one that cannot be read counts as none."""
        found = _read(self._path(recipe, who))
        return found if found is not None and (found.recipe, found.who) == (recipe, who) else None

    def of(self, recipe: str) -> list[Draft]:
        """Everybody's drafts of a recipe, newest first."""
        found = [d for path in self._folder.glob(f"{file_name(recipe)}@*.json") if (d := _read(path)) is not None and d.recipe == recipe]
        return sorted(found, key=lambda d: -d.saved_ns)

    def discard(self, recipe: str, who: str) -> None:
        """Forget a draft; none is fine too."""
        with contextlib.suppress(OSError):
            self._path(recipe, who).unlink()

    def _path(self, recipe: str, who: str) -> Path:
        return self._folder / f"{file_name(recipe)}@{file_name(who)}.json"


def _read(path: Path) -> Draft | None:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MAX_BYTES + 1), type=Draft)
    except (OSError, ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None
