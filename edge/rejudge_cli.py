"""The command `rejudge`; `edge.cli` takes it in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from edge.errors import SettingsError


def rejudge(
    part: Annotated[
        str, typer.Argument(metavar="[PART_ID]", help="the part; without one every part of the span whose picture is kept")
    ] = "",
    since: Annotated[str, typer.Option(help="only from this moment on (ISO 8601, local time), e.g. 2026-11-24T06:00")] = "",
    until: Annotated[str, typer.Option(help="only up to this moment")] = "",
    most: Annotated[int, typer.Option(help="stop after so many parts; 0 = do not", min=0)] = 0,
    config: Annotated[Path | None, typer.Option("--config", help="settings of the station (TOML); default: the folder `data`")] = None,
    folder: Annotated[Path | None, typer.Option(help="folder of the record, instead of the settings' one")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON on standard output and nothing else")] = False,
) -> None:
    """Judge stored pictures again, with recipe and model of then: byte for byte the same, or why not. Exit status 1 if another judgement comes out."""
    from edge.cli import print_json, stderr
    from edge.rejudge_command import as_document, rejudge_one, rejudge_span, show_one, show_span

    if part and (since or until or most):
        raise SettingsError("PART_ID together with --since, --until or --most: give one or the other")
    if part:
        done = rejudge_one(config, folder, part)
        if as_json:
            print_json(as_document(done))
        else:
            show_one(done, Console())
        raise typer.Exit(1 if done.result == "different" else 0)
    with stderr.status("judging again …") as status:
        document = rejudge_span(config, folder, since, until, most, lambda n: status.update(f"{n} parts judged again"))
    if as_json:
        print_json(document)
    else:
        show_span(document, Console())
    raise typer.Exit(1 if document["different"] else 0)
