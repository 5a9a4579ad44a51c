"""Leaks: what a model has been trained on and is then judged by. Boards, parts and lots on both sides, and images that are there twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TaskID

from edge.errors import SettingsError
from training.datasets.duplicates import search
from training.datasets.formats import coco
from training.datasets.found import Found, Source
from training.datasets.looks import Looks, look_at_file, open_looks

_KEYS = ("part", "board", "lot")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Leak:
    """Two images in different splits that must not be: by a common key, or as duplicates."""

    first: str
    second: str
    why: str


@dataclass(slots=True)
class Leaks:
    """All leaks, and the images that could not be looked at (and are thus not known to be free of them)."""

    leaks: list[Leak] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def leaks(*files: Path | None, cache: Path | None = None, progress: Callable[[str, int, int], None] = lambda what, done, of: None) -> Leaks:
    """Leaks between COCO files, each a split; None stands for a split that there is not.

    Args:
        cache: SQLite file that remembers what images look like; None: in memory.

    Raises:
        SettingsError: not a COCO file, or the cache cannot be used.
    """
    found = Leaks()
    entries: list[tuple[int, Found]] = []
    labels = [f.stem if [g.name for g in files if g].count(f.name) < 2 else f"{f.parent.name}/{f.stem}" for f in files if f is not None]
    for n, file in enumerate(f for f in files if f is not None):
        for item in coco.read(Source(file)):
            if isinstance(item, Found):
                entries.append((n, item))
            else:
                found.unread.append(f"{labels[n]}: {item.name}: {item.reason}")
    names = [f"{labels[n]}: {item.name}" for n, item in entries]
    _by_key(entries, labels, found)
    looks = open_looks(cache)
    try:
        _look_at_all(entries, names, looks, found, progress)
        _by_looks(entries, names, looks, found, progress)
    finally:
        looks.db.close()
    return found


def _by_key(entries: list[tuple[int, Found]], labels: list[str], found: Leaks) -> None:
    for key in _KEYS:
        first: dict[str, tuple[int, str]] = {}
        told: set[tuple[str, int]] = set()
        for n, item in entries:
            value = item.keys.get(key, "")
            if not value:
                continue
            other, name = first.setdefault(value, (n, item.name))
            if other != n and (value, n) not in told:
                told.add((value, n))
                found.leaks.append(Leak(f"{labels[other]}: {name}", f"{labels[n]}: {item.name}", f"{key} {value!r} is in both"))


def _look_at_all(
    entries: list[tuple[int, Found]], names: list[str], looks: Looks, found: Leaks, progress: Callable[[str, int, int], None]
) -> None:
    def unknown(place: int) -> bool:
        try:
            return looks.known(entries[place][1].file) is None
        except OSError:
            return True

    todo = [place for place in range(len(entries)) if unknown(place)]
    done = 0
    with ThreadPoolExecutor(2) as pool:
        rest = iter(todo)
        while batch := list(islice(rest, 64)):
            futures = [(p, pool.submit(look_at_file, entries[p][1].file, entries[p][1].root)) for p in batch]
            looks.db.execute("BEGIN")
            for place, future in futures:
                try:
                    sha256, width, height, look = future.result()
                    looks.remember(entries[place][1].file, sha256, width, height, look)
                except ValueError as error:
                    found.unread.append(f"{names[place]}: {error}")
            looks.db.execute("COMMIT")
            done += len(batch)
            progress("looking", done, len(todo))


def _by_looks(
    entries: list[tuple[int, Found]], names: list[str], looks: Looks, found: Leaks, progress: Callable[[str, int, int], None]
) -> None:
    places, files, hashes = [], [], []
    for place, (_, item) in enumerate(entries):
        try:
            known = looks.known(item.file)
        except OSError:
            continue  # told above
        if known is not None:
            places.append(place)
            files.append(known.sha256)
            hashes.append(known.phash)
    side = np.array([entries[p][0] for p in places], np.int64)

    def across(i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray(side[i] != side[j], np.bool_)

    result = search(
        files,
        np.array(hashes, np.uint64),
        lambda n: looks.small(files[n]),
        allowed=across,
        progress=lambda d, of: progress("comparing", d, of),
    )
    for twin in result.twins:
        why = (
            "the same file"
            if twin.exact
            else f"near duplicates (alike {twin.likeness:.2f}; from {result.threshold:.2f} on counts in this set)"
        )
        found.leaks.append(Leak(names[places[twin.first]], names[places[twin.second]], why))


def check_leaks(*files: Path | None, allowed: bool, cache: Path | None, console: Console) -> Leaks:
    """As `leaks`, for who must not go on with one unless told to.

    Raises:
        SettingsError: there are leaks and none is allowed; names the first ones and what to do.
    """
    with Progress(console=console, transient=True) as shown:
        tasks: dict[str, TaskID] = {}

        def progress(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = shown.add_task(f"{what} for leaks between the splits", total=of)
            shown.update(tasks[what], completed=done)

        found = leaks(*files, cache=cache, progress=progress)
    for one in found.unread[:_SHOWN]:
        console.print(f"not looked at for leaks: {escape(one)}", highlight=False, soft_wrap=True)
    if found.leaks:
        lines = [f"  {leak.first} and {leak.second}: {leak.why}" for leak in found.leaks[:_SHOWN]]
        more = f"\n  … and {len(found.leaks) - _SHOWN} more" if len(found.leaks) > _SHOWN else ""
        text = f"the splits leak {len(found.leaks)} times, so that figures flatter:\n" + "\n".join(lines) + more
        if not allowed:
            raise SettingsError(f"{text}\ndivide by part, board or lot (gutteil data split), or go on all the same with --allow-leaks")
        console.print(escape(text), highlight=False, soft_wrap=True)
    return found
