"""`gutteil people`: works without the dashboard, asks for no password on the command line, and is written down."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dashboard.people import commands
from dashboard.people.setup_code import FILE_NAME, fits_code, read_code
from dashboard.people.users import People
from edge.errors import GutteilError
from edge.store import open_store
from tests.dashboard.people.conftest import PASSWORD

RUNNER = CliRunner()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "station.toml"
    path.write_text('name = "S1"\n[record]\nfolder = "record"\n')
    return path


def run(config: Path, *words: str, typed: str = "") -> str:
    done = RUNNER.invoke(commands.app, [*words, "--config", str(config)], input=typed)
    if isinstance(done.exception, GutteilError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_the_way_of_an_admin_at_the_terminal(config: Path) -> None:
    assert "No user yet" in run(config, "list")
    code = run(config, "setup-code").split()[0]
    folder = config.parent / "record"
    assert fits_code(folder, code.lower().replace("-", " "))
    assert not fits_code(folder, code[:-1] + "0")
    assert (folder / FILE_NAME).stat().st_mode & 0o077 == 0
    assert run(config, "setup-code").split()[0] == code, "asked again within its hour, it is the same"
    run(config, "add", "Eve", "--role", "admin", "--who", "Eve", typed=f"{PASSWORD}\n")
    assert read_code(folder) is None, "there is a user: the code is over"
    said = run(config, "add", "Ben", "--role", "operator", "--who", "Eve", "--one-time")
    password = said.split()[-1]
    with pytest.raises(GutteilError, match="there are users already"):
        run(config, "setup-code")
    with contextlib.closing(People(folder)) as people:
        assert people.check("Eve", PASSWORD) is not None
        ben = people.check("Ben", password)
        assert ben is not None
        assert ben.first_step
    run(config, "role", "Ben", "engineer", "--who", "Eve")
    run(config, "disable", "Ben", "--who", "Eve")
    assert "disabled" in run(config, "list")
    run(config, "enable", "Ben", "--who", "Eve")
    run(config, "password", "Ben", "--who", "Eve", typed="another four plain words\n")
    assert len(run(config, "password", "Ben", "--who", "Eve", "--one-time").split()[-1]) >= 10
    run(config, "remove", "Ben", "--who", "Eve")
    with pytest.raises(GutteilError, match="last admin"):
        run(config, "remove", "Eve", "--who", "Eve")
    with open_store(folder / "gutteil.db", read_only=True) as store:
        rows = store.audit(50)
        assert store.verify_audit().holds
    assert {row.key for row in rows} == {"command line"}
    assert len(rows) == 8
    assert PASSWORD not in repr(rows)


def test_a_short_password_and_an_unknown_role_are_named(config: Path) -> None:
    with pytest.raises(GutteilError, match="password: 10 to 200"):
        run(config, "add", "Eve", "--role", "admin", "--who", "Eve", typed="short\n")
    with pytest.raises(GutteilError, match="role = 'boss'"):
        run(config, "add", "Eve", "--role", "boss", "--who", "Eve", typed=f"{PASSWORD}\n")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no users there")
def test_another_user_than_the_appliances_is_sent_away(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(config, "list")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(GutteilError, match="belongs to another user"):
        run(config, "list")


def test_a_code_is_over_after_its_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboard.people import setup_code

    made = setup_code.make_code(tmp_path)
    monkeypatch.setattr("dashboard.people.setup_code.time.time", lambda: made.until_s + 1)
    assert not fits_code(tmp_path, made.code)
    assert setup_code.make_code(tmp_path).code != made.code


@pytest.mark.parametrize("text", ["", "x", "null", "{}", '{"code": 3, "until_s": 9e99}'])
def test_a_damaged_file_is_no_code(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    assert read_code(tmp_path) is None
    assert not fits_code(tmp_path, "")
