"""docs/modbus.md names every setting with its default and help; the signal pages are what the table says (tests/test_docs.py)."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from hardware.plcs.modbus import ModbusSettings
from hardware.plcs.modbus_client import ModbusClientSettings
from hardware.plcs.modbus_server import ModbusServerSettings
from hardware.signals import SIGNALS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(("backend", "kind"), [("modbus-server", ModbusServerSettings), ("modbus-client", ModbusClientSettings)])
def test_every_setting_is_documented_with_its_default_and_help(backend: str, kind: type[ModbusSettings]) -> None:
    section = re.search(rf"^## {backend}$(.*?)(?=^## )", (DOCS / "modbus.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert section
    rows = [line for line in section[1].splitlines() if line.startswith("| `")]
    defaults = kind().model_dump()
    assert rows == [f"| `{name}` | `{json.dumps(defaults[name])}` | {field.description} |" for name, field in kind.model_fields.items()]


def test_the_signal_files_have_every_row() -> None:
    with (DOCS / "plc-signals.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert [(r["name"], r["direction"], int(r["register"]), r["meaning"], r["deutsch"]) for r in rows] == [
        (s.name, s.direction, s.register, s.meaning, s.german) for s in SIGNALS
    ]
    part = next(r for r in rows if r["name"] == "result_part")
    assert (part["modbus-server"], part["modbus-client"], part["type"]) == ("30018", "40018", "u32")
    outcome = next(r for r in rows if r["name"] == "outcome_part")
    assert (outcome["modbus-server"], outcome["modbus-client"]) == ("40026", "40126")
    page = (DOCS / "plc-signals.md").read_text("utf-8")
    assert all(f"| `{s.name}` | {s.meaning} | {s.german} |" in page for s in SIGNALS)
