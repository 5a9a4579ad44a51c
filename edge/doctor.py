"""`gutteil doctor`: what this machine has, and what to do about what is wrong."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import onnxruntime as ort
import psutil

from edge.config import Station, load, reach
from edge.errors import GutteilError
from edge.keys import OWN, check, listed
from edge.model import PROVIDERS
from edge.recipe import file_sha256
from edge.recipe_active import load_active, read_active, recipe_files
from edge.switch import Switch
from hardware.errors import DeviceError
from hardware.wire import parse_address

Level = Literal["ok", "warning", "fault"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    level: Level
    text: str
    remedy: str = ""


def examine(config_file: Path | None) -> list[Finding]:
    """Look at everything; never raises for something that is wrong with the machine."""
    findings = [_python(), _cores(), _clock(), _cameras(), _shared_memory(), *_providers()]
    config = Station()
    if config_file is not None:
        try:
            config = load(config_file)
            findings.append(Finding("settings", "ok", f"{config_file} is valid"))
        except GutteilError as error:
            findings.append(Finding("settings", "fault", str(error), "mend the file; docs/settings.md lists every key"))
        else:
            findings += [*_recipes(config), _model(config)]
    findings += [_keys(config), _disk(config), *_ports(config)]
    return findings


def as_json(findings: list[Finding]) -> dict[str, Any]:
    """The findings as one document."""
    return {"ok": all(f.level != "fault" for f in findings), "findings": [asdict(f) for f in findings]}


def _python() -> Finding:
    return Finding(
        "system", "ok", f"{platform.system()} {platform.machine()}, Python {sys.version.split()[0]}, ONNX Runtime {ort.__version__}"
    )


def _cores() -> Finding:
    cores = len(os.sched_getaffinity(0))
    memory = psutil.virtual_memory()
    text = f"{cores} cores, {memory.total / 1e9:.1f} GB memory, {memory.available / 1e9:.1f} GB free"
    if cores < 2:
        return Finding("cpu", "warning", text, "with one core the recorder and the dashboard delay the station; use two or more")
    return Finding("cpu", "ok", text)


def _clock() -> Finding:
    if not Path("/run/systemd/timesync/synchronized").exists() and not shutil.which("chronyc"):
        return Finding("clock", "warning", f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} UTC; no sign of time synchronisation", "records need the right time: apt-get install chrony (judging does not depend on it)")  # fmt: skip
    return Finding("clock", "ok", f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} UTC, synchronised by a service")


def _cameras() -> Finding:
    devices = sorted(str(p) for p in Path("/dev").glob("video*"))
    if not devices:
        return Finding(
            "cameras",
            "warning",
            "no USB or V4L2 camera at this machine",
            "plug one in, or use an RTSP camera (docs/cameras.md); the simulator works without",
        )
    unreadable = [d for d in devices if not os.access(d, os.R_OK | os.W_OK)]
    if unreadable:
        return Finding(
            "cameras", "fault", f"no access to {', '.join(unreadable)}", "add the user to the group video: usermod -aG video USER"
        )
    return Finding("cameras", "ok", ", ".join(devices))


def _shared_memory() -> Finding:
    usage = shutil.disk_usage("/dev/shm") if Path("/dev/shm").is_dir() else None
    if usage is None:
        return Finding("shared memory", "fault", "there is no /dev/shm", "set record.ring_folder to a tmpfs")
    text = f"{usage.free / 1e6:.0f} MB free in /dev/shm"
    if usage.free < 400e6:
        return Finding("shared memory", "warning", text, "lower record.ring_mb, or make /dev/shm larger")
    return Finding("shared memory", "ok", text)


def _keys(config: Station) -> Finding:
    if not config.keys.folder:
        return Finding("keys", "ok", "no keys: the bus is bound to this machine (loopback and ipc only)")
    folder = Path(config.keys.folder)
    try:
        check(folder)
        clients = [c for c in listed(folder) if not c.name.startswith(OWN)]
        left = sorted(p.name for p in (folder / "give").glob("*.json"))
    except (GutteilError, OSError) as error:
        return Finding("keys", "fault", str(error), "nothing of the appliance starts until that is mended; docs/keys.md")
    text = f"{folder}: {len(clients)} clients listed; beyond this machine: {', '.join(reach(config)) or 'nothing'}"
    if left:
        return Finding("keys", "warning", f"{text}; secrets still here: {', '.join(left)}", f"carry them to their machines and delete them in {folder / 'give'}")  # fmt: skip
    return Finding("keys", "ok", text)


def _providers() -> list[Finding]:
    available = ort.get_available_providers()
    out = []
    for name, full in PROVIDERS.items():
        if full in available:
            out.append(Finding(f"provider {name}", "ok", "in this build of ONNX Runtime; `gutteil bench` and `run` say whether it starts"))
    if len(out) == 1:
        out.append(Finding("providers", "ok", "only the CPU; others: docs/install.md"))
    return out


def _model(config: Station) -> Finding:
    try:
        model = Switch(config).judge(load_active(config, config.recipe)).model
    except GutteilError as error:
        return Finding("model", "fault", str(error), "mend the recipe or copy the model again")
    signed = f"signed by {model.signer}" if model.signer else "signatures are not asked for (keys.signers is empty)"
    return Finding("model", "ok", f"{model.card.name}: {len(model.card.classes)} classes; {signed}; {model.report}")


def _recipes(config: Station) -> list[Finding]:
    """Which version of each recipe judges, and whether somebody edits a file that does not count."""
    out = []
    try:
        files = recipe_files(config)
    except GutteilError as error:
        return [Finding("recipes", "warning", str(error), "versions of them cannot be kept until then")]
    for name, file in files.items():
        try:
            active = read_active(Path(config.record.folder), name)
        except GutteilError as error:
            out.append(Finding(f"recipe {name}", "fault", str(error), "the station does not start with it"))
            continue
        text = f"version {active.number} ({active.sha256[:12]}) is active" if active else f"{file}; no version was ever activated"
        if active is not None and file_sha256(file) != active.sha256:
            out.append(Finding(f"recipe {name}", "ok", f"{text}; {file} is another one and does not count"))
        else:
            out.append(Finding(f"recipe {name}", "ok", text))
    return out


def _disk(config: Station) -> Finding:
    folder = Path(config.record.folder)
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    text = f"{usage.free / 1e9:.1f} GB free for the record in {folder}"
    if not os.access(folder, os.W_OK):
        return Finding("disk", "fault", f"{folder} cannot be written", "change its owner or set record.folder")
    if usage.free < 2e9:
        return Finding("disk", "fault", text, "make room or set record.folder to a larger disk")
    if usage.free < 20e9:
        return Finding("disk", "warning", text, "enough for days, not for months: plan a larger disk")
    return Finding("disk", "ok", text)


def _ports(config: Station) -> list[Finding]:
    out = []
    wanted = {f"bus.{key}": value for key, value in config.bus.model_dump().items() if isinstance(value, str)}
    wanted["line.control"] = config.line.control
    for key, endpoint in wanted.items():
        if endpoint.startswith("tcp://"):
            host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
            out.append(_port(key, host, int(port), socket.SOCK_STREAM))
    try:
        host, wire_port = parse_address(config.line.wire)
        out.append(_port("line.wire", host, wire_port, socket.SOCK_DGRAM))
    except DeviceError as error:
        out.append(Finding("port line.wire", "fault", str(error)))
    out.append(_port("dashboard.port", config.dashboard.host, config.dashboard.port, socket.SOCK_STREAM))
    return out


def _port(key: str, host: str, port: int, kind: socket.SocketKind) -> Finding:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OverflowError, TypeError, ValueError) as error:  # Python's words for names that cannot be addresses
            return Finding(f"port {key}", "fault", f"{host}:{port}: {error}", f"set {key} to an address of this machine")
        except OSError as error:
            return Finding(
                f"port {key}", "warning", f"{host}:{port}: {error.strerror}", f"fine if Gutteil runs already, else set {key} to another"
            )
    return Finding(f"port {key}", "ok", f"{host}:{port} is free")
