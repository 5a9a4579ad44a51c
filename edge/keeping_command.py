"""`gutteil hold`, `release`, `holds`, `audit`: who forbids that an image is deleted, and who gave which order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edge.config import Station, load
from edge.errors import StoreError
from edge.store import FILE_NAME, Store, open_store

_THERE_IS = {
    "stored": "its image is kept",
    "sampled out": "it has no image: it was outside the sample of OK parts",
    "lost": "its image was lost",
    "expired": "its image had been deleted before",
    None: "it has no image",
}


def record_of(config: Path | None, folder: Path | None, *, beside: bool = False) -> Store:
    """The record of a station, to read or (`beside`) to put a hold into it.

    Raises:
        StoreError: as `edge.store.open_store`.
    """
    station = load(config) if config is not None else Station()
    path = (folder or Path(station.record.folder)) / FILE_NAME
    return open_store(path, beside=True) if beside else open_store(path, read_only=True)


def hold(store: Store, part_id: str, run: str, trigger: int | None, who: str, reason: str, console: Console) -> None:
    """Place a hold and say what there is left to hold."""
    done = store.hold(_part(store, part_id, run, trigger), who, reason)
    console.print(f"hold {done.number} on {escape(done.part_id)}: {_THERE_IS[done.evidence]}", highlight=False, soft_wrap=True)


def release(store: Store, part_id: str, run: str, trigger: int | None, who: str, reason: str, number: int | None, console: Console) -> None:
    """End a hold and say whether others remain."""
    done = store.release(_part(store, part_id, run, trigger), who, reason, number)
    left = len(store.holds(done.part_id))
    rest = f"{left} more hold it" if left else "its image is deleted when its time comes"
    console.print(
        f"hold {done.number} on {escape(done.part_id)} (by {escape(done.who)}: {escape(done.reason)}) has ended; {rest}",
        highlight=False,
        soft_wrap=True,
    )


def _part(store: Store, part_id: str, run: str, trigger: int | None) -> str:
    if bool(part_id) == (bool(run) and trigger is not None):
        raise StoreError("which part? give its PART_ID, or both --run and --trigger")
    return part_id or store.part_of(run, trigger or 0)


def show_holds(store: Store, ended: bool, console: Console) -> None:
    """For people."""
    table = Table(title="Parts on hold" if not ended else "Holds, also those that have ended")
    for name in ("hold", "part", "by", "reason", "since", "image", *(("released",) if ended else ())):
        table.add_column(name, overflow="fold")
    for h in store.holds(ended=ended):
        end = f"{h.released_at} by {h.released_by}: {h.release_reason}" if h.released_at else ""
        cells = (str(h.number), h.part_id, h.who, h.reason, h.held_at, h.evidence or "none", *((end,) if ended else ()))
        table.add_row(*map(escape, cells))
    console.print(table)


def as_rows(store: Store, ended: bool) -> list[dict[str, Any]]:
    """The holds, for JSON."""
    return [msgspec.structs.asdict(h) for h in store.holds(ended=ended)]


def audit(store: Store, last: int, expect: str) -> dict[str, Any]:
    """The last orders and whether the chain of all of them holds."""
    check = store.verify_audit(expect)
    return {"holds": check.holds, **msgspec.to_builtins(check), "orders": msgspec.to_builtins(store.audit(last))}


def show_audit(document: dict[str, Any], console: Console) -> None:
    """For people."""
    table = Table(title="Orders, newest first")
    for name in ("no", "at (UTC)", "order", "by", "key", "carried out", "text"):
        table.add_column(name, overflow="fold")
    for row in document["orders"]:
        done = "yes" if row["accepted"] else "no"
        table.add_row(*(escape(str(c)) for c in (row["number"], row["at"], row["op"], row["who"], row["key"], done, row["text"])))
    console.print(table)
    if document["holds"]:
        console.print(
            f"[green]The chain of {document['rows']} rows holds.[/] Its head: {document['head']}", highlight=False, soft_wrap=True
        )
    else:
        where = f" at row {document['broken']}" if document["broken"] is not None else ""
        console.print(f"[bold red]THE CHAIN IS BROKEN{where}[/]: {escape(document['why'])}", highlight=False, soft_wrap=True)
