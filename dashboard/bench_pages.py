"""`gutteil bench-pages`: how long the server takes for each page's first content over a record, and how much memory it needs.

The dashboard runs as a process of its own, as at a line; nothing is on the bus, so that the record alone is asked. A page's first
content is its HTML; what a page fetches after it is asked for as well, where it is the page's main list.
"""

from __future__ import annotations

import contextlib
import sqlite3
import statistics
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
from rich.console import Console
from rich.table import Table

from dashboard.people.roles import ROLES, Role
from dashboard.people.sessions import COOKIE, Sessions
from dashboard.people.users import People
from edge.appliance import DEMO_RECIPE
from edge.config import Record, Station
from edge.errors import GutteilError
from edge.processes import running
from edge.rig import own_ports, write_config
from edge.store import FILE_NAME, open_store

PAGE_MS: Final = 300.0
MEMORY_MB: Final = 500.0
START_S: Final = 120.0
# address, who looks; {part}, {run}: one of the record
ADDRESSES: Final[tuple[tuple[str, Role], ...]] = (
    ("/", "viewer"),
    ("/review", "operator"),
    ("/api/review/queue?tab=bench-1", "operator"),
    ("/history", "viewer"),
    ("/api/inspections?limit=100", "viewer"),
    ("/api/inspections/count?verdict=NG", "viewer"),
    ("/api/inspections/timeline", "viewer"),
    ("/parts/{part}", "viewer"),
    ("/api/parts/{part}", "viewer"),
    ("/statistics", "viewer"),
    ("/statistics/shifts", "viewer"),
    ("/statistics/report", "viewer"),
    ("/recipes", "engineer"),
    ("/models", "viewer"),
    ("/selftest", "operator"),
    ("/commission", "engineer"),
    ("/people", "admin"),
    ("/audit", "quality"),
    ("/me", "operator"),
    ("/login", "viewer"),
)


def bench_pages(folder: Path, *, times: int, console: Console) -> dict[str, Any]:
    """Ask for every page of a running dashboard `times` times.

    Args:
        folder: of a record, such as `gutteil bench --dashboard` leaves; it is read, and people are kept elsewhere.

    Raises:
        GutteilError: there is no record, or the dashboard does not start.
    """
    with open_store(folder / FILE_NAME, read_only=True) as store:
        newest = store.last(1)
    if not newest:
        raise GutteilError(f"{folder}: its record holds no part; make one: gutteil bench --dashboard --folder {folder}")
    places = {"part": urllib.parse.quote(newest[0].part_id, safe="")}
    rows: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="gutteil-bench-") as scratch:
        beside = Path(scratch) / "record"
        beside.mkdir()
        for name in (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"):  # the same record under another folder: the users are ours
            if (folder / name).exists() or name == FILE_NAME:
                (beside / name).symlink_to((folder / name).resolve())
        config = own_ports(Station(name=newest[0].station, recipe=str(DEMO_RECIPE), record=Record(folder=str(beside))))
        cookies = _people(beside)
        path = write_config(config, Path(scratch))
        with running(["dashboard"], path, Path(scratch) / "logs") as processes:
            pid = processes.child("dashboard").pid
            url = f"http://127.0.0.1:{config.dashboard.port}"
            with httpx.Client(base_url=url, timeout=60) as client:
                _until_ready(client, processes.child("dashboard").last_words)
                for address, role in ADDRESSES:
                    console.print(f"  {address}", style="dim")
                    rows[address] = [_ask(client, address.format(**places), cookies[role]) for _ in range(times)]
            memory_mb = psutil.Process(pid).memory_full_info().uss / 1e6
    found = {address: {"p50_ms": statistics.median(took), "p95_ms": _p95(took)} for address, took in rows.items()}
    return {"times": times, "parts": _parts(folder), "aim_ms": PAGE_MS, "memory_mb": memory_mb, "aim_memory_mb": MEMORY_MB, "pages": found}


def _people(folder: Path) -> dict[Role, str]:
    with contextlib.closing(People(folder)) as people:
        sessions = Sessions(people)
        return {role: sessions.begin(people.add(role, role, "only for this measurement")) for role in ROLES}


def _until_ready(client: httpx.Client, words: Any) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        with contextlib.suppress(httpx.HTTPError):
            if client.get("/health/ready").status_code == 200:
                return
        time.sleep(0.2)
    raise GutteilError(f"the dashboard is not ready within {START_S:g} s: {words()}")


def _ask(client: httpx.Client, address: str, token: str) -> float:
    """ms until the whole answer is there; waits beforehand where the door says that it was too quick."""
    while True:
        begin = time.perf_counter()
        answer = client.get(address, headers={"Cookie": f"{COOKIE}={token}", "Accept": "text/html,application/json"})
        took = (time.perf_counter() - begin) * 1e3
        if answer.status_code != 429:
            break
        time.sleep(float(answer.headers.get("retry-after", "1")))
    if answer.status_code != 200:
        raise GutteilError(f"{address}: {answer.status_code} {answer.text[:200]}")
    if "gt-wrong" in answer.text and address != "/login":  # a page that only says what is wrong is quick, and proves nothing
        raise GutteilError(f"{address}: the page shows an error instead of its content")
    return took


def _p95(took: list[float]) -> float:
    return sorted(took)[max(0, round(0.95 * len(took)) - 1)]


def _parts(folder: Path) -> int:
    with contextlib.closing(sqlite3.connect(f"{(folder / FILE_NAME).absolute().as_uri()}?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT coalesce(max(rowid), 0) FROM inspections").fetchone()[0])


def _lines(document: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for address, took in document["pages"].items():
        yield address, f"{took['p50_ms']:.0f}", f"{took['p95_ms']:.0f}", "" if took["p95_ms"] <= PAGE_MS else "over the aim"


def show_pages(document: dict[str, Any], console: Console) -> None:
    """For people."""
    table = Table(title=f"Server time of pages, {document['parts']:,} parts in the record; aim {PAGE_MS:.0f} ms at p95")
    for name in ("address", "p50 ms", "p95 ms", ""):
        table.add_column(name, justify="left" if name in ("address", "") else "right")
    for line in _lines(document):
        table.add_row(*line)
    console.print(table)
    console.print(f"memory of the dashboard's process: {document['memory_mb']:.0f} MB (aim {MEMORY_MB:.0f})", highlight=False)
