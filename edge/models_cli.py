"""`gutteil models …`: from a file to the model that judges, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(help="From a model's file to the model that judges, and back: docs/registry.md.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="MODEL", help="its SHA-256 or the beginning of it, or its name")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="ONNX file with a card")]
Config = Annotated[Path | None, typer.Option("--config", help="settings of the station (TOML); default: the usual ones")]
Product = Annotated[str, typer.Option(help="product; default: that of the recipe the station starts with")]
Who = Annotated[str, typer.Option(help="your name, for the record; with --key it is the key's")]
Key = Annotated[Path | None, typer.Option(help="your signing key, where keys.signers is set")]
Reason = Annotated[str, typer.Option(help="why, for the record")]
Json = Annotated[bool, typer.Option("--json", help="print JSON on standard output and nothing else")]


@app.command(name="list")
def list_models(config: Config = None, product: Product = "", as_json: Json = False) -> None:
    """Every model of a product with its state, and which one is active."""
    from edge.cli import print_json
    from edge.models_command import list_document, open_registry, show_list

    with open_registry(config, product) as registry:
        document = list_document(registry)
    if as_json:
        print_json(document)
    else:
        show_list(document, Console())


@app.command()
def show(model: Name, config: Config = None, product: Product = "", as_json: Json = False) -> None:
    """All that is known of a model: card, documents, states, counts in shadow."""
    from edge.cli import print_json
    from edge.models_command import model_document, open_registry, show_model

    with open_registry(config, product) as registry:
        document = model_document(registry, model)
    if as_json:
        print_json(document)
    else:
        show_model(document, Console())


@app.command()
def sign(model: File, key: Annotated[Path, typer.Option(help="your signing key")]) -> None:
    """Put your signature beside a model: FILE.sig, over the file's SHA-256 and its card."""
    from edge.models_command import sign_file

    sign_file(model, key, Console())


@app.command()
def register(
    model: File,
    parity: Annotated[Path, typer.Option(help="JSON of the parity gate, about this very file")],
    evaluation: Annotated[Path, typer.Option(help="JSON of `gutteil evaluate --json`, about this very file")],
    latency: Annotated[list[str] | None, typer.Option(help="DEVICE=MS as measured elsewhere; may be given several times")] = None,
    config: Config = None,
    product: Product = "",
    who: Who = "",
    key: Key = None,
) -> None:
    """Take a model into the record as a candidate; a candidate gets newer documents in the same way."""
    from edge.models_command import open_registry, register

    with open_registry(config, product, write=True) as registry:
        register(registry, model, parity, evaluation, latency or [], who, key, Console())


@app.command()
def shadow(model: Name, config: Config = None, product: Product = "", who: Who = "", key: Key = None, reason: Reason = "") -> None:
    """Let a candidate judge beside the active model; it switches nothing."""
    from edge.models_command import move, open_registry

    with open_registry(config, product, write=True) as registry:
        move(registry, "shadow", model, who, key, reason, Console())


@app.command()
def propose(model: Name, config: Config = None, product: Product = "", who: Who = "", key: Key = None, reason: Reason = "") -> None:
    """Propose that a model in shadow be released; somebody else releases it."""
    from edge.models_command import move, open_registry

    with open_registry(config, product, write=True) as registry:
        move(registry, "propose", model, who, key, reason, Console())


@app.command()
def gate(model: Name, config: Config = None, product: Product = "") -> None:
    """What is still missing before a model may be released; exit status 1 if anything is."""
    from edge.models_command import open_registry, show_gate

    with open_registry(config, product) as registry:
        missing = registry.gate(model)
    show_gate(missing, Console())
    raise typer.Exit(1 if missing else 0)


@app.command()
def release(model: Name, config: Config = None, product: Product = "", who: Who = "", key: Key = None, reason: Reason = "") -> None:
    """Make a proposed model the active one, if the gate lets it; the station switches between two parts."""
    from edge.models_command import open_registry, release

    with open_registry(config, product, write=True) as registry:
        release(registry, model, who, key, reason, Console())


@app.command()
def rollback(config: Config = None, product: Product = "", who: Who = "", key: Key = None, reason: Reason = "") -> None:
    """Back to the model that was active before, at once."""
    from edge.models_command import open_registry, rollback

    with open_registry(config, product, write=True) as registry:
        rollback(registry, who, key, reason, Console())


@app.command()
def retire(model: Name, config: Config = None, product: Product = "", who: Who = "", key: Key = None, reason: Reason = "") -> None:
    """End a candidate's or a shadow model's way."""
    from edge.models_command import move, open_registry

    with open_registry(config, product, write=True) as registry:
        move(registry, "retire", model, who, key, reason, Console())


@app.command()
def point(config: Config = None, product: Product = "") -> None:
    """Write anew which model the record says is active, where that file was lost or damaged."""
    from edge.models_command import open_registry, point

    with open_registry(config, product, write=True) as registry:
        point(registry, Console())


@app.command()
def disagreements(
    model: Annotated[str, typer.Argument(metavar="[MODEL]", help="default: the one in shadow")] = "",
    html: Annotated[Path | None, typer.Option(help="write a page with pictures, which opens offline")] = None,
    most: Annotated[int, typer.Option(help="how many parts are listed, newest first", min=1, max=5_000)] = 200,
    config: Config = None,
    product: Product = "",
    as_json: Json = False,
) -> None:
    """On which parts the shadow model differs from the active one, and which of the two was right by the reviews."""
    from edge.cli import print_json
    from edge.models_command import disagreement_document, open_registry, show_disagreements

    with open_registry(config, product) as registry:
        document = disagreement_document(registry, model, most, html)
    if as_json:
        print_json(document)
    else:
        show_disagreements(document, Console())
