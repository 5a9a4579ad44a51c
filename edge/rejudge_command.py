"""`gutteil rejudge`: replay the verdict of one part, or of every part of a span, with counts."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape

from edge.config import Station, load
from edge.errors import SettingsError
from edge.filters import EVER, Filters
from edge.rejudge import Rejudger, Replayed
from edge.store import FILE_NAME, open_store
from edge.takeout import rows_of

MAX_NAMED = 200
_WORDS = {
    "same": "[green]the same, byte for byte[/]",
    "close": "[yellow]the same verdict, figures differ a little[/]",
    "different": "[bold red]ANOTHER JUDGEMENT[/]",
    "impossible": "cannot be replayed",
}


def rejudge_one(config: Path | None, folder: Path | None, part_id: str) -> Replayed:
    """Replay one verdict.

    Raises:
        StoreError: no record, or no such part.
    """
    station = load(config) if config is not None else Station()
    path = (folder or Path(station.record.folder)) / FILE_NAME
    with open_store(path, read_only=True) as store, contextlib.closing(Rejudger(store, station, threads=0)) as rejudger:
        return rejudger.replay(part_id)


def rejudge_span(
    config: Path | None, folder: Path | None, since: str, until: str, most: int, progress: Callable[[int], None]
) -> dict[str, Any]:
    """Replay every verdict of a span whose picture is kept, oldest first.

    Args:
        since, until: ISO 8601 in local time, '' for no bound.
        most: stop after so many; 0: do not.

    Returns:
        How many were `same`, `close`, `different`, `impossible`; how often each cause was named; the parts judged otherwise.

    Raises:
        SettingsError: a moment that is none. StoreError: there is no record.
    """
    station = load(config) if config is not None else Station()
    path = (folder or Path(station.record.folder)) / FILE_NAME
    filters = Filters(since_ns=_moment("since", since, EVER[0]), until_ns=_moment("until", until, EVER[1]), image=True)
    results, causes = Counter[str](), Counter[str]()
    others: list[str] = []
    began = time.monotonic()
    with open_store(path, read_only=True) as store, contextlib.closing(Rejudger(store, station, threads=0)) as rejudger:
        for number, row in enumerate(rows_of(store, filters), 1):
            done = rejudger.replay(row.part_id)
            results[done.result] += 1
            causes.update(c.code for c in done.causes)
            if done.result == "different" and len(others) < MAX_NAMED:
                others.append(row.part_id)
            progress(number)
            if number == most:
                break
    counts = {name: results[name] for name in _WORDS}
    return {"parts": results.total(), **counts, "causes": dict(causes), "others": others, "seconds": round(time.monotonic() - began, 2)}


def _moment(name: str, text: str, otherwise: int) -> int:
    if not text:
        return otherwise
    try:
        return int(datetime.fromisoformat(text).timestamp()) * 10**9
    except (ValueError, OverflowError, OSError) as error:
        raise SettingsError(f"--{name} {text!r} is no moment; write it as 2026-11-24T06:00") from error


def show_one(done: Replayed, console: Console) -> None:
    """For people."""
    console.print(f"{escape(done.part_id)}: {_WORDS[done.result]}", highlight=False, soft_wrap=True)
    for cause in done.causes:
        console.print(f"  {escape(cause.text)}", highlight=False, soft_wrap=True)
    for when, said, sha256 in (("then", done.recorded, done.recorded_sha256), ("now", done.now, done.now_sha256)):
        if said is not None:
            defects = ", ".join(f"{d.kind} {d.score:.6f}" for d in said.defects) or "no defects"
            console.print(f"  {when:5}{said.verdict or 'no verdict'}: {escape(defects)}  ({sha256[:16]})", highlight=False, soft_wrap=True)
    if done.differences is not None:
        found = done.differences
        console.print(f"  largest difference: score {found.score:.3g}, box {found.box_px:.3g} px", highlight=False)


def show_span(document: dict[str, Any], console: Console) -> None:
    """For people."""
    for name, words in _WORDS.items():
        console.print(f"{document[name]:8}  {words}", highlight=False)
    for code, count in sorted(document["causes"].items()):
        console.print(f"{count:8}  because: {code.replace('_', ' ')}", highlight=False)
    for part_id in document["others"]:
        console.print(f"  {escape(part_id)}", highlight=False)
    console.print(f"{document['parts']} parts in {document['seconds']} s", highlight=False)


def as_document(done: Replayed) -> dict[str, Any]:
    """For JSON."""
    document: dict[str, Any] = msgspec.to_builtins(done)
    return document
