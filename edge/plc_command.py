"""`gutteil plc …`: play the PLC, or look at its signals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(help="The PLC side over Modbus: look at its signals, or play it.", no_args_is_help=True)
Config = Annotated[Path, typer.Option("--config", help="settings of the station (TOML); docs/settings.md lists every key")]


@app.command()
def simulate(config: Config) -> None:
    """Play the PLC: the simulated line behind Modbus, as master of our server or as slave of our client (plc.backend)."""
    from edge.line_process import run_simulated_line
    from edge.processes import run_process

    run_process(run_simulated_line, config)


@app.command()
def watch(
    config: Config,
    once: Annotated[bool, typer.Option("--once", help="only what stands there now")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON document per change (of anything but the heartbeats) on standard output")
    ] = False,
) -> None:
    """Every signal between us and the PLC, live, with the age of both heartbeats. Reads only."""
    from edge.cli import print_json, stderr
    from edge.config import load
    from edge.plc_watch import plc_watch
    from edge.processes import until_signalled

    plc_watch(load(config), once, until_signalled(), stderr if as_json else Console(), print_json if as_json else None)
