"""`gutteil bench --dashboard`: how long searches and statistics take over a record of millions of parts, and how much memory.

Each query is asked for many times with other parameters, in a process of its own that does nothing else, with a connection opened
anew each time, as a page's worker thread does. The operating system's cache is as warm as earlier queries have left it. CPU time
is given as well: on a machine that has other work it tells a slow query from one that had to wait.
"""

from __future__ import annotations

import multiprocessing
import random
import re
import sqlite3
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from edge.filters import Filters
from edge.made_record import DAY_NS, KINDS, MODELS, PEOPLE, SHIFTS, describe, make_record
from edge.replay import percentiles
from edge.review_queue import queue, waiting
from edge.search import Cursor, count, find, moment, neighbours, timeline
from edge.shifts import Calendar
from edge.statistics import by_group, chart, latency, pareto, quality_of, series, summary, usual
from edge.store import FILE_NAME, open_store

PAGE_MS: Final = 300.0
DAY_MS: Final = 200.0
YEAR_MS: Final = 2_000.0
MEMORY_MB: Final = 500.0
Query = Callable[[sqlite3.Connection, random.Random], object]


def bench_dashboard(folder: Path, *, parts: int, times: int, console: Console) -> dict[str, Any]:
    """Make the record, unless it is there already, and time the queries.

    Args:
        folder: of the record; kept.
        parts: about so many; a record that is there is used as it is.
        times: how often each query is asked.

    Raises:
        StoreError: the folder cannot be written, or the record is none of ours.
    """
    path = folder / FILE_NAME
    made_s = None
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        begin = time.monotonic()
        with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console) as bar:
            task = bar.add_task("parts", total=None)
            make_record(
                folder,
                parts,
                until_ns=time.time_ns(),
                told=lambda what, done, of: bar.update(task, description=what, completed=done, total=of),
            )
        made_s = round(time.monotonic() - begin, 1)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_measure, args=(path, times, theirs))
    process.start()
    found: dict[str, Any] = ours.recv()
    process.join()
    document = {"record": describe(path), "made_s": made_s, **found}
    return document | {"within": all(q["p95"] <= q["aim_ms"] for q in found["queries"].values()) and found["memory_mb"] <= MEMORY_MB}


def _measure(path: Path, times: int, pipe: Connection) -> None:
    before = _peak_mb()
    with open_store(path, read_only=True) as store:
        period = store.period() or (0, 1)
    found: dict[str, Any] = {}
    for name, (aim_ms, query) in _queries(period).items():
        rng = random.Random(name)
        taken, worked = [], []
        for _ in range(times):
            begin, cpu = time.perf_counter(), time.process_time()
            with open_store(path, read_only=True) as store, store.reading() as db:
                query(db, rng)
            taken.append((time.perf_counter() - begin) * 1e3)
            worked.append((time.process_time() - cpu) * 1e3)
        found[name] = {**percentiles(taken), "cpu": percentiles(worked), "aim_ms": aim_ms}
    peak = _peak_mb()
    pipe.send({"times": times, "queries": found, "memory_mb": round(peak, 1), "memory_before_mb": round(before, 1)})


def _peak_mb() -> float:
    """Largest resident size of this very program, MB. `getrusage` also counts the parent's, of which this process was a copy for a moment."""
    found = re.search(r"VmHWM:\s+([0-9]+) kB", Path("/proc/self/status").read_text("ascii"))
    return int(found[1]) / 1e3 if found else 0.0


def _queries(period: tuple[int, int]) -> dict[str, tuple[float, Query]]:
    """Name: what it may take at p95 in ms, and the query."""
    first, last = period
    calendar = Calendar(SHIFTS)

    def at(rng: random.Random) -> int:
        return rng.randrange(first, last)

    def page(**given: Any) -> tuple[float, Query]:
        return PAGE_MS, lambda db, rng: find(
            db, Filters(**{k: v(rng) if callable(v) else v for k, v in given.items()}), cursor=Cursor(at(rng))
        )

    def counted(**given: Any) -> tuple[float, Query]:
        return PAGE_MS, lambda db, rng: count(db, Filters(**{k: v(rng) if callable(v) else v for k, v in given.items()}))

    def part(db: sqlite3.Connection, rng: random.Random) -> str:
        return find(db, Filters(), cursor=Cursor(at(rng)), limit=1).rows[0].part_id

    def day(rng: random.Random) -> tuple[int, int]:
        return calendar.day(at(rng))[1:]

    def kind(rng: random.Random) -> str:
        return rng.choice(KINDS)

    def who(rng: random.Random) -> str:
        return rng.choice(PEOPLE)

    def recipe(rng: random.Random) -> str:
        return f"board-{rng.choice('ABCDE')}"

    def model(rng: random.Random) -> str:
        return rng.choice(MODELS)

    year = (last - 365 * DAY_NS, last)
    return {
        "page: all, newest": (PAGE_MS, lambda db, _: find(db, Filters())),
        "page: all, jump": page(),
        "page: NG": page(verdict="NG"),
        "page: no verdict": page(verdict="none"),
        "page: OK but ejected": page(verdict="OK", outcome="ejected"),
        "page: missed": page(outcome="missed"),
        "page: contradicted": page(contradicted=True),
        "page: class": page(kind=kind),
        "page: class, recipe": page(kind=kind, recipe=recipe),
        "page: class, reviewer": page(kind=kind, reviewer=who),
        "page: recipe": page(recipe=recipe),
        "page: model": page(model=model),
        "page: recipe, model, NG": page(recipe=recipe, model=model, verdict="NG"),
        "page: reviewer": page(reviewer=who),
        "page: reviewed bad": page(truth="bad"),
        "page: NG, not reviewed": page(verdict="NG", reviewed=False),
        "page: OK with image": page(verdict="OK", image=True),
        "page: nothing to find": page(verdict="OK", reviewer="nobody"),
        "page: unknown class": page(kind="unknown"),
        "page: prefix": (PAGE_MS, lambda db, rng: find(db, Filters(part=part(db, rng)[:9], prefix=True))),
        "page: id": (PAGE_MS, lambda db, rng: find(db, Filters(part=part(db, rng)))),
        "neighbours": (PAGE_MS, lambda db, rng: neighbours(db, part(db, rng))),
        "count: all": counted(),
        "count: NG of a recipe": counted(verdict="NG", recipe=recipe),
        "count: class": counted(kind=kind),
        "count: OK with image": counted(verdict="OK", image=True),
        "timeline: NG": (PAGE_MS, lambda db, _: timeline(db, Filters(verdict="NG"))),
        "scroll to a place": (PAGE_MS, lambda db, rng: find(db, Filters(), cursor=moment(db, Filters(), rng.randrange(5_000_000)))),
        "review queue": (PAGE_MS, lambda db, _: (queue(db), waiting(db))),
        "sample for review": (PAGE_MS, lambda db, _: queue(db, reasons=("sample",))),
        "usual band": (PAGE_MS, lambda db, rng: usual(db, calendar, at(rng))),
        "day: all figures": (DAY_MS, lambda db, rng: _everything(db, calendar, "hour", day(rng))),
        "year: counts": (YEAR_MS, lambda db, _: summary(db, year)),
        "year: by day": (YEAR_MS, lambda db, _: series(db, calendar, "day", year)),
        "year: by shift": (YEAR_MS, lambda db, _: series(db, calendar, "shift", year)),
        "year: by hour": (YEAR_MS, lambda db, _: series(db, calendar, "hour", year)),
        "year: by recipe": (YEAR_MS, lambda db, _: by_group(db, "recipe", year)),
        "year: pareto": (YEAR_MS, lambda db, _: pareto(db, year)),
        "year: chart": (YEAR_MS, lambda db, _: chart(db, calendar, "shift", year)),
        "year: escape, overkill": (YEAR_MS, lambda db, _: quality_of(db, year)),
        "year: latency": (YEAR_MS, lambda db, _: latency(db, year)),
    }


def _everything(db: sqlite3.Connection, calendar: Calendar, by: Any, span: tuple[int, int]) -> None:
    """All that a page of statistics shows of a span."""
    summary(db, span)
    series(db, calendar, by, span)
    by_group(db, "recipe", span)
    pareto(db, span)
    chart(db, calendar, by, span)
    quality_of(db, span)
    latency(db, span)


def show_dashboard(document: dict[str, Any], console: Console) -> None:
    """For people."""
    record = document["record"]
    table = Table(title=f"{record['parts']:,} parts, {record['bytes'] / 1e9:.1f} GB; each query {document['times']} times, ms")
    for column in ("", "p50", "p95", "CPU p50", "CPU p95", "aim"):
        table.add_column(column, justify="right" if column else "left")
    for name, row in document["queries"].items():
        over = "[bold red]" if row["p95"] > row["aim_ms"] else ""
        table.add_row(
            name, f"{row['p50']:.1f}", f"{over}{row['p95']:.1f}", *(f"{row['cpu'][p]:.1f}" for p in ("p50", "p95")), f"{row['aim_ms']:.0f}"
        )
    console.print(table)
    console.print(
        f"memory at most {document['memory_mb']} MB, {document['memory_before_mb']} MB of it before the first query", highlight=False
    )
