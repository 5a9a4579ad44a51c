"""`gutteil document`: a model's document for people and auditors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from edge.errors import SettingsError
from edge.whole import write_whole
from training.document.words import LANGUAGES, Language


def document(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="its SHA-256 or the beginning of it, or its name, as in the registry")],
    out: Annotated[Path, typer.Argument(metavar="FILE", help="FILE.html (one page, prints on A4) or FILE.md")],
    language: Annotated[str, typer.Option(help="en or de")] = "en",
    purpose: Annotated[str, typer.Option(help="what the model is for, in your words")] = "",
    limits: Annotated[str, typer.Option(help="what it must not be used for, in your words")] = "",
    snapshot: Annotated[Path | None, typer.Option(help="manifest.json of the data it was trained on")] = None,
    config: Annotated[Path | None, typer.Option("--config", help="settings of the station (TOML); default: the usual ones")] = None,
    product: Annotated[str, typer.Option(help="product; default: that of the recipe the station starts with")] = "",
) -> None:
    """Purpose, data, figures with bounds, limits, who released it, and where Annex IV of the EU AI Act is answered."""
    from edge.models_command import open_registry
    from training.document.gather import gather
    from training.document.write import markdown, page

    if language not in LANGUAGES:
        raise SettingsError(f"--language {language!r}: choose from {', '.join(LANGUAGES)}")
    if out.suffix not in (".html", ".md"):
        raise SettingsError(f"{out}: name a file that ends with .html or .md")
    chosen: Language = language
    with open_registry(config, product) as registry:
        facts = gather(registry, model, purpose=purpose, limits=limits, snapshot=snapshot)
    text = page(facts, chosen) if out.suffix == ".html" else markdown(facts, chosen)
    write_whole(out, text.encode())
    Console().print(f"{out}", highlight=False, soft_wrap=True)
