"""Another version of the recipe at a running line, with real processes: between two parts, nothing lost, no stop, a way back."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

from edge.appliance import DEMO_RECIPE
from edge.config import Camera, Line, Record, Station
from edge.messages import Alarm, AnyMessage, Candidates, Run, Verdict
from edge.recipe import load_recipe
from edge.recipe_active import active_file
from edge.recipe_library import Hand, Library
from edge.rig import Rig, own_ports, rig
from edge.store import FILE_NAME, open_store
from tests.edge.registry_line import ready_again, until
from tests.edge.test_switch import check_nothing_lost, parts

ANNA, BEN = Hand("Anna"), Hand("Ben")
NAME = "sim"


@contextlib.contextmanager
def running_line(folder: Path) -> Iterator[Rig]:
    """A line with a recipe of its own folder; every second part is bad."""
    recipe = folder / f"{NAME}.toml"
    recipe.write_text(DEMO_RECIPE.read_text().replace("../models/board.onnx", str(load_recipe(DEMO_RECIPE).model_file)))
    shutil.copy(DEMO_RECIPE.with_suffix(".png"), folder)
    camera = Camera(backend="simulator", settings={"carousel": 8, "ng_share": 0.5})
    record = Record(folder=str(folder / "data"), ring_mb=40, ok_share=0.0, batch_s=0.1)
    config = own_ports(
        Station(name="S1", recipe=str(recipe), recipes={"1": str(recipe)}, camera=camera, line=Line(rate_hz=8), record=record)
    )
    with rig(config, folder, ["station", "rejector", "recorder"]) as appliance:
        appliance.line.hold(False)
        yield appliance


def judged_by(sha256: str) -> Callable[[AnyMessage | None], bool]:
    return lambda m: isinstance(m, Verdict) and m.recipe_hash == sha256


def test_another_version_between_two_parts_and_back(tmp_path: Path) -> None:
    with running_line(tmp_path) as appliance, open_store(Path(appliance.config.record.folder) / FILE_NAME, beside=True) as store:
        library = Library(store, appliance.config)
        own = library.shelf(NAME).present.hash
        since_ns = time.monotonic_ns()
        seen = until(appliance, parts(6))
        assert {m.verdict for m in seen if isinstance(m, Verdict)} >= {"OK", "NG"}
        told = {m.part_id: m for m in seen if isinstance(m, Candidates)}
        looked = [m for m in seen if isinstance(m, Verdict) and m.timings.infer_us][:-1]
        assert looked
        assert all(m.part_id in told for m in looked), "one per part that the model has looked at"
        assert all(c.score >= 0.1 for m in told.values() for c in m.found)
        # nothing is bad enough for this one, so the very same parts pass: the verdict changes, and only from one part to the next
        text = (
            library.file(NAME)
            .read_text()
            .replace("ng_score = 0.65", "ng_score = 1.0")
            .replace("undecided_score = 0.55", "undecided_score = 1.0")
        )
        version = library.propose(NAME, text, ANNA, "let all pass, for the test")
        library.release(NAME, "2", BEN, "it is a test")
        seen = until(appliance, parts(2)) + until(appliance, judged_by(own))
        assert {m.recipe_hash for m in seen if isinstance(m, Verdict)} == {own}, "a release alone changes nothing"
        library.activate(NAME, "2", BEN, "now")
        seen += until(appliance, judged_by(version.sha256)) + until(appliance, parts(6))
        library.rollback(NAME, BEN, "back")
        seen += until(appliance, judged_by(own)) + until(appliance, parts(4))
        check_nothing_lost(seen, since_ns)
        verdicts = sorted({m.trigger_id: m for m in seen if isinstance(m, Verdict)}.values(), key=lambda m: m.trigger_id)
        assert [b.trigger_id - a.trigger_id for a, b in pairwise(verdicts)] == [1] * (len(verdicts) - 1)
        changes = [b.recipe_hash for a, b in pairwise(verdicts) if a.recipe_hash != b.recipe_hash]
        assert changes == [version.sha256, own]
        assert {m.verdict for m in verdicts if m.recipe_hash == version.sha256} == {"OK"}
        assert "NG" in {m.verdict for m in verdicts if m.recipe_hash == own}
        assert len({m.run_id for m in verdicts}) == 3, "a run is one version"


def test_a_version_that_cannot_be_used_leaves_the_one_before_also_after_a_restart(tmp_path: Path) -> None:
    with running_line(tmp_path) as appliance, open_store(Path(appliance.config.record.folder) / FILE_NAME, beside=True) as store:
        library = Library(store, appliance.config)
        until(appliance, parts(2))
        version = library.propose(NAME, library.file(NAME).read_text().replace("0.55", "0.5"), ANNA, "one")
        library.release(NAME, "2", BEN, "well")
        library.activate(NAME, "2", BEN, "go")
        until(appliance, judged_by(version.sha256))
        file = active_file(library.folder, NAME)
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        alarm = until(appliance, lambda m: isinstance(m, Alarm) and m.active and m.code == "version-refused")[-1]
        assert isinstance(alarm, Alarm)
        assert "damaged" in alarm.text
        assert {m.recipe_hash for m in until(appliance, parts(3)) if isinstance(m, Verdict)} == {version.sha256}
        library.point(NAME)
        until(appliance, lambda m: isinstance(m, Alarm) and not m.active and m.code == "version-refused")
        # the settings' own file does not count any more, whoever edits it
        library.file(NAME).write_text(library.file(NAME).read_text().replace("0.65", "0.99"))
        os.kill(appliance.processes.child("station").pid, signal.SIGKILL)
        until(appliance, lambda _: appliance.processes.child("station").restarts)
        after = until(appliance, lambda m: isinstance(m, Run))
        assert [m.recipe_hash for m in after if isinstance(m, Run)] == [version.sha256]
        ready_again(appliance)
        assert {m.recipe_hash for m in until(appliance, parts(3)) if isinstance(m, Verdict)} == {version.sha256}
