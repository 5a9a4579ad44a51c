"""The assistant's commands; `edge.cli` loads them by their entry points. Heavy and optional packages are imported inside."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from dashboard.assistant.errors import AssistantError

if TYPE_CHECKING:
    from dashboard.assistant.safe import Safe
    from dashboard.assistant.secrets import Secret
    from dashboard.assistant.settings import Assistant

docs = typer.Typer(help="The assistant's documents: take in, list, erase; its safe: make, back up, change the key.", no_args_is_help=True)
Config = Annotated[Path, typer.Option("--config", help="settings of the assistant (TOML); docs/assistant.md lists every key")]
Json = Annotated[bool, typer.Option("--json", help="print JSON on standard output and nothing else")]
Collection = Annotated[str, typer.Option("--collection", help="name of the collection")]
console = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def installed() -> Iterator[None]:
    """What is missing of the extra, as an error that says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise AssistantError(
            f"the assistant needs {error.name}, which is not installed; install it with: .venv/bin/pip install -e '.[assistant]'"
        ) from error


def _secret(settings: Assistant) -> Secret:
    from dashboard.assistant import secrets

    if settings.store.key_file:
        return secrets.key_file(Path(settings.store.key_file))
    if settings.store.credential:
        return secrets.credential(settings.store.credential)
    return _typed("Passphrase of the safe")


def _typed(prompt: str, confirm: bool = False) -> Secret:
    from dashboard.assistant import secrets

    if not sys.stdin.isatty():
        return secrets.passphrase(sys.stdin.readline().rstrip("\n"))
    return secrets.passphrase(typer.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True))


@contextmanager
def opened(config: Path) -> Iterator[tuple[Safe, Assistant]]:
    """The safe of these settings, unlocked, in a process whose memory stays off the disk.

    Raises:
        AssistantError, SettingsError
    """
    with installed():
        from dashboard.assistant import settings as file
        from dashboard.assistant.guard import guard_memory
        from dashboard.assistant.safe import Safe

        settings = file.read(config)
        guarded = guard_memory()
        if not guarded.dumps or "MAY" in guarded.words:
            console.print(guarded.words, style="yellow", markup=False)
        safe = Safe(Path(settings.store.folder))
        safe.unlock(_secret(settings))
        try:
            yield safe, settings
        finally:
            safe.lock()


def print_json(document: Any) -> None:
    """One line on standard output."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, default=list) + "\n")


@docs.command()
def key(file: Annotated[Path, typer.Argument(help="where it goes; readable by its owner only")]) -> None:
    """Make a key file that can open a safe in place of a passphrase."""
    with installed():
        from dashboard.assistant.secrets import make_key_file

        make_key_file(file)
        console.print(f"{file} opens what it is given to. Keep a copy elsewhere: without it the documents are lost.", markup=False)


@docs.command()
def init(config: Config) -> None:
    """Make the safe that the settings name; it asks for a passphrase unless they name a key."""
    with installed():
        from dashboard.assistant import settings as file
        from dashboard.assistant.safe import Safe

        settings = file.read(config)
        named = settings.store.key_file or settings.store.credential
        Safe.make(Path(settings.store.folder), _secret(settings) if named else _typed("New passphrase", confirm=True)).lock()
        console.print(f"The safe is in {settings.store.folder}. Next: gutteil docs collection NAME --role ROLE", markup=False)


@docs.command()
def collection(
    name: Annotated[str, typer.Argument(help="its name")],
    config: Config,
    role: Annotated[list[str], typer.Option("--role", help="who may ask it; give it again for each role")],
    keep_days: Annotated[int, typer.Option("--keep-days", help="days until its documents are erased; 0 = never")] = 0,
) -> None:
    """Make a collection, or give one other roles and another retention."""
    with opened(config) as (safe, _):
        safe.collect(name, role, keep_days)


@docs.command()
def add(
    paths: Annotated[list[Path], typer.Argument(help="files, and folders with all that is in them")],
    config: Config,
    collection: Collection,
    supplier: Annotated[str, typer.Option(help="supplier whom the documents concern, to search by")] = "",
    type: Annotated[str, typer.Option(help="their type (agreement, drawing, quote …), to search by")] = "",
    date: Annotated[str, typer.Option(help="their date (2024-03-15), to search by")] = "",
    as_json: Json = False,
) -> None:
    """Take documents in; unchanged ones cost nothing, changed ones become a new version, bad ones are refused by name."""
    with opened(config) as (safe, settings):
        from dashboard.assistant.documents import About
        from dashboard.assistant.ingest import Step
        from dashboard.assistant.ingest import add as take

        counts = {"added": 0, "replaced": 0, "unchanged": 0, "refused": 0}
        with console.status("", spinner="line") as status:

            def say(step: Step) -> None:
                page = f", page {step.page} of {step.pages}" if step.pages else ""
                status.update(f"file {step.number} of {step.of}{page}")

            for outcome in take(safe, collection, paths, About(supplier, type, date), say):
                counts[outcome.what] += 1
                if as_json:
                    print_json(vars(outcome))
                elif outcome.what == "refused":
                    console.print(f"refused: {outcome.name}: {outcome.why}", style="red", markup=False)
                elif outcome.unread:
                    pages = ", ".join(map(str, outcome.unread))
                    console.print(
                        f"{outcome.name}: pages {pages} are pictures; without OCR they were not read", style="yellow", markup=False
                    )
            from dashboard.assistant.search import embed_missing, prepare

            prepare(safe)
            if settings.embedding.folder:
                from dashboard.assistant.embedding import Embedder

                embed_missing(safe, Embedder(settings.embedding), lambda done, of: status.update(f"vector {done} of {of}"))
        if not as_json:
            console.print(", ".join(f"{count} {what}" for what, count in counts.items()))
    if counts["refused"]:
        raise typer.Exit(1)


@docs.command("list")
def list_(
    config: Config, all: Annotated[bool, typer.Option("--all", help="with replaced versions")] = False, as_json: Json = False
) -> None:
    """List the documents with their collection, version and number."""
    with opened(config) as (safe, _):
        for one in safe.documents(current=not all):
            if as_json:
                print_json({**vars(one), "about": vars(one.about)})
            else:
                pages = f", {one.pages} pages" if one.pages else ""
                print(f"{one.id}  {one.collection}  v{one.version}{' (replaced)' if one.replaced_ns else ''}  {one.name}{pages}")


@docs.command()
def remove(
    documents: Annotated[list[int], typer.Argument(help="numbers from the list; each names one version")],
    config: Config,
    by: Annotated[str, typer.Option(help="who erases")],
    reason: Annotated[str, typer.Option(help="why; stays in the receipt")],
) -> None:
    """Erase versions of documents for good and print the receipt that proves it."""
    with opened(config) as (safe, _):
        from dashboard.assistant.erase import erase

        print_json(vars(erase(safe, documents, by, reason)))


@docs.command()
def expire(config: Config) -> None:
    """Erase what is older than its collection keeps it; meant for a daily timer."""
    with opened(config) as (safe, _):
        import time

        from dashboard.assistant import erase

        for receipt in erase.expire(safe, time.time_ns()):
            print_json(vars(receipt))


@docs.command()
def backup(folder: Annotated[Path, typer.Argument(help="a new folder")], config: Config) -> None:
    """Copy the safe, encrypted as it is, while it is in use."""
    with opened(config) as (safe, _):
        from dashboard.assistant.backup import back_up

        print(f"{back_up(safe, folder)}  {folder}")


@docs.command()
def restore(folder: Annotated[Path, typer.Argument(help="folder of a backup")], config: Config) -> None:
    """Put a backup where the settings say the safe is, opened and checked to its last page; nothing is overwritten."""
    with installed():
        from dashboard.assistant import settings as file
        from dashboard.assistant.backup import restore as put_back

        settings = file.read(config)
        put_back(folder, Path(settings.store.folder), _secret(settings)).lock()


@docs.command()
def rotate(
    config: Config,
    key_file: Annotated[
        Path | None, typer.Option("--key-file", help="new key file that opens it from now on, in place of a passphrase")
    ] = None,
) -> None:
    """Give the safe another key; what opened it before, and is not given again, opens nothing any more."""
    with opened(config) as (safe, _):
        from dashboard.assistant import rotation, secrets

        if key_file is not None:
            rotation.rotate(safe, [("key file", secrets.key_file(key_file))])
            console.print(f'From now on {key_file} opens it: name it in the settings, [store] key_file = "…"', markup=False)
        else:
            rotation.rotate(safe, [("passphrase", _typed("New passphrase", confirm=True))])
