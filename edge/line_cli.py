"""`gutteil acknowledge`, `stop`, `eject-next`, `status`: orders of a person to the line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer()
Who = Annotated[str, typer.Option(help="your name, for the record")]
Line = Annotated[
    Path | None, typer.Option("--config", help="settings of the station (TOML); default: the usual addresses, as the demo has them")
]


@app.command()
def acknowledge(who: Who, reason: Annotated[str, typer.Option(help="what was done about it")] = "", config: Line = None) -> None:
    """Acknowledge every stop, so that the line may run again. Look at the parts on the belt first."""
    from edge.command_line import order

    order("acknowledge", who, reason, config, Console())


@app.command()
def stop(who: Who, reason: Annotated[str, typer.Option(help="why")] = "", config: Line = None) -> None:
    """Stop the line until somebody acknowledges."""
    from edge.command_line import order

    order("stop", who, reason, config, Console())


@app.command(name="eject-next")
def eject_next(who: Who, reason: Annotated[str, typer.Option(help="why")] = "", config: Line = None) -> None:
    """Test the ejector: the next part is ejected whatever its verdict, once. Nothing passes that would not have passed."""
    from edge.command_line import order

    order("eject-next", who, reason, config, Console())


@app.command()
def status(config: Line = None) -> None:
    """Whether the line runs, and what has stopped it."""
    from edge.command_line import order

    order("status", "", "", config, Console())
