"""Whether a recipe can judge at all: it is loaded with the model that is to judge, and tried on pictures of the last parts.

So what the station would refuse, or would make every part UNDECIDED, is said before anybody releases it.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edge import registry
from edge.config import Station
from edge.errors import SettingsError
from edge.recipe import LoadedRecipe
from edge.store import Store

PICTURES = 3
_LOOKED_AT = 400  # parts, newest first, among which pictures are looked for


def try_recipe(store: Store, config: Station, loaded: LoadedRecipe) -> int:
    """Judge pictures of the last parts of this recipe under another version of it; returns how many there were.

    Raises:
        SettingsError, ModelError: it cannot judge; says which key to change.
    """
    from edge.judge import Judge  # the runtime of the models takes memory, and those who only look need none
    from edge.model import RuntimeOptions
    from edge.pointer import model_path

    with store.reading() as db:
        sha256 = registry.in_state(db, loaded.recipe.product, "active") or ""
    options = RuntimeOptions(("cpu",), 1, False, config.keys.signers)  # the line has its own session; this one stays out of its way
    judge = Judge(loaded, options, model_file=model_path(store.folder, sha256) if sha256 else None, sha256=sha256)
    tried = 0
    for part in store.last(_LOOKED_AT):
        if tried == PICTURES:
            break
        if part.recipe != loaded.name or part.image_path is None:
            continue
        image = _read(store.folder / part.image_path, cv2.IMREAD_UNCHANGED)
        reference = _read(store.folder / part.reference_path, cv2.IMREAD_GRAYSCALE) if part.reference_path else None
        if image is None or (judge.wants_reference and reference is None):
            continue
        decision = judge.judge(image, reference).decision
        tried += 1
        if any("off its reference" in reason for reason in decision.reasons) and part.defects:
            raise SettingsError(
                f"reference.max_shift_px = {loaded.recipe.reference.max_shift_px}: part {part.part_id}, which was judged, would be UNDECIDED: "
                f"{decision.reasons[0]}; raise it, or take another reference"
            )
    return tried


def _read(path: Path, how: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None:
    try:
        found = cv2.imread(str(path), how)
    except cv2.error:
        return None
    return None if found is None else np.asarray(found, np.uint8)
