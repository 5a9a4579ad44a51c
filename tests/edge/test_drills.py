"""Fault drills with real processes: no bad part passes, whatever breaks. `GUTTEIL_DRILLS=all` runs every one of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from edge.config import Station
from edge.drill import Drill, Load, run_drill, sustained_rate
from edge.drill_command import SHARE, drill_command
from edge.drills.ground import Ground
from edge.drills.long import run_long
from edge.drills.pictures import Pictures, draw_pictures
from edge.drills.table import DRILLS, chosen
from edge.errors import SettingsError
from hardware.plc import Result

ALL = os.environ.get("GUTTEIL_DRILLS") == "all"
# one of every kind; the others hit the same ways from another side
SHORT = {"kill-station", "freeze-rejector", "kill-recorder", "kill-line", "camera-frozen", "disk-full", "ejector-misses", "malformed", "replayed", "clock-back"}  # fmt: skip
PARTS = 90


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    return draw_pictures(tmp_path_factory.mktemp("drills") / "set", 1)


@pytest.fixture(scope="module")
def load(pictures: Pictures, tmp_path_factory: pytest.TempPathFactory) -> Load:
    return Load(max(5.0, SHARE * sustained_rate(pictures, tmp_path_factory.mktemp("rate"), 60)), PARTS)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", [d.name for d in DRILLS])
def test_no_bad_part_passes(name: str, pictures: Pictures, load: Load, tmp_path: Path) -> None:
    drill = chosen([name])[0]
    if not ALL and name not in SHORT:
        pytest.skip("one of every kind is enough here; GUTTEIL_DRILLS=all runs this one too")
    report = run_drill(drill, pictures, tmp_path, load)
    if report.skipped:
        pytest.skip(report.skipped)
    assert report.ok, json.dumps(report.as_dict(), indent=1)
    assert report.ng > 10, "there was something to let pass"
    assert report.passed > 5, "and something that may pass"


@pytest.mark.timeout(400)
def test_a_drill_sees_bad_parts_that_pass(pictures: Pictures, load: Load, tmp_path: Path) -> None:
    """What never finds anything proves nothing: the station is silent, and somebody tells the PLC that bad parts are good."""

    def lie(ground: Ground) -> None:
        ground.freeze("station")
        for _ in range(40):
            for part in ground.witness.parts[-40:]:
                if not part.outcome and pictures.truth[part.item % len(pictures.truth)] == "NG":
                    ground.rig.line.answer(Result(part.trigger_id, 1))
            ground.let(0.03)
        ground.thaw("station")

    def patient(config: Station, _folder: Path) -> Station:  # five parts without a verdict would stop the line before a lie gets through
        return config.model_copy(update={"plc": config.plc.model_copy(update={"no_verdicts_stop": 1_000})})

    report = run_drill(Drill("saboteur", "a PLC that is lied to", lie, settings=patient), pictures, tmp_path, load)
    assert report.escapes >= 1
    assert report.unjudged >= report.escapes
    assert not report.ok
    assert "passed-without-ok" in report.alarms, "and the line was stopped for it"


@pytest.mark.timeout(400)
def test_random_kills(pictures: Pictures, load: Load, tmp_path: Path) -> None:
    """The short one; `gutteil drill --long 1000 --parts 100000` is the long one."""
    report, tally = run_long(pictures, tmp_path, Load(load.rate_hz, 500, seed=3), kills=6)
    assert report.ok, json.dumps(report.as_dict(), indent=1)
    assert sum(tally["kills"].values()) == 6
    assert tally["parts"] >= 500
    assert (tally["escapes"], tally["corrupt"], tally["lost"]) == (0, 0, 0)
    assert json.loads((tmp_path / "tally.json").read_text())["kills"] == tally["kills"]


def test_a_drill_that_does_not_exist() -> None:
    with pytest.raises(SettingsError, match="kill-station"):
        chosen(["kill-everything"])


def test_an_old_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "line.journal").touch()
    with pytest.raises(SettingsError, match="not empty"):
        drill_command(["kill-line"], 10, 10.0, 1, tmp_path, 0, Console(stderr=True))


def test_the_list_of_drills_is_json() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edge.cli", "drill", "--list", "--json"], capture_output=True, text=True, check=True, timeout=60
    )
    assert [row["drill"] for row in json.loads(done.stdout)] == [d.name for d in DRILLS]


def test_every_drill_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "drills.md").read_text("utf-8")
    assert [d.name for d in DRILLS if f"`{d.name}`" not in page] == []
