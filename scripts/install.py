"""The launcher's second half: fill .venv with what is asked for and make sure that it is whole.

Run by the launcher as `.venv/bin/python -I scripts/install.py [assistant] [training] [ray] [tests]`, so only the standard library is here.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEEDED_GB = {"": 2.0, "assistant": 0.3, "training": 9.0, "ray": 0.4, "tests": 0.9}  # disk, with what pip needs for the moment
RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml", "onnxruntime-rocm", "onnxruntime-migraphx")
SHARED = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless", *RUNTIMES)
_FETCH = re.compile(r"\s*Downloading (?:\S*/)?([A-Za-z0-9_.]+)-\d\S*\.(?:whl|tar\.gz) \(([\d.]+) (MB|GB)\)")
_NETWORK = ("NewConnectionError", "Name or service not known", "Temporary failure in name resolution", "ConnectTimeout", "ReadTimeout", "Network is unreachable", "ConnectionError", "Max retries exceeded", "ProxyError", "SSLError", "CERTIFICATE_VERIFY_FAILED")  # fmt: skip


def say(text: str) -> None:
    """One line for the person at the terminal."""
    print(f"gutteil: {text}", file=sys.stderr, flush=True)


def pip(arguments: Iterable[str]) -> int:
    """Run pip in the checkout, show what takes long in plain words, and on failure say why and what to do; its exit status."""
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off", *arguments]
    lines: list[str] = []
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            fetch = _FETCH.match(line)
            if fetch and (fetch[3] == "GB" or float(fetch[2]) >= 5):
                say(f"  fetching {fetch[1].replace('_', '-')} ({fetch[2]} {fetch[3]})")
            elif line.startswith("Installing collected packages:"):
                say(f"  unpacking {line.count(',') + 1} packages")
    if process.returncode:
        _explain(lines)
    return process.returncode


def _explain(lines: list[str]) -> None:
    text = "".join(lines)
    for line in lines[-12:]:
        print(f"  | {line.rstrip()}", file=sys.stderr)
    if "No space left on device" in text or "Disk quota exceeded" in text:
        free = shutil.disk_usage(ROOT).free / 1e9
        say(f"the disk is full ({free:.1f} GB free at {ROOT}, and /tmp and pip's cache count too). Make room and start again.")
    elif any(sign in text for sign in _NETWORK):
        say("the packages could not be fetched: no network, or a proxy or mirror that pip does not know")
        say("('pip config list' shows what it knows). Start again when it is there.")
    elif "No matching distribution found" in text or "ResolutionImpossible" in text:
        say("a package is not to be had in a release that fits: either pip's source cannot be reached ('pip config list' shows it),")
        say(f"or it has none for Python {platform.python_version()} on {platform.machine()}.")
    else:
        say("the packages could not be installed; the lines above are pip's own. Put right what they say, or see docs/install.md.")


def site_packages() -> list[Distribution]:
    """What is installed in this environment."""
    return list(distributions(path=[sysconfig.get_paths()["purelib"]]))


def name_of(dist: Distribution) -> str:
    """A package's name in its one normal spelling; '' for the remains of an interrupted installation."""
    return re.sub(r"[-_.]+", "-", str(dist.metadata["Name"] or "")).lower() if dist.metadata else ""


def whole(dist: Distribution) -> bool:
    """Whether every file of a package is there in its full size, as its own list says."""
    for file in dist.files or []:
        path = Path(str(dist.locate_file(file)))
        if path.suffix == ".pyc":
            continue
        try:
            size = path.stat().st_size
        except OSError:
            return False
        if file.size is not None and size != file.size:
            return False
    return dist.files is not None


def on_top(installed: dict[str, Distribution]) -> list[str]:
    """The packages that must own the files which they share with another one, where they do not do so now.

    ultralytics brings opencv-python, which wants a screen's libraries, into the same folder as the headless one. And
    a build of ONNX Runtime that the user has added goes before the one that the project asks for.
    """
    default = "onnxruntime-gpu" if sys.platform == "linux" and platform.machine() == "x86_64" else "onnxruntime"
    added = [name for name in RUNTIMES if name in installed and name != default]
    wanted = ["opencv-python-headless", *(added[:1] or [default])]
    return [f"{name}=={installed[name].version}" for name in wanted if name in installed and not whole(installed[name])]


def repair() -> int:
    """Put back what an interrupted installation left incomplete, and what another package has written over."""
    installed = {name_of(dist): dist for dist in site_packages()}
    broken = [f"{name}=={dist.version}" for name, dist in installed.items() if name not in (*SHARED, "", "gutteil") and not whole(dist)]
    if broken:
        say(f"  repairing {len(broken)} packages of an interrupted set-up")
    again = [*broken, *on_top(installed)]
    return pip(["--force-reinstall", "--no-deps", "--ignore-installed", *again]) if again else 0


def main(extras: list[str]) -> int:
    """Install the project and the extras named."""
    free = shutil.disk_usage(ROOT).free / 1e9
    present = {name_of(dist) for dist in site_packages()}
    have = {
        "": "nicegui" in present,
        "assistant": "sqlcipher3" in present,
        "training": "ultralytics" in present,
        "ray": "ray" in present,
        "tests": "mypy" in present,
    }
    need = sum(NEEDED_GB[extra] for extra in ["", *extras] if not have[extra])
    if free < need:
        say(f"needs about {need:.1f} GB of disk at {ROOT}, and {free:.1f} GB are free. Make room and start again.")
        return 1
    what = " and ".join(["the appliance", *extras])
    say(f"installing the packages for {what}; some minutes the first time" if need else f"updating the packages for {what}")
    status = pip(["-c", "constraints.txt", "-e", f".[{','.join(extras)}]" if extras else "."])
    return status or repair()


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
