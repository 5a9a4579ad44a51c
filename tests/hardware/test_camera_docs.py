"""docs/cameras.md names every backend, every setting with its default, and every fault."""

from __future__ import annotations

import importlib
import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

from hardware.camera import BACKENDS
from hardware.cameras.faults import FAULTS
from hardware.cameras.golden import BOARD_ROI

PAGE = (Path(__file__).parents[2] / "docs" / "cameras.md").read_text("utf-8")


def settings_of(backend: str) -> list[inspect.Parameter]:
    module, name = BACKENDS[backend]
    return list(inspect.signature(getattr(importlib.import_module(module), name)).parameters.values())


def rows_of(backend: str) -> dict[str, list[str]]:
    """Setting → the cells of its row."""
    section = re.search(rf"^## {backend}$(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    assert section, f"docs/cameras.md has no section {backend}"
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in section[1].splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[1:] for row in cells}


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_setting_is_documented_with_its_default(backend: str) -> None:
    rows = rows_of(backend)
    parameters = settings_of(backend)
    assert list(rows) == [p.name for p in parameters]
    for parameter in parameters:
        default: Any = parameter.default
        if parameter.name == "wire":
            assert rows["wire"][0] == "`line.wire`"
        elif default is inspect.Parameter.empty:
            assert rows[parameter.name][0] == ""
        else:
            assert rows[parameter.name][0] == f"`{json.dumps(default)}`"
        assert len(rows[parameter.name][2]) > 5


def test_faults_and_region_are_documented() -> None:
    assert all(fault in rows_of("simulator")["fault"][1] for fault in FAULTS)
    assert f"roi = {list(BOARD_ROI)}" in PAGE
