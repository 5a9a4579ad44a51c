"""What is printed for people fits 80 columns: nothing of it is cut, and what is short stays in one piece."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from edge.bounds import share
from edge.models_command import show_list
from training.datasets.commands import app as data_app
from training.datasets.draft import open_draft
from training.evaluate import show as show_evaluation
from training.latency import Latency
from training.pareto import show as show_race
from training.race_state import RaceState, Rung, Terms


def printed(console_width: int = 80) -> tuple[io.StringIO, Console]:
    file = io.StringIO()
    return file, Console(file=file, width=console_width)


def check(text: str, *whole: str) -> None:
    for words in whole:
        assert words in text, words
    assert "\N{HORIZONTAL ELLIPSIS}" not in text


def test_models(tmp_path: Path) -> None:
    file, console = printed()
    model = {
        "sha256": "30630c2ed7e9" + "a" * 52, "name": "tiles-wide-with-a-very-long-name", "state": "candidate", "registered_at": "2026-11-24T19:17:53.038Z",
        "by": "Anna Lindqvist", "latency_ms": {"x86_64 cpu": 12.3456789, "jetson-orin": 4.2}, "shadow": {"judged": 12345, "busy": 3, "gone": 0, "missed": 1},
    }  # fmt: skip
    show_list({"product": "p", "active": "", "before": None, "station": "", "wrong": "", "models": [model]}, console)
    check(file.getvalue(), "30630c2ed7e9", "candidate", "2026-11-24", "jetson-orin", "12345")


def test_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    name = "a" * 64
    with open_draft(tmp_path, name, make=True):
        pass
    text = CliRunner().invoke(data_app, ["list", "--folder", str(tmp_path)], catch_exceptions=False).stdout
    check("".join(line.strip() for line in text.splitlines()), "images", "parent", "made (UTC)")
    assert text.count("a") >= 64


def test_an_evaluation() -> None:
    file, console = printed()
    part = share(12, 1000).as_dict()
    document = {
        "model": "m.onnx", "data": "d/" + "x" * 90, "parts": 1139, "images": 2000, "map_33": 0.98, "map_50": 0.97, "map_50_95": 0.61, "f1_33": 0.9,
        "f1_33_score": 0.5, "f1_33_best": 0.92, "f1_33_best_score": 0.35, "per_class": {"blowhole": {"ap_33": 0.9, "ap_50": 0.8}}, "auroc": None,
        "auroc_parts": 0.99, "escape": part, "overkill": part, "overkill_without_undecided": part, "undecided": 12, "undecided_ng": part,
        "classes": {"blowhole": {"escape": part, "unseen": part}}, "warnings": [], "escaped": [], "overkilled": [],
        "claim": {"claimable": 0.03, "rate": 0.001, "more": 2857},
    }  # fmt: skip
    show_evaluation(document, console)
    check(file.getvalue(), "x" * 90, "0.9200 at score 0.35", "12 of 1000 (1.20 %, 95 % bounds 0.62 to 2.09 %)")


def test_a_race(state: RaceState) -> None:
    file, console = printed()
    show_race(state, console)
    text = file.getvalue()
    check(
        text,
        "pair-16-640x640-gray",
        "12/139 4.5-14.6 %",
        "2/100",
        "0.951",
        "left out: pair-32-640x640-gray: 31.00 ms (p99), over the budget of 15 ms",
    )
    assert all(len(line) <= 80 for line in text.splitlines() if "budget" not in line)


@pytest.fixture
def state() -> RaceState:
    def latency(ms: float) -> Latency:
        return Latency(p50_ms=ms / 2, p99_ms=ms, runs=3, classes=2, planes=["gray"], width_px=640, height_px=640)

    standing = {"escape": share(12, 139).as_dict(), "overkill": share(2, 100).as_dict(), "map_50": 0.951, "auroc": 0.99}
    return RaceState(
        terms=Terms(data="d", val="v", budget_ms=15, families=["pair"]), data_sha256="", val_sha256="", device="bench", pick="pair-16-640x640-gray",
        latency={"pair-16-640x640-gray": latency(9.0), "pair-32-640x640-gray": latency(31.0)},
        dropped={"pair-32-640x640-gray": "31.00 ms (p99), over the budget of 15 ms"}, rungs=[Rung(steps=9, entered=[], done={"pair-16-640x640-gray": standing})],
    )  # fmt: skip
