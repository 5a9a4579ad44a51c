"""What the recipe asked for, the released model and the restart of a rejector have to do with each other: no OK for another recipe."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from edge.appliance import DEMO_RECIPE
from edge.config import Record, Station
from edge.errors import SettingsError
from edge.judge import Judge
from edge.ledger import Ledger
from edge.messages import Trigger
from edge.recipe import check_products, load_recipe
from edge.recipe_active import all_active
from hardware.belt import Belt, BeltSettings
from tests.edge.story import trigger_of

TEXT = 'product = "{product}"\n[model]\nfile = "{model}"\n[reference]\nfile = "golden.png"\n'


def recipe(folder: Path, name: str, product: str, model: str = "m.onnx") -> str:
    path = folder / f"{name}.toml"
    path.write_text(TEXT.format(product=product, model=model))
    return str(path)


def test_recipes_of_one_product_are_made_for_one_model(tmp_path: Path) -> None:
    a, b, c = recipe(tmp_path, "a", "P"), recipe(tmp_path, "b", "P"), recipe(tmp_path, "c", "Q", "other.onnx")
    (tmp_path / "broken.toml").write_text("product = ")
    files = {"1": b, "2": c, "3": str(tmp_path / "broken.toml"), "4": str(tmp_path / "none.toml")}
    record = Record(folder=str(tmp_path / "data"))
    check_products(all_active(Station(recipe=a, recipes=files, record=record)))
    d = recipe(tmp_path, "d", "P", "other.onnx")
    with pytest.raises(SettingsError, match=r"'a' and 'd' are both of product 'P'.*m\.onnx, other\.onnx.*a product of its own"):
        check_products(all_active(Station(recipe=a, recipes=files | {"5": d}, record=record)))


def test_a_reference_that_was_changed_meanwhile_is_not_taken_without_a_word(tmp_path: Path) -> None:
    """As a change of model or a rollback would: the same recipe, loaded again."""
    text = DEMO_RECIPE.read_text().replace("../models/board.onnx", "board.onnx")
    (tmp_path / "r.toml").write_text(text)
    shutil.copy(DEMO_RECIPE.with_name("sim-board.png"), tmp_path / "sim-board.png")
    shutil.copy(DEMO_RECIPE.parents[1] / "models" / "board.onnx", tmp_path / "board.onnx")
    loaded = load_recipe(tmp_path / "r.toml")
    Judge(loaded)
    cv2.imwrite(str(tmp_path / "sim-board.png"), np.full((640, 640), 90, np.uint8))
    with pytest.raises(SettingsError, match=r"reference\.file = 'sim-board\.png' was changed while the recipe was in use"):
        Judge(loaded)
    Judge(load_recipe(tmp_path / "r.toml"))


def test_a_part_that_an_earlier_rejector_announced_is_not_announced_again() -> None:
    seen: Trigger = msgspec.structs.replace(trigger_of(7), sensor="camera")
    ledger = Ledger()
    ledger.announced(seen, early=True, known=True)
    assert ledger.open_parts() == []
    ledger = Ledger()
    ledger.announced(seen)
    assert [number for number, _, _ in ledger.open_parts()] == [seen.trigger_id]


def test_what_came_after_another_recipe_was_asked_for_may_not_pass() -> None:
    ledger = Ledger()
    ledger.triggered(3)
    assert ledger.condemn(3, "it came after another recipe had been asked for") == []
    assert ledger.barred(3)


def test_the_simulated_belt_stands_at_once_when_another_recipe_is_asked_for() -> None:
    belt = Belt(BeltSettings(rate_hz=10))
    now = time.monotonic_ns()
    belt.acknowledge(now)
    belt.ready(True, now)
    for step in range(1, 20):
        belt.advance(now + step * 50_000_000)
    assert belt.program.running
    at = now + 20 * 50_000_000
    belt.request_recipe(2, at)
    assert not belt.program.running
    assert sum(len(belt.advance(at + step * 50_000_000)) for step in range(1, 30)) == 0
