"""The dashboard's command; `edge.cli` loads it by its entry point."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def dashboard(
    config: Annotated[Path, typer.Option("--config", help="settings of the station (TOML); docs/settings.md lists every key")],
) -> None:
    """One process: the dashboard, a web server on this machine's loopback address."""
    from dashboard.app import run_dashboard
    from edge.processes import run_process

    run_process(run_dashboard, config)


def pages(
    folder: Annotated[Path, typer.Option(help="folder of a record, such as `gutteil bench --dashboard` leaves")],
    times: Annotated[int, typer.Option(help="how often each page is asked for", min=5, max=10_000)] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON on standard output and nothing else")] = False,
) -> None:
    """Measure the server time of every page over a record, and the dashboard's memory; exit status 1 where an aim is missed."""
    from rich.console import Console

    from dashboard.bench_pages import MEMORY_MB, PAGE_MS, bench_pages, show_pages
    from edge.cli import print_json

    document = bench_pages(folder, times=times, console=Console(stderr=True))
    if as_json:
        print_json(document)
    else:
        show_pages(document, Console())
    late = any(took["p95_ms"] > PAGE_MS for took in document["pages"].values())
    raise typer.Exit(1 if late or document["memory_mb"] > MEMORY_MB else 0)
