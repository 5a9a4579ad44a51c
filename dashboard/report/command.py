"""`gutteil report`: a shift's report as PDF; `edge.cli` loads it by its entry point."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console


def report(
    config: Annotated[Path, typer.Option("--config", help="settings of the station (TOML); docs/settings.md lists every key")],
    shift: Annotated[str, typer.Option(help="DAY/NUMBER, e.g. 2026-11-24/1; or last, or this")] = "last",
    language: Annotated[Literal["de", "en"], typer.Option(help="language of the report")] = "en",
    out: Annotated[Path | None, typer.Option(help="file to write; default: its usual name, in this folder")] = None,
    due: Annotated[
        bool, typer.Option("--due", help="instead: write into report.folder what is due, as the dashboard does by itself")
    ] = False,
) -> None:
    """The report of a shift as PDF, German or English (docs/report.md)."""
    from dashboard.report.written import make, name_of, shift_called, write_due
    from edge.config import load
    from edge.errors import SettingsError
    from edge.store import FILE_NAME, open_store

    station, now_ns, console = load(config), time.time_ns(), Console()
    if due:
        for written in write_due(station, now_ns):
            console.print(str(written), highlight=False, soft_wrap=True)
        return
    found = shift_called(station, shift, now_ns)
    with open_store(Path(station.record.folder) / FILE_NAME, read_only=True) as store:
        data, _ = make(store, station, found, language, now_ns)
    path = out or Path(name_of(station.name, found, language))
    try:
        path.write_bytes(data)
    except OSError as error:
        raise SettingsError(f"--out {path}: cannot be written ({error.strerror}); choose another file") from error
    console.print(str(path), highlight=False, soft_wrap=True)
