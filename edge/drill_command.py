"""What `gutteil drill` shows: one line per drill while they run, then the table and what went wrong."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from edge.drill import Drill, Load, Report, run_drill, sustained_rate
from edge.drills.long import Running, run_long
from edge.drills.pictures import Pictures, draw_pictures
from edge.drills.table import DRILLS, chosen
from edge.errors import GutteilError, SettingsError

SHARE = 0.85  # of the rate that the line holds: parts come in uneven distances
SIMULATED = "the line, its PLC and its ejector are simulated; the processes are real"
_COLUMNS = ("parts", "ng", "escapes", "unjudged", "needless", "recovery_s", "line_stopped_s", "counts_close", "integrity", "lost_records")


@dataclass(frozen=True)
class Drilled:
    """The result of all drills."""

    document: dict[str, Any]

    @property
    def ok(self) -> bool:
        return bool(self.document["ok"])

    def show(self, console: Console) -> None:
        """For people."""
        table = Table(title=f"{self.document['rate_hz']} parts/s, seed {self.document['seed']}; {SIMULATED}")
        table.add_column("drill")
        for column in _COLUMNS:
            table.add_column(column.replace("_", " "), justify="right")
        for row in self.document["drills"]:
            style = "dim" if row["skipped"] else "" if row["ok"] else "bold red"
            table.add_row(row["drill"], *([row["skipped"]] if row["skipped"] else [str(row[c]) for c in _COLUMNS]), style=style)
        console.print(table)
        for row in self.document["drills"]:
            if not row["ok"]:
                for text in (*row["wrong"], *row["named"], *row["notes"]):
                    console.print(f"[bold red]{row['drill']}[/]: {escape(text)}", highlight=False, soft_wrap=True)
        console.print("[bold green]no bad part passed[/]" if self.ok else "[bold red]NOT PASSED[/]")


def show_drills(console: Console) -> list[dict[str, str]]:
    """Every drill, what it does, and what is missing for it here."""
    rows = [{"drill": d.name, "what": d.what, "missing": d.needs()} for d in DRILLS]
    for row in rows:
        console.print(
            f"[bold]{row['drill']}[/]  {escape(row['what'])}" + (f" [yellow]({escape(row['missing'])})[/]" if row["missing"] else ""),
            highlight=False,
            soft_wrap=True,
        )
    return rows


def drill_command(names: list[str], parts: int, rate_hz: float, seed: int, folder: Path | None, kills: int, console: Console) -> Drilled:
    """Run drills (all for no names), or the long one.

    Raises:
        GutteilError: an unknown name; the appliance does not start.
    """
    drills = chosen(names)
    with tempfile.TemporaryDirectory(prefix="gutteil-drill-") as scratch:
        place = (folder or Path(scratch)).resolve()
        place.mkdir(parents=True, exist_ok=True)
        if any(place.iterdir()):
            raise SettingsError(f"--folder {place}: is not empty, and an old journal would be taken for this drill's; name a new folder")
        pictures = draw_pictures(place / "set", seed)
        if not rate_hz:
            console.print("measuring the highest rate that the line holds ...", highlight=False)
            rate_hz = SHARE * sustained_rate(pictures, place / "rate")
        load = Load(rate_hz, parts, seed)
        reports: list[Report] = []
        tally: dict[str, Any] | None = None
        if kills:
            report, tally = _long(pictures, place / "long", load, kills, console)
            reports.append(report)
        else:
            for drill in drills:
                console.print(f"{drill.name}: {escape(drill.what)} ...", highlight=False, end=" ", soft_wrap=True)
                reports.append(_run(drill, pictures, place / drill.name, load))
                console.print(_word(reports[-1]), highlight=False, soft_wrap=True)
    document: dict[str, Any] = {
        "ok": all(r.ok for r in reports),
        "simulated": SIMULATED,
        "rate_hz": round(rate_hz, 1),
        "seed": seed,
        "drills": [r.as_dict() for r in reports],
    }
    return Drilled(document | ({"tally": tally} if tally is not None else {}))


def _run(drill: Drill, pictures: Pictures, folder: Path, load: Load) -> Report:
    """One drill; an appliance that gives up fails it, and the next one is run all the same."""
    try:
        return run_drill(drill, pictures, folder, load)
    except GutteilError as error:
        return Report(drill.name, drill.what, rate_hz=round(load.rate_hz, 1), seed=load.seed, wrong=[str(error)])


def _word(report: Report) -> str:
    if report.skipped:
        return f"[yellow]skipped[/]: {escape(report.skipped)}"
    numbers = f"{report.parts} parts, {report.escapes} escapes, {report.needless} needless, back after {report.recovery_s} s"
    return f"[green]passed[/] ({numbers})" if report.ok else f"[bold red]NOT PASSED[/] ({numbers})"


def _long(pictures: Pictures, folder: Path, load: Load, kills: int, console: Console) -> tuple[Report, dict[str, Any]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[said]}"))
    with Progress(*columns, console=console) as bar:
        killed = bar.add_task("kills", total=kills, said="")
        gone = bar.add_task("parts", total=load.parts, said="")

        def progress(tally: Running) -> None:
            said = f"{tally.escapes} escapes, {tally.corrupt} corrupt of {tally.store_checks} store checks, {tally.lost} lost"
            bar.update(killed, completed=tally.killed, said=said)
            bar.update(gone, completed=tally.parts, said=f"{tally.passed} passed, {tally.ejected} ejected")

        return run_long(pictures, folder, load, kills, progress)
