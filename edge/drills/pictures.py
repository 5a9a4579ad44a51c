"""The set that a drill runs over: drawn boards of which the model judges every single one right, half of them bad, in random order.

So what passes wrongly in a drill is the fault's doing, not the model's.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

from edge.inspect import DEFAULT_RECIPE, inspect_files, recipe_for
from edge.judge import Judge
from edge.labelled import read_coco
from hardware.cameras.board_set import draw_set

BOARDS = 16


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
    return Pictures(file, DEFAULT_RECIPE, [image["verdict"] for image in images])
