"""`gutteil export`: a trained model in the precisions asked for, each held against its network before anybody may use it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.console import Console

from edge.errors import SettingsError
from training.idle import refuse_idle


def export(
    model: Annotated[Path, typer.Argument(help="FP32 ONNX file with its card, as the trainer wrote it")],
    weights: Annotated[Path, typer.Option(help="checkpoint it was exported from; one of ultralytics' is unpickled: only trust your own")],
    data: Annotated[Path, typer.Option(help="COCO file of the validation images, every one of which is compared")],
    recipe: Annotated[Path | None, typer.Option(help="recipe (TOML) whose thresholds make the verdicts; default: defaults")] = None,
    precision: Annotated[str, typer.Option(help="fp32, fp16, int8, or several of them with commas")] = "fp32",
    calibrate: Annotated[Path | None, typer.Option(help="COCO file of real images that int8 is calibrated on; not those of --data")] = None,
    out: Annotated[Path | None, typer.Option(help="folder of the results; default: beside the model")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON on standard output and nothing else")] = False,
) -> None:
    """Convert a model and hold it against the network it came from: parity. Exit status 1 if a file decides differently."""
    try:
        from training.parity import check, write_parity
        from training.precision import Precision, convert
    except ImportError as error:
        raise SettingsError(
            f"export needs {error.name}, which is not installed; install it with: .venv/bin/pip install -e '.[training]'"
        ) from error
    from edge.labelled import read_coco
    from training.parity_page import write_page

    wanted: list[Precision] = [p.strip() for p in precision.split(",")]  # type: ignore[misc]
    if unknown := [p for p in wanted if p not in get_args(Precision)]:
        raise SettingsError(f"--precision {unknown[0]!r}: choose from {', '.join(get_args(Precision))}")
    if "int8" not in wanted:
        refuse_idle(export, locals(), ("calibrate",), "does nothing without int8 among --precision")
    if calibrate is not None and calibrate.resolve() == data.resolve():
        raise SettingsError(
            f"--calibrate and --data are the same file {data}: what int8 was fitted to proves nothing; give training images"
        )
    images = read_coco(calibrate).images if calibrate is not None else []
    folder, console, results = out or model.parent, Console(stderr=True), []
    folder.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        target = model
        if name != "fp32":
            target = folder / f"{model.stem}-{name}.onnx"
            convert(model, target, name, images, recipe, console)
        document = check(weights, target, data, recipe, console)
        document["parity"] = str(write_parity(document, target))
        document["page"] = str(write_page(document, target.with_suffix(".parity.html")))
        results.append({k: v for k, v in document.items() if k != "shown"})
    if as_json:
        print(json.dumps(results, ensure_ascii=False))
    else:
        for result in results:
            show(result, Console())
    raise typer.Exit(0 if all(r["passed"] for r in results) else 1)


def show(result: dict[str, Any], console: Console) -> None:
    """For people."""
    word = "[green]passed[/]" if result["passed"] else "[red]failed[/]"
    console.print(
        f"{result['precision']}: parity {word}: {result['images']} images, {result['flipped']} with another verdict, "
        f"boxes within {result['max_box_px']} px, scores within {result['max_score']}; escapes {result['escape']['count']} of "
        f"{result['escape']['of']} (trained network: {result['escape_trained']['count']}), needless rejects {result['overkill']['count']} of "
        f"{result['overkill']['of']} ({result['overkill_trained']['count']})",
        highlight=False,
    )
    for failure in result["failures"]:
        console.print(f"  {failure}", style="red", highlight=False)
    console.print(f"  {result['page']}", highlight=False, soft_wrap=True)
