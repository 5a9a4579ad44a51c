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
