"""A small record of parts that the shipped model has really judged: drawn boards, the recipe kept as the recorder keeps it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np

from edge.config import Record, Station
from edge.decide import Decision
from edge.evidence import ImageFolder
from edge.inspect import ROOT
from edge.judge import Image, Judge, Judgement
from edge.messages import CODES, Ejector, ImageRef, Run, Timings, Verdict
from edge.model import RuntimeOptions
from edge.recipe import load_recipe
from edge.recipes_kept import RecipeKeeper
from edge.rows import Batch, Evidence
from edge.store import FILE_NAME, Store, open_store

RUN, T0 = "S1-run", 1_790_000_000 * 10**9
_REF = ImageRef("gutteil-x", 0, 2, (640, 640), True)
Change = Callable[[Decision], Decision]


def as_it_is(decision: Decision) -> Decision:
    return decision


@lru_cache(1)
def golden() -> Image:
    return np.asarray(cv2.imread(str(ROOT / "recipes" / "sim-board.png"), cv2.IMREAD_GRAYSCALE), np.uint8)


def board(defects: int, seed: int = 1) -> Image:
    """The golden board with so many holes in it, and noise of its own."""
    rng = np.random.default_rng(seed)
    image = golden().astype(np.int16) + rng.normal(0, 2, golden().shape).astype(np.int16)
    for x, y in ((200, 200), (330, 260), (450, 420))[:defects]:
        image[y : y + 14, x : x + 14] = 250 - image[y : y + 14, x : x + 14]
    return np.asarray(np.clip(image, 0, 255), np.uint8)


def copied_recipe(folder: Path) -> Path:
    """The simulated board's recipe with model and reference, to be changed by a test."""
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "models" / "board.onnx", folder / "board.onnx")
    shutil.copy(ROOT / "recipes" / "sim-board.png", folder / "sim-board.png")
    file = folder / "board.toml"
    file.write_text((ROOT / "recipes" / "sim-board.toml").read_text().replace("../models/", ""))
    return file


class JudgedRecord:
    """Settings and record; parts are judged by the real model and written as the recorder writes them."""

    def __init__(self, folder: Path, *, keep: bool = True) -> None:
        self.recipe = copied_recipe(folder / "line")
        self.config = Station(name="S1", recipe=str(self.recipe), record=Record(folder=str(folder / "record")))
        self.folder = folder / "record"
        self.judge = Judge(load_recipe(self.recipe), RuntimeOptions(("cpu",), 2))
        self.count = 0
        self._images = ImageFolder(self.folder)
        with self.open() as store:
            store.write(Batch(messages=[self.run()]))
            if keep:
                RecipeKeeper(self.config).see(store, [self.run()])

    def open(self) -> Store:
        return open_store(self.folder / FILE_NAME)

    def run(self) -> Run:
        judge = self.judge
        return Run(
            station="S1", epoch=T0, seq=1, wall_ns=T0, run_id=RUN, product=judge.recipe.product, recipe=judge.loaded.name,
            recipe_hash=judge.loaded.hash, model=judge.model.card.name, model_hash=judge.model.file_hash, classes=judge.classes,
            camera="drawn", provider="cpu", ejector=Ejector(), simulated=True,
        )  # fmt: skip

    def part(
        self,
        image: Image,
        change: Change = as_it_is,
        *,
        part_id: str = "",
        judged: bool = True,
        reference: Image | None = None,
        **fields: Any,
    ) -> str:
        """Judge and record a part; `change` alters what is recorded of the judgement, `judged` False: the model never looked at it;
        `reference`: it brings its own."""
        self.count += 1
        part_id = part_id or f"{RUN}-{self.count}"
        seen = self.judge.judge(image, reference) if judged else Judgement(Decision("UNDECIDED", ["the camera is blind"], []), Timings())
        decision = change(seen.decision)
        verdict = Verdict(
            station="S1", epoch=T0, seq=self.count, run_id=RUN, part_id=part_id, trigger_id=self.count, trigger_ns=1,
            trigger_wall_ns=T0 + self.count * 10**9, verdict=decision.verdict, code=CODES[decision.verdict], reasons=decision.reasons,
            defects=decision.defects, timings=msgspec.structs.replace(seen.timings, total_us=9_000), recipe=self.judge.loaded.name,
            recipe_hash=self.judge.loaded.hash, model_hash=self.judge.model.file_hash, image=_REF, reference=_REF if reference is not None else None, simulated=True, **fields,
        )  # fmt: skip
        stored = self._images.add(part_id, verdict.trigger_wall_ns, image)
        with self.open() as store:
            own = self._images.add_reference(store.reference, reference) if reference is not None else None
            self._images.commit()
            store.write(Batch(messages=[verdict], evidence={part_id: Evidence(stored, own)}))
        return part_id
