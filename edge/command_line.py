"""`gutteil acknowledge`, `stop`, `status`: an order to the line, and its answer in words."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from edge.commands import Command, Operation, send_command
from edge.config import Station, load
from edge.errors import GutteilError

_DONE: dict[Operation, str] = {
    "stop": "the line is stopped",
    "acknowledge": "acknowledged: the line runs as soon as everything is ready",
    "eject-next": "the next part will be ejected, whatever its verdict; without a part this ends by itself after a minute",
}


def order(op: Operation, who: str, reason: str, config: Path | None, console: Console) -> None:
    """Send an order and say what became of it.

    Raises:
        GutteilError: nobody answers, or the order is refused; says why.
    """
    reply = send_command(load(config) if config is not None else Station(), Command(op, who=who, reason=reason))
    if not reply.accepted:
        raise GutteilError(f"{op} is refused: {reply.text}")
    if op != "status":  # what the belt makes of it shows a moment later
        console.print(_DONE[op], highlight=False)
        return
    console.print(f"the line: [bold]{escape(reply.state)}[/]", highlight=False, soft_wrap=True)
    for text in reply.stops:
        console.print(f"  stopped: {escape(text)}", highlight=False, soft_wrap=True)
    if reply.stops:
        console.print("  to go on: gutteil acknowledge --who NAME", highlight=False)
