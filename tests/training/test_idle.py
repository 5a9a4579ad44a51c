"""Options that would do nothing are refused by name; those that do something, and calls from Python, are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.cli import app
from edge.errors import SettingsError
from training.idle import refuse_idle


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("train --data t.json --val v.json --widths pair-8 --threads 2", "--widths, --threads: .* without --budget-ms"),
        ("train --data t.json --val v.json --budget-ms 5 --no-reference", "--reference: of one network"),
        ("evaluate --data t.json --against-recipe r.toml", "--against-recipe: does nothing without --against"),
        (
            "thresholds --data t.json --escape-cost 1 --overkill-cost 1 --parts-per-hour 9 --defect-share .1 --anyway",
            "--anyway: does nothing without --write",
        ),
        ("export m.onnx --weights w.pt --data t.json --calibrate c.json", "--calibrate: does nothing without int8"),
        ("data import t x.json --format coco --trust-model", "--trust-model: does nothing without --record"),
        ("data import t x.json --format coco --good fine", "--good: does nothing without --format classes"),
        ("data import t --record data --format coco", "--format: .*leave it out"),
        ("data duplicates t --cache looks.db", "--cache: does nothing without --across"),
        ("data show t@draft --verify", "--verify: .*gutteil data snapshot"),
    ],
)
def test_what_would_do_nothing_is_refused(command: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "1")  # or a training that is not refused begins anew in the place of the tests
    done = CliRunner().invoke(app, command.split())
    assert isinstance(done.exception, SettingsError), done.output
    with pytest.raises(SettingsError, match=words):
        raise done.exception
    assert list(tmp_path.iterdir()) == []


def test_what_is_as_by_default_passes() -> None:
    def work(depth: int = 3, format_name: str = "") -> None:
        refuse_idle(work, locals(), ("depth", "format_name"), "does nothing")

    work()
    work(3, "")
    with pytest.raises(SettingsError, match=r"^--depth, --format: does nothing$"):
        work(4, "x")
