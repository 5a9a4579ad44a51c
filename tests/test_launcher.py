"""The launcher in a folder of its own: real shell, real virtual environments; only the packages are a stand-in of one file.

Copying pip into an environment takes most of the time that making one takes, so a `python3` put first in PATH links to it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.metadata import Distribution
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
# instead of installing packages: notes what was asked for and makes a program that says how it was called
INSTALL = """
import os, pathlib, sys, time
root = pathlib.Path(__file__).resolve().parents[1]
with (root / "asked").open("a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
if (root / "slow").exists():
    print("installing", flush=True)
    time.sleep(60)
if (root / "broken").exists():
    raise SystemExit(1)
program = pathlib.Path(sys.prefix) / "bin" / "gutteil"
program.write_text("#!/bin/sh\\necho ran in $PWD with $*\\n")
program.chmod(0o755)
"""


PYTHON = """#!/bin/sh
[ "$1 $2" = "-m venv" ] || exec "{python}" "$@"
"{python}" -m venv --without-pip "$3" && for site in "$3"/lib/python3*/site-packages; do ln -s "{pip}" "$site/pip"; done
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a space in its name."""
    folder = tmp_path / "check out"
    (folder / "scripts").mkdir(parents=True)
    shutil.copy2(ROOT / "gutteil", folder)
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    (folder / "scripts" / "install.py").write_text(INSTALL, "utf-8")
    pip = importlib.util.find_spec("pip")
    assert pip is not None
    assert pip.origin is not None
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.write_text(PYTHON.format(python=sys.executable, pip=Path(pip.origin).parent), "utf-8")
    python.chmod(0o755)
    monkeypatch.setenv("PATH", f"{python.parent}:{os.environ['PATH']}")
    return folder


def call(launcher: Path, *args: str, cwd: Path | None = None, path: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [launcher, *args],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env=os.environ | ({"PATH": path} if path else {}),
    )


def asked(root: Path) -> list[str]:
    file = root / "asked"
    return file.read_text("utf-8").splitlines() if file.exists() else []


def test_set_up_once_and_for_what_the_command_needs(root: Path, tmp_path: Path) -> None:
    first = call(root / "gutteil", "inspect", "a b.png", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stdout == f"ran in {tmp_path} with inspect a b.png\n"
    assert "making a Python environment" in first.stderr
    assert asked(root) == [""]

    start = time.monotonic()
    again = call(root / "gutteil", "doctor", "--json")
    assert (again.stderr, asked(root)) == ("", [""])
    assert time.monotonic() - start < 5

    link = tmp_path / "anywhere"
    link.symlink_to(root / "gutteil")
    assert call(link, "doctor").stdout.endswith("with doctor\n")

    ready = call(root / "gutteil", "setup", "tests")
    assert "ready, with the packages for: tests" in ready.stderr
    assert "ran in" not in ready.stdout
    assert call(root / "gutteil", "setup", "training").returncode == 0
    assert asked(root) == ["", "tests", "tests training"]  # what was there before is kept

    with (root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert call(root / "gutteil", "doctor").returncode == 0
    assert asked(root)[3:] == ["tests training"]


def test_what_was_left_unfinished_is_taken_up_again(root: Path) -> None:
    (root / "broken").touch()
    failed = call(root / "gutteil", "setup", "tests")
    assert failed.returncode == 1
    (root / "broken").unlink()
    assert call(root / "gutteil", "doctor").stdout.endswith("with doctor\n")
    assert asked(root) == ["tests", "tests"]

    (root / ".venv" / "gutteil-unfinished").touch()  # killed while the environment was made
    (root / ".venv" / "gutteil-stamp").unlink()
    remade = call(root / "gutteil", "doctor")
    assert "unfinished or broken; making a new one" in remade.stderr
    assert remade.stdout.endswith("with doctor\n")

    moved = root.with_name("moved")
    root.rename(moved)
    assert call(moved / "gutteil", "doctor").stdout.endswith("with doctor\n")
    assert asked(moved) == ["tests", "tests", "", ""]  # the paths inside are put right


def test_a_set_up_that_is_broken_off(root: Path) -> None:
    (root / "slow").touch()
    with subprocess.Popen(
        [root / "gutteil", "doctor"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "installing\n"
        os.killpg(process.pid, signal.SIGTERM)  # not SIGINT: a background job is started with that one ignored
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "the same command takes it up again" in said
    (root / "slow").unlink()
    assert call(root / "gutteil", "doctor").stdout.endswith("with doctor\n")


def test_training_is_offered_and_its_help_is_not_held_back(root: Path) -> None:
    refused = call(root / "gutteil", "train", "--data", "x.json")
    assert refused.returncode == 1
    assert f"{root}/gutteil setup training" in refused.stderr
    assert "AGPL" in refused.stderr
    assert call(root / "gutteil", "train", "--help").stdout.endswith("with train --help\n")


def test_without_python_it_says_what_to_install(root: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("sh", "dirname", "readlink", "cat", "cksum", "id", "env", "flock"):
        found = shutil.which(tool)
        assert found, tool
        (tools / tool).symlink_to(found)
    done = call(root / "gutteil", "doctor", path=str(tools))
    assert done.returncode == 1
    assert "needs Python 3.11 to 3.14" in done.stderr
    assert "sudo apt-get install python3 python3-venv" in done.stderr
    (tools / "python3").write_text("#!/bin/sh\ncase $2 in *ensurepip*) exit 1 ;; *%d*) echo 3.12 ;; esac\n", "utf-8")
    (tools / "python3").chmod(0o755)
    done = call(root / "gutteil", "doctor", path=str(tools))
    assert "sudo apt-get install python3.12-venv" in done.stderr
    assert not (root / ".venv").exists()


def test_unknown_extras_are_refused(root: Path) -> None:
    done = call(root / "gutteil", "setup", "everything")
    assert done.returncode == 1
    assert "setup everything: unknown" in done.stderr


# --- the launcher's second half


@pytest.fixture(scope="module")
def install() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gutteil_install", ROOT / "scripts" / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def package(site: Path, name: str, files: dict[str, str]) -> Distribution:
    """A package as pip leaves it, files and list."""
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", "utf-8")
    for path, text in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text, "utf-8")
    (info / "RECORD").write_text(
        "".join(f"{path},sha256=x,{len(text)}\n" for path, text in files.items()) + f"{info.name}/RECORD,,\n", "utf-8"
    )
    return Distribution.at(info)


def test_a_package_cut_short_is_noticed(install: ModuleType, tmp_path: Path) -> None:
    dist = package(tmp_path, "thing", {"thing/a.py": "print(1)", "thing/b.py": ""})
    assert install.whole(dist)
    (tmp_path / "thing" / "a.py").write_text("", "utf-8")
    assert not install.whole(dist)
    (tmp_path / "thing" / "a.py").unlink()
    assert not install.whole(dist)
    (tmp_path / "thing-2").mkdir()
    assert not install.whole(Distribution.at(tmp_path / "thing-2"))


def test_the_headless_opencv_and_a_runtime_the_user_has_added_go_on_top(install: ModuleType, tmp_path: Path) -> None:
    shipped = "onnxruntime-gpu" if (sys.platform, os.uname().machine) == ("linux", "x86_64") else "onnxruntime"
    own = {name: package(tmp_path, name, {"onnxruntime/it.so": name}) for name in (shipped, "onnxruntime-openvino")}
    own["opencv-python-headless"] = package(tmp_path, "opencv-python-headless", {"cv2/it.so": "headless"})
    assert install.on_top(own) == []
    own["opencv-python"] = package(tmp_path, "opencv-python", {"cv2/it.so": "with a screen"})
    assert install.on_top(own) == ["opencv-python-headless==1.0"]
    (tmp_path / "onnxruntime" / "it.so").write_text(shipped, "utf-8")  # an update of the shipped build has written over it
    assert install.on_top(own) == ["opencv-python-headless==1.0", "onnxruntime-openvino==1.0"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("NewConnectionError: Temporary failure in name resolution", "no network"),
        ("ERROR: No matching distribution found for numpy==2.4.6", "cannot be reached"),
        ("ERROR: something else", "pip's own"),
    ],
)
def test_failures_are_said_in_plain_words(install: ModuleType, capsys: pytest.CaptureFixture[str], line: str, words: str) -> None:
    install._explain([line])
    said = capsys.readouterr().err
    assert words in said
    assert line in said
