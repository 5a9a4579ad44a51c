"""The whole line with real processes: station, rejector, simulated PLC, recorder, over a drawn set."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from edge.inspect import DEFAULT_RECIPE
from edge.messages import Ejection, Heartbeat, Verdict
from edge.replay import replay, replay_config
from edge.rig import Rig, rig
from edge.store import open_store
from hardware.cameras.board_set import draw_set

BOARDS = 12


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_set(tmp_path_factory.mktemp("drawn"), BOARDS)


def gutteil(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "edge.cli", *arguments], capture_output=True, text=True, check=False, timeout=110)


def test_replay_closes_the_books(drawn: Path, tmp_path: Path) -> None:
    done = gutteil("replay", "--data", str(drawn), "--json", "--folder", str(tmp_path / "kept"))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)  # one document and nothing else
    books = document["reconciliation"]
    assert books["closes"]
    assert books["triggers"] == sum(books["verdicts"].values()) == books["passed"] + books["ejected"] + books["missed"] == 2 * BOARDS
    assert books["evidence_lost"] == books["messages_missed"] == 0
    assert (books["expected_ng"], books["expected_ok"]) == (BOARDS, BOARDS)
    assert document["escapes"]["count"] == 0
    assert document["escapes"]["high"] == pytest.approx(1 - 0.025 ** (1 / BOARDS), rel=1e-6)
    assert set(document["latency_us"]["total"]) == {"p50", "p95", "p99"}
    # what the record keeps of a rejected part is its picture, bit for bit
    with open_store(Path(document["record"]) / "gutteil.db", read_only=True) as store:
        assert store.integrity() == []
        rejects = store.last(100, "NG")
    assert rejects
    assert all(r.image_path and (Path(document["record"]) / r.image_path).is_file() for r in rejects)
    # and every verdict whose picture is kept can be had again from it, byte for byte
    again = gutteil("rejudge", "--folder", document["record"], "--json")
    assert again.returncode == 0, again.stderr
    replayed = json.loads(again.stdout)
    assert replayed["parts"] == replayed["same"] >= len(rejects)


def _let(appliance: Rig, seconds: float, seen: list[Any]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        message = appliance.next(0.1)
        if isinstance(message, Verdict | Ejection | Heartbeat):
            seen.append(message)


@pytest.mark.parametrize("victim", ["station", "rejector", "recorder"])
def test_a_killed_process_lets_no_bad_part_pass_and_comes_back(drawn: Path, tmp_path: Path, victim: str) -> None:
    config = replay_config(drawn, DEFAULT_RECIPE, tmp_path, 8.0, 0)
    seen: list[Any] = []
    with rig(config, tmp_path, ["station", "rejector", "recorder"]) as appliance:
        appliance.line.hold(False)
        _let(appliance, 2.0, seen)
        os.kill(appliance.processes.child(victim).pid, signal.SIGKILL)
        before = len(seen)
        _let(appliance, 4.0, seen)
        assert appliance.processes.child(victim).restarts == 1
        appliance.acknowledge()
        _let(appliance, 5.0, seen)
        assert any(isinstance(m, Verdict) for m in seen[before + 20 :]), "the line judges again"
        appliance.line.hold(True)
        _let(appliance, 2.5, seen)
    bad = {m.trigger_id for m in seen if isinstance(m, Verdict) and m.expected == "NG"}
    passed = {m.trigger_id for m in seen if isinstance(m, Ejection) and m.outcome == "passed"}
    assert passed, "good parts passed"
    # the set's images come in file order, good and bad in turn: every even trigger is a bad part, judged or not
    assert all(trigger_id % 2 == 0 for trigger_id in bad)
    assert not {t for t in passed if t % 2 == 0}
    with open_store(Path(config.record.folder) / "gutteil.db", read_only=True) as store:
        assert store.integrity() == []
        assert store.reconcile().escapes == 0


def test_a_wrong_model_is_refused_before_the_line_starts(drawn: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "bad.toml"
    (tmp_path / "no.onnx").write_bytes(b"no model")
    recipe.write_text('product = "x"\nmodel = { file = "no.onnx" }\n')
    with pytest.raises(Exception, match="not a usable ONNX file"):
        replay(drawn, recipe, tmp_path / "run")


def test_inspect_prints_one_object_a_line(drawn: Path) -> None:
    done = gutteil("inspect", "--data", str(drawn), "--json")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 2 * BOARDS
    for row in rows:
        assert row["verdict"] in ("OK", "NG", "UNDECIDED")
        assert (row["verdict"] == "OK") == (not row["reasons"])
        for defect in row["defects"]:
            x1, y1, x2, y2 = defect["box"]
            assert 0 <= x1 < x2 <= 640
            assert 0 <= y1 < y2 <= 640
    assert not [r["file"] for r in rows if r["expected"] == "NG" and r["verdict"] == "OK"]


def test_inspect_with_a_broken_file_says_so_and_goes_on(drawn: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG broken")
    good = drawn.parent / "images" / "0-good.png"
    done = gutteil("inspect", "--json", "--reference", str(good), str(broken), str(good))
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [r["verdict"] for r in rows] == ["UNDECIDED", "OK"]
    assert "not an image" in rows[0]["error"]


def test_evaluate_says_escape_and_overkill_with_bounds(drawn: Path) -> None:
    done = gutteil("evaluate", "--data", str(drawn), "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert {"map_50", "map_50_95", "map_33", "f1_33", "per_class"} <= document.keys()
    assert document["escape"]["of"] == document["overkill"]["of"] == BOARDS
    assert document["escape"]["low"] <= document["escape"]["rate"] <= document["escape"]["high"]
    # the shipped model must read the simulator's boards too
    assert document["map_33"] > 0.8
    assert document["escape"]["count"] == 0


def test_doctor_names_what_is_wrong(tmp_path: Path) -> None:
    settings = tmp_path / "station.toml"
    settings.write_text('name = "S1"\nrecipe = "missing.toml"\n')
    done = gutteil("doctor", "--config", str(settings), "--json")
    assert done.returncode == 1
    findings = {f["what"]: f for f in json.loads(done.stdout)["findings"]}
    assert findings["model"]["level"] == "fault"
    assert "missing.toml" in findings["model"]["text"]
    assert findings["model"]["remedy"]
