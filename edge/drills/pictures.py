"""The set that a drill runs over: drawn boards of which the model judges every single one right, half of them bad, in random order.

So what passes wrongly in a drill is the fault's doing, not the model's.
"""

from __future__ import annotations

import json
import random
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from edge.inspect import DEFAULT_RECIPE, inspect_files, recipe_for
from edge.judge import Judge
from edge.labelled import read_coco
from hardware.cameras.board_set import draw_set

BOARDS = 16
PULSE_MS = 5  # an ejector for so many parts a second must be quick, or each shot takes the next part with it
CONFIRM_MS = 25  # the fall takes 20; a window longer than the way to the next reject lets that one's fall hide a miss
WAY_MS = 400


@dataclass(frozen=True, slots=True)
class Pictures:
    """A set on disk.

    Attributes:
        truth: OK or NG, by number of the picture.
    """

    file: Path
    recipe: Path
    truth: list[str]


def draw_pictures(folder: Path, seed: int) -> Pictures:
    """Draw a set into a folder that does not exist yet."""
    file = draw_set(folder, BOARDS, seed=70_000 + seed)
    judge = Judge(recipe_for(DEFAULT_RECIPE, None))
    right = {row["file"] for row in inspect_files(judge, read_coco(file).images) if row["verdict"] == row["expected"]}
    document = json.loads(file.read_text("utf-8"))
    images = [image for image in document["images"] if image["file_name"] in right]
    random.Random(seed).shuffle(images)
    file.write_text(json.dumps({**document, "images": images}))
    recipe = write_recipe(folder / "recipe.toml", delay_ms=WAY_MS)
    return Pictures(file, recipe, [image["verdict"] for image in images])


def write_recipe(file: Path, **way: Any) -> Path:
    """The shipped recipe for boards, with a quick ejector so far from the sensor."""
    recipe = tomllib.loads(DEFAULT_RECIPE.read_text("utf-8"))
    recipe["model"]["file"] = str((DEFAULT_RECIPE.parent / recipe["model"]["file"]).resolve())
    recipe["ejector"] = {"pulse_ms": PULSE_MS, "confirm_ms": CONFIRM_MS, **way}
    file.write_text(tomli_w.dumps(recipe))
    return file
