"""The systemd units: understood by systemd without a word, hardened, on the same terms as `gutteil run`, with nothing our libraries die of."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge import processes
from edge.cli import app
from edge.errors import SettingsError
from edge.memory import GROWTH_MB
from edge.units import SHIPPED, check_place, install

ALWAYS = ("station", "rejector", "recorder", "dashboard")
NAMES = (*ALWAYS, "shadow")  # which is enabled where a shadow model is wanted
MAX_EXPOSURE = 20  # in tenths: 2.0
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd-analyze; to have it: sudo apt-get install systemd"
)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """An installation as far as systemd looks at it."""
    command = tmp_path / "opt" / "line-1" / ".venv" / "bin" / "gutteil"
    command.parent.mkdir(parents=True)
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    return tmp_path / "opt" / "line-1"


@pytest.fixture
def root(tmp_path: Path, program: Path) -> Path:
    """A machine's root folder with our units, and of the system's as much as ours name."""
    root = tmp_path / "machine"
    install(program, root)
    inside = root / str(program).lstrip("/") / ".venv/bin/gutteil"
    inside.parent.mkdir(parents=True)
    shutil.copy(program / ".venv/bin/gutteil", inside)
    for target in ("sysinit", "basic", "shutdown", "multi-user"):
        (root / f"etc/systemd/system/{target}.target").write_text(f"[Unit]\nDescription={target}\n")
    return root


def analyze(*args: str) -> tuple[int, str]:
    done = subprocess.run(["systemd-analyze", "--no-pager", *args], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def settings(name: str) -> dict[str, list[str]]:
    """Every setting of a unit's file; a key may stand there more than once."""
    found: dict[str, list[str]] = {}
    for line in (SHIPPED / f"gutteil-{name}@.service").read_text().splitlines():
        if match := re.match(r"([A-Za-z]+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


def seconds(text: str) -> float:
    number, unit = re.fullmatch(r"([0-9]+)(ms|s|min)", text).groups()  # type: ignore[union-attr]
    return int(number) * {"ms": 0.001, "s": 1.0, "min": 60.0}[unit]


@needs_systemd
def test_systemd_reads_them_without_a_word(root: Path) -> None:
    units = [f"gutteil-{name}@S1.service" for name in NAMES] + ["gutteil@S1.target"]
    assert analyze("verify", f"--root={root}", *units) == (0, "")


@needs_systemd
def test_systemd_would_say_so_if_it_did_not(root: Path) -> None:
    file = root / "etc/systemd/system/gutteil-station@.service"
    file.write_text(file.read_text().replace("WatchdogSec", "WatchDogSec"))
    assert "WatchDogSec" in analyze("verify", f"--root={root}", "gutteil-station@S1.service")[1]


@needs_systemd
@pytest.mark.parametrize("name", NAMES)
def test_they_are_hardened(name: str) -> None:
    code, said = analyze("security", "--offline=true", f"--threshold={MAX_EXPOSURE}", str(SHIPPED / f"gutteil-{name}@.service"))
    assert code == 0, said


@needs_systemd
def test_an_open_unit_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "open.service").write_text("[Service]\nExecStart=/bin/true\n")
    assert analyze("security", "--offline=true", f"--threshold={MAX_EXPOSURE}", str(tmp_path / "open.service"))[0] != 0


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="needs systemd-sysusers; to have it: sudo apt-get install systemd")
def test_the_user_and_the_groups_it_joins_can_be_made(root: Path) -> None:
    command = ["systemd-sysusers", "--dry-run", f"--root={root}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr
    assert "Would create user 'gutteil'" in said or "gutteil" in said
    declared = re.findall(r"^[gu] (\w+) ", (SHIPPED / "gutteil.sysusers.conf").read_text(), re.MULTILINE)
    assert {*settings("station")["SupplementaryGroups"][0].split(), "gutteil"} <= set(declared), (
        "a unit with an unknown group does not start"
    )


@pytest.mark.parametrize("name", NAMES)
def test_they_keep_the_processes_on_the_terms_of_run(name: str) -> None:
    unit = settings(name)
    assert unit["Type"] == ["notify"]
    assert seconds(unit["WatchdogSec"][0]) == processes.WATCHDOG_S[name]
    assert unit["Restart"] == ["always"]
    assert unit["ExecStart"] == [f"/opt/gutteil/.venv/bin/gutteil {name} --config /etc/gutteil/%i.toml"]
    assert seconds(unit["TimeoutStopSec"][0]) >= processes.STOP_S
    priority = {"station": processes.STATION_PRIORITY, "rejector": processes.REJECTOR_PRIORITY}.get(name)
    if priority is not None:
        assert unit["CPUSchedulingPolicy"] == ["rr"]
        assert unit["CPUSchedulingPriority"] == [str(priority)]
    else:
        assert unit["CPUSchedulingPolicy"] == ["batch"]
        assert unit["Nice"] == [str(processes.NICE)]


def test_a_slow_first_start_of_the_station_is_waited_for() -> None:
    assert seconds(settings("station")["TimeoutStartSec"][0]) == processes.START_S


@pytest.mark.parametrize("name", NAMES)
def test_libzmq_may_do_what_it_aborts_without(name: str) -> None:
    """Both were tried under a filter as strict as the unit's: each of them alone ends the process with SIGABRT."""
    unit = settings(name)
    assert "AF_NETLINK" in unit["RestrictAddressFamilies"][0]
    filters = unit["SystemCallFilter"]
    assert filters.index("sched_setscheduler") > filters.index("~@privileged @resources")
    if unit["CPUSchedulingPolicy"] == ["rr"]:
        assert unit["RestrictRealtime"] == ["no"]


def test_the_judging_ones_outlive_the_others_when_memory_is_short() -> None:
    scores = [int(settings(name)["OOMScoreAdjust"][0]) for name in ("rejector", "station", "recorder", "dashboard", "shadow")]
    assert scores == sorted(scores)
    assert scores[1] < 0 < scores[2]


@pytest.mark.parametrize(("name", "needs_mb"), [("rejector", 27), ("recorder", 42)])
def test_a_process_ends_in_words_before_its_unit_ends_it(name: str, needs_mb: int) -> None:
    """A fifth above what it allows itself, with the need that docs/systemd.md names."""
    unit = settings(name)
    assert f"| {name} | {needs_mb} (" in (SHIPPED.parent / "docs/systemd.md").read_text()
    for limit in (*unit.get("MemoryHigh", []), *unit["MemoryMax"]):
        size_mb = int(limit[:-1]) * (1024 if limit[-1] == "G" else 1) * 1.048576
        assert size_mb >= 1.2 * (needs_mb + GROWTH_MB[name])


def test_nobody_waits_for_the_dashboard_and_the_recorder_stops_last() -> None:
    assert not any("dashboard" in " ".join(settings(name).get("After", [])) for name in NAMES)
    for name in ("station", "rejector"):
        assert "gutteil-recorder@%i.service" in settings(name)["After"][0], "stopping goes the other way round"
    for name in NAMES:
        assert settings(name)["PartOf"] == ["gutteil@%i.target"]
        assert not {"Requires", "BindsTo", "Requisite"} & set(settings(name)), "none takes another with it"
    target = configparser.RawConfigParser()
    target.read(SHIPPED / "gutteil@.target")
    assert set(target["Unit"]["Wants"].split()) == {f"gutteil-{name}@%i.service" for name in ALWAYS}


def test_devices_are_for_the_station_alone() -> None:
    assert "char-video4linux rw" in settings("station")["DeviceAllow"]
    assert all(settings(name)["PrivateDevices"] == ["yes"] for name in NAMES if name != "station")


def test_installing_names_this_installation(program: Path, tmp_path: Path) -> None:
    files = install(program, tmp_path / "machine")
    assert len(files) == len(NAMES) + 3
    text = (tmp_path / "machine/etc/systemd/system/gutteil-station@.service").read_text()
    assert f"ExecStart={program}/.venv/bin/gutteil station" in text
    assert "/opt/gutteil" not in text
    assert (tmp_path / "machine/etc/sysusers.d/gutteil.conf").is_file()
    assert install(program, tmp_path / "machine") == files, "twice is as good as once"


def test_what_is_not_set_up_or_not_seen_by_units_is_refused(tmp_path: Path, program: Path) -> None:
    with pytest.raises(SettingsError, match="setup"):
        install(tmp_path, tmp_path / "machine")
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="cannot be written"):
        install(program, tmp_path / "file")
    check_place(Path("/opt/gutteil-0.2"))
    check_place(Path("/home-grown/gutteil"))
    for wrong in (Path("/home", "anna", "gutteil"), Path("/root", ".pyenv"), Path("/opt/my gutteil"), Path("/opt/100%")):
        with pytest.raises(SettingsError, match="/opt/gutteil"):
            check_place(wrong)


def test_the_command_says_what_it_cannot_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("edge.units.ROOT", Path("/srv/gutteil"))
    monkeypatch.setattr("sys.base_prefix", "/usr")
    done = CliRunner().invoke(app, ["units", "--root", str(tmp_path)])
    assert isinstance(done.exception, SettingsError)
    assert "/srv/gutteil/gutteil setup" in str(done.exception)
