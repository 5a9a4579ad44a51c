"""The commands `gutteil data …`; what they need is loaded when one is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.idle import refuse_idle

app = typer.Typer(help="Labelled sets: import, check, split, fix as a snapshot, export.", no_args_is_help=True)
Shelf = Annotated[Path, typer.Option("--folder", help="folder of all sets and their images")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="name of the set")]
Json = Annotated[bool, typer.Option("--json", help="print JSON on standard output and nothing else")]
SHELF = Path("datasets")


@app.command("import")
def import_(
    name: Name,
    source: Annotated[Path | None, typer.Argument(help="label file or folder, as the format wants it")] = None,
    format_name: Annotated[str, typer.Option("--format", help="coco, yolo, voc, cvat, labelstudio, classes or masks")] = "",
    record: Annotated[
        Path | None, typer.Option(help="folder of the appliance's record, in the place of SOURCE: its reviewed parts")
    ] = None,
    trust_model: Annotated[
        bool, typer.Option("--trust-model", help="with --record: bad parts without drawn defects get the model's NG defects")
    ] = False,
    images: Annotated[Path | None, typer.Option(help="folder of the images, where it is not the one that the format names")] = None,
    classes: Annotated[
        str, typer.Option(help="comma between: the only classes that are taken; for yolo and masks in the order of their numbers")
    ] = "",
    good: Annotated[str, typer.Option(help="comma between: folder names that mean no defect, for the format classes")] = "good,ok",
    empty: Annotated[str, typer.Option(help="what an image without labels and verdict is: unknown, ok or refuse")] = "unknown",
    who: Annotated[str, typer.Option(help="who labelled, where the source does not say")] = "",
    split: Annotated[str, typer.Option(help="train, val or test: put all of them there; default: as the source says, or nowhere yet")] = "",
    prefix: Annotated[str, typer.Option(help="put before every name, to keep sources apart whose files have the same names")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="images that are there with other labels get the new ones")] = False,
    skip_refused: Annotated[bool, typer.Option("--skip-refused", help="exit with 0 although images were refused")] = False,
    folder: Shelf = SHELF,
    as_json: Json = False,
) -> None:
    """Take labelled images into a draft. Each is taken whole or refused with its name and the reason; exit status 1 if any was."""
    from training.datasets.command import import_set, words

    if record is None:
        refuse_idle(import_, locals(), ("trust_model",), "does nothing without --record")
    else:
        refuse_idle(
            import_, locals(), ("format_name", "images", "good"), "says how to read label files, and --record has none: leave it out"
        )
    if format_name != "classes":
        refuse_idle(import_, locals(), ("good",), "does nothing without --format classes")
    done = import_set(
        name, source, format_name, record, folder, trust_model=trust_model, images=images, classes=words(classes), good=words(good), empty=empty,
        who=who, split=split, prefix=prefix, replace=replace, as_json=as_json,
    )  # fmt: skip
    raise typer.Exit(0 if done or skip_refused else 1)


@app.command("list")
def list_(folder: Shelf = SHELF, as_json: Json = False) -> None:
    """Every draft and snapshot."""
    from training.datasets.show import list_sets

    list_sets(folder, as_json)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="SET", help="NAME@ID, NAME (its newest snapshot) or NAME@draft")],
    image: Annotated[str, typer.Option(help="also everything that is known of this image")] = "",
    verify: Annotated[bool, typer.Option("--verify", help="read every image and label again, and compare the hashes")] = False,
    folder: Shelf = SHELF,
    as_json: Json = False,
) -> None:
    """What is in a set: counts by split and class, where it comes from, who labelled."""
    from training.datasets.show import show_set

    if name.endswith("@draft"):
        refuse_idle(
            show,
            locals(),
            ("verify",),
            "compares with the hashes of a snapshot, and a draft has none: gutteil data snapshot NAME makes one",
        )
    show_set(folder, name, image, verify, as_json)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="NAME@ID, NAME or NAME@draft")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="the same")],
    folder: Shelf = SHELF,
    as_json: Json = False,
) -> None:
    """Which images, labels, keys and splits differ between two states of a set; exit status 1 if any does."""
    from training.datasets.show import show_diff

    raise typer.Exit(1 if show_diff(folder, before, after, as_json) else 0)


@app.command()
def split(
    name: Name,
    by: Annotated[
        str, typer.Option(help="part, board, lot, time, or a regular expression over the file name whose first group is the key")
    ] = "part",
    val: Annotated[float, typer.Option(help="share of the images to choose on", min=0, max=0.9)] = 0.15,
    test: Annotated[float, typer.Option(help="share of the images to confirm on", min=0, max=0.9)] = 0.15,
    seed: Annotated[int, typer.Option(help="of the order among equals")] = 1,
    duplicates: Annotated[bool, typer.Option(help="search duplicates, and keep them together")] = True,
    folder: Shelf = SHELF,
    as_json: Json = False,
) -> None:
    """Divide a draft by part, board, lot or time, never by image; classes and verdicts in equal shares."""
    from training.datasets.command import split_set

    split_set(folder, name, by, val, test, seed, duplicates, as_json)


@app.command()
def snapshot(name: Name, folder: Shelf = SHELF, as_json: Json = False) -> None:
    """Fix a draft for good: COCO files per split, images, manifest. The same content gives the same snapshot."""
    from training.datasets.command import fix_set

    fix_set(folder, name, as_json)


@app.command()
def duplicates(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="name of the set")] = "",
    across: Annotated[
        list[Path] | None, typer.Option(help="COCO file, given once for each split: leaks between them, in place of NAME")
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="with --across: file that remembers what the images look like")] = None,
    folder: Shelf = SHELF,
    as_json: Json = False,
) -> None:
    """Exact and near duplicates of a draft, those across its splits first; exit status 1 if there are any across splits."""
    from training.datasets.command import show_duplicates, show_leaks

    if across:
        refuse_idle(duplicates, locals(), ("folder",), "does nothing with --across, which names files: leave one of the two out")
    else:
        refuse_idle(duplicates, locals(), ("cache",), "does nothing without --across: a draft remembers by itself")
    clean = show_leaks(across, cache, as_json) if across else show_duplicates(folder, name, as_json)
    raise typer.Exit(0 if clean else 1)


@app.command()
def check(
    name: Name,
    out: Annotated[Path, typer.Option(help="folder for the contact sheets")] = Path("sheets"),
    model: Annotated[Path | None, typer.Option(help="ONNX model with a card: which OK images is it sure are NG?")] = None,
    recipe: Annotated[Path | None, typer.Option(help="recipe (TOML) that it judges by")] = None,
    folder: Shelf = SHELF,
    as_json: Json = False,
) -> None:
    """Find labels that are probably wrong, each kind with contact sheets to look at; exit status 1 if there are any."""
    from training.datasets.command import check_set

    raise typer.Exit(1 if check_set(folder, name, out, model, recipe, as_json) else 0)


@app.command()
def export(
    name: Annotated[str, typer.Argument(metavar="SET", help="NAME@ID, NAME (its newest snapshot) or NAME@draft")],
    out: Annotated[Path, typer.Option(help="a new folder")],
    format_name: Annotated[str, typer.Option("--format", help="coco, yolo, voc, cvat, labelstudio, classes or masks")] = "coco",
    split: Annotated[str, typer.Option(help="only this one")] = "",
    folder: Shelf = SHELF,
) -> None:
    """Write a set in a format that other tools read, and say what that format cannot carry."""
    from training.datasets.command import export_set

    export_set(folder, name, out, format_name, split)
