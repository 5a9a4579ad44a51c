"""`gutteil inspect`: judge image files under a recipe, as the line would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import SettingsError
from edge.judge import Judge
from edge.labelled import LabelledImage, read_coco, read_image
from edge.recipe import LoadedRecipe, Recipe, RecipeModel, load_recipe

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_RECIPE = ROOT / "recipes" / "board.toml"


def recipe_for(recipe: Path | None, model: Path | None) -> LoadedRecipe:
    """The recipe asked for; with a model alone, a recipe of defaults for it.

    Raises:
        SettingsError: the recipe is missing or wrong.
    """
    if recipe is None and model is not None:
        plain = Recipe(product="unnamed", model=RecipeModel(file=str(model)))
        return LoadedRecipe(plain, "defaults", "", model.resolve(), None)
    return load_recipe(recipe or DEFAULT_RECIPE)


def inspect_files(judge: Judge, images: list[LabelledImage]) -> Iterator[dict[str, Any]]:
    """Judge images one by one.

    Yields:
        file, verdict, reasons, defects (class, score, box x1 y1 x2 y2 in px of the image), timings in µs, shift_px, and
        `expected` where the set knows; a file that cannot be judged gives `error` and the verdict UNDECIDED.
    """
    for entry in images:
        row: dict[str, Any] = {"file": entry.name}
        try:
            image = read_image(entry.file)
            reference = read_image(entry.reference, gray=True) if entry.reference is not None and judge.wants_reference else None
            seen = judge.judge(image, reference)
        except SettingsError as error:
            row |= {"verdict": "UNDECIDED", "reasons": [str(error)], "defects": [], "timings": {}, "error": str(error)}
        else:
            times = seen.timings
            row |= {
                "verdict": seen.decision.verdict,
                "reasons": seen.decision.reasons,
                "defects": [
                    {"class": d.kind, "score": round(d.score, 4), "box": [round(v, 1) for v in d.box]} for d in seen.decision.defects
                ],
                "timings": {
                    "prepare_us": round(times.prepare_us),
                    "infer_us": round(times.infer_us),
                    "decode_us": round(times.decode_us),
                    "decide_us": round(times.decide_us),
                },
                "shift_px": list(seen.shift_px),
            }
        if entry.expected:
            row["expected"] = entry.expected
        yield row


def images_of(files: list[Path], data: Path | None, reference: Path | None) -> list[LabelledImage]:
    """What to judge: the files given, or every image of a COCO file.

    Raises:
        SettingsError: neither or both were given, or the COCO file is wrong.
    """
    if bool(files) == bool(data):
        raise SettingsError("give either image files or --data COCO.json")
    if data is not None:
        return read_coco(data).images
    return [LabelledImage(str(f), f, reference, "", np.empty((0, 4), np.float32), ()) for f in files]
