"""`gutteil reconcile`: the books of every run or shift, and who does not fit."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edge.config import Station, load
from edge.errors import SettingsError
from edge.shifts import shifts_between
from edge.store import FILE_NAME, Store, open_store

_EVER = (0, 2**62)


def books(config: Path | None, folder: Path | None, by: str, since: str, until: str) -> dict[str, Any]:
    """The books.

    Args:
        by: `run`, `shift` or `all`.
        since, until: ISO 8601 in local time, '' for no bound.

    Returns:
        `closes` (all of them do) and `books`: each with its name and the counts of `edge.reconcile.Reconciliation`.

    Raises:
        SettingsError: an unknown `by` or a moment that is none.
        StoreError: there is no record.
    """
    if by not in ("run", "shift", "all"):
        raise SettingsError(f"--by {by}: is none of run, shift, all")
    station = load(config) if config is not None else Station()
    span = (_moment("since", since, _EVER[0]), _moment("until", until, _EVER[1]))
    with open_store((folder or Path(station.record.folder)) / FILE_NAME, read_only=True) as store:
        rows = [
            {"name": name, **store.reconcile(run_id, None if part == _EVER else part).as_dict()}
            for name, run_id, part in _parts(store, station.shifts.begin, by, span)
        ]
        whole = store.reconcile(None, None if span == _EVER else span)
    if not whole.closes and all(row["closes"] for row in rows):  # what is missing may belong to no run, or to none that is known
        rows.append({"name": f"what is in no {by}", **whole.as_dict()})
    return {"closes": all(row["closes"] for row in rows), "by": by, "books": rows}


def _parts(store: Store, begin: list[str], by: str, span: tuple[int, int]) -> list[tuple[str, str | None, tuple[int, int]]]:
    """What books are closed for: a name, a run or None, and a span."""
    period = store.period()
    if period is None:
        return []
    if by == "all":
        return [("everything", None, span)]
    if by == "run":
        return [(run_id, run_id, span) for run_id, first in store.runs() if span[0] <= first < span[1]]
    found: list[tuple[str, str | None, tuple[int, int]]] = []
    first, last = (_local(ns) for ns in (max(period[0], span[0]), min(period[1], span[1])))
    for start, end, number in shifts_between(first, last, begin):
        part = (max(_ns(start), span[0]), min(_ns(end), span[1]))
        found.append((f"{start:%Y-%m-%d} shift {number} ({start:%H:%M} to {end:%H:%M})", None, part))
    return found


def _moment(name: str, text: str, otherwise: int) -> int:
    if not text:
        return otherwise
    try:
        return _ns(datetime.fromisoformat(text))
    except ValueError as error:
        raise SettingsError(f"--{name} {text}: is no moment; write it as 2026-11-24T06:00") from error


def _ns(moment: datetime) -> int:
    """UTC ns; a moment without zone is local."""
    return int(moment.timestamp()) * 1_000_000_000


def _local(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC).astimezone().replace(tzinfo=None)


def show(document: dict[str, Any], console: Console) -> None:
    """For people."""
    table = Table(title="The books close" if document["closes"] else "The books DO NOT CLOSE")
    for column in (document["by"], "triggers", "OK", "NG", "UNDECIDED", "passed", "ejected", "missed", "closes"):
        table.add_column(column, justify="left" if column == document["by"] else "right", no_wrap=column == document["by"])
    for row in document["books"]:
        verdicts = row["verdicts"]
        counts = (row["triggers"], *verdicts.values(), row["passed"], row["ejected"], row["missed"])
        table.add_row(escape(row["name"]), *map(str, counts), "[green]yes[/]" if row["closes"] else "[bold red]no[/]")
    console.print(table)
    for row in document["books"]:
        if row["closes"]:
            continue
        console.print(f"[bold]{escape(row['name'])}[/]", highlight=False)
        for misfit in row["misfits"]:
            console.print(f"  {escape(misfit['part_id'])}: {escape(misfit['why'])}", highlight=False)
        for part_id in row["waiting"]:
            console.print(f"  {escape(part_id)}: no outcome: on its way to the ejector, or nobody heard what became of it", highlight=False)
        if row["messages_missed"]:
            console.print(f"  {row['messages_missed']} messages were missed on the bus", highlight=False)
