"""The commands `hold`, `release`, `holds`, `audit` and `review`; `edge.cli` takes them in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer()
Who = Annotated[str, typer.Option(help="your name, for the record")]
Reason = Annotated[str, typer.Option(help="why, for the record")]
PartId = Annotated[str, typer.Argument(metavar="PART_ID", help="the part, or name it by --run and --trigger")]
RunId = Annotated[str, typer.Option(help="run of the part")]
TriggerId = Annotated[int | None, typer.Option(help="trigger number of the part in that run", min=0)]
Config = Annotated[Path | None, typer.Option("--config", help="settings of the station (TOML); default: the folder `data`")]
Folder = Annotated[Path | None, typer.Option(help="folder of the record, instead of the settings' one")]
Json = Annotated[bool, typer.Option("--json", help="print JSON on standard output and nothing else")]


@app.command()
def hold(
    who: Who,
    reason: Reason,
    part: PartId = "",
    run: RunId = "",
    trigger: TriggerId = None,
    config: Config = None,
    folder: Folder = None,
) -> None:
    """Forbid that the image of a part is deleted, e.g. while a claim is open. Works with and without a running recorder."""
    from edge.keeping_command import hold, record_of

    with record_of(config, folder, beside=True) as store:
        hold(store, part, run, trigger, who, reason, Console())


@app.command()
def release(
    who: Who,
    reason: Reason,
    part: PartId = "",
    run: RunId = "",
    trigger: TriggerId = None,
    number: Annotated[int | None, typer.Option("--hold", help="number of the hold, where there are several on the part")] = None,
    config: Config = None,
    folder: Folder = None,
) -> None:
    """End a hold: unless there is another, the image of the part is deleted when its time comes."""
    from edge.keeping_command import record_of, release

    with record_of(config, folder, beside=True) as store:
        release(store, part, run, trigger, who, reason, number, Console())


@app.command()
def holds(
    ended: Annotated[bool, typer.Option("--ended", help="also the holds that have ended")] = False,
    config: Config = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Which parts are on hold, by whom and why."""
    from edge.cli import print_json
    from edge.keeping_command import as_rows, record_of, show_holds

    with record_of(config, folder) as store:
        if as_json:
            print_json(as_rows(store, ended))
        else:
            show_holds(store, ended, Console())


@app.command()
def audit(
    last: Annotated[int, typer.Option(help="how many orders are listed", min=0, max=1_000_000)] = 50,
    expect: Annotated[str, typer.Option(help="head of the chain as noted earlier: it must still be a part of it")] = "",
    config: Config = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Who gave which order to the line, and whether the list is what was recorded; exit status 1 if it is not."""
    from edge.cli import print_json
    from edge.keeping_command import audit, record_of, show_audit

    with record_of(config, folder) as store:
        document = audit(store, last, expect)
    if as_json:
        print_json(document)
    else:
        show_audit(document, Console())
    raise typer.Exit(0 if document["holds"] else 1)


@app.command()
def review(
    part: Annotated[str, typer.Argument(metavar="PART_ID", help="the part")],
    truth: Annotated[str, typer.Option(help="what it really was: bad, good, unsure, or withdrawn to undo what was said before")],
    who: Who,
    box: Annotated[
        list[str] | None, typer.Option(help="a defect of a bad part, kind,x1,y1,x2,y2 in px of the image; once for each")
    ] = None,
    note: Annotated[str, typer.Option(help="anything worth knowing")] = "",
    config: Config = None,
    folder: Folder = None,
) -> None:
    """Say what a part really was. Escape, overkill and the next training set rest on it; the newest word counts, all are kept."""
    from edge.keeping_command import record_of
    from edge.review_command import review

    with record_of(config, folder, beside=True) as store:
        review(store, part, truth, who, box or [], note, Console())
