"""Taking files in: new, unchanged, changed; the commands people type."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dashboard.assistant import ingest
from dashboard.assistant.commands import docs
from dashboard.assistant.documents import About
from dashboard.assistant.errors import Refused, SafeError
from dashboard.assistant.ingest import Step, add
from dashboard.assistant.safe import Safe
from dashboard.assistant.view import View
from tests.dashboard.assistant.paper import pdf


def test_unchanged_files_are_not_even_opened(safe: Safe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.txt"
    file.write_text("Drehmoment 12 Nm")
    assert [o.what for o in add(safe, "handbook", [file])] == ["added"]
    monkeypatch.setattr(ingest, "parse", lambda *_: pytest.fail("parsed again"))
    assert [o.what for o in add(safe, "handbook", [tmp_path / "a.txt"])] == ["unchanged"]
    os.utime(file)  # touched: read, compared, not parsed
    assert [o.what for o in add(safe, "handbook", [file])] == ["unchanged"]
    monkeypatch.setattr("hashlib.sha256", lambda *_: pytest.fail("read again"))
    assert [o.what for o in add(safe, "handbook", [file])] == ["unchanged"]


def test_a_changed_file_is_a_new_version(safe: Safe, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    for text in ("Drehmoment 12 Nm", "Drehmoment 14 Nm"):
        file.write_text(text)
        outcome = next(add(safe, "handbook", [file], About("Müller GmbH", "work instruction", "2024-03-15")))
    assert (outcome.what, outcome.chunks) == ("replaced", 1)
    assert [c.piece.text for c in View(safe, "operator").chunks([1, 2])] == ["Drehmoment 12 Nm", "Drehmoment 14 Nm"]
    assert View(safe, "operator").original(2) == b"Drehmoment 14 Nm"
    assert [o.what for o in add(safe, "quotes", [file])] == ["added"]  # another collection, another document


def test_progress_has_an_end_in_sight(safe: Safe, tmp_path: Path) -> None:
    (tmp_path / "b.pdf").write_bytes(pdf([[(40, 800, f"Seite {k} von drei")] for k in (1, 2, 3)]))
    (tmp_path / "a.txt").write_text("Text")
    steps: list[Step] = []
    list(add(safe, "handbook", [tmp_path], say=steps.append))
    steps = [step for step in steps if "/safe/" not in step.name]
    total = steps[0].of
    assert [(Path(s.name).name, s.page, s.pages) for s in steps] == [
        ("a.txt", 0, 0),
        ("b.pdf", 0, 0),
        ("b.pdf", 1, 3),
        ("b.pdf", 2, 3),
        ("b.pdf", 3, 3),
    ]
    assert {step.of for step in steps} == {total}


@pytest.mark.parametrize("about", [About(date="15.03.2024"), About(date="2024-13-01"), About(supplier="x" * 201)])
def test_what_no_filter_finds_again_is_refused(safe: Safe, about: About) -> None:
    with pytest.raises(Refused):
        list(add(safe, "handbook", [], about))
    with pytest.raises(SafeError, match="not there"):
        list(add(safe, "nowhere", []))


def test_the_commands(tmp_path: Path) -> None:
    """From an empty folder to an erased document."""
    config = tmp_path / "assistant.toml"
    config.write_text('[store]\nfolder = "safe"\nkey_file = "key"\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dashboard.assistant.guard.guard_memory", _unguarded)
        runner = CliRunner()

        def run(*words: str, status: int = 0) -> str:
            done = runner.invoke(docs, [*words, "--config", str(config)] if words[0] != "key" else list(words))
            assert done.exit_code == status, (done.output, done.exception)
            return done.stdout

        run("key", str(tmp_path / "key"))
        run("init")
        run("collection", "handbook", "--role", "operator", "--keep-days", "365")
        (tmp_path / "good.txt").write_text("Drehmoment 12 Nm")
        (tmp_path / "bad.exe").write_text("x")
        said = run("add", str(tmp_path / "good.txt"), str(tmp_path / "bad.exe"), "--collection", "handbook", "--json", status=1)
        assert [json.loads(line)["what"] for line in said.splitlines()] == ["added", "refused"]
        run("add", str(tmp_path / "good.txt"), "--collection", "handbook")
        listed = json.loads(run("list", "--json"))
        assert (listed["collection"], listed["version"], listed["name"]) == ("handbook", 1, str(tmp_path / "good.txt"))
        run("backup", str(tmp_path / "b"))
        run("key", str(tmp_path / "key2"))
        run("rotate", "--key-file", str(tmp_path / "key2"))
        config.write_text('[store]\nfolder = "safe"\nkey_file = "key2"\n')
        receipt = json.loads(run("remove", "1", "--by", "anna", "--reason", "Art. 17"))
        assert receipt["found"] == 0
        assert run("list", "--all") == ""
        assert run("expire") == ""
        config.write_text('[store]\nfolder = "back"\nkey_file = "key"\n')
        run("restore", str(tmp_path / "b"))
        assert "good.txt" in run("list")


def _unguarded() -> object:
    """The test's own process must stay as it is; test_no_plaintext.py has the guard in a process of its own."""
    from dashboard.assistant.guard import Guarded

    return Guarded(True, True, "")


def test_without_the_extra_the_commands_say_what_to_install() -> None:
    import subprocess
    import sys

    code = (
        "import sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in {'sqlcipher3', 'tantivy', 'tokenizers', 'pypdf', 'pdfplumber', 'pypdfium2', 'docx', 'openpyxl', 'defusedxml'}:\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Block())\n"
        "import dashboard.app\n"
        "from dashboard.assistant.commands import docs\n"
        "from dashboard.assistant.errors import AssistantError\n"
        "try:\n"
        "    docs(['list', '--config', 'x.toml'], standalone_mode=False)\n"
        "except AssistantError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, cwd=Path(__file__).parents[3]
    )
    assert "needs sqlcipher3, which is not installed" in done.stdout


def test_every_setting_is_documented() -> None:
    from dashboard.assistant.settings import Assistant
    from edge.settings import describe

    page = (Path(__file__).parents[3] / "docs/assistant.md").read_text("utf-8")
    for key, default, _, _ in describe(Assistant):
        assert f"`{key}`" in page, key
        assert default.replace("'", '"') in page, key
