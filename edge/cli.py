"""The command line: a thin layer over the modules. Commands of other rooms come by entry points, so that nothing is imported upward."""

from __future__ import annotations

import json
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape

from edge.errors import GutteilError
from edge.keeping_cli import app as keeping_app
from edge.models_cli import app as models_app
from edge.plc_command import app as plc_app
from edge.processes import SETTINGS_WRONG, run_process
from edge.recipes_cli import app as recipes_app
from edge.units_command import units
from hardware.errors import DeviceError, DeviceGone

app = typer.Typer(
    name="gutteil",
    help="Gutteil judges every part at your line and rejects the bad ones. Nothing leaves the building.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # a traceback must not show a key
)
Config = Annotated[Path, typer.Option("--config", help="settings of the station (TOML); docs/settings.md lists every key")]
Json = Annotated[bool, typer.Option("--json", help="print JSON on standard output and nothing else")]
Data = Annotated[Path, typer.Option("--data", help="COCO file; image entries may carry verdict and reference")]
stderr = Console(stderr=True)


def print_json(document: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    sys.stdout.flush()


@app.command()
def run(config: Config) -> None:
    """Run the whole station: every process, restarted when it dies, until Ctrl-C."""
    from edge.appliance import run_appliance

    run_appliance(config, stderr)


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="port of the dashboard")] = 8470,
    rate: Annotated[float, typer.Option(help="parts per second", min=0.1, max=50)] = 2.0,
    folder: Annotated[Path | None, typer.Option(help="where the record goes; default: a temporary folder")] = None,
    seconds: Annotated[float, typer.Option(help="stop by itself after so many seconds; 0 = run until Ctrl-C", min=0)] = 0,
) -> None:
    """Run the appliance on the simulated line; everything it shows is simulated and says so."""
    from edge.appliance import run_demo

    run_demo(port, rate, folder, seconds, stderr)


@app.command()
def inspect(
    images: Annotated[list[Path] | None, typer.Argument(help="image files")] = None,
    data: Annotated[Path | None, typer.Option(help="COCO file: every image in it, with its reference where the recipe wants one")] = None,
    model: Annotated[Path | None, typer.Option(help="ONNX model with a card; default: the recipe's")] = None,
    recipe: Annotated[Path | None, typer.Option(help="recipe (TOML); default: the shipped circuit-board recipe")] = None,
    reference: Annotated[Path | None, typer.Option(help="defect-free image to compare IMAGES with, where the model wants one")] = None,
    as_json: Json = False,
) -> None:
    """Judge image files as the line would; with --json one object a line."""
    from edge.inspect import images_of, inspect_files, recipe_for
    from edge.judge import Judge

    loaded = recipe_for(recipe, model)
    judge = Judge(loaded, model_file=model)
    for row in inspect_files(judge, images_of(images or [], data, reference)):
        if as_json:
            print_json(row)
        else:
            mark = {"OK": "[green]OK[/]", "NG": "[red]NG[/]"}.get(row["verdict"], "[yellow]UNDECIDED[/]")
            why = "; ".join(row["reasons"]) or "no defects"
            took = sum(row["timings"].values()) / 1000
            Console().print(f"{mark}  {escape(row['file'])}  {escape(why)}  ({took:.1f} ms)", soft_wrap=True, highlight=False)


@app.command()
def replay(
    data: Data,
    recipe: Annotated[Path | None, typer.Option(help="recipe (TOML); default: the shipped circuit-board recipe")] = None,
    rate: Annotated[float, typer.Option(help="parts per second; 0 = as fast as the line takes them", min=0, max=1000)] = 0.0,
    parts: Annotated[int, typer.Option(help="how many parts; 0 = every image once", min=0)] = 0,
    folder: Annotated[Path | None, typer.Option(help="keep record and logs here; default: a temporary folder")] = None,
    as_json: Json = False,
) -> None:
    """Every image through the whole line (station, rejector, simulated PLC, recorder), and the books closed at the end."""
    from edge.replay_command import replay_command

    report = replay_command(data, recipe, rate, parts, folder, stderr)
    if as_json:
        print_json(report.document)
    else:
        report.show(Console())
    raise typer.Exit(0 if report.closes else 1)


@app.command()
def bench(
    parts: Annotated[int, typer.Option(help="parts per round", min=20)] = 150,
    rounds: Annotated[int, typer.Option(help="rounds; in each the line and every peer take their turn", min=1)] = 3,
    rate: Annotated[float, typer.Option(help="parts per second", min=1, max=1000)] = 20.0,
    peers: Annotated[
        bool, typer.Option(help="also measure a stock yolo26n and ultralytics' predict, where ultralytics is installed")
    ] = True,
    shadow: Annotated[
        bool,
        typer.Option("--shadow", help="instead: the line with and without a shadow model in turn, and how long a change of model takes"),
    ] = False,
    dashboard: Annotated[
        bool,
        typer.Option(
            "--dashboard", help="instead: searches and statistics over a record of millions of made-up parts, which stays in FOLDER"
        ),
    ] = False,
    inspections: Annotated[int, typer.Option(help="with --dashboard: parts of a record that is not there yet", min=1_000)] = 10_000_000,
    times: Annotated[int, typer.Option(help="with --dashboard: how often each query is asked", min=5)] = 40,
    folder: Annotated[Path | None, typer.Option(help="with --dashboard: folder of the record; 10 million parts take 6 GB")] = None,
    as_json: Json = False,
) -> None:
    """Stage by stage from trigger to a separate subscriber, against raw runs of the same model and others in the same run."""
    from edge.bench import bench_line, show

    if dashboard:
        from edge.bench_dashboard import bench_dashboard, show_dashboard

        asked = bench_dashboard(folder or Path("data", "bench"), parts=inspections, times=times, console=stderr)
        if as_json:
            print_json(asked)
        else:
            show_dashboard(asked, Console())
        raise typer.Exit(0 if asked["within"] else 1)
    if shadow:
        from edge.bench_shadow import bench_shadow, show_shadow

        measured = bench_shadow(parts=parts, rounds=rounds, rate_hz=rate, console=stderr)
        if as_json:
            print_json(measured)
        else:
            show_shadow(measured, Console())
        return
    document = bench_line(parts=parts, rounds=rounds, rate_hz=rate, peers=peers, console=stderr)
    if as_json:
        print_json(document)
    else:
        show(document, Console())


@app.command()
def drill(
    names: Annotated[list[str] | None, typer.Argument(help="which drills; default: all")] = None,
    show: Annotated[bool, typer.Option("--list", help="only show the drills")] = False,
    parts: Annotated[int, typer.Option(help="parts per drill, or in all with --long", min=10)] = 150,
    rate: Annotated[float, typer.Option(help="parts per second; 0 = the highest rate that the line holds, measured first", min=0)] = 0.0,
    seed: Annotated[int, typer.Option(help="what everything random comes from", min=0)] = 1,
    folder: Annotated[Path | None, typer.Option(help="keep records, journals and logs here; default: a temporary folder")] = None,
    long: Annotated[int, typer.Option(help="instead: so many random kills over PARTS parts", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Break things under load, with real processes, and prove that no bad part passes (docs/drills.md)."""
    from edge.drill_command import drill_command, show_drills

    if show:
        rows = show_drills(stderr if as_json else Console())
        if as_json:
            print_json(rows)
        return
    drilled = drill_command(names or [], parts, rate, seed, folder, long, stderr)
    if as_json:
        print_json(drilled.document)
    else:
        drilled.show(Console())
    raise typer.Exit(0 if drilled.ok else 1)


@app.command()
def doctor(
    config: Annotated[Path | None, typer.Option(help="also check these settings, their recipe and model")] = None, as_json: Json = False
) -> None:
    """What this machine has (cameras, providers, disk, clock, keys, ports) and what to do about what is wrong."""
    from edge.doctor import as_json as findings_json
    from edge.doctor import examine

    findings = examine(config)
    document = findings_json(findings)
    if as_json:
        print_json(document)
    else:
        console = Console()
        for f in findings:
            mark = {"ok": "[green]ok     [/]", "warning": "[yellow]warning[/]", "fault": "[red]fault  [/]"}[f.level]
            console.print(
                f"{mark} [bold]{f.what}[/]: {f.text}" + (f"\n        → {f.remedy}" if f.remedy else ""), highlight=False, soft_wrap=True
            )
    raise typer.Exit(0 if document["ok"] else 1)


@app.command()
def keys(
    folder: Annotated[Path, typer.Option(help="folder of the keys; the appliance's own are made where they are missing")],
    add: Annotated[str, typer.Option(help="name of a client to list")] = "",
    role: Annotated[
        Literal["watch", "reject", "command", "sign"] | None,
        typer.Option(
            help="what the client may do: read (watch), also take the station's orders (reject), also command the line (command); or a person: sign models (sign)"
        ),
    ] = None,
    public: Annotated[str, typer.Option(help="public key of a client that has made its pair itself and keeps its secret")] = "",
    revoke: Annotated[str, typer.Option(help="name of a client to take off the list")] = "",
    show: Annotated[bool, typer.Option("--list", help="only show who is listed")] = False,
    as_json: Json = False,
) -> None:
    """Make the bus's keys, and say who may read, reject or command (docs/keys.md)."""
    from edge.keys_command import keys_command

    clients = keys_command(folder, add, role, public, revoke, show, stderr)
    if as_json:
        print_json(clients)
    else:
        for client in clients:
            print(f"{client['name']:34}{client['role']:10}{client['public']}")


@app.command()
def card(
    model: Annotated[Path, typer.Argument(help="ONNX file")],
    write: Annotated[Path | None, typer.Option(help="JSON file with the card's fields to put into the model (docs/models.md)")] = None,
) -> None:
    """Show the card of a model file, or put one into a file that any trainer has written."""
    from edge.card_command import show_card, write_card

    print_json(show_card(model) if write is None else write_card(model, write))


Who = Annotated[str, typer.Option(help="your name, for the record")]
RecordFolder = Annotated[Path | None, typer.Option(help="folder of the record, instead of the settings' one")]
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


@app.command()
def status(config: Line = None) -> None:
    """Whether the line runs, and what has stopped it."""
    from edge.command_line import order

    order("status", "", "", config, Console())


@app.command()
def reconcile(
    config: Line = None,
    folder: RecordFolder = None,
    by: Annotated[str, typer.Option(help="run, shift or all: what the books are closed for")] = "run",
    since: Annotated[str, typer.Option(help="only from this moment on (ISO 8601, local time), e.g. 2026-11-24T06:00")] = "",
    until: Annotated[str, typer.Option(help="only up to this moment")] = "",
    as_json: Json = False,
) -> None:
    """Prove from the record that the counts close, per run or shift, and name every part that does not fit."""
    from edge.reconcile_command import books, show

    document = books(config, folder, by, since, until)
    if as_json:
        print_json(document)
    else:
        show(document, Console())
    raise typer.Exit(0 if document["closes"] else 1)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Every check and every test; further arguments go to pytest."""
    from edge.selftest import run_tests

    raise typer.Exit(run_tests(context.args))


@app.command()
def station(config: Config) -> None:
    """One process: camera, model, verdict."""
    from edge.station import run_station

    run_process(run_station, config)


@app.command()
def rejector(config: Config) -> None:
    """One process: follows parts to the ejector."""
    from edge.rejector import run_rejector

    run_process(run_rejector, config)


@app.command()
def recorder(config: Config) -> None:
    """One process: writes the record."""
    from edge.recorder import run_recorder

    run_process(run_recorder, config)


@app.command()
def shadow(config: Config) -> None:
    """One process: lets the model in shadow judge beside the active one, on spare time."""
    from edge.shadow import run_shadow

    run_process(run_shadow, config)


@app.command()
def line(config: Config) -> None:
    """One process: the simulated line with belt, part sensor, PLC and ejector."""
    from edge.line_process import run_simulated_line

    run_process(run_simulated_line, config)


app.command()(units)
app.add_typer(plc_app, name="plc")
app.add_typer(models_app, name="models")
app.add_typer(recipes_app, name="recipes")
app.add_typer(keeping_app)  # without a name: its commands are ours


def _plugins() -> None:
    known = {c.name or c.callback.__name__ for c in app.registered_commands if c.callback is not None}
    for point in entry_points(group="gutteil.commands"):
        if point.name in known:
            continue
        found = point.load()
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=point.name)
        else:
            app.command(name=point.name)(found)


_plugins()


def main() -> None:
    """Entry point: errors meant for people are one message and an exit status, never a traceback."""
    try:
        app()
    except (GutteilError, DeviceError) as error:
        stderr.print("gutteil:", str(error), style="red", highlight=False, soft_wrap=True, markup=False)
        sys.exit(1 if isinstance(error, DeviceGone) else SETTINGS_WRONG)


if __name__ == "__main__":
    main()
