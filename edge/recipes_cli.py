"""`gutteil recipes …`: versions of recipes, from a proposal to the one that judges, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(help="Versions of recipes, released by two people: docs/recipe-versions.md.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="RECIPE", help="the recipe's name: that of its file without .toml")]
Of = Annotated[str, typer.Argument(metavar="VERSION", help="its number, or the beginning of its hash")]
Config = Annotated[Path | None, typer.Option("--config", help="settings of the station (TOML); default: the usual ones")]
Who = Annotated[str, typer.Option(help="your name, for the record; with --key it is the key's")]
Key = Annotated[Path | None, typer.Option(help="your signing key, where keys.signers is set")]
Reason = Annotated[str, typer.Option(help="why, for the record")]
Json = Annotated[bool, typer.Option("--json", help="print JSON on standard output and nothing else")]


@app.command(name="list")
def list_recipes(recipe: Annotated[str, typer.Argument(metavar="[RECIPE]")] = "", config: Config = None, as_json: Json = False) -> None:
    """Every recipe of the settings with its active version and its drafts; of one recipe every version."""
    from edge.cli import print_json
    from edge.recipes_command import list_document, open_library, show_list

    with open_library(config) as library:
        document = list_document(library, recipe)
    if as_json:
        print_json(document)
    else:
        show_list(document, Console())


@app.command()
def show(recipe: Name, version: Annotated[str, typer.Argument(metavar="[VERSION]", help="default: what is active")] = "", config: Config = None) -> None:  # fmt: skip
    """The text of a version, as a recipe's file has it."""
    from edge.recipes_command import open_library, text_of

    with open_library(config) as library:
        typer.echo(text_of(library, recipe, version), nl=False)


@app.command()
def diff(
    recipe: Name,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="a version, or a file")],
    against: Annotated[str, typer.Argument(metavar="[VERSION]", help="default: what is active")] = "",
    what_if: Annotated[bool, typer.Option("--what-if", help="also: what it would have said of the last parts")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """What a version changes, in words, and with --what-if what it would have changed on the last parts."""
    from edge.cli import print_json
    from edge.recipes_command import diff_document, open_library, show_diff

    with open_library(config) as library:
        document = diff_document(library, recipe, version, against, what_if)
    if as_json:
        print_json(document)
    else:
        show_diff(document, Console())


@app.command()
def propose(
    recipe: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="the new version's text")],
    note: Annotated[str, typer.Option(help="what it is for, for who releases it")],
    config: Config = None,
    who: Who = "",
    key: Key = None,
) -> None:
    """Propose a new version; it is tried on pictures of the last parts. Somebody else releases it."""
    from edge.recipes_command import open_library, propose

    with open_library(config, write=True) as library:
        propose(library, recipe, file, who, key, note, Console())


@app.command()
def release(recipe: Name, version: Of, config: Config = None, who: Who = "", key: Key = None, reason: Reason = "") -> None:
    """As the second person: this version may judge. It does not judge before it is activated."""
    from edge.recipes_command import move, open_library

    with open_library(config, write=True) as library:
        move(library, "release", recipe, version, who, key, reason, Console())


@app.command()
def decline(recipe: Name, version: Of, config: Config = None, who: Who = "", key: Key = None, reason: Reason = "") -> None:
    """Turn a proposal down, or withdraw your own."""
    from edge.recipes_command import move, open_library

    with open_library(config, write=True) as library:
        move(library, "decline", recipe, version, who, key, reason, Console())


@app.command()
def retire(recipe: Name, version: Of, config: Config = None, who: Who = "", key: Key = None, reason: Reason = "") -> None:
    """A released version shall not judge after all."""
    from edge.recipes_command import move, open_library

    with open_library(config, write=True) as library:
        move(library, "retire", recipe, version, who, key, reason, Console())


@app.command()
def activate(recipe: Name, version: Of, config: Config = None, who: Who = "", key: Key = None, reason: Reason = "") -> None:
    """Let a released version judge; the station takes it between two parts, without a stop."""
    from edge.recipes_command import activate, open_library

    with open_library(config, write=True) as library:
        activate(library, recipe, version, who, key, reason, Console())


@app.command()
def rollback(recipe: Name, config: Config = None, who: Who = "", key: Key = None, reason: Reason = "") -> None:
    """Back to the version that was active before, at once."""
    from edge.recipes_command import open_library, rollback

    with open_library(config, write=True) as library:
        rollback(library, recipe, who, key, reason, Console())


@app.command()
def point(recipe: Name, config: Config = None) -> None:
    """Write anew which version the record says is active, where that file was lost or damaged."""
    from edge.recipes_command import open_library, point

    with open_library(config, write=True) as library:
        point(library, recipe, Console())
