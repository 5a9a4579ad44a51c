"""What `gutteil replay` shows: the books, escapes and overkill, latency and memory."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from edge.bounds import Share
from edge.inspect import DEFAULT_RECIPE
from edge.replay import replay


@dataclass(frozen=True)
class Report:
    """The result of a replay."""

    document: dict[str, Any]

    @property
    def closes(self) -> bool:
        return bool(self.document["reconciliation"]["closes"])

    def show(self, console: Console) -> None:
        """For people."""
        d = self.document
        books = d["reconciliation"]
        console.print(f"[bold]{d['parts']} parts in {d['seconds']} s, {d['rate_hz']} parts/s[/] ({d['simulated']})")
        table = Table(title="The books" + (" close" if self.closes else " DO NOT CLOSE"), show_header=False)
        for key, value in books.items():
            table.add_row(key.replace("_", " "), str(value))
        console.print(table)
        for what in ("escapes", "overkill"):
            if d[what] is not None:
                console.print(f"[bold]{what}[/]: {Share(**d[what])}")
        latency = Table(title="Latency in µs", show_header=True)
        for column in ("stage", "p50", "p95", "p99"):
            latency.add_column(column, justify="left" if column == "stage" else "right")
        for stage, row in d["latency_us"].items():
            latency.add_row(stage.replace("_", " "), *(f"{row.get(p, 0):.0f}" for p in ("p50", "p95", "p99")))
        console.print(latency)
        memory = Table(title="Memory in MB (unique to the process)")
        names = list(d["memory_mb"]["end"])
        for column in ("", *names):
            memory.add_column(column, justify="right")
        for when, by in d["memory_mb"].items():
            memory.add_row(when, *(str(by.get(n, "")) for n in names))
        console.print(memory)


def replay_command(data: Path, recipe: Path | None, rate_hz: float, parts: int, folder: Path | None, console: Console) -> Report:
    """Replay with a progress bar on `console`; without a folder everything is thrown away afterwards."""
    columns = (TextColumn("replay"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with tempfile.TemporaryDirectory(prefix="gutteil-replay-") as scratch, Progress(*columns, console=console) as bar:
        task = bar.add_task("replay", total=None)

        def progress(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of)

        return Report(replay(data, recipe or DEFAULT_RECIPE, folder or Path(scratch), rate_hz=rate_hz, parts=parts, progress=progress))
