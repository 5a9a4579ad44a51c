"""Keys: made once, kept from others, listed with name and role, and never shown."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from edge import keys
from edge.config import Keys, Station
from edge.errors import KeysError, SettingsError
from edge.keys import OWN, ROLES, Role, add, admitted, check, listed, make, read_own, read_server, revoke
from edge.settings import check as check_settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make(tmp_path / "keys")
    return tmp_path / "keys"


def secrets_of(folder: Path) -> list[str]:
    found = [read_server(folder).secret, *(read_own(folder, role).secret for role in get_args(Role))]
    return found + [msgspec.json.decode(p.read_bytes())["secret"] for p in (folder / "give").glob("*.json")]


def test_everything_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make(tmp_path / "keys")
        add(tmp_path / "keys", "hmi", "watch")
    finally:
        os.umask(before)
    places = [tmp_path / "keys", *(tmp_path / "keys").rglob("*")]
    assert len(places) > 10
    for path in places:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_made_once(folder: Path) -> None:
    before = {p: p.read_bytes() for p in folder.rglob("*.json")}
    make(folder)
    assert {p: p.read_bytes() for p in folder.rglob("*.json")} == before
    check(folder)
    (folder / "own" / "watch.json").unlink()
    make(folder)  # what is missing is made anew, with its entry in the list
    check(folder)
    assert read_own(folder, "watch").public != msgspec.json.decode(before[folder / "own" / "watch.json"])["public"]


def test_a_client_is_listed_with_name_and_role_and_its_secret_is_only_in_the_file_for_it(folder: Path) -> None:
    path = add(folder, "hmi", "watch")
    given = msgspec.json.decode(path.read_bytes())
    assert given == {"v": 1, "name": "hmi", "role": "watch", "public": given["public"], "secret": given["secret"], "server": read_server(folder).public}  # fmt: skip
    entry = next(c for c in listed(folder) if c.name == "hmi")
    assert (entry.role, entry.public) == ("watch", given["public"])
    for file in folder.rglob("*.json"):
        assert (given["secret"] in file.read_text()) == (file == path)


def test_a_client_may_keep_its_secret_to_itself(folder: Path) -> None:
    public = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
    assert add(folder, "scada", "command", public).parent == folder / "clients"
    assert [(c.role, c.public) for c in listed(folder) if c.name == "scada"] == [("command", public)]
    assert list((folder / "give").iterdir()) == []
    with pytest.raises(KeysError, match="already, under another name"):
        add(folder, "again", "watch", public)


@pytest.mark.parametrize("name", ["", "a b", "../x", "x" * 33, "ä", "a\n", "own-x", ".new"])
def test_impossible_names(folder: Path, name: str) -> None:
    with pytest.raises(KeysError, match="cannot be given"):
        add(folder, name, "watch")


@pytest.mark.parametrize("public", ["x", "x" * 39 + " ", "x" * 41, "ü" * 40])
def test_impossible_keys(folder: Path, public: str) -> None:
    with pytest.raises(KeysError, match="40 characters"):
        add(folder, "hmi", "watch", public)


def test_no_name_twice_and_not_too_many(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(folder, "hmi", "watch")
    with pytest.raises(KeysError, match=r"hmi is listed already.*--revoke hmi"):
        add(folder, "hmi", "command")
    monkeypatch.setattr(keys, "MAX_CLIENTS", 4)
    with pytest.raises(KeysError, match="the most"):
        add(folder, "other", "watch")


def test_a_revoked_client_is_gone_with_its_secret(folder: Path) -> None:
    path = add(folder, "hmi", "command")
    config = Station(keys=Keys(folder=str(folder)))
    assert admitted(config, "hmi", "commands")
    revoke(folder, "hmi")
    assert not admitted(config, "hmi", "commands")
    assert not path.exists()
    assert "hmi" not in [c.name for c in listed(folder)]
    with pytest.raises(KeysError, match="not listed; listed are: own-command"):
        revoke(folder, "hmi")
    with pytest.raises(KeysError, match="appliance's own"):
        revoke(folder, OWN + "watch")


def test_each_role_may_only_what_it_needs(folder: Path) -> None:
    config = Station(keys=Keys(folder=str(folder)))
    assert {r: set(d) for r, d in ROLES.items()} == {
        "watch": {"watch"},
        "reject": {"watch", "orders"},
        "command": {"watch", "commands"},
    }
    for role, domains in ROLES.items():
        assert admitted(config, OWN + role, next(iter(domains)))
    assert not admitted(config, OWN + "watch", "commands")
    assert not admitted(config, OWN + "reject", "commands")
    for name in ("", "nobody", "../own/watch", "None"):
        assert not admitted(config, name, "watch")
    assert admitted(Station(), "none", "commands")


def rights(mode: int) -> Callable[[Path], None]:
    return lambda path: path.chmod(mode)


def content(text: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_text(text)

    return write


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (rights(0o640), "chmod 600"),
        (rights(0o604), "chmod 600"),
        (rights(0o620), "chmod 600"),
        (lambda p: p.unlink(), "cannot be read|does not belong"),
        (content(""), "no key file"),
        (content("{}"), "no key file"),
        (content("[" * 5_000), "no key file"),
        (content("x" * 20_000), "no key file"),
        (content('{"v": 2, "public": "' + "a" * 40 + '", "secret": "' + "b" * 40 + '"}'), "no key file"),
        (content('{"v": 1, "public": "' + "a" * 40 + '", "secret": "' + "b " * 20 + '"}'), "no key file"),
        (lambda p: (p.unlink(), p.symlink_to("/etc/passwd")), "cannot be read"),
        (a_pipe, "not a file"),
        (lambda p: (p.unlink(), p.mkdir(0o700)), "not a file|cannot be read"),
    ],
    ids=range(13),
)
@pytest.mark.parametrize("file", ["server.json", "own/watch.json", "clients/own-watch.json"])
def test_what_is_wrong_with_a_file_is_said_with_the_remedy_and_without_a_secret(
    folder: Path, file: str, spoil: Callable[[Path], None], words: str
) -> None:
    secrets = secrets_of(folder)
    spoil(folder / file)
    with pytest.raises(KeysError, match=words) as caught:
        check(folder)
    assert file.removeprefix("clients/own-").removeprefix("own/") in str(caught.value)
    assert not any(secret in str(caught.value) for secret in [*secrets, "b " * 20])
    assert caught.value.__cause__ is None or isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("place", [".", "clients"])
def test_a_folder_that_others_may_read_is_refused(folder: Path, place: str) -> None:
    (folder / place).chmod(0o750)
    with pytest.raises(KeysError, match="chmod 700"):
        check(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_keys_of_another_user_are_refused(folder: Path) -> None:
    os.chown(folder / "server.json", 65_533, 65_533)
    code = (
        "import os, sys; from pathlib import Path; from edge.keyfile import private; info = os.stat(sys.argv[1]); os.setuid(65534);"
        "private(Path(sys.argv[1]), info)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder / "server.json")], capture_output=True, text=True)
    assert "belongs to another user" in done.stderr, done.stderr


def test_keys_that_do_not_belong_together_are_refused(folder: Path, tmp_path: Path) -> None:
    make(tmp_path / "other")
    (folder / "own" / "watch.json").write_bytes((tmp_path / "other" / "own" / "watch.json").read_bytes())
    with pytest.raises(KeysError, match="does not belong"):
        check(folder)


def test_a_file_named_after_another_client_is_refused(folder: Path) -> None:
    add(folder, "hmi", "watch")
    (folder / "clients" / "hmi.json").rename(folder / "clients" / "boss.json")
    with pytest.raises(KeysError, match="named as its client"):
        listed(folder)


def test_no_secret_in_a_representation_or_a_log(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    add(folder, "hmi", "watch")
    shown = f"{read_server(folder)!r} {read_server(folder)} {read_own(folder, 'watch')!r} {listed(folder)!r} {caplog.text}"
    assert not any(secret in shown for secret in secrets_of(folder))


def cli(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "edge.cli", "keys", *map(str, arguments)], capture_output=True, text=True, timeout=60)


def test_the_command_makes_adds_lists_and_revokes(tmp_path: Path) -> None:
    folder = tmp_path / "k"
    said = [
        cli("--folder", folder),
        cli("--folder", folder, "--add", "hmi", "--role", "watch"),
        cli("--folder", folder, "--list", "--json"),
    ]
    assert [d.returncode for d in said] == [0, 0, 0], said
    assert "own-command" in said[0].stdout
    assert str(folder / "give" / "hmi.json") in said[1].stderr
    rows = msgspec.json.decode(said[2].stdout)
    assert {(r["name"], r["role"], r["own"]) for r in rows} >= {("hmi", "watch", False), ("own-reject", "reject", True)}
    said.append(cli("--folder", folder, "--revoke", "hmi"))
    assert "hmi " not in said[-1].stdout
    for wrong, words in (
        (("--add", "x"), "--role"),
        (("--role", "watch"), "--add NAME"),
        (("--add", "x", "--role", "watch", "--list"), "each go alone"),
        (("--revoke", "nobody"), "not listed"),
    ):
        done = cli("--folder", folder, *wrong)
        assert (done.returncode, words in done.stderr) == (2, True), done
        said.append(done)
    shown = "".join(d.stdout + d.stderr for d in said)
    assert not any(secret in shown for secret in secrets_of(folder))


def test_beyond_this_machine_only_with_keys() -> None:
    bus = {"bus": {"orders": "tcp://0.0.0.0:5574"}}
    with pytest.raises(SettingsError, match=r"bus\.orders = 'tcp://0\.0\.0\.0:5574'.*gutteil keys.*keys\.folder"):
        check_settings(bus, Station, "f")
    assert check_settings(bus | {"keys": {"folder": "keys"}}, Station, "f").bus.orders == "tcp://0.0.0.0:5574"
    for wrong in ("tcp://999.1.1.1:5", "tcp://0.0.0.0:0", "tcp://example:5", "tcp://*:5", "udp://0.0.0.0:5"):
        with pytest.raises(SettingsError, match=r"bus\.orders = "):
            check_settings({"bus": {"orders": wrong}, "keys": {"folder": "keys"}}, Station, "f")


@pytest.mark.parametrize("key", ["control"])
def test_the_simulated_line_never_leaves_this_machine(key: str) -> None:
    with pytest.raises(SettingsError, match=rf"line\.{key} = "):
        check_settings({"line": {key: "tcp://0.0.0.0:5581"}, "keys": {"folder": "keys"}}, Station, "f")
