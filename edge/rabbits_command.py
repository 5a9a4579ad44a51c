"""What `gutteil rabbits` does at a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import cast, get_args

import msgspec
from rich.console import Console
from rich.table import Table

from edge import rabbits
from edge.config import Station, load
from edge.errors import SettingsError
from edge.rabbit_run import RabbitRun
from edge.rabbits import Kind
from edge.store import FILE_NAME, open_store


def run_test(config: Path | None, who: str, parts: str, console: Console) -> bool:
    """Lead a person through a test; returns whether it was passed.

    Raises:
        SettingsError: an unknown kind of part.
        StoreError: no record, or no name.
    """
    station = load(config) if config is not None else Station()
    kinds = [part.strip() for part in parts.split(",")] if parts else list(station.rabbits.parts)
    if not kinds or len(kinds) > rabbits.MAX_STEPS or any(kind not in get_args(Kind) for kind in kinds):
        raise SettingsError(f"--parts {parts!r}: give 1 to {rabbits.MAX_STEPS} of good and bad, such as bad,good")
    run = RabbitRun(station, cast(list[Kind], kinds), who)
    try:
        for number, step in enumerate(run.test.steps, 1):
            console.input(
                f"{number} of {len(kinds)}: put the [bold]{step.kind.upper()}[/] reference part on the belt as the next part, then press Enter "
            )
            run.part_is_in()
            while step.state in ("waiting", "judged") and not run.wait(0.1):
                pass
            console.print(
                f"  {step.verdict or 'no verdict'}, {step.outcome or 'nothing known of the ejector'}: {step.state} {step.why}",
                highlight=False,
            )
            if step.state == "failed":
                break
    except (KeyboardInterrupt, EOFError):
        run.give_up(who)
    run.wait(30)
    if run.error:
        console.print(run.error, style="red", highlight=False, markup=False)
    if run.recorded is None:
        console.print("the test was not finished; nothing is known, and the audit says so")
        return False
    word = (
        "[green]passed[/]"
        if run.recorded.passed
        else "[red]FAILED: the line is stopped[/]; what passed since the last good test may hold escapes"
    )
    console.print(f"test {run.recorded.number}: {word}", highlight=False)
    return run.recorded.passed


def list_rabbits(config: Path | None, most: int, as_json: bool, console: Console) -> None:
    """Show the newest tests."""
    from edge.cli import print_json

    station = load(config) if config is not None else Station()
    with open_store(Path(station.record.folder) / FILE_NAME, read_only=True) as store, store.reading() as db:
        found = rabbits.last(db, most)
    if as_json:
        print_json([msgspec.to_builtins(test) for test in found])
        return
    table = Table(title="Tests with reference parts")
    for name in ("when (UTC)", "who", "result", "parts"):
        table.add_column(name, overflow="fold")
    for test in found:
        steps = "; ".join(f"{s.kind}: {s.verdict or '-'} {s.outcome}" + (f" ({s.why})" if s.why else "") for s in test.steps)
        table.add_row(test.tested_at[:19], test.who, "passed" if test.passed else "FAILED", steps)
    console.print(table)
