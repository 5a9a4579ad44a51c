"""`gutteil rabbits …`: the self-test with reference parts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(help="Self-test with reference parts, known bad and known good: docs/setup.md.", no_args_is_help=True)
Config = Annotated[Path | None, typer.Option("--config", help="settings of the station (TOML); default: the usual ones")]


@app.command(name="test")
def run(
    who: Annotated[str, typer.Option(help="your name, for the record")],
    parts: Annotated[str, typer.Option(help="the reference parts in order, such as bad,good; default: rabbits.parts")] = "",
    config: Config = None,
) -> None:
    """Send reference parts through the running line, one after the other; exit status 1, and the line is stopped, if it fails."""
    from edge.rabbits_command import run_test

    raise typer.Exit(0 if run_test(config, who, parts, Console()) else 1)


@app.command(name="list")
def list_tests(
    config: Config = None,
    most: Annotated[int, typer.Option(help="how many, newest first", min=1, max=10_000)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON on standard output and nothing else")] = False,
) -> None:
    """The recorded tests, newest first."""
    from edge.rabbits_command import list_rabbits

    list_rabbits(config, most, as_json, Console())
