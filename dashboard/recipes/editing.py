"""What somebody is writing: a draft of a recipe, what is wrong with it, and what the last parts say to it. No page in here."""

from __future__ import annotations

import asyncio
import copy
from datetime import datetime
from pathlib import Path
from typing import Any

import tomli_w

from dashboard.desk import Desk
from edge.errors import RecipeError
from edge.recipe import Recipe
from edge.recipe_diff import Difference, differences
from edge.recipe_drafts import Draft, Drafts
from edge.recipe_library import Library, Shelf
from edge.settings import problems
from edge.shifts import shift_of
from edge.store import Store
from edge.whatif import Answer
from edge.whatif_record import Asked, asked

BARS = 50
Path_ = tuple[str | int, ...]


class Look:
    """A recipe of the settings with its versions, and the last parts it judged; as of when it was asked for."""

    def __init__(self, shelf: Shelf, parts: Asked, picture: tuple[str, int, int], marks: list[list[float]]) -> None:
        self.shelf, self.parts = shelf, parts
        self.picture, self.marks = picture, marks


async def look(desk: Desk, name: str) -> Look:
    """Ask the record.

    Raises:
        SettingsError, RecipeError, StoreError: there is no such recipe, or it cannot be read.
    """
    return await desk.record.ask(lambda store: _look(store, desk, name))


def _look(store: Store, desk: Desk, name: str) -> Look:
    library = Library(store, desk.config)
    shelf = library.shelf(name)
    known = {v.sha256: library.read(name, v.text).recipe for v in shelf.versions} | {shelf.present.hash: shelf.present.recipe}
    with store.reading() as db:
        parts = asked(db, name, known)
    shown = store.inspection(parts.picture) if parts.picture else None
    size = _png_size(store.folder / shown.image_path) if shown is not None and shown.image_path else None
    marks = [[d.x1, d.y1, d.x2, d.y2] for d in shown.defects[:20]] if shown is not None else []
    return Look(shelf, parts, (parts.picture, *size) if size else ("", 640, 640), marks)


def _png_size(path: Path) -> tuple[int, int] | None:
    """Width and height of a PNG in px, from its head."""
    try:
        with path.open("rb") as file:
            head = file.read(24)
    except OSError:
        return None
    if len(head) < 24 or head[:8] != b"\x89PNG\r\n\x1a\n":
        return None
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def shift_ns(desk: Desk) -> int:
    """When the present shift began, UTC."""
    begin, _ = shift_of(datetime.now().astimezone(), desk.config.shifts.begin)
    return int(begin.timestamp()) * 1_000_000_000


class Editing:
    """One person's draft.

    Attributes:
        data: keys and values as they stand, perhaps not valid.
        wrong: what is wrong, in words, by place (`("ejector", "lead_ms")`); empty: it is a recipe.
        recipe: the draft as a recipe; the last valid one while it is none.
        answer: what it would have changed on the last parts.
    """

    def __init__(self, desk: Desk, seen: Look, who: str, drafts: Drafts) -> None:
        self.desk, self.seen, self.who, self._drafts = desk, seen, who, drafts
        self.name, self.present = seen.shelf.name, seen.shelf.present
        found = drafts.find(self.name, who)
        self.data: dict[str, Any] = copy.deepcopy(found.data) if found else _data(self.present.recipe)
        self.note = found.note if found else ""
        self.base = found.base if found else self.present.hash
        self.saved_ns = found.saved_ns if found else 0
        self.recipe, self.wrong = self.present.recipe, dict[Path_, str]()
        self.answer = Answer()
        self.check()

    @property
    def classes(self) -> list[str]:
        """Of the model that judges; before the first part those that have rules."""
        return self.seen.parts.corpus.classes or sorted(self.recipe.classes)

    @property
    def outdated(self) -> bool:
        """Whether another version has become active since the draft was begun."""
        return self.base != self.present.hash

    def get(self, *path: str) -> Any:
        """A value of the draft; None where it is not set."""
        at: Any = self.data
        for step in path:
            at = at.get(step) if isinstance(at, dict) else None
        return at

    def set(self, value: Any, *path: str) -> None:
        """Change a value; None takes the key out."""
        at = self.data
        for step in path[:-1]:
            at = at.setdefault(step, {})
        if value is None:
            at.pop(path[-1], None)
        else:
            at[path[-1]] = value
        self.check()

    def check(self) -> None:
        """See what is wrong."""
        found, self.wrong = problems(self.data, Recipe)
        if found is not None:
            self.recipe = found
        limits = self.seen.picture
        roi = self.recipe.region.roi
        if limits[0] and roi is not None and (roi[2] > limits[1] or roi[3] > limits[2]):
            self.wrong[("region", "roi")] = (
                f"region.roi = {list(roi)}: reaches beyond the picture of {limits[1]}x{limits[2]} px; make it smaller"
            )

    async def ask(self) -> Answer:
        """What the draft would have changed, against what is active."""
        recipe = self.recipe
        self.answer = await asyncio.to_thread(self.seen.parts.corpus.ask, self.present.recipe, recipe, shift_ns(self.desk))
        return self.answer

    def differences(self) -> list[Difference]:
        return differences(self.present.recipe, self.recipe)

    async def save(self) -> None:
        """Keep the draft. Raises RecipeError: it cannot be kept."""
        draft = Draft(recipe=self.name, who=self.who, base=self.base, data=self.data, note=self.note[:200])
        self.saved_ns = (await asyncio.to_thread(self._drafts.save, draft)).saved_ns

    async def others(self) -> list[Draft]:
        """Drafts of other people of the same recipe, newest first."""
        return [d for d in await asyncio.to_thread(self._drafts.of, self.name) if d.who != self.who]

    async def discard(self) -> None:
        """Begin anew from what is active."""
        await asyncio.to_thread(self._drafts.discard, self.name, self.who)

    def text(self) -> str:
        """The draft as a recipe's file.

        Raises:
            RecipeError: something is wrong with it still.
        """
        if self.wrong:
            raise RecipeError(next(iter(self.wrong.values())))
        return tomli_w.dumps(_data(self.recipe))

    def bars(self, kind: str) -> list[dict[str, int]]:
        """How often which score was seen for a class: of confirmed bad parts, confirmed good ones, and others."""
        out = [{"bad": 0, "good": 0, "other": 0} for _ in range(BARS)]
        corpus = self.seen.parts.corpus
        if kind not in corpus.classes:
            return out
        index = corpus.classes.index(kind)
        for part in corpus.parts:
            for score in part.scores[part.kinds == index].tolist():
                out[min(BARS - 1, int(score * BARS))][part.truth or "other"] += 1
        return out


def _data(recipe: Recipe) -> dict[str, Any]:
    return recipe.model_dump(mode="json", exclude_none=True)
