"""The station's settings: defaults, bounds, paths."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from edge.config import Station, load
from edge.errors import SettingsError
from edge.settings import check, describe, field_at


def nested(key: str, value: Any) -> dict[str, Any]:
    """`a.b` and 1 as {"a": {"b": 1}}."""
    for step in reversed(key.split(".")):
        value = {step: value}
    return dict(value)


def numeric_bounds() -> list[tuple[str, str, float]]:
    found = []
    for key, *_ in describe(Station):
        field = field_at(Station, tuple(key.split(".")))
        assert field is not None
        for meta in field.metadata:
            found += [(key, side, getattr(meta, side)) for side in ("ge", "gt", "le", "lt") if getattr(meta, side, None) is not None]
    return found


def test_an_empty_file_is_a_valid_station(tmp_path: Path) -> None:
    file = tmp_path / "station.toml"
    file.write_text("", "utf-8")
    assert load(file).name == Station().name


def test_every_default_is_valid_when_written_down() -> None:
    written = Station().model_dump()
    assert check(written, Station, "defaults") == Station()


@pytest.mark.parametrize("key", [row[0] for row in describe(Station)])
def test_every_setting_says_what_it_is(key: str) -> None:
    field = field_at(Station, tuple(key.split(".")))
    assert field is not None
    assert field.description, key
    assert not field.is_required(), f"{key} has no default"


@pytest.mark.parametrize("key", [row[0] for row in describe(Station)])
def test_every_setting_refuses_what_it_is_not(key: str) -> None:
    with pytest.raises(SettingsError, match=key.replace(".", r"\.")):
        check(nested(key, [object()]), Station, "f")


@pytest.mark.parametrize(("key", "side", "bound"), numeric_bounds(), ids=str)
def test_every_bound_holds(key: str, side: str, bound: float) -> None:
    beyond = {"ge": bound - 1, "gt": bound, "le": bound + 1, "lt": bound}[side]
    with pytest.raises(SettingsError, match=key.replace(".", r"\.")):
        check(nested(key, beyond), Station, "f")
    if side in ("ge", "le"):
        assert check(nested(key, bound), Station, "f")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_no_number_may_be_endless(value: float) -> None:
    with pytest.raises(SettingsError, match=r"camera\.stall_s"):
        check(nested("camera.stall_s", value), Station, "f")


@pytest.mark.parametrize("endpoint", ["tcp://0.0.0.0:5571", "tcp://192.0.2.1:5571", "tcp://*:5571", "5571", "tcp://127.0.0.1:port"])
def test_the_bus_stays_on_this_machine(endpoint: str) -> None:
    with pytest.raises(SettingsError, match=r"bus\.station = "):
        check({"bus": {"station": endpoint}}, Station, "f")


@pytest.mark.parametrize("name", ["", "a b", "../x", "x" * 33, "Ä", "a\n"])
def test_names_are_fit_for_files_and_topics(name: str) -> None:
    with pytest.raises(SettingsError, match="name = "):
        check({"name": name}, Station, "f")


def test_paths_are_taken_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "station.toml"
    file.write_text('recipe = "r/board.toml"\n[record]\nfolder = "../kept"\n', "utf-8")
    station = load(file)
    assert station.recipe == str(tmp_path / "r" / "board.toml")
    assert station.record.folder == str(tmp_path.parent / "kept")


def test_a_loaded_station_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Station().name = "S2"  # type: ignore[misc]


@pytest.mark.parametrize("backend", ["modbus-server", "modbus-client"])
def test_a_camera_without_a_trigger_input_and_a_plc_over_modbus_are_no_pair(tmp_path: Path, backend: str) -> None:
    """Nothing would tie the pictures to the parts that the PLC counts."""
    file = tmp_path / "station.toml"
    file.write_text(f'[plc]\nbackend = "{backend}"\n[camera]\nbackend = "opencv"\n')
    with pytest.raises(SettingsError, match=rf"camera.backend = 'opencv' with plc.backend = '{backend}'.*part sensor"):
        load(file)
    for camera, plc in (("simulator", backend), ("opencv", "simulator")):
        file.write_text(f'[plc]\nbackend = "{plc}"\n[camera]\nbackend = "{camera}"\n')
        assert load(file).camera.backend == camera
