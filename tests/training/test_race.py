"""A race on drawn tiles: latency budget, profile, halving, a real kill, the pick and its card."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from rich.console import Console

pytest.importorskip("torch", reason="extra training is not installed")
pytest.importorskip("onnx", reason="extra training is not installed")
pytest.importorskip("matplotlib", reason="extra training is not installed")

from edge.errors import SettingsError
from edge.inspect import recipe_for
from edge.judge import Judge
from edge.labelled import read_coco, read_image
from edge.model import Model
from tests.training.sets import CLASSES, draw_tiles
from training.candidates import Candidate, Facts, facts_of, table, write_untrained
from training.latency import Latency, Profile, candidate_files, check_provider, measure, read_profile, write_profile
from training.pareto import rows
from training.pool import Here
from training.race import ranked, run_race, within_budget
from training.race_state import RaceState, Terms, load_state
from training.standing import LEAST_SCORE, at_allowed_overkill, by_part

ROOT = Path(__file__).resolve().parents[2]
STEPS = 27
WIDTHS = ["pair-8", "pair-12"]
pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore")]  # torch's notes on its own future


def quiet() -> Console:
    return Console(file=io.StringIO(), width=400)


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tiles")
    return draw_tiles(folder / "train", 12, 1), draw_tiles(folder / "val", 10, 2)


@pytest.fixture(scope="module")
def profile(sets: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The candidates' latencies, measured once, so that races compared with each other break ties alike."""
    folder = tmp_path_factory.mktemp("profile")
    run_race(terms(sets), folder, Here(quiet()), quiet(), only_candidates=True)
    files = candidate_files(folder / "candidates")
    assert len(files) == 4
    write_profile(measure(files, [], "cpu", 1, 2, quiet()), folder / "device.json")
    return folder / "device.json"


def terms(sets: tuple[Path, Path], **more: Any) -> Terms:
    fields: dict[str, Any] = {"data": str(sets[0]), "val": str(sets[1]), "budget_ms": 10_000, "families": ["pair"], "steps": STEPS, "threads": 1, "widths": WIDTHS}  # fmt: skip
    return Terms(**fields | more)


@pytest.fixture(scope="module")
def finished(sets: tuple[Path, Path], profile: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RaceState]:
    out = tmp_path_factory.mktemp("race")
    return out, run_race(terms(sets, profile=str(profile)), out, Here(quiet()), quiet())


def test_a_race_halves_and_picks(finished: tuple[Path, RaceState]) -> None:
    out, state = finished
    assert [len(r.entered) for r in state.rungs] == [4, 2, 2]
    assert [r.steps for r in state.rungs] == [3, 9, 27]
    for before, after in zip(state.rungs, state.rungs[1:], strict=False):
        assert after.entered
        assert set(after.entered) == set(ranked(before.done, state.latency, "p99")[: len(after.entered)])
    assert state.pick == ranked(state.rungs[-1].done, state.latency, "p99")[0]
    assert state.rungs[-1].done[state.pick]["unit"] == "part"
    assert {p.name for p in out.iterdir()} == {"race.json", "networks"}
    assert not list(out.rglob("*.new"))


def test_the_command_survives_kills_and_ends_like_a_race_left_alone(
    sets: tuple[Path, Path], profile: Path, finished: tuple[Path, RaceState], tmp_path: Path
) -> None:
    out = tmp_path / "race"
    command = [sys.executable, "-m", "edge.cli", "train", "--data", str(sets[0]), "--val", str(sets[1]), "--out", str(out), "--name", "tile",
               "--budget-ms", "10000", "--steps", str(STEPS), "--threads", "1", "--widths", ",".join(WIDTHS), "--profile", str(profile), "--json"]  # fmt: skip
    kills = 0
    for results in (1, 5):  # in the first rung, and in a later one
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            if count_done(out) >= results:
                time.sleep(0.2)
                process.send_signal(signal.SIGKILL)
                kills += process.wait() == -signal.SIGKILL
            time.sleep(0.02)
    assert kills == 2
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    document = json.loads(done.stdout)
    _, alone = finished
    assert document["rungs"] == msgspec.to_builtins(alone.rungs)
    assert document["pick"] == alone.pick == document["result"]["pick"]
    # once more there is nothing left to do
    assert run_race(alone.terms, out, Here(quiet()), quiet()).rungs == alone.rungs

    card = Model(out / "tile.onnx").card
    assert (card.name, card.licence, card.planes, card.classes) == ("tile", "Apache-2.0", ["gray"], CLASSES)
    assert card.command.startswith("gutteil train --data")
    assert card.data_hash == alone.data_sha256
    assert card.scored_on == "val/set.json"
    assert card.scores["escape"] == document["result"]["standing"]["escape"]["rate"]
    assert any("escape" in r for r in card.remarks)
    assert any("ms" in r for r in card.remarks)
    assert document["result"]["parity_box_px"] < 0.5
    assert (out / "race.png").read_bytes().startswith(b"\x89PNG")
    assert not [p for p in out.rglob("*") if p.name.endswith(".new")]
    judge = Judge(recipe_for(None, out / "tile.onnx"))
    assert {judge.judge(read_image(e.file)).decision.verdict for e in read_coco(sets[1]).images} <= {"OK", "NG", "UNDECIDED"}


def count_done(out: Path) -> int:
    try:
        return sum(len(r["done"]) for r in json.loads((out / "race.json").read_bytes())["rungs"])
    except FileNotFoundError:
        return 0


# --- terms and state ------------------------------------------------------------------------------------------------


def test_another_race_in_the_folder_is_not_gone_on_with(finished: tuple[Path, RaceState], sets: tuple[Path, Path], tmp_path: Path) -> None:
    out, state = finished
    assert load_state(out, state.terms, resume=True) == state
    with pytest.raises(SettingsError, match="steps was 27, is 28"):
        load_state(out, msgspec.structs.replace(state.terms, steps=28), resume=True)
    with pytest.raises(SettingsError, match="empty --out"):
        load_state(out, state.terms, resume=False)
    other = draw_tiles(tmp_path / "other", 4, 9)
    moved = msgspec.structs.replace(state.terms, data=str(other))
    with pytest.raises(SettingsError, match="other labels"):
        load_state(out, moved, resume=True)
    (tmp_path / "race.json").write_text('{"format": 1, "surprise": true}')
    with pytest.raises(SettingsError, match="not the state of a race"):
        load_state(tmp_path, state.terms, resume=True)


# --- latency and budget ---------------------------------------------------------------------------------------------


def latency(ms: float) -> Latency:
    return Latency(p50_ms=ms / 2, p99_ms=ms, runs=3, classes=2, planes=["gray"], width_px=96, height_px=96)


def candidate(width: str, precision: Any = "fp32") -> Candidate:
    return Candidate(
        family="pair", width=width, planes=("gray",), classes=tuple(CLASSES), width_px=96, height_px=96, resize="pad", precision=precision
    )


def budget(limit: float, latencies: dict[Candidate, float], **more: Any) -> tuple[list[str], RaceState]:
    asked = Terms(data="d", val="v", budget_ms=limit, families=["pair"], **more)
    state = RaceState(
        terms=asked, data_sha256="", val_sha256="", device="bench", latency={c.name: latency(ms) for c, ms in latencies.items()}
    )
    return [c.name for c in within_budget([*latencies, candidate("16")], state, asked, quiet())], state


def test_what_is_over_the_budget_is_dropped_and_named() -> None:
    kept, state = budget(15, {candidate("8"): 15.0, candidate("12"): 15.01})
    assert kept == [candidate("8").name]
    assert "15.01 ms (p99), over the budget of 15 ms" in state.dropped[candidate("12").name]
    assert state.dropped[candidate("16").name] == "is not in the profile"
    assert budget(15, {candidate("12"): 29.0}, at="p50")[0] == [candidate("12").name]


def test_half_precision_runs_only_where_full_precision_does_not_keep_the_budget() -> None:
    both = {candidate("8"): 9.0, candidate("8", "fp16"): 5.0, candidate("12"): 12.0, candidate("12", "fp16"): 7.0}
    assert budget(10, both)[0] == [candidate("8").name, candidate("12", "fp16").name]


def test_no_candidate_within_the_budget_is_an_error_that_names_the_quickest() -> None:
    with pytest.raises(SettingsError, match=r"--budget-ms 1: .* bench \(cpu\); the quickest, pair-8-96x96-gray, takes 3.00 ms"):
        budget(1, {candidate("12"): 4.0, candidate("8"): 3.0})


def test_a_profile_comes_back_as_it_was_written(profile: Path, tmp_path: Path) -> None:
    made = read_profile(profile)
    assert (made.provider, made.threads, len(made.candidates)) == ("cpu", 1, 4)
    assert all(0 < row.p50_ms <= row.p99_ms and row.runs == 6 for row in made.candidates.values())
    write_profile(made, tmp_path / "again.json")
    assert read_profile(tmp_path / "again.json") == made


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": 2}', '{"format":1,"device":"d","provider":"cpu","threads":0,"onnxruntime":"","made":"","candidates":{}}']
)
def test_what_is_no_profile_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(SettingsError, match="not a profile"):
        read_profile(tmp_path / "p.json")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_profile(tmp_path / "none.json")


def test_the_profile_command_needs_no_training_packages(sets: tuple[Path, Path], profile: Path, tmp_path: Path) -> None:
    """As on the device at the line: PyTorch, ultralytics and ONNX are not there."""
    code = (
        "import sys\n"
        "class Blocker:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('torch', 'ultralytics', 'onnx', 'matplotlib', 'ray'):\n"
        "            raise ModuleNotFoundError('blocked: ' + name, name=name)\n"
        "sys.meta_path.insert(0, Blocker())\n"
        "import typer\n"
        "from training.commands import profile\n"
        "typer.run(profile)\n"
    )
    command = [str(profile.parent / "candidates"), "--out", str(tmp_path / "p.json"), "--threads", "1", "--rounds", "1", "--data", str(sets[1]), "--json"]  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    made = read_profile(tmp_path / "p.json")
    assert json.loads(done.stdout) == msgspec.to_builtins(made)
    assert made.candidates.keys() == read_profile(profile).candidates.keys()
    with pytest.raises(SettingsError, match="--only-candidates"):
        candidate_files(tmp_path)


def changed(profile: Path, target: Path, **more: Any) -> Profile:
    made = msgspec.structs.replace(read_profile(profile), **more)
    write_profile(made, target)
    return made


def test_a_profile_of_other_networks_or_another_provider_is_refused(sets: tuple[Path, Path], profile: Path, tmp_path: Path) -> None:
    made = read_profile(profile)
    name = next(iter(made.candidates))
    wrong = made.candidates | {name: msgspec.structs.replace(made.candidates[name], classes=7)}
    changed(profile, tmp_path / "shape.json", candidates=wrong)
    changed(profile, tmp_path / "names.json", candidates={"other": made.candidates[name]})
    changed(profile, tmp_path / "provider.json", provider="tensorrt")
    for file, words in (("shape", "other classes, planes or size"), ("names", "none of the 4 candidates"), ("provider", "--on tensorrt")):
        with pytest.raises(SettingsError, match=words):
            run_race(terms(sets, profile=str(tmp_path / f"{file}.json")), tmp_path / file, Here(quiet()), quiet())


def test_a_provider_that_is_not_there_is_refused(profile: Path) -> None:
    file = candidate_files(profile.parent / "candidates")[0]
    check_provider("cpu", file)
    with pytest.raises(SettingsError, match="no such provider; there are: tensorrt"):
        check_provider("tpu", file)
    with pytest.raises(SettingsError, match="does not run on this machine"):
        check_provider("openvino", file)


def test_a_half_precision_candidate_runs(tmp_path: Path) -> None:
    full, half = (write_untrained(candidate("8", p), tmp_path) for p in ("fp32", "fp16"))
    assert half.stat().st_size < 0.6 * full.stat().st_size
    image = np.random.default_rng(0).integers(0, 256, (90, 80), np.uint8)
    seen = []
    for file in (full, half):
        judge = Judge(recipe_for(None, file))
        found, _, _ = judge.look(image, None, 0.001)
        assert found is not None
        assert found.valid
        seen.append(float(found.scores.max()))
    assert seen[0] == pytest.approx(seen[1], abs=0.01)


# --- candidates -----------------------------------------------------------------------------------------------------


def test_the_table_follows_the_set(sets: tuple[Path, Path]) -> None:
    labelled = read_coco(sets[0])
    facts = facts_of(labelled.classes, labelled.images, read_coco(sets[1]).images)
    assert (facts.colour, facts.references, facts.ng_images) == (False, False, 12)
    names = [c.name for c in table(facts, ("pair", "yolo"), ("fp32",))]
    assert len(names) == len(set(names)) == 14
    assert "pair-8-128x96-gray" in names
    assert "yolo-n-64x64-gray" in names
    pairs = Facts(classes=("a",), sizes=((640, 640),), colour=True, references=True, ng_images=5)
    planes = {c.planes for c in table(pairs, ("pair", "yolo"), ("fp32", "fp16"))}
    assert planes == {("gray", "reference"), ("gray",), ("rgb",)}
    assert {(c.width_px, c.resize) for c in table(pairs, ("pair",), ("fp32",))} == {(640, "pad"), (320, "letterbox")}


# --- escapes at the allowed overkill --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allowed", "escapes", "overkills"),
    [(0.0, 2, 0), (0.24, 2, 0), (0.25, 1, 1), (0.5, 0, 2), (0.99, 0, 3)],
)
def test_escapes_by_hand(allowed: float, escapes: int, overkills: int) -> None:
    scores = np.array([0.9, 0.6, 0.22, 0.7, 0.2, 0.25, 0.1])
    bad = np.array([True, True, True, False, False, False, False])
    found = at_allowed_overkill(scores, bad, allowed)
    assert found["overkill"]["count"] <= allowed * 4
    rejected = scores >= found["threshold"]
    assert found["escape"]["count"] == int((bad & ~rejected).sum())
    assert (found["escape"]["count"], found["overkill"]["count"]) == (escapes, overkills)


def test_a_threshold_lies_where_predictions_are_looked_for() -> None:
    """Good images on which nothing at all was seen: the threshold is the least score, and what was not seen escapes."""
    found = at_allowed_overkill(np.array([0.0, 0.0, 0.4, 0.0]), np.array([False, False, True, True]), 0.0)
    assert (found["threshold"], found["escape"]["count"], found["overkill"]["count"]) == (LEAST_SCORE, 1, 0)


def test_a_part_is_as_bad_as_its_worst_image(sets: tuple[Path, Path]) -> None:
    images = read_coco(sets[1]).images
    scores = np.arange(len(images), dtype=np.float64) / len(images)
    best, bad = by_part(images, scores)
    assert best.tolist() == scores[1::2].tolist()
    assert bad.tolist() == [False, True] * 5


def test_rank_is_by_escape_then_map_then_speed() -> None:
    def result(rate: float, map_50: float) -> dict[str, Any]:
        return {"escape": {"rate": rate}, "map_50": map_50}

    done = {"a": result(0.1, 0.9), "b": result(0.0, 0.5), "c": result(0.1, 0.9), "d": result(0.1, 0.95)}
    speeds = {"a": latency(5), "b": latency(9), "c": latency(4), "d": latency(9)}
    assert ranked(done, speeds, "p99") == ["b", "d", "c", "a"]


def test_the_front_holds_what_nothing_beats(finished: tuple[Path, RaceState]) -> None:
    _, state = finished
    listed = rows(state)
    assert [r["ms"] for r in listed] == sorted(r["ms"] for r in listed)
    assert sum(r["rung"] == 3 for r in listed) == 2
    assert any(r["front"] for r in listed)
    assert not any(r["front"] for r in listed if r["rung"] < 3)
