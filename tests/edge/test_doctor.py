"""The doctor names what is wrong and what to do, and never falls ill itself."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from edge.config import Dashboard, Keys, Record, Station
from edge.doctor import Finding, as_json, examine
from edge.keys import add, make
from edge.rig import own_ports, write_config


def of(findings: list[Finding], what: str) -> Finding:
    return next(f for f in findings if f.what == what)


def test_without_settings_it_looks_at_the_machine() -> None:
    findings = examine(None)
    assert {"system", "cpu", "clock", "cameras", "shared memory", "keys", "provider cpu", "disk", "port bus.station"} <= {
        f.what for f in findings
    }
    assert all(f.text for f in findings)
    assert all(f.remedy for f in findings if f.level == "fault")


def test_settings_recipe_and_model(tmp_path: Path) -> None:
    station = own_ports(Station(recipe="none.toml", record=Record(folder=str(tmp_path / "data"))))
    findings = examine(write_config(station, tmp_path))
    assert of(findings, "settings").level == "ok"
    assert of(findings, "model").level == "fault"
    assert "none.toml" in of(findings, "model").text
    assert not as_json(findings)["ok"]
    assert of(findings, "disk").text
    for key in ("bus.station", "bus.rejector", "bus.recorder", "line.control", "line.wire", "dashboard.port"):
        assert of(findings, f"port {key}").level == "ok", key


def test_wrong_settings_are_one_finding_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text("colour = 1\n")
    for path in (tmp_path / "s.toml", tmp_path / "none.toml"):
        found = of(examine(path), "settings")
        assert found.level == "fault"
        assert path.name in found.text


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    station = own_ports(Station())
    port = int(station.bus.station.rpartition(":")[2])
    wire = int(station.line.wire.rpartition(":")[2])
    with socket.socket() as taken, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken_too:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        taken_too.bind(("127.0.0.1", wire))
        findings = examine(write_config(station, tmp_path))
    for key, number in (("bus.station", port), ("line.wire", wire)):
        assert of(findings, f"port {key}").level == "warning"
        assert str(number) in of(findings, f"port {key}").text
        assert key in of(findings, f"port {key}").remedy


@pytest.mark.parametrize("host", ["127.0.0.1.5", "no such host", "a..b", "ä" * 80, "300.1.1.1"])
def test_an_impossible_address_does_no_harm(host: str, tmp_path: Path) -> None:
    findings = examine(write_config(own_ports(Station(dashboard=Dashboard(host=host))), tmp_path))
    assert of(findings, "port dashboard.port").level != "ok"


def test_an_impossible_wire_is_a_fault(tmp_path: Path) -> None:
    station = own_ports(Station())
    station = station.model_copy(update={"line": station.line.model_copy(update={"wire": "10.0.0.1:5"})})
    found = of(examine(write_config(station, tmp_path)), "port line.wire")
    assert found.level == "fault"
    assert "loopback" in found.text


def test_keys_that_are_missing_open_or_waiting_are_found(tmp_path: Path) -> None:
    station = own_ports(Station(keys=Keys(folder=str(tmp_path / "keys"))))
    station = station.model_copy(update={"bus": station.bus.model_copy(update={"station": "tcp://0.0.0.0:5571"})})
    path = write_config(station, tmp_path)
    found = of(examine(path), "keys")
    assert (found.level, "gutteil keys" in found.text, bool(found.remedy)) == ("fault", True, True)
    make(tmp_path / "keys")
    found = of(examine(path), "keys")
    assert (found.level, found.text) == ("ok", f"{tmp_path / 'keys'}: 0 clients listed; beyond this machine: bus.station")
    secret = add(tmp_path / "keys", "hmi", "watch")
    found = of(examine(path), "keys")
    assert (found.level, "hmi.json" in found.text, "give" in found.remedy) == ("warning", True, True)
    secret.unlink()
    (tmp_path / "keys" / "own" / "watch.json").chmod(0o644)
    found = of(examine(path), "keys")
    assert (found.level, "chmod 600" in found.text) == ("fault", True)
